// Which files lie in the partitions that a condition names (OPTIMIZE … WHERE, REORG … WHERE).
//
// The condition is evaluated once per distinct partition, exactly. Threads: call from one. Errors:
// duckdb exceptions; a column that is no partition column is refused.
#pragma once

#include <string>
#include <vector>

#include "delta/snapshot.h"
#include "duck/write_target.h"
#include "duckdb.hpp"

namespace tarn::duck {

// All files when `predicate_sql` is empty. In log order.
std::vector<delta::FileIndex> SelectPartitions(duckdb::ClientContext& context,
                                               const delta::Snapshot& snapshot,
                                               const WriteTarget& target,
                                               const std::string& predicate_sql);

}  // namespace tarn::duck
