// Pushed streams against tables in memory: power cuts at every step, lost replies, two processes.
#include "ingest/push_ingestor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/random.h"
#include "sources/push/push_body.h"

namespace tarn::ingest {
namespace {

using sources::push::PushAnswer;
using sources::push::PushRequest;
using Kind = PushAnswer::Kind;

struct PowerCut {};

struct Table {
  std::map<std::string, StreamState> states;
  std::vector<std::pair<int64_t, std::string>> rows;  // offset, payload
  int64_t version = 0;
  int64_t removed_at = -1;
};
struct Lake {
  std::mutex mutex;
  Table rows, letters;
};

class MemoryWriter final : public LiveBronzeWriter {
 public:
  explicit MemoryWriter(Lake& lake) : lake_(lake) {}
  std::function<void()> step = [] {};
  std::function<std::optional<Status>()> reply = [] { return std::nullopt; };

  Status Prepare() override { return Status::Ok(); }
  Result<StreamState> ReadState(const std::string&) override { return StreamState{}; }
  Result<StreamState> ReadDeadLetterState(const std::string&) override { return StreamState{}; }
  Result<AppendOutcome> AppendRows(const std::vector<RowGroup>&) override {
    return Status::Internal("not called");
  }
  Result<std::vector<Restore>> RestoresAfter(int64_t) override { return std::vector<Restore>{}; }
  Result<States> ReadStates(const std::vector<std::string>& ids, std::optional<int64_t>) override {
    step();
    std::lock_guard lock(lake_.mutex);
    return States{lake_.rows.version, Of(lake_.rows, ids)};
  }
  Result<std::vector<StreamState>> ReadDeadLetterStates(
      const std::vector<std::string>& ids) override {
    step();
    std::lock_guard lock(lake_.mutex);
    return Of(lake_.letters, ids);
  }
  Result<AppendOutcome> AppendRowsAfter(const std::vector<RowGroup>& groups, int64_t examined,
                                        int64_t* version) override {
    std::vector<std::pair<int64_t, std::string>> rows;
    for (const auto& row : *groups[0].rows) rows.emplace_back(row.offset, row.payload);
    return Append(lake_.rows, groups[0].commit, rows, examined, version);
  }
  Result<AppendOutcome> AppendDeadLetters(const std::vector<LetterGroup>& groups) override {
    std::vector<std::pair<int64_t, std::string>> rows;
    for (const auto& letter : groups[0].letters) rows.emplace_back(letter.offset, letter.payload);
    int64_t version = 0;
    return Append(lake_.letters, groups[0].commit, rows, INT64_MAX, &version);
  }
  Result<std::set<int64_t>> ReadLetterOffsets(const LetterPlace&, int64_t, int64_t) override {
    return Status::Internal("not called");
  }

 private:
  static std::vector<StreamState> Of(const Table& table, const std::vector<std::string>& ids) {
    std::vector<StreamState> out;
    for (const auto& id : ids) {
      const auto found = table.states.find(id);
      out.push_back(found == table.states.end() ? StreamState{} : found->second);
    }
    return out;
  }
  Result<AppendOutcome> Append(Table& table, const StreamCommit& commit,
                               const std::vector<std::pair<int64_t, std::string>>& rows,
                               int64_t examined, int64_t* version) {
    step();
    if (auto lost = reply()) return *lost;
    {
      std::lock_guard lock(lake_.mutex);
      if (table.removed_at > examined) return Status::Conflict("rows were taken away");
      StreamState& state = table.states[commit.stream_id];
      if (state.epoch >= commit.epoch) return AppendOutcome::kAlreadyThere;
      state = {commit.epoch, commit.state_json};
      for (const auto& [name, text] : commit.facts) {
        table.states[name.substr(std::string("position.").size())] = {commit.epoch, text};
      }
      table.rows.insert(table.rows.end(), rows.begin(), rows.end());
      *version = ++table.version;
    }
    step();
    if (auto lost = reply()) return *lost;
    return AppendOutcome::kCommitted;
  }
  Lake& lake_;
};

// One process: its loop on a thread, ended by a stop or a power cut.
class Process {
 public:
  Process(
      Lake& lake, PushIngestOptions options, std::function<void()> step = [] {},
      std::function<std::optional<Status>()> reply = [] { return std::nullopt; })
      : writer_(lake) {
    writer_.step = std::move(step);
    writer_.reply = std::move(reply);
    options.stream = "s";
    options.writer_id = MakeUuid(Random::System());
    ingestor_ = std::make_unique<PushIngestor>(writer_, std::move(options));
    thread_ = std::jthread([this](std::stop_token stop) {
      try {
        status = ingestor_->Run(std::move(stop), &report);
      } catch (const PowerCut&) {
      }
      ended_ = true;
    });
  }
  ~Process() { Stop(); }
  void Stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }

  // nullopt: the process ended without an answer.
  std::optional<PushAnswer> Send(const std::string& key, const std::string& body,
                                 std::optional<uint64_t> number = std::nullopt,
                                 bool all_or_none = false) {
    auto request = std::make_unique<PushRequest>();
    sources::push::HeaderMap headers = {{"content-type", "application/x-ndjson"}};
    EXPECT_FALSE(sources::push::ReadPushBody(headers, body, {}, request.get()));
    request->key = key;
    request->all_or_none = all_or_none;
    if (number) request->sequence = sources::push::Sequence{"p", *number};
    auto answer = std::make_shared<std::pair<PushAnswer, std::atomic<bool>>>();
    request->answer = [answer](const PushAnswer& said) {
      answer->first = said;
      answer->second = true;
    };
    while (!ingestor_->Submit(request)) {
      if (ended_) return std::nullopt;
      std::this_thread::yield();
    }
    while (!answer->second) {
      if (ended_ && !answer->second) return std::nullopt;
      std::this_thread::yield();
    }
    return answer->first;
  }

  PushReport report;
  Status status;

 private:
  MemoryWriter writer_;
  std::unique_ptr<PushIngestor> ingestor_;
  std::atomic<bool> ended_{false};
  std::jthread thread_;
};

std::string LineOf(int i) { return "{\"i\":" + std::to_string(i) + "}"; }

void ExpectEachOnce(const Table& table, size_t count) {
  std::set<std::string> payloads;
  std::set<int64_t> offsets;
  for (const auto& [offset, payload] : table.rows) {
    payloads.insert(payload);
    offsets.insert(offset);
  }
  EXPECT_EQ(table.rows.size(), count);
  EXPECT_EQ(payloads.size(), count);
  EXPECT_EQ(offsets.size(), count);
}

TEST(PushIngestor, AnswersWhatTheTableHas) {
  Lake lake;
  Process process(lake, {});
  auto answer = process.Send("", LineOf(1) + "\nbad\n" + LineOf(2));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, Kind::kCommitted);
  EXPECT_EQ(answer->accepted, 2u);
  EXPECT_EQ(answer->dead_letters, 1u);
  EXPECT_EQ(answer->refused.at(0).index, 1u);
  EXPECT_EQ(answer->version, 1);
  EXPECT_EQ(process.Send("", LineOf(3))->first_offset, 3);
  EXPECT_THAT(lake.rows.rows,
              testing::ElementsAre(testing::Pair(0, LineOf(1)), testing::Pair(2, LineOf(2)),
                                   testing::Pair(3, LineOf(3))));
  EXPECT_THAT(lake.letters.rows, testing::ElementsAre(testing::Pair(1, "bad")));
}

TEST(PushIngestor, AKeyIsForOneRequest) {
  Lake lake;
  {
    Process process(lake, {});
    EXPECT_EQ(process.Send("a", LineOf(1))->kind, Kind::kCommitted);
    EXPECT_EQ(process.Send("a", LineOf(1))->kind, Kind::kDuplicate);
    EXPECT_EQ(process.Send("a", LineOf(2))->kind, Kind::kKeyReused);
  }
  Process process(lake, {});
  const auto answer = process.Send("a", LineOf(1));
  EXPECT_EQ(answer->kind, Kind::kDuplicate);
  EXPECT_EQ(answer->accepted, 1u);
  ExpectEachOnce(lake.rows, 1);
}

TEST(PushIngestor, NumbersHaveNoGaps) {
  Lake lake;
  {
    Process process(lake, {});
    EXPECT_EQ(process.Send("", LineOf(1), 7)->kind, Kind::kCommitted);
    EXPECT_EQ(process.Send("", LineOf(3), 9)->kind, Kind::kOutOfSequence);
    EXPECT_EQ(process.Send("", LineOf(2), 8)->kind, Kind::kCommitted);
  }
  Process process(lake, {});
  EXPECT_EQ(process.Send("", LineOf(1), 7)->kind, Kind::kDuplicate);
  EXPECT_EQ(process.Send("", LineOf(2), 8)->accepted, 1u);
  EXPECT_EQ(process.Send("", LineOf(3), 9)->kind, Kind::kCommitted);
  ExpectEachOnce(lake.rows, 3);
}

TEST(PushIngestor, APowerCutAtAnyStepLosesAndDoublesNothing) {
  for (const bool numbered : {false, true}) {
    int steps = 1000;
    for (int cut = 1; cut <= steps; ++cut) {
      Lake lake;
      int at = 0;
      int sent = 0;
      const auto send = [&](Process& process) {
        const std::string number = std::to_string(sent + 1);
        const auto answer = process.Send(
            numbered ? "" : number, LineOf(sent) + "\nbad " + number,
            numbered ? std::optional<uint64_t>(static_cast<uint64_t>(sent) + 1) : std::nullopt);
        if (!answer) return false;
        EXPECT_THAT(answer->kind, testing::AnyOf(Kind::kCommitted, Kind::kDuplicate));
        EXPECT_EQ(answer->accepted, 1u);
        EXPECT_EQ(answer->dead_letters, 1u);
        return ++sent < 3;
      };
      {
        Process process(lake, {}, [&] {
          if (++at == cut) throw PowerCut{};
        });
        while (send(process)) {
        }
      }
      if (at < cut) steps = cut;  // it ended before
      Process process(lake, {});
      while (sent < 3 && send(process)) {
      }
      ExpectEachOnce(lake.rows, 3);
      ExpectEachOnce(lake.letters, 3);
    }
    EXPECT_GT(steps, 10);
    EXPECT_LT(steps, 1000);
  }
}

TEST(PushIngestor, LostRepliesAreLookedUp) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    Lake lake;
    SeededRandom random(seed);
    Process process(
        lake, {}, [] {},
        [&]() -> std::optional<Status> {
          if (random.Uniform(3) != 0) return std::nullopt;
          return Status::OutcomeUnknown("the reply was lost");
        });
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(process.Send("", LineOf(i) + "\nbad " + std::to_string(i))->kind, Kind::kCommitted);
    }
    ExpectEachOnce(lake.rows, 5);
    ExpectEachOnce(lake.letters, 5);
  }
}

TEST(PushIngestor, ARestoreDoesNotStopIt) {
  Lake lake;
  Process process(lake, {});
  ASSERT_TRUE(process.Send("a", LineOf(1)));
  {
    std::lock_guard lock(lake.mutex);
    lake.rows.removed_at = ++lake.rows.version;
    lake.rows.rows.clear();
  }
  EXPECT_EQ(process.Send("b", LineOf(2))->kind, Kind::kCommitted);
  EXPECT_EQ(process.Send("a", LineOf(1))->kind, Kind::kDuplicate);
  ExpectEachOnce(lake.rows, 1);
}

TEST(PushIngestor, TwoProcessesAndManySendersShareCommits) {
  Lake lake;
  constexpr int kSenders = 8, kEach = 25;
  uint64_t commits = 0;
  {
    const auto slow = [] { std::this_thread::sleep_for(std::chrono::microseconds(300)); };
    Process one(lake, {}, slow), two(lake, {}, slow);
    std::vector<std::jthread> senders;
    for (int sender = 0; sender < kSenders; ++sender) {
      senders.emplace_back([&, sender] {
        for (int i = 0; i < kEach; ++i) {
          const int number = sender * kEach + i;
          const std::string body = LineOf(number) + "\nbad " + std::to_string(number);
          // Every request goes to both, as a balancer's retry would.
          const auto first = one.Send(std::to_string(number), body);
          const auto second = two.Send(std::to_string(number), body);
          ASSERT_TRUE(first && second);
          EXPECT_EQ(first->accepted, 1u);
          EXPECT_EQ(second->accepted, 1u);
        }
      });
    }
    senders.clear();
    one.Stop();
    two.Stop();
    commits = one.report.commits + two.report.commits;
  }
  ExpectEachOnce(lake.rows, kSenders * kEach);
  ExpectEachOnce(lake.letters, kSenders * kEach);
  EXPECT_LT(commits, static_cast<uint64_t>(2 * kSenders * kEach));
}

class WordJudge final : public RecordJudge {
 public:
  Status Judge(sources::Batch* batch, std::vector<Refusal>* refusals) override {
    for (size_t i = 0; i < batch->records.size(); ++i) {
      const bool stops = batch->records[i].payload.find("stop") != std::string_view::npos;
      const bool no = batch->records[i].payload.find("no") != std::string_view::npos;
      if (stops || no) refusals->push_back({i, "contract.word", "the word is not wanted", stops});
    }
    return Status::Ok();
  }
  void OnCommitted() override { ++commits; }
  int commits = 0;
};

TEST(PushIngestor, TheJudgeIsHeard) {
  Lake lake;
  WordJudge judge;
  PushIngestOptions options;
  options.judge = &judge;
  Process process(lake, options);
  auto answer = process.Send("a", "{\"a\":\"no\"}\n{}\n{\"b\":\"no\"}");
  EXPECT_EQ(answer->accepted, 1u);
  EXPECT_EQ(answer->dead_letters, 2u);
  EXPECT_EQ(answer->refused.at(1).index, 2u);
  EXPECT_EQ(process.Send("b", "{\"c\":1}\n{\"b\":\"stop\"}")->kind, Kind::kRefused);
  EXPECT_EQ(process.Send("c", "{\"c\":1}\n{\"d\":\"no\"}", std::nullopt, true)->kind,
            Kind::kRefused);
  EXPECT_EQ(process.Send("b", "{\"c\":1}")->kind, Kind::kCommitted);
  process.Stop();
  ExpectEachOnce(lake.rows, 2);
  ExpectEachOnce(lake.letters, 2);
  EXPECT_EQ(judge.commits, 2);
}

TEST(PushIngestor, NoMoreKeysThanAllowed) {
  Lake lake;
  PushIngestOptions options;
  options.max_keys = 2;
  Process process(lake, options);
  EXPECT_EQ(process.Send("a", LineOf(1))->kind, Kind::kCommitted);
  EXPECT_EQ(process.Send("b", LineOf(2))->kind, Kind::kCommitted);
  EXPECT_EQ(process.Send("c", LineOf(3))->kind, Kind::kTooManyKeys);
  EXPECT_EQ(process.Send("a", LineOf(1))->kind, Kind::kDuplicate);
  EXPECT_EQ(process.Send("", LineOf(3))->kind, Kind::kCommitted);
}

TEST(PushKeys, SlotsComeAndGoAndReadBack) {
  constexpr int64_t kWindow = 1'000;
  std::map<int, std::string> table;
  PushKeys keys(kWindow);
  SeededRandom random(5);
  int64_t now = 0;
  std::vector<std::pair<int64_t, int>> sent;
  size_t most_slots = 0;
  for (int commit = 0, next = 0; commit < 400; ++commit) {
    now += static_cast<int64_t>(random.Uniform(20));
    std::vector<PushKeys::Entry> added;
    for (uint64_t n = random.Uniform(100); n > 0; --n, ++next) {
      added.push_back({PushKeys::HashOf(std::to_string(next)), 1, static_cast<uint32_t>(next), 0});
      sent.emplace_back(now, next);
    }
    const auto staged = keys.Stage(added, now, commit + 1);
    EXPECT_LE(staged.writes.size(), 6u);
    for (const auto& [number, text] : staged.writes) table[number] = text;
    keys.Apply(staged);
    EXPECT_EQ(keys.numbers(), staged.numbers);
    most_slots = std::max(most_slots, staged.numbers.size());
  }
  EXPECT_LT(table.size(), most_slots + 4);  // numbers are used again
  PushKeys again(kWindow);
  for (const int number : keys.numbers()) ASSERT_TRUE(again.Load(number, table.at(number)).ok());
  EXPECT_EQ(again.size(), keys.size());
  EXPECT_LT(keys.size(), sent.size());
  for (const auto& [at, number] : sent) {
    const auto* entry = again.Find(PushKeys::HashOf(std::to_string(number)));
    if (at >= now - kWindow) {
      ASSERT_NE(entry, nullptr);
      EXPECT_EQ(entry->accepted, static_cast<uint32_t>(number));
    }
  }
  EXPECT_FALSE(again.Load(1, "{\"epoch\":1,\"keys\":\"0\"}").ok());
  EXPECT_FALSE(again.Load(1, "no").ok());
}

}  // namespace
}  // namespace tarn::ingest
