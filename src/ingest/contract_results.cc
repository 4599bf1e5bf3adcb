#include "ingest/contract_results.h"

#include <nlohmann/json.hpp>

namespace tarn::ingest {
namespace {

using engine::BatchColumn;
using Kind = BatchColumn::Kind;

constexpr int64_t kMicrosPerDay = 86'400'000'000;
constexpr const char* kCreate =
    "CREATE TABLE IF NOT EXISTS `system`.`contract_results` (target_table STRING, contract STRING, "
    "contract_version STRING, rule STRING, action STRING, table_version BIGINT, batch_time "
    "TIMESTAMP, judged BIGINT, failed BIGINT, max_delay_seconds BIGINT, replay BOOLEAN, batch_date "
    "DATE) USING DELTA PARTITIONED BY (batch_date) TBLPROPERTIES ('delta.appendOnly' = 'true', "
    "'delta.feature.domainMetadata' = 'supported')";

std::string LaneOf(const std::string& table) { return "contract_results/" + table; }

std::string Literal(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

BatchColumn Column(const char* name, Kind kind) {
  BatchColumn column;
  column.name = name;
  column.kind = kind;
  return column;
}

}  // namespace

Result<std::unique_ptr<ContractResults>> ContractResults::Open(engine::Engine& engine,
                                                               Clock& clock) {
  TARN_ASSIGN_OR_RETURN(auto session, engine.NewSession());
  session->SetDialect(dialect::SqlDialect::kSpark);
  return std::unique_ptr<ContractResults>(new ContractResults(std::move(session), clock));
}

Status ContractResults::Prepare() {
  TARN_ASSIGN_OR_RETURN(const bool there, session_->TableExists(kTable));
  if (there) return Status::Ok();
  const auto created = session_->Query(kCreate);
  if (created.ok()) return Status::Ok();
  // Another process may have made it in the same moment.
  TARN_ASSIGN_OR_RETURN(const bool made, session_->TableExists(kTable));
  return made ? Status::Ok()
              : created.status().WithContext("cannot create system.contract_results");
}

Result<ContractResults::Place> ContractResults::ReadPlace(const std::string& table) {
  TARN_ASSIGN_OR_RETURN(const auto text,
                        session_->DomainMetadata(kTable, "tarn.position." + LaneOf(table)));
  if (!text) return Place{};
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.contains("epoch")) {
    return Status::Corruption("the place of " + table +
                              " in system.contract_results cannot be read");
  }
  return Place{json["epoch"].get<int64_t>(), json.value("through", int64_t{-1})};
}

Result<int64_t> ContractResults::VersionOf(const std::string& table) {
  TARN_ASSIGN_OR_RETURN(const auto domains, session_->Domains(table, {}));
  return domains.version;
}

Status ContractResults::Follow(const std::string& table) {
  followed_[table] = true;
  TARN_RETURN_IF_ERROR(Prepare());
  TARN_ASSIGN_OR_RETURN(const Place place, ReadPlace(table));
  if (place.epoch > 0) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const int64_t now, VersionOf(table));
  const Status noted = Append(table, {1, now}, {});
  // Somebody else noted it first.
  return noted.retry() == RetryClass::kAfterRefresh ? Status::Ok() : noted;
}

Status ContractResults::Collect() {
  for (const auto& [table, followed] : followed_) TARN_RETURN_IF_ERROR(CollectOf(table));
  return Status::Ok();
}

Status ContractResults::CollectOf(const std::string& table) {
  TARN_ASSIGN_OR_RETURN(const bool there, session_->TableExists(kTable));
  if (!there) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(Place place, ReadPlace(table));
  if (place.epoch == 0) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const int64_t now, VersionOf(table));
  if (now == place.through) return Status::Ok();
  if (now < place.through) place.through = -1;  // made anew
  TARN_ASSIGN_OR_RETURN(const auto lines, Read(table, place, now));
  // Commits that say nothing (OPTIMIZE) are looked at again next time; that costs less than a row.
  if (lines.empty()) return Status::Ok();
  const Status status = Append(table, {place.epoch + 1, now}, lines);
  // Somebody else was faster: the rows are theirs to write.
  return status.retry() == RetryClass::kAfterRefresh ? Status::Ok() : status;
}

void ContractResults::AddLines(const JudgeAccount& account, int64_t version, int64_t time_micros,
                               std::vector<Line>* lines) {
  for (const ContractAccount& one : account.contracts) {
    Line line;
    line.contract = one.contract;
    line.contract_version = one.version;
    line.version = version;
    line.time_micros = time_micros;
    line.judged = one.judged;
    line.replay = account.replay;
    line.rule = "records";
    line.failed = one.flagged + one.dead_letters;
    line.max_delay_micros = one.max_delay_micros;
    lines->push_back(line);
    line.max_delay_micros = 0;
    for (const auto& [rule, count] : one.rules) {
      line.rule = rule;
      line.failed = count.first;
      line.action = count.second;
      lines->push_back(line);
    }
    line.action = "count";
    for (const auto& [field, count] : one.nulls) {
      line.rule = field + ".null";
      line.failed = count;
      lines->push_back(line);
    }
  }
}

Result<std::vector<ContractResults::Line>> ContractResults::Read(const std::string& table,
                                                                 const Place& place,
                                                                 int64_t through) {
  TARN_ASSIGN_OR_RETURN(
      const engine::Rows commits,
      session_->QueryDuckdb(
          "SELECT version, epoch_us(timestamp), userMetadata FROM delta_history(" + Literal(table) +
          ", max_rows := " + std::to_string(through - place.through) + ") WHERE version > " +
          std::to_string(place.through) + " AND version <= " + std::to_string(through) +
          " AND userMetadata IS NOT NULL ORDER BY version"));
  std::vector<Line> lines;
  for (const auto& row : commits.rows) {
    const auto account = ParseAccount(row[2].value_or(""));
    if (!account) continue;
    AddLines(*account, std::stoll(row[0].value_or("0")), std::stoll(row[1].value_or("0")), &lines);
  }
  return lines;
}

Status ContractResults::Append(const std::string& table, const Place& next,
                               const std::vector<Line>& lines) {
  BatchColumn target = Column("target_table", Kind::kText),
              contract = Column("contract", Kind::kText),
              contract_version = Column("contract_version", Kind::kText),
              rule = Column("rule", Kind::kText), action = Column("action", Kind::kText),
              version = Column("table_version", Kind::kInt64),
              time = Column("batch_time", Kind::kTimestampMicros),
              judged = Column("judged", Kind::kInt64), failed = Column("failed", Kind::kInt64),
              delay = Column("max_delay_seconds", Kind::kInt64),
              replay = Column("replay", Kind::kBoolean),
              date = Column("batch_date", Kind::kDateDays);
  for (const Line& line : lines) {
    target.bytes.push_back(table);
    contract.bytes.push_back(line.contract);
    contract_version.bytes.push_back(line.contract_version);
    rule.bytes.push_back(line.rule);
    action.bytes.push_back(line.action);
    action.validity.push_back(!line.action.empty());
    version.numbers.push_back(line.version);
    time.numbers.push_back(line.time_micros);
    judged.numbers.push_back(line.judged);
    failed.numbers.push_back(line.failed);
    delay.numbers.push_back(line.max_delay_micros / 1'000'000);
    delay.validity.push_back(line.max_delay_micros > 0);
    replay.numbers.push_back(line.replay);
    date.numbers.push_back(line.time_micros / kMicrosPerDay);
  }
  engine::CommitAnnotations annotations;
  annotations.txn = engine::CommitAnnotations::AppTransaction{"tarn/" + LaneOf(table), next.epoch};
  annotations.domain_metadata["tarn.position." + LaneOf(table)] =
      nlohmann::json({{"epoch", next.epoch}, {"through", next.through}}).dump();
  return session_
      ->AppendBatch(kTable,
                    {target, contract, contract_version, rule, action, version, time, judged,
                     failed, delay, replay, date},
                    lines.size(), annotations)
      .status();
}

}  // namespace tarn::ingest
