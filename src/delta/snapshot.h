// Snapshot: the state of a table at one version, immutable.
//
// Built from a checkpoint and the commits after it (PROTOCOL.md, "Action Reconciliation"). Files
// are held by column (paths, sizes, partition values as dictionary codes, statistics as text in one
// arena), so that a million files fit in a few hundred MB; AddFile values are made on demand.
//
// Threads: safe for concurrent reads. Lifetime: shared_ptr; views point into the snapshot.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "delta/actions.h"
#include "delta/predicate.h"
#include "delta/schema.h"

namespace tarn::delta {

// Position of a file in its snapshot; valid for that snapshot only.
struct FileIndexTag;
using FileIndex = StrongId<FileIndexTag, uint32_t>;

class FileTable;  // the columnar list, file_table.h

class Snapshot {
 public:
  struct Parts;  // what log replay hands over, snapshot_builder.h
  explicit Snapshot(std::unique_ptr<Parts> parts);
  ~Snapshot();

  Version version() const;
  // inCommitTimestamp where enabled, else the commit file's modification time.
  int64_t timestamp_ms() const;
  const Protocol& protocol() const;
  const Metadata& metadata() const;
  const Schema& schema() const;
  ColumnMappingMode column_mapping() const;
  std::optional<std::string> Property(const std::string& key) const;  // metadata().configuration

  uint32_t num_files() const;
  int64_t total_size_bytes() const;
  AddFile File(FileIndex index) const;
  // Index of the live file with this path (as in the log) if any.
  std::optional<FileIndex> FindFile(const std::string& path) const;
  // numRecords minus the deletion vector's cardinality, or nullopt when some file has no
  // statistics.
  std::optional<int64_t> num_rows() const;
  const FileTable& files() const;

  // Live files that may hold matching rows, in log order, each with what is known of it.
  struct Candidate {
    FileIndex index;
    Verdict verdict = Verdict::kSome;
  };
  std::vector<Candidate> Prune(const Predicate& predicate) const;

  // Tombstones still in the log (for VACUUM and checkpoints).
  std::vector<RemoveFile> Tombstones() const;
  std::optional<SetTransaction> AppTransaction(const std::string& app_id) const;
  std::vector<SetTransaction> AppTransactions() const;
  std::optional<DomainMetadata> Domain(const std::string& domain) const;  // removed ones are absent
  std::vector<DomainMetadata> Domains() const;

 private:
  friend const Parts& PartsOf(const Snapshot& snapshot);
  std::unique_ptr<Parts> parts_;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace tarn::delta
