#include "operate/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <sstream>

namespace tarn::operate {
namespace {

SupervisorOptions Fast(const std::string& instance) {
  SupervisorOptions options;
  options.instance = instance;
  options.lease_ttl_micros = 400'000;
  options.look_micros = 60'000;
  options.first_pause_micros = 20'000;
  options.longest_pause_micros = 100'000;
  return options;
}

bool Until(const std::function<bool()>& check, int64_t millis = 5'000) {
  for (int64_t waited = 0; waited < millis; waited += 10) {
    if (check()) return true;
    Clock::System().SleepMicros(10'000);
  }
  return false;
}

// Counts its lives, and how many of it run at once.
struct Work {
  std::atomic<int> lives{0}, running{0}, most{0};
  StreamJob Job(const std::string& name, bool shared = false, int failures = 0) {
    StreamJob job;
    job.name = name;
    job.shared = shared;
    job.run = [this, failures](std::stop_token stop, const ReportTo& report) -> Status {
      if (++lives <= failures) return Status::Io("it broke");
      most = std::max(most.load(), ++running);
      StreamStatus said;
      said.rows = 7;
      report(said);
      while (!stop.stop_requested()) Clock::System().SleepMicros(5'000);
      --running;
      return Status::Ok();
    };
    return job;
  }
};

TEST(Supervisor, AFailingStreamIsRetriedAndLeavesOthersAlone) {
  std::ostringstream out;
  Log log(out, LogFormat::kJson);
  Work bad, good, throwing;
  Supervisor supervisor(store::MakeMemoryStore(), Fast("a"), log);
  StreamJob thrower = throwing.Job("throws");
  thrower.run = [&](std::stop_token, const ReportTo&) -> Status {
    ++throwing.lives;
    throw std::runtime_error("thrown");
  };
  supervisor.Start({bad.Job("bad", true, 3), good.Job("good", true), thrower});
  EXPECT_TRUE(Until([&] { return bad.running == 1 && good.running == 1 && throwing.lives > 2; }));
  EXPECT_EQ(good.lives, 1);
  EXPECT_EQ(supervisor.Snapshot().streams[0].restarts, 3u);
  EXPECT_EQ(supervisor.Snapshot().streams[1].rows, 7u);
  supervisor.Stop();
  EXPECT_EQ(bad.running + good.running, 0);
  EXPECT_THAT(out.str(), ::testing::HasSubstr("\"error\":\"it broke\""));
  EXPECT_THAT(out.str(), ::testing::HasSubstr("\"error\":\"throws: thrown\""));
}

TEST(Supervisor, LeasedStreamsRunOnceAndAreSharedOut) {
  std::ostringstream out;
  Log log(out, LogFormat::kJson);
  auto store = store::MakeMemoryStore();
  Work work[4];
  const auto jobs = [&] {
    std::vector<StreamJob> all;
    for (int i = 0; i < 4; ++i) all.push_back(work[i].Job("w" + std::to_string(i)));
    return all;
  };
  const auto running = [&] {
    int sum = 0;
    for (Work& one : work) sum += one.running;
    return sum;
  };
  const auto held_by = [](const Supervisor& supervisor) {
    int held = 0;
    for (const auto& stream : supervisor.Snapshot().streams) {
      held += stream.state == StreamState::kRunning;
    }
    return held;
  };
  auto first = std::make_unique<Supervisor>(store, Fast("first"), log);
  first->Start(jobs());
  EXPECT_TRUE(Until([&] { return running() == 4; }));
  Supervisor second(store, Fast("second"), log);
  second.Start(jobs());
  EXPECT_TRUE(Until([&] { return held_by(*first) == 2 && held_by(second) == 2; }));
  first.reset();
  EXPECT_TRUE(Until([&] { return held_by(second) == 4; }));
  second.Stop();
  for (Work& one : work) EXPECT_EQ(one.most, 1);
}

TEST(StreamStatus, HealthLooksAtProgress) {
  constexpr int64_t kMinute = 60'000'000;
  StreamStatus stream;
  stream.state = StreamState::kRunning;
  stream.last_progress_micros = 10 * kMinute;
  EXPECT_EQ(HealthProblem(stream, 10 * kMinute + 5), "");
  EXPECT_THAT(HealthProblem(stream, 12 * kMinute), ::testing::HasSubstr("no progress for 120 s"));
  stream.last_progress_micros = 12 * kMinute;
  stream.last_commit_micros = 10 * kMinute;
  EXPECT_EQ(HealthProblem(stream, 12 * kMinute), "");
  stream.lag_records = 5;
  EXPECT_THAT(HealthProblem(stream, 12 * kMinute), ::testing::HasSubstr("5 records behind"));
  stream.state = StreamState::kWaiting;
  stream.error = "no";
  stream.restarts = 2;
  EXPECT_THAT(HealthProblem(stream, 12 * kMinute), ::testing::HasSubstr("again and again: no"));
  stream.state = StreamState::kElsewhere;
  EXPECT_EQ(HealthProblem(stream, 100 * kMinute), "");
}

TEST(StreamStatus, RoundTripAndPrometheus) {
  ProcessStatus process;
  process.instance = "host-1";
  StreamStatus stream;
  stream.name = "o\"x";
  stream.kind = "kafka";
  stream.target = "bronze.orders";
  stream.state = StreamState::kWaiting;
  stream.rows = 5;
  stream.lag_records = 9;
  stream.parts = {"t/0 at 1 of 2"};
  process.streams = {stream};
  const auto read = ProcessStatusFromJson(ToJson(process));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(ToJson(*read), ToJson(process));
  EXPECT_FALSE(ProcessStatusFromJson("{}").ok());
  EXPECT_FALSE(ProcessStatusFromJson(R"({"instance":1,"streams":[]})").ok());
  EXPECT_THAT(ToPrometheus(process, 0),
              ::testing::HasSubstr("tarn_stream_lag_records{stream=\"o\\\"x\",kind=\"kafka\","
                                   "target=\"bronze.orders\"} 9\n"));
}

}  // namespace
}  // namespace tarn::operate
