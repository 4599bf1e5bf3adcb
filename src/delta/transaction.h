// Transaction: one optimistic commit to one table.
//
// Read against a base snapshot, stage actions, Commit(). A commit is put-if-absent of the next
// version; when another writer was first, the newer commits are checked by Delta's conflict rules
// (conflict.h) against what this transaction read and, if none conflicts, the commit is
// rebased (retried at the next version, deletion vectors of untouched files kept) — automatically
// and without limit of attempts other than `max_attempts`.
//
// Three outcomes: committed, conflict (Status kConflict, retry kAfterRefresh: nothing was written),
// unknown (kOutcomeUnknown: only when the store could not even be read back; Commit() resolves lost
// replies itself by reading the version and comparing commitInfo.txnId).
//
// Threads: not safe; one owner. Lifetime: keeps table and snapshot alive.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "delta/actions.h"
#include "delta/deletion_vector.h"
#include "delta/predicate.h"
#include "delta/snapshot.h"
#include "delta/table.h"

namespace tarn::delta {

enum class IsolationLevel { kWriteSerializable, kSerializable, kSnapshot };

struct CommitResult {
  Version version;
  SnapshotPtr snapshot;  // after the commit; null when reading it back failed (the commit stands)
  int attempts = 1;
  bool already_applied = false;  // an app transaction with this or a later version was there before
};

class Transaction {
 public:
  // A change to an existing table. Checks that every writer feature of `base` is one Tarn writes
  // (kUnsupported names the feature).
  static Result<std::unique_ptr<Transaction>> Begin(std::shared_ptr<Table> table, SnapshotPtr base);
  // The first commit of a new table; Commit() fails with kAlreadyExists when one is there. Protocol
  // is derived from the schema, properties and staged use of features; column mapping is assigned
  // if asked.
  static Result<std::unique_ptr<Transaction>> Create(std::shared_ptr<Table> table,
                                                     Metadata metadata);
  // CREATE OR REPLACE: a new metaData over an existing table, all old files removed, history kept.
  static Result<std::unique_ptr<Transaction>> Replace(std::shared_ptr<Table> table,
                                                      SnapshotPtr base, Metadata metadata);

  // RESTORE: metadata and clustering of `target`, an older version of the same table; the caller
  // stages the files. Reads the whole table.
  static Result<std::unique_ptr<Transaction>> Restore(std::shared_ptr<Table> table,
                                                      SnapshotPtr base, const Snapshot& target);

  const SnapshotPtr& base() const { return base_; }  // null for Create
  const std::shared_ptr<Table>& table() const { return table_; }
  // Metadata and protocol as this transaction will leave them.
  const Metadata& metadata() const { return metadata_; }
  const Protocol& protocol() const { return protocol_; }
  const Schema& schema() const { return schema_; }

  // --- staging; nothing touches the log before Commit ---
  void SetOperation(std::string name, StringMap parameters);  // values are JSON texts
  void SetMetric(const std::string& name, int64_t value);
  void SetUserMetadata(std::string text);
  void SetIsolation(IsolationLevel level) { isolation_ = level; }
  Status SetMetadata(Metadata metadata);              // re-derives the protocol; validates
  Status RequireFeature(const std::string& feature);  // adds a table feature to the protocol
  // Takes a writer feature out of the protocol, with what it left in properties and domains. Stage
  // no metadata after it. Errors: those of WithoutFeature.
  Status DropFeature(const std::string& feature);
  Status AddDataFile(AddFile file);
  // A file that was written elsewhere or earlier, with the deletion vector it has (clones,
  // RESTORE): the protocol must know deletion vectors, the property need not allow new ones.
  Status AddExistingFile(AddFile file);
  // CREATE OR REPLACE: this file of the base is part of the new content as it is.
  void KeepDataFile(FileIndex index) { removed_.erase(index); }
  // The whole file goes. It must be live in base (and not already removed here).
  Status RemoveDataFile(FileIndex index, bool data_change = true);
  // Replaces the file's deletion vector by `all_deleted` (old and new rows together).
  Status UpdateDeletionVector(FileIndex index, DeletionVectorDescriptor all_deleted);
  void AddChangeFile(AddCdcFile file);
  void SetAppTransaction(const std::string& app_id, int64_t version);
  void SetDomain(DomainMetadata domain);
  // Row tracking: every row that moves to another file in this commit keeps id and commit version
  // there.
  void KeepsRowIds() { keeps_row_ids_ = true; }

  // --- what was read; decides which concurrent commits conflict ---
  void ReadWholeTable() { read_whole_table_ = true; }
  void ReadWhere(Predicate predicate) { read_predicates_.push_back(std::move(predicate)); }
  void ReadFile(FileIndex index) { read_files_.insert(index); }
  // An append that continues what is there (a stream's position): still a blind append to others,
  // but a concurrent commit that takes rows away (RESTORE, DELETE; not OPTIMIZE) conflicts.
  void RefuseConcurrentRemovals() { refuses_removals_ = true; }

  bool HasChanges() const;
  // Files staged for adding, for reading one's own writes before the commit.
  const std::vector<AddFile>& added_files() const { return adds_; }
  // The same, for the statement of this transaction that takes its own rows back: drop entries or
  // give them a deletion vector.
  std::vector<AddFile>& MutableAddedFiles() { return adds_; }
  // The fate of a base file in this transaction so far.
  bool IsRemoved(FileIndex index) const;
  std::optional<DeletionVectorDescriptor> NewDeletionVector(FileIndex index) const;

  // Commits; call once. With `SetAppTransaction`, a txn already at or beyond the version makes this
  // a no-op with already_applied. Errors: see the top; also kConstraint (appendOnly), kResource,
  // kPermission.
  Result<CommitResult> Commit();

  // Attempts before giving up with kConflict; each attempt follows a lost race.
  int max_attempts = 10'000;

 private:
  friend class CommitLoop;
  Transaction() = default;
  std::shared_ptr<Table> table_;
  SnapshotPtr base_;
  Metadata metadata_;
  Protocol protocol_;
  Schema schema_;
  bool creating_ = false;
  bool metadata_changed_ = false;
  bool protocol_changed_ = false;
  std::string operation_ = "WRITE";
  StringMap operation_parameters_;
  StringMap operation_metrics_;
  std::optional<std::string> user_metadata_;
  IsolationLevel isolation_ = IsolationLevel::kWriteSerializable;
  std::vector<AddFile> adds_;
  std::map<FileIndex, bool> removed_;  // -> data_change
  std::map<FileIndex, DeletionVectorDescriptor> new_vectors_;
  std::vector<AddCdcFile> change_files_;
  std::vector<SetTransaction> app_transactions_;
  std::vector<DomainMetadata> domains_;
  bool read_whole_table_ = false;
  bool refuses_removals_ = false;
  std::vector<Predicate> read_predicates_;
  std::set<FileIndex> read_files_;
  std::vector<std::string> features_;  // asked for by RequireFeature and properties
  bool replacing_ = false;
  bool keeps_row_ids_ = false;
  bool gives_row_ids_ = false;  // row tracking is switched on: files without ids get some
  bool committed_ = false;

  enum class SchemaSource { kCreate, kReplace, kChange };
  // Validates and completes `metadata` (properties, column mapping, protocol), then adopts it.
  Status AdoptMetadata(Metadata metadata, SchemaSource source);
  Status CheckPartitioning(const Metadata& metadata, const Schema& schema,
                           SchemaSource source) const;
  Status CheckRemovable(FileIndex index, bool data_change) const;
  Status CheckAddable(const AddFile& file) const;
};

}  // namespace tarn::delta
