#include "cli/contract_on_table.h"

#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "cli/render.h"
#include "dialect/lexer.h"

namespace tarn::cli {
namespace {

// Of one UTC day of ingestion.
struct Day {
  int64_t records = 0;
  std::vector<int64_t> nulls;  // per top-level field
};

int HexDigit(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

std::string FromHex(std::string_view hex) {
  std::string out;
  out.reserve(hex.size() / 2);
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(HexDigit(hex[i]) * 16 + HexDigit(hex[i + 1])));
  }
  return out;
}

// The bytes come as hex: as text they would have to be UTF-8, and Bronze takes what comes.
Result<std::string> RecordsQuery(const ContractTableTest& test) {
  const size_t dot = test.table.find('.');
  if (dot == std::string::npos) {
    return Status::InvalidArgument("table '" + test.table + "' must read schema.table");
  }
  std::string sql = "SELECT hex(" + dialect::QuoteName(test.column) +
                    "), epoch_us(ingestion_timestamp), ingestion_date::VARCHAR FROM lake." +
                    dialect::QuoteName(test.table.substr(0, dot)) + "." +
                    dialect::QuoteName(test.table.substr(dot + 1));
  if (!test.since.empty()) {
    TARN_RETURN_IF_ERROR(ParseTimestampUtc(test.since).status());
    sql += " WHERE ingestion_date >= DATE '" +
           FormatDate(*ParseTimestampUtc(test.since) / 86'400'000'000) + "'";
  }
  // In the order of arrival, so that the example of a rule is its first case.
  return sql + " ORDER BY ingestion_timestamp, source_partition, source_offset";
}

class TableJudge {
 public:
  TableJudge(govern::ContractJudge& judge, ContractReport* report)
      : judge_(judge), report_(report), counts_(judge.NewCounts()) {
    for (const govern::ContractRule& rule : judge.rules()) {
      report->lines.push_back({rule.name, 0, "", rule.enforcement == govern::Enforcement::kFlag});
    }
  }

  void Take(const std::string& payload, int64_t arrived_micros, const std::string& date) {
    const std::vector<int64_t> nulls_before = counts_.nulls;
    // No BeginBatch: the whole table is one batch, so `unique` is judged over all of it.
    const govern::Verdict verdict = judge_.Judge(payload, arrived_micros, &counts_);
    if (verdict.broken && report_->lines[verdict.rule].example.empty()) {
      report_->lines[verdict.rule].example = verdict.reason;
    }
    Day& day = days_[date];
    day.nulls.resize(counts_.nulls.size());
    ++day.records;
    for (size_t i = 0; i < day.nulls.size(); ++i)
      day.nulls[i] += counts_.nulls[i] - nulls_before[i];
  }

  void Finish() {
    report_->records = counts_.records;
    for (size_t i = 0; i < counts_.broken.size(); ++i) report_->lines[i].broken = counts_.broken[i];
    JudgeNullRates();
    JudgeVolumes();
  }

 private:
  void JudgeNullRates() {
    const govern::Contract& contract = judge_.contract();
    for (size_t i = 0; i < contract.schema.size(); ++i) {
      const govern::Field& field = contract.schema[i];
      const auto limit =
          field.max_null_rate_pct ? field.max_null_rate_pct : contract.sla.max_null_rate_pct;
      if (!limit) continue;
      ContractReport::Line line{field.name + ".null_rate", 0, "", false};
      for (const auto& [date, day] : days_) {
        const double rate =
            100.0 * static_cast<double>(day.nulls[i]) / static_cast<double>(day.records);
        if (rate <= *limit) continue;
        if (line.broken++ == 0) {
          line.example = date + ": " + std::to_string(day.nulls[i]) + " of " +
                         std::to_string(day.records) + " records have none";
        }
      }
      report_->lines.push_back(std::move(line));
    }
  }

  // The first and the last day are likely not whole and may be too small.
  void JudgeVolumes() {
    const auto least = judge_.contract().sla.min_daily_volume;
    if (!least) return;
    ContractReport::Line line{"sla.min_daily_volume", 0, "", false};
    for (const auto& [date, day] : days_) {
      const bool whole = date != days_.begin()->first && date != days_.rbegin()->first;
      if (!whole || day.records >= *least) continue;
      if (line.broken++ == 0) line.example = date + ": " + std::to_string(day.records) + " records";
    }
    report_->lines.push_back(std::move(line));
  }

  govern::ContractJudge& judge_;
  ContractReport* report_;
  govern::ContractCounts counts_;
  std::map<std::string, Day> days_;
};

Status TakeRows(engine::QueryResult& rows, TableJudge* judge) {
  while (true) {
    TARN_ASSIGN_OR_RETURN(const bool more, rows.NextBatch());
    if (!more) return Status::Ok();
    for (size_t row = 0; row < rows.batch_rows(); ++row) {
      const std::string payload = rows.IsNull(0, row) ? "" : FromHex(rows.Text(0, row));
      const std::string micros = rows.Text(1, row);
      int64_t arrived = 0;
      std::from_chars(micros.data(), micros.data() + micros.size(), arrived);
      judge->Take(payload, arrived, rows.Text(2, row));
    }
  }
}

}  // namespace

bool ContractReport::kept() const {
  return std::all_of(lines.begin(), lines.end(),
                     [](const Line& line) { return line.broken == 0 || line.tolerated; });
}

Result<ContractReport> TestContractOnTable(const govern::Contract& contract,
                                           const engine::EngineOptions& options,
                                           const ContractTableTest& test) {
  TARN_ASSIGN_OR_RETURN(auto judge, govern::ContractJudge::Make(contract));
  TARN_ASSIGN_OR_RETURN(const std::string sql, RecordsQuery(test));
  engine::EngineOptions duckdb = options;
  duckdb.dialect = dialect::SqlDialect::kDuckdb;
  TARN_ASSIGN_OR_RETURN(auto engine, engine::Engine::Open(duckdb));
  TARN_ASSIGN_OR_RETURN(auto session, engine->NewSession());
  ContractReport report;
  report.contract = contract.name;
  report.version = contract.version;
  report.table = test.table;
  TableJudge table(*judge, &report);
  TARN_RETURN_IF_ERROR(
      session->Run(sql, "", [&](engine::QueryResult& rows) { return TakeRows(rows, &table); }));
  table.Finish();
  return report;
}

void PrintContractReport(const ContractReport& report, std::ostream& out) {
  out << report.contract << " " << report.version << " on " << report.table << ": "
      << report.records << " records, " << (report.kept() ? "kept" : "BROKEN") << "\n";
  for (const ContractReport::Line& line : report.lines) {
    if (line.broken == 0) continue;
    out << "  " << (line.tolerated ? "flagged " : "broken  ") << line.rule << ": " << line.broken;
    if (!line.example.empty()) out << ", e.g. " << line.example;
    out << "\n";
  }
}

void PrintContractReportJson(const ContractReport& report, std::ostream& out) {
  out << "{\"contract\": " << JsonString(report.contract)
      << ", \"version\": " << JsonString(report.version)
      << ", \"table\": " << JsonString(report.table) << ", \"records\": " << report.records
      << ", \"kept\": " << (report.kept() ? "true" : "false") << ", \"rules\": [";
  for (size_t i = 0; i < report.lines.size(); ++i) {
    const ContractReport::Line& line = report.lines[i];
    out << (i ? "," : "") << "\n  {\"rule\": " << JsonString(line.rule)
        << ", \"broken\": " << line.broken
        << ", \"tolerated\": " << (line.tolerated ? "true" : "false")
        << ", \"example\": " << JsonString(line.example) << "}";
  }
  out << "\n]}\n";
}

}  // namespace tarn::cli
