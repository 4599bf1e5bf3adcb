#include "world.h"

#include <exception>

#include "actors.h"
#include "model.h"
#include "sim_store.h"

namespace tarn::sim {
namespace {

constexpr int64_t kMinuteMicros = 60'000'000;
constexpr int kMostTurns = 200'000;  // far beyond what any run needs

}  // namespace

World::World(uint64_t seed, bool tracing)
    : random_(seed), clock_([this] { Yield(); }), tracing_(tracing) {
  model_ = std::make_unique<Model>(*this);
  store_ = std::make_shared<SimStore>(*this);
  Choose();
}

World::~World() = default;

void World::Choose() {
  Conditions& c = conditions_;
  const bool faulty = !Chance(8);  // some runs are on a store that behaves
  c.rate = 1 + random_.Uniform(3);
  c.enabled_faults = static_cast<uint32_t>(random_.NextU64() | random_.NextU64());
  c.eventual = faulty && Chance(6);
  c.cleanup = !Chance(3);
  c.rot = faulty && !c.cleanup;
  c.in_commit_timestamps = Chance(2);
  c.serializable = Chance(4);
  c.row_tracking = Chance(4);
  c.vectors = !Chance(5);
  c.checkpoint_interval = 2 + static_cast<int>(random_.Uniform(6));
  c.writers = 2 + static_cast<int>(random_.Uniform(3));
  c.readers = 1 + static_cast<int>(random_.Uniform(2));
  c.steps = 3 + static_cast<int>(random_.Uniform(4));
  c.vacuum = !c.eventual && Chance(2);
  c.clones = Chance(3);
  c.change_feed = Chance(2);
  c.log_hours = c.cleanup ? 12 + static_cast<int64_t>(random_.Uniform(36)) : 0;
  c.file_hours = 12 + static_cast<int64_t>(random_.Uniform(36));
  // The log is cleaned up by days: where things expire, a run takes days.
  c.minute_micros = c.cleanup || c.vacuum ? 24 * kMinuteMicros : kMinuteMicros;
  faulty_ = faulty;
}

bool World::Strikes(Event fault, uint64_t one_in) {
  if (current_ == nullptr || !conditions_.faulty || std::uncaught_exceptions() > 0) return false;
  if ((conditions_.enabled_faults >> static_cast<int>(fault) & 1) == 0) return false;
  if (random_.Uniform(1 + one_in / conditions_.rate) != 0) return false;
  Count(fault);
  if (tracing_) Trace(std::string(kEventNames[static_cast<size_t>(fault)]));
  return true;
}

void World::Fail(const std::string& what) {
  if (!violation_.empty()) return;  // the first one tells most
  violation_ = what;
  Trace("VIOLATION " + what);
}

void World::Trace(const std::string& line) {
  if (!tracing_) return;
  const std::string who = current_ == nullptr ? "-" : current_->name;
  trace_.push_back(std::to_string(clock_.store_micros() / 1000 % 1'000'000'000) + " " + who + ": " +
                   line);
}

void World::Yield() {
  if (current_ == nullptr || std::uncaught_exceptions() > 0) return;
  Actor* self = current_;
  self->in_commit = in_commit;
  self->vacuum_began = vacuum_began;
  self->fiber->Yield();
  in_commit = self->in_commit;
  vacuum_began = self->vacuum_began;
}

void World::Think() {
  for (uint64_t i = random_.Uniform(8); i > 0; --i) Step("think", "");
  if (current_ == nullptr || !Chance(12)) return;
  current_->asleep = 40 + static_cast<int>(random_.Uniform(200));
  Yield();
}

void World::Step(const char* what, const std::string& key) {
  clock_.Advance(static_cast<int64_t>(random_.Uniform(3000)));
  for (const char* c = what; *c != 0; ++c)
    digest_ = (digest_ ^ static_cast<unsigned char>(*c)) * 1099511628211ULL;
  for (const char c : key) digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  if (current_ == nullptr || std::uncaught_exceptions() > 0) return;
  if (tracing_) Trace(std::string(what) + " " + key);
  if (Strikes(Event::kStall, 150)) {
    current_->asleep = 20 + static_cast<int>(random_.Uniform(60));
    clock_.Advance(static_cast<int64_t>(random_.Uniform(50)) * conditions_.minute_micros);
  }
  if (current_->cut_off > 0) {
    --current_->cut_off;
  } else if (Strikes(Event::kOutage, 200)) {
    current_->cut_off = 5 + static_cast<int>(random_.Uniform(25));
  }
  if (Strikes(Event::kClockJump, 60))
    clock_.Skew(-static_cast<int64_t>(random_.Uniform(20)) * kMinuteMicros);
  Yield();
  if (Strikes(Event::kCrash, 200)) {
    if (in_commit) Count(Event::kCrashInCommit);
    throw Crash();
  }
}

void World::Spawn(const std::string& name, std::function<void()> body) {
  actors_.push_back(std::make_unique<Actor>());
  actors_.back()->name = name;
  actors_.back()->fiber = std::make_unique<Fiber>(std::move(body));
}

void World::StartActors() {
  for (int i = 0; i < conditions_.writers; ++i) {
    auto writer = std::make_shared<Writer>(*this, i);
    Spawn("writer " + std::to_string(i), [writer] { writer->Run(); });
  }
  for (int i = 0; i < conditions_.readers; ++i) {
    auto reader = std::make_shared<Reader>(*this);
    Spawn("reader " + std::to_string(i), [reader] { reader->Run(); });
  }
  auto maintainer = std::make_shared<Maintainer>(*this);
  Spawn("maintainer", [maintainer] { maintainer->Run(); });
  if (conditions_.vacuum) {
    auto sweeper = std::make_shared<Sweeper>(*this);
    Spawn("sweeper", [sweeper] { sweeper->Run(); });
  }
  if (conditions_.clones) {
    auto cloner = std::make_shared<Cloner>(*this);
    Spawn("cloner", [cloner] { cloner->Run(); });
  }
}

void World::RunActors() {
  std::vector<Actor*> awake;
  for (const auto& actor : actors_) awake.push_back(actor.get());
  for (int turn = 0; !awake.empty() && running(); ++turn) {
    if (turn > kMostTurns) return Fail("the run does not end");
    store_->DeliverDelayed(6);
    const size_t pick = random_.Uniform(awake.size());
    current_ = awake[pick];
    if (current_->asleep > 0 && awake.size() > 1) {
      --current_->asleep;
      current_ = nullptr;
      continue;
    }
    in_commit = current_->in_commit;
    vacuum_began = current_->vacuum_began;
    current_->fiber->Resume();
    if (current_->fiber->done()) awake.erase(awake.begin() + static_cast<int64_t>(pick));
    current_ = nullptr;
  }
}

bool World::Run() {
  Writer(*this, 1000).CreateTable();
  conditions_.faulty = faulty_;
  StartActors();
  RunActors();
  if (!running()) return false;
  // At rest: what was on its way has arrived, and nothing fails any more.
  store_->DeliverDelayed(1);
  conditions_.faulty = conditions_.eventual = false;
  Maintainer(*this).CheckEverything();
  if (running() && conditions_.vacuum) Sweeper(*this).CheckNothingIsLeft();
  if (running() && conditions_.clones) Cloner(*this).CheckClones();
  if (running()) Writer(*this, 1001).Run();  // the table can still be written
  model_->CountFates();
  return running();
}

}  // namespace tarn::sim
