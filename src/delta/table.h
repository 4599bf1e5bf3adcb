// Table: a handle on one Delta table in a store: opening, refreshing, time travel, history.
//
// Threads: safe for concurrent calls; the newest snapshot is cached and refreshed by reading only
// the commits after it. Lifetime: shared_ptr; transactions and snapshots keep what they need.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "delta/checkpoint_format.h"
#include "delta/snapshot.h"
#include "delta/table_version.h"
#include "store/object_store.h"

namespace tarn::delta {

// What a table stands on. Clock and random are owned by the caller and outlive every table.
struct TableEnvironment {
  std::shared_ptr<store::ObjectStore> store;
  std::shared_ptr<CheckpointFormat> checkpoint_format;
  Clock* clock = &Clock::System();
  Random* random = &Random::System();
  std::string engine_info = "Tarn/0.1.0";
  // Checkpoints from this size on are not read whole for one query: some tens of thousands of
  // files.
  uint64_t defer_from_bytes = 8 << 20;
};

struct HistoryEntry {
  Version version;
  int64_t timestamp_ms = 0;
  CommitInfo info;  // empty operation when the commit carries none
};

class Table : public std::enable_shared_from_this<Table> {
 public:
  // `root`: key of the table's folder in the store ("" for the store's root). No I/O.
  static std::shared_ptr<Table> At(TableEnvironment environment, std::string root);

  const std::string& root() const { return root_; }
  const TableEnvironment& environment() const { return environment_; }
  // Key of a file named in the log (decoded, relative to the root). Absolute paths: Unsupported
  // unless they lie inside the store.
  Result<std::string> KeyOf(const std::string& logged_path) const;
  std::string LogKey(const std::string& name) const;  // <root>/_delta_log/<name>

  // True when _delta_log holds at least one commit or checkpoint.
  Result<bool> Exists();
  // The newest version. Errors: kNotFound (no table), kUnsupported (feature named), kCorruption.
  Result<SnapshotPtr> Latest();
  // The same version for a reader who may not need all of its files. A large table that was not
  // read yet is not read whole for it. Errors: as Latest().
  Result<TableVersionPtr> LatestVersion();
  // Errors: kNotFound naming the versions that are available.
  Result<SnapshotPtr> At(Version version);
  // The last version committed at or before `micros`; error when before the first available or, as
  // Spark does, after the last one (`allow_after_last` false).
  Result<SnapshotPtr> AtTimestamp(int64_t micros, bool allow_after_last = false);
  // Newest first; `limit` 0 means all available.
  Result<std::vector<HistoryEntry>> History(size_t limit = 0);
  // The actions of one commit, in order. kNotFound when its JSON has been cleaned up.
  Result<std::vector<Action>> ReadCommit(Version version);
  // Memory of the cached snapshot; what it shares with older ones in use counts as its own.
  uint64_t CachedBytes();
  // Forget the cached snapshot (after DROP, or when told the log was rewritten by hand).
  void Invalidate();

  // Writes a checkpoint of `snapshot`, then _last_checkpoint. Idempotent. Failure leaves the table
  // usable.
  Status WriteCheckpoint(const SnapshotPtr& snapshot);

 private:
  Table(TableEnvironment environment, std::string root);
  TableEnvironment environment_;
  // The cached snapshot brought up to date; null when the log is no longer the one it came from.
  Result<SnapshotPtr> Refresh(const SnapshotPtr& base);
  Result<bool> StillThere(const Snapshot& base);
  Result<SnapshotPtr> Load(std::optional<Version> version);
  // A snapshot of the cache, without I/O; may be null.
  SnapshotPtr Cached();
  friend class TableVersion;
  // A snapshot that was read whole, for the next ones to stand on.
  void Adopt(const SnapshotPtr& snapshot);

  std::string root_;
  std::mutex refresh_mutex_;  // one refresh at a time: the others want the same answer
  std::mutex mutex_;          // guards latest_
  SnapshotPtr latest_;
  std::atomic<int> deferred_loads_ = 0;
};

}  // namespace tarn::delta
