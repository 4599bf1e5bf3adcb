#include "delta/post_commit.h"

#include <spdlog/spdlog.h>

#include "delta/checksum.h"
#include "delta/log_cleanup.h"
#include "delta/log_compaction.h"
#include "delta/properties.h"
#include "delta/symlink_manifest.h"

namespace tarn::delta {

void WarnAfterCommit(const Table& table, const std::string& what, const std::string& why) {
  spdlog::warn("table {}: {} failed, the commit before it stands: {}", table.root(), what, why);
}

namespace {

// Every `interval` commits, the last `interval` ones in one file.
void CompactLog(Table& table, Version committed, int64_t interval) {
  const int64_t next = committed.value() + 1;
  if (interval < 2 || next % interval != 0) return;
  const Status status = WriteCompacted(table, Version(next - interval), committed);
  if (!status.ok()) {
    spdlog::warn("table {}: no compacted log at version {}: {}", table.root(), committed.value(),
                 status.message());
  }
}

// Commits from one checkpoint to the next. Where the table does not say, they follow the size of
// the state, so that writing it costs each commit the same share, within what other engines are
// used to.
int64_t CheckpointInterval(const Snapshot& snapshot) {
  constexpr int64_t kShortest = 10, kLongest = 100, kFilesPerCommit = 100;
  if (snapshot.Property("delta.checkpointInterval")) {
    const auto properties = ParseProperties(snapshot.metadata().configuration);
    return properties.ok() ? properties->checkpoint_interval : kShortest;
  }
  const int64_t files = snapshot.num_files();
  for (const int64_t interval : {kShortest, int64_t{20}, int64_t{50}}) {
    if (files <= interval * kFilesPerCommit) return interval;
  }
  return kLongest;
}

}  // namespace

SnapshotPtr AfterCommit(Table& table, Version committed, const std::string& txn_id) {
  const auto latest = table.Latest();
  if (!latest.ok()) {
    spdlog::warn("table {}: version {} is committed but could not be read back: {}", table.root(),
                 committed.value(), latest.status().message());
    return nullptr;
  }
  const SnapshotPtr& snapshot = *latest;
  if (snapshot->version() < committed) {
    spdlog::warn("table {}: version {} is committed but the log ends at {}", table.root(),
                 committed.value(), snapshot->version().value());
    return nullptr;
  }
  if (snapshot->version() ==
      committed) {  // else a later commit's writer vouches for a later version
    const Status status = WriteChecksum(table.environment(), table.root(), *snapshot, txn_id);
    if (!status.ok()) {
      spdlog::warn("table {}: no checksum of version {}: {}", table.root(), committed.value(),
                   status.message());
    }
  }
  const auto properties = ParseProperties(snapshot->metadata().configuration);
  const int64_t interval = CheckpointInterval(*snapshot);
  const bool checkpoint = committed.value() > 0 && committed.value() % interval == 0;
  if (properties.ok() && !checkpoint) {
    CompactLog(table, committed, properties->log_compaction_interval);
  }
  if (checkpoint && table.environment().checkpoint_format != nullptr) {
    const Status status = table.WriteCheckpoint(snapshot);
    if (!status.ok()) {
      spdlog::warn("table {}: no checkpoint at version {}: {}; the next one is tried in {} commits",
                   table.root(), snapshot->version().value(), status.message(), interval);
    } else if (const auto cleaned = CleanUpLog(table.environment(), table.root(), *snapshot);
               !cleaned.ok()) {
      WarnAfterCommit(table, "cleaning up the log", cleaned.status().message());
    }
  }
  if (WantsManifests(*snapshot)) {
    const auto commit = table.ReadCommit(committed);
    const auto updated =
        commit.ok() ? UpdateManifests(table, *snapshot, *commit).status() : commit.status();
    if (!updated.ok()) WarnAfterCommit(table, "updating the symlink manifests", updated.message());
  }
  return snapshot;
}

}  // namespace tarn::delta
