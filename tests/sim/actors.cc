#include "actors.h"

#include <algorithm>

#include "delta/checksum.h"
#include "delta/deletion_vector.h"
#include "delta/file_table.h"
#include "delta/json.h"
#include "delta/log.h"
#include "sim_store.h"

namespace tarn::sim {
namespace {

constexpr int64_t kMinuteMicros = 60'000'000;
constexpr int64_t kLogRetentionMicros = 60 * kMinuteMicros;

}  // namespace

void Actor::Run() {
  int step = 0;
  bool finished = false;
  while (!finished && world_.running()) {
    table_ = Open();
    try {
      for (; step < world_.conditions().steps && world_.running(); ++step) {
        if (world_.Chance(4)) {
          world_.clock().Advance(static_cast<int64_t>(world_.random().Uniform(30)) * kMinuteMicros);
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
  }
}

std::shared_ptr<delta::Table> Actor::Open() {
  delta::TableEnvironment environment;
  environment.store = world_.store();
  environment.checkpoint_format = MakeSimCheckpointFormat(world_);
  environment.clock = &world_.clock();
  environment.random = &world_.random();
  return delta::Table::At(environment, kRoot);
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
  switch (world_.random().Uniform(4)) {
    case 0: At(RandomPast(*latest)); break;
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

// --- maintenance ---

void Maintainer::Step() {
  switch (world_.random().Uniform(3)) {
    case 0: Checkpoint(); break;
    case 1: Compact(); break;
    default:
      if (world_.conditions().cleanup) CleanUp();
  }
}

void Maintainer::Checkpoint() {
  delta::SnapshotPtr snapshot = Latest();
  if (snapshot != nullptr && world_.Chance(3)) snapshot = At(RandomPast(*snapshot));
  if (snapshot == nullptr) return;
  const Status status = table_->WriteCheckpoint(snapshot);
  if (!status.ok()) Explain(status, "a checkpoint cannot be written");
}

// The last word on every file, application, domain, metadata and protocol of some commits.
void Maintainer::Compact() {
  const delta::SnapshotPtr latest = Latest();
  if (latest == nullptr || latest->version().value() < 2) return;
  const int64_t last = 1 + RandomPast(*latest) % latest->version().value();
  const int64_t first = std::max<int64_t>(0, last - 1 - RandomPast(*latest) % 4);
  std::map<std::string, delta::Action> newest;
  for (int64_t version = first; version <= last; ++version) {
    const auto actions = table_->ReadCommit(delta::Version(version));
    if (!actions.ok() && actions.status().code() == StatusCode::kNotFound) return;
    if (!actions.ok()) return Explain(actions.status(), "a commit cannot be read");
    const auto vector_id = [](const auto& file) {
      return file.path + "|" + (file.deletion_vector ? file.deletion_vector->UniqueId() : "");
    };
    for (const delta::Action& action : *actions) {
      if (const auto* remove = std::get_if<delta::RemoveFile>(&action))
        newest.insert_or_assign("file " + vector_id(*remove), action);
    }
    for (const delta::Action& action : *actions) {
      if (const auto* add = std::get_if<delta::AddFile>(&action)) {
        newest.insert_or_assign("file " + vector_id(*add), action);
      } else if (const auto* txn = std::get_if<delta::SetTransaction>(&action)) {
        newest.insert_or_assign("txn " + txn->app_id, action);
      } else if (const auto* domain = std::get_if<delta::DomainMetadata>(&action)) {
        newest.insert_or_assign("domain " + domain->domain, action);
      } else if (!std::holds_alternative<delta::RemoveFile>(action) &&
                 !std::holds_alternative<delta::CommitInfo>(action)) {
        newest.insert_or_assign("kind " + std::to_string(action.index()), action);
      }
    }
  }
  std::string bytes;
  for (const auto& [key, action] : newest) delta::AppendAction(action, &bytes);
  const std::string name = delta::CommitName(delta::Version(first)).substr(0, 20) + "." +
                           delta::CommitName(delta::Version(last)).substr(0, 20) +
                           ".compacted.json";
  const Status status =
      world_.store()->Put(table_->LogKey(name), bytes, store::PutMode::kOverwrite);
  if (status.ok()) {
    world_.Count(Event::kCompaction);
  } else {
    Explain(status, "a compacted log cannot be written");
  }
}

// What is older than the retention and not needed above a checkpoint goes, oldest first. It stops
// at the first delete in doubt: a gap in the log must never have anything below it.
void Maintainer::CleanUp() {
  const auto listing = delta::ListLog(*world_.store(), kRoot);
  if (!listing.ok()) return Explain(listing.status(), "the log cannot be listed");
  const int64_t expired = world_.clock().store_micros() - kLogRetentionMicros;
  const delta::CheckpointFiles* keep = nullptr;
  for (const auto& checkpoint : listing->checkpoints) {
    const auto commit = listing->commits.find(checkpoint.version);
    if (commit != listing->commits.end() && commit->second.modified_micros < expired)
      keep = &checkpoint;
  }
  if (keep == nullptr) return;
  model_.PromiseOnlyFrom(keep->version.value());
  std::map<int64_t, std::vector<std::string>> by_version;
  for (const auto& [version, commit] : listing->commits) {
    if (version < keep->version) by_version[version.value()].push_back(commit.name);
  }
  for (const auto& checkpoint : listing->checkpoints) {
    if (checkpoint.version < keep->version)
      by_version[checkpoint.version.value()].push_back(checkpoint.names.front());
  }
  for (const auto& compacted : listing->compacted) {
    if (compacted.last < keep->version)
      by_version[compacted.last.value()].push_back(compacted.name);
  }
  for (const auto& [version, names] : by_version) {
    const Status status = DeleteBelow(names);
    if (!status.ok()) return Explain(status, "the log cannot be cleaned up");
  }
  world_.Count(Event::kCleanup);
}

Status Maintainer::DeleteBelow(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    TARN_RETURN_IF_ERROR(world_.store()->Delete(table_->LogKey(name)));
  return Status::Ok();
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
