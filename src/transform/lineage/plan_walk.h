// From a bound plan to column lineage.
//
// Threads: pure function. Errors: kUnsupported for a plan deeper than the stack allows.
#pragma once

#include "base/status.h"
#include "duckdb/planner/bound_statement.hpp"
#include "govern/column_lineage.h"

namespace tarn::transform {

Result<govern::QueryLineage> WalkPlan(duckdb::BoundStatement& bound);

}  // namespace tarn::transform
