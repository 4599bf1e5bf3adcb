// Positions of a pushed stream, and the commits to its two tables.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "ingest/push_ingestor.h"
#include "ingest/retrying.h"

namespace tarn::ingest {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kLongestBackoffMicros = 2'000'000;

std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Json> ParseState(const std::string& lane, const StreamState& state) {
  Json json = Json::parse(state.json, nullptr, false);
  if (!json.is_object()) {
    return Status::Corruption("the committed position of " + lane + " cannot be read");
  }
  return json;
}

std::vector<int> SlotsOf(const Json& json) {
  std::vector<int> out;
  if (!json.contains("slots")) return out;
  for (const Json& number : json["slots"]) out.push_back(number.get<int>());
  return out;
}

uint32_t Short(uint64_t count) {
  return static_cast<uint32_t>(std::min<uint64_t>(count, UINT32_MAX));
}

}  // namespace

Status PushIngestor::Retry(const std::string& what, const std::function<Status()>& attempt) {
  return RetryTransient(*options_.clock, kLongestBackoffMicros, stop_, what, attempt);
}

std::string PushIngestor::Slot(int number) const {
  return lane_ + "/keys/" + std::to_string(number);
}

// State and slots must be of one version: read again when somebody committed in between.
Status PushIngestor::OpenRows() {
  for (int round = 1;; ++round) {
    std::vector<std::string> ids = {lane_};
    std::vector<int> slots;
    Json json;
    LiveBronzeWriter::States states;
    const auto read = [&]() -> Status {
      TARN_ASSIGN_OR_RETURN(states, writer_.ReadStates(ids));
      return Status::Ok();
    };
    TARN_RETURN_IF_ERROR(Retry("reading the position", read));
    const int64_t epoch = states.states[0].epoch;
    if (epoch > 0) {
      TARN_ASSIGN_OR_RETURN(json, ParseState(lane_, states.states[0]));
      slots = SlotsOf(json);
      for (const int number : slots) ids.push_back(Slot(number));
    }
    if (!slots.empty()) {
      TARN_RETURN_IF_ERROR(Retry("reading the remembered keys", read));
      if (states.states[0].epoch != epoch && round < kConflictsInARow) continue;
      if (states.states[0].epoch != epoch) {
        return Status::Conflict("the table of " + lane_ + " changes faster than it can be read");
      }
    }
    examined_ = states.version;
    position_ = Position{};
    keys_ = PushKeys(options_.key_window_micros);
    position_.epoch = epoch;
    if (epoch > 0) {
      position_.next = json.value("next", int64_t{0});
      position_.rows = json.value("rows", uint64_t{0});
      position_.dead_letters = json.value("dead_letters", uint64_t{0});
      const Json producers = json.value("producers", Json::object());
      for (const auto& [name, is] : producers.items()) {
        if (!is.is_array() || is.size() != 4) {
          return Status::Corruption("the producers of " + lane_ + " cannot be read");
        }
        position_.producers[name] = {is[0].get<uint64_t>(), is[1].get<int64_t>(),
                                     is[2].get<uint64_t>(), is[3].get<uint64_t>()};
      }
      for (size_t i = 0; i < slots.size(); ++i) {
        const Status loaded = keys_.Load(slots[i], states.states[i + 1].json);
        if (!loaded.ok()) return loaded.WithContext(lane_);
      }
    }
    break;
  }
  TARN_RETURN_IF_ERROR(OpenLetters());
  position_.next = std::max(position_.next, letters_through_);
  return Status::Ok();
}

Status PushIngestor::OpenLetters() {
  for (int round = 1;; ++round) {
    std::vector<std::string> ids = {lane_};
    std::vector<int> slots;
    std::vector<StreamState> states;
    const auto read = [&]() -> Status {
      TARN_ASSIGN_OR_RETURN(states, writer_.ReadDeadLetterStates(ids));
      return Status::Ok();
    };
    TARN_RETURN_IF_ERROR(Retry("reading the dead letters' position", read));
    letters_epoch_ = states[0].epoch;
    letters_through_ = 0;
    letter_keys_ = PushKeys(options_.key_window_micros);
    if (letters_epoch_ == 0) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(const Json json, ParseState(lane_, states[0]));
    slots = SlotsOf(json);
    for (const int number : slots) ids.push_back(Slot(number));
    TARN_RETURN_IF_ERROR(Retry("reading the dead letters' keys", read));
    if (states[0].epoch != letters_epoch_) {
      if (round < kConflictsInARow) continue;
      return Status::Conflict("the dead letters of " + lane_ + " change faster than they are read");
    }
    const Json ends = json.value("through", Json::object());
    for (const auto& [partition, through] : ends.items()) {
      letters_through_ = std::max(letters_through_, through.get<int64_t>());
    }
    for (size_t i = 0; i < slots.size(); ++i) {
      const Status loaded = letter_keys_.Load(slots[i], states[i + 1].json);
      if (!loaded.ok()) return loaded.WithContext(lane_);
    }
    return Status::Ok();
  }
}

void PushIngestor::CollectLetters(const Pending& pending,
                                  std::vector<sources::BadRecord>* letters) const {
  const Request& request = *pending.request;
  const auto add = [&](std::string_view payload, const sources::push::Refused& why) {
    sources::BadRecord& bad = letters->emplace_back();
    bad.payload = payload.substr(0, sources::kMaxBadPayloadBytes);
    bad.payload_bytes = payload.size();
    bad.topic = options_.stream;
    bad.offset = pending.base + why.index;
    bad.rule = why.rule;
    bad.reason = why.reason;
  };
  for (const auto& bad : request.bad) {
    add(bad.payload, bad.why);
    letters->back().line = bad.line;
    letters->back().byte_offset = bad.byte_offset;
  }
  for (const auto& refused : pending.judged) {
    const auto at = std::lower_bound(request.indexes.begin(), request.indexes.end(), refused.index);
    sources::Record record = request.records[static_cast<size_t>(at - request.indexes.begin())];
    record.topic = options_.stream;
    record.offset = pending.base + refused.index;
    letters->push_back(ToBadRecord(record, refused.rule, refused.reason));
  }
}

// Of the letters of a request: a judge that says something else now makes other letters.
uint32_t PushIngestor::LettersCrc(const Pending& pending) {
  if (pending.judged.empty()) return pending.request->body_crc;
  std::string text = std::to_string(pending.request->body_crc);
  for (const auto& refused : pending.judged) text += ' ' + std::to_string(refused.index);
  return Crc32(text);
}

// Every round either records what is not recorded yet or finds that it is.
Status PushIngestor::CommitLetters(Batch* batch, PushReport* report) {
  for (int round = 1; round <= kConflictsInARow; ++round) {
    LetterGroup group;
    std::vector<PushKeys::Entry> entries;
    std::vector<Pending*> written;
    for (Pending& pending : *batch) {
      if (pending.letters() == 0 || pending.letters_done) continue;
      const PushKeys::Entry* known =
          pending.has_identity ? letter_keys_.Find(pending.identity) : nullptr;
      if (known != nullptr && known->body_crc == LettersCrc(pending)) continue;
      CollectLetters(pending, &group.letters);
      if (pending.has_identity) {
        entries.push_back({pending.identity, LettersCrc(pending), Short(pending.accepted()),
                           Short(pending.letters())});
      }
      written.push_back(&pending);
    }
    if (written.empty()) return Status::Ok();
    const int64_t epoch = letters_epoch_ + 1;
    int64_t through = letters_through_;
    for (const auto& letter : group.letters) through = std::max(through, letter.offset + 1);
    const auto staged = letter_keys_.Stage(entries, options_.clock->NowMicros(), epoch);
    group.commit = {lane_,
                    epoch,
                    Text({{"epoch", epoch},
                          {"writer", options_.writer_id},
                          {"reading", ""},
                          {"attempt", 1},
                          {"through", {{"0", through}}},
                          {"name", "push stream " + options_.stream},
                          {"slots", staged.numbers}}),
                    {}};
    for (const auto& [number, text] : staged.writes) {
      group.commit.facts["position." + Slot(number)] = text;
    }
    AppendOutcome outcome = AppendOutcome::kAlreadyThere;
    const Status status = Retry("writing dead letters", [&]() -> Status {
      TARN_ASSIGN_OR_RETURN(outcome, writer_.AppendDeadLetters({group}));
      return Status::Ok();
    });
    if (!status.ok() && !MeansReadAgain(status)) return status;
    bool landed = status.ok() && outcome == AppendOutcome::kCommitted;
    if (landed) {
      letter_keys_.Apply(staged);
      letters_epoch_ = epoch;
      letters_through_ = through;
    } else {
      std::vector<StreamState> now;
      TARN_RETURN_IF_ERROR(Retry("reading the dead letters' position", [&]() -> Status {
        TARN_ASSIGN_OR_RETURN(now, writer_.ReadDeadLetterStates({lane_}));
        return Status::Ok();
      }));
      if (now[0].epoch == epoch) {
        TARN_ASSIGN_OR_RETURN(const Json json, ParseState(lane_, now[0]));
        landed = json.value("writer", "") == options_.writer_id;
      }
      TARN_RETURN_IF_ERROR(OpenLetters());
      if (!landed) options_.clock->SleepMicros(kFirstBackoffMicros);
    }
    if (!landed) continue;
    for (Pending* pending : written) pending->letters_done = true;
    report->dead_letters += group.letters.size();
    ++report->commits;
    return Status::Ok();
  }
  return Status::Conflict("the dead letters of " + lane_ + " cannot be written: others always win");
}

std::string PushIngestor::RowState(const Batch& batch, int64_t epoch, const std::vector<int>& slots,
                                   Position* next) const {
  const int64_t now = options_.clock->NowMicros();
  *next = position_;
  next->epoch = epoch;
  std::erase_if(next->producers, [&](const auto& entry) {
    return entry.second.at_micros < now - options_.key_window_micros;
  });
  for (const Pending& pending : batch) {
    next->next = pending.base + pending.request->count;
    next->rows += pending.accepted();
    next->dead_letters += pending.letters();
    if (const auto& sequence = pending.request->sequence) {
      next->producers[sequence->producer] = {sequence->number, now, pending.accepted(),
                                             pending.letters()};
    }
  }
  Json producers = Json::object();
  for (const auto& [name, is] : next->producers) {
    producers[name] = {is.number, is.at_micros, is.accepted, is.dead_letters};
  }
  return Text({{"epoch", epoch},
               {"writer", options_.writer_id},
               {"reading", ""},
               {"rows", next->rows},
               {"dead_letters", next->dead_letters},
               {"name", "push stream " + options_.stream},
               {"next", next->next},
               {"slots", slots},
               {"producers", producers}});
}

Result<PushIngestor::Outcome> PushIngestor::CommitRows(const Batch& batch,
                                                       const std::vector<sources::Record>& rows,
                                                       int64_t* version) {
  std::vector<PushKeys::Entry> entries;
  for (const Pending& pending : batch) {
    if (!pending.has_identity || pending.request->sequence) continue;
    entries.push_back({pending.identity, pending.request->body_crc, Short(pending.accepted()),
                       Short(pending.letters())});
  }
  const int64_t epoch = position_.epoch + 1;
  const auto staged = keys_.Stage(std::move(entries), options_.clock->NowMicros(), epoch);
  Position next;
  StreamCommit commit{lane_, epoch, RowState(batch, epoch, staged.numbers, &next), {}, account_};
  for (const auto& [number, text] : staged.writes) {
    commit.facts["position." + Slot(number)] = text;
  }
  for (int round = 1; round <= kConflictsInARow; ++round) {
    AppendOutcome outcome = AppendOutcome::kAlreadyThere;
    const Status status = Retry("writing rows", [&]() -> Status {
      TARN_ASSIGN_OR_RETURN(outcome,
                            writer_.AppendRowsAfter({{&rows, commit}}, examined_, version));
      return Status::Ok();
    });
    if (!status.ok() && !MeansReadAgain(status)) return status;
    if (!status.ok() || outcome != AppendOutcome::kCommitted) {
      LiveBronzeWriter::States now;
      TARN_RETURN_IF_ERROR(Retry("reading the position", [&]() -> Status {
        TARN_ASSIGN_OR_RETURN(now, writer_.ReadStates({lane_}));
        return Status::Ok();
      }));
      std::string writer;
      if (now.states[0].epoch > 0) {
        TARN_ASSIGN_OR_RETURN(const Json json, ParseState(lane_, now.states[0]));
        writer = json.value("writer", "");
      }
      if (now.states[0].epoch > epoch ||
          (now.states[0].epoch == epoch && writer != options_.writer_id)) {
        return Outcome::kLost;
      }
      *version = now.version;
      // What took rows away was not ours to undo: senders cannot be asked again.
      examined_ = now.version;
      if (now.states[0].epoch < epoch) {
        options_.clock->SleepMicros(kFirstBackoffMicros);
        continue;
      }
    }
    position_ = std::move(next);
    keys_.Apply(staged);
    examined_ = std::max(examined_, *version);
    return Outcome::kLanded;
  }
  return Status::Conflict("stream " + options_.stream + ": others always win the table");
}

}  // namespace tarn::ingest
