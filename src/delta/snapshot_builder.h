// Replay: from the files of a log to a Snapshot (PROTOCOL.md, "Action Reconciliation").
//
// Commits are replayed oldest first into their net effect; a checkpoint is then read past that
// effect, or, for a refresh, the effect is applied to the snapshot before it. Nothing of the base
// is copied.
//
// Threads: free functions; they may run at once on different tables or versions.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "delta/checkpoint_format.h"
#include "delta/file_table.h"
#include "delta/log.h"
#include "delta/predicate.h"
#include "delta/snapshot.h"

namespace tarn::delta {

// Which commit file a snapshot ends with, to tell later whether the log is still the same one.
struct CommitStamp {
  int64_t modified_micros = 0;
  uint64_t size_bytes = 0;
  std::string tag;  // the store's, see ObjectInfo
  bool operator==(const CommitStamp&) const = default;
};

struct Snapshot::Parts {
  using Transactions = std::map<std::string, SetTransaction>;
  using DomainMap = std::map<std::string, DomainMetadata>;
  std::string root;  // of the table, for messages
  Version version{0};
  int64_t timestamp_ms = 0;
  std::shared_ptr<const Protocol> protocol;
  std::shared_ptr<const Metadata> metadata;
  std::shared_ptr<const Schema> schema;
  ColumnMappingMode mapping = ColumnMappingMode::kNone;
  FileTable files;
  FileTable tombstones;
  std::shared_ptr<const Transactions> transactions;
  std::shared_ptr<const DomainMap> domains;
  std::optional<CommitStamp> stamp;  // nullopt when the commit's JSON is gone
  int64_t checkpoint_micros = 0;     // then: modification time of the checkpoint at this version
  bool without_files = false;        // only what defines the version was read: `files` say nothing
  // Of such a one: how many files the version has, where the log says so without being read whole.
  std::optional<int64_t> known_files;
};

// What the replay reads from.
struct ReplaySource {
  std::shared_ptr<store::ObjectStore> store;
  std::shared_ptr<CheckpointFormat> checkpoint_format;  // null: no Parquet checkpoints
  std::string root;
};

// Errors: kNotFound (no table there, or not that version; names what there is), kUnsupported
// (feature), kCorruption (file, line, remedy).
Result<SnapshotPtr> LoadSnapshot(const ReplaySource& source, std::optional<Version> version);

// The same, but where the files would come from a checkpoint of at least `bytes` they are left out
// (Parts::without_files): protocol, metadata, transactions and domains are all there.
Result<SnapshotPtr> LoadDefinition(const ReplaySource& source, std::optional<Version> version,
                                   uint64_t bytes);

// The version of `definition` with the files that `predicate` may want, in log order, and perhaps
// others; without tombstones. Statistics are there only when the predicate needs them.
Result<SnapshotPtr> LoadMatching(const ReplaySource& source, const Snapshot& definition,
                                 const Predicate& predicate);

// Commits behind `base`, in order and contiguous, whose bytes have been read.
struct FetchedCommit {
  Version version{0};
  std::string bytes;
  CommitStamp stamp;  // only the last one's is used
};
Result<SnapshotPtr> AdvanceSnapshot(const ReplaySource& source, const SnapshotPtr& base,
                                    std::vector<FetchedCommit> commits);

const Snapshot::Parts& PartsOf(const Snapshot& snapshot);

}  // namespace tarn::delta
