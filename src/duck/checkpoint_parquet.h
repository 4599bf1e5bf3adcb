// delta::CheckpointFormat over DuckDB's Parquet reader and writer.
//
// Threads: safe; each call opens a connection of its own. Lifetime: must not outlive the instance.
#pragma once

#include <memory>

#include "delta/checkpoint_format.h"
#include "duckdb.hpp"

namespace tarn::duck {

std::shared_ptr<delta::CheckpointFormat> MakeParquetCheckpointFormat(duckdb::DatabaseInstance& db);

}  // namespace tarn::duck
