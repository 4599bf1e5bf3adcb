// Reading given data files again while a statement is being finished: for copy-on-write and for the
// old rows of change data. Rows come as chunks of all table columns (WriteTarget order), then
// file_index (position in `files`) and file_row_number; under row tracking also row_id and
// row_commit_version. Rows of each file's deletion vector are left out.
//
// Threads: call from the thread that finishes the statement; `visit` runs on several threads at
// once, each with its own `worker` number in [0, workers).
#pragma once

#include <functional>
#include <vector>

#include "delta/actions.h"
#include "delta/schema.h"
#include "delta/table.h"
#include "duck/delta_table_entry.h"
#include "duckdb.hpp"
#include "duckdb/execution/execution_context.hpp"

namespace tarn::duck {

struct RescanVisitor {
  // Called once per worker before its first chunk and after its last.
  std::function<void(duckdb::ExecutionContext& context, size_t worker)> begin;
  std::function<void(duckdb::ExecutionContext& context, size_t worker, duckdb::DataChunk& rows)>
      rows;
  std::function<void(duckdb::ExecutionContext& context, size_t worker)> end;
};

// The table whose files are read.
struct RescanSource {
  std::string name;  // for messages
  std::shared_ptr<delta::Table> table;
  delta::Schema schema;
  delta::Metadata metadata;
};

size_t RescanWorkers(duckdb::ClientContext& context, size_t files);

void RescanFiles(duckdb::ClientContext& context, const DeltaTableEntry& entry,
                 std::vector<delta::AddFile> files, const RescanVisitor& visitor);

// The same without a catalog entry. `columns` are positions in the schema; rows hold these, then
// file_index and so on as above. At most `workers` threads read, the caller's alone when it is 1,
// and then file after file, in order.
void RescanFiles(duckdb::ClientContext& context, const RescanSource& source,
                 std::vector<delta::AddFile> files, const std::vector<duckdb::idx_t>& columns,
                 size_t workers, const RescanVisitor& visitor);

}  // namespace tarn::duck
