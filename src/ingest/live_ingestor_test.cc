// The live loop against tables in memory: power cuts at every step, two processes on the same
// lanes, lost replies, RESTOREs at any moment.
#include "ingest/live_ingestor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/random.h"

namespace tarn::ingest {
namespace {

struct PowerCut {};

constexpr int kLanes = 3;
constexpr int64_t kRecords = 25;  // of each lane
constexpr int64_t kBadEvery = 6;

std::string IdOf(int lane) { return "lane/" + std::to_string(lane); }

// A table with its history, so that it can go back.
struct MemoryTable {
  struct Version {
    std::map<std::string, StreamState> states;
    std::vector<std::string> rows;
    std::vector<std::string> places;  // of dead letters: LetterKey
    bool removed_rows = false;
    std::optional<int64_t> restored_to;
  };
  std::vector<Version> versions{Version{}};
  const Version& now() const { return versions.back(); }
};

struct MemoryLake {
  std::mutex mutex;
  MemoryTable rows, letters;

  // Rows go back; what the streams said of themselves stays, as in Delta.
  void Restore(int64_t to) {
    std::lock_guard lock(mutex);
    MemoryTable::Version version = rows.now();
    version.rows = rows.versions[static_cast<size_t>(to)].rows;
    version.removed_rows = true;
    version.restored_to = to;
    rows.versions.push_back(std::move(version));
  }
};

std::string LetterKey(std::string_view topic, int32_t partition, int32_t attempt, int64_t offset) {
  return std::string(topic) + "/" + std::to_string(partition) + "/" + std::to_string(attempt) +
         "/" + std::to_string(offset);
}

class MemoryWriter final : public LiveBronzeWriter {
 public:
  explicit MemoryWriter(MemoryLake& lake) : lake_(lake) {}
  std::function<void()> step = [] {};
  std::function<std::optional<Status>()> reply = [] { return std::nullopt; };

  Status Prepare() override { return Status::Ok(); }
  Result<StreamState> ReadState(const std::string& id) override {
    TARN_ASSIGN_OR_RETURN(auto states, ReadStates({id}, std::nullopt));
    return states.states[0];
  }
  Result<StreamState> ReadDeadLetterState(const std::string& id) override {
    TARN_ASSIGN_OR_RETURN(auto states, ReadDeadLetterStates({id}));
    return states[0];
  }
  Result<States> ReadStates(const std::vector<std::string>& ids,
                            std::optional<int64_t> version) override {
    step();
    std::lock_guard lock(lake_.mutex);
    const auto last = static_cast<int64_t>(lake_.rows.versions.size()) - 1;
    States out;
    out.version = version.value_or(last);
    out.states = Of(lake_.rows.versions[static_cast<size_t>(out.version)], ids);
    return out;
  }
  Result<std::vector<StreamState>> ReadDeadLetterStates(
      const std::vector<std::string>& ids) override {
    step();
    std::lock_guard lock(lake_.mutex);
    return Of(lake_.letters.now(), ids);
  }
  Result<std::vector<Restore>> RestoresAfter(int64_t version) override {
    std::lock_guard lock(lake_.mutex);
    std::vector<Restore> out;
    for (auto i = static_cast<size_t>(version + 1); i < lake_.rows.versions.size(); ++i) {
      const auto& at = lake_.rows.versions[i];
      if (at.restored_to) out.push_back({static_cast<int64_t>(i), at.restored_to});
    }
    return out;
  }
  Result<AppendOutcome> AppendRows(const std::vector<RowGroup>& groups) override {
    int64_t version = 0;
    return AppendRowsAfter(groups, INT64_MAX, &version);
  }
  Result<AppendOutcome> AppendRowsAfter(const std::vector<RowGroup>& groups, int64_t examined,
                                        int64_t* version) override {
    std::vector<std::string> texts;
    std::vector<const StreamCommit*> commits;
    for (const RowGroup& group : groups) {
      commits.push_back(&group.commit);
      for (const auto& row : *group.rows) texts.push_back(std::string(row.payload));
    }
    return Append(lake_.rows, commits, texts, examined, version);
  }
  Result<AppendOutcome> AppendDeadLetters(const std::vector<LetterGroup>& groups) override {
    std::vector<std::string> texts, places;
    std::vector<const StreamCommit*> commits;
    for (const LetterGroup& group : groups) {
      commits.push_back(&group.commit);
      for (const auto& letter : group.letters) {
        places.push_back(
            LetterKey(letter.topic, letter.partition, group.context.attempt, letter.offset));
        texts.push_back(std::string(letter.payload) + "#" + std::to_string(group.context.attempt));
      }
    }
    int64_t version = 0;
    return Append(lake_.letters, commits, texts, INT64_MAX, &version, places);
  }
  Result<std::set<int64_t>> ReadLetterOffsets(const LetterPlace& place, int64_t from,
                                              int64_t to) override {
    step();
    std::lock_guard lock(lake_.mutex);
    std::set<int64_t> out;
    const auto& known = lake_.letters.now().places;
    for (int64_t offset = from; offset <= to; ++offset) {
      const auto key = LetterKey(place.topic, place.partition, place.attempt, offset);
      if (std::find(known.begin(), known.end(), key) != known.end()) out.insert(offset);
    }
    return out;
  }

 private:
  static std::vector<StreamState> Of(const MemoryTable::Version& version,
                                     const std::vector<std::string>& ids) {
    std::vector<StreamState> out;
    for (const std::string& id : ids) {
      const auto found = version.states.find(id);
      out.push_back(found == version.states.end() ? StreamState{} : found->second);
    }
    return out;
  }
  Result<AppendOutcome> Append(MemoryTable& table, const std::vector<const StreamCommit*>& commits,
                               const std::vector<std::string>& texts, int64_t examined,
                               int64_t* version, const std::vector<std::string>& places = {}) {
    step();
    if (auto lost = reply()) return *lost;
    {
      std::lock_guard lock(lake_.mutex);
      for (auto i = examined; i < static_cast<int64_t>(table.versions.size()) - 1; ++i) {
        if (table.versions[static_cast<size_t>(i + 1)].removed_rows) {
          return Status::Conflict("rows were taken away");
        }
      }
      MemoryTable::Version next = table.now();
      next.removed_rows = false;
      next.restored_to.reset();
      for (const StreamCommit* commit : commits) {
        StreamState& state = next.states[commit->stream_id];
        if (state.epoch >= commit->epoch) return AppendOutcome::kAlreadyThere;
        state = {commit->epoch, commit->state_json};
      }
      next.rows.insert(next.rows.end(), texts.begin(), texts.end());
      next.places.insert(next.places.end(), places.begin(), places.end());
      table.versions.push_back(std::move(next));
      *version = static_cast<int64_t>(table.versions.size()) - 1;
    }
    step();
    if (auto lost = reply()) return *lost;
    return AppendOutcome::kCommitted;
  }
  MemoryLake& lake_;
};

class OneTarget final : public LiveTargets {
 public:
  explicit OneTarget(MemoryWriter& writer) : writer_(writer) {}
  Result<LiveBronzeWriter*> For(const std::string&) override { return &writer_; }

 private:
  MemoryWriter& writer_;
};

// Lanes of "<lane>.<offset>"; every kBadEvery-th is bad. Lanes come and go at random.
class LaneSource final : public sources::LiveSource {
 public:
  explicit LaneSource(uint64_t seed, bool moves = false) : random_(seed), moves_(moves) {}
  const std::string& name() const override { return name_; }
  Status Start(sources::PositionReader& reader, std::stop_token) override {
    reader_ = &reader;
    return Rewind();
  }
  Status Rewind() override {
    held_.clear();
    return Status::Ok();
  }
  Result<sources::LiveBatch> Poll(const sources::BatchLimits&) override {
    std::set<int> moved;
    if (held_.empty()) TARN_RETURN_IF_ERROR(Open({0, 1, 2}, &moved));
    if (moves_ && random_.Uniform(4) == 0) {
      const int lane = static_cast<int>(random_.Uniform(kLanes));
      if (held_.erase(lane) == 0) TARN_RETURN_IF_ERROR(Open({lane}, &moved));
    }
    sources::LiveBatch out;
    for (auto& [lane, next] : held_) {
      for (uint64_t n = random_.Uniform(5); n > 0 && next < kRecords; --n, ++next) {
        Add(lane, next, &out.batch);
        moved.insert(lane);
      }
    }
    out.caught_up = held_.size() == kLanes;
    for (const auto& [lane, next] : held_) {
      out.caught_up = out.caught_up && next == kRecords;
      if (moved.count(lane) == 0) continue;
      out.lanes.push_back({{IdOf(lane), "t"}, lane, {std::to_string(next)}, "life"});
    }
    return out;
  }
  void Acknowledge(const std::vector<sources::LaneMove>&) override { ++acknowledged; }
  std::vector<sources::LaneStatus> Lanes() const override {
    std::vector<sources::LaneStatus> out;
    for (const auto& [lane, next] : held_) {
      out.push_back({{IdOf(lane), "t"}, lane, next, kRecords});
    }
    return out;
  }
  void Stop() override {}
  int acknowledged = 0;

 private:
  Status Open(const std::vector<int>& lanes, std::set<int>* moved) {
    std::vector<sources::LaneName> names;
    for (int lane = 0; lane < kLanes; ++lane) {
      const bool opens = std::find(lanes.begin(), lanes.end(), lane) != lanes.end();
      names.push_back({IdOf(lane), "t", opens});
    }
    TARN_ASSIGN_OR_RETURN(const auto positions, reader_->ReadPositions(names));
    for (const int lane : lanes) {
      const std::string& json = positions[static_cast<size_t>(lane)].json;
      held_[lane] = json.empty() ? 0 : std::stoll(json);
      if (json.empty()) moved->insert(lane);
    }
    return Status::Ok();
  }
  void Add(int lane, int64_t offset, sources::Batch* batch) {
    const std::string_view text =
        batch->arena.Copy(std::to_string(lane) + "." + std::to_string(offset));
    if (offset % kBadEvery == kBadEvery - 1) {
      auto& bad = batch->bad.emplace_back();
      bad.payload = text;
      bad.topic = "t";
      bad.partition = lane;
      bad.offset = offset;
    } else {
      auto& record = batch->records.emplace_back();
      record.payload = text;
      record.topic = "t";
      record.partition = lane;
      record.offset = offset;
    }
  }
  std::string name_ = "lanes";
  sources::PositionReader* reader_ = nullptr;
  SeededRandom random_;
  bool moves_;
  std::map<int, int64_t> held_;
};

std::vector<std::string> Expected(bool bad) {
  std::vector<std::string> out;
  for (int lane = 0; lane < kLanes; ++lane) {
    for (int64_t i = 0; i < kRecords; ++i) {
      if ((i % kBadEvery == kBadEvery - 1) != bad) continue;
      out.push_back(std::to_string(lane) + "." + std::to_string(i) + (bad ? "#1" : ""));
    }
  }
  return out;
}

void ExpectExactlyOnce(const MemoryLake& lake) {
  EXPECT_THAT(lake.rows.now().rows, ::testing::UnorderedElementsAreArray(Expected(false)));
  EXPECT_THAT(lake.letters.now().rows, ::testing::UnorderedElementsAreArray(Expected(true)));
}

LiveOptions Options(const std::string& writer, Clock& clock) {
  LiveOptions options;
  options.writer_id = writer;
  options.clock = &clock;
  options.until_caught_up = true;
  return options;
}

TEST(LiveIngestor, ExactlyOnceWithPowerCutAtEveryStep) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    for (int cut_at = 1;; ++cut_at) {
      MemoryLake lake;
      ManualClock clock(0);
      int steps = 0;
      bool cut = false;
      for (int life = 0; life < 2; ++life) {
        MemoryWriter writer(lake);
        if (life == 0) {
          writer.step = [&] {
            if (++steps == cut_at) throw PowerCut{};
          };
        }
        OneTarget target(writer);
        LaneSource source(seed * 10 + static_cast<uint64_t>(life));
        LiveIngestor ingestor(source, target, Options("w" + std::to_string(life), clock));
        LiveReport report;
        try {
          const Status status = ingestor.Run({}, &report);
          ASSERT_TRUE(status.ok()) << status.ToString();
        } catch (const PowerCut&) {
          cut = true;
        }
      }
      ExpectExactlyOnce(lake);
      if (HasFailure()) FAIL() << "seed " << seed << " cut at step " << cut_at;
      if (!cut) break;
    }
  }
}

TEST(LiveIngestor, LostRepliesAndConflicts) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    MemoryLake lake;
    ManualClock clock(0);
    SeededRandom random(seed);
    MemoryWriter writer(lake);
    writer.reply = [&]() -> std::optional<Status> {
      switch (random.Uniform(10)) {
        case 0: return Status::OutcomeUnknown("reply lost");
        case 1: return Status::Conflict("somebody else committed");
        case 2: return Status::Io("timeout", RetryClass::kBackoff);
        default: return std::nullopt;
      }
    };
    OneTarget target(writer);
    LaneSource source(seed, true);
    LiveIngestor ingestor(source, target, Options("w", clock));
    LiveReport report;
    const Status status = ingestor.Run({}, &report);
    ASSERT_TRUE(status.ok()) << status.ToString();
    ExpectExactlyOnce(lake);
    EXPECT_EQ(report.rows, Expected(false).size());
    EXPECT_EQ(report.dead_letters, Expected(true).size());
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(LiveIngestor, TwoProcessesHoldTheSameLanes) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    MemoryLake lake;
    std::vector<std::thread> threads;
    for (uint64_t i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] {
        MemoryWriter writer(lake);
        SeededRandom pauses(seed * 31 + i);
        writer.step = [&] {
          std::this_thread::sleep_for(std::chrono::microseconds(pauses.Uniform(150)));
        };
        ManualClock clock(0);
        OneTarget target(writer);
        LaneSource source(seed * 2 + i, true);
        LiveIngestor ingestor(source, target, Options("w" + std::to_string(i), clock));
        LiveReport report;
        const Status status = ingestor.Run({}, &report);
        EXPECT_TRUE(status.ok()) << status.ToString();
      });
    }
    for (auto& thread : threads) thread.join();
    ExpectExactlyOnce(lake);
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(LiveIngestor, RestoresAtAnyMomentAreFilledAgain) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    MemoryLake lake;
    ManualClock clock(0);
    SeededRandom random(seed);
    int restores = 3;
    MemoryWriter writer(lake);
    writer.step = [&] {
      if (restores == 0 || random.Uniform(12) != 0) return;
      --restores;
      lake.Restore(static_cast<int64_t>(random.Uniform(lake.rows.versions.size())));
    };
    OneTarget target(writer);
    for (int life = 0; life < 2; ++life) {
      // A RESTORE after the last commit is for the next life to find.
      LaneSource source(seed * 3 + static_cast<uint64_t>(life), true);
      LiveIngestor ingestor(source, target, Options("w" + std::to_string(life), clock));
      if (life == 1) restores = 0;
      LiveReport report;
      const Status status = ingestor.Run({}, &report);
      ASSERT_TRUE(status.ok()) << status.ToString();
    }
    ExpectExactlyOnce(lake);
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(LiveIngestor, RestorePoliciesKeepAndFail) {
  MemoryLake lake;
  ManualClock clock(0);
  MemoryWriter writer(lake);
  OneTarget target(writer);
  LiveReport report;
  {
    LaneSource source(1);
    LiveIngestor ingestor(source, target, Options("w", clock));
    ASSERT_TRUE(ingestor.Run({}, &report).ok());
  }
  lake.Restore(2);
  const auto rows = lake.rows.now().rows;
  LiveOptions options = Options("x", clock);
  options.on_restore = OnRestore::kFail;
  {
    LaneSource source(2);
    LiveIngestor ingestor(source, target, options);
    const Status status = ingestor.Run({}, &report);
    EXPECT_EQ(status.code(), StatusCode::kConstraint);
    EXPECT_THAT(status.message(), ::testing::HasSubstr("restored to version 2"));
  }
  options.on_restore = OnRestore::kKeep;
  LaneSource source(2);
  LiveIngestor ingestor(source, target, options);
  ASSERT_TRUE(ingestor.Run({}, &report).ok());
  EXPECT_EQ(lake.rows.now().rows, rows);
}

// Refuses payloads that end in "0", stops before "1.13" when told to.
class EndingJudge final : public RecordJudge {
 public:
  Status Judge(sources::Batch* batch, std::vector<Refusal>* refusals) override {
    for (size_t i = 0; i < batch->records.size(); ++i) {
      const std::string_view payload = batch->records[i].payload;
      if (stops && payload == "1.13") {
        refusals->push_back({i, "test.stop", "thirteen", true});
      } else if (payload.back() == '0') {
        refusals->push_back({i, "test.zero", "ends in 0", false});
      }
    }
    return Status::Ok();
  }
  void OnCommitted() override { ++commits; }
  bool stops = false;
  int commits = 0;
};

TEST(LiveIngestor, JudgedRecordsAreDeadLettersOrStopTheStream) {
  MemoryLake lake;
  ManualClock clock(0);
  MemoryWriter writer(lake);
  OneTarget target(writer);
  EndingJudge judge;
  judge.stops = true;
  LiveOptions options = Options("w", clock);
  options.judge = &judge;
  LiveReport report;
  {
    LaneSource source(1);
    LiveIngestor ingestor(source, target, options);
    const Status status = ingestor.Run({}, &report);
    EXPECT_EQ(status.code(), StatusCode::kConstraint);
    EXPECT_THAT(status.message(), ::testing::HasSubstr("t/1 offset 13: test.stop: thirteen"));
  }
  EXPECT_THAT(lake.rows.now().rows, ::testing::Not(::testing::Contains("1.13")));
  judge.stops = false;
  LaneSource source(2);
  LiveIngestor ingestor(source, target, options);
  ASSERT_TRUE(ingestor.Run({}, &report).ok());
  std::vector<std::string> rows, letters = Expected(true);
  for (const std::string& row : Expected(false)) {
    (row.back() == '0' ? letters : rows).push_back(row.back() == '0' ? row + "#1" : row);
  }
  EXPECT_THAT(lake.rows.now().rows, ::testing::UnorderedElementsAreArray(rows));
  EXPECT_THAT(lake.letters.now().rows, ::testing::UnorderedElementsAreArray(letters));
  EXPECT_GT(judge.commits, 0);
}

}  // namespace
}  // namespace tarn::ingest
