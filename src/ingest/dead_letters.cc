#include "ingest/dead_letters.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "codec/json_text.h"
#include "ingest/dead_letter_query.h"
#include "ingest/engine_bronze_writer.h"

namespace tarn::ingest {
namespace {

using engine::BatchColumn;
using Kind = BatchColumn::Kind;
using Json = nlohmann::ordered_json;

constexpr size_t kMostReasons = 100;
constexpr int kRounds = 100;
constexpr int64_t kPauseMicros = 50'000;
constexpr const char* kDiscardAppId = "tarn/dead_letters/discard";

std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool MeansReadAgain(const Status& status) {
  return status.retry() == RetryClass::kAfterRefresh ||
         status.retry() == RetryClass::kOutcomeUnknown || status.retry() == RetryClass::kBackoff;
}

void Leave(const Letter& letter, std::string reason, ReplayReport* report) {
  ++report->left;
  if (report->why.size() < kMostReasons) report->why.emplace_back(letter.id, std::move(reason));
}

}  // namespace

Result<std::unique_ptr<DeadLetters>> DeadLetters::Open(engine::Engine& engine,
                                                       DeadLetterOptions options) {
  std::unique_ptr<DeadLetters> out(new DeadLetters(engine, std::move(options)));
  TARN_ASSIGN_OR_RETURN(out->session_, engine.NewSession());
  out->session_->SetDialect(dialect::SqlDialect::kDuckdb);
  TARN_ASSIGN_OR_RETURN(const bool there, out->session_->TableExists(out->options_.letters));
  if (!there) {
    return Status::NotFound("the lake has no table " + out->options_.letters +
                            ": nothing was kept out of Bronze");
  }
  TARN_ASSIGN_OR_RETURN(const auto shape,
                        out->session_->Query("SELECT * FROM lake." +
                                             TableIn(out->options_.letters, '"') + " LIMIT 0"));
  out->whole_ = std::any_of(shape.columns.begin(), shape.columns.end(),
                            [](const auto& column) { return column.name == "headers"; });
  return out;
}

Result<bool> DeadLetters::HasActions() { return session_->TableExists(options_.actions); }

Result<std::string> DeadLetters::ListQuery(const LetterFilter& filter) {
  TARN_ASSIGN_OR_RETURN(const bool has_actions, HasActions());
  return LettersQuery(options_.letters, has_actions ? options_.actions : "", filter);
}

Result<std::vector<Letter>> DeadLetters::List(const LetterFilter& filter) {
  TARN_ASSIGN_OR_RETURN(const std::string sql, ListQuery(filter));
  TARN_ASSIGN_OR_RETURN(const auto found, session_->Query(sql));
  std::vector<Letter> out;
  out.reserve(found.rows.size());
  for (const auto& row : found.rows) out.push_back(LetterOf(row));
  return out;
}

Result<std::map<std::string, LetterRecord>> DeadLetters::Records(
    const std::vector<std::string>& ids) {
  TARN_ASSIGN_OR_RETURN(const auto found,
                        session_->Query(RecordsQuery(options_.letters, ids, whole_)));
  std::map<std::string, LetterRecord> out;
  for (const auto& row : found.rows) {
    TARN_ASSIGN_OR_RETURN(out[row[0].value_or("")], RecordOf(row));
  }
  return out;
}

Result<LetterRecord> DeadLetters::Record(const std::string& id) {
  TARN_ASSIGN_OR_RETURN(auto found, Records({id}));
  if (found.empty()) return Status::NotFound("there is no dead letter " + id);
  return std::move(found.begin()->second);
}

Status DeadLetters::PrepareActions() {
  TARN_ASSIGN_OR_RETURN(const bool there, HasActions());
  if (there) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(auto session, engine_.NewSession());
  session->SetDialect(dialect::SqlDialect::kSpark);
  return session->Query(CreateActionsStatement(options_.actions)).status();
}

Status DeadLetters::Note(const std::string& app_id, int64_t epoch, const std::string& action,
                         const std::string& reason, const std::vector<Letter>& letters,
                         bool* landed) {
  const size_t rows = letters.size();
  const auto column = [&](const char* name, Kind kind) {
    BatchColumn out;
    out.name = name;
    out.kind = kind;
    return out;
  };
  BatchColumn id = column("letter_id", Kind::kText), what = column("action", Kind::kText),
              why = column("reason", Kind::kText), who = column("acted_by", Kind::kText),
              when = column("acted_at", Kind::kTimestampMicros),
              table = column("target_table", Kind::kText),
              system = column("source_system", Kind::kText),
              topic = column("source_topic", Kind::kText),
              partition = column("source_partition", Kind::kInt32),
              offset = column("source_offset", Kind::kInt64), rule = column("rule", Kind::kText);
  const int64_t now = options_.clock->NowMicros();
  for (const Letter& letter : letters) {
    id.bytes.push_back(letter.id);
    what.bytes.push_back(action);
    why.bytes.push_back(reason);
    why.validity.push_back(!reason.empty());
    who.bytes.push_back(options_.by);
    when.numbers.push_back(now);
    table.bytes.push_back(letter.table);
    system.bytes.push_back(letter.system);
    topic.bytes.push_back(letter.topic);
    partition.numbers.push_back(letter.partition);
    offset.numbers.push_back(letter.offset);
    rule.bytes.push_back(letter.rule);
  }
  engine::CommitAnnotations annotations;
  annotations.txn = engine::CommitAnnotations::AppTransaction{app_id, epoch};
  for (int round = 1;; ++round) {
    const auto outcome = session_->AppendBatch(
        options_.actions, {id, what, why, who, when, table, system, topic, partition, offset, rule},
        rows, annotations);
    if (outcome.ok()) {
      *landed = !outcome->already_applied;
      return Status::Ok();
    }
    // Trying again is safe: the epoch is written once.
    if (!MeansReadAgain(outcome.status()) || round == kRounds) return outcome.status();
    options_.clock->SleepMicros(kPauseMicros);
  }
}

Status DeadLetters::Recover(const Target& target, const StreamState& state, ReplayReport* report) {
  if (state.epoch == 0) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const auto known,
                        session_->AppTransactionVersion(options_.actions, target.app_id));
  if (known && *known >= state.epoch) return Status::Ok();
  const Json json = Json::parse(state.json, nullptr, false);
  if (!json.is_object() || !json.contains("letters")) {
    return Status::Corruption("the position of " + target.lane + " in " + target.table +
                              " cannot be read");
  }
  LetterFilter all;
  all.status = "all";
  all.table = target.table;
  TARN_ASSIGN_OR_RETURN(const auto letters, List(all));
  std::set<std::string> ids;
  for (const Json& id : json["letters"]) ids.insert(id.get<std::string>());
  std::vector<Letter> found;
  for (const Letter& letter : letters) {
    if (ids.count(letter.id) != 0) found.push_back(letter);
  }
  bool landed = false;
  TARN_RETURN_IF_ERROR(Note(target.app_id, state.epoch, "replayed", "", found, &landed));
  if (landed) report->recovered += found.size();
  return Status::Ok();
}

std::optional<std::string> DeadLetters::WhyNot(const Target& target, const Letter& letter,
                                               const std::string& payload) const {
  if (letter.kept_bytes < letter.payload_bytes) {
    return "of its " + std::to_string(letter.payload_bytes) + " bytes only the first " +
           std::to_string(letter.kept_bytes) + " were kept";
  }
  if (options_.as_is) return std::nullopt;
  if (letter.rule.starts_with("json.")) {
    if (const auto fault = codec::CheckJson(payload)) return fault->reason;
    const size_t first = payload.find_first_not_of(" \t\r\n");
    if (first == std::string::npos || payload[first] != '{') return "it is no object";
    return std::nullopt;
  }
  for (const char* made_by_reader : {"csv.", "record.", "file.", "cloudevents.", "kafka."}) {
    if (letter.rule.starts_with(made_by_reader)) {
      return "its bytes are as they were; send or ingest a mended record, or take it as it is";
    }
  }
  const auto& rules = target.judge.rules;
  const bool judged = std::any_of(rules.begin(), rules.end(), [&](const std::string& prefix) {
    return letter.rule.starts_with(prefix);
  });
  if (judged) return std::nullopt;
  return "nobody is here who judges " + letter.rule +
         "; name the contracts or the project, take it as it is, or discard it";
}

std::vector<Letter> DeadLetters::NextBatch(const std::vector<Letter>& open,
                                           const std::set<std::string>& tried) const {
  std::vector<Letter> out;
  uint64_t bytes = 0;
  for (const Letter& letter : open) {
    if (tried.count(letter.id) != 0) continue;
    if (!out.empty() && (out.size() == options_.batch_letters ||
                         bytes + letter.kept_bytes > options_.batch_bytes)) {
      break;
    }
    bytes += letter.kept_bytes;
    out.push_back(letter);
  }
  return out;
}

Status DeadLetters::Choose(const Target& target, const std::vector<Letter>& letters, Choice* choice,
                           ReplayReport* report) {
  std::vector<std::string> ids;
  for (const Letter& letter : letters) ids.push_back(letter.id);
  TARN_ASSIGN_OR_RETURN(const auto records, Records(ids));
  sources::Batch& batch = choice->batch;
  for (const Letter& letter : letters) {
    const auto kept = records.find(letter.id);
    if (kept == records.end()) return Status::NotFound("dead letter " + letter.id + " is gone");
    if (auto reason = WhyNot(target, letter, kept->second.payload)) {
      Leave(letter, std::move(*reason), report);
      continue;
    }
    sources::Record& record = batch.records.emplace_back();
    record.payload = batch.arena.Copy(kept->second.payload);
    record.topic = batch.arena.Copy(letter.topic);
    record.partition = letter.partition;
    record.offset = letter.offset;
    if (kept->second.key) record.key = batch.arena.Copy(*kept->second.key);
    if (kept->second.schema) record.schema_id = batch.arena.Copy(*kept->second.schema);
    record.event_time_micros = kept->second.event_time_micros;
    for (const auto& [name, value] : kept->second.headers) {
      std::optional<std::string_view> bytes;
      if (value) bytes = batch.arena.Copy(*value);
      record.headers.emplace_back(batch.arena.Copy(name), bytes);
    }
    choice->written.push_back(letter);
  }
  TARN_RETURN_IF_ERROR(TakeOutWhatIsThere(target, choice));
  return JudgeChoice(target, choice, report);
}

// A judge that said something else after a crash has let the record in. Files are told apart by
// their content, which Bronze does not name; their offsets say nothing.
Status DeadLetters::TakeOutWhatIsThere(const Target& target, Choice* choice) {
  if (choice->written.empty()) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const auto found,
                        session_->Query(RowsQuery(target.table, target.system, choice->written)));
  std::set<std::string> there;
  for (const auto& row : found.rows) {
    there.insert(row[0].value_or("") + "/" + row[1].value_or("") + "/" + row[2].value_or("") + "/" +
                 row[3].value_or(""));
  }
  std::vector<Letter> written;
  size_t at = 0;
  for (size_t i = 0; i < choice->written.size(); ++i) {
    const Letter& letter = choice->written[i];
    const std::string place = letter.topic + "/" + std::to_string(letter.partition) + "/" +
                              std::to_string(letter.offset) + "/" +
                              Md5Hex(choice->batch.records[i].payload);
    if (letter.content_id.empty() && there.count(place) != 0) {
      choice->there.push_back(letter);
      continue;
    }
    if (at != i) choice->batch.records[at] = std::move(choice->batch.records[i]);
    ++at;
    written.push_back(letter);
  }
  choice->batch.records.resize(at);
  choice->written = std::move(written);
  return Status::Ok();
}

Status DeadLetters::JudgeChoice(const Target& target, Choice* choice, ReplayReport* report) {
  sources::Batch& batch = choice->batch;
  RecordJudge* judge = target.judge.judge;
  if (judge == nullptr || options_.as_is || batch.records.empty()) return Status::Ok();
  std::set<std::string> topics;
  for (const Letter& letter : choice->written) topics.insert(letter.topic);
  std::vector<Refusal> refusals;
  TARN_RETURN_IF_ERROR(judge->Judge(&batch, &refusals));
  for (const std::string& topic : topics) choice->account.Add(judge->AccountOf(topic));
  choice->account.replay = true;
  std::vector<Letter> kept;
  auto next = refusals.begin();
  for (size_t i = 0; i < choice->written.size(); ++i) {
    if (next != refusals.end() && next->record == i) {
      Leave(choice->written[i], next->rule + ": " + next->reason, report);
      ++next;
      continue;
    }
    if (kept.size() != i) batch.records[kept.size()] = std::move(batch.records[i]);
    kept.push_back(choice->written[i]);
  }
  batch.records.resize(kept.size());
  choice->written = std::move(kept);
  return Status::Ok();
}

Status DeadLetters::ReplayInto(Target* target, const LetterFilter& filter, ReplayReport* report) {
  std::set<std::string> tried;
  int64_t mine = 0;         // epoch of our own commit whose outcome is open
  size_t mine_letters = 0;  // how many it held
  size_t mine_there = 0;    // and how many needed no row
  for (int lost = 0; lost < kRounds;) {
    TARN_ASSIGN_OR_RETURN(const auto states, target->writer->ReadStates({target->lane}));
    const StreamState& state = states.states[0];
    const Json json = Json::parse(state.json, nullptr, false);
    if (mine > 0 && state.epoch == mine && json.value("writer", "") == options_.writer_id) {
      report->replayed += mine_letters;
      report->recovered += mine_there;
      ReplayReport own;
      TARN_RETURN_IF_ERROR(Recover(*target, state, &own));
    } else {
      TARN_RETURN_IF_ERROR(Recover(*target, state, report));
    }
    mine = 0;
    TARN_ASSIGN_OR_RETURN(auto open, List(filter));
    std::erase_if(open, [&](const Letter& letter) {
      return letter.table != target->table || letter.system != target->system;
    });
    const auto letters = NextBatch(open, tried);
    if (letters.empty()) return Status::Ok();
    Choice choice;
    ReplayReport left;
    TARN_RETURN_IF_ERROR(Choose(*target, letters, &choice, &left));
    Json ids = Json::array();
    for (const Letter& letter : choice.written) ids.push_back(letter.id);
    for (const Letter& letter : choice.there) ids.push_back(letter.id);
    if (!ids.empty()) {
      const int64_t epoch = state.epoch + 1;
      const StreamCommit commit{target->lane,
                                epoch,
                                Text({{"epoch", epoch},
                                      {"writer", options_.writer_id},
                                      {"name", "replay of dead letters"},
                                      {"letters", std::move(ids)}}),
                                {},
                                choice.account};
      int64_t version = -1;
      const auto outcome = target->writer->AppendRowsAfter({{&choice.batch.records, commit}},
                                                           states.version, &version);
      if (!outcome.ok() && !MeansReadAgain(outcome.status())) return outcome.status();
      mine = epoch;
      mine_letters = choice.written.size();
      mine_there = choice.there.size();
      if (!outcome.ok() || *outcome != AppendOutcome::kCommitted) {
        ++lost;
        options_.clock->SleepMicros(kPauseMicros);
        continue;  // whether it landed is seen from the position
      }
      if (target->judge.judge != nullptr && !options_.as_is) target->judge.judge->OnCommitted();
    }
    report->left += left.left;
    for (auto& why : left.why) {
      if (report->why.size() < kMostReasons) report->why.push_back(std::move(why));
    }
    for (const Letter& letter : letters) tried.insert(letter.id);
  }
  return Status::Conflict("others always win " + target->table + "; run the replay again later");
}

Status DeadLetters::OpenTarget(Target* target) {
  BronzeTables tables{target->table, options_.letters, target->system, options_.pipeline_version,
                      false};
  if (whole_) {
    TARN_ASSIGN_OR_RETURN(const auto found,
                          session_->Query("SELECT 1 FROM lake." + TableIn(options_.letters, '"') +
                                          " WHERE target_table = " + Literal(target->table) +
                                          " AND source_system = " + Literal(target->system) +
                                          " AND len(headers) > 0 LIMIT 1"));
    tables.with_headers = !found.rows.empty();
  }
  TARN_ASSIGN_OR_RETURN(target->writer,
                        MakeEngineBronzeWriter(engine_, std::move(tables), *options_.clock));
  TARN_RETURN_IF_ERROR(target->writer->Prepare());
  whole_ = true;  // it has added what was missing
  if (options_.judge_of) {
    TARN_ASSIGN_OR_RETURN(target->judge, options_.judge_of(target->table));
  }
  return Status::Ok();
}

Result<ReplayReport> DeadLetters::Replay(const LetterFilter& filter) {
  TARN_RETURN_IF_ERROR(PrepareActions());
  LetterFilter open = filter;
  open.status = "open";
  TARN_ASSIGN_OR_RETURN(const auto letters, List(open));
  std::set<std::pair<std::string, std::string>> targets;
  for (const Letter& letter : letters) targets.emplace(letter.table, letter.system);
  ReplayReport report;
  for (const auto& [table, system] : targets) {
    Target target;
    target.table = table;
    target.system = system;
    target.lane = "dead_letters/" + system;
    target.app_id = "tarn/dead_letters/replayed/" + table + "/" + system;
    TARN_RETURN_IF_ERROR(OpenTarget(&target));
    TARN_RETURN_IF_ERROR(ReplayInto(&target, open, &report));
  }
  return report;
}

Result<uint64_t> DeadLetters::Discard(const LetterFilter& filter, const std::string& reason) {
  if (reason.empty()) return Status::InvalidArgument("say why: a discarded letter keeps a reason");
  TARN_RETURN_IF_ERROR(PrepareActions());
  LetterFilter open = filter;
  open.status = "open";
  for (int round = 0; round < kRounds; ++round) {
    TARN_ASSIGN_OR_RETURN(const auto known,
                          session_->AppTransactionVersion(options_.actions, kDiscardAppId));
    TARN_ASSIGN_OR_RETURN(const auto letters, List(open));
    if (letters.empty()) return 0;
    bool landed = false;
    TARN_RETURN_IF_ERROR(
        Note(kDiscardAppId, known.value_or(0) + 1, "discarded", reason, letters, &landed));
    if (landed) return letters.size();
  }
  return Status::Conflict("others always win " + options_.actions + "; try again later");
}

}  // namespace tarn::ingest
