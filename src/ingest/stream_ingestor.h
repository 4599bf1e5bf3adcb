// StreamIngestor: one source -> Bronze and dead letters, each record exactly once.
//
// How: for every batch first its dead letters are committed, then its rows together with the
// source's position behind the batch. Both commits are compare-and-set on an epoch
// (bronze_writer.h).
//   - Killed between the two: the batch is read again, perhaps cut elsewhere; the dead letters' own
//   state says up
//     to which offset of each partition they are recorded, and only later ones are written.
//   - Killed after the second: the position says to go on behind the batch.
//   - Another process on the same stream: one of two equal epochs wins; the loser reads the
//   position and goes
//     on behind what the winner wrote.
// A source is acknowledged upstream only after the commit.
//
// What it does not do: no listing of sources, no tables of its own, no scheduling.
//
// Threads: one user at a time. Memory: one batch.
//
// Errors: what source or writer say, after transient ones were retried; everything committed before
// stays valid and a later run goes on there.
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
#include "ingest/bronze_writer.h"
#include "ingest/record_judge.h"
#include "sources/source.h"

namespace tarn::ingest {

struct StreamReport {
  uint64_t rows = 0;          // appended by this run
  uint64_t dead_letters = 0;  // recorded by this run
  uint64_t commits = 0;       // to both tables, by this run
  bool done = false;          // the stream is at its end and that is committed
  bool was_done = false;      // it was before this run looked
  bool stopped = false;       // by the stop token
  bool target_failed =
      false;  // the failure is the lake's, not the source's: other streams will meet it too
};

struct StreamOptions {
  sources::BatchLimits limits;
  std::string writer_id;     // unique per process and run, so that a writer knows its own commits
  std::string content_id;    // DeadLetterContext::content_id
  std::string content_name;  // for people reading the state: the file's path
  RecordJudge* judge = nullptr;
  Clock* clock = &Clock::System();
  // Called after each commit and each poll.
  std::function<void(const StreamReport&, std::string_view phase)> on_progress;
};

// A stream that came whole in one batch: read, checked to be new, and not yet committed.
struct WholeStream {
  sources::Batch batch;
  StreamCommit rows_commit;
  std::optional<LetterGroup> letters;  // absent: it has none
};

class StreamIngestor {
 public:
  // Both outlive the ingestor.
  StreamIngestor(sources::Source& source, BronzeWriter& writer, StreamOptions options);

  // Until the end of the stream or a requested stop. `report` is valid also when it fails.
  Status Run(std::stop_token stop, StreamReport* report);

  // For many small streams: reads this one without committing, to be committed with others by
  // CommitWhole. nullopt: it was done before (`report` says so), or it must be run on its own
  // (begun before, or too large for one batch); nothing has been written.
  Result<std::optional<WholeStream>> ReadWhole(StreamReport* report);

 private:
  struct Progress {  // what the state in Bronze says
    int64_t epoch = 0;
    bool done = false;
    std::string writer;
    std::string reading;
    sources::Position position;
    uint64_t rows = 0;
    uint64_t dead_letters = 0;
  };
  struct LetterProgress {  // what the state in the dead letter table says
    int64_t epoch = 0;
    std::string writer;
    std::string reading;
    int32_t attempt = 0;
    std::map<int32_t, int64_t> through;  // partition -> offset behind the last one recorded
  };
  enum class Step { kGoOn, kReopen, kEnd };

  Result<Progress> ReadProgress();
  Result<LetterProgress> ReadLetterProgress();
  Result<std::optional<WholeStream>> TryReadWhole(StreamReport* report);
  Status RunToEnd(std::stop_token stop, StreamReport* report);
  Status CheckReading() const;
  Result<Step> TakeBatch(StreamReport* report);
  // Polls, and lets the judge look at what came.
  Status ReadBatch(sources::Batch* batch);
  Result<std::vector<sources::BadRecord>> FreshLetters(const sources::Batch& batch,
                                                       LetterProgress* next);
  Status CommitLetters(const sources::Batch& batch, StreamReport* report);
  Result<Step> CommitRows(const sources::Batch& batch, StreamReport* report);
  StreamCommit RowsCommit(const sources::Batch& batch) const;
  StreamCommit LetterCommit(const LetterProgress& next) const;
  enum class Side { kSource, kTarget };
  Status Retry(Side side, const std::string& what, const std::function<Status()>& attempt);
  void Tell(const StreamReport& report, std::string_view phase) const;

  sources::Source& source_;
  BronzeWriter& writer_;
  StreamOptions options_;
  Progress progress_;
  std::optional<LetterProgress> letters_;
  JudgeAccount account_;  // of the batch at hand
  bool target_failed_ = false;
};

// Commits streams that came whole: first the dead letters of all, then the rows of all. True: done,
// `reports` (one per stream) say what landed. False: another writer was at one of them; run each on
// its own, which is safe whatever landed. Errors: the target's. REQUIRES: no stream twice.
Result<bool> CommitWhole(BronzeWriter& writer, const std::vector<WholeStream>& streams,
                         std::vector<StreamReport>* reports, uint64_t* commits);

}  // namespace tarn::ingest
