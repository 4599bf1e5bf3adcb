#include "ingest/push_ingestor.h"

#include <algorithm>

namespace tarn::ingest {
namespace {

constexpr int kLostRacesInARow = 1'000;
constexpr int64_t kLookMicros = 1'000'000;

}  // namespace

PushIngestor::PushIngestor(LiveBronzeWriter& writer, PushIngestOptions options)
    : writer_(writer),
      options_(std::move(options)),
      lane_("push/" + options_.stream),
      keys_(options_.key_window_micros),
      letter_keys_(options_.key_window_micros) {}

PushIngestor::~PushIngestor() = default;

bool PushIngestor::Submit(std::unique_ptr<Request>& request) {
  const std::lock_guard lock(mutex_);
  if (!accepting_ || queued_bytes_ + request->bytes() > options_.max_waiting_bytes) return false;
  queued_bytes_ += request->bytes();
  queue_.push_back(std::move(request));
  came_.notify_one();
  return true;
}

PushIngestor::Batch PushIngestor::TakeBatch(std::stop_token stop, bool* drained) {
  Batch batch;
  std::unique_lock lock(mutex_);
  came_.wait_for(lock, stop, std::chrono::microseconds(kLookMicros),
                 [&] { return !queue_.empty(); });
  if (stop.stop_requested()) accepting_ = false;
  uint64_t bytes = 0;
  while (!queue_.empty() && batch.size() < options_.max_batch_requests) {
    const uint64_t size = queue_.front()->bytes();
    if (!batch.empty() && bytes + size > options_.max_batch_bytes) break;
    bytes += size;
    batch.emplace_back().request = std::move(queue_.front());
    queue_.pop_front();
  }
  queued_bytes_ -= bytes;
  *drained = !accepting_ && queue_.empty();
  return batch;
}

void PushIngestor::AnswerAll(Batch* batch, const Answer& answer) {
  for (Pending& pending : *batch) {
    pending.request->answer(answer);
    AnswerAll(&pending.followers, answer);
  }
  batch->clear();
}

void PushIngestor::Tell(PushReport* report) {
  report->keys = keys_.size();
  report->last_progress_micros = options_.clock->NowMicros();
  if (options_.on_progress) options_.on_progress(*report);
}

Status PushIngestor::Run(std::stop_token stop, PushReport* report) {
  stop_ = stop;
  Status status = OpenRows();
  if (!status.ok()) return status;
  {
    const std::lock_guard lock(mutex_);
    accepting_ = true;
  }
  Tell(report);
  for (bool drained = false; status.ok() && !drained;) {
    Batch batch = TakeBatch(stop, &drained);
    if (!batch.empty()) {
      status = CommitBatch(&batch, report);
      if (!status.ok()) {
        Answer answer;
        answer.reason = "it is not known to be written: " + status.message();
        AnswerAll(&batch, answer);
      }
    }
    Tell(report);
  }
  std::deque<std::unique_ptr<Request>> left;
  {
    const std::lock_guard lock(mutex_);
    accepting_ = false;
    left.swap(queue_);
    queued_bytes_ = 0;
  }
  Answer answer;
  answer.reason = "the stream has stopped: " + status.message();
  for (const auto& request : left) request->answer(answer);
  return status;
}

// A round either lands, or removes at least one request from the batch, or loses a race.
Status PushIngestor::CommitBatch(Batch* batch, PushReport* report) {
  const int64_t began = options_.clock->MonotonicMicros();
  for (int lost = 0; !batch->empty();) {
    Classify(batch, report);
    if (batch->empty()) break;
    sources::Batch records;
    TARN_ASSIGN_OR_RETURN(const bool whole, JudgeBatch(batch, &records));
    if (!whole) continue;
    TARN_RETURN_IF_ERROR(CommitLetters(batch, report));
    int64_t version = -1;
    TARN_ASSIGN_OR_RETURN(const Outcome outcome, CommitRows(*batch, records.records, &version));
    if (outcome == Outcome::kLost) {
      ++report->lost_races;
      if (++lost == kLostRacesInARow) {
        return Status::Conflict("stream " + options_.stream + " lost " + std::to_string(lost) +
                                " races for its table in a row");
      }
      TARN_RETURN_IF_ERROR(OpenRows());
      continue;
    }
    ++report->commits;
    report->rows += records.records.size();
    const int64_t took = options_.clock->MonotonicMicros() - began;
    report->commit_micros =
        report->commit_micros == 0 ? took : (report->commit_micros * 7 + took) / 8;
    if (options_.judge != nullptr) options_.judge->OnCommitted();
    Finish(batch, version, report);
  }
  return Status::Ok();
}

void PushIngestor::Finish(Batch* batch, int64_t version, PushReport* report) {
  const int64_t now = options_.clock->NowMicros();
  report->last_commit_micros = now;
  report->wait_micros = now - batch->front().request->arrived_micros;
  for (Pending& pending : *batch) {
    Answer answer;
    answer.kind = Answer::Kind::kCommitted;
    answer.accepted = pending.accepted();
    answer.dead_letters = pending.letters();
    answer.version = version;
    answer.first_offset = pending.base;
    for (const auto& bad : pending.request->bad) answer.refused.push_back(bad.why);
    for (const auto& refused : pending.judged) answer.refused.push_back(refused);
    std::sort(answer.refused.begin(), answer.refused.end(),
              [](const auto& a, const auto& b) { return a.index < b.index; });
    report->bytes += pending.request->bytes();
    ++report->requests;
    pending.request->answer(answer);
    answer.kind = Answer::Kind::kDuplicate;
    report->duplicates += pending.followers.size();
    AnswerAll(&pending.followers, answer);
  }
  batch->clear();
}

}  // namespace tarn::ingest
