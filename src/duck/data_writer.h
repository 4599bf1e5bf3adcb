// DataWriter: the rows of one statement into Parquet files of one table, partitioned, rotated at
// the target size, durable when Finish returns.
//
// Rows come as chunks of all table columns (WriteTarget::types); change data has one more column at
// the end, `_change_type`. One Local per thread and caller. The current file is shared by all
// threads (row groups are prepared in parallel); partitioned rows are buffered per thread and spill
// with DuckDB's buffer manager. Files are named part-00000-<uuid>-c000.<codec>.parquet, change data
// cdc-… below _change_data; a file's name appears only when it is whole, and every file is noted in
// the LakeTransaction before that, so that ROLLBACK deletes it.
//
// Threads: Sink and Combine are safe from many threads with a Local each; Finish once, at the end.
// Errors: duckdb exceptions; nothing is referenced by the log until the caller commits what Finish
// returned.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "delta/actions.h"
#include "duck/lake_transaction.h"
#include "duck/write_target.h"
#include "duckdb.hpp"
#include "duckdb/execution/execution_context.hpp"

namespace tarn::duck {

// kMovedData: rows of the table followed by their row id and commit version (BIGINT, NULL for what
// the commit is to give them), which go to the hidden columns of row tracking.
enum class FileKind { kData, kMovedData, kChangeData };

using NoteFile = std::function<void(const std::string& key)>;

struct WrittenFile {
  std::string path;  // as the log wants it: relative, URI-encoded
  delta::PartitionValues partition_values;
  int64_t size_bytes = 0;
  int64_t rows = 0;
  std::string stats;  // not of change data
};

class DataWriter {
 public:
  class Local;
  struct LocalDeleter {
    void operator()(Local* local) const;
  };
  using LocalPtr = std::unique_ptr<Local, LocalDeleter>;

  DataWriter(duckdb::ClientContext& context, LakeTransaction& transaction,
             std::shared_ptr<const WriteTarget> target, FileKind kind);
  // For statements that commit by themselves: `note_file` hears each file's key before the file is
  // there. With `partition` every row belongs to that partition, whatever its columns say, and rows
  // are written in the order in which they come.
  DataWriter(duckdb::ClientContext& context, NoteFile note_file,
             std::shared_ptr<const WriteTarget> target, FileKind kind,
             std::optional<delta::PartitionValues> partition);
  ~DataWriter();

  LocalPtr MakeLocal() const;
  void Sink(duckdb::ExecutionContext& context, Local& local, duckdb::DataChunk& rows);
  // Hands over what the thread still buffers; the Local is spent.
  void Combine(duckdb::ExecutionContext& context, Local& local);
  std::vector<WrittenFile> Finish(duckdb::ClientContext& context);

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace tarn::duck
