#include "delta/table.h"

#include "delta/checkpoint.h"
#include "delta/history.h"
#include "delta/json.h"
#include "delta/log.h"
#include "delta/path_key.h"
#include "delta/snapshot_builder.h"

namespace tarn::delta {

Table::Table(TableEnvironment environment, std::string root)
    : environment_(std::move(environment)), root_(std::move(root)) {}

std::shared_ptr<Table> Table::At(TableEnvironment environment, std::string root) {
  return std::shared_ptr<Table>(new Table(std::move(environment), std::move(root)));
}

std::string Table::LogKey(const std::string& name) const { return LogFolder(root_) + name; }

Result<std::string> Table::KeyOf(const std::string& logged_path) const {
  std::string scratch;
  const std::string path(CanonicalPath(logged_path, &scratch));
  std::string key;
  if (!IsAbsolutePath(path)) {
    key = root_.empty() ? path : root_ + "/" + path;
  } else {
    // The store tells where its keys lie; an absolute path below that place has a key.
    std::string base = environment_.store->EnginePath("x");
    if (!base.empty()) base.pop_back();
    if (base.empty() || !path.starts_with(base)) {
      return Status::Unsupported("file '" + logged_path + "' of table '" + root_ +
                                 "' lies outside the store " + environment_.store->Describe() +
                                 "; open a lake that holds both, or copy the table with its files");
    }
    key = path.substr(base.size());
  }
  Status valid = store::ValidateKey(key);
  if (!valid.ok()) {
    return Status::Corruption("file path '" + logged_path + "' of table '" + root_ +
                              "' is not usable: " + valid.message());
  }
  return key;
}

SnapshotPtr Table::Cached() {
  std::lock_guard lock(mutex_);
  return latest_;
}

uint64_t Table::CachedBytes() {
  const SnapshotPtr snapshot = Cached();
  if (!snapshot) return 0;
  const Snapshot::Parts& parts = PartsOf(*snapshot);
  return parts.files.MemoryBytes() + parts.tombstones.MemoryBytes();
}

void Table::Invalidate() {
  std::lock_guard lock(mutex_);
  latest_.reset();
}

Result<bool> Table::Exists() {
  store::ObjectStore& store = *environment_.store;
  const auto first = store.Head(LogKey(CommitName(Version(0))));
  if (first.ok()) return true;
  if (first.status().code() != StatusCode::kNotFound) return first.status();
  TARN_ASSIGN_OR_RETURN(const LogListing listing, ListLog(store, root_));
  return !listing.empty();
}

Result<SnapshotPtr> Table::Load(std::optional<Version> version) {
  return LoadSnapshot({environment_.store, environment_.checkpoint_format, root_}, version);
}

// True when the log still ends the way it did when `base` was read from it.
Result<bool> Table::StillThere(const Snapshot& base) {
  const Snapshot::Parts& parts = PartsOf(base);
  if (parts.stamp) {
    const auto same = environment_.store->Head(LogKey(CommitName(base.version())));
    if (!same.ok() && same.status().code() != StatusCode::kNotFound) return same.status();
    return same.ok() &&
           CommitStamp{same->modified_micros, same->size_bytes, same->tag} == *parts.stamp;
  }
  // The commit's JSON was gone already: its checkpoint stands for it.
  TARN_ASSIGN_OR_RETURN(const LogListing listing,
                        ListLog(*environment_.store, root_, base.version()));
  for (const CheckpointFiles& files : listing.checkpoints) {
    if (files.version == base.version() && files.modified_micros == parts.checkpoint_micros)
      return true;
  }
  return false;
}

Result<SnapshotPtr> Table::Refresh(const SnapshotPtr& base) {
  store::ObjectStore& store = *environment_.store;
  // Ask for the next versions by name until one is absent: no listing, however long the log is.
  std::vector<FetchedCommit> fresh;
  for (Version next = base->version().Next();; next = next.Next()) {
    auto bytes = store.Get(LogKey(CommitName(next)));
    if (!bytes.ok() && bytes.status().code() == StatusCode::kNotFound) break;
    if (!bytes.ok()) return bytes.status();
    fresh.push_back({next, std::move(*bytes), {}});
  }
  if (!fresh.empty()) {
    const auto newest = store.Head(LogKey(CommitName(fresh.back().version)));
    if (!newest.ok() && newest.status().code() == StatusCode::kNotFound)
      return SnapshotPtr();  // cleaned up since we read it
    if (!newest.ok()) return newest.status();
    fresh.back().stamp = {newest->modified_micros, newest->size_bytes, newest->tag};
  }
  // Last, look at the version we stand on. If it is still the file we read, then until now the log
  // was neither replaced (DROP and CREATE) nor cleaned up past it: the absent version is really the
  // end, and the stamp belongs to the bytes.
  TARN_ASSIGN_OR_RETURN(const bool same, StillThere(*base));
  if (!same) return SnapshotPtr();
  if (fresh.empty()) return base;
  return AdvanceSnapshot({environment_.store, environment_.checkpoint_format, root_}, base,
                         std::move(fresh));
}

Result<SnapshotPtr> Table::Latest() {
  std::lock_guard refreshing(refresh_mutex_);
  const SnapshotPtr base = Cached();
  SnapshotPtr newest;
  if (base) {
    TARN_ASSIGN_OR_RETURN(newest, Refresh(base));
  }
  if (!newest) {
    auto loaded = Load(std::nullopt);
    if (!loaded.ok()) {
      Invalidate();
      return loaded.status();
    }
    newest = std::move(*loaded);
  }
  std::lock_guard lock(mutex_);
  latest_ = newest;
  return newest;
}

void Table::Adopt(const SnapshotPtr& snapshot) {
  std::lock_guard lock(mutex_);
  if (!latest_ || latest_->version() < snapshot->version()) latest_ = snapshot;
}

namespace {

// How often a large table is read in part. Whoever comes again is better served by the whole state,
// which stays.
constexpr int kMaxDeferredLoads = 2;

}  // namespace

Result<TableVersionPtr> Table::LatestVersion() {
  if (!Cached() && deferred_loads_ < kMaxDeferredLoads) {
    TARN_ASSIGN_OR_RETURN(
        const SnapshotPtr loaded,
        LoadDefinition({environment_.store, environment_.checkpoint_format, root_}, std::nullopt,
                       environment_.defer_from_bytes));
    if (PartsOf(*loaded).without_files) {
      ++deferred_loads_;
      return std::make_shared<TableVersion>(shared_from_this(), loaded);
    }
    Adopt(loaded);
    return std::make_shared<TableVersion>(loaded);
  }
  TARN_ASSIGN_OR_RETURN(SnapshotPtr latest, Latest());
  return std::make_shared<TableVersion>(std::move(latest));
}

Result<SnapshotPtr> Table::At(Version version) {
  // A damaged newest version must not keep older ones from being read: its error is not ours.
  auto latest = Latest();
  if (latest.ok() && (*latest)->version() == version) return latest;
  return Load(version);
}

Result<SnapshotPtr> Table::AtTimestamp(int64_t micros, bool allow_after_last) {
  TARN_ASSIGN_OR_RETURN(const SnapshotPtr latest, Latest());
  TARN_ASSIGN_OR_RETURN(const LogListing listing, ListLog(*environment_.store, root_));
  TARN_ASSIGN_OR_RETURN(const Version version, VersionAt(*environment_.store, root_, listing,
                                                         *latest, micros, allow_after_last));
  return version == latest->version() ? latest : Load(version);
}

Result<std::vector<HistoryEntry>> Table::History(size_t limit) {
  // History outlives damage of the state: it needs the metadata only for in-commit timestamps.
  auto latest = Latest();
  if (!latest.ok() && latest.status().code() == StatusCode::kNotFound) return latest.status();
  TARN_ASSIGN_OR_RETURN(const LogListing listing, ListLog(*environment_.store, root_));
  return ReadHistory(*environment_.store, root_, listing,
                     latest.ok() ? &(*latest)->metadata() : nullptr, limit);
}

Result<std::vector<Action>> Table::ReadCommit(Version version) {
  const std::string key = LogKey(CommitName(version));
  auto bytes = environment_.store->Get(key);
  if (!bytes.ok() && bytes.status().code() == StatusCode::kNotFound) {
    return Status::NotFound("commit " + version.ToString() + " of table '" + root_ +
                            "' is not in its log: it was never made, or has been cleaned up");
  }
  if (!bytes.ok()) return bytes.status();
  return ParseActions(std::move(*bytes), key);
}

Status Table::WriteCheckpoint(const SnapshotPtr& snapshot) {
  return delta::WriteCheckpoint(environment_, root_, *snapshot);
}

}  // namespace tarn::delta
