// PushIngestor: requests that were pushed to one stream -> Bronze and dead letters; each is
// answered after the commit that made it durable.
//
// How: requests that come while a commit is under way share the next one. A batch's dead letters
// are committed, then its rows together with the stream's position: next offset, epoch, writer, and
// the idempotency keys and sequence numbers of the batch. So a request that is sent again, to this
// process or another one, before or after a crash, finds its key in the table and is answered
// without being written. Between the two commits the dead letter table's own keys say which letters
// are there already. Offsets only grow; a crash or a lost race may leave a gap, never a repetition.
//
// Several processes may run one stream: the epoch is compare-and-set, who loses reads the keys of
// the winner and tries again with the requests it still holds.
//
// RESTORE of the table: senders cannot be asked again, so the stream goes on where it was.
//
// What it does not promise: a request without key and without sequence that is sent again is
// written again.
//
// Threads: Submit from any thread; Run from one. Lifetime: writer, judge and clock outlive it;
// every request is answered before Run returns.
//
// Errors of Run: what the writer says after transient errors were retried; the requests at hand
// were answered kUnavailable. Run again (a new object) goes on.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "ingest/live_bronze_writer.h"
#include "ingest/push_keys.h"
#include "ingest/record_judge.h"
#include "sources/push/push_request.h"

namespace tarn::ingest {

struct PushReport {
  uint64_t requests = 0;  // committed
  uint64_t duplicates = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;  // of bodies
  uint64_t dead_letters = 0;
  uint64_t commits = 0;              // to both tables
  uint64_t lost_races = 0;           // another process's commit came first
  uint64_t keys = 0;                 // remembered
  int64_t commit_micros = 0;         // moving mean of what a batch's commits take
  int64_t wait_micros = 0;           // last batch: its oldest request's arrival to its commit
  int64_t last_commit_micros = 0;    // wall time; 0: none yet
  int64_t last_progress_micros = 0;  // wall time of the last look at the queue
};

struct PushIngestOptions {
  std::string stream;     // the lane is "push/<stream>", the topic <stream>
  std::string writer_id;  // unique per process and run
  int64_t key_window_micros = 3'600'000'000;
  size_t max_keys = 1'000'000;
  size_t max_producers = 1'000;
  uint64_t max_batch_bytes = 64ull << 20;
  size_t max_batch_requests = 10'000;
  uint64_t max_waiting_bytes = 128ull << 20;
  RecordJudge* judge = nullptr;
  Clock* clock = &Clock::System();
  std::function<void(const PushReport&)> on_progress;  // on Run's thread
};

class PushIngestor final : public sources::push::PushSink {
 public:
  PushIngestor(LiveBronzeWriter& writer, PushIngestOptions options);
  ~PushIngestor() override;

  bool Submit(std::unique_ptr<sources::push::PushRequest>& request) override;
  // Until the stop is requested; what was submitted by then is committed first.
  Status Run(std::stop_token stop, PushReport* report);

 private:
  using Request = sources::push::PushRequest;
  using Answer = sources::push::PushAnswer;
  struct Producer {
    uint64_t number = 0;
    int64_t at_micros = 0;
    uint64_t accepted = 0, dead_letters = 0;
  };
  struct Position {
    int64_t epoch = 0;
    int64_t next = 0;
    uint64_t rows = 0, dead_letters = 0;
    std::map<std::string, Producer> producers;
  };
  struct Pending {
    std::unique_ptr<Request> request;
    PushKeys::Hash identity{};  // of key or sequence
    bool has_identity = false;
    bool letters_done = false;  // recorded by this process already
    int64_t base = 0;           // offset of its first record
    std::vector<sources::push::Refused> judged;
    std::vector<Pending> followers;  // the same request once more
    uint64_t letters() const { return request->bad.size() + judged.size(); }
    uint64_t accepted() const { return request->records.size() - judged.size(); }
  };
  using Batch = std::vector<Pending>;

  // --- push_ingestor.cc: the queue and the round of one batch
  Batch TakeBatch(std::stop_token stop, bool* drained);
  Status CommitBatch(Batch* batch, PushReport* report);
  void AnswerAll(Batch* batch, const Answer& answer);
  void Finish(Batch* batch, int64_t version, PushReport* report);
  void Tell(PushReport* report);

  // --- push_batch.cc: which requests are new, and what the judge says
  // Answers what is durable, repeated wrongly or too much; numbers the rest.
  void Classify(Batch* batch, PushReport* report);
  std::optional<Answer> AnswerKnown(const Pending& pending,
                                    std::map<std::string, Producer>* producers) const;
  Result<bool> JudgeBatch(Batch* batch, sources::Batch* records);
  void BuildRecords(const Batch& batch, sources::Batch* records) const;

  // --- push_commit.cc: positions and the two tables
  Status OpenRows();
  Status OpenLetters();
  void CollectLetters(const Pending& pending, std::vector<sources::BadRecord>* letters) const;
  static uint32_t LettersCrc(const Pending& pending);
  Status CommitLetters(Batch* batch, PushReport* report);
  enum class Outcome { kLanded, kLost };
  Result<Outcome> CommitRows(const Batch& batch, const std::vector<sources::Record>& rows,
                             int64_t* version);
  std::string RowState(const Batch& batch, int64_t epoch, const std::vector<int>& slots,
                       Position* next) const;
  Status Retry(const std::string& what, const std::function<Status()>& attempt);
  std::string Slot(int number) const;

  LiveBronzeWriter& writer_;
  PushIngestOptions options_;
  const std::string lane_;
  std::stop_token stop_;

  std::mutex mutex_;  // guards the four below
  std::condition_variable_any came_;
  std::deque<std::unique_ptr<Request>> queue_;
  uint64_t queued_bytes_ = 0;
  bool accepting_ = false;

  JudgeAccount account_;  // of the batch at hand
  Position position_;
  PushKeys keys_;
  int64_t examined_ = -1;
  int64_t letters_epoch_ = 0;
  int64_t letters_through_ = 0;
  PushKeys letter_keys_;
};

}  // namespace tarn::ingest
