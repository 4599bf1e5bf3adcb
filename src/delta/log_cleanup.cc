#include "delta/log_cleanup.h"

#include <algorithm>
#include <set>

#include "delta/history.h"
#include "delta/json.h"
#include "delta/log.h"
#include "delta/path_key.h"
#include "delta/properties.h"

namespace tarn::delta {
namespace {

constexpr int64_t kDayMs = 86'400'000;

class SidecarNames final : public CheckpointSink {
 public:
  explicit SidecarNames(std::set<std::string>* out) : out_(out) {}
  Status OnAdd(const AddView&) override { return Status::Ok(); }
  Status OnAction(Action action) override {
    if (const auto* sidecar = std::get_if<Sidecar>(&action)) {
      const std::string path = UriDecode(sidecar->path);
      const size_t slash = path.rfind('/');
      out_->insert(slash == std::string::npos ? path : path.substr(slash + 1));
    }
    return Status::Ok();
  }

 private:
  std::set<std::string>* out_;
};

class Cleaner {
 public:
  Cleaner(const TableEnvironment& environment, const std::string& root)
      : environment_(environment),
        store_(*environment.store),
        folder_(LogFolder(root)),
        root_(root) {}

  Result<int64_t> Run(const Snapshot& checkpointed, int64_t retention_ms) {
    const int64_t now_ms = environment_.clock->NowMillis();
    const int64_t cutoff_ms = (now_ms - retention_ms) / kDayMs * kDayMs;
    TARN_ASSIGN_OR_RETURN(const bool young, BeginsAfter(cutoff_ms));
    if (young) return int64_t{0};
    TARN_ASSIGN_OR_RETURN(const LogListing listing, ListLog(store_, root_));
    const auto keep_from = OldestToKeep(listing, checkpointed.version(), cutoff_ms);
    if (!keep_from) return int64_t{0};
    TARN_RETURN_IF_ERROR(DeleteBefore(*keep_from));
    TARN_RETURN_IF_ERROR(DeleteSidecars(*keep_from, now_ms));
    return deleted_;
  }

 private:
  // Nothing has expired: told from the oldest file alone, so that it costs a busy table nothing.
  Result<bool> BeginsAfter(int64_t cutoff_ms) {
    const auto first = store_.Head(folder_ + CommitName(Version(0)));
    if (first.ok()) return first->modified_micros / 1000 >= cutoff_ms;
    if (first.status().code() != StatusCode::kNotFound) return first.status();
    TARN_ASSIGN_OR_RETURN(const auto oldest, store_.List(folder_ + "0", "", 1));
    return oldest.empty() || oldest.front().modified_micros / 1000 >= cutoff_ms;
  }

  // The newest checkpoint that stands for the time of the cutoff; nullopt: nothing may go.
  static std::optional<Version> OldestToKeep(const LogListing& listing, Version written,
                                             int64_t cutoff_ms) {
    std::optional<Version> last_expired;
    for (const CommitTime& time : FileTimes(listing)) {
      if (time.timestamp_ms >= cutoff_ms) break;
      last_expired = time.version;
    }
    if (!last_expired) return std::nullopt;
    std::optional<Version> keep;
    for (const CheckpointFiles& checkpoint : listing.checkpoints) {
      if (checkpoint.version > *last_expired || checkpoint.version > written) break;
      keep = checkpoint.version;
    }
    return keep;
  }

  Status DeleteBefore(Version keep) {
    TARN_ASSIGN_OR_RETURN(const auto objects, store_.List(folder_ + "0"));
    for (const auto& object : objects) {
      const auto name = ParseLogFileName(object.key.substr(folder_.size()));
      // A compacted file that reaches past the checkpoint is of use to nobody without its start.
      if (!name || name->version >= keep) continue;
      TARN_RETURN_IF_ERROR(store_.Delete(object.key));
      ++deleted_;
    }
    return Status::Ok();
  }

  // Sidecars no remaining checkpoint names. When one of those cannot be read none goes.
  Status DeleteSidecars(Version keep, int64_t now_ms) {
    TARN_ASSIGN_OR_RETURN(const auto sidecars, store_.List(folder_ + "_sidecars/"));
    if (sidecars.empty()) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(const LogListing listing, ListLog(store_, root_, keep));
    std::set<std::string> named;
    SidecarNames sink(&named);
    for (const CheckpointFiles& checkpoint : listing.checkpoints) {
      for (const std::string& name : checkpoint.names) {
        Status status;
        if (checkpoint.json) {
          auto bytes = store_.Get(folder_ + name);
          status = bytes.ok() ? ReadActions(std::move(*bytes), name, &sink) : bytes.status();
        } else if (environment_.checkpoint_format) {
          CheckpointReadOptions options;
          options.adds = options.removes = options.stats = false;
          status = environment_.checkpoint_format->Read(store_, folder_ + name, options, &sink);
        } else {
          status = Status::Unsupported("no Parquet reader");
        }
        if (!status.ok()) return Status::Ok();
      }
    }
    for (const auto& object : sidecars) {
      const std::string name = object.key.substr(object.key.rfind('/') + 1);
      if (named.count(name) != 0 || object.modified_micros / 1000 > now_ms - kDayMs) continue;
      TARN_RETURN_IF_ERROR(store_.Delete(object.key));
      ++deleted_;
    }
    return Status::Ok();
  }

  const TableEnvironment& environment_;
  store::ObjectStore& store_;
  std::string folder_;
  std::string root_;
  int64_t deleted_ = 0;
};

}  // namespace

Result<int64_t> CleanUpLog(const TableEnvironment& environment, const std::string& root,
                           const Snapshot& checkpointed) {
  if (checkpointed.Property("delta.enableExpiredLogCleanup").value_or("true") == "false") {
    return int64_t{0};
  }
  TARN_ASSIGN_OR_RETURN(const auto properties,
                        ParseProperties(checkpointed.metadata().configuration));
  return Cleaner(environment, root).Run(checkpointed, properties.log_retention_ms);
}

}  // namespace tarn::delta
