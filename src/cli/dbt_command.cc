// `tarn dbt …`: registration of the commands.
#include <memory>

#include "cli/command.h"
#include "cli/dbt_run.h"

namespace tarn::cli {
namespace {

constexpr const char* kDbtExitCodes =
    "Exit codes, dbt's: 0 all well, 1 something failed, 2 it could not be done or was interrupted.";

using Runner = int (*)(const DbtOptions&, Streams&);

struct Kind {
  bool selects = false, runs = false;
};

CLI::App* Add(CLI::App& parent, Invocation& invocation, const std::string& name,
              const std::string& text, Kind kind, Runner runner, std::string command,
              std::shared_ptr<DbtOptions> options = std::make_shared<DbtOptions>()) {
  auto* app = parent.add_subcommand(name, text);
  AddProjectOptions(*app, *options);
  if (kind.selects) AddSelectionOptions(*app, *options);
  if (kind.runs) AddRunOptions(*app, *options);
  app->footer(kDbtExitCodes);
  options->command = std::move(command);
  app->callback([&invocation, options, runner] {
    invocation.run = [&invocation, options, runner] {
      return runner(*options, invocation.streams);
    };
  });
  return app;
}

}  // namespace

void RegisterDbt(CLI::App& app, Invocation& invocation) {
  auto* dbt = app.add_subcommand("dbt", "run a dbt project on the lake, natively");
  dbt->require_subcommand(1);
  dbt->footer(kDbtExitCodes);
  const Kind all{true, true};
  Add(*dbt, invocation, "build", "seeds, models, snapshots and tests in the graph's order", all,
      RunDbt, "build");
  Add(*dbt, invocation, "run", "models", all, RunDbt, "run");
  Add(*dbt, invocation, "test", "tests and unit tests", all, RunDbt, "test");
  Add(*dbt, invocation, "seed", "CSV files to tables", all, RunDbt, "seed");
  Add(*dbt, invocation, "snapshot", "snapshots", all, RunDbt, "snapshot");
  Add(*dbt, invocation, "parse", "read the project, write manifest.json", {}, RunDbtParse, "parse");
  Add(*dbt, invocation, "retry", "what failed or was skipped last time", {}, RunDbtRetry, "retry");
  Add(*dbt, invocation, "deps", "the packages the project names, and where they are", {},
      RunDbtDeps, "deps");
  Add(*dbt, invocation, "debug", "what the project, its profile and lake are", {}, RunDbtDebug,
      "debug");
  Add(*dbt, invocation, "clean", "remove the folders of clean-targets", {}, RunDbtClean, "clean");

  auto listed = std::make_shared<DbtOptions>();
  for (const char* name : {"ls", "list"}) {
    auto* list = Add(*dbt, invocation, name, "the selected nodes", {true, false}, RunDbtList,
                     "list", listed);
    list->add_option("--output", listed->output, "selector, name, path or json");
    list->add_option("--output-keys", listed->output_keys, "keys of the JSON lines");
  }
  auto compiled = std::make_shared<DbtOptions>();
  auto* compile = Add(*dbt, invocation, "compile", "SQL of the selected nodes", all, RunDbtCompile,
                      "compile", compiled);
  compile->add_option("--inline", compiled->inline_sql, "a text instead of nodes");
  auto shown = std::make_shared<DbtOptions>();
  auto* show =
      Add(*dbt, invocation, "show", "rows of a model or a text", all, RunDbtShow, "show", shown);
  show->add_option("--inline", shown->inline_sql, "a text instead of nodes");
  show->add_option("--limit", shown->limit, "rows, -1 for all")->capture_default_str();
  show->add_option("--output", shown->output, "text or json");
  auto operation = std::make_shared<DbtOptions>();
  auto* run_operation = Add(*dbt, invocation, "run-operation", "call a macro", {}, RunDbtOperation,
                            "run-operation", operation);
  run_operation->add_option("macro", operation->macro, "its name")->required();
  run_operation->add_option("--args", operation->args, "YAML mapping of arguments");

  auto* docs = dbt->add_subcommand("docs", "documentation");
  docs->require_subcommand(1);
  Add(*docs, invocation, "generate", "manifest.json and catalog.json", all, RunDbtDocs, "generate");
  auto served = std::make_shared<DbtOptions>();
  auto* serve = Add(*docs, invocation, "serve", "a page over them, on this machine", {},
                    RunDbtDocsServe, "serve", served);
  serve->add_option("--port", served->port, "port of 127.0.0.1, 0 for any")->capture_default_str();
  auto planned = std::make_shared<DbtOptions>();
  auto* plan = Add(*dbt, invocation, "plan", "what a run would change, before anything runs", all,
                   RunDbtPlan, "plan", planned);
  plan->add_option("--format", planned->output, "text or json");
  auto* source = dbt->add_subcommand("source", "sources");
  source->require_subcommand(1);
  Add(*source, invocation, "freshness", "how old sources are", {true, false}, RunDbtFreshness,
      "freshness");
}

}  // namespace tarn::cli
