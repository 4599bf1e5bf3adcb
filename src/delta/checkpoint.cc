#include "delta/checkpoint.h"

#include <algorithm>
#include <memory>

#include "base/hash.h"
#include "delta/json.h"
#include "delta/log.h"
#include "delta/properties.h"
#include "delta/snapshot_builder.h"

namespace tarn::delta {
namespace {

// Walks protocol, metadata, transactions, domains, files, tombstones.
class ActionCursor {
 public:
  ActionCursor(const Snapshot& snapshot, int64_t tombstones_from_ms)
      : snapshot_(snapshot),
        parts_(PartsOf(snapshot)),
        from_ms_(tombstones_from_ms),
        transactions_(snapshot.AppTransactions()),
        domains_(snapshot.Domains()) {}

  std::optional<Action> Next() {
    for (;; ++stage_, at_ = 0) {
      switch (stage_) {
        case 0:
          if (at_++ == 0) return Action(snapshot_.protocol());
          break;
        case 1:
          if (at_++ == 0) return Action(snapshot_.metadata());
          break;
        case 2:
          if (at_ < transactions_.size()) return Action(transactions_[at_++]);
          break;
        case 3:
          if (at_ < domains_.size()) return Action(domains_[at_++]);
          break;
        case 4:
          if (at_ < parts_.files.size()) return Action(NextAdd());
          break;
        case 5:
          if (auto remove = NextTombstone()) return Action(std::move(*remove));
          break;
        default: return std::nullopt;
      }
    }
  }

 private:
  AddFile NextAdd() {
    AddFile add = parts_.files.ToAddFile(FileIndex(static_cast<uint32_t>(at_++)));
    add.data_change = false;  // a checkpoint changes nothing
    return add;
  }

  std::optional<RemoveFile> NextTombstone() {
    while (at_ < parts_.tombstones.size()) {
      RemoveFile remove = parts_.tombstones.ToRemoveFile(FileIndex(static_cast<uint32_t>(at_++)));
      // A tombstone without a time counts as removed at the epoch, as in Spark: it has expired.
      if (remove.deletion_timestamp_ms.value_or(0) < from_ms_) continue;
      remove.data_change = false;
      remove.stats.clear();
      remove.tags.clear();
      return remove;
    }
    return std::nullopt;
  }

  const Snapshot& snapshot_;
  const Snapshot::Parts& parts_;
  int64_t from_ms_;
  std::vector<SetTransaction> transactions_;
  std::vector<DomainMetadata> domains_;
  int stage_ = 0;
  size_t at_ = 0;
};

std::string HintJson(Version version, size_t actions, uint64_t bytes, uint32_t adds) {
  std::string json = "{\"version\":" + version.ToString() + ",\"size\":" + std::to_string(actions) +
                     ",\"sizeInBytes\":" + std::to_string(bytes) +
                     ",\"numOfAddFiles\":" + std::to_string(adds);
  const std::optional<std::string> canonical = CanonicalJson(json + "}");
  TARN_CHECK(canonical.has_value());
  return json + ",\"checksum\":\"" + Md5Hex(*canonical) + "\"}";
}

}  // namespace

std::function<Result<std::optional<Action>>()> CheckpointActions(const Snapshot& snapshot,
                                                                 int64_t tombstones_from_ms) {
  auto cursor = std::make_shared<ActionCursor>(snapshot, tombstones_from_ms);
  return [cursor]() -> Result<std::optional<Action>> { return cursor->Next(); };
}

Status WriteCheckpoint(const TableEnvironment& environment, const std::string& root,
                       const Snapshot& snapshot) {
  if (!environment.checkpoint_format) {
    return Status::Unsupported("table '" + root +
                               "': this process has no Parquet writer for checkpoints");
  }
  auto properties = ParseProperties(snapshot.metadata().configuration);
  const int64_t retention_ms = properties.ok() ? properties->deleted_file_retention_ms
                                               : TableProperties{}.deleted_file_retention_ms;
  auto actions = CheckpointActions(snapshot, environment.clock->NowMillis() - retention_ms);
  size_t written = 0;
  const auto counted = [&]() -> Result<std::optional<Action>> {
    auto action = actions();
    if (action.ok() && action->has_value()) ++written;
    return action;
  };
  store::ObjectStore& store = *environment.store;
  const std::string folder = LogFolder(root);
  TARN_ASSIGN_OR_RETURN(
      const uint64_t bytes,
      environment.checkpoint_format->Write(
          store, folder + ClassicCheckpointName(snapshot.version()), snapshot.metadata(), counted));
  const std::optional<Version> hint = ReadCheckpointHint(store, root);
  if (hint && *hint > snapshot.version()) return Status::Ok();
  return store.Put(folder + "_last_checkpoint",
                   HintJson(snapshot.version(), written, bytes, snapshot.num_files()),
                   store::PutMode::kOverwrite);
}

}  // namespace tarn::delta
