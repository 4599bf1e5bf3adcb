// What every LiveSource must keep, as a test that any of them can be put to.
//
// LaneMemory is a target that only remembers positions; it is stricter than a table: it refuses a
// position that goes backwards and records that come twice.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "sources/live_source.h"

namespace tarn::sources {

class LaneMemory final : public PositionReader {
 public:
  Result<std::vector<Position>> ReadPositions(const std::vector<LaneName>& lanes) override {
    if (!failure.ok()) return failure;
    std::vector<Position> out;
    for (const LaneName& lane : lanes) out.push_back(positions[lane.stream_id]);
    return out;
  }
  void Commit(const LiveBatch& batch) {
    for (const LaneMove& move : batch.lanes) positions[move.lane.stream_id] = move.position;
  }
  std::map<std::string, Position> positions;
  Status failure;
};

// (topic/partition, offset) -> payload.
using SeenRecords = std::map<std::pair<std::string, int64_t>, std::string>;

inline void Collect(const LiveBatch& batch, SeenRecords* seen) {
  std::map<std::string, int64_t> last;
  std::set<std::pair<std::string, int32_t>> moved;
  for (const LaneMove& move : batch.lanes) moved.emplace(move.lane.topic, move.partition);
  for (const Record& record : batch.batch.records) {
    const std::string lane = std::string(record.topic) + "/" + std::to_string(record.partition);
    EXPECT_EQ(moved.count({std::string(record.topic), record.partition}), 1u)
        << "a record of a lane that the batch does not name: " << lane;
    const auto before = last.find(lane);
    if (before != last.end()) {
      EXPECT_LT(before->second, record.offset) << lane;
    }
    last[lane] = record.offset;
    EXPECT_TRUE(seen->emplace(std::pair(lane, record.offset), record.payload).second)
        << lane << " offset " << record.offset << " came twice";
  }
}

// Reads and commits until the source says that it caught up, at most `seconds`.
inline SeenRecords ReadToEnd(LiveSource& source, LaneMemory& memory, uint64_t batch_records,
                             int64_t seconds) {
  SeenRecords seen;
  const int64_t until = Clock::System().MonotonicMicros() + seconds * 1'000'000;
  while (Clock::System().MonotonicMicros() < until) {
    const auto batch = source.Poll({1 << 20, batch_records, 100'000});
    if (!batch.ok()) {
      EXPECT_NE(batch.status().retry(), RetryClass::kNo) << batch.status().ToString();
      EXPECT_TRUE(source.Rewind().ok());
      continue;
    }
    Collect(*batch, &seen);
    memory.Commit(*batch);
    source.Acknowledge(batch->lanes);
    if (batch->caught_up) return seen;
  }
  ADD_FAILURE() << "not caught up within " << seconds << " s: " << source.Trouble();
  return seen;
}

// `make` opens the same `records` records each time.
inline void CheckLiveSourceContract(const std::function<std::unique_ptr<LiveSource>()>& make,
                                    size_t records) {
  LaneMemory whole_memory;
  auto source = make();
  ASSERT_TRUE(source->Start(whole_memory, {}).ok());
  const SeenRecords whole = ReadToEnd(*source, whole_memory, 1'000'000, 120);
  EXPECT_EQ(whole.size(), records);
  // At the end there is nothing, however often one asks.
  const auto nothing = source->Poll({1 << 20, 100, 10'000});
  ASSERT_TRUE(nothing.ok());
  EXPECT_TRUE(nothing->batch.empty());
  source->Stop();
  source->Stop();

  // In many lives, each of which forgets its last batch: the same records, cut elsewhere.
  LaneMemory memory;
  SeenRecords seen;
  for (size_t life = 0; seen.size() < records && life < 1'000; ++life) {
    source = make();
    ASSERT_TRUE(source->Start(memory, {}).ok());
    size_t committed = 0;
    const int64_t until = Clock::System().MonotonicMicros() + 120'000'000;
    while (committed < 2 && Clock::System().MonotonicMicros() < until) {
      const auto batch = source->Poll({1 << 20, 150 + life, 100'000});
      ASSERT_TRUE(batch.ok()) << batch.status().ToString();
      if (batch->batch.records.empty() && !batch->caught_up) continue;
      Collect(*batch, &seen);
      memory.Commit(*batch);
      ++committed;
    }
    const auto forgotten = source->Poll({1 << 20, 70, 100'000});
    ASSERT_TRUE(forgotten.ok());
    if (life % 2 == 0) {
      // The same source, taken back to what was committed.
      ASSERT_TRUE(source->Rewind().ok());
      for (int i = 0; i < 100; ++i) {
        const auto again = source->Poll({1 << 20, 90, 100'000});
        ASSERT_TRUE(again.ok());
        if (again->batch.records.empty()) continue;
        Collect(*again, &seen);
        memory.Commit(*again);
        break;
      }
    }
    source->Stop();
  }
  EXPECT_EQ(seen, whole);
}

}  // namespace tarn::sources
