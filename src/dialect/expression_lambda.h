// Spark's higher-order functions on DuckDB's lambdas. Threads: no state.
#pragma once

#include "dialect/expression_build.h"

namespace tarn::dialect {

// transform, filter, exists, aggregate and their like with a lambda argument, as an expression of
// list_transform, list_filter and list_reduce that still has to be rewritten; nothing for other
// calls.
Node ExpandLambdaCall(duckdb::FunctionExpression& call);

}  // namespace tarn::dialect
