#include <fstream>
#include <iterator>
#include <memory>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/contract_impact.h"
#include "cli/contract_on_table.h"
#include "cli/contract_sla.h"
#include "cli/lake_options.h"
#include "cli/render.h"
#include "govern/contract_diff.h"
#include "govern/contract_yaml.h"

namespace tarn::cli {
namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;

struct ContractArguments {
  LakeOptions lake;
  std::string contract, other, manifest, out, form = "short", table, column = "raw_payload", since;
  std::vector<std::string> approved_by;
  std::string today;
  std::string format = "table";
};

Result<govern::Contract> LoadOne(const std::string& path) {
  TARN_ASSIGN_OR_RETURN(auto contracts, govern::LoadContracts(path));
  if (contracts.size() == 1) return std::move(contracts.front());
  std::string names;
  for (const auto& contract : contracts) names += (names.empty() ? "" : ", ") + contract.name;
  return Status::InvalidArgument(path + " holds " + std::to_string(contracts.size()) +
                                 " contracts (" + names + "); name the file of one");
}

int RunLint(const ContractArguments& arguments, Streams& streams) {
  auto contracts = govern::LoadContracts(arguments.contract);
  if (!contracts.ok()) return ReportError(streams, contracts.status());
  const bool json = arguments.format == "json";
  if (json) streams.out << "[";
  bool first = true;
  for (const govern::Contract& contract : *contracts) {
    const auto hints = govern::LintContract(contract);
    if (!json) {
      streams.out << contract.name << " " << contract.version << ": " << contract.schema.size()
                  << " fields, "
                  << (hints.empty()       ? "nothing to say"
                      : hints.size() == 1 ? "1 hint"
                                          : std::to_string(hints.size()) + " hints")
                  << "\n";
      for (const std::string& hint : hints) streams.out << "  " << hint << "\n";
      continue;
    }
    streams.out << (first ? "" : ",") << "\n  {\"contract\": " << JsonString(contract.name)
                << ", \"version\": " << JsonString(contract.version) << ", \"hints\": [";
    first = false;
    for (size_t i = 0; i < hints.size(); ++i)
      streams.out << (i ? ", " : "") << JsonString(hints[i]);
    streams.out << "]}";
  }
  if (json) streams.out << "\n]\n";
  return kExitOk;
}

// What `diff` found, for both forms of output.
struct DiffReport {
  std::string name, from, to;
  std::vector<govern::ContractChange> changes;
  std::vector<ContractReach> reach;
  std::vector<std::string> obstacles;
  bool breaking() const {
    for (const auto& change : changes) {
      if (change.breaking) return true;
    }
    return false;
  }
};

void PrintDiff(const DiffReport& report, std::ostream& out) {
  out << report.name << " " << report.from << " -> " << report.to << ": ";
  if (report.changes.empty()) {
    out << "no change\n";
    return;
  }
  out << (report.breaking() ? "BREAKING" : "compatible") << "\n";
  for (const auto& change : report.changes) {
    out << "  " << (change.breaking ? "breaking   " : "compatible ") << change.path << ": "
        << change.text << "\n";
  }
  if (!report.reach.empty()) out << "reaches\n";
  for (const ContractReach& reach : report.reach) {
    out << "  " << reach.kind << " " << reach.name;
    if (!reach.owner.empty()) out << ", owner " << reach.owner;
    if (!reach.path.empty()) out << " (" << reach.path << ")";
    out << "\n";
  }
  for (const std::string& obstacle : report.obstacles)
    out << "may not be published: " << obstacle << "\n";
  if (report.obstacles.empty()) out << "may be published\n";
}

void PrintDiffJson(const DiffReport& report, std::ostream& out) {
  out << "{\"contract\": " << JsonString(report.name) << ", \"from\": " << JsonString(report.from)
      << ", \"to\": " << JsonString(report.to)
      << ", \"breaking\": " << (report.breaking() ? "true" : "false") << ", \"changes\": [";
  for (size_t i = 0; i < report.changes.size(); ++i) {
    const auto& change = report.changes[i];
    out << (i ? ", " : "") << "{\"path\": " << JsonString(change.path)
        << ", \"text\": " << JsonString(change.text)
        << ", \"breaking\": " << (change.breaking ? "true" : "false") << "}";
  }
  out << "], \"reaches\": [";
  for (size_t i = 0; i < report.reach.size(); ++i) {
    const ContractReach& reach = report.reach[i];
    out << (i ? ", " : "") << "{\"kind\": " << JsonString(reach.kind)
        << ", \"name\": " << JsonString(reach.name) << ", \"owner\": " << JsonString(reach.owner)
        << ", \"path\": " << JsonString(reach.path) << "}";
  }
  out << "], \"obstacles\": [";
  for (size_t i = 0; i < report.obstacles.size(); ++i)
    out << (i ? ", " : "") << JsonString(report.obstacles[i]);
  out << "]}\n";
}

Status FillDiff(const ContractArguments& arguments, DiffReport* report) {
  TARN_ASSIGN_OR_RETURN(const govern::Contract before, LoadOne(arguments.contract));
  TARN_ASSIGN_OR_RETURN(govern::Contract after, LoadOne(arguments.other));
  after.approvals.insert(after.approvals.end(), arguments.approved_by.begin(),
                         arguments.approved_by.end());
  int64_t today_micros = Clock::System().NowMicros();
  if (!arguments.today.empty()) {
    TARN_ASSIGN_OR_RETURN(today_micros, ParseTimestampUtc(arguments.today));
  }
  report->name = before.name;
  report->from = before.version;
  report->to = after.version;
  report->changes = govern::DiffContracts(before, after);
  report->obstacles =
      govern::PublishObstacles(before, after, report->changes, today_micros / kMicrosPerDay);
  if (!arguments.manifest.empty()) {
    TARN_ASSIGN_OR_RETURN(report->reach, FindContractReach(arguments.manifest, before));
  }
  return Status::Ok();
}

int RunDiff(const ContractArguments& arguments, Streams& streams) {
  DiffReport report;
  if (Status filled = FillDiff(arguments, &report); !filled.ok())
    return ReportError(streams, filled);
  arguments.format == "json" ? PrintDiffJson(report, streams.out) : PrintDiff(report, streams.out);
  return report.obstacles.empty() ? kExitOk : kExitFailed;
}

int RunConvert(const ContractArguments& arguments, Streams& streams) {
  auto contract = LoadOne(arguments.contract);
  if (!contract.ok()) return ReportError(streams, contract.status());
  const std::string text =
      arguments.form == "odcs" ? govern::WriteOdcs(*contract) : govern::WriteShortForm(*contract);
  if (arguments.out.empty()) {
    streams.out << text;
    return kExitOk;
  }
  std::ofstream file(arguments.out, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return ReportError(streams, Status::Io("cannot write " + arguments.out));
  return kExitOk;
}

int RunTest(const ContractArguments& arguments, Streams& streams) {
  auto contract = LoadOne(arguments.contract);
  if (!contract.ok()) return ReportError(streams, contract.status());
  engine::EngineOptions options;
  options.read_only = true;
  if (Status read = ReadLakeOptions(arguments.lake, &options); !read.ok())
    return ReportUsage(streams, read);
  if (arguments.table.empty() && contract->streams.size() != 1) {
    return ReportUsage(streams, Status::InvalidArgument("contract '" + contract->name + "' names " +
                                                        std::to_string(contract->streams.size()) +
                                                        " streams; say which table with --table"));
  }
  ContractTableTest test;
  test.table = arguments.table.empty() ? contract->streams.front() : arguments.table;
  test.column = arguments.column;
  test.since = arguments.since;
  auto report = TestContractOnTable(*contract, options, test);
  if (!report.ok()) return ReportError(streams, report.status());
  arguments.format == "json" ? PrintContractReportJson(*report, streams.out)
                             : PrintContractReport(*report, streams.out);
  return report->kept() ? kExitOk : kExitFailed;
}

int RunSla(const ContractArguments& arguments, Streams& streams) {
  const auto contracts = govern::LoadContracts(arguments.contract);
  if (!contracts.ok()) return ReportError(streams, contracts.status());
  engine::EngineOptions options;
  if (Status read = ReadLakeOptions(arguments.lake, &options); !read.ok()) {
    return ReportUsage(streams, read);
  }
  const auto engine = engine::Engine::Open(options);
  if (!engine.ok()) return ReportError(streams, engine.status());
  const auto lines = ReadContractSla(**engine, *contracts);
  if (!lines.ok()) return ReportError(streams, lines.status());
  RenderOptions render;
  render.format = arguments.format == "json" ? OutputFormat::kJson : OutputFormat::kTable;
  if (streams.out_is_terminal) render.max_columns_wide = streams.terminal_columns;
  bool kept = true;
  std::vector<TextRow> rows;
  for (const SlaLine& line : *lines) {
    kept = kept && line.kept;
    rows.push_back({line.contract, line.table, line.day, line.promise, line.value, line.limit,
                    line.kept ? "kept" : "BROKEN"});
  }
  RenderTextRows(render,
                 {{"contract", "VARCHAR", false},
                  {"table", "VARCHAR", false},
                  {"day", "VARCHAR", false},
                  {"promise", "VARCHAR", false},
                  {"value", "DOUBLE", true},
                  {"limit", "DOUBLE", true},
                  {"verdict", "VARCHAR", false}},
                 rows, streams.out);
  return kept ? kExitOk : kExitFailed;
}

using Run = int (*)(const ContractArguments&, Streams&);

CLI::App* AddCommand(CLI::App& parent, const char* name, const char* text, Invocation& invocation,
                     const std::shared_ptr<ContractArguments>& arguments, Run run,
                     bool with_format) {
  auto* command = parent.add_subcommand(name, text);
  command->footer(kExitCodesHelp);
  if (with_format) {
    command->add_option("--format", arguments->format, "table or json")
        ->check(CLI::IsMember({"table", "json"}))
        ->capture_default_str();
  }
  command->callback([&invocation, arguments, run] {
    invocation.run = [&invocation, arguments, run] { return run(*arguments, invocation.streams); };
  });
  return command;
}

}  // namespace

void RegisterContract(CLI::App& app, Invocation& invocation) {
  auto* contract =
      app.add_subcommand("contract", "what producers promise: test, lint, compare, convert");
  contract->require_subcommand(1);
  contract->footer(kExitCodesHelp);
  auto arguments = std::make_shared<ContractArguments>();

  auto* test = AddCommand(*contract, "test", "judge every record of a Bronze table by a contract",
                          invocation, arguments, RunTest, true);
  test->add_option("contract", arguments->contract, "contracts/events.yml")
      ->required()
      ->type_name("FILE");
  test->add_option("--table", arguments->table, "the table (default: the contract's stream)");
  test->add_option("--column", arguments->column, "the column with the bytes")
      ->capture_default_str();
  test->add_option("--since", arguments->since,
                   "only records that came on this day or later (2026-01-31)");
  AddLakeOptions(*test, arguments->lake);

  auto* lint = AddCommand(*contract, "lint", "read contracts and say what is unwise", invocation,
                          arguments, RunLint, true);
  lint->add_option("contracts", arguments->contract, "a file, or a folder of contracts")
      ->required()
      ->type_name("PATH");

  auto* diff = AddCommand(*contract, "diff",
                          "compatible or breaking, whom it reaches, whether it may be published",
                          invocation, arguments, RunDiff, true);
  diff->add_option("old", arguments->contract, "the version in force")
      ->required()
      ->type_name("FILE");
  diff->add_option("new", arguments->other, "the version proposed")->required()->type_name("FILE");
  diff->add_option("--manifest", arguments->manifest,
                   "dbt's target/manifest.json, to name models and owners");
  diff->add_option("--approved-by", arguments->approved_by,
                   "a team that approved; may be repeated");
  diff->add_option("--today", arguments->today,
                   "the day to count the notice from (default: today)");
  diff->footer(
      std::string("Fails when notice or approval is missing, for use in the CI of a producer.\n") +
      kExitCodesHelp);

  auto* sla = AddCommand(*contract, "sla",
                         "what was judged, per day: volumes, null rates, delays, broken rules",
                         invocation, arguments, RunSla, true);
  sla->add_option("contracts", arguments->contract, "a file, or a folder of contracts")
      ->required()
      ->type_name("PATH");
  AddLakeOptions(*sla, arguments->lake);

  auto* convert_in =
      AddCommand(*contract, "import", "an Open Data Contract Standard file to the short form",
                 invocation, arguments, RunConvert, false);
  auto* convert_out = AddCommand(*contract, "export", "a contract in another form", invocation,
                                 arguments, RunConvert, false);
  for (auto* command : {convert_in, convert_out}) {
    command->add_option("contract", arguments->contract, "the file to read")
        ->required()
        ->type_name("FILE");
    command->add_option("--out", arguments->out, "file to write (default: standard output)");
  }
  convert_out->add_option("--form", arguments->form, "odcs or short")
      ->check(CLI::IsMember({"odcs", "short"}))
      ->capture_default_str();
}

}  // namespace tarn::cli
