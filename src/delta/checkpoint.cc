#include "delta/checkpoint.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/hash.h"
#include "base/random.h"
#include "delta/json.h"
#include "delta/log.h"
#include "delta/properties.h"
#include "delta/snapshot_builder.h"

namespace tarn::delta {
namespace {

// What of a snapshot's actions to walk.
enum class Share { kAll, kFiles, kOthers };

// Walks protocol, metadata, transactions, domains, files, tombstones.
class ActionCursor {
 public:
  ActionCursor(const Snapshot& snapshot, int64_t tombstones_from_ms, Share share = Share::kAll)
      : stage_(share == Share::kFiles ? kFirstFileStage : 0),
        end_(share == Share::kOthers ? kFirstFileStage : kStages),
        snapshot_(snapshot),
        parts_(PartsOf(snapshot)),
        from_ms_(tombstones_from_ms),
        transactions_(snapshot.AppTransactions()),
        domains_(snapshot.Domains()) {}

  std::optional<Action> Next() {
    for (; stage_ < end_; ++stage_, at_ = 0) {
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
        default: break;
      }
    }
    return std::nullopt;
  }

 private:
  static constexpr int kFirstFileStage = 4;
  static constexpr int kStages = 6;

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

  int stage_;
  int end_;
  const Snapshot& snapshot_;
  const Snapshot::Parts& parts_;
  int64_t from_ms_;
  std::vector<SetTransaction> transactions_;
  std::vector<DomainMetadata> domains_;
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

namespace {

constexpr size_t kActionsPerSidecar = 500'000;

struct WrittenCheckpoint {
  size_t actions = 0;
  uint64_t bytes = 0;
};

bool AsksForV2(const Snapshot& snapshot) {
  const auto& properties = snapshot.metadata().configuration;
  const auto policy = properties.find("delta.checkpointPolicy");
  return policy != properties.end() && policy->second == "v2" &&
         ProtocolSupports(snapshot.protocol(), "v2Checkpoint");
}

// The file actions in Parquet sidecars under names nobody else uses.
Result<std::vector<Sidecar>> WriteSidecars(const TableEnvironment& environment,
                                           const std::string& folder, const Snapshot& snapshot,
                                           int64_t tombstones_from_ms, WrittenCheckpoint* written) {
  ActionCursor files(snapshot, tombstones_from_ms, Share::kFiles);
  std::vector<Sidecar> sidecars;
  for (std::optional<Action> first = files.Next(); first; first = files.Next()) {
    size_t count = 0;
    const auto next = [&]() -> Result<std::optional<Action>> {
      if (count == kActionsPerSidecar) return std::optional<Action>();
      std::optional<Action> action = first ? std::exchange(first, std::nullopt) : files.Next();
      if (action) ++count;
      return action;
    };
    Sidecar sidecar;
    sidecar.path = MakeUuid(*environment.random) + ".parquet";
    TARN_ASSIGN_OR_RETURN(
        const uint64_t bytes,
        environment.checkpoint_format->Write(
            *environment.store, folder + "_sidecars/" + sidecar.path, snapshot.metadata(), next));
    sidecar.size_bytes = static_cast<int64_t>(bytes);
    sidecar.modification_time_ms = environment.clock->NowMillis();
    written->actions += count;
    written->bytes += bytes;
    sidecars.push_back(std::move(sidecar));
  }
  return sidecars;
}

// V2: sidecars first, then the file that names them, as JSON. A crash between leaves sidecars that
// nothing names, which log cleanup removes.
Result<WrittenCheckpoint> WriteV2(const TableEnvironment& environment, const std::string& folder,
                                  const Snapshot& snapshot, int64_t tombstones_from_ms) {
  WrittenCheckpoint written;
  TARN_ASSIGN_OR_RETURN(const std::vector<Sidecar> sidecars,
                        WriteSidecars(environment, folder, snapshot, tombstones_from_ms, &written));
  std::string top;
  AppendAction(CheckpointMetadata{snapshot.version().value(), {}}, &top);
  ActionCursor others(snapshot, tombstones_from_ms, Share::kOthers);
  ++written.actions;
  while (const auto action = others.Next()) {
    AppendAction(*action, &top);
    ++written.actions;
  }
  for (const Sidecar& sidecar : sidecars) AppendAction(sidecar, &top);
  written.actions += sidecars.size();
  written.bytes += top.size();
  const std::string classic = ClassicCheckpointName(snapshot.version());
  const std::string name = classic.substr(0, classic.size() - std::string("parquet").size()) +
                           MakeUuid(*environment.random) + ".json";
  TARN_RETURN_IF_ERROR(environment.store->Put(folder + name, top, store::PutMode::kCreateOnly));
  return written;
}

Result<WrittenCheckpoint> WriteClassic(const TableEnvironment& environment,
                                       const std::string& folder, const Snapshot& snapshot,
                                       int64_t tombstones_from_ms) {
  WrittenCheckpoint written;
  auto actions = CheckpointActions(snapshot, tombstones_from_ms);
  const auto counted = [&]() -> Result<std::optional<Action>> {
    auto action = actions();
    if (action.ok() && action->has_value()) ++written.actions;
    return action;
  };
  TARN_ASSIGN_OR_RETURN(written.bytes,
                        environment.checkpoint_format->Write(
                            *environment.store, folder + ClassicCheckpointName(snapshot.version()),
                            snapshot.metadata(), counted));
  return written;
}

}  // namespace

Status WriteCheckpoint(const TableEnvironment& environment, const std::string& root,
                       const Snapshot& snapshot) {
  if (!environment.checkpoint_format) {
    return Status::Unsupported("table '" + root +
                               "': this process has no Parquet writer for checkpoints");
  }
  auto properties = ParseProperties(snapshot.metadata().configuration);
  const int64_t retention_ms = properties.ok() ? properties->deleted_file_retention_ms
                                               : TableProperties{}.deleted_file_retention_ms;
  const int64_t from_ms = environment.clock->NowMillis() - retention_ms;
  store::ObjectStore& store = *environment.store;
  const std::string folder = LogFolder(root);
  TARN_ASSIGN_OR_RETURN(const WrittenCheckpoint written,
                        AsksForV2(snapshot) ? WriteV2(environment, folder, snapshot, from_ms)
                                            : WriteClassic(environment, folder, snapshot, from_ms));
  const std::optional<Version> hint = ReadCheckpointHint(store, root);
  if (hint && *hint > snapshot.version()) return Status::Ok();
  return store.Put(
      folder + "_last_checkpoint",
      HintJson(snapshot.version(), written.actions, written.bytes, snapshot.num_files()),
      store::PutMode::kOverwrite);
}

}  // namespace tarn::delta
