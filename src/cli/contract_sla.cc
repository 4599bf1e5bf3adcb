#include "cli/contract_sla.h"

#include <cstdio>
#include <map>
#include <set>

#include "base/clock.h"
#include "dialect/lexer.h"
#include "ingest/contract_results.h"

namespace tarn::cli {
namespace {

// Of one day of one table.
struct Day {
  int64_t judged = 0;
  int64_t delay_seconds = 0;
  std::map<std::string, int64_t> nulls;                           // by field
  std::map<std::string, std::pair<int64_t, std::string>> broken;  // by rule: records and action
};

std::string Percent(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", value);
  return text;
}

Result<std::map<std::string, Day>> ReadDays(engine::Session& session, const std::string& contract,
                                            const std::string& table) {
  TARN_ASSIGN_OR_RETURN(
      const auto found,
      session.QueryDuckdb(
          "SELECT batch_date::VARCHAR, rule, coalesce(max(action), ''), sum(judged)::BIGINT, "
          "sum(failed)::BIGINT, coalesce(max(max_delay_seconds), 0) FROM "
          "lake.system.contract_results WHERE contract = " +
          dialect::QuoteString(contract) + " AND target_table = " + dialect::QuoteString(table) +
          " AND NOT replay GROUP BY 1, 2 ORDER BY 1, 2"));
  std::map<std::string, Day> days;
  for (const auto& row : found.rows) {
    Day& day = days[row[0].value_or("")];
    const std::string rule = row[1].value_or(""), action = row[2].value_or("");
    const int64_t failed = std::stoll(row[4].value_or("0"));
    if (rule == "records") {
      day.judged = std::stoll(row[3].value_or("0"));
      day.delay_seconds = std::stoll(row[5].value_or("0"));
    } else if (action == "count") {
      day.nulls[rule.substr(0, rule.rfind('.'))] = failed;
    } else {
      day.broken[rule] = {failed, action};
    }
  }
  return days;
}

void AddDay(const govern::Contract& contract, const SlaLine& head, const Day& day, bool whole,
            std::vector<SlaLine>* lines) {
  const auto add = [&](std::string promise, std::string value, std::string limit, bool kept) {
    SlaLine line = head;
    line.promise = std::move(promise);
    line.value = std::move(value);
    line.limit = std::move(limit);
    line.kept = kept;
    lines->push_back(std::move(line));
  };
  if (const auto least = contract.sla.min_daily_volume; least && whole) {
    add("min_daily_volume", std::to_string(day.judged), std::to_string(*least),
        day.judged >= *least);
  }
  if (const auto most = contract.sla.max_delay_seconds; most && day.judged > 0) {
    add("max_delay_seconds", std::to_string(day.delay_seconds), std::to_string(*most),
        day.delay_seconds <= *most);
  }
  for (const govern::Field& field : contract.schema) {
    const auto most =
        field.max_null_rate_pct ? field.max_null_rate_pct : contract.sla.max_null_rate_pct;
    if (!most || day.judged == 0) continue;
    const auto nulls = day.nulls.find(field.name);
    const double rate = nulls == day.nulls.end() ? 0
                                                 : 100.0 * static_cast<double>(nulls->second) /
                                                       static_cast<double>(day.judged);
    add(field.name + ".max_null_rate_pct", Percent(rate), Percent(*most), rate <= *most);
  }
  for (const auto& [rule, count] : day.broken) {
    add(rule, std::to_string(count.first), "0", count.second == "flag");
  }
}

}  // namespace

Result<std::vector<SlaLine>> ReadContractSla(engine::Engine& engine,
                                             const std::vector<govern::Contract>& contracts) {
  TARN_ASSIGN_OR_RETURN(const auto session, engine.NewSession());
  TARN_ASSIGN_OR_RETURN(const bool there, session->TableExists(ingest::ContractResults::kTable));
  if (!there) {
    return Status::NotFound(
        "no contract has judged anything in this lake: ingest with "
        "--contracts, or run a project that has contracts/");
  }
  TARN_ASSIGN_OR_RETURN(const auto results, ingest::ContractResults::Open(engine, Clock::System()));
  const std::string today = FormatDate(Clock::System().NowMicros() / 86'400'000'000);
  std::vector<SlaLine> lines;
  for (const govern::Contract& contract : contracts) {
    for (const std::string& table : contract.streams) {
      TARN_ASSIGN_OR_RETURN(const bool exists, session->TableExists(table));
      if (exists) TARN_RETURN_IF_ERROR(results->CollectOf(table));
      TARN_ASSIGN_OR_RETURN(const auto days, ReadDays(*session, contract.name, table));
      for (const auto& [date, day] : days) {
        const bool whole = date != days.begin()->first && date != today;
        AddDay(contract, {contract.name, table, date, "", "", "", true}, day, whole, &lines);
      }
    }
  }
  return lines;
}

}  // namespace tarn::cli
