#include "cli/dbt_run.h"

#include <filesystem>
#include <thread>

#include "cli/query_monitor.h"
#include "transform/project/value_json.h"
#include "transform/run/artifacts.h"
#include "transform/run/checked_materialize.h"
#include "transform/run/compiler.h"
#include "transform/run/freshness.h"
#include "transform/run/lineage_table.h"

namespace tarn::cli {
namespace {

using transform::EventLevel;
using transform::Json;
using transform::Node;

// The command could not be done at all.
int CannotRun(Streams& streams, const Status& status) {
  streams.out.flush();
  streams.err << "tarn: error: " << status.message() << "\n";
  streams.err.flush();
  return status.code() == StatusCode::kCancelled ? kExitCancelled : kExitUsage;
}

Json ArgumentsOf(const DbtSession& session, const DbtOptions& options) {
  Json arguments = Json::object();
  for (const auto& [key, value] : session.project->names->invocation().flags.items()) {
    std::string lower = key;
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    arguments[lower] = value;
  }
  arguments["lake"] = options.lake;
  return arguments;
}

Status WriteArtifacts(DbtSession& session, const DbtOptions& options,
                      const transform::ExecutionReport& report) {
  if (options.no_write_json) return Status::Ok();
  if (session.context && session.context->lineage) session.context->lineage->Annotate();
  TARN_RETURN_IF_ERROR(transform::WriteManifest(*session.project));
  return transform::WriteRunResults(*session.project, report, ArgumentsOf(session, options));
}

Result<int> Execute(const DbtOptions& options, Streams& streams,
                    const std::vector<std::string>* only) {
  TARN_ASSIGN_OR_RETURN(const auto session, OpenDbtSession(options, streams, true));
  transform::EventLog& log = *session->log;
  log.Tell(EventLevel::kInfo, "MainReportVersion",
           "Running with dbt=" + std::string(transform::kDbtVersion) + " (tarn)");
  TellFound(*session);
  TARN_ASSIGN_OR_RETURN(std::vector<Node*> nodes, SelectNodes(*session, options));
  if (only != nullptr) {
    std::erase_if(nodes, [&](const Node* node) {
      return std::find(only->begin(), only->end(), node->unique_id) == only->end();
    });
  }
  if (nodes.empty()) {
    log.Tell(EventLevel::kWarn, "NothingToDo",
             "Nothing to do. Try checking your model configs and model specification args");
    if (!options.no_write_json) TARN_RETURN_IF_ERROR(WriteArtifacts(*session, options, {}));
    return static_cast<int>(kExitOk);
  }
  log.Info("Concurrency: " + std::to_string(session->context->options.threads) + " thread" +
           (session->context->options.threads == 1 ? "" : "s") + " (target='" +
           session->project->target.name + "')");
  log.Info("");
  StopOnSignals signals;
  std::atomic<bool> done{false};
  std::thread watcher([&] {
    while (!done) {
      if (StopOnSignals::StopRequested()) session->context->stop = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  auto report = transform::Executor(*session->context).Run(nodes);
  done = true;
  watcher.join();
  if (!report.ok()) return report.status();
  report->interrupted = StopOnSignals::StopRequested();
  const int code = TellEnd(*session, *report);
  if (session->context->lineage) {
    const Status kept = transform::WriteLineage(*session->context, *session->context->lineage);
    if (!kept.ok()) log.Warn("[WARNING]: column lineage was not kept: " + kept.message());
    const Status counted = transform::WriteDqResults(*session->context, report->results);
    if (!counted.ok()) log.Warn("[WARNING]: dq counts were not kept: " + counted.message());
  }
  TARN_RETURN_IF_ERROR(WriteArtifacts(*session, options, *report));
  return code;
}

}  // namespace

int RunDbt(const DbtOptions& options, Streams& streams) {
  const auto code = Execute(options, streams, nullptr);
  return code.ok() ? *code : CannotRun(streams, code.status());
}

int RunDbtRetry(const DbtOptions& given, Streams& streams) {
  const auto retry = [&]() -> Result<int> {
    DbtOptions options = given;
    TARN_ASSIGN_OR_RETURN(const auto parse, ReadParseOptions(options));
    TARN_ASSIGN_OR_RETURN(const auto project, transform::LoadProjects(parse));
    const std::string folder = options.state.empty() ? project->target_folder : options.state;
    TARN_ASSIGN_OR_RETURN(const transform::PreviousState state, transform::LoadState(folder));
    if (state.run_results.is_null()) {
      return Status::NotFound("there is no run_results.json in " + folder + " to retry from");
    }
    const Json& arguments = transform::Member(state.run_results, "args");
    options.command = transform::TextMember(arguments, "which", "build");
    options.full_refresh = transform::BoolMember(arguments, "full_refresh", false);
    if (options.vars.empty() && !transform::Member(arguments, "vars").empty()) {
      options.vars = transform::Member(arguments, "vars").dump();
    }
    options.state.clear();
    std::vector<std::string> ids;
    for (const Json& result : transform::Member(state.run_results, "results")) {
      const std::string status = transform::TextMember(result, "status");
      if (status == "error" || status == "fail" || status == "skipped" ||
          status == "runtime error") {
        ids.push_back(transform::TextMember(result, "unique_id"));
      }
    }
    if (ids.empty()) {
      streams.out << "Nothing to retry: the last run had no failures.\n";
      return static_cast<int>(kExitOk);
    }
    return Execute(options, streams, &ids);
  };
  const auto code = retry();
  return code.ok() ? *code : CannotRun(streams, code.status());
}

int RunDbtParse(const DbtOptions& options, Streams& streams) {
  const auto session = OpenDbtSession(options, streams, false);
  if (!session.ok()) return CannotRun(streams, session.status());
  if (!options.no_write_json) {
    if (const Status written = transform::WriteManifest(*(*session)->project); !written.ok()) {
      return CannotRun(streams, written);
    }
  }
  TellFound(**session);
  return kExitOk;
}

int RunDbtCompile(const DbtOptions& options, Streams& streams) {
  const auto compile = [&]() -> Result<int> {
    TARN_ASSIGN_OR_RETURN(const auto session, OpenDbtSession(options, streams, true));
    std::vector<Node*> nodes;
    if (!options.inline_sql.empty()) {
      Node node;
      node.type = transform::ResourceType::kOperation;
      node.name = "inline_query";
      node.package_name = session->project->root.name;
      node.unique_id = "sql_operation." + node.package_name + ".inline_query";
      node.original_file_path = node.path = "inline_query";
      node.raw_code = options.inline_sql;
      node.schema = session->project->target.schema;
      node.database = session->project->target.database;
      nodes.push_back(session->project->manifest.Add(std::move(node)));
    } else {
      TARN_ASSIGN_OR_RETURN(nodes, SelectNodes(*session, options));
    }
    TARN_ASSIGN_OR_RETURN(const auto report,
                          transform::Executor(*session->context).CompileOnly(nodes));
    bool failed = false;
    for (const auto& result : report.results) {
      if (result.IsBad()) {
        failed = true;
        session->log->Tell(EventLevel::kError, "RunResultError", result.message);
      } else if (nodes.size() == 1 && result.node->compiled) {
        session->log->Info("Compiled node '" + result.node->name + "' is:\n" +
                           result.node->compiled_code);
      }
    }
    TARN_RETURN_IF_ERROR(WriteArtifacts(*session, options, report));
    return static_cast<int>(failed ? kExitFailed : kExitOk);
  };
  const auto code = compile();
  return code.ok() ? *code : CannotRun(streams, code.status());
}

int RunDbtFreshness(const DbtOptions& options, Streams& streams) {
  const auto check = [&]() -> Result<int> {
    DbtOptions copy = options;
    copy.command = "freshness";
    TARN_ASSIGN_OR_RETURN(const auto session, OpenDbtSession(copy, streams, true));
    TARN_ASSIGN_OR_RETURN(const auto nodes, SelectNodes(*session, copy));
    TARN_ASSIGN_OR_RETURN(
        const auto warehouse,
        transform::Warehouse::Open(*session->engine, session->context->session_setup));
    transform::ExecutionReport report;
    report.results = transform::CheckFreshness(*session->context, *warehouse, nodes);
    bool failed = false;
    for (size_t i = 0; i < report.results.size(); ++i) {
      const auto& result = report.results[i];
      const bool bad = result.IsBad();
      failed = failed || bad;
      const std::string word = bad                                             ? "ERROR"
                               : result.status == transform::NodeStatus::kWarn ? "WARN"
                                                                               : "PASS";
      session->log->Progress(bad ? EventLevel::kError : EventLevel::kInfo, "LogFreshnessResult",
                             i + 1, report.results.size(),
                             word + (bad ? " STALE" : "") + " freshness of " +
                                 result.node->source_name + "." + result.node->name,
                             word, Json::object());
      if (!result.message.empty())
        session->log->Tell(EventLevel::kError, "RunResultError", result.message);
    }
    TARN_RETURN_IF_ERROR(transform::WriteSources(*session->project, report));
    session->log->Info("Done.");
    return static_cast<int>(failed ? kExitFailed : kExitOk);
  };
  const auto code = check();
  return code.ok() ? *code : CannotRun(streams, code.status());
}

int RunDbtDocs(const DbtOptions& options, Streams& streams) {
  const auto generate = [&]() -> Result<int> {
    TARN_ASSIGN_OR_RETURN(const auto session, OpenDbtSession(options, streams, true));
    TARN_ASSIGN_OR_RETURN(const auto nodes, SelectNodes(*session, options));
    TARN_ASSIGN_OR_RETURN(const auto report,
                          transform::Executor(*session->context).CompileOnly(nodes));
    for (const auto& result : report.results) {
      if (result.IsBad()) session->log->Tell(EventLevel::kError, "RunResultError", result.message);
    }
    session->log->Info("Building catalog");
    TARN_ASSIGN_OR_RETURN(const Json catalog, transform::CatalogJson(*session->context));
    TARN_RETURN_IF_ERROR(transform::WriteArtifact(*session->project, "catalog.json", catalog));
    TARN_RETURN_IF_ERROR(WriteArtifacts(*session, options, report));
    session->log->Info("Catalog written to " + session->project->target_folder + "/catalog.json");
    return static_cast<int>(kExitOk);
  };
  const auto code = generate();
  return code.ok() ? *code : CannotRun(streams, code.status());
}

}  // namespace tarn::cli
