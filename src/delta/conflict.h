// Which concurrent commits a transaction tolerates: Delta's rules for Serializable,
// WriteSerializable and snapshot isolation, as delta-spark's conflict checker applies them, with
// one refinement: a concurrent append conflicts with what was read only when its statistics, not
// just its partition values, allow a matching row.
//
// What it does not do: no I/O, no retry; transaction.h drives it, one winning commit at a time.
//
// Threads: not safe; one owner (predicates keep caches).
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "delta/actions.h"
#include "delta/predicate.h"
#include "delta/prune.h"
#include "delta/snapshot.h"
#include "delta/transaction.h"

namespace tarn::delta {

enum class ConflictKind {
  kProtocolChanged,
  kMetadataChanged,
  kConcurrentTransaction,   // the same application id or metadata domain
  kConcurrentAppend,        // files were added that this transaction should have read
  kConcurrentDeleteRead,    // files that this transaction read are gone
  kConcurrentDeleteDelete,  // files that this transaction removes are gone
};
const char* ConflictKindName(ConflictKind kind);

struct Conflict {
  ConflictKind kind;
  std::string reason;  // "version 8 (DELETE) removed part-1.parquet, which this transaction read"
};

// What a transaction read and does. Paths are canonical (path_key.h).
struct Footprint {
  SnapshotPtr base;
  IsolationLevel isolation = IsolationLevel::kWriteSerializable;
  bool blind_append = false;
  bool changes_metadata = false;
  bool changes_protocol = false;
  bool read_whole_table = false;
  bool refuses_removals = false;   // a commit that takes rows away conflicts, appends do not
  bool brings_files_back = false;  // RESTORE: the start of a VACUUM conflicts
  std::vector<Predicate> read_predicates;
  std::set<std::string> read_paths;
  std::set<std::string> removed_paths;  // removed, or given a new deletion vector
  std::set<std::string> app_ids;
  std::set<std::string> domains;
};

class ConflictChecker {
 public:
  explicit ConflictChecker(Footprint footprint);

  // Judges one commit made after the base; call for each in order. Metadata and protocol are
  // followed along, so that harmless changes of properties can be adopted. Errors: kUnsupported
  // when the commit moved the table to a protocol that Tarn does not write.
  Result<std::optional<Conflict>> Check(Version version, const std::vector<Action>& actions);

  // As of the last commit that was checked.
  const Metadata& metadata() const { return metadata_; }
  const Protocol& protocol() const { return protocol_; }

 private:
  Result<std::optional<Conflict>> CheckProtocol(const std::string& who, const Protocol& protocol);
  std::optional<Conflict> CheckMetadata(const std::string& who, const Metadata& metadata);
  std::optional<Conflict> CheckAdded(const std::string& who, const AddFile& file, bool blind) const;
  std::optional<Conflict> CheckRead(const std::string& who, const RemoveFile& file) const;
  std::optional<Conflict> CheckRemoved(const std::string& who, const RemoveFile& file) const;
  bool WasRead(const AddFile& file) const;

  Footprint footprint_;
  Metadata metadata_;
  Protocol protocol_;
  std::vector<std::unique_ptr<Pruner>> readers_;  // one per read predicate
};

}  // namespace tarn::delta
