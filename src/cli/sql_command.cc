#include <fstream>
#include <iterator>
#include <memory>

#include "cli/command.h"
#include "cli/lake_options.h"
#include "cli/pii_key.h"
#include "cli/sql_runner.h"
#include "cli/sql_shell.h"

namespace tarn::cli {
namespace {

constexpr uint64_t kTerminalRows = 200;  // a table at a terminal; anywhere else all rows

struct SqlArguments {
  LakeOptions lake;
  std::vector<std::string> commands;
  std::vector<std::string> files;
  std::vector<bool> order;  // of -c and -f as they were given; true is a file
  std::string format = "table";
  std::string dialect = "spark";
  std::string schema = "silver";
  std::string time_zone = "UTC";
  std::string pii_key;
  uint64_t max_rows = 0;
  bool max_rows_given = false;
  bool create_lake = false;
  bool read_only = false;
  bool quiet = false;
  bool timing = false;
  bool no_progress = false;
};

Result<std::string> ReadScript(const std::string& path, Streams& streams) {
  if (path == "-") {
    return std::string(std::istreambuf_iterator<char>(streams.in),
                       std::istreambuf_iterator<char>());
  }
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) {
    return Status::NotFound("SQL file " + path + " cannot be read; check the path");
  }
  return text;
}

Status RunAll(const SqlArguments& arguments, const SqlOutput& output, engine::Session& session,
              Streams& streams) {
  size_t next_file = 0, next_command = 0;
  for (const bool is_file : arguments.order) {
    if (!is_file) {
      TARN_RETURN_IF_ERROR(
          RunScript(session, arguments.commands[next_command++], "", output, streams));
      continue;
    }
    const std::string& path = arguments.files[next_file++];
    TARN_ASSIGN_OR_RETURN(const std::string script, ReadScript(path, streams));
    TARN_RETURN_IF_ERROR(
        RunScript(session, script, path == "-" ? "<stdin>" : path, output, streams));
  }
  return Status::Ok();
}

// What the options mean; a failure here is wrong usage.
Status ReadOptions(const SqlArguments& arguments, const Streams& streams, SqlOutput* output,
                   engine::EngineOptions* options) {
  TARN_ASSIGN_OR_RETURN(output->format, ParseOutputFormat(arguments.format));
  output->quiet = arguments.quiet;
  output->timing = arguments.timing;
  output->progress = !arguments.no_progress;
  output->fit_terminal = streams.out_is_terminal;
  output->max_rows = arguments.max_rows_given  ? arguments.max_rows
                     : streams.out_is_terminal ? kTerminalRows
                                               : 0;
  TARN_ASSIGN_OR_RETURN(options->dialect, dialect::ParseSqlDialect(arguments.dialect));
  options->default_schema = arguments.schema;
  options->time_zone = arguments.time_zone;
  options->create_lake = arguments.create_lake;
  options->read_only = arguments.read_only;
  return ReadLakeOptions(arguments.lake, options);
}

Status RunSql(const SqlArguments& arguments, const SqlOutput& output,
              const engine::EngineOptions& options, Streams& streams) {
  TARN_ASSIGN_OR_RETURN(auto engine, engine::Engine::Open(options));
  TARN_ASSIGN_OR_RETURN(auto session, engine->NewSession());
  if (!arguments.pii_key.empty()) {
    TARN_RETURN_IF_ERROR(DefinePiiToken(*session, arguments.pii_key));
  }
  if (!arguments.order.empty()) return RunAll(arguments, output, *session, streams);
  if (!streams.in_is_terminal) {
    TARN_ASSIGN_OR_RETURN(const std::string script, ReadScript("-", streams));
    return RunScript(*session, script, "<stdin>", output, streams);
  }
  return RunShell(*session, options.lake, output, streams);
}

}  // namespace

void RegisterSql(CLI::App& app, Invocation& invocation) {
  auto* command = app.add_subcommand("sql", "run SQL on a lake: at a prompt, from -c, from files");
  auto arguments = std::make_shared<SqlArguments>();
  auto* commands =
      command->add_option("-c,--command", arguments->commands, "SQL to run; may be repeated")
          ->type_name("SQL")
          ->allow_extra_args(false);
  auto* files = command
                    ->add_option("-f,--file", arguments->files,
                                 "file of SQL to run, '-' is standard input; may be repeated; -c "
                                 "and -f run in the order given")
                    ->type_name("FILE")
                    ->allow_extra_args(false);
  command->add_option("--format", arguments->format, "table, csv, json, ndjson or markdown")
      ->capture_default_str();
  command->add_option("--dialect", arguments->dialect, "spark or duckdb")->capture_default_str();
  command->add_option("--schema", arguments->schema, "what a name without a schema means")
      ->capture_default_str();
  command->add_option("--time-zone", arguments->time_zone, "zone of the session")
      ->capture_default_str();
  command->add_option(
      "--pii-key", arguments->pii_key,
      "ID=env:NAME or ID=file:PATH: gives the session pii_token(value), a keyed hash");
  auto* max_rows =
      command->add_option("--max-rows", arguments->max_rows,
                          "rows a table shows, 0 for all (default: 200 at a terminal)");
  command->add_flag("--create-lake", arguments->create_lake,
                    "make the lake's folder when it is absent");
  command->add_flag("--read-only", arguments->read_only, "refuse every statement that writes");
  command->add_flag("-q,--quiet", arguments->quiet, "say nothing about statements without rows");
  command->add_flag("--timing", arguments->timing, "print the time of each statement");
  command->add_flag("--no-progress", arguments->no_progress, "no progress bar");
  AddLakeOptions(*command, arguments->lake);
  command->footer(std::string("Ctrl-C cancels the running statement, not the shell.\n") +
                  kExitCodesHelp);
  command->callback([&invocation, arguments, max_rows, command, commands, files] {
    for (const CLI::Option* option : command->parse_order()) {
      if (option == commands || option == files) arguments->order.push_back(option == files);
    }
    arguments->max_rows_given = max_rows->count() > 0;
    invocation.run = [&invocation, arguments]() -> int {
      SqlOutput output;
      engine::EngineOptions options;
      if (Status read = ReadOptions(*arguments, invocation.streams, &output, &options);
          !read.ok()) {
        return ReportUsage(invocation.streams, read);
      }
      const Status status = RunSql(*arguments, output, options, invocation.streams);
      return status.ok() ? kExitOk : ReportError(invocation.streams, status);
    };
  });
}

}  // namespace tarn::cli
