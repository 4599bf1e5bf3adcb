// The writing half of the Parquet checkpoint format: actions in, one V1 checkpoint file out
// (PROTOCOL.md, "Checkpoint Schema").
//
// Rows are built by column, 2,048 at a time, and handed to DuckDB's Parquet writer as they come:
// memory does not grow with the number of files. Threads: one call per thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "delta/actions.h"
#include "duckdb.hpp"
#include "store/object_store.h"

namespace tarn::duck {

// Errors: what `next` returns; kIo, kResource from the store; kInternal for actions a V1 checkpoint
// cannot hold. Nothing is visible under `key` unless OK is returned.
Result<uint64_t> WriteCheckpointFile(
    duckdb::DatabaseInstance& db, store::ObjectStore& store, const std::string& key,
    const std::function<Result<std::optional<delta::Action>>()>& next);

// An exception of DuckDB as a Status that names the file. `damaged` is what a parse error means.
Status CheckpointError(const std::exception& error, const std::string& key, StatusCode damaged);

}  // namespace tarn::duck
