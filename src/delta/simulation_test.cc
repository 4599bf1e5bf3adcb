// Deterministic simulation: writers and readers as fibers over one store, stepped by a seeded
// scheduler that fails, loses, delays and repeats calls and kills writers between any two of them.
// What must hold is checked against the log afterwards. A failing seed is printed:
// TARN_SIM_FIRST=<seed> TARN_SIM_SEEDS=1 replays it.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <ucontext.h>

#include <cstdlib>
#include <map>
#include <set>

#include "delta/file_table.h"
#include "delta/log.h"
#include "delta/test_lake.h"

namespace tarn::delta {
namespace {

using testing::MakeFile;
using testing::Paths;
using testing::TestLake;

struct Crash {};  // thrown through a writer that is killed

class Fiber {
 public:
  explicit Fiber(std::function<void()> body)
      : body_(std::move(body)), stack_(new char[kStackBytes]) {
    getcontext(&own_);
    own_.uc_stack.ss_sp = stack_.get();
    own_.uc_stack.ss_size = kStackBytes;
    own_.uc_link = &scheduler_;
    const auto self = reinterpret_cast<uintptr_t>(this);
    makecontext(&own_, reinterpret_cast<void (*)()>(&Fiber::Enter), 2, static_cast<unsigned>(self),
                static_cast<unsigned>(self >> 32));
  }
  bool done() const { return done_; }
  void Resume() { swapcontext(&scheduler_, &own_); }
  void Yield() { swapcontext(&own_, &scheduler_); }

 private:
  static constexpr size_t kStackBytes = 512 * 1024;
  static void Enter(unsigned low, unsigned high) {
    auto* self =
        reinterpret_cast<Fiber*>(static_cast<uintptr_t>(low) | static_cast<uintptr_t>(high) << 32);
    self->body_();
    self->done_ = true;
  }
  std::function<void()> body_;
  std::unique_ptr<char[]> stack_;
  ucontext_t own_;
  ucontext_t scheduler_;
  bool done_ = false;
};

constexpr int kWriters = 4;
constexpr int kStepsPerWriter = 8;
constexpr int kAccounts = 4;
constexpr int64_t kOpeningBalance = 100;
constexpr int64_t kBagRows = 200;

class Simulation;

class SimulatedStore final : public store::ObjectStore {
 public:
  SimulatedStore(Simulation& world, std::shared_ptr<store::ObjectStore> inner)
      : world_(world), inner_(std::move(inner)) {}
  Result<std::string> Get(const std::string& key) override {
    TARN_RETURN_IF_ERROR(Step(key));
    return inner_->Get(key);
  }
  Result<std::string> GetRange(const std::string& key, uint64_t offset, uint64_t length) override {
    TARN_RETURN_IF_ERROR(Step(key));
    return inner_->GetRange(key, offset, length);
  }
  Result<store::ObjectInfo> Head(const std::string& key) override {
    TARN_RETURN_IF_ERROR(Step(key));
    return inner_->Head(key);
  }
  Status Put(const std::string& key, std::string_view bytes, store::PutMode mode) override;
  Result<std::unique_ptr<store::ObjectWriter>> OpenWriter(const std::string& key,
                                                          store::PutMode mode) override {
    TARN_RETURN_IF_ERROR(Step(key));
    return inner_->OpenWriter(key, mode);
  }
  Status Delete(const std::string& key) override {
    TARN_RETURN_IF_ERROR(Step(key));
    return inner_->Delete(key);
  }
  Result<std::vector<store::ObjectInfo>> List(const std::string& prefix, const std::string& after,
                                              size_t limit) override {
    TARN_RETURN_IF_ERROR(Step(prefix));
    return inner_->List(prefix, after, limit);
  }
  Result<Listing> ListFolder(const std::string& folder) override {
    TARN_RETURN_IF_ERROR(Step(folder));
    return inner_->ListFolder(folder);
  }
  std::string EnginePath(const std::string&) const override { return ""; }
  std::string Describe() const override { return "simulation"; }

 private:
  Status Step(const std::string& key);
  Simulation& world_;
  std::shared_ptr<store::ObjectStore> inner_;
};

class SimulatedClock final : public Clock {
 public:
  explicit SimulatedClock(Simulation& world) : world_(world) {}
  int64_t NowMicros() override { return now_; }
  int64_t MonotonicMicros() override { return now_; }
  void SleepMicros(int64_t micros) override;
  int64_t now_ = 1'700'000'000'000'000;

 private:
  Simulation& world_;
};

class Simulation {
 public:
  explicit Simulation(uint64_t seed)
      : random_(seed),
        clock_(*this),
        memory_(store::MakeMemoryStore()),
        store_(std::make_shared<SimulatedStore>(*this, memory_)) {
    faults_ = random_.Uniform(4);  // some seeds run on a well-behaved store
    in_commit_timestamps_ = random_.Uniform(2) == 0;
    serializable_ = random_.Uniform(4) == 0;
  }

  void Run() {
    Populate();
    for (int i = 0; i < kWriters; ++i) {
      fibers_.push_back(std::make_unique<Fiber>([this, i] { Writer(i); }));
    }
    fibers_.push_back(std::make_unique<Fiber>([this] { Reader(); }));
    std::vector<Fiber*> running;
    for (const auto& fiber : fibers_) running.push_back(fiber.get());
    while (!running.empty()) {
      DeliverDelayed(4);
      const size_t pick = random_.Uniform(running.size());
      current_ = running[pick];
      current_->Resume();
      if (current_->done()) running.erase(running.begin() + static_cast<int64_t>(pick));
      current_ = nullptr;
    }
    DeliverDelayed(1);
    Verify();
  }

  void Yield() {
    clock_.now_ += static_cast<int64_t>(random_.Uniform(3000));
    if (current_ != nullptr) current_->Yield();
  }
  // A chance of one in `n`, on stores that misbehave.
  bool Strikes(uint64_t n) {
    return current_ != nullptr && faults_ != 0 && random_.Uniform(n / faults_ + 1) == 0;
  }
  void Delay(const std::string& key, std::string bytes) {
    delayed_.emplace_back(key, std::move(bytes));
  }
  void MaybeCrash() {
    if (Strikes(250)) throw Crash();
  }
  int commits() const { return commits_; }
  int conflicts() const { return conflicts_; }

 private:
  struct Outcome {
    bool acknowledged = false;
    bool refused = false;  // certainly not done
  };

  std::shared_ptr<Table> Open() {
    TableEnvironment environment;
    environment.store = store_;
    environment.clock = &clock_;
    environment.random = &random_;
    return Table::At(environment, "t");
  }

  void Populate() {
    StringMap properties = {{"delta.enableDeletionVectors", "true"}};
    if (in_commit_timestamps_) properties["delta.enableInCommitTimestamps"] = "true";
    if (serializable_) properties["delta.isolationLevel"] = "Serializable";
    auto table = Open();
    auto create = Transaction::Create(table, TestLake::PlainMetadata(properties));
    ASSERT_TRUE(create.ok()) << create.status().ToString();
    ASSERT_TRUE((*create)->AddDataFile(MakeFile("bag", 0, kBagRows - 1)).ok());
    ASSERT_TRUE((*create)->AddDataFile(MakeFile("counter-0-x", -1, -1)).ok());
    for (int i = 0; i < kAccounts; ++i) {
      ASSERT_TRUE(
          (*create)->AddDataFile(MakeFile(AccountPath(i, kOpeningBalance), -10 - i, -10 - i)).ok());
    }
    ASSERT_TRUE((*create)->Commit().ok());
  }

  std::string Unique() { return std::to_string(++unique_); }
  std::string AccountPath(int account, int64_t balance) {
    return "account-" + std::to_string(account) + "-" + std::to_string(balance) + "-" + Unique();
  }
  static std::vector<std::string> Parts(const std::string& path) {
    std::vector<std::string> out(1);
    for (const char c : path) {
      if (c == '-') {
        out.emplace_back();
      } else {
        out.back().push_back(c);
      }
    }
    return out;
  }
  // The live file whose name begins so.
  static std::optional<FileIndex> FindPrefix(const Snapshot& snapshot, const std::string& prefix) {
    for (uint32_t i = 0; i < snapshot.num_files(); ++i) {
      if (snapshot.files().Path(FileIndex(i)).substr(0, prefix.size()) == prefix)
        return FileIndex(i);
    }
    return std::nullopt;
  }

  // --- what the writers do ---

  void Writer(int id) {
    int64_t epoch = 0;
    int step = 0;
    while (step < kStepsPerWriter) {
      auto table = Open();  // a restarted process knows nothing
      try {
        for (; step < kStepsPerWriter; ++step) {
          switch (random_.Uniform(5)) {
            case 0: AppendRow(table); break;
            case 1: AppendEpoch(table, id, &epoch); break;
            case 2: Increment(table); break;
            case 3: DeleteFromBag(table); break;
            default: Transfer(table); break;
          }
        }
      } catch (const Crash&) {
        ++step;
        ResolveCrash();
      }
    }
    FinishEpoch(id, &epoch);
  }

  std::unique_ptr<Transaction> Start(const std::shared_ptr<Table>& table) {
    auto snapshot = table->Latest();
    if (!snapshot.ok()) return nullptr;
    auto transaction = Transaction::Begin(table, *snapshot);
    EXPECT_TRUE(transaction.ok()) << transaction.status().ToString();
    return std::move(*transaction);
  }

  // Commits; `doubt` records that the change may have happened, should we die on the way.
  Outcome Commit(Transaction& transaction, std::function<void()> doubt) {
    in_doubt_[current_] = doubt;
    const auto result = transaction.Commit();
    in_doubt_.erase(current_);
    Outcome out;
    out.acknowledged = result.ok();
    if (result.ok()) {
      ++commits_;
      return out;
    }
    out.refused = result.status().code() != StatusCode::kOutcomeUnknown;
    conflicts_ += result.status().code() == StatusCode::kConflict;
    if (!out.refused) doubt();
    return out;
  }
  void ResolveCrash() {
    const auto found = in_doubt_.find(current_);
    if (found == in_doubt_.end()) return;
    found->second();
    in_doubt_.erase(found);
  }

  void AppendRow(const std::shared_ptr<Table>& table) {
    auto transaction = Start(table);
    if (transaction == nullptr) return;
    const std::string path = "row-" + Unique();
    ASSERT_TRUE(transaction->AddDataFile(MakeFile(path, 1000, 1000)).ok());
    const Outcome outcome = Commit(*transaction, [this, path] { maybe_rows_.insert(path); });
    if (outcome.acknowledged) rows_.insert(path);
  }

  // Exactly once: the same epoch is offered again until it is known to be in.
  void AppendEpoch(const std::shared_ptr<Table>& table, int id, int64_t* epoch) {
    auto transaction = Start(table);
    if (transaction == nullptr) return;
    const std::string path =
        "epoch-" + std::to_string(id) + "-" + std::to_string(*epoch) + "-" + Unique();
    transaction->SetAppTransaction("app" + std::to_string(id), *epoch);
    ASSERT_TRUE(transaction->AddDataFile(MakeFile(path, 2000, 2000)).ok());
    if (Commit(*transaction, [] {}).acknowledged) epochs_[id] = (*epoch)++;
  }

  void FinishEpoch(int id, int64_t* epoch) {
    const int64_t wanted = *epoch + 1;
    while (*epoch < wanted) {
      try {
        auto table = Open();
        while (*epoch < wanted) AppendEpoch(table, id, epoch);
      } catch (const Crash&) {
      }
    }
  }

  void Increment(const std::shared_ptr<Table>& table) {
    auto transaction = Start(table);
    if (transaction == nullptr) return;
    const auto index = FindPrefix(*transaction->base(), "counter-");
    ASSERT_TRUE(index);
    const int64_t value = std::stoll(Parts(transaction->base()->File(*index).path)[1]);
    transaction->ReadFile(*index);
    ASSERT_TRUE(transaction->RemoveDataFile(*index).ok());
    ASSERT_TRUE(
        transaction
            ->AddDataFile(MakeFile("counter-" + std::to_string(value + 1) + "-" + Unique(), -1, -1))
            .ok());
    increments_ += Commit(*transaction, [this] { ++maybe_increments_; }).acknowledged;
  }

  void DeleteFromBag(const std::shared_ptr<Table>& table) {
    auto transaction = Start(table);
    if (transaction == nullptr) return;
    const auto index = transaction->base()->FindFile("bag");
    ASSERT_TRUE(index);
    RowSet gone;
    if (const auto* vector = transaction->base()->files().DeletionVector(*index)) {
      auto read = ReadDeletionVector(*memory_, "t", *vector);
      ASSERT_TRUE(read.ok()) << read.status().ToString();
      gone = std::move(*read);
    }
    const uint64_t row = random_.Uniform(kBagRows);
    if (gone.Contains(row)) return;
    gone.Add(row);
    auto written = WriteDeletionVectors(*memory_, "t", {gone}, random_);
    ASSERT_TRUE(written.ok());
    transaction->ReadFile(*index);
    ASSERT_TRUE(transaction->UpdateDeletionVector(*index, (*written)[0]).ok());
    if (Commit(*transaction, [this, row] { maybe_deleted_.insert(row); }).acknowledged) {
      EXPECT_TRUE(deleted_.insert(row).second) << "row " << row << " was deleted by two commits";
    }
  }

  void Transfer(const std::shared_ptr<Table>& table) {
    auto transaction = Start(table);
    if (transaction == nullptr) return;
    const int from = static_cast<int>(random_.Uniform(kAccounts));
    const int to = (from + 1 + static_cast<int>(random_.Uniform(kAccounts - 1))) % kAccounts;
    const Snapshot& base = *transaction->base();
    const auto balance_of = [&](int account, FileIndex* index) {
      const auto found = FindPrefix(base, "account-" + std::to_string(account) + "-");
      EXPECT_TRUE(found);
      *index = *found;
      return std::stoll(Parts(base.File(*found).path)[2]);
    };
    FileIndex from_file;
    FileIndex to_file;
    const int64_t from_balance = balance_of(from, &from_file);
    const int64_t to_balance = balance_of(to, &to_file);
    const int64_t amount =
        std::min<int64_t>(from_balance, static_cast<int64_t>(random_.Uniform(30)));
    Replace(*transaction, from, from_file, from_balance - amount);
    Replace(*transaction, to, to_file, to_balance + amount);
    Commit(*transaction, [] {});
  }

  void Replace(Transaction& transaction, int account, FileIndex file, int64_t balance) {
    const int64_t id = -10 - account;
    transaction.ReadWhere(testing::IdEquals(id));
    ASSERT_TRUE(transaction.RemoveDataFile(file).ok());
    ASSERT_TRUE(transaction.AddDataFile(MakeFile(AccountPath(account, balance), id, id)).ok());
  }

  void Reader() {
    for (int i = 0; i < kStepsPerWriter * 2; ++i) {
      try {
        auto table = Open();
        for (; i < kStepsPerWriter * 2; ++i) {
          const auto snapshot = table->Latest();
          if (snapshot.ok()) Remember(**snapshot);
        }
      } catch (const Crash&) {
      }
    }
  }

  // --- what must hold ---

  static std::string Fingerprint(const Snapshot& snapshot) {
    std::multiset<std::string> files;
    for (uint32_t i = 0; i < snapshot.num_files(); ++i) {
      const AddFile file = snapshot.File(FileIndex(i));
      files.insert(file.path + "|" +
                   (file.deletion_vector ? file.deletion_vector->UniqueId() : ""));
    }
    std::string out;
    for (const std::string& file : files) out += file + "\n";
    return out;
  }

  void Remember(const Snapshot& snapshot) {
    const auto [place, inserted] = seen_.emplace(snapshot.version().value(), Fingerprint(snapshot));
    EXPECT_EQ(place->second, Fingerprint(snapshot))
        << "version " << snapshot.version().value() << " changed";
    int64_t sum = 0;
    for (const std::string& path : Paths(snapshot)) {
      const auto parts = Parts(path);
      if (parts[0] == "account") sum += std::stoll(parts[2]);
    }
    EXPECT_EQ(sum, kAccounts * kOpeningBalance) << "at version " << snapshot.version().value();
  }

  void DeliverDelayed(uint64_t one_in) {
    for (auto it = delayed_.begin(); it != delayed_.end();) {
      if (random_.Uniform(one_in) != 0) {
        ++it;
        continue;
      }
      // Late, but still only if absent.
      (void)memory_->Put(it->first, it->second, store::PutMode::kCreateOnly).ok();
      it = delayed_.erase(it);
    }
  }

  void Verify() {
    auto table = Open();
    const auto latest = table->Latest();
    ASSERT_TRUE(latest.ok()) << latest.status().ToString();
    int64_t timestamp_ms = 0;
    std::map<std::string, int> added;
    for (int64_t version = 0; version <= (*latest)->version().value(); ++version) {
      const auto actions = table->ReadCommit(Version(version));
      ASSERT_TRUE(actions.ok()) << "versions are not contiguous: " << actions.status().ToString();
      for (const Action& action : *actions) {
        if (const auto* file = std::get_if<AddFile>(&action)) ++added[file->path];
      }
      const auto* info = std::get_if<CommitInfo>(&actions->front());
      ASSERT_NE(info, nullptr);
      if (in_commit_timestamps_) {
        EXPECT_GT(info->in_commit_timestamp_ms.value_or(0), timestamp_ms);
        timestamp_ms = info->in_commit_timestamp_ms.value_or(0);
      }
      const auto snapshot = table->At(Version(version));
      ASSERT_TRUE(snapshot.ok()) << snapshot.status().ToString();
      Remember(**snapshot);
    }
    VerifyRows(added);
    VerifyFinal(**latest);
  }

  void VerifyRows(const std::map<std::string, int>& added) {
    for (const std::string& path : rows_) {
      const auto found = added.find(path);
      EXPECT_TRUE(found != added.end() && found->second == 1)
          << "acknowledged " << path << " is lost or doubled";
    }
    std::map<std::string, int> epochs;
    for (const auto& [path, count] : added) {
      const auto parts = Parts(path);
      if (parts[0] == "row") {
        EXPECT_TRUE(rows_.count(path) != 0 || maybe_rows_.count(path) != 0)
            << path << " was refused, yet is there";
        EXPECT_EQ(count, 1) << path;
      } else if (parts[0] == "epoch") {
        epochs[parts[1] + "-" + parts[2]] += count;
      }
    }
    for (const auto& [id, last] : epochs_) {
      for (int64_t epoch = 0; epoch <= last; ++epoch) {
        EXPECT_EQ(epochs[std::to_string(id) + "-" + std::to_string(epoch)], 1)
            << "epoch " << epoch << " of " << id;
      }
    }
  }

  void VerifyFinal(const Snapshot& snapshot) {
    const auto counter = FindPrefix(snapshot, "counter-");
    ASSERT_TRUE(counter);
    const int64_t value = std::stoll(Parts(snapshot.File(*counter).path)[1]);
    EXPECT_GE(value, increments_) << "lost update";
    EXPECT_LE(value, increments_ + maybe_increments_) << "an increment was done twice";
    RowSet gone;
    const auto bag = snapshot.FindFile("bag");
    ASSERT_TRUE(bag);
    if (const auto* vector = snapshot.files().DeletionVector(*bag)) {
      gone = *ReadDeletionVector(*memory_, "t", *vector);
    }
    for (const uint64_t row : deleted_)
      EXPECT_TRUE(gone.Contains(row)) << "deleted row " << row << " is back";
    gone.ForEach([&](uint64_t row) {
      EXPECT_TRUE(deleted_.count(row) != 0 || maybe_deleted_.count(row) != 0)
          << "row " << row << " vanished";
    });
  }

  SeededRandom random_;
  SimulatedClock clock_;
  std::shared_ptr<store::ObjectStore> memory_;
  std::shared_ptr<SimulatedStore> store_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  Fiber* current_ = nullptr;
  std::vector<std::pair<std::string, std::string>> delayed_;
  uint64_t faults_ = 0;
  bool in_commit_timestamps_ = false;
  bool serializable_ = false;
  int64_t unique_ = 0;
  int commits_ = 0;
  int conflicts_ = 0;

  std::map<Fiber*, std::function<void()>> in_doubt_;
  std::set<std::string> rows_;
  std::set<std::string> maybe_rows_;
  std::map<int, int64_t> epochs_;
  int64_t increments_ = 0;
  int64_t maybe_increments_ = 0;
  std::set<uint64_t> deleted_;
  std::set<uint64_t> maybe_deleted_;
  std::map<int64_t, std::string> seen_;
};

Status SimulatedStore::Step(const std::string& key) {
  world_.Yield();
  world_.MaybeCrash();
  if (world_.Strikes(60)) return Status::Io("simulated failure at " + key, RetryClass::kBackoff);
  return Status::Ok();
}

Status SimulatedStore::Put(const std::string& key, std::string_view bytes, store::PutMode mode) {
  world_.Yield();
  world_.MaybeCrash();
  if (world_.Strikes(40)) return Status::Io("simulated failure at " + key, RetryClass::kBackoff);
  if (world_.Strikes(40)) return Status::OutcomeUnknown("simulated lost request of " + key);
  if (mode == store::PutMode::kCreateOnly && world_.Strikes(40)) {
    world_.Delay(key, std::string(bytes));
    return Status::OutcomeUnknown("simulated delay of " + key);
  }
  const Status status = inner_->Put(key, bytes, mode);
  world_.Yield();
  world_.MaybeCrash();
  if (status.ok() && world_.Strikes(40))
    return Status::OutcomeUnknown("simulated lost reply of " + key);
  return status;
}

void SimulatedClock::SleepMicros(int64_t micros) {
  now_ += micros;
  world_.Yield();
}

uint64_t FromEnvironment(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

TEST(Simulation, HoldsForEverySeed) {
  const uint64_t first = FromEnvironment("TARN_SIM_FIRST", 1);
  const uint64_t seeds = FromEnvironment("TARN_SIM_SEEDS", 150);
  const auto level = spdlog::get_level();
  spdlog::set_level(spdlog::level::off);  // simulated failures after a commit are not news
  int64_t commits = 0;
  int64_t conflicts = 0;
  for (uint64_t seed = first; seed < first + seeds && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation simulation(seed);
    simulation.Run();
    commits += simulation.commits();
    conflicts += simulation.conflicts();
    if (HasFailure()) ADD_FAILURE() << "replay: TARN_SIM_FIRST=" << seed << " TARN_SIM_SEEDS=1";
  }
  spdlog::set_level(level);
  if (seeds >= 100) {
    EXPECT_GT(commits, 0);
    EXPECT_GT(conflicts, 0);
  }
  RecordProperty("commits", static_cast<int>(commits));
  RecordProperty("conflicts", static_cast<int>(conflicts));
}

}  // namespace
}  // namespace tarn::delta
