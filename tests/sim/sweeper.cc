// VACUUM, and those whose files it must leave alone: shallow clones.
#include <algorithm>

#include "actors.h"
#include "delta/shallow_clone.h"
#include "delta/vacuum.h"
#include "sim_store.h"

namespace tarn::sim {
namespace {

constexpr int64_t kHourMs = 3'600'000;

}  // namespace

delta::OpenLocation Actor::Opener() {
  return [this](const std::string& location) -> Result<std::shared_ptr<delta::Table>> {
    if (!location.starts_with(SimStore::kPlace)) return Status::NotFound(location);
    return Open(location.substr(sizeof(SimStore::kPlace) - 1));
  };
}

// --- VACUUM ---

void Sweeper::Step() {
  world_.Think();
  Vacuum(world_.Chance(3), world_.Chance(8));
}

bool Sweeper::Vacuum(bool lite, bool dry_run) {
  delta::VacuumOptions options;
  options.retention_ms = world_.conditions().file_hours * kHourMs;
  options.check_retention = false;
  options.lite = lite;
  options.dry_run = dry_run;
  options.open_clone = Opener();
  world_.vacuum_began = world_.clock().store_micros();
  const auto outcome = delta::Vacuum(table_, options);
  world_.vacuum_began = 0;
  if (outcome.ok()) {
    world_.Count(Event::kVacuum);
    return true;
  }
  const StatusCode code = outcome.status().code();
  // What it wanted to read was cleaned up meanwhile, a clone was dropped under its eyes, the table
  // changes too fast.
  const bool refused = code == StatusCode::kConflict || code == StatusCode::kNotFound ||
                       (lite && code == StatusCode::kInvalidArgument) ||
                       (world_.conditions().clones && code == StatusCode::kCorruption);
  if (refused) {
    world_.Count(Event::kVacuumRefused);
  } else {
    Explain(outcome.status(), "VACUUM fails");
  }
  return false;
}

// At rest: what nobody ever named and is older than the retention goes.
void Sweeper::CheckNothingIsLeft() {
  table_ = Open();
  if (!Vacuum(/*lite=*/false, /*dry_run=*/false)) return world_.Fail("VACUUM fails at rest");
  const int64_t cutoff =
      world_.clock().NowMicros() - (world_.conditions().file_hours * kHourMs + kHourMs) * 1000;
  for (const auto& object : world_.store()->Everything()) {
    if (object.key.find("_delta_log/") != std::string::npos) continue;
    if (object.modified_micros < cutoff && !model_.WasNamed(object.key))
      world_.Fail("VACUUM leaves " + object.key + ", which nobody needs");
  }
}

// --- clones ---

void Cloner::Step() {
  const auto& clones = model_.clones();
  const bool any = std::any_of(clones.begin(), clones.end(),
                               [](const auto& clone) { return clone.second.landed; });
  switch (world_.random().Uniform(any ? 4 : 1)) {
    case 1: return CheckClones();
    case 2: return Drop();
    default: return Clone();
  }
}

void Cloner::Clone() {
  const delta::SnapshotPtr latest = Latest();
  if (latest == nullptr) return;
  const delta::SnapshotPtr version = world_.Chance(2) ? latest : At(RandomPast(*latest));
  if (version == nullptr) return;
  delta::CloneRequest request;
  const std::string root = "c" + std::to_string(model_.NextNumber());
  request.source = table_;
  request.version = version;
  request.target = Open(root);
  request.source_name = kRoot;
  request.open = Opener();
  model_.BeginClone(root, version->version().value());
  world_.Think();
  const auto outcome = delta::ShallowClone(request);
  const CloneFacts& facts = model_.clones().at(root);
  if (outcome.ok()) {
    if (!facts.landed) world_.Fail("clone " + root + " is acknowledged and not there");
    return world_.Count(Event::kClone);
  }
  const StatusCode code = outcome.status().code();
  if (facts.landed && code != StatusCode::kOutcomeUnknown)
    world_.Fail("clone " + root + " is refused and there: " + outcome.status().ToString());
  const bool gone =
      code == StatusCode::kNotFound && (facts.source_version < model_.oldest_with_files() ||
                                        model_.lost_files() || world_.conditions().eventual);
  const bool vacuumed = code == StatusCode::kConflict && world_.conditions().vacuum;
  if (!gone && !vacuumed) return Explain(outcome.status(), "a shallow clone fails");
  world_.Count(Event::kCloneRefused);
}

void Cloner::CheckClones() {
  for (const auto& [root, facts] : model_.clones()) {
    if (!facts.landed) continue;
    const size_t files = facts.files;
    const auto snapshot = Open(root)->Latest();
    const auto now = model_.clones().find(root);
    if (now == model_.clones().end() || !now->second.landed) return;  // dropped meanwhile
    if (!snapshot.ok()) return Explain(snapshot.status(), "a clone cannot be read");
    if ((*snapshot)->num_files() != files) world_.Fail("clone " + root + " reads with other files");
    world_.Count(Event::kCloneRead);
  }
}

void Cloner::Drop() {
  for (auto& [root, facts] : model_.clones()) {
    if (!facts.landed) continue;
    facts.landed = false;
    facts.dropped = true;
    const auto objects = world_.store()->List(root + "/", "", 0);
    if (!objects.ok()) return Explain(objects.status(), "a clone cannot be listed");
    for (auto object = objects->rbegin(); object != objects->rend(); ++object) {
      const Status status = world_.store()->Delete(object->key);
      if (!status.ok()) return Explain(status, "a clone cannot be dropped");
    }
    return world_.Count(Event::kCloneDropped);
  }
}

}  // namespace tarn::sim
