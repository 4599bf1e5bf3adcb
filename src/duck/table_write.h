// TableWrite: everything one statement does to one table, staged in the LakeTransaction when it is
// whole. INSERT, DELETE, UPDATE, MERGE and the overwrites are thin operators over it.
//
// Rows come in with Append (computed columns are filled in, constraints checked, rows written to
// data files) and go out with Delete (positions are collected). Finish turns the positions into
// removed files, deletion vectors or rewritten files, writes change data where the table asks for
// it, and stages the actions. Nothing is staged before that; files of a statement that fails are
// deleted by ROLLBACK.
//
// Threads: Append, Delete and Combine from many threads, each with a Local; Finish once.
// Errors: duckdb exceptions.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "delta/deletion_vector.h"
#include "duck/computed_columns.h"
#include "duck/constraints.h"
#include "duck/data_writer.h"
#include "duck/delta_table_entry.h"
#include "duck/write_target.h"

namespace tarn::duck {

// What a row that is written, or taken out, means to readers of the change data feed.
enum class RowChange { kInsert, kUpdate, kDelete };

struct WriteOptions {
  std::string replaced;  // REPLACE WHERE condition that new rows must satisfy, or ""
  bool may_touch_rows_twice =
      true;                  // false: a row taken out twice is an error (MERGE, UPDATE … FROM)
  bool pure_insert = false;  // INSERT alone: readers derive its changes from the added files
};

struct WriteOutcome {
  int64_t rows_inserted = 0;  // Append(kInsert)
  int64_t rows_updated = 0;   // Append(kUpdate)
  int64_t rows_deleted = 0;   // Delete(kDelete)
  int64_t rows_copied = 0;    // carried over by copy-on-write
  int64_t files_added = 0, bytes_added = 0;
  int64_t files_removed = 0, bytes_removed = 0;
  int64_t vectors_added = 0, vectors_updated = 0, vectors_removed = 0;
  int64_t change_files_added = 0;
};

class TableWrite {
 public:
  class Local;
  struct LocalDeleter {
    void operator()(Local* local) const;
  };
  using LocalPtr = std::unique_ptr<Local, LocalDeleter>;

  // Begins (or continues) the table's delta::Transaction. Errors: see LakeTransaction::WriteTo.
  TableWrite(duckdb::ClientContext& context, DeltaTableEntry& entry, WriteOptions options);
  ~TableWrite();

  DeltaTableEntry& entry() const { return entry_; }
  const WriteTarget& target() const { return *target_; }
  delta::Transaction& delta() const { return delta_; }
  // The transaction creates or replaces the table: this commit is its first.
  bool creating() const { return creating_; }

  LocalPtr MakeLocal();
  // `row_ids`: under row tracking, the ids of the rows that these take the place of; else null.
  void Append(duckdb::ExecutionContext& context, Local& local, duckdb::DataChunk& rows,
              RowChange change, duckdb::optional_ptr<duckdb::Vector> row_ids = nullptr);
  // file_index and file_row_number columns (DeltaTableEntry); NULL ordinals are skipped.
  void Delete(Local& local, duckdb::Vector& file_index, duckdb::Vector& row_number,
              duckdb::idx_t count, RowChange change);
  // A whole file without looking at its rows (the base file must be live). Not thread-safe.
  void DropFile(uint64_t ordinal);
  void Combine(duckdb::ExecutionContext& context, Local& local);
  WriteOutcome Finish(duckdb::ClientContext& context);

 private:
  // Positions taken out of one file by this statement.
  struct Taken {
    delta::RowSet deleted;
    delta::RowSet updated;
    uint64_t count = 0;  // with repetitions
    bool whole = false;  // DropFile
  };
  struct FileFate;
  class RowSorter;

  delta::AddFile FileOf(uint64_t ordinal) const;
  std::vector<FileFate> Judge();
  void Rescan(duckdb::ClientContext& context, std::vector<FileFate>& fates, WriteOutcome* outcome);
  void StageVectors(std::vector<FileFate>& fates, WriteOutcome* outcome);
  void StageRemovals(std::vector<FileFate>& fates, WriteOutcome* outcome);
  void StageFiles(duckdb::ClientContext& context, WriteOutcome* outcome);
  void WriteChange(duckdb::ExecutionContext& context, DataWriter::Local& local,
                   duckdb::DataChunk& rows, const char* type);
  void WriteMoved(duckdb::ExecutionContext& context, DataWriter::Local& local,
                  duckdb::DataChunk& rows, duckdb::Vector& row_ids,
                  duckdb::optional_ptr<duckdb::Vector> versions);
  void StageWritten(duckdb::ClientContext& context, DataWriter& writer, WriteOutcome* outcome);
  void StageIdentityMarks();
  DataWriter& Rows();
  DataWriter& Moved();
  DataWriter& Changes();

  duckdb::ClientContext& context_;
  DeltaTableEntry& entry_;
  LakeTransaction& lake_;
  delta::Transaction& delta_;
  WriteOptions options_;
  std::shared_ptr<const WriteTarget> target_;
  std::unique_ptr<ConstraintSet> constraints_;
  std::unique_ptr<ComputedColumns> computed_;
  bool creating_ = false;
  bool feed_ = false;  // change data must be written
  std::mutex mutex_;
  std::unique_ptr<DataWriter> rows_;
  std::unique_ptr<DataWriter> moved_;  // row tracking: rows that keep their ids
  std::unique_ptr<DataWriter> changes_;
  std::map<uint64_t, Taken> taken_;  // by file ordinal
  std::atomic<int64_t> inserted_{0};
  std::atomic<int64_t> updated_{0};
};

// commitInfo parameters: a text as JSON.
std::string JsonText(const std::string& text);

}  // namespace tarn::duck
