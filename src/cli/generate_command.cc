#include <chrono>
#include <cstdio>
#include <memory>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/generate.h"
#include "cli/query_monitor.h"
#include "cli/render.h"

namespace tarn::cli {
namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;

struct GenerateArguments {
  GenerateOptions options;
  std::string end_date = "2026-03-31";
  std::string users = "ndjson";
  std::string format = "table";
};

void PrintReport(const GenerateArguments& arguments, const GenerateReport& report, double seconds,
                 std::ostream& out) {
  const std::string& folder = arguments.options.out;
  if (arguments.format == "json") {
    out << "{\"out\": " << JsonString(folder) << ", \"events\": " << report.events
        << ", \"users\": " << report.users << ", \"transactions\": " << report.transactions
        << ", \"sessions\": " << report.sessions << ", \"files\": " << report.files
        << ", \"bytes\": " << report.bytes << "}\n";
    return;
  }
  char size[64];
  std::snprintf(size, sizeof size, "%.1f MB in %.1f s", static_cast<double>(report.bytes) / 1e6,
                seconds);
  out << folder << ": " << report.events << " events, " << report.users << " user changes, "
      << report.transactions << " transactions, " << report.sessions << " sessions in "
      << report.files << " files, " << size << "; what is true about them is in " << folder
      << "/truth.json\n";
}

int RunGenerate(GenerateArguments& arguments, Streams& streams) {
  auto end = ParseTimestampUtc(arguments.end_date);
  const int64_t end_day = end.ok() ? *end / kMicrosPerDay : 0;
  if (!end.ok() || FormatDate(end_day) != arguments.end_date) {
    return ReportUsage(streams, Status::InvalidArgument("--end-date '" + arguments.end_date +
                                                        "' is no date; write it like 2026-03-31"));
  }
  arguments.options.end_day = end_day;
  arguments.options.users_csv = arguments.users == "csv";
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  bool bar = false;
  auto report = Generate(arguments.options, [&](double fraction) {
    if (!streams.err_is_terminal || elapsed() < 0.7) return;
    streams.err << "\r\x1b[K" << ProgressBar(fraction, elapsed()) << std::flush;
    bar = true;
  });
  if (bar) streams.err << "\r\x1b[K" << std::flush;
  if (!report.ok()) {
    return report.status().code() == StatusCode::kInvalidArgument
               ? ReportUsage(streams, report.status())
               : ReportError(streams, report.status());
  }
  PrintReport(arguments, *report, elapsed(), streams.out);
  return kExitOk;
}

}  // namespace

void RegisterGenerate(CLI::App& app, Invocation& invocation) {
  auto* command = app.add_subcommand(
      "generate",
      "make example data: events, users, transactions, sessions, and the truth about them");
  auto arguments = std::make_shared<GenerateArguments>();
  GenerateOptions& options = arguments->options;
  command->add_option("--out", options.out, "folder to write to")->required()->type_name("DIR");
  command->add_option("--scale", options.scale, "1 makes about a million events")
      ->capture_default_str();
  command->add_option("--seed", options.seed, "other seeds make other data")->capture_default_str();
  command->add_option("--days", options.days, "days of data")->capture_default_str();
  command->add_option("--end-date", arguments->end_date, "the last day")->capture_default_str();
  command->add_flag("--gzip", options.gzip, "write .gz files");
  command->add_option("--users", arguments->users, "form of the user changes: ndjson or csv")
      ->check(CLI::IsMember({"ndjson", "csv"}))
      ->capture_default_str();
  command->add_flag("--overwrite", options.overwrite, "replace data made with other options");
  command->add_option("--format", arguments->format, "of the report: table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->footer(std::string("The same options give the same bytes on every machine.\n") +
                  kExitCodesHelp);
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments] {
      return RunGenerate(*arguments, invocation.streams);
    };
  });
}

}  // namespace tarn::cli
