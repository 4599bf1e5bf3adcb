// What the log knows of a whole column: bounds for the optimizer, exact counts for COUNT(*), MIN,
// MAX.
//
// Only integers and dates have bounds (writers shorten text and timestamps, and some round
// decimals), and only when every file of the table has them.
#pragma once

#include "duck/scan_files.h"
#include "duckdb.hpp"
#include "duckdb/function/partition_stats.hpp"
#include "duckdb/function/table_function.hpp"
#include "duckdb/storage/statistics/base_statistics.hpp"

namespace tarn::duck {

// Null when nothing is known. REQUIRES: no overlay.
duckdb::unique_ptr<duckdb::BaseStatistics> ColumnStatistics(const DeltaScanInfo& info,
                                                            duckdb::column_t column);

// TableFunction::get_partition_stats: the table as one partition with an exact row count, when
// every file says how many rows it has and no transaction is under way on it.
duckdb::vector<duckdb::PartitionStatistics> PartitionStats(duckdb::ClientContext& context,
                                                           duckdb::GetPartitionStatsInput& input);

}  // namespace tarn::duck
