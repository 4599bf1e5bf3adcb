// What a scan of a Delta table reads: the table's state at bind time and the list of its data
// files, in the form DuckDB's multi-file scan asks for.
//
// Files are judged by partition values and statistics when filters arrive (at planning from WHERE,
// at the start of execution from joins); only the files that remain are described one by one.
//
// Threads: DeltaScanInfo is immutable; DeltaFileList is safe for concurrent reads.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "delta/actions.h"
#include "delta/deletion_vector.h"
#include "delta/predicate.h"
#include "delta/row_tracking.h"
#include "delta/schema.h"
#include "delta/snapshot.h"
#include "delta/table.h"
#include "delta/transaction.h"
#include "duckdb.hpp"
#include "duckdb/common/multi_file/multi_file_list.hpp"

namespace tarn::duck {

class DeltaTableEntry;

// A running transaction's changes to the files of its base snapshot, copied when the scan is bound,
// so that a statement that reads and writes one table reads the state before its own writes.
struct ScanOverlay {
  std::set<delta::FileIndex> removed;
  std::map<delta::FileIndex, delta::DeletionVectorDescriptor> vectors;
  std::vector<delta::AddFile> added;
  // Rows of an added file, by its position, that alone are read (the change data feed).
  std::map<size_t, std::shared_ptr<const delta::RowSet>> only;
};
// Null when there is nothing staged.
std::shared_ptr<const ScanOverlay> OverlayOf(const delta::Transaction* staged,
                                             const delta::SnapshotPtr& snapshot);

struct DeltaScanInfo : public duckdb::TableFunctionInfo {
  std::string table_name;  // for messages: "silver.events" or a path
  std::shared_ptr<delta::Table> table;
  delta::TableVersionPtr version;  // null for a table the transaction creates
  delta::Schema schema;
  std::vector<std::string> partition_columns;  // logical names
  delta::ColumnMappingMode mapping = delta::ColumnMappingMode::kNone;
  std::optional<delta::HiddenRowColumns> row_tracking;
  std::shared_ptr<const ScanOverlay> overlay;
  DeltaTableEntry* entry = nullptr;  // null for delta_scan(path)
  // A partition column that is read from the file where the log gives it no value.
  std::string column_in_some_files;
  duckdb::vector<duckdb::string> names;
  duckdb::vector<duckdb::LogicalType> types;

  // All files of the version, read when first asked for; null for a table the transaction creates.
  // Errors: exceptions.
  delta::SnapshotPtr Snapshot() const;
  // Null while they have not been read.
  delta::SnapshotPtr SnapshotIfLoaded() const;
  std::optional<uint64_t> TotalFiles() const;  // nullopt when that takes reading them
  bool IsPartitionColumn(const std::string& logical_name) const;
};

// One file of the list.
struct ScanFile {
  std::optional<size_t> added;  // position among the overlay's added files
  delta::AddFile add;           // with the deletion vector that counts now
};

// True for a partition timestamp such as "2021-09-08 11:11:11", which says no zone.
bool IsZoneless(const std::string& timestamp_text);

// The path under which DuckDB opens a file named in the log (relative, absolute or encoded).
// Errors: kUnsupported for places this build cannot reach.
Result<std::string> EnginePathOf(delta::Table& table, const std::string& logged_path);

class DeltaFileList : public duckdb::MultiFileList {
 public:
  explicit DeltaFileList(std::shared_ptr<DeltaScanInfo> info,
                         delta::Predicate predicate = delta::Predicate::True());

  const DeltaScanInfo& info() const { return *info_; }
  const delta::Predicate& predicate() const { return predicate_; }
  ScanFile FileAt(size_t position) const;
  // True when the predicate holds for every row of every file of the list, and nothing is staged.
  bool EveryRowMatches() const;
  // The files in which the list looks (null without a version), and which of them it holds.
  delta::SnapshotPtr Files() const {
    Ordinals();
    return files_;
  }
  std::vector<delta::FileIndex> BaseFiles() const;
  // The file's FileOrdinal (delta_table_entry.h), which needs all files of the version.
  uint64_t OrdinalAt(size_t position) const;

  duckdb::unique_ptr<duckdb::MultiFileList> ComplexFilterPushdown(
      duckdb::ClientContext& context, const duckdb::MultiFileOptions& options,
      duckdb::MultiFilePushdownInfo& info,
      duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) const override;
  duckdb::unique_ptr<duckdb::MultiFileList> DynamicFilterPushdown(
      duckdb::ClientContext& context, const duckdb::MultiFileOptions& options,
      const duckdb::vector<duckdb::string>& names, const duckdb::vector<duckdb::LogicalType>& types,
      const duckdb::vector<duckdb::column_t>& column_ids,
      duckdb::TableFilterSet& filters) const override;

  duckdb::vector<duckdb::OpenFileInfo> GetAllFiles() const override;
  duckdb::FileExpandResult GetExpandResult() const override;
  duckdb::idx_t GetTotalFileCount() const override;
  duckdb::vector<duckdb::OpenFileInfo> GetDisplayFileList(
      duckdb::optional_idx max_files) const override;
  duckdb::unique_ptr<duckdb::NodeStatistics> GetCardinality(
      duckdb::ClientContext& context) const override;
  duckdb::unique_ptr<duckdb::MultiFileList> Copy() const override;

 protected:
  duckdb::OpenFileInfo GetFile(duckdb::idx_t i) const override;

 private:
  // Positions of the files that may match: in `files_`, or of added files.
  const std::vector<uint64_t>& Ordinals() const;
  void Find() const;
  duckdb::unique_ptr<duckdb::NodeStatistics> EstimateFromSizes() const;
  duckdb::unique_ptr<duckdb::MultiFileList> Narrow(std::vector<delta::Predicate> more) const;

  std::shared_ptr<DeltaScanInfo> info_;
  delta::Predicate predicate_;
  std::set<std::string>
      conjuncts_;  // what predicate_ holds, as text: WHERE comes twice, pruning costs
  // Files in which to look; null: those of the version. A list narrowed from one that has looked
  // need not look further.
  mutable delta::SnapshotPtr files_;
  mutable std::once_flag once_;
  mutable std::atomic<bool> found_ = false;
  mutable std::vector<uint64_t> ordinals_;
  mutable bool every_row_matches_ = true;
};

}  // namespace tarn::duck
