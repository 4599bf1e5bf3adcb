// tarn table: care for one table. `check` looks for damage and repairs it; `optimize`, `vacuum` and
// `history` are the SQL statements of those names for use in a crontab.
#include <memory>

#include "cli/command.h"
#include "cli/lake_options.h"
#include "cli/render.h"
#include "dialect/lexer.h"

namespace tarn::cli {
namespace {

struct TableArguments {
  LakeOptions lake;
  std::string table;
  std::string format = "table";
  bool repair = false;
  bool dry_run = false;
  double retain_hours = -1;
  std::vector<std::string> zorder;
  uint64_t limit = 0;
};

Result<engine::Rows> Ask(const TableArguments& arguments, const std::string& sql) {
  engine::EngineOptions options;
  options.dialect = dialect::SqlDialect::kDuckdb;
  TARN_RETURN_IF_ERROR(ReadLakeOptions(arguments.lake, &options));
  TARN_ASSIGN_OR_RETURN(auto engine, engine::Engine::Open(options));
  TARN_ASSIGN_OR_RETURN(auto session, engine->NewSession());
  return session->Query(sql);
}

// --- check ---

struct CheckReport {
  std::string version, summary;
  std::vector<std::vector<std::string>>
      findings;  // kind, object, detail, rows, repairable, repaired
  bool Open() const {
    for (const auto& finding : findings) {
      if (finding[5] != "true") return true;
    }
    return false;
  }
};

CheckReport ReadReport(const engine::Rows& rows) {
  CheckReport report;
  for (const auto& row : rows.rows) {
    std::vector<std::string> texts;
    for (const auto& cell : row) texts.push_back(cell.value_or(""));
    if (texts[0] == "checked") {
      report.version = texts[1];
      report.summary = texts[2];
    } else {
      report.findings.push_back(std::move(texts));
    }
  }
  return report;
}

void PrintJson(const TableArguments& arguments, const CheckReport& report, std::ostream& out) {
  out << "{\"table\": " << JsonString(arguments.table)
      << ", \"checked\": " << JsonString(report.version)
      << ", \"summary\": " << JsonString(report.summary)
      << ", \"ok\": " << (report.findings.empty() ? "true" : "false") << ", \"findings\": [";
  bool first = true;
  for (const auto& finding : report.findings) {
    out << (first ? "" : ",") << "\n  {\"kind\": " << JsonString(finding[0])
        << ", \"object\": " << JsonString(finding[1]) << ", \"detail\": " << JsonString(finding[2])
        << ", \"rows_lost\": " << finding[3] << ", \"repairable\": " << finding[4]
        << ", \"repaired\": " << finding[5] << "}";
    first = false;
  }
  out << (first ? "" : "\n") << "]}\n";
}

void PrintText(const TableArguments& arguments, const CheckReport& report, std::ostream& out) {
  out << arguments.table << ", " << report.version << ": " << report.summary << "\n";
  for (const auto& finding : report.findings) {
    const char* state = finding[5] == "true"   ? "repaired"
                        : finding[4] == "true" ? "can be repaired"
                                               : "found";
    out << "  " << state << ": " << finding[0] << " " << finding[1] << ": " << finding[2] << "\n";
  }
  if (report.findings.empty()) {
    out << "nothing is wrong\n";
  } else if (!report.Open()) {
    out << "everything found was repaired\n";
  } else if (!arguments.repair) {
    out << "run it with --repair to repair what can be repaired\n";
  }
}

int RunCheck(const TableArguments& arguments, Streams& streams) {
  const auto rows =
      Ask(arguments, "CALL tarn_check_table(" + dialect::QuoteString(arguments.table) + ", " +
                         (arguments.repair ? "true" : "false") + ")");
  if (!rows.ok()) return ReportError(streams, rows.status());
  const CheckReport report = ReadReport(*rows);
  if (arguments.format == "json") {
    PrintJson(arguments, report, streams.out);
  } else {
    PrintText(arguments, report, streams.out);
  }
  return report.Open() ? kExitFailed : kExitOk;
}

// --- statements ---

int RunStatement(const TableArguments& arguments, const std::string& sql, Streams& streams) {
  const auto rows = Ask(arguments, sql);
  if (!rows.ok()) return ReportError(streams, rows.status());
  RenderOptions options;
  auto format = ParseOutputFormat(arguments.format);
  if (!format.ok()) return ReportUsage(streams, format.status());
  options.format = *format;
  std::vector<ColumnHead> heads;
  for (const auto& column : rows->columns) heads.push_back({column.name, "", false});
  RenderTextRows(options, heads, rows->rows, streams.out);
  return kExitOk;
}

int RunOptimize(const TableArguments& arguments, Streams& streams) {
  std::string columns;
  for (const auto& name : arguments.zorder)
    columns += (columns.empty() ? "" : ", ") + dialect::QuoteString(name);
  return RunStatement(arguments,
                      "SELECT path, metrics.numFilesAdded AS files_added, metrics.numFilesRemoved "
                      "AS files_removed FROM tarn_optimize(" +
                          dialect::QuoteString(arguments.table) + ", NULL, CAST([" + columns +
                          "] AS VARCHAR[]))",
                      streams);
}

int RunVacuum(const TableArguments& arguments, Streams& streams) {
  const std::string hours =
      arguments.retain_hours < 0 ? "NULL" : std::to_string(arguments.retain_hours);
  return RunStatement(arguments,
                      "CALL tarn_vacuum(" + dialect::QuoteString(arguments.table) + ", " + hours +
                          ", " + (arguments.dry_run ? "true" : "false") + ")",
                      streams);
}

int RunHistory(const TableArguments& arguments, Streams& streams) {
  std::string sql =
      "SELECT version, timestamp, operation, operationMetrics AS metrics FROM delta_history(" +
      dialect::QuoteString(arguments.table);
  if (arguments.limit > 0) sql += ", max_rows => " + std::to_string(arguments.limit);
  return RunStatement(arguments, sql + ")", streams);
}

CLI::App* AddCommand(CLI::App& parent, const char* name, const char* text, Invocation& invocation,
                     const std::shared_ptr<TableArguments>& arguments,
                     int (*run)(const TableArguments&, Streams&)) {
  auto* command = parent.add_subcommand(name, text);
  command->add_option("table", arguments->table, "silver.events, or a folder's path")
      ->required()
      ->type_name("TABLE");
  command->add_option("--format", arguments->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  AddLakeOptions(*command, arguments->lake);
  command->footer(kExitCodesHelp);
  command->callback([&invocation, arguments, run] {
    invocation.run = [&invocation, arguments, run] { return run(*arguments, invocation.streams); };
  });
  return command;
}

}  // namespace

void RegisterTable(CLI::App& app, Invocation& invocation) {
  auto* table = app.add_subcommand("table", "care for one table: check, optimize, vacuum, history");
  table->require_subcommand(1);
  table->footer(kExitCodesHelp);
  auto arguments = std::make_shared<TableArguments>();
  auto* check = AddCommand(*table, "check", "look for missing and damaged files of a table",
                           invocation, arguments, RunCheck);
  check->add_flag("--repair", arguments->repair,
                  "write damaged checkpoints anew, take lost files out of the log");
  check->footer(
      std::string("Exit 0 when nothing is wrong, or all of it was repaired; 1 otherwise.\n") +
      kExitCodesHelp);
  auto* optimize =
      AddCommand(*table, "optimize", "merge small files", invocation, arguments, RunOptimize);
  optimize->add_option("--zorder", arguments->zorder, "order rows along these columns")
      ->type_name("COLUMN")
      ->delimiter(',');
  auto* vacuum = AddCommand(*table, "vacuum", "delete files no version needs any more", invocation,
                            arguments, RunVacuum);
  vacuum->add_option("--retain-hours", arguments->retain_hours,
                     "keep the versions of this long (default: the table's own)");
  vacuum->add_flag("--dry-run", arguments->dry_run, "only name the files");
  auto* history = AddCommand(*table, "history", "what was committed, newest first", invocation,
                             arguments, RunHistory);
  history->add_option("--limit", arguments->limit, "the newest commits only");
}

}  // namespace tarn::cli
