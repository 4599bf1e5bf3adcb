// The rows of a checkpoint that are neither add nor remove: protocol, metaData, txn,
// domainMetadata, sidecar, checkpointMetadata.
//
// Threads: one connection per thread. Errors: exceptions of DuckDB, and the sink's.
#pragma once

#include <string>

#include "delta/checkpoint_format.h"
#include "duck/checkpoint_query.h"

namespace tarn::duck {

// `source` is the table function call that reads the file.
Status ReadOthers(duckdb::Connection& connection, const std::string& source, const Layout& layout,
                  const delta::CheckpointReadOptions& options, delta::CheckpointSink* sink);

}  // namespace tarn::duck
