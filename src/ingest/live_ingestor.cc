#include "ingest/live_ingestor.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "ingest/retrying.h"

namespace tarn::ingest {
namespace {

constexpr int64_t kLongestBackoffMicros = 5'000'000;
// A source that fails this often without a batch in between is not going to recover by itself.
constexpr int kSourceFailures = 6;
constexpr int64_t kShortestWaitMicros = 5'000;
// A lane without records is named in a commit of the others now and then, so that a start need not
// look at the whole history for RESTOREs.
constexpr int64_t kIdleVersions = 1'000;

std::string Text(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

using Place = std::pair<std::string_view, int32_t>;

std::map<Place, uint64_t> CountByPlace(const std::vector<sources::Record>& records) {
  std::map<Place, uint64_t> out;
  for (size_t i = 0; i < records.size();) {
    size_t end = i + 1;
    while (end < records.size() && records[end].partition == records[i].partition &&
           records[end].topic.data() == records[i].topic.data()) {
      ++end;
    }
    out[{records[i].topic, records[i].partition}] += end - i;
    i = end;
  }
  return out;
}

}  // namespace

LiveIngestor::LiveIngestor(sources::LiveSource& source, LiveTargets& targets, LiveOptions options)
    : source_(source), targets_(targets), options_(std::move(options)) {}

Status LiveIngestor::Retry(const std::string& what, const std::function<Status()>& attempt) {
  return RetryTransient(*options_.clock, kLongestBackoffMicros, stop_, what, attempt);
}

int64_t LiveIngestor::WaitMicros() const {
  return std::max(options_.max_lag_micros / 2 - commit_micros_, kShortestWaitMicros);
}

void LiveIngestor::Tell(LiveReport* report) const {
  report->lanes = source_.Lanes();
  report->trouble = source_.Trouble();
  report->restores = restored_lanes_;
  report->commit_micros = commit_micros_;
  if (options_.on_progress) options_.on_progress(*report);
}

Status LiveIngestor::Run(std::stop_token stop, LiveReport* report) {
  stop_ = stop;
  lanes_.clear();
  letters_.clear();
  const Status status = RunToEnd(std::move(stop), report);
  source_.Stop();
  Tell(report);
  return status;
}

Status LiveIngestor::RunToEnd(std::stop_token stop, LiveReport* report) {
  TARN_RETURN_IF_ERROR(source_.Start(*this, stop));
  int failures = 0;
  int64_t pause = kFirstBackoffMicros;
  while (!stop.stop_requested()) {
    const auto step = TakeBatch(report);
    if (step.ok()) {
      failures = 0;
      pause = kFirstBackoffMicros;
      if (*step == Step::kRewind) {
        TARN_RETURN_IF_ERROR(Rewind(report));
      } else if (report->caught_up && options_.until_caught_up) {
        return Status::Ok();
      }
      continue;
    }
    const Status& status = step.status();
    if (status.retry() == RetryClass::kNo || ++failures == kSourceFailures ||
        stop.stop_requested()) {
      return status;
    }
    report->trouble = status.message();
    options_.clock->SleepMicros(pause);
    pause = std::min(pause * 2, kLongestBackoffMicros);
    TARN_RETURN_IF_ERROR(Rewind(report));
  }
  return Status::Ok();
}

Status LiveIngestor::Rewind(LiveReport* report) {
  ++report->rewinds;
  lanes_.clear();
  letters_.clear();
  return source_.Rewind();
}

Result<LiveIngestor::Step> LiveIngestor::TakeBatch(LiveReport* report) {
  TARN_ASSIGN_OR_RETURN(
      sources::LiveBatch batch,
      source_.Poll({options_.max_batch_bytes, options_.max_batch_rows, WaitMicros()}));
  report->last_progress_micros = options_.clock->NowMicros();
  report->caught_up = batch.caught_up;
  if (batch.lanes.empty()) {
    Tell(report);
    return Step::kGoOn;
  }
  if (options_.judge != nullptr && !batch.batch.records.empty()) {
    std::vector<Refusal> refusals;
    TARN_RETURN_IF_ERROR(Retry("judging records", [&] {
      refusals.clear();
      return options_.judge->Judge(&batch.batch, &refusals);
    }));
    TARN_RETURN_IF_ERROR(ApplyRefusals(refusals, &batch.batch));
  }
  const int64_t began = options_.clock->MonotonicMicros();
  TARN_ASSIGN_OR_RETURN(const auto parts, Split(batch));
  for (const Part& part : parts) {
    TARN_ASSIGN_OR_RETURN(const Step step, CommitPart(part, report));
    if (step == Step::kRewind) return step;
  }
  if (options_.judge != nullptr) options_.judge->OnCommitted();
  const int64_t took = options_.clock->MonotonicMicros() - began;
  commit_micros_ = commit_micros_ == 0 ? took : (commit_micros_ * 7 + took) / 8;
  report->last_commit_micros = options_.clock->NowMicros();
  for (const sources::Record& record : batch.batch.records) report->bytes += record.payload.size();
  if (!batch.batch.records.empty() && batch.batch.records.back().event_time_micros) {
    report->batch_lag_micros =
        report->last_commit_micros - *batch.batch.records.back().event_time_micros;
  }
  source_.Acknowledge(batch.lanes);
  Tell(report);
  return Step::kGoOn;
}

Result<std::vector<LiveIngestor::Part>> LiveIngestor::Split(const sources::LiveBatch& batch) {
  std::vector<Part> parts;
  std::map<LiveBronzeWriter*, size_t> at;
  std::map<std::string_view, size_t> by_topic;
  for (const sources::LaneMove& move : batch.lanes) {
    TARN_ASSIGN_OR_RETURN(LiveBronzeWriter * writer, targets_.For(move.lane.topic));
    const auto [found, added] = at.emplace(writer, parts.size());
    if (added) parts.emplace_back().writer = writer;
    parts[found->second].lanes.push_back(&move);
    if (by_topic.emplace(move.lane.topic, found->second).second && options_.judge != nullptr) {
      parts[found->second].account.Add(options_.judge->AccountOf(move.lane.topic));
    }
  }
  for (const sources::BadRecord& bad : batch.batch.bad) {
    parts[by_topic.at(bad.topic)].bad.push_back(bad);
  }
  if (parts.size() == 1) {
    parts[0].records = &batch.batch.records;
    return parts;
  }
  for (const sources::Record& record : batch.batch.records) {
    parts[by_topic.at(record.topic)].own.push_back(record);
  }
  return parts;
}

Result<LiveIngestor::Step> LiveIngestor::CommitPart(const Part& part, LiveReport* report) {
  if (!part.bad.empty()) {
    TARN_RETURN_IF_ERROR(CommitLetters(part, report));
  }
  return CommitRows(part, report);
}

Status LiveIngestor::ReadLetters(const Part& part) {
  std::vector<std::string> ids;
  for (const auto* move : part.lanes) ids.push_back(move->lane.stream_id);
  std::vector<StreamState> states;
  TARN_RETURN_IF_ERROR(Retry("reading dead letters", [&]() -> Status {
    TARN_ASSIGN_OR_RETURN(states, part.writer->ReadDeadLetterStates(ids));
    return Status::Ok();
  }));
  for (size_t i = 0; i < ids.size(); ++i) {
    Letters letters;
    letters.epoch = states[i].epoch;
    if (letters.epoch > 0) {
      const auto json = nlohmann::json::parse(states[i].json, nullptr, false);
      if (!json.is_object() || !json.contains("through")) {
        return Status::Corruption("the dead letters' position of " + ids[i] + " cannot be read");
      }
      letters.writer_id = json.value("writer", "");
      letters.life = json.value("reading", "");
      letters.attempt = json.value("attempt", 1);
      for (const auto& [partition, offset] : json["through"].items()) {
        letters.through = offset.get<int64_t>();
      }
    }
    letters_[ids[i]] = std::move(letters);
  }
  return Status::Ok();
}

// Below the position it is not certain that a letter is there: before a crash the judge may have
// said something else (a contract changed, a registry learned a schema).
Status LiveIngestor::FreshLetters(const Part& part, const sources::LaneMove& move,
                                  const Letters& state, std::vector<sources::BadRecord>* fresh) {
  int64_t from = INT64_MAX, to = -1;
  for (const sources::BadRecord& bad : part.bad) {
    if (bad.partition != move.partition || bad.topic != move.lane.topic) continue;
    fresh->push_back(bad);
    if (bad.offset >= state.through) continue;
    from = std::min(from, bad.offset);
    to = std::max(to, bad.offset);
  }
  if (to < 0) return Status::Ok();
  std::set<int64_t> recorded;
  TARN_RETURN_IF_ERROR(Retry("reading dead letters", [&]() -> Status {
    TARN_ASSIGN_OR_RETURN(recorded,
                          part.writer->ReadLetterOffsets(
                              {move.lane.topic, move.partition, "", state.attempt}, from, to));
    return Status::Ok();
  }));
  std::erase_if(*fresh, [&](const auto& bad) { return recorded.count(bad.offset) != 0; });
  return Status::Ok();
}

// Every round either records what is not recorded yet or finds that it is.
Status LiveIngestor::CommitLetters(const Part& part, LiveReport* report) {
  for (int round = 1;; ++round) {
    for (const auto* move : part.lanes) {
      if (letters_.count(move->lane.stream_id) != 0) continue;
      TARN_RETURN_IF_ERROR(ReadLetters(part));
      break;
    }
    std::vector<LetterGroup> groups;
    std::map<std::string, Letters> next_states;
    size_t count = 0;
    for (const auto* move : part.lanes) {
      const std::string& id = move->lane.stream_id;
      Letters next = letters_.at(id);
      if (next.epoch == 0 || next.life != move->life) {
        next.life = move->life;
        next.through = -1;
        ++next.attempt;
      }
      LetterGroup group;
      TARN_RETURN_IF_ERROR(FreshLetters(part, *move, next, &group.letters));
      if (group.letters.empty()) continue;
      for (const auto& bad : group.letters) next.through = std::max(next.through, bad.offset + 1);
      ++next.epoch;
      next.writer_id = options_.writer_id;
      count += group.letters.size();
      group.context = {"", next.attempt};
      group.commit = {id,
                      next.epoch,
                      Text({{"epoch", next.epoch},
                            {"writer", next.writer_id},
                            {"reading", next.life},
                            {"attempt", next.attempt},
                            {"through", {{std::to_string(move->partition), next.through}}},
                            {"name", source_.name()}}),
                      {}};
      groups.push_back(std::move(group));
      next_states[id] = std::move(next);
    }
    if (groups.empty()) return Status::Ok();
    AppendOutcome outcome = AppendOutcome::kAlreadyThere;
    const Status status = Retry("writing dead letters", [&]() -> Status {
      TARN_ASSIGN_OR_RETURN(outcome, part.writer->AppendDeadLetters(groups));
      return Status::Ok();
    });
    if (!status.ok() && (!MeansReadAgain(status) || round == kConflictsInARow)) return status;
    bool landed = status.ok() && outcome == AppendOutcome::kCommitted;
    if (!landed) {
      TARN_RETURN_IF_ERROR(ReadLetters(part));
      landed = std::all_of(next_states.begin(), next_states.end(), [&](const auto& entry) {
        const Letters& now = letters_.at(entry.first);
        return now.epoch == entry.second.epoch && now.writer_id == options_.writer_id;
      });
      if (!landed) {
        options_.clock->SleepMicros(kFirstBackoffMicros);
        continue;
      }
    }
    for (auto& [id, next] : next_states) letters_[id] = std::move(next);
    report->dead_letters += count;
    ++report->commits;
    return Status::Ok();
  }
}

StreamCommit LiveIngestor::CommitOf(const std::string& id, const Lane& lane, uint64_t rows,
                                    uint64_t letters) const {
  return {id,
          lane.epoch + 1,
          Text({{"epoch", lane.epoch + 1},
                {"writer", options_.writer_id},
                {"reading", lane.life},
                {"rows", lane.rows + rows},
                {"dead_letters", lane.dead_letters + letters},
                {"examined", lane.examined},
                {"name", source_.name()},
                {"source", nlohmann::ordered_json::parse(lane.position.json)}}),
          {}};
}

std::vector<StreamCommit> LiveIngestor::RowCommits(const Part& part) const {
  const auto& records = part.records != nullptr ? *part.records : part.own;
  const auto counts = CountByPlace(records);
  std::map<Place, uint64_t> bad_counts;
  for (const auto& bad : part.bad) ++bad_counts[{bad.topic, bad.partition}];
  std::vector<StreamCommit> commits;
  for (const auto* move : part.lanes) {
    Lane lane = lanes_.at(move->lane.stream_id);
    lane.position = move->position;
    lane.life = move->life;
    const Place place(move->lane.topic, move->partition);
    const auto rows = counts.find(place);
    const auto bad = bad_counts.find(place);
    commits.push_back(CommitOf(move->lane.stream_id, lane, rows == counts.end() ? 0 : rows->second,
                               bad == bad_counts.end() ? 0 : bad->second));
  }
  if (!commits.empty()) commits.front().account = part.account;
  return commits;
}

void LiveIngestor::AddIdleLanes(LiveBronzeWriter& writer, int64_t version,
                                std::vector<StreamCommit>* commits) {
  std::set<std::string> named;
  for (const StreamCommit& commit : *commits) named.insert(commit.stream_id);
  for (const sources::LaneStatus& held : source_.Lanes()) {
    const std::string& id = held.lane.stream_id;
    const auto found = lanes_.find(id);
    if (found == lanes_.end() || named.count(id) != 0) continue;
    Lane lane = found->second;
    if (lane.writer != &writer || lane.epoch == 0 || version - lane.recorded < kIdleVersions) {
      continue;
    }
    lane.examined = version;
    commits->push_back(CommitOf(id, lane, 0, 0));
  }
}

Result<LiveIngestor::Step> LiveIngestor::CommitRows(const Part& part, LiveReport* report) {
  static const std::vector<sources::Record> kNone;
  const auto& records = part.records != nullptr ? *part.records : part.own;
  for (int round = 1;; ++round) {
    // Of every lane held: one that was opened after a RESTORE must not hide it from the others.
    int64_t examined = INT64_MAX;
    for (const auto& [id, lane] : lanes_) {
      if (lane.writer == part.writer) examined = std::min(examined, lane.examined);
    }
    std::vector<StreamCommit> commits = RowCommits(part);
    AddIdleLanes(*part.writer, examined, &commits);
    std::vector<RowGroup> groups;
    for (const StreamCommit& commit : commits) {
      groups.push_back({groups.empty() ? &records : &kNone, commit});
    }
    AppendOutcome outcome = AppendOutcome::kAlreadyThere;
    int64_t version = -1;
    const Status status = Retry("writing rows", [&]() -> Status {
      TARN_ASSIGN_OR_RETURN(outcome, part.writer->AppendRowsAfter(groups, examined, &version));
      return Status::Ok();
    });
    if (!status.ok() && (!MeansReadAgain(status) || round == kConflictsInARow)) return status;
    if (!status.ok() || outcome != AppendOutcome::kCommitted) {
      TARN_ASSIGN_OR_RETURN(const Fate fate, SettleCommit(commits, *part.writer));
      if (fate == Fate::kTaken) return Step::kRewind;
      if (fate == Fate::kUnchanged) {
        options_.clock->SleepMicros(kFirstBackoffMicros);
        continue;
      }
      version = examined;  // where exactly it landed is found out by the next commit
    }
    for (const StreamCommit& commit : commits) {
      TARN_ASSIGN_OR_RETURN(
          Lane lane, ParseLane(*part.writer, commit.stream_id, {commit.epoch, commit.state_json}));
      lanes_[commit.stream_id] = std::move(lane);
    }
    // The commit would have failed on top of a RESTORE: that holds for every lane of the table.
    for (auto& [id, lane] : lanes_) {
      if (lane.writer == part.writer) lane.examined = std::max(lane.examined, version);
    }
    report->rows += records.size();
    ++report->commits;
    return Step::kGoOn;
  }
}

}  // namespace tarn::ingest
