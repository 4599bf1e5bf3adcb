#include "ingest/stream_ingestor.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ingest/retrying.h"

namespace tarn::ingest {
namespace {

Status Damaged(const std::string& stream_id) {
  return Status::Corruption("the committed position of " + stream_id + " cannot be read");
}

}  // namespace

StreamIngestor::StreamIngestor(sources::Source& source, BronzeWriter& writer, StreamOptions options)
    : source_(source), writer_(writer), options_(std::move(options)) {}

void StreamIngestor::Tell(const StreamReport& report, std::string_view phase) const {
  if (options_.on_progress) options_.on_progress(report, phase);
}

Status StreamIngestor::Retry(Side side, const std::string& what,
                             const std::function<Status()>& attempt) {
  // A run of a file ends soon; nobody stops it between two attempts.
  Status status = RetryTransient(*options_.clock, INT64_MAX, {}, what, attempt);
  if (!status.ok()) target_failed_ = side == Side::kTarget;
  return status;
}

Result<StreamIngestor::Progress> StreamIngestor::ReadProgress() {
  StreamState state;
  TARN_RETURN_IF_ERROR(
      Retry(Side::kTarget, "reading the position of " + source_.stream_id(), [&]() -> Status {
        TARN_ASSIGN_OR_RETURN(state, writer_.ReadState(source_.stream_id()));
        return Status::Ok();
      }));
  Progress progress;
  progress.epoch = state.epoch;
  if (state.epoch == 0) return progress;
  const auto json = nlohmann::json::parse(state.json, nullptr, false);
  if (!json.is_object() || !json.contains("source")) return Damaged(source_.stream_id());
  progress.done = json.value("done", false);
  progress.writer = json.value("writer", "");
  progress.reading = json.value("reading", "");
  progress.rows = json.value("rows", uint64_t{0});
  progress.dead_letters = json.value("dead_letters", uint64_t{0});
  progress.position.json = json["source"].dump();
  return progress;
}

Result<StreamIngestor::LetterProgress> StreamIngestor::ReadLetterProgress() {
  StreamState state;
  TARN_RETURN_IF_ERROR(
      Retry(Side::kTarget, "reading the position of " + source_.stream_id(), [&]() -> Status {
        TARN_ASSIGN_OR_RETURN(state, writer_.ReadDeadLetterState(source_.stream_id()));
        return Status::Ok();
      }));
  LetterProgress progress;
  progress.epoch = state.epoch;
  if (state.epoch == 0) return progress;
  const auto json = nlohmann::json::parse(state.json, nullptr, false);
  if (!json.is_object() || !json.contains("through")) return Damaged(source_.stream_id());
  progress.writer = json.value("writer", "");
  progress.reading = json.value("reading", "");
  progress.attempt = json.value("attempt", 1);
  for (const auto& [partition, offset] : json["through"].items()) {
    progress.through[std::stoi(partition)] = offset.get<int64_t>();
  }
  return progress;
}

// Another reading would cut the rest of the stream differently from what is in the table already.
Status StreamIngestor::CheckReading() const {
  if (progress_.epoch == 0 || progress_.done || progress_.reading == source_.reading()) {
    return Status::Ok();
  }
  return Status::InvalidArgument(
      "a part of " + options_.content_name + " is in the table, read with " + progress_.reading +
      "; finish it with the same options (now: " + source_.reading() + ")");
}

Status StreamIngestor::Run(std::stop_token stop, StreamReport* report) {
  *report = StreamReport{};
  target_failed_ = false;
  const Status status = RunToEnd(stop, report);
  report->target_failed = !status.ok() && target_failed_;
  return status;
}

Result<std::optional<WholeStream>> StreamIngestor::ReadWhole(StreamReport* report) {
  *report = StreamReport{};
  target_failed_ = false;
  auto whole = TryReadWhole(report);
  report->target_failed = !whole.ok() && target_failed_;
  return whole;
}

Result<std::optional<WholeStream>> StreamIngestor::TryReadWhole(StreamReport* report) {
  TARN_ASSIGN_OR_RETURN(progress_, ReadProgress());
  report->done = report->was_done = progress_.done;
  if (progress_.epoch != 0) return std::optional<WholeStream>();
  TARN_RETURN_IF_ERROR(Retry(Side::kSource, "opening " + options_.content_name,
                             [&] { return source_.Open(progress_.position); }));
  WholeStream whole;
  TARN_RETURN_IF_ERROR(ReadBatch(&whole.batch));
  if (!whole.batch.end) return std::optional<WholeStream>();
  whole.rows_commit = RowsCommit(whole.batch);
  if (!whole.batch.bad.empty()) {
    TARN_ASSIGN_OR_RETURN(LetterProgress next, ReadLetterProgress());
    // A life that was cut short, or another writer, may have recorded them already.
    TARN_ASSIGN_OR_RETURN(auto fresh, FreshLetters(whole.batch, &next));
    if (!fresh.empty()) {
      whole.letters =
          LetterGroup{std::move(fresh), {options_.content_id, next.attempt}, LetterCommit(next)};
    }
  }
  return std::optional(std::move(whole));
}

Status StreamIngestor::RunToEnd(std::stop_token stop, StreamReport* report) {
  int64_t last_epoch = -1;
  int rounds = 0;
  for (bool first = true;; first = false) {
    TARN_ASSIGN_OR_RETURN(progress_, ReadProgress());
    letters_.reset();
    report->done = progress_.done;
    report->was_done = first && progress_.done;
    if (progress_.done) return Status::Ok();
    rounds = progress_.epoch == last_epoch ? rounds + 1 : 0;
    last_epoch = progress_.epoch;
    if (rounds == kConflictsInARow) {
      target_failed_ = true;
      return Status::Conflict("the commit of epoch " + std::to_string(last_epoch + 1) + " of " +
                              source_.stream_id() + " was refused " + std::to_string(rounds) +
                              " times; see the table's history for what else writes to it");
    }
    TARN_RETURN_IF_ERROR(Retry(Side::kSource, "opening " + options_.content_name,
                               [&] { return source_.Open(progress_.position); }));
    TARN_RETURN_IF_ERROR(CheckReading());
    for (Step step = Step::kGoOn; step != Step::kReopen;) {
      if (stop.stop_requested()) {
        report->stopped = true;
        return Status::Ok();
      }
      TARN_ASSIGN_OR_RETURN(step, TakeBatch(report));
      if (step == Step::kEnd) {
        report->done = true;
        return Status::Ok();
      }
    }
  }
}

Status StreamIngestor::ReadBatch(sources::Batch* batch) {
  TARN_ASSIGN_OR_RETURN(*batch, source_.Poll(options_.limits));
  account_ = JudgeAccount();
  if (options_.judge == nullptr || batch->records.empty()) return Status::Ok();
  const std::string_view topic = batch->records.front().topic;
  std::vector<Refusal> refusals;
  TARN_RETURN_IF_ERROR(Retry(Side::kTarget, "judging records", [&] {
    refusals.clear();
    return options_.judge->Judge(batch, &refusals);
  }));
  account_ = options_.judge->AccountOf(topic);
  return ApplyRefusals(refusals, batch);
}

Result<StreamIngestor::Step> StreamIngestor::TakeBatch(StreamReport* report) {
  sources::Batch batch;
  TARN_RETURN_IF_ERROR(ReadBatch(&batch));
  Tell(*report, "writing");
  if (batch.empty() && !batch.end) return Step::kGoOn;
  TARN_RETURN_IF_ERROR(CommitLetters(batch, report));
  TARN_ASSIGN_OR_RETURN(const Step step, CommitRows(batch, report));
  if (step == Step::kReopen) return step;
  TARN_RETURN_IF_ERROR(source_.Acknowledge(batch.position));
  Tell(*report, "reading");
  return batch.end ? Step::kEnd : Step::kGoOn;
}

StreamCommit StreamIngestor::LetterCommit(const LetterProgress& next) const {
  nlohmann::ordered_json through = nlohmann::ordered_json::object();
  for (const auto& [partition, offset] : next.through) through[std::to_string(partition)] = offset;
  const nlohmann::ordered_json json = {{"epoch", next.epoch},     {"writer", options_.writer_id},
                                       {"reading", next.reading}, {"attempt", next.attempt},
                                       {"through", through},      {"name", options_.content_name}};
  return {source_.stream_id(),
          next.epoch,
          json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
          {}};
}

// The part of `batch` that is not recorded yet; `next` becomes the state with it recorded.
Result<std::vector<sources::BadRecord>> StreamIngestor::FreshLetters(const sources::Batch& batch,
                                                                     LetterProgress* next) {
  // Read in another way (the table was made anew, say) the same content has other dead letters.
  if (next->epoch == 0 || next->reading != source_.reading()) {
    next->reading = source_.reading();
    next->through.clear();
    ++next->attempt;
  }
  // Below the position it is not certain that a letter is there: the judge may have said something
  // else before a crash.
  std::map<int32_t, std::pair<int64_t, int64_t>> doubtful;  // partition -> first and last offset
  for (const sources::BadRecord& bad : batch.bad) {
    const auto known = next->through.find(bad.partition);
    if (known == next->through.end() || bad.offset >= known->second) continue;
    auto& range = doubtful.emplace(bad.partition, std::pair(bad.offset, bad.offset)).first->second;
    range = {std::min(range.first, bad.offset), std::max(range.second, bad.offset)};
  }
  std::map<int32_t, std::set<int64_t>> recorded;
  for (const auto& [partition, range] : doubtful) {
    const LetterPlace place{batch.bad.front().topic, partition, options_.content_id, next->attempt};
    TARN_RETURN_IF_ERROR(
        Retry(Side::kTarget, "reading dead letters", [&, at = partition, ends = range]() -> Status {
          TARN_ASSIGN_OR_RETURN(recorded[at],
                                writer_.ReadLetterOffsets(place, ends.first, ends.second));
          return Status::Ok();
        }));
  }
  std::vector<sources::BadRecord> fresh;
  for (const sources::BadRecord& bad : batch.bad) {
    const auto known = recorded.find(bad.partition);
    if (known != recorded.end() && known->second.count(bad.offset) != 0) continue;
    fresh.push_back(bad);
    int64_t& through = next->through[bad.partition];
    through = std::max(through, bad.offset + 1);
  }
  ++next->epoch;
  next->writer = options_.writer_id;
  return fresh;
}

Status StreamIngestor::CommitLetters(const sources::Batch& batch, StreamReport* report) {
  if (batch.bad.empty()) return Status::Ok();
  for (int round = 1;; ++round) {
    if (!letters_) {
      TARN_ASSIGN_OR_RETURN(letters_, ReadLetterProgress());
    }
    LetterProgress next = *letters_;
    TARN_ASSIGN_OR_RETURN(const auto fresh, FreshLetters(batch, &next));
    if (fresh.empty()) return Status::Ok();
    const LetterGroup group{fresh, {options_.content_id, next.attempt}, LetterCommit(next)};
    AppendOutcome outcome = AppendOutcome::kAlreadyThere;
    const Status status = Retry(Side::kTarget, "writing dead letters", [&]() -> Status {
      TARN_ASSIGN_OR_RETURN(outcome, writer_.AppendDeadLetters({group}));
      return Status::Ok();
    });
    if (!status.ok() && (!MeansReadAgain(status) || round == kConflictsInARow)) return status;
    if (status.ok() && outcome == AppendOutcome::kCommitted) {
      letters_ = next;
    } else {
      TARN_ASSIGN_OR_RETURN(letters_, ReadLetterProgress());
      if (letters_->epoch != next.epoch || letters_->writer != options_.writer_id) {
        if (letters_->epoch < next.epoch) options_.clock->SleepMicros(kFirstBackoffMicros);
        continue;
      }
    }
    report->dead_letters += fresh.size();
    ++report->commits;
    return Status::Ok();
  }
}

StreamCommit StreamIngestor::RowsCommit(const sources::Batch& batch) const {
  const nlohmann::ordered_json json = {
      {"epoch", progress_.epoch + 1},
      {"done", batch.end},
      {"writer", options_.writer_id},
      {"reading", source_.reading()},
      {"rows", progress_.rows + batch.records.size()},
      {"dead_letters", progress_.dead_letters + batch.bad.size()},
      {"name", options_.content_name},
      {"source", nlohmann::ordered_json::parse(batch.position.json)}};
  return {source_.stream_id(), progress_.epoch + 1,
          json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), batch.facts,
          account_};
}

Result<StreamIngestor::Step> StreamIngestor::CommitRows(const sources::Batch& batch,
                                                        StreamReport* report) {
  const StreamCommit commit = RowsCommit(batch);
  AppendOutcome outcome = AppendOutcome::kAlreadyThere;
  const Status status = Retry(Side::kTarget, "writing rows", [&]() -> Status {
    TARN_ASSIGN_OR_RETURN(outcome, writer_.AppendRows({{&batch.records, commit}}));
    return Status::Ok();
  });
  if (!status.ok() && !MeansReadAgain(status)) return status;
  if (!status.ok() || outcome == AppendOutcome::kAlreadyThere) {
    // Ours after all (a reply was lost, or a retry met its own first attempt), or another writer's.
    TARN_ASSIGN_OR_RETURN(const Progress now, ReadProgress());
    if (now.epoch != commit.epoch || now.writer != options_.writer_id) {
      if (now.epoch < commit.epoch) options_.clock->SleepMicros(kFirstBackoffMicros);
      return Step::kReopen;
    }
  }
  progress_.epoch = commit.epoch;
  progress_.rows += batch.records.size();
  progress_.dead_letters += batch.bad.size();
  report->rows += batch.records.size();
  ++report->commits;
  return Step::kGoOn;
}

Result<bool> CommitWhole(BronzeWriter& writer, const std::vector<WholeStream>& streams,
                         std::vector<StreamReport>* reports, uint64_t* commits) {
  reports->assign(streams.size(), StreamReport{});
  std::vector<LetterGroup> letters;
  std::vector<RowGroup> rows;
  for (const WholeStream& stream : streams) {
    rows.push_back({&stream.batch.records, stream.rows_commit});
    if (stream.letters) letters.push_back(*stream.letters);
  }
  const auto committed = [&](const Result<AppendOutcome>& outcome) -> Result<bool> {
    if (outcome.ok()) {
      *commits += *outcome == AppendOutcome::kCommitted;
      return *outcome == AppendOutcome::kCommitted;
    }
    // Whatever may pass is met again, and retried, when each stream runs on its own.
    if (outcome.status().retry() != RetryClass::kNo) return false;
    return outcome.status();
  };
  if (!letters.empty()) {
    TARN_ASSIGN_OR_RETURN(const bool landed, committed(writer.AppendDeadLetters(letters)));
    if (!landed) return false;
    for (size_t i = 0; i < streams.size(); ++i) {
      if (streams[i].letters) (*reports)[i].dead_letters = streams[i].letters->letters.size();
    }
  }
  TARN_ASSIGN_OR_RETURN(const bool landed, committed(writer.AppendRows(rows)));
  if (!landed) return false;
  for (size_t i = 0; i < streams.size(); ++i) {
    (*reports)[i].rows = streams[i].batch.records.size();
    (*reports)[i].done = true;
  }
  return true;
}

}  // namespace tarn::ingest
