// Transaction::Commit: from staged changes to a version of the log.
#include <algorithm>

#include "delta/conflict.h"
#include "delta/file_table.h"
#include "delta/json.h"
#include "delta/log.h"
#include "delta/path_key.h"
#include "delta/post_commit.h"
#include "delta/properties.h"
#include "delta/row_tracking.h"
#include "delta/snapshot_builder.h"
#include "delta/stats.h"
#include "delta/transaction.h"

namespace tarn::delta {
namespace {

constexpr int kMaxTransientFailures = 8;  // of one put, each followed by a pause
constexpr int64_t kFirstPauseMicros = 2'000;
constexpr int64_t kLongestPauseMicros = 500'000;
// A transaction younger than this cannot have been overtaken by a clean-up of the log.
constexpr int64_t kShortestLogRetentionMs = 600'000;
constexpr char kEnablementVersion[] = "delta.inCommitTimestampEnablementVersion";
constexpr char kEnablementTimestamp[] = "delta.inCommitTimestampEnablementTimestamp";

std::string Canonical(std::string_view path) {
  std::string scratch;
  return std::string(CanonicalPath(path, &scratch));
}

bool HasInCommitTimestamps(const Metadata& metadata, const Protocol& protocol) {
  const auto properties = ParseProperties(metadata.configuration);
  return properties.ok() && properties->in_commit_timestamps &&
         ProtocolSupports(protocol, "inCommitTimestamp");
}

const char* IsolationName(IsolationLevel level) {
  switch (level) {
    case IsolationLevel::kSerializable: return "Serializable";
    case IsolationLevel::kWriteSerializable: return "WriteSerializable";
    case IsolationLevel::kSnapshot: return "SnapshotIsolation";
  }
  return "";
}

const CommitInfo* InfoOf(const std::vector<Action>& actions) {
  for (const Action& action : actions) {
    if (const auto* info = std::get_if<CommitInfo>(&action)) return info;
  }
  return nullptr;
}

std::string VectorId(const AddFile& file) {
  return file.deletion_vector ? file.deletion_vector->UniqueId() : std::string();
}

RemoveFile RemoveOf(const AddFile& file, int64_t now_ms, bool data_change) {
  RemoveFile out;
  out.path = file.path;
  out.deletion_timestamp_ms = now_ms;
  out.data_change = data_change;
  out.partition_values = file.partition_values;
  out.size_bytes = file.size_bytes;
  out.tags = file.tags;
  out.deletion_vector = file.deletion_vector;
  out.base_row_id = file.base_row_id;
  out.default_row_commit_version = file.default_row_commit_version;
  return out;
}

}  // namespace

class CommitLoop {
 public:
  explicit CommitLoop(Transaction& transaction)
      : tx_(transaction), table_(*transaction.table_), environment_(table_.environment()) {}

  Result<CommitResult> Run() {
    TARN_RETURN_IF_ERROR(Prepare());
    if (tx_.base_ != nullptr) {
      if (const auto applied = AppliedIn(*tx_.base_)) return AlreadyApplied(tx_.base_->version());
      TARN_RETURN_IF_ERROR(CheckLogIsTheSame());
      current_ = tx_.base_->version();
      previous_timestamp_ms_ = tx_.base_->timestamp_ms();
    } else {
      TARN_RETURN_IF_ERROR(CheckNoTable());
    }
    while (true) {
      const Version next = current_.Next();
      TARN_ASSIGN_OR_RETURN(const PutOutcome outcome, Put(next));
      if (outcome == PutOutcome::kCommitted) return Finish(next);
      if (tx_.base_ == nullptr) return TableExists();
      TARN_ASSIGN_OR_RETURN(auto decided, CatchUp());
      if (decided) return std::move(*decided);
      if (++lost_races_ >= tx_.max_attempts) {
        return Status::Conflict(
            Name() + ": lost " + std::to_string(lost_races_) +
            " races for the next version; try again when fewer writers are at work");
      }
      if (lost_races_ > 1) Pause(lost_races_ - 1);
    }
  }

 private:
  enum class PutOutcome { kCommitted, kLost };

  std::string Name() const {
    return table_.root().empty() ? "the table" : "table " + table_.root();
  }

  Status TableExists() const {
    return Status::AlreadyExists(Name() + " exists already in " + environment_.store->Describe());
  }

  // --- before the first attempt ---

  Status Prepare() {
    now_ms_ = environment_.clock->NowMillis();
    txn_id_ = MakeUuid(*environment_.random);
    if (!tx_.domains_.empty()) TARN_RETURN_IF_ERROR(PrepareDomains());
    TARN_RETURN_IF_ERROR(CollectFileActions());
    DecideIsolation();
    if (tx_.base_ != nullptr) checker_.emplace(MakeFootprint());
    return Status::Ok();
  }

  Status PrepareDomains() {
    for (const DomainMetadata& domain : tx_.domains_) {
      const bool system = domain.domain.rfind("delta.", 0) == 0;
      const bool existing = tx_.base_ != nullptr && tx_.base_->Domain(domain.domain).has_value();
      if (domain.domain == "delta.clustering" && !domain.removed) {
        TARN_RETURN_IF_ERROR(tx_.RequireFeature("clustering"));
      } else if (system && !(domain.removed && existing)) {
        return Status::InvalidArgument(Name() + ": metadata domain " + domain.domain +
                                       " belongs to the Delta protocol and cannot be set");
      }
    }
    return tx_.RequireFeature("domainMetadata");
  }

  Status CollectFileActions() {
    std::set<std::string> added;
    std::map<std::string, std::string> removed;  // -> the deletion vector's id
    std::vector<Action> removes;
    std::vector<Action> adds;
    for (const auto& [index, data_change] : tx_.removed_) {
      const AddFile file = tx_.base_->File(index);
      removed.emplace(Canonical(file.path), VectorId(file));
      removes.push_back(RemoveOf(file, now_ms_, data_change));
      changes_data_ = changes_data_ || data_change;
    }
    for (const auto& [index, vector] : tx_.new_vectors_) {
      AddFile file = tx_.base_->File(index);
      removed.emplace(Canonical(file.path), VectorId(file));
      removes.push_back(RemoveOf(file, now_ms_, /*data_change=*/true));
      if (!added.insert(Canonical(file.path)).second) return TwiceInOneCommit(file.path);
      file.deletion_vector = vector;
      file.data_change = true;
      file.stats = WithWideBounds(file.stats);
      adds.push_back(std::move(file));
      changes_data_ = true;
    }
    for (const AddFile& file : tx_.adds_) {
      const std::string path = Canonical(file.path);
      // A path may be removed and added in one commit only with two different deletion vectors.
      const auto gone = removed.find(path);
      if (!added.insert(path).second || (gone != removed.end() && gone->second == VectorId(file)))
        return TwiceInOneCommit(file.path);
      adds.push_back(file);
      changes_data_ = changes_data_ || file.data_change;
    }
    copies_rows_ = !removes.empty() && !tx_.adds_.empty();
    for (const auto& [path, vector] : removed) removed_paths_.insert(path);
    if (tx_.gives_row_ids_) NameFilesAnew(added, removed_paths_, &adds);
    for (const SetTransaction& transaction : tx_.app_transactions_) body_.push_back(transaction);
    for (const DomainMetadata& domain : tx_.domains_) body_.push_back(domain);
    for (const AddCdcFile& file : tx_.change_files_) body_.push_back(file);
    for (Action& action : removes) body_.push_back(std::move(action));
    for (Action& action : adds) body_.push_back(std::move(action));
    if (IsRowTracking(tx_.protocol_, tx_.metadata_)) {
      auto row_ids = RowIds::For(tx_.base_.get(), body_);
      if (!row_ids.ok()) return row_ids.status().WithContext(Name());
      row_ids_ = std::move(*row_ids);
    } else {
      body_bytes_ = SerializeActions(body_);
    }
    return Status::Ok();
  }

  // The live files that have no row ids, so that RowIds gives them some.
  void NameFilesAnew(const std::set<std::string>& added, const std::set<std::string>& removed,
                     std::vector<Action>* adds) const {
    for (uint32_t i = 0; i < tx_.base_->num_files(); ++i) {
      AddFile file = tx_.base_->File(FileIndex(i));
      const std::string path = Canonical(file.path);
      if (file.base_row_id || added.count(path) != 0 || removed.count(path) != 0) continue;
      file.data_change = false;
      adds->push_back(std::move(file));
    }
  }

  Status TwiceInOneCommit(const std::string& path) const {
    return Status::InvalidArgument(Name() + ": file " + path + " appears twice in one commit");
  }

  void DecideIsolation() {
    const bool reads =
        tx_.read_whole_table_ || !tx_.read_predicates_.empty() || !tx_.read_files_.empty();
    blind_append_ = !reads && removed_paths_.empty();
    isolation_ = tx_.isolation_;
    const auto properties = ParseProperties(tx_.metadata_.configuration);
    if (properties.ok() && properties->serializable &&
        isolation_ == IsolationLevel::kWriteSerializable) {
      isolation_ = IsolationLevel::kSerializable;
    }
    // What only rearranges rows may be committed beside anything that leaves its files alone.
    if (!changes_data_ && !tx_.metadata_changed_ && !body_.empty())
      isolation_ = IsolationLevel::kSnapshot;
  }

  Footprint MakeFootprint() const {
    Footprint out;
    out.base = tx_.base_;
    out.isolation = isolation_;
    out.blind_append = blind_append_;
    out.changes_metadata = tx_.metadata_changed_;
    out.changes_protocol = tx_.protocol_changed_;
    out.read_whole_table = tx_.read_whole_table_;
    out.refuses_removals = tx_.refuses_removals_;
    out.brings_files_back = tx_.operation_ == "RESTORE";
    out.read_predicates = tx_.read_predicates_;
    out.removed_paths = removed_paths_;
    for (const FileIndex index : tx_.read_files_) {
      out.read_paths.insert(Canonical(tx_.base_->files().Path(index)));
    }
    for (const SetTransaction& transaction : tx_.app_transactions_)
      out.app_ids.insert(transaction.app_id);
    for (const DomainMetadata& domain : tx_.domains_) out.domains.insert(domain.domain);
    return out;
  }

  Status CheckNoTable() {
    TARN_ASSIGN_OR_RETURN(const bool exists, table_.Exists());
    current_ = Version(-1);
    return exists ? TableExists() : Status::Ok();
  }

  // DROP and CREATE behind our back would let a put at base + 1 succeed in another table's log.
  Status CheckLogIsTheSame() {
    const auto& stamp = PartsOf(*tx_.base_).stamp;
    if (!stamp) return Status::Ok();
    const auto head = environment_.store->Head(table_.LogKey(CommitName(tx_.base_->version())));
    if (!head.ok() && head.status().code() != StatusCode::kNotFound) return head.status();
    if (head.ok() && CommitStamp{head->modified_micros, head->size_bytes, head->tag} == *stamp)
      return Status::Ok();
    TARN_ASSIGN_OR_RETURN(const SnapshotPtr latest, table_.Latest());
    // Absent, or another file: in the place of what was cleaned up there may be an entry that was
    // put too late.
    const bool same_table = latest->metadata().id == tx_.base_->metadata().id;
    if (same_table && latest->version() > tx_.base_->version()) return CleanedUp();
    if (same_table && latest->version() == tx_.base_->version()) return Status::Ok();
    return Status::Conflict(Name() +
                            " was dropped or replaced since this transaction began; begin anew");
  }

  // --- one attempt ---

  bool ChangesToTimestamps() const {
    return tx_.metadata_changed_ && tx_.base_ != nullptr &&
           HasInCommitTimestamps(tx_.metadata_, tx_.protocol_) &&
           !HasInCommitTimestamps(tx_.base_->metadata(), tx_.base_->protocol());
  }

  CommitInfo MakeInfo(const Metadata& metadata, const Protocol& protocol) const {
    CommitInfo info;
    info.timestamp_ms = environment_.clock->NowMillis();
    if (HasInCommitTimestamps(metadata, protocol)) {
      info.timestamp_ms = std::max(*info.timestamp_ms, previous_timestamp_ms_ + 1);
      info.in_commit_timestamp_ms = info.timestamp_ms;
    }
    info.operation = tx_.operation_;
    info.operation_parameters = tx_.operation_parameters_;
    info.operation_metrics = tx_.operation_metrics_;
    if (tx_.base_ != nullptr) info.read_version = tx_.base_->version().value();
    info.isolation_level = IsolationName(isolation_);
    info.is_blind_append = blind_append_;
    info.engine_info = environment_.engine_info;
    info.txn_id = txn_id_;
    info.user_metadata = tx_.user_metadata_;
    if (row_ids_) {
      const bool kept = !copies_rows_ || tx_.keeps_row_ids_;
      info.tags["delta.rowTracking.preserved"] = kept ? "true" : "false";
    }
    return info;
  }

  // The entry for `version`: commitInfo first, then what can change from attempt to attempt.
  std::string Entry(Version version) {
    const bool adopts = checker_ && !tx_.metadata_changed_;
    Metadata metadata = adopts ? checker_->metadata() : tx_.metadata_;
    const Protocol& protocol =
        checker_ && !tx_.protocol_changed_ ? checker_->protocol() : tx_.protocol_;
    const CommitInfo info = MakeInfo(metadata, protocol);
    if (ChangesToTimestamps()) {
      metadata.configuration[kEnablementVersion] = version.ToString();
      metadata.configuration[kEnablementTimestamp] = std::to_string(*info.timestamp_ms);
    }
    std::string out;
    AppendAction(info, &out);
    if (tx_.protocol_changed_) AppendAction(protocol, &out);
    if (tx_.metadata_changed_) AppendAction(metadata, &out);
    return out + (row_ids_ ? SerializeActions(row_ids_->Assign(version, body_)) : body_bytes_);
  }

  // Puts the entry at `version` until it is known whether that version is ours.
  Result<PutOutcome> Put(Version version) {
    const std::string key = table_.LogKey(CommitName(version));
    const std::string entry = Entry(version);
    bool in_flight = false;  // some earlier request may still arrive
    for (int failures = 0;;) {
      const Status status = environment_.store->Put(key, entry, store::PutMode::kCreateOnly);
      if (status.ok()) return PutOutcome::kCommitted;
      in_flight = in_flight || status.retry() == RetryClass::kOutcomeUnknown;
      was_in_doubt_ = was_in_doubt_ || in_flight;
      const bool worth_a_look = in_flight || status.retry() == RetryClass::kBackoff ||
                                status.code() == StatusCode::kAlreadyExists;
      if (!worth_a_look) return status.WithContext(Name());
      // A lost reply, or somebody else's commit: the entry itself tells.
      const auto actions = table_.ReadCommit(version);
      if (actions.ok()) {
        const CommitInfo* info = InfoOf(*actions);
        const bool ours = info != nullptr && info->txn_id == txn_id_;
        return ours ? PutOutcome::kCommitted : PutOutcome::kLost;
      }
      if (actions.status().code() == StatusCode::kCorruption) return actions.status();
      if (++failures >= kMaxTransientFailures) {
        const std::string where = Name() + ": commit of version " + version.ToString();
        if (!in_flight && status.retry() == RetryClass::kBackoff) return status.WithContext(where);
        return Status::OutcomeUnknown(where + " may or may not have been made (" +
                                      status.message() +
                                      "); read the version back before trying again");
      }
      Pause(failures);
    }
  }

  // --- after a lost race ---

  // Checks every commit behind current_ and moves there. A result means there is nothing left to
  // do.
  Result<std::optional<CommitResult>> CatchUp() {
    const Version first = current_.Next();
    while (true) {
      const Version next = current_.Next();
      const auto actions = ReadWinner(next);
      if (!actions.ok() && actions.status().code() == StatusCode::kNotFound) {
        // Behind a lost race there is at least the winner, unless it has been cleaned up.
        if (next == first) return CleanedUp();
        break;
      }
      if (!actions.ok()) return actions.status();
      if (AppliedIn(*actions)) {
        TARN_ASSIGN_OR_RETURN(auto result, AlreadyApplied(next));
        return std::optional(std::move(result));
      }
      TARN_ASSIGN_OR_RETURN(const auto conflict, checker_->Check(next, *actions));
      if (conflict) {
        return Status::Conflict(Name() + ": " + ConflictKindName(conflict->kind) + ": " +
                                conflict->reason +
                                "; nothing was written, run the statement again");
      }
      TARN_RETURN_IF_ERROR(FollowTimestamp(next, *actions));
      if (row_ids_) row_ids_->Follow(*actions);
      current_ = next;
    }
    return std::optional<CommitResult>();
  }

  Result<std::vector<Action>> ReadWinner(Version version) {
    for (int failures = 0;;) {
      auto actions = table_.ReadCommit(version);
      if (actions.ok() || actions.status().retry() != RetryClass::kBackoff ||
          ++failures >= kMaxTransientFailures) {
        return actions;
      }
      Pause(failures);
    }
  }

  Status FollowTimestamp(Version version, const std::vector<Action>& actions) {
    if (!HasInCommitTimestamps(tx_.metadata_changed_ ? tx_.metadata_ : checker_->metadata(),
                               tx_.protocol_changed_ ? tx_.protocol_ : checker_->protocol())) {
      return Status::Ok();
    }
    const CommitInfo* info = InfoOf(actions);
    int64_t timestamp_ms = 0;
    if (info != nullptr && info->in_commit_timestamp_ms) {
      timestamp_ms = *info->in_commit_timestamp_ms;
    } else {
      TARN_ASSIGN_OR_RETURN(const auto head,
                            environment_.store->Head(table_.LogKey(CommitName(version))));
      timestamp_ms = head.modified_micros / 1000;
    }
    previous_timestamp_ms_ = std::max(previous_timestamp_ms_, timestamp_ms);
    return Status::Ok();
  }

  // --- application transactions ---

  bool Covers(const SetTransaction& there) const {
    return std::any_of(tx_.app_transactions_.begin(), tx_.app_transactions_.end(),
                       [&](const SetTransaction& ours) {
                         return ours.app_id == there.app_id && there.version >= ours.version;
                       });
  }

  std::optional<Version> AppliedIn(const Snapshot& snapshot) const {
    for (const SetTransaction& ours : tx_.app_transactions_) {
      const auto there = snapshot.AppTransaction(ours.app_id);
      if (there && there->version >= ours.version) return snapshot.version();
    }
    return std::nullopt;
  }

  bool AppliedIn(const std::vector<Action>& actions) const {
    return std::any_of(actions.begin(), actions.end(), [&](const Action& action) {
      const auto* transaction = std::get_if<SetTransaction>(&action);
      return transaction != nullptr && Covers(*transaction);
    });
  }

  Result<CommitResult> AlreadyApplied(Version version) {
    CommitResult result;
    result.version = version;
    result.already_applied = true;
    result.attempts = lost_races_ + 1;
    auto latest = table_.Latest();
    if (latest.ok()) result.snapshot = *latest;
    return result;
  }

  // --- after the commit ---

  Result<CommitResult> Finish(Version version) {
    CommitResult result;
    result.version = version;
    result.attempts = lost_races_ + 1;
    result.snapshot = AfterCommit(table_, version, txn_id_);
    const bool newest = result.snapshot != nullptr && result.snapshot->version() == version;
    if (!newest && tx_.base_ != nullptr) TARN_RETURN_IF_ERROR(CheckIsInLog(version));
    return result;
  }

  // Put-if-absent also succeeds at a version that was there and has been cleaned up: below the
  // checkpoint that stands for it, our entry is no part of the table. Clean-up goes upwards, so an
  // entry right before ours proves that none of this happened.
  Status CheckIsInLog(Version version) {
    const auto before = environment_.store->Head(table_.LogKey(CommitName(version.Previous())));
    const auto& stamp = PartsOf(*tx_.base_).stamp;
    const bool other_file =
        before.ok() && stamp && version.Previous() == tx_.base_->version() &&
        !(CommitStamp{before->modified_micros, before->size_bytes, before->tag} == *stamp);
    if (before.ok() && !other_file) return Status::Ok();
    const auto listing = other_file || before.status().code() == StatusCode::kNotFound
                             ? ListLog(*environment_.store, table_.root(), version)
                             : Result<LogListing>(before.status());
    if (!listing.ok()) return NotReadBack(version, listing.status().message());
    const auto ours = listing->commits.find(version);
    if (ours == listing->commits.end()) return NotReadBack(version, "it is not listed");
    const int64_t made = ours->second.modified_micros;
    const bool overtaken =
        std::any_of(listing->commits.begin(), listing->commits.end(),
                    [&](const auto& commit) { return commit.second.modified_micros < made; }) ||
        std::any_of(listing->checkpoints.begin(), listing->checkpoints.end(),
                    [&](const auto& checkpoint) { return checkpoint.modified_micros < made; });
    return overtaken ? CleanedUp() : Status::Ok();
  }

  Status NotReadBack(Version version, const std::string& why) {
    // Based on a young version, the transaction is young too.
    const int64_t age_ms = environment_.clock->NowMillis() - tx_.base_->timestamp_ms();
    if (age_ms < kShortestLogRetentionMs) return Status::Ok();
    return Status::OutcomeUnknown(Name() + ": commit of version " + version.ToString() +
                                  " was made, but cannot be read back (" + why +
                                  "); look for it in the history");
  }

  Status CleanedUp() const {
    if (was_in_doubt_) {
      // A put without a reply may have been made and cleaned up before it could be read back.
      return Status::OutcomeUnknown(
          Name() + ": the log was cleaned up past version " + tx_.base_->version().ToString() +
          " before a commit behind it could be read back; look for its rows before trying again");
    }
    return Status::Conflict(Name() + ": the log was cleaned up past version " +
                            tx_.base_->version().ToString() +
                            ", on which this transaction stands; nothing was changed, begin anew");
  }

  void Pause(int step) {
    const int64_t longest = std::min(kLongestPauseMicros, kFirstPauseMicros << std::min(step, 10));
    environment_.clock->SleepMicros(
        static_cast<int64_t>(environment_.random->Uniform(static_cast<uint64_t>(longest))));
  }

  Transaction& tx_;
  Table& table_;
  TableEnvironment environment_;
  std::string txn_id_;
  int64_t now_ms_ = 0;
  std::vector<Action> body_;  // everything but commitInfo, protocol and metaData
  std::string body_bytes_;
  std::set<std::string> removed_paths_;
  std::optional<RowIds> row_ids_;  // row tracking is on
  bool copies_rows_ = false;
  bool changes_data_ = false;
  bool blind_append_ = false;
  IsolationLevel isolation_ = IsolationLevel::kWriteSerializable;
  std::optional<ConflictChecker> checker_;
  Version current_{-1};
  int64_t previous_timestamp_ms_ = 0;
  int lost_races_ = 0;
  bool was_in_doubt_ = false;  // some put had no reply
};

Result<CommitResult> Transaction::Commit() {
  TARN_CHECK(!committed_);
  committed_ = true;
  return CommitLoop(*this).Run();
}

}  // namespace tarn::delta
