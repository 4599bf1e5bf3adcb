// World: one seeded run. It owns what delta asks of its surroundings (store, clock, random) and the
// scheduler that steps the actors, and it decides when something fails.
//
// Every decision comes from the seed: the same seed gives the same run on every machine.
//
// Threads: none; one world per thread at most.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "fiber.h"
#include "tally.h"

namespace tarn::sim {

class Model;
class SimStore;

struct Crash {};  // thrown through an actor that dies

// What a seed chose. Faults are left out of some runs, so that each is also seen alone.
struct Conditions {
  bool faulty = false;
  bool eventual = false;  // stale lists and reads, which S3 does not have
  bool rot = false;  // damaged bytes; never together with clean-up, which relies on checkpoints
  bool cleanup = false;
  bool vacuum = false;  // not together with stale lists: VACUUM relies on what it lists
  bool clones = false;
  bool change_feed = false;
  int64_t log_hours = 0;      // delta.logRetentionDuration, with cleanup
  int64_t file_hours = 0;     // the retention of every VACUUM
  int64_t minute_micros = 0;  // what passes for a minute: most of an hour where things expire
  bool in_commit_timestamps = false;
  bool serializable = false;
  bool row_tracking = false;
  bool vectors = true;
  int checkpoint_interval = 10;
  int writers = 2;
  int readers = 1;
  int steps = 5;
  uint64_t rate = 1;            // how often faults strike
  uint32_t enabled_faults = 0;  // bit per Event
};

class SimClock final : public Clock {
 public:
  explicit SimClock(std::function<void()> yield) : yield_(std::move(yield)) {}
  int64_t NowMicros() override { return now_ + skew_; }
  int64_t MonotonicMicros() override { return now_; }
  void SleepMicros(int64_t micros) override {
    now_ += micros;
    yield_();
  }
  void Advance(int64_t micros) { now_ += micros; }
  void Skew(int64_t micros) { skew_ = micros; }
  int64_t store_micros() const { return now_; }

 private:
  int64_t now_ = 1'700'000'000'000'000;
  int64_t skew_ = 0;
  std::function<void()> yield_;
};

class World {
 public:
  World(uint64_t seed, bool tracing);
  ~World();

  // True when everything held.
  bool Run();

  const std::string& violation() const { return violation_; }
  const std::vector<std::string>& trace() const { return trace_; }
  const Tally& tally() const { return tally_; }
  // A number that two runs of one seed must agree on.
  uint64_t digest() const { return digest_; }

  // --- for actors, store and model ---
  Random& random() { return random_; }
  SimClock& clock() { return clock_; }
  Model& model() { return *model_; }
  const std::shared_ptr<SimStore>& store() { return store_; }
  const Conditions& conditions() const { return conditions_; }
  bool running() const { return violation_.empty(); }
  bool Chance(uint64_t one_in) { return random_.Uniform(one_in) == 0; }
  // True about once in `one_in` calls when the fault is on in this run; counted.
  bool Strikes(Event fault, uint64_t one_in);
  void Count(Event event) { tally_.Count(event); }
  void Fail(const std::string& what);
  bool tracing() const { return tracing_; }
  void Trace(const std::string& line);
  // Before and after every call of the store: another actor may run, this one may die.
  void Step(const char* what, const std::string& key);
  // Time passes for the actor between reading and committing; sometimes hours.
  void Think();
  // True while no call of the actor reaches the store.
  bool CutOff() const { return current_ != nullptr && current_->cut_off > 0; }
  // Set while an actor is inside Transaction::Commit.
  bool in_commit = false;
  // When the VACUUM the actor is in began, by the store's clock; 0 outside.
  int64_t vacuum_began = 0;

 private:
  void Choose();
  void StartActors();
  void Spawn(const std::string& name, std::function<void()> body);
  void RunActors();
  void Yield();

  SeededRandom random_;
  SimClock clock_;
  Conditions conditions_;
  std::unique_ptr<Model> model_;
  std::shared_ptr<SimStore> store_;
  struct Actor {
    std::string name;
    std::unique_ptr<Fiber> fiber;
    int asleep = 0;   // turns it is passed over
    int cut_off = 0;  // calls that will not reach the store
    bool in_commit = false;
    int64_t vacuum_began = 0;
  };
  std::vector<std::unique_ptr<Actor>> actors_;
  Actor* current_ = nullptr;
  bool tracing_;
  bool faulty_ = false;
  uint64_t digest_ = 14695981039346656037ULL;
  std::string violation_;
  std::vector<std::string> trace_;
  Tally tally_;
};

}  // namespace tarn::sim
