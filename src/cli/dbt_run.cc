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

Status WriteArtifacts(DbtSession& session, const DbtOptions& options,
                      const transform::ExecutionReport& report) {
  if (options.no_write_json) return Status::Ok();
  if (session.context && session.context->lineage) session.context->lineage->Annotate();
  TARN_RETURN_IF_ERROR(transform::WriteManifest(*session.project));
  return transform::WriteRunResults(*session.project, report, RunArguments(session, options));
}

// While it lives, Ctrl-C stops the queue and cancels running statements.
class StopWatcher {
 public:
  explicit StopWatcher(transform::RunContext& context) : context_(context) {
    thread_ = std::thread([this] {
      while (!done_) {
        if (StopOnSignals::StopRequested()) {
          context_.stop = true;
          context_.InterruptAll();
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    });
  }
  ~StopWatcher() {
    done_ = true;
    thread_.join();
  }
  StopWatcher(const StopWatcher&) = delete;
  StopWatcher& operator=(const StopWatcher&) = delete;

 private:
  transform::RunContext& context_;
  StopOnSignals signals_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

Result<transform::ExecutionReport> RunNodes(DbtSession& session, const DbtOptions& options,
                                            const std::vector<Node*>& nodes) {
  const StopWatcher watcher(*session.context);
  auto report = transform::Executor(*session.context).Run(nodes);
  const bool interrupted = StopOnSignals::StopRequested();
  if (!report.ok() && !interrupted) return report.status();
  transform::ExecutionReport ended;
  if (report.ok()) {
    ended = std::move(*report);
  } else {
    session.log->Tell(EventLevel::kError, "RunResultError", report.status().message());
  }
  ended.interrupted = interrupted;
  return ended;
}

}  // namespace

int CannotRun(Streams& streams, const Status& status) {
  streams.out.flush();
  streams.err << "tarn: error: " << status.message() << "\n";
  streams.err.flush();
  return kExitUsage;
}

Result<int> ExecuteDbt(const DbtOptions& options, Streams& streams, const RetryPlan* retry) {
  TARN_ASSIGN_OR_RETURN(const auto session, OpenDbtSession(options, streams, true));
  transform::EventLog& log = *session->log;
  log.Tell(EventLevel::kInfo, "MainReportVersion",
           "Running with dbt=" + std::string(transform::kDbtVersion) + " (tarn)");
  TellFound(*session);
  TARN_ASSIGN_OR_RETURN(std::vector<Node*> nodes, SelectNodes(*session, options));
  if (retry != nullptr) {
    std::erase_if(nodes, [&](const Node* node) { return !retry->ids.contains(node->unique_id); });
    session->context->open_runs = retry->open;
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
  const auto journal = transform::RunJournal::Begin(
      session->project->target_folder, session->project->names->invocation().invocation_id,
      RunArguments(*session, options), nodes, session->context->open_runs);
  if (journal) {
    session->context->node_done = [&](const transform::NodeResult& result) {
      journal->Done(result);
    };
  }
  const auto report = RunNodes(*session, options, nodes);
  if (!report.ok()) {
    if (journal) journal->Finish();
    return report.status();
  }
  const int code = TellEnd(*session, *report);
  if (session->context->lineage) {
    const Status kept = transform::WriteLineage(*session->context, *session->context->lineage);
    if (!kept.ok()) log.Warn("[WARNING]: column lineage was not kept: " + kept.message());
    const Status counted = transform::WriteDqResults(*session->context, report->results);
    if (!counted.ok()) log.Warn("[WARNING]: dq counts were not kept: " + counted.message());
  }
  TARN_RETURN_IF_ERROR(WriteArtifacts(*session, options, *report));
  if (journal) journal->Finish();
  return code;
}

int RunDbt(const DbtOptions& options, Streams& streams) {
  const auto code = ExecuteDbt(options, streams, nullptr);
  return code.ok() ? *code : CannotRun(streams, code.status());
}

int RunDbtParse(const DbtOptions& options, Streams& streams) {
  auto session = OpenDbtSession(options, streams, false);
  if (!session.ok()) return CannotRun(streams, session.status());
  if (!options.no_write_json) {
    if (const Status written = transform::WriteManifest(*(*session)->project, true);
        !written.ok()) {
      return CannotRun(streams, written);
    }
  }
  TellFound(**session);
  KeepUntilExit(std::move(*session));
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
