#include "actors.h"

#include <algorithm>

#include "delta/change_feed.h"
#include "delta/checksum.h"
#include "delta/deletion_vector.h"
#include "delta/file_table.h"
#include "delta/log_cleanup.h"
#include "delta/log_compaction.h"
#include "sim_store.h"

namespace tarn::sim {
namespace {

constexpr int kLongRange = 12;  // versions of a change feed

}  // namespace

void Actor::Run() {
  int step = 0;
  bool finished = false;
  while (!finished && world_.running()) {
    table_ = Open();
    try {
      for (; step < world_.conditions().steps && world_.running(); ++step) {
        if (world_.Chance(4)) {
          world_.clock().Advance(static_cast<int64_t>(world_.random().Uniform(30)) *
                                 world_.conditions().minute_micros);
        }
        Step();
        if (world_.Chance(6)) table_ = Open();
      }
      Finish();
      finished = true;
    } catch (const Crash&) {
      ++step;
    }
    world_.in_commit = false;
    world_.vacuum_began = 0;
  }
}

std::shared_ptr<delta::Table> Actor::Open(const std::string& root) {
  delta::TableEnvironment environment;
  environment.store = world_.store();
  environment.checkpoint_format = MakeSimCheckpointFormat(world_);
  environment.clock = &world_.clock();
  environment.random = &world_.random();
  return delta::Table::At(environment, root);
}

void Actor::Explain(const Status& status, const char* what) {
  const bool injected = status.code() == StatusCode::kIo ||
                        status.code() == StatusCode::kOutcomeUnknown ||
                        status.code() == StatusCode::kResource;
  const bool stale = world_.conditions().eventual && (status.code() == StatusCode::kNotFound ||
                                                      status.code() == StatusCode::kCorruption);
  if (!injected && !stale) world_.Fail(std::string(what) + ": " + status.ToString());
}

delta::SnapshotPtr Actor::Latest() {
  const int64_t known = model_.latest();
  auto snapshot = table_->Latest();
  if (!snapshot.ok()) {
    Explain(snapshot.status(), "the newest version cannot be read");
    return nullptr;
  }
  if (!world_.conditions().eventual && (*snapshot)->version().value() < known) {
    world_.Fail("version " + std::to_string(known) + " was there, yet the newest is read as " +
                (*snapshot)->version().ToString());
  }
  model_.OnRead(**snapshot);
  return *snapshot;
}

delta::SnapshotPtr Actor::At(int64_t version) {
  auto snapshot = table_->At(delta::Version(version));
  if (snapshot.ok()) {
    model_.OnRead(**snapshot);
    world_.Count(Event::kTimeTravel);
    return *snapshot;
  }
  const StatusCode code = snapshot.status().code();
  if (version < model_.oldest() &&
      (code == StatusCode::kNotFound || code == StatusCode::kCorruption)) {
    world_.Count(Event::kVersionGone);
  } else {
    Explain(snapshot.status(), "an old version cannot be read");
  }
  return nullptr;
}

int64_t Actor::RandomPast(const delta::Snapshot& latest) {
  return static_cast<int64_t>(
      world_.random().Uniform(static_cast<uint64_t>(latest.version().value()) + 1));
}

// --- readers ---

void Reader::Step() {
  const delta::SnapshotPtr latest = Latest();
  if (latest == nullptr) return;
  switch (world_.random().Uniform(world_.conditions().change_feed ? 5 : 4)) {
    case 0: At(RandomPast(*latest)); break;
    case 4: CheckChanges(*latest); break;
    case 1: CheckVectors(*latest); break;
    case 2: CheckChecksum(*latest); break;
    default: {
      const auto history = table_->History(3);
      if (!history.ok()) Explain(history.status(), "the history cannot be read");
    }
  }
}

void Reader::CheckVectors(const delta::Snapshot& snapshot) {
  for (uint32_t i = 0; i < snapshot.num_files(); ++i) {
    const auto* vector = snapshot.files().DeletionVector(delta::FileIndex(i));
    if (vector == nullptr) continue;
    const auto rows = delta::ReadDeletionVector(*world_.store(), kRoot, *vector);
    // A reader that sleeps for longer than the retention finds files of its version gone.
    const bool gone =
        snapshot.version().value() < model_.oldest_with_files() || model_.lost_files();
    if (!rows.ok() && gone && rows.status().code() == StatusCode::kNotFound) return;
    if (!rows.ok()) return Explain(rows.status(), "a deletion vector cannot be read");
    std::set<uint64_t> positions;
    rows->ForEach([&](uint64_t row) { positions.insert(row); });
    if (positions != model_.Vector(vector->UniqueId()))
      world_.Fail("deletion vector " + vector->UniqueId() + " reads with other rows");
  }
}

void Reader::CheckChecksum(const delta::Snapshot& snapshot) {
  const auto checksum = delta::ReadChecksum(table_->environment(), kRoot, snapshot.version());
  if (!checksum.ok()) return Explain(checksum.status(), "a version checksum cannot be read");
  if (!checksum->has_value()) return;
  const Status status = delta::ValidateChecksum(**checksum, snapshot);
  if (!status.ok()) world_.Fail(status.ToString());
  world_.Count(Event::kChecksumRead);
}

void Reader::CheckChanges(const delta::Snapshot& snapshot) {
  const int64_t last = RandomPast(snapshot);
  const int64_t first =
      std::max<int64_t>(0, last - static_cast<int64_t>(world_.random().Uniform(kLongRange)));
  const auto feed = delta::ReadChanges(*table_, delta::Version(first), delta::Version(last));
  if (feed.ok()) {
    // It ends with the newest version there is, which a stale read takes for an older one.
    const int64_t end = feed->last->version().value();
    if (end != last && !world_.conditions().eventual) world_.Fail("the change feed ends too soon");
    model_.OnChangeFeed(first, end, *feed);
    return world_.Count(Event::kChangeFeedRead);
  }
  const StatusCode code = feed.status().code();
  const bool gone = first < std::max(model_.oldest(), model_.oldest_with_files() + 1) &&
                    (code == StatusCode::kNotFound || code == StatusCode::kCorruption);
  if (!gone && !model_.lost_files()) Explain(feed.status(), "the change feed cannot be read");
}

// --- maintenance ---

void Maintainer::Step() {
  if (world_.Chance(3)) {
    Compact();
  } else {
    Checkpoint();
  }
}

void Maintainer::Checkpoint() {
  delta::SnapshotPtr snapshot = Latest();
  if (snapshot != nullptr && world_.Chance(3)) snapshot = At(RandomPast(*snapshot));
  if (snapshot == nullptr) return;
  const Status status = table_->WriteCheckpoint(snapshot);
  if (!status.ok()) return Explain(status, "a checkpoint cannot be written");
  if (world_.Chance(2)) return;
  const auto cleaned = delta::CleanUpLog(table_->environment(), kRoot, *snapshot);
  if (!cleaned.ok()) return Explain(cleaned.status(), "the log cannot be cleaned up");
  if (*cleaned > 0) world_.Count(Event::kCleanup);
}

void Maintainer::Compact() {
  const delta::SnapshotPtr latest = Latest();
  if (latest == nullptr || latest->version().value() < 2) return;
  const int64_t last = 1 + RandomPast(*latest) % latest->version().value();
  const int64_t first = std::max<int64_t>(0, last - 1 - RandomPast(*latest) % 4);
  const Status status = delta::WriteCompacted(*table_, delta::Version(first), delta::Version(last));
  if (status.ok()) return world_.Count(Event::kCompaction);
  if (status.code() == StatusCode::kNotFound && first < model_.oldest()) return;
  Explain(status, "a compacted log cannot be written");
}

void Maintainer::CheckEverything() {
  table_ = Open();
  const delta::SnapshotPtr latest = Latest();
  if (latest == nullptr) return;
  if (latest->version().value() != model_.latest())
    world_.Fail("at rest, version " + std::to_string(model_.latest()) + " is not the newest");
  // Every version would cost the square of their number; over many seeds all kinds are met.
  for (int i = 0; i < 3 && world_.running(); ++i) At(RandomPast(*latest));
  if (world_.running()) At(model_.oldest());
  const auto history = table_->History(0);
  if (!history.ok()) world_.Fail("the history cannot be read: " + history.status().ToString());
}

}  // namespace tarn::sim
