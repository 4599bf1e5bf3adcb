// LiveSource: a source without an end, made of lanes that come and go: a Kafka topic with its
// partitions, shared among processes.
//
// What it is: each lane is a stream of its own (its id, its position, its epoch in the target); the
// set of lanes a process holds changes while it runs. One batch carries records of several lanes
// and says for each lane where it stands behind the batch. Where a lane starts is decided by the
// position the target has, which the source asks for whenever a lane comes to it; never by what
// upstream remembers.
//
// What it does not do: no writing, no decision whether a position is still the newest: two
// processes may hold one lane for a moment (a paused process that wakes up), and the target's
// epochs decide.
//
// Contract of replay: as in source.h, for each lane. Threads: one user at a time.
//
// Errors: Poll fails for what concerns the whole stream (no permission, offsets that are gone under
// the policy `fail`). RetryClass kBackoff: Rewind() or a new source after a pause may succeed.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "sources/source.h"

namespace tarn::sources {

struct LaneName {
  std::string stream_id;
  std::string topic;
  // Reading begins at the position that is asked for; false: it is only asked about.
  bool opens = false;
};

// Where lanes stand in the target. Implemented by who commits.
class PositionReader {
 public:
  virtual ~PositionReader() = default;
  // One for each lane, in order; an empty position for a lane that the target does not know.
  virtual Result<std::vector<Position>> ReadPositions(const std::vector<LaneName>& lanes) = 0;
};

struct LaneMove {
  LaneName lane;
  int32_t partition = 0;  // of its records
  Position position;      // behind the batch
  // Which life of the lane its offsets belong to (a topic made anew counts from 0 again).
  std::string life;
};

struct LiveBatch {
  Batch batch;                  // its position and end are not used
  std::vector<LaneMove> lanes;  // every lane with records, plus those opened for the first time
  bool caught_up = false;       // every lane stood at its end when the batch was closed
};

struct LaneStatus {
  LaneName lane;
  int32_t partition = 0;
  int64_t next = -1;  // offset of the next record wanted
  int64_t end = -1;   // end of the lane upstream, as last heard; -1: not known yet
};

class LiveSource {
 public:
  virtual ~LiveSource() = default;
  // For people: "kafka stream orders".
  virtual const std::string& name() const = 0;
  // Part of every committed position, as Source::reading.
  virtual std::string reading() const { return ""; }
  // Connects. `reader` outlives the source's use. A requested stop makes Poll return early.
  virtual Status Start(PositionReader& reader, std::stop_token stop) = 0;
  // What came within max_wait_micros, or until the batch is full; may be empty.
  virtual Result<LiveBatch> Poll(const BatchLimits& limits) = 0;
  // Forgets what was read and not committed; every lane is opened again at the target's position.
  virtual Status Rewind() = 0;
  // These positions are durable in the target; for upstream's monitoring only.
  virtual void Acknowledge(const std::vector<LaneMove>& lanes) = 0;
  virtual std::vector<LaneStatus> Lanes() const = 0;
  // What is wrong at the moment without being an error yet ("no broker answers"); empty: nothing.
  virtual std::string Trouble() const { return ""; }
  // Leaves upstream's group. Idempotent; the destructor does it too.
  virtual void Stop() = 0;
};

}  // namespace tarn::sources
