#include "delta/vacuum.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <unordered_set>

#include "delta/file_table.h"
#include "delta/history.h"
#include "delta/json.h"
#include "delta/log.h"
#include "delta/path_key.h"
#include "delta/properties.h"
#include "delta/transaction.h"
#include "delta/vacuum_mark.h"

namespace tarn::delta {
namespace {

constexpr size_t kPage = 1'000'000;  // objects listed at once
constexpr size_t kDeleteTogether = 500;
constexpr char kLastVacuum[] = "_last_vacuum_info";
constexpr char kLastOutside[] = "latestCommitVersionOutsideOfRetentionWindow";

std::string Hours(int64_t ms) {
  const int64_t tenths = ms / 360'000;
  std::string text = std::to_string(tenths / 10);
  if (tenths % 10 != 0) text += "." + std::to_string(tenths % 10);
  return text;
}

// Hashes of keys: a collision protects a file too many, never one too few.
class Protected {
 public:
  void Add(const std::string& key) { hashes_.insert(HashBytes(key)); }
  bool Holds(const std::string& key) const { return hashes_.count(HashBytes(key)) != 0; }

 private:
  std::unordered_set<uint64_t> hashes_;
};

struct Candidate {
  std::string key;
  int64_t bytes = 0;
  bool operator<(const Candidate& other) const { return key < other.key; }
};

class Vacuumer {
 public:
  Vacuumer(const std::shared_ptr<Table>& table, const VacuumOptions& options)
      : table_(table), store_(*table->environment().store), options_(options) {}

  Result<VacuumOutcome> Run() {
    TARN_ASSIGN_OR_RETURN(latest_, table_->Latest());
    TARN_RETURN_IF_ERROR(
        CheckWritable(latest_->protocol(), latest_->metadata()).WithContext("VACUUM of " + Name()));
    TARN_RETURN_IF_ERROR(DecideRetention());
    TARN_RETURN_IF_ERROR(ReadWindow());
    TARN_RETURN_IF_ERROR(ProtectState());
    TARN_RETURN_IF_ERROR(ProtectAllClones());
    NamePartitionFolders();
    if (options_.lite) {
      TARN_RETURN_IF_ERROR(CollectRemoved());
    } else {
      TARN_RETURN_IF_ERROR(CollectListed());
    }
    std::sort(candidates_.begin(), candidates_.end());
    if (!options_.dry_run) TARN_RETURN_IF_ERROR(Delete());
    for (Candidate& candidate : candidates_) {
      out_.bytes += candidate.bytes;
      out_.keys.push_back(std::move(candidate.key));
    }
    return std::move(out_);
  }

 private:
  std::string Name() const {
    return table_->root().empty() ? "the table" : "table " + table_->root();
  }
  std::string Prefix() const { return table_->root().empty() ? "" : table_->root() + "/"; }

  Status DecideRetention() {
    TARN_ASSIGN_OR_RETURN(const auto properties,
                          ParseProperties(latest_->metadata().configuration));
    default_ms_ = properties.deleted_file_retention_ms;
    out_.retention_ms = options_.retention_ms.value_or(default_ms_);
    if (out_.retention_ms < 0) {
      return Status::InvalidArgument("VACUUM of " + Name() + ": the retention is negative");
    }
    if (options_.check_retention && out_.retention_ms < default_ms_) {
      return Status::InvalidArgument(
          "VACUUM of " + Name() + ": RETAIN " + Hours(out_.retention_ms) +
          " HOURS is less than the table's " + Hours(default_ms_) +
          " hours; readers and writers at work may lose files. When nobody else uses the table, "
          "SET spark.databricks.delta.retentionDurationCheck.enabled = false first (or SET "
          "tarn_retention_check = false)");
    }
    cutoff_ms_ = table_->environment().clock->NowMillis() - out_.retention_ms;
    return Status::Ok();
  }

  // --- what must stay ---

  // When a commit says that it was made: when its writer set out to put it, by that one's clock.
  static std::optional<int64_t> SaidTime(const std::vector<Action>& actions) {
    for (const Action& action : actions) {
      const auto* info = std::get_if<CommitInfo>(&action);
      if (info == nullptr) continue;
      if (info->in_commit_timestamp_ms) return *info->in_commit_timestamp_ms;
      if (info->timestamp_ms) return *info->timestamp_ms;
    }
    return std::nullopt;
  }

  // What a commit took away is what the version before it needs; that one was the newest until
  // then. Files it adds are live, or some later commit took them away. The latest of all witnesses
  // counts: a put may arrive long after it was meant, a tombstone may be older than its commit.
  void ProtectActions(const CommitTime& time, const std::vector<Action>& actions) {
    const auto use = [this](const std::string& key) { protected_.Add(key); };
    const int64_t made_ms = std::max(time.timestamp_ms, SaidTime(actions).value_or(0));
    for (const Action& action : actions) {
      if (const auto* remove = std::get_if<RemoveFile>(&action)) {
        const int64_t gone_ms = std::max(made_ms, remove->deletion_timestamp_ms.value_or(0));
        if (gone_ms >= cutoff_ms_) KeysOf(*table_, remove->path, remove->deletion_vector, use);
      } else if (const auto* cdc = std::get_if<AddCdcFile>(&action)) {
        if (made_ms >= cutoff_ms_) KeysOf(*table_, cdc->path, std::nullopt, use);
      }
    }
  }

  // Commits from the newest back to the first one outside the retention, which is noted.
  Status ReadWindow() {
    TARN_ASSIGN_OR_RETURN(listing_, ListLog(store_, table_->root()));
    std::vector<CommitTime> times = FileTimes(listing_);
    for (; !times.empty(); times.pop_back()) {
      const auto actions = table_->ReadCommit(times.back().version);
      if (!actions.ok() && actions.status().code() == StatusCode::kNotFound) break;
      if (!actions.ok()) return actions.status();
      const int64_t file_ms = times.back().timestamp_ms;
      const int64_t made_ms = SaidTime(*actions).value_or(file_ms);
      if (made_ms < cutoff_ms_ && !last_outside_) last_outside_ = times.back().version;
      // A copy's file times may be anything: stop only where both kinds of time agree.
      if (made_ms < cutoff_ms_ && file_ms < cutoff_ms_) break;
      ProtectActions(times.back(), *actions);
    }
    return Status::Ok();
  }

  Status ProtectState() {
    const auto use = [this](const std::string& key) { protected_.Add(key); };
    for (uint32_t i = 0; i < latest_->num_files(); ++i) {
      const auto* vector = latest_->files().DeletionVector(FileIndex(i));
      KeysOf(*table_, std::string(latest_->files().Path(FileIndex(i))),
             vector ? std::optional(*vector) : std::nullopt, use);
    }
    for (const RemoveFile& file : latest_->Tombstones()) {
      if (file.deletion_timestamp_ms.value_or(0) >= cutoff_ms_) {
        KeysOf(*table_, file.path, file.deletion_vector, use);
      }
    }
    return Status::Ok();
  }

  Status ProtectAllClones() {
    return ProtectClones(*table_, options_.open_clone, options_.dry_run,
                         [this](const std::string& key) { protected_.Add(key); })
        .WithContext("VACUUM of " + Name());
  }

  // --- what may go ---

  void NamePartitionFolders() {
    const bool mapped = latest_->column_mapping() != ColumnMappingMode::kNone;
    for (const auto& name : latest_->metadata().partition_columns) {
      const StructField* field = latest_->schema().Find(name);
      partition_folders_.push_back((field ? field->PhysicalName(mapped) : name) + "=");
    }
  }

  // Names that Delta leaves alone: `_x` and `.x`, but for change data and partition folders.
  bool IsHidden(std::string_view part) const {
    if (part.empty() || (part[0] != '_' && part[0] != '.')) return false;
    if (part == "_change_data" || part.rfind("_delta_index", 0) == 0) return false;
    return std::none_of(partition_folders_.begin(), partition_folders_.end(),
                        [&](const std::string& folder) { return part.rfind(folder, 0) == 0; });
  }

  bool IsOurs(std::string_view relative) const {
    while (true) {
      const size_t slash = relative.find('/');
      if (IsHidden(relative.substr(0, slash))) return false;
      if (slash == std::string_view::npos) return true;
      relative.remove_prefix(slash + 1);
    }
  }

  void Consider(const store::ObjectInfo& object) {
    const std::string_view relative = std::string_view(object.key).substr(Prefix().size());
    const size_t log = relative.find("/_delta_log/");
    if (log != std::string_view::npos && relative.rfind("_delta_log/", 0) != 0) {
      nested_.insert(std::string(relative.substr(0, log + 1)));
    }
    if (!IsOurs(relative)) return;
    const size_t slash = relative.rfind('/');
    if (slash != std::string_view::npos) folders_.insert(HashBytes(relative.substr(0, slash)));
    if (object.modified_micros / 1000 >= cutoff_ms_ || protected_.Holds(object.key)) return;
    candidates_.push_back({object.key, static_cast<int64_t>(object.size_bytes)});
  }

  Status CollectListed() {
    std::string after;
    while (true) {
      TARN_ASSIGN_OR_RETURN(const auto page, store_.List(Prefix(), after, kPage));
      for (const auto& object : page) Consider(object);
      if (page.size() < kPage) break;
      after = page.back().key;
    }
    out_.folders = static_cast<int64_t>(folders_.size()) + 1;
    std::erase_if(candidates_, [&](const Candidate& candidate) {
      const std::string relative = candidate.key.substr(Prefix().size());
      return std::any_of(nested_.begin(), nested_.end(),
                         [&](const std::string& folder) { return relative.rfind(folder, 0) == 0; });
    });
    return Status::Ok();
  }

  void ConsiderRemoved(const std::string& path, int64_t bytes,
                       const std::optional<DeletionVectorDescriptor>& vector,
                       std::set<std::string>* seen) {
    KeysOf(*table_, path, vector, [&](const std::string& key) {
      // A clone's tombstones name files of its source: they are not this table's to delete.
      if (key.rfind(Prefix(), 0) != 0 || protected_.Holds(key)) return;
      if (!seen->insert(key).second) return;
      candidates_.push_back({key, bytes});
    });
  }

  // LITE: what commits outside the retention removed, since the last LITE run.
  Status CollectRemoved() {
    out_.folders = 0;
    if (!last_outside_) return Status::Ok();
    Version from = listing_.commits.begin()->first;
    const auto info = store_.Get(table_->LogKey(kLastVacuum));
    const auto json = nlohmann::json::parse(info.ok() ? *info : "", nullptr, false);
    const bool known =
        json.is_object() && json.contains(kLastOutside) && json[kLastOutside].is_number_integer();
    if (known) {
      from = std::max(from, Version(json[kLastOutside].get<int64_t>() + 1));
    } else if (from.value() != 0) {
      return Status::InvalidArgument(
          "VACUUM LITE of " + Name() + ": its log begins at version " + from.ToString() +
          ", so files removed before that cannot be known from it; run VACUUM without LITE once");
    }
    std::set<std::string> seen;
    for (Version version = from; version <= *last_outside_; version = version.Next()) {
      TARN_ASSIGN_OR_RETURN(const auto actions, table_->ReadCommit(version));
      for (const Action& action : actions) {
        if (const auto* remove = std::get_if<RemoveFile>(&action)) {
          ConsiderRemoved(remove->path, remove->size_bytes.value_or(0), remove->deletion_vector,
                          &seen);
        } else if (const auto* cdc = std::get_if<AddCdcFile>(&action)) {
          ConsiderRemoved(cdc->path, cdc->size_bytes, std::nullopt, &seen);
        }
      }
    }
    return Status::Ok();
  }

  // --- deleting ---

  Status Log(const char* operation, StringMap parameters,
             const std::vector<std::pair<const char*, int64_t>>& metrics) {
    for (int attempt = 0;; ++attempt) {
      TARN_ASSIGN_OR_RETURN(const SnapshotPtr base, table_->Latest());
      TARN_ASSIGN_OR_RETURN(auto transaction, Transaction::Begin(table_, base));
      transaction->SetOperation(operation, parameters);
      for (const auto& [name, value] : metrics) transaction->SetMetric(name, value);
      const auto result = transaction->Commit();
      if (result.ok()) return Status::Ok();
      if (result.status().code() != StatusCode::kConflict || attempt == 10) return result.status();
    }
  }

  Status Delete() {
    TARN_ASSIGN_OR_RETURN(const std::string mark, MarkVacuum(*table_, cutoff_ms_));
    marked_micros_ = table_->environment().clock->MonotonicMicros();
    const Status status = DeleteMarked();
    const Status unmarked = UnmarkVacuum(*table_, mark);
    return status.ok() ? unmarked : status;
  }

  // What came to be needed while we looked: files of a commit whose writer was slow, of RESTORE, of
  // a clone that has registered by now. Who comes later finds the mark or the commit VACUUM START.
  Status LookAgain() {
    TARN_ASSIGN_OR_RETURN(latest_, table_->Latest());
    TARN_RETURN_IF_ERROR(ProtectState());
    TARN_RETURN_IF_ERROR(ProtectAllClones());
    std::erase_if(candidates_,
                  [&](const Candidate& candidate) { return protected_.Holds(candidate.key); });
    return Status::Ok();
  }

  Status DeleteMarked() {
    int64_t bytes = 0;
    for (const Candidate& candidate : candidates_) bytes += candidate.bytes;
    StringMap parameters{{"retentionCheckEnabled", options_.check_retention ? "true" : "false"},
                         {"defaultRetentionMillis", std::to_string(default_ms_)}};
    if (options_.retention_ms) {
      parameters["specifiedRetentionMillis"] = std::to_string(*options_.retention_ms);
    }
    const auto count = static_cast<int64_t>(candidates_.size());
    TARN_RETURN_IF_ERROR(Log(kVacuumStart, parameters,
                             {{"numFilesToDelete", count}, {"sizeOfDataToDelete", bytes}}));
    Status status = LookAgain();
    if (status.ok()) status = DeleteAll();
    const Status logged =
        Log("VACUUM END", {{"status", status.ok() ? "\"COMPLETED\"" : "\"FAILED\""}},
            {{"numDeletedFiles", deleted_}, {"numVacuumedDirectories", out_.folders}});
    TARN_RETURN_IF_ERROR(status);
    TARN_RETURN_IF_ERROR(logged);
    if (!last_outside_) return Status::Ok();
    return store_.Put(table_->LogKey(kLastVacuum),
                      std::string("{\"") + kLastOutside + "\":" + last_outside_->ToString() + "}",
                      store::PutMode::kOverwrite);
  }

  // Behind a mark that counts no more, others may have brought files back.
  Status CheckMark() const {
    const int64_t age = table_->environment().clock->MonotonicMicros() - marked_micros_;
    if (age / 1000 < kLongestDeletingMs) return Status::Ok();
    return Status::Io("it has been deleting for " + Hours(kLongestDeletingMs) + " hours");
  }

  Status DeleteAll() {
    std::atomic<size_t> next{0};
    std::mutex mutex;
    Status first;
    const auto one_by_one = [&](const std::vector<std::string>& keys) {
      for (const std::string& key : keys) {
        Status status = store_.Delete(key);
        if (status.ok()) {
          ++deleted_;
          continue;
        }
        std::lock_guard lock(mutex);
        if (first.ok()) first = std::move(status);
      }
    };
    const auto work = [&] {
      for (size_t at = next.fetch_add(kDeleteTogether); at < candidates_.size();
           at = next.fetch_add(kDeleteTogether)) {
        std::vector<std::string> keys;
        const size_t end = std::min(at + kDeleteTogether, candidates_.size());
        if (Status late = CheckMark(); !late.ok()) {
          std::lock_guard lock(mutex);
          if (first.ok()) first = std::move(late);
          return;
        }
        for (size_t i = at; i < end; ++i) keys.push_back(candidates_[i].key);
        if (store_.DeleteMany(keys).ok()) {
          deleted_ += static_cast<int64_t>(keys.size());
        } else {
          one_by_one(keys);  // deleting twice does no harm, and tells which one would not go
        }
        if (options_.progress) {
          options_.progress(static_cast<double>(end) / static_cast<double>(candidates_.size()));
        }
      }
    };
    const size_t wanted = std::min<size_t>(static_cast<size_t>(std::max(options_.threads, 1)),
                                           candidates_.size() / kDeleteTogether + 1);
    std::vector<std::thread> helpers;
    for (size_t i = 1; i < wanted; ++i) helpers.emplace_back(work);
    work();
    for (std::thread& helper : helpers) helper.join();
    if (first.ok()) return first;
    return first.WithContext("VACUUM of " + Name() + ": " + std::to_string(deleted_) + " of " +
                             std::to_string(candidates_.size()) +
                             " files were deleted; run it again for the others");
  }

  std::shared_ptr<Table> table_;
  store::ObjectStore& store_;
  const VacuumOptions& options_;
  SnapshotPtr latest_;
  LogListing listing_;
  int64_t default_ms_ = 0;
  int64_t cutoff_ms_ = 0;
  int64_t marked_micros_ = 0;
  std::optional<Version> last_outside_;
  Protected protected_;
  std::vector<std::string> partition_folders_;
  std::set<std::string> nested_;  // "sub/": folders that hold a log of their own
  std::unordered_set<uint64_t> folders_;
  std::vector<Candidate> candidates_;
  std::atomic<int64_t> deleted_{0};
  VacuumOutcome out_;
};

}  // namespace

Result<VacuumOutcome> Vacuum(const std::shared_ptr<Table>& table, const VacuumOptions& options) {
  return Vacuumer(table, options).Run();
}

}  // namespace tarn::delta
