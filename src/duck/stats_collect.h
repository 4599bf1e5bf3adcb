// What DuckDB's Parquet writer learned of a file -> the statistics of its `add` action
// (PROTOCOL.md, "Per-file Statistics").
//
// Which columns: the first delta.dataSkippingNumIndexedCols leaves, or
// delta.dataSkippingStatsColumns. Bounds always hold but may be wider than the data: texts are cut
// at 32 characters, timestamps are in milliseconds. Columns with NaN have no bounds. Threads: free
// functions.
#pragma once

#include <string>

#include "duck/write_target.h"
#include "duckdb/function/copy_function.hpp"

namespace tarn::duck {

std::string StatsJson(const WriteTarget& target, const duckdb::CopyFunctionFileStatistics& written);

}  // namespace tarn::duck
