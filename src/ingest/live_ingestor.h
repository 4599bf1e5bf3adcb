// LiveIngestor: one live source -> Bronze and dead letters, each record exactly once, until told to
// stop.
//
// How: as StreamIngestor, for many lanes in one commit. Per batch the dead letters are committed,
// then the rows of all lanes together with every lane's position, epoch and writer. A lane's epoch
// is compare-and-set: of two processes that hold one lane (one was paused, the other took over),
// one commit lands whole and the other writes nothing, however late it comes; the loser opens its
// lanes again where the table says.
//
// RESTORE: a commit never lands on top of a RESTORE (or DELETE) it has not looked at. When the
// Bronze table went back to an older version, the policy says: rewind the lanes to their positions
// of that version, so that upstream fills the hole again; keep reading where it is; or fail.
//
// Several topics may go to several tables: `LiveTargets` names the writer of each topic.
//
// Batches close after `max_lag / 2` less what a commit takes, or when they are full: a slow stream
// is fresh, a fast one has large files.
//
// Threads: one user at a time. Memory: one batch plus what the source fetches ahead.
//
// Errors: what source, judge or writer say, after transient ones were retried. Everything committed
// stays valid; Run again (kBackoff: after a pause) goes on there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "ingest/live_bronze_writer.h"
#include "ingest/record_judge.h"
#include "sources/live_source.h"

namespace tarn::ingest {

class LiveTargets {
 public:
  virtual ~LiveTargets() = default;
  // The writer of a topic's table, prepared; lives as long as the targets.
  virtual Result<LiveBronzeWriter*> For(const std::string& topic) = 0;
};

enum class OnRestore { kRewind, kKeep, kFail };
// "rewind", "keep", "fail".
Result<OnRestore> ParseOnRestore(const std::string& text);

struct LiveReport {
  uint64_t rows = 0;
  uint64_t bytes = 0;  // of payloads
  uint64_t dead_letters = 0;
  uint64_t commits = 0;              // to both tables
  uint64_t rewinds = 0;              // lost races and RESTOREs
  uint64_t restores = 0;             // lanes that were taken back by a RESTORE
  int64_t last_commit_micros = 0;    // wall time; 0: none yet
  int64_t last_progress_micros = 0;  // wall time of the last poll that went well
  int64_t commit_micros = 0;         // moving mean of what a batch's commits take
  int64_t batch_lag_micros = 0;      // last batch: commit time less its newest event time
  std::vector<sources::LaneStatus> lanes;
  std::string trouble;  // what is wrong without being an error; empty: nothing
  bool caught_up = false;
};

struct LiveOptions {
  uint64_t max_batch_bytes = 64ull << 20;
  uint64_t max_batch_rows = 500'000;
  int64_t max_lag_micros = 1'000'000;
  OnRestore on_restore = OnRestore::kRewind;
  bool until_caught_up = false;  // end when every lane is at its end
  std::string writer_id;         // unique per process and run
  RecordJudge* judge = nullptr;
  Clock* clock = &Clock::System();
  // After each poll and each commit, on the ingesting thread; must return quickly.
  std::function<void(const LiveReport&)> on_progress;
};

class LiveIngestor final : private sources::PositionReader {
 public:
  // Both outlive the ingestor.
  LiveIngestor(sources::LiveSource& source, LiveTargets& targets, LiveOptions options);

  // Until a requested stop (what was read is committed first), or caught up. `report` is valid also
  // when it fails, and goes on counting from what it holds.
  Status Run(std::stop_token stop, LiveReport* report);

 private:
  struct Lane {  // what the table says of it
    LiveBronzeWriter* writer = nullptr;
    int64_t epoch = 0;
    int64_t examined = -1;  // versions of the table up to here were looked at for RESTOREs
    int64_t recorded = -1;  // `examined` as the table has it
    std::string writer_id;
    uint64_t rows = 0;
    uint64_t dead_letters = 0;
    sources::Position position;
    std::string life;
  };
  struct Letters {  // what the dead letter table says of a lane
    int64_t epoch = 0;
    std::string writer_id;
    std::string life;
    int32_t attempt = 0;
    int64_t through = -1;  // behind the last one recorded
  };
  struct Restores {              // of one table
    int64_t from = -1, to = -1;  // versions (from, to] were looked at
    std::vector<LiveBronzeWriter::Restore> found;
  };
  // The part of a batch that goes to one table.
  struct Part {
    LiveBronzeWriter* writer = nullptr;
    std::vector<const sources::LaneMove*> lanes;
    const std::vector<sources::Record>* records = nullptr;
    std::vector<sources::BadRecord> bad;
    std::vector<sources::Record> own;  // behind `records` when the batch goes to several tables
    JudgeAccount account;
  };
  enum class Step { kGoOn, kRewind };

  Result<std::vector<sources::Position>> ReadPositions(
      const std::vector<sources::LaneName>& lanes) override;
  Status ReadLanes(LiveBronzeWriter& writer, const std::vector<const sources::LaneName*>& names,
                   std::map<std::string, sources::Position>* positions);
  static Result<Lane> ParseLane(LiveBronzeWriter& writer, const std::string& id,
                                const StreamState& state);
  Status LookForRestores(LiveBronzeWriter& writer, int64_t after, int64_t until);
  // The lane as the rows now in the table have it, RESTOREs considered.
  Status FollowRestores(const std::string& id, int64_t version, Lane* lane, int depth);

  Status RunToEnd(std::stop_token stop, LiveReport* report);
  Status Rewind(LiveReport* report);
  Result<Step> TakeBatch(LiveReport* report);
  Result<std::vector<Part>> Split(const sources::LiveBatch& batch);
  Result<Step> CommitPart(const Part& part, LiveReport* report);
  Status CommitLetters(const Part& part, LiveReport* report);
  Status ReadLetters(const Part& part);
  // Those of the lane that have no letter yet.
  Status FreshLetters(const Part& part, const sources::LaneMove& move, const Letters& state,
                      std::vector<sources::BadRecord>* fresh);
  Result<Step> CommitRows(const Part& part, LiveReport* report);
  // After a commit that did not simply land: whose are the lanes now?
  enum class Fate { kOurs, kTaken, kUnchanged };
  Result<Fate> SettleCommit(const std::vector<StreamCommit>& commits, LiveBronzeWriter& writer);
  std::vector<StreamCommit> RowCommits(const Part& part) const;
  void AddIdleLanes(LiveBronzeWriter& writer, int64_t version, std::vector<StreamCommit>* commits);
  StreamCommit CommitOf(const std::string& id, const Lane& lane, uint64_t rows,
                        uint64_t letters) const;
  Status Retry(const std::string& what, const std::function<Status()>& attempt);
  int64_t WaitMicros() const;
  void Tell(LiveReport* report) const;

  sources::LiveSource& source_;
  LiveTargets& targets_;
  LiveOptions options_;
  std::stop_token stop_;
  std::map<std::string, Lane> lanes_;
  std::map<std::string, Letters> letters_;
  std::map<LiveBronzeWriter*, Restores> restores_;
  uint64_t restored_lanes_ = 0;
  int64_t commit_micros_ = 0;
};

}  // namespace tarn::ingest
