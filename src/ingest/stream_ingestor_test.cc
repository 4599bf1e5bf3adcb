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
  Result<AppendOutcome> AppendRows(const std::vector<RowGroup>& groups) override {
    std::vector<Part> parts;
    for (const RowGroup& group : groups) {
      parts.push_back({&group.commit, {}});
      for (const auto& row : *group.rows) {
        parts.back().texts.push_back(std::to_string(row.offset) + "=" + std::string(row.payload));
      }
    }
    return Append(lake_.rows, parts);
  }
  Result<AppendOutcome> AppendDeadLetters(const std::vector<LetterGroup>& groups) override {
    std::vector<Part> parts;
    for (const LetterGroup& group : groups) {
      parts.push_back({&group.commit, {}});
      for (const auto& letter : group.letters) {
        parts.back().texts.push_back(std::to_string(letter.offset) + "=" +
                                     std::string(letter.payload) + "#" +
                                     std::to_string(group.context.attempt));
      }
    }
    return Append(lake_.letters, parts);
  }
  Result<std::set<int64_t>> ReadLetterOffsets(const LetterPlace& place, int64_t from,
                                              int64_t to) override {
    step();
    std::lock_guard lock(lake_.mutex);
    std::set<int64_t> out;
    for (const std::string& row : lake_.letters.rows) {  // "<offset>=<payload>#<attempt>"
      const int64_t offset = std::stoll(row);
      const int attempt = std::stoi(row.substr(row.rfind('#') + 1));
      if (attempt == place.attempt && offset >= from && offset <= to) out.insert(offset);
    }
    return out;
  }

 private:
  Result<StreamState> Read(MemoryTable& table, const std::string& id) {
    step();
    std::lock_guard lock(lake_.mutex);
    const auto& stream = table.streams[id];
    return StreamState{stream.epoch, stream.json};
  }
  struct Part {
    const StreamCommit* commit;
    std::vector<std::string> texts;
  };
  // All parts or none, as one Delta commit is.
  Result<AppendOutcome> Append(MemoryTable& table, const std::vector<Part>& parts) {
    step();
    if (auto lost = reply(false)) return *lost;
    bool won = true;
    {
      std::lock_guard lock(lake_.mutex);
      for (const Part& part : parts) {
        won = won && table.streams[part.commit->stream_id].epoch < part.commit->epoch;
      }
      for (const Part& part : parts) {
        if (!won) break;
        table.streams[part.commit->stream_id] = {part.commit->epoch, part.commit->state_json};
        table.rows.insert(table.rows.end(), part.texts.begin(), part.texts.end());
      }
      table.commits += won;
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

// Records "s<stream>.<i>", every third one bad, in batches of at most `batch` records.
class SmallSource final : public sources::Source {
 public:
  SmallSource(int stream, int64_t batch)
      : id_("small/" + std::to_string(stream)), stream_(stream), batch_(batch) {}
  static constexpr int64_t kRecords = 7;
  const std::string& stream_id() const override { return id_; }
  Status Open(const sources::Position& position) override {
    next_ = position.json.empty() ? 0 : std::stoll(position.json);
    return Status::Ok();
  }
  Result<sources::Batch> Poll(const sources::BatchLimits&) override {
    sources::Batch batch;
    for (int64_t i = 0; i < batch_ && next_ < kRecords; ++i, ++next_) {
      const std::string_view text =
          batch.arena.Copy("s" + std::to_string(stream_) + "." + std::to_string(next_));
      if (next_ % 3 == 2 && stream_ % 4 != 0) {
        batch.bad.emplace_back();
        batch.bad.back().payload = text;
        batch.bad.back().offset = next_;
      } else {
        batch.records.emplace_back();
        batch.records.back().payload = text;
        batch.records.back().offset = next_;
      }
    }
    batch.end = next_ == kRecords;
    batch.position.json = std::to_string(next_);
    return batch;
  }
  uint64_t bytes_read() const override { return 0; }

 private:
  std::string id_;
  int stream_;
  int64_t batch_;
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
        // Without pauses one thread is done before the other begins.
        SeededRandom pauses(seed * 31 + static_cast<uint64_t>(i));
        writer.step = [&] {
          std::this_thread::sleep_for(std::chrono::microseconds(pauses.Uniform(150)));
        };
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

// What a run over many small streams does: those that come whole share a commit, the rest run
// alone.
void IngestSmallStreams(MemoryWriter& writer, int streams, int64_t batch, const std::string& id,
                        Clock& clock, uint64_t* rows, uint64_t* letters) {
  std::vector<WholeStream> whole;
  std::vector<int> alone;
  std::vector<int> together;
  for (int i = 0; i < streams; ++i) {
    SmallSource source(i, batch);
    StreamReport report;
    auto read = StreamIngestor(source, writer, Options(id, clock)).ReadWhole(&report);
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    if (*read) {
      whole.push_back(std::move(**read));
      together.push_back(i);
    } else if (!report.was_done) {
      alone.push_back(i);
    }
  }
  std::vector<StreamReport> reports;
  uint64_t commits = 0;
  bool landed = true;
  if (!whole.empty()) {
    auto result = CommitWhole(writer, whole, &reports, &commits);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    landed = *result;
  }
  for (const StreamReport& report : reports) {
    *rows += report.rows;
    *letters += report.dead_letters;
  }
  if (!landed) alone.insert(alone.end(), together.begin(), together.end());
  for (const int i : alone) {
    SmallSource source(i, batch);
    StreamReport report;
    const Status status = StreamIngestor(source, writer, Options(id, clock)).Run({}, &report);
    ASSERT_TRUE(status.ok()) << status.ToString();
    *rows += report.rows;
    *letters += report.dead_letters;
  }
}

void ExpectSmallStreamsOnce(const MemoryLake& lake, int streams) {
  std::vector<std::string> rows;
  std::vector<std::string> letters;
  for (int stream = 0; stream < streams; ++stream) {
    for (int64_t i = 0; i < SmallSource::kRecords; ++i) {
      const std::string text =
          std::to_string(i) + "=s" + std::to_string(stream) + "." + std::to_string(i);
      const bool bad = i % 3 == 2 && stream % 4 != 0;
      (bad ? letters : rows).push_back(bad ? text + "#1" : text);
    }
  }
  EXPECT_THAT(lake.rows.rows, ::testing::UnorderedElementsAreArray(rows));
  EXPECT_THAT(lake.letters.rows, ::testing::UnorderedElementsAreArray(letters));
}

TEST(CommitWhole, ManyStreamsShareACommit) {
  MemoryLake lake;
  ManualClock clock(0);
  MemoryWriter writer(lake);
  uint64_t rows = 0;
  uint64_t letters = 0;
  IngestSmallStreams(writer, 9, 100, "w", clock, &rows, &letters);
  ExpectSmallStreamsOnce(lake, 9);
  EXPECT_EQ(lake.rows.commits + lake.letters.commits, 2);
  EXPECT_EQ(rows, lake.rows.rows.size());
  EXPECT_EQ(letters, lake.letters.rows.size());
}

TEST(CommitWhole, ExactlyOnceWithPowerCutAtEveryStep) {
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
      uint64_t rows = 0;
      uint64_t letters = 0;
      try {
        // The second life sees more streams, and batches that some do not fit into.
        IngestSmallStreams(writer, 5 + life, life == 0 ? 100 : 4, std::to_string(life), clock,
                           &rows, &letters);
      } catch (const PowerCut&) {
        cut = true;
      }
    }
    ExpectSmallStreamsOnce(lake, 6);
    if (HasFailure()) FAIL() << "cut at step " << cut_at;
    if (!cut) break;
  }
}

TEST(CommitWhole, TwoWritersAndLostReplies) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    MemoryLake lake;
    uint64_t rows[2] = {0, 0};
    uint64_t letters[2] = {0, 0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] {
        MemoryWriter writer(lake);
        SeededRandom random(seed * 2 + static_cast<uint64_t>(i));
        writer.step = [&] {
          std::this_thread::sleep_for(std::chrono::microseconds(random.Uniform(150)));
        };
        writer.reply = [&](bool landed) -> std::optional<Status> {
          if (landed || random.Uniform(6) != 0) return std::nullopt;
          return Status::Conflict("somebody else committed");
        };
        ManualClock clock(0);
        // The writers do not see the same streams: the groups overlap only in part.
        IngestSmallStreams(writer, 5 + i, 100, "w" + std::to_string(i), clock, &rows[i],
                           &letters[i]);
      });
    }
    for (auto& thread : threads) thread.join();
    ExpectSmallStreamsOnce(lake, 6);
    EXPECT_EQ(rows[0] + rows[1], lake.rows.rows.size());
    EXPECT_EQ(letters[0] + letters[1], lake.letters.rows.size());
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
