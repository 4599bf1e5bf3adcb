// The actors of a simulation: processes that open the table, work on it and may die between any two
// calls of the store. A restarted one knows what the lake tells it and nothing else.
//
// Threads: none; each Run is the body of one fiber.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "delta/clone_registry.h"
#include "delta/table.h"
#include "delta/transaction.h"
#include "model.h"
#include "world.h"

namespace tarn::sim {

class Actor {
 public:
  explicit Actor(World& world) : world_(world), model_(world.model()) {}
  virtual ~Actor() = default;
  // Steps until the run's number of steps is done; starts anew after each crash.
  void Run();

 protected:
  virtual void Step() = 0;
  virtual void Finish() {}
  std::shared_ptr<delta::Table> Open(const std::string& root = kRoot);
  // Finds tables of the simulated store by their place.
  delta::OpenLocation Opener();
  // The newest version, checked; null when a fault came between.
  delta::SnapshotPtr Latest();
  delta::SnapshotPtr At(int64_t version);
  // An error that the run's faults explain; anything else is a violation.
  void Explain(const Status& status, const char* what);
  int64_t RandomPast(const delta::Snapshot& latest);

  World& world_;
  Model& model_;
  std::shared_ptr<delta::Table> table_;  // the process's handle
};

class Writer final : public Actor {
 public:
  Writer(World& world, int id) : Actor(world), app_("app" + std::to_string(id / 2)) {}
  // The first version, on a store that behaves.
  void CreateTable();

 protected:
  void Step() override;
  void Finish() override;

 private:
  // A row with its place.
  struct Located {
    delta::FileIndex file;
    uint64_t position = 0;
    Uid uid = 0;
  };
  bool Begin(Kind kind);
  std::vector<Located> LiveRows(const delta::Snapshot& snapshot) const;
  std::vector<Located> LiveRowsOf(int64_t key) const;
  Uid AddRow(int64_t key, int64_t value);
  Status AddFile(std::vector<Uid> rows, bool data_change);
  Status ChangeRows(const std::vector<Located>& removed);
  Status ChangeFile(delta::FileIndex file, const std::set<uint64_t>& gone);
  Status WriteVector(delta::FileIndex file, std::set<uint64_t> gone);
  std::vector<Uid> Survivors(delta::FileIndex file, const std::set<uint64_t>& gone) const;
  std::set<uint64_t> GoneFrom(delta::FileIndex file) const;
  void Replace(const Located& old, int64_t value);
  bool Commit(Event what);
  void Judge(const Result<delta::CommitResult>& result, Event what);
  void CountConflict(const std::string& message);

  void Append();
  void TxnAppend();
  void Merge();
  void Increment();
  void Transfer();
  void DeleteRow();
  void DeleteWhere();
  void Optimize();
  void ChangeMetadata();
  void ChangeDomain();
  void Restore();
  Status WriteChangeFile();

  std::string app_;
  int64_t from_ = -1;        // delivered last: the positions behind this one
  int64_t to_ = -1;          // up to this one
  bool redelivers_ = false;  // it is not known whether it arrived
  std::unique_ptr<delta::Transaction> tx_;
  Intent* intent_ = nullptr;
  Status staged_;              // of what was staged so far
  std::vector<Uid> new_rows_;  // to go into a file of their own
};

class Reader final : public Actor {
 public:
  using Actor::Actor;

 protected:
  void Step() override;

 private:
  void CheckVectors(const delta::Snapshot& snapshot);
  void CheckChecksum(const delta::Snapshot& snapshot);
  void CheckChanges(const delta::Snapshot& snapshot);
};

// Checkpoints, clean-up of the log, compacted logs.
class Maintainer final : public Actor {
 public:
  using Actor::Actor;
  // Everything has come to rest: each version that is promised reads as it was committed.
  void CheckEverything();

 protected:
  void Step() override;

 private:
  void Checkpoint();
  void Compact();
};

class Sweeper final : public Actor {
 public:
  using Actor::Actor;
  void CheckNothingIsLeft();

 protected:
  void Step() override;

 private:
  bool Vacuum(bool lite, bool dry_run);
};

// Makes shallow clones, reads and drops them.
class Cloner final : public Actor {
 public:
  using Actor::Actor;
  void CheckClones();

 protected:
  void Step() override;

 private:
  void Clone();
  void Drop();
};

}  // namespace tarn::sim
