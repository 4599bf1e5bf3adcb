// The columns that OPTIMIZE arranges rows by: those of ZORDER BY, or those the table is clustered
// by (metadata domain "delta.clustering").
//
// Threads: free functions. Errors: duckdb exceptions naming the column.
#pragma once

#include <string>
#include <vector>

#include "delta/snapshot.h"
#include "duck/write_target.h"

namespace tarn::duck {

// Logical names, dotted for fields of structs; empty when the table is not clustered.
std::vector<std::string> ClusteringColumns(const delta::Snapshot& snapshot);

// Position in the schema of a column to arrange by; a partition column, a field of a struct or a
// type without an order is refused.
duckdb::idx_t OrderColumn(const WriteTarget& target, const std::string& name, bool clustering);

}  // namespace tarn::duck
