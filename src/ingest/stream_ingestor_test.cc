// The ingest loop against tables in memory that lose power at every possible moment.
#include "ingest/stream_ingestor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/random.h"

namespace tarn::ingest {
namespace {

// Ends the "process" under test at a step; nothing of it survives but the tables.
struct PowerCut {};

struct MemoryTable {
  struct Stream {
    int64_t epoch = 0;
    std::string json;
  };
  std::map<std::string, Stream> streams;
  std::vector<std::string> rows;
  int commits = 0;
};

struct MemoryLake {
  std::mutex mutex;
  MemoryTable rows;
  MemoryTable letters;
};

class MemoryWriter final : public BronzeWriter {
 public:
  explicit MemoryWriter(MemoryLake& lake) : lake_(lake) {}

  // Called before and after everything that touches the lake.
  std::function<void()> step = [] {};
  // Instead of an outcome of an append that landed (true) or did not (false).
  std::function<std::optional<Status>(bool landed)> reply = [](bool) { return std::nullopt; };

  Status Prepare() override { return Status::Ok(); }
  Result<StreamState> ReadState(const std::string& id) override { return Read(lake_.rows, id); }
  Result<StreamState> ReadDeadLetterState(const std::string& id) override {
    return Read(lake_.letters, id);
  }
  Result<AppendOutcome> AppendRows(const std::vector<sources::Record>& rows,
                                   const StreamCommit& commit) override {
    std::vector<std::string> texts;
    for (const auto& row : rows) {
      texts.push_back(std::to_string(row.offset) + "=" + std::string(row.payload));
    }
    return Append(lake_.rows, texts, commit);
  }
  Result<AppendOutcome> AppendDeadLetters(const std::vector<sources::BadRecord>& letters,
                                          const DeadLetterContext& context,
                                          const StreamCommit& commit) override {
    std::vector<std::string> texts;
    for (const auto& letter : letters) {
      texts.push_back(std::to_string(letter.offset) + "=" + std::string(letter.payload) + "#" +
                      std::to_string(context.attempt));
    }
    return Append(lake_.letters, texts, commit);
  }

 private:
  Result<StreamState> Read(MemoryTable& table, const std::string& id) {
    step();
    std::lock_guard lock(lake_.mutex);
    const auto& stream = table.streams[id];
    return StreamState{stream.epoch, stream.json};
  }
  Result<AppendOutcome> Append(MemoryTable& table, const std::vector<std::string>& texts,
                               const StreamCommit& commit) {
    step();
    if (auto lost = reply(false)) return *lost;
    bool won = false;
    {
      std::lock_guard lock(lake_.mutex);
      auto& stream = table.streams[commit.stream_id];
      won = stream.epoch < commit.epoch;
      if (won) {
        stream = {commit.epoch, commit.state_json};
        table.rows.insert(table.rows.end(), texts.begin(), texts.end());
        ++table.commits;
      }
    }
    step();
    if (auto lost = reply(true)) return *lost;
    return won ? AppendOutcome::kCommitted : AppendOutcome::kAlreadyThere;
  }
  MemoryLake& lake_;
};

// Records "r<i>" at offset i, every `bad_every`-th bad; positions count records.
class CountingSource final : public sources::Source {
 public:
  CountingSource(int64_t size, int64_t bad_every, uint64_t seed, std::string reading = "one way")
      : size_(size), bad_every_(bad_every), random_(seed), reading_(std::move(reading)) {}
  const std::string& stream_id() const override { return id_; }
  std::string reading() const override { return reading_; }
  Status Open(const sources::Position& position) override {
    next_ = 0;
    if (position.json.empty()) return Status::Ok();
    next_ = nlohmann::json::parse(position.json)["next"].get<int64_t>();
    return Status::Ok();
  }
  Result<sources::Batch> Poll(const sources::BatchLimits&) override {
    // Batches of another size in every life; sometimes empty; sometimes the end comes alone.
    sources::Batch batch;
    for (uint64_t count = random_.Uniform(6); count > 0 && next_ < size_; --count, ++next_) {
      const std::string_view text = batch.arena.Copy("r" + std::to_string(next_));
      if (next_ % bad_every_ == bad_every_ - 1) {
        sources::BadRecord bad;
        bad.payload = text;
        bad.offset = next_;
        batch.bad.push_back(bad);
      } else {
        sources::Record record;
        record.payload = text;
        record.offset = next_;
        batch.records.push_back(record);
      }
    }
    batch.end = next_ == size_ && (batch.empty() || random_.Uniform(2) == 0);
    batch.position.json = "{\"next\":" + std::to_string(next_) + "}";
    return batch;
  }
  Status Acknowledge(const sources::Position& position) override {
    acknowledged = nlohmann::json::parse(position.json)["next"].get<int64_t>();
    return Status::Ok();
  }
  uint64_t bytes_read() const override { return static_cast<uint64_t>(next_); }
  int64_t acknowledged = 0;

 private:
  std::string id_ = "test/stream";
  int64_t size_;
  int64_t bad_every_;
  SeededRandom random_;
  std::string reading_;
  int64_t next_ = 0;
};

constexpr int64_t kSize = 40;
constexpr int64_t kBadEvery = 7;

std::vector<std::string> ExpectedRows() {
  std::vector<std::string> out;
  for (int64_t i = 0; i < kSize; ++i) {
    if (i % kBadEvery != kBadEvery - 1) out.push_back(std::to_string(i) + "=r" + std::to_string(i));
  }
  return out;
}

std::vector<std::string> ExpectedLetters() {
  std::vector<std::string> out;
  for (int64_t i = kBadEvery - 1; i < kSize; i += kBadEvery) {
    out.push_back(std::to_string(i) + "=r" + std::to_string(i) + "#1");
  }
  return out;
}

StreamOptions Options(const std::string& writer_id, Clock& clock) {
  StreamOptions options;
  options.writer_id = writer_id;
  options.content_name = "test stream";
  options.clock = &clock;
  return options;
}

void ExpectExactlyOnce(const MemoryLake& lake) {
  EXPECT_THAT(lake.rows.rows, ::testing::ElementsAreArray(ExpectedRows()));
  EXPECT_THAT(lake.letters.rows, ::testing::ElementsAreArray(ExpectedLetters()));
}

TEST(StreamIngestor, ExactlyOnceWithPowerCutAtEveryStep) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    for (int cut_at = 1;; ++cut_at) {
      MemoryLake lake;
      ManualClock clock(0);
      int steps = 0;
      bool cut = false;
      for (int life = 0; life < 2; ++life) {
        // The second life runs to its end; the first is cut at the step.
        MemoryWriter writer(lake);
        if (life == 0) {
          writer.step = [&] {
            if (++steps == cut_at) throw PowerCut{};
          };
        }
        CountingSource source(kSize, kBadEvery, seed * 100 + static_cast<uint64_t>(life));
        StreamIngestor ingestor(source, writer, Options("w" + std::to_string(life), clock));
        StreamReport report;
        try {
          const Status status = ingestor.Run({}, &report);
          ASSERT_TRUE(status.ok()) << status.ToString();
          EXPECT_TRUE(report.done);
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

TEST(StreamIngestor, ExactlyOnceWithManyCuts) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    MemoryLake lake;
    ManualClock clock(0);
    SeededRandom random(seed);
    bool done = false;
    for (int life = 0; !done && life < 2000; ++life) {
      MemoryWriter writer(lake);
      writer.step = [&] {
        if (random.Uniform(5) == 0) throw PowerCut{};
      };
      CountingSource source(kSize, kBadEvery, random.NextU64());
      StreamIngestor ingestor(source, writer, Options(std::to_string(life), clock));
      StreamReport report;
      try {
        ASSERT_TRUE(ingestor.Run({}, &report).ok());
        done = report.done;
      } catch (const PowerCut&) {
      }
    }
    ASSERT_TRUE(done);
    ExpectExactlyOnce(lake);
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(StreamIngestor, LostRepliesAreSettledByReading) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    MemoryLake lake;
    ManualClock clock(0);
    SeededRandom random(seed);
    MemoryWriter writer(lake);
    writer.reply = [&](bool) -> std::optional<Status> {
      switch (random.Uniform(8)) {
        case 0: return Status::OutcomeUnknown("reply lost");
        case 1: return Status::Conflict("somebody else committed");
        case 2: return Status::Io("timeout", RetryClass::kBackoff);
        default: return std::nullopt;
      }
    };
    CountingSource source(kSize, kBadEvery, seed);
    StreamIngestor ingestor(source, writer, Options("w", clock));
    StreamReport report;
    const Status status = ingestor.Run({}, &report);
    ASSERT_TRUE(status.ok()) << status.ToString();
    ExpectExactlyOnce(lake);
    EXPECT_EQ(report.rows, ExpectedRows().size());
    EXPECT_EQ(report.dead_letters, ExpectedLetters().size());
    EXPECT_EQ(report.commits, static_cast<uint64_t>(lake.rows.commits + lake.letters.commits));
    EXPECT_EQ(source.acknowledged, kSize);
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(StreamIngestor, TwoWritersOnOneStream) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    MemoryLake lake;
    StreamReport reports[2];
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] {
        MemoryWriter writer(lake);
        writer.step = [] { std::this_thread::yield(); };
        ManualClock clock(0);
        CountingSource source(kSize, kBadEvery, seed * 2 + static_cast<uint64_t>(i));
        StreamIngestor ingestor(source, writer, Options("w" + std::to_string(i), clock));
        const Status status = ingestor.Run({}, &reports[i]);
        EXPECT_TRUE(status.ok()) << status.ToString();
      });
    }
    for (auto& thread : threads) thread.join();
    ExpectExactlyOnce(lake);
    EXPECT_EQ(reports[0].rows + reports[1].rows, ExpectedRows().size());
    EXPECT_EQ(reports[0].dead_letters + reports[1].dead_letters, ExpectedLetters().size());
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(StreamIngestor, ASecondRunFindsNothingNew) {
  MemoryLake lake;
  ManualClock clock(0);
  for (int run = 0; run < 2; ++run) {
    MemoryWriter writer(lake);
    CountingSource source(kSize, kBadEvery, 5);
    StreamIngestor ingestor(source, writer, Options("w" + std::to_string(run), clock));
    StreamReport report;
    ASSERT_TRUE(ingestor.Run({}, &report).ok());
    EXPECT_TRUE(report.done);
    EXPECT_EQ(report.was_done, run == 1);
    EXPECT_EQ(report.rows, run == 0 ? ExpectedRows().size() : 0u);
  }
  ExpectExactlyOnce(lake);
}

// A stop comes after a commit; the rest is taken by the next run.
TEST(StreamIngestor, AStopLosesNothing) {
  MemoryLake lake;
  ManualClock clock(0);
  MemoryWriter writer(lake);
  int runs = 0;
  for (StreamReport report; !report.done; ++runs) {
    std::stop_source stop;
    CountingSource source(kSize, kBadEvery, 9 + static_cast<uint64_t>(runs));
    StreamOptions options = Options("w" + std::to_string(runs), clock);
    options.on_progress = [&](const StreamReport& now, std::string_view) {
      if (now.rows > 0) stop.request_stop();
    };
    StreamIngestor ingestor(source, writer, options);
    ASSERT_TRUE(ingestor.Run(stop.get_token(), &report).ok());
    EXPECT_NE(report.done, report.stopped);
  }
  EXPECT_GT(runs, 3);
  ExpectExactlyOnce(lake);
}

TEST(StreamIngestor, AHalfReadStreamIsNotFinishedAnotherWay) {
  MemoryLake lake;
  ManualClock clock(0);
  MemoryWriter writer(lake);
  std::stop_source stop;
  StreamOptions options = Options("w", clock);
  options.on_progress = [&](const StreamReport& now, std::string_view) {
    if (now.rows > 0) stop.request_stop();
  };
  CountingSource first(kSize, kBadEvery, 1);
  StreamReport report;
  ASSERT_TRUE(StreamIngestor(first, writer, options).Run(stop.get_token(), &report).ok());
  const auto rows = lake.rows.rows;
  CountingSource other(kSize, kBadEvery, 1, "another way");
  const Status status = StreamIngestor(other, writer, Options("v", clock)).Run({}, &report);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), ::testing::HasSubstr("read with one way"));
  EXPECT_FALSE(report.target_failed);
  EXPECT_EQ(lake.rows.rows, rows);
}

// Cut between the dead letters and the rows, then read in another way: both readings' letters are
// kept apart.
TEST(StreamIngestor, LettersOfAnotherReadingAreAnotherAttempt) {
  MemoryLake lake;
  ManualClock clock(0);
  {
    MemoryWriter writer(lake);
    bool letters_landed = false;
    writer.step = [&] {
      letters_landed = !lake.letters.rows.empty();
      if (letters_landed && lake.rows.rows.empty()) throw PowerCut{};
    };
    CountingSource source(kSize, 1, 3, "one way");  // everything is bad
    StreamReport report;
    EXPECT_THROW((void)StreamIngestor(source, writer, Options("w", clock)).Run({}, &report),
                 PowerCut);
  }
  const size_t before = lake.letters.rows.size();
  ASSERT_GT(before, 0u);
  MemoryWriter writer(lake);
  CountingSource source(kSize, kBadEvery, 4, "another way");
  StreamReport report;
  ASSERT_TRUE(StreamIngestor(source, writer, Options("v", clock)).Run({}, &report).ok());
  EXPECT_EQ(lake.letters.rows.size(), before + ExpectedLetters().size());
  EXPECT_THAT(lake.letters.rows.back(), ::testing::EndsWith("#2"));
}

TEST(StreamIngestor, AFailingTableIsTheTargetsFault) {
  MemoryLake lake;
  ManualClock clock(0);
  MemoryWriter writer(lake);
  writer.reply = [](bool) -> std::optional<Status> { return Status::Resource("disk full"); };
  CountingSource source(kSize, kBadEvery, 1);
  StreamReport report;
  const Status status = StreamIngestor(source, writer, Options("w", clock)).Run({}, &report);
  EXPECT_EQ(status.code(), StatusCode::kResource);
  EXPECT_TRUE(report.target_failed);
  EXPECT_TRUE(lake.rows.rows.empty());
}

TEST(StreamIngestor, EndlessConflictsEnd) {
  MemoryLake lake;
  ManualClock clock(0);
  MemoryWriter writer(lake);
  writer.reply = [](bool landed) -> std::optional<Status> {
    if (landed) return std::nullopt;
    return Status::Conflict("always");
  };
  CountingSource source(kSize, kSize + 1, 1);
  StreamReport report;
  const Status status = StreamIngestor(source, writer, Options("w", clock)).Run({}, &report);
  EXPECT_EQ(status.code(), StatusCode::kConflict);
  EXPECT_TRUE(report.target_failed);
}

}  // namespace
}  // namespace tarn::ingest
