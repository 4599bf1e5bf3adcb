#include "delta/table_check.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "delta/checksum.h"
#include "delta/deletion_vector.h"
#include "delta/file_table.h"
#include "delta/json.h"
#include "delta/log.h"
#include "delta/properties.h"
#include "delta/stats.h"
#include "delta/transaction.h"

namespace tarn::delta {
namespace {

constexpr char kHint[] = "_last_checkpoint";

class CountingSink final : public CheckpointSink {
 public:
  Status OnAdd(const AddView&) override { return Status::Ok(); }
  Status OnAction(Action action) override {
    if (auto* sidecar = std::get_if<Sidecar>(&action)) sidecars.push_back(std::move(*sidecar));
    return Status::Ok();
  }
  std::vector<Sidecar> sidecars;
};

class Checker {
 public:
  Checker(const std::shared_ptr<Table>& table, const CheckOptions& options)
      : table_(table), store_(*table->environment().store), options_(options) {}

  Result<CheckOutcome> Run() {
    TARN_ASSIGN_OR_RETURN(listing_, ListLog(store_, table_->root()));
    if (listing_.empty()) {
      return Status::NotFound("there is no Delta table in " + store_.EnginePath(table_->root()) +
                              ": its _delta_log holds no commit and no checkpoint");
    }
    CheckCommits();
    CheckCheckpoints();
    CheckHint();
    auto latest = table_->Latest();
    if (!latest.ok()) {
      Add({"version", "newest",
           "the newest version cannot be read: " + latest.status().message() +
               "; older versions may be (SELECT … VERSION AS OF n)"});
      return std::move(out_);
    }
    latest_ = *latest;
    out_.version = latest_->version();
    CheckChecksum();
    CheckFiles();
    if (options_.repair) TARN_RETURN_IF_ERROR(Repair());
    return std::move(out_);
  }

 private:
  void Add(Finding finding) {
    std::lock_guard lock(mutex_);
    out_.findings.push_back(std::move(finding));
  }

  // --- the log ---

  void CheckCommits() {
    const Version last = listing_.LastVersion();
    const Version first =
        listing_.checkpoints.empty() ? Version(0) : listing_.checkpoints.front().version;
    for (Version version = first; version <= last; version = version.Next()) {
      if (listing_.commits.count(version) == 0) {
        // The checkpoint itself may stand for the oldest version.
        if (version == first && !listing_.checkpoints.empty()) continue;
        Add({"gap", version.ToString(),
             "commit " + CommitName(version) +
                 " is missing; versions that need it cannot be read, the rows it added are known "
                 "from later checkpoints only"});
        continue;
      }
      ++out_.log_files;
      const auto actions = table_->ReadCommit(version);
      if (actions.ok()) continue;
      Add({"commit", CommitName(version), actions.status().message()});
    }
  }

  Status ReadCheckpoint(const CheckpointFiles& checkpoint) {
    CountingSink sink;
    for (const std::string& name : checkpoint.names) {
      ++out_.log_files;
      TARN_RETURN_IF_ERROR(ReadPart(table_->LogKey(name), checkpoint.json, &sink));
    }
    for (const Sidecar& sidecar : sink.sidecars) {
      ++out_.log_files;
      const size_t slash = sidecar.path.rfind('/');
      const std::string name =
          slash == std::string::npos ? sidecar.path : sidecar.path.substr(slash + 1);
      TARN_RETURN_IF_ERROR(ReadPart(table_->LogKey("_sidecars/" + name), false, &sink));
    }
    return Status::Ok();
  }

  Status ReadPart(const std::string& key, bool json, CheckpointSink* sink) {
    if (json) {
      TARN_ASSIGN_OR_RETURN(auto bytes, store_.Get(key));
      return ReadActions(std::move(bytes), key, sink);
    }
    if (!table_->environment().checkpoint_format) return Status::Ok();
    return table_->environment().checkpoint_format->Read(store_, key, {}, sink);
  }

  void CheckCheckpoints() {
    for (const CheckpointFiles& checkpoint : listing_.checkpoints) {
      const Status status = ReadCheckpoint(checkpoint);
      if (status.ok()) continue;
      Finding finding{"checkpoint", checkpoint.version.ToString(), "damaged: " + status.message()};
      // Its own version from the rest of the log: only then can it be written again.
      finding.repairable = checkpoint.names.size() == 1 &&
                           checkpoint.names[0] == ClassicCheckpointName(checkpoint.version) &&
                           table_->At(checkpoint.version).ok();
      finding.detail += finding.repairable ? "; the other log files still give this version"
                                           : "; versions that build on it alone are lost";
      Add(std::move(finding));
    }
    for (const std::string& name : listing_.incomplete) {
      Add({"checkpoint", name, "checkpoint " + name + " lacks parts; it is passed over"});
    }
  }

  void CheckHint() {
    const auto bytes = store_.Get(table_->LogKey(kHint));
    if (!bytes.ok()) return;  // absent is fine
    ++out_.log_files;
    const auto hint = ReadCheckpointHint(store_, table_->root());
    const bool points =
        hint && std::any_of(listing_.checkpoints.begin(), listing_.checkpoints.end(),
                            [&](const auto& checkpoint) { return checkpoint.version == *hint; });
    if (points) return;
    Finding finding{kHint, kHint,
                    hint ? "_last_checkpoint names version " + hint->ToString() +
                               ", which has no checkpoint; readers that trust it fail"
                         : std::string("_last_checkpoint is damaged; readers that trust it fail")};
    finding.repairable = true;
    Add(std::move(finding));
  }

  void CheckChecksum() {
    const std::string name = ChecksumName(latest_->version());
    const auto checksum = ReadChecksum(table_->environment(), table_->root(), latest_->version());
    if (checksum.ok() && !*checksum) return;
    ++out_.log_files;
    const Status status =
        checksum.ok() ? ValidateChecksum(**checksum, *latest_) : checksum.status();
    if (status.ok()) return;
    Finding finding{"checksum", name, name + " does not fit the table: " + status.message()};
    finding.repairable = true;
    Add(std::move(finding));
  }

  // --- the files ---

  void EachFile(const std::function<void(FileIndex)>& look) {
    const uint32_t count = latest_->num_files();
    std::atomic<uint32_t> next{0};
    const auto work = [&] {
      for (uint32_t i = next++; i < count; i = next++) look(FileIndex(i));
    };
    const size_t wanted =
        std::min<size_t>(static_cast<size_t>(std::max(options_.threads, 1)), count / 64 + 1);
    std::vector<std::thread> helpers;
    for (size_t i = 1; i < wanted; ++i) helpers.emplace_back(work);
    work();
    for (std::thread& helper : helpers) helper.join();
  }

  void CheckFiles() {
    out_.files = latest_->num_files();
    EachFile([this](FileIndex index) { CheckFile(index, latest_->File(index)); });
    std::sort(out_.findings.begin(), out_.findings.end(), [](const auto& a, const auto& b) {
      return std::tie(a.kind, a.object) < std::tie(b.kind, b.object);
    });
  }

  // Rows that go with a file; -1 in words when the log does not know.
  static int64_t RowsOf(const AddFile& file) {
    const int64_t deleted = file.deletion_vector ? file.deletion_vector->cardinality : 0;
    return NumRecordsOf(file.stats).value_or(deleted) - deleted;
  }

  void Lose(FileIndex index, const AddFile& file, const char* kind, const std::string& what) {
    Finding finding{kind, file.path, what};
    finding.rows_lost = RowsOf(file);
    finding.repairable = true;
    finding.detail += "; " + std::to_string(finding.rows_lost) + " rows are lost with it";
    Add(std::move(finding));
    std::lock_guard lock(mutex_);
    lost_.push_back(index);
  }

  void CheckFile(FileIndex index, const AddFile& file) {
    const auto key = table_->KeyOf(file.path);
    if (!key.ok()) {
      Add({"elsewhere", file.path, "lies outside the store and was not looked at"});
      return;
    }
    const auto head = store_.Head(*key);
    if (!head.ok() && head.status().code() == StatusCode::kNotFound) {
      return Lose(index, file, "missing_file", "the data file is gone");
    }
    if (!head.ok()) {
      Add({"unreadable", file.path, head.status().message()});
      return;
    }
    const auto size = static_cast<int64_t>(head->size_bytes);
    const std::string sizes = "the data file has " + std::to_string(size) +
                              " bytes, the log says " + std::to_string(file.size_bytes);
    if (size < file.size_bytes)
      return Lose(index, file, "wrong_size", sizes + ": it was cut short");
    if (size > file.size_bytes) Add({"wrong_size", file.path, sizes + ": it was replaced"});
    if (!file.deletion_vector) return;
    const auto rows = ReadDeletionVector(store_, table_->root(), *file.deletion_vector);
    if (rows.ok()) return;
    if (rows.status().code() == StatusCode::kUnsupported) {
      Add({"elsewhere", file.path, rows.status().message()});
      return;
    }
    Lose(index, file, "deletion_vector",
         "which rows are deleted is not known any more (" + rows.status().message() + ")");
  }

  // --- repairs ---

  Status Repair() {
    TARN_RETURN_IF_ERROR(RemoveLost());
    bool hint = false;
    for (Finding& finding : out_.findings) {
      if (!finding.repairable || finding.repaired) continue;
      if (finding.kind == "checksum") {
        TARN_RETURN_IF_ERROR(store_.Delete(table_->LogKey(finding.object)));
        finding.repaired = true;
      } else if (finding.kind == "checkpoint") {
        TARN_ASSIGN_OR_RETURN(const auto snapshot, table_->At(Version(std::stoll(finding.object))));
        TARN_RETURN_IF_ERROR(table_->WriteCheckpoint(snapshot));
        finding.repaired = true;
      } else if (finding.kind == kHint) {
        hint = true;
        finding.repaired = true;
      }
    }
    if (!hint) return Status::Ok();
    // A damaged hint is worse than none; a new checkpoint writes a new one.
    TARN_RETURN_IF_ERROR(store_.Delete(table_->LogKey(kHint)));
    if (!table_->environment().checkpoint_format) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(const auto newest, table_->Latest());
    return table_->WriteCheckpoint(newest);
  }

  Status RemoveLost() {
    if (lost_.empty()) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(auto transaction, Transaction::Begin(table_, latest_));
    int64_t bytes = 0;
    for (const FileIndex index : lost_) {
      bytes += latest_->files().SizeBytes(index);
      TARN_RETURN_IF_ERROR(transaction->RemoveDataFile(index));
    }
    transaction->SetOperation("FSCK", {{"dryRun", "false"}});
    transaction->SetMetric("numMissingFiles", static_cast<int64_t>(lost_.size()));
    transaction->SetMetric("numRemovedFiles", static_cast<int64_t>(lost_.size()));
    transaction->SetMetric("numRemovedBytes", bytes);
    TARN_ASSIGN_OR_RETURN(const CommitResult result, transaction->Commit());
    out_.repaired_version = result.version;
    for (Finding& finding : out_.findings) {
      if (finding.rows_lost > 0 || finding.kind == "missing_file" || finding.kind == "wrong_size" ||
          finding.kind == "deletion_vector") {
        finding.repaired = finding.repairable;
      }
    }
    return Status::Ok();
  }

  std::shared_ptr<Table> table_;
  store::ObjectStore& store_;
  const CheckOptions& options_;
  LogListing listing_;
  SnapshotPtr latest_;
  std::mutex mutex_;  // guards findings and lost_ while files are looked at
  std::vector<FileIndex> lost_;
  CheckOutcome out_;
};

}  // namespace

Result<CheckOutcome> CheckTable(const std::shared_ptr<Table>& table, const CheckOptions& options) {
  return Checker(table, options).Run();
}

}  // namespace tarn::delta
