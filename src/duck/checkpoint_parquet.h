// delta::CheckpointFormat over DuckDB's Parquet reader and writer.
//
// Threads: safe; each call opens a connection of its own. Lifetime: must not outlive the instance.
#pragma once

#include <memory>

#include "delta/checkpoint_format.h"
#include "duckdb.hpp"
#include "store/store_opener.h"

namespace tarn::duck {

std::shared_ptr<delta::CheckpointFormat> MakeParquetCheckpointFormat(
    duckdb::DatabaseInstance& db, std::shared_ptr<store::StoreOpener> opener = nullptr);

}  // namespace tarn::duck
