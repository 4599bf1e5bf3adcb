// `tarn dbt plan` and `tarn dbt docs serve`.
#include "cli/dbt_docs_server.h"
#include "cli/dbt_run.h"
#include "cli/stop_signal.h"
#include "transform/run/change_plan.h"

namespace tarn::cli {
int RunDbtPlan(const DbtOptions& options, Streams& streams) {
  const auto plan = [&]() -> Result<int> {
    const std::string form = options.output.empty() ? "text" : options.output;
    if (form != "text" && form != "json") {
      return Status::InvalidArgument("--format is text or json, not '" + form + "'");
    }
    DbtOptions quiet = options;
    quiet.quiet = quiet.quiet || form == "json";
    TARN_ASSIGN_OR_RETURN(const auto session, OpenDbtSession(quiet, streams, true));
    TARN_ASSIGN_OR_RETURN(const auto nodes, SelectNodes(*session, options));
    TARN_ASSIGN_OR_RETURN(const auto changes, transform::PlanChanges(*session->context, nodes));
    if (form == "json") {
      streams.out << transform::ChangePlanJson(changes).dump(2) << "\n";
    } else {
      streams.out << transform::ChangePlanText(changes);
    }
    return static_cast<int>(changes.HasProblems() ? kExitFailed : kExitOk);
  };
  const auto code = plan();
  return code.ok() ? *code : CannotRun(streams, code.status());
}

int RunDbtDocsServe(const DbtOptions& options, Streams& streams) {
  const auto serve = [&]() -> Status {
    if (options.port > 65535) {
      return Status::InvalidArgument("--port is a number up to 65535, not " +
                                     std::to_string(options.port));
    }
    TARN_ASSIGN_OR_RETURN(const auto parse, ReadParseOptions(options));
    TARN_ASSIGN_OR_RETURN(const auto project, transform::LoadProjects(parse));
    TARN_ASSIGN_OR_RETURN(
        const auto server,
        DocsServer::Start(project->target_folder, static_cast<uint16_t>(options.port)));
    streams.out << "Serving the docs of " << project->root.name
                << " at http://127.0.0.1:" << server->port() << "/ ; Ctrl-C ends it" << std::endl;
    SignalStop stop;
    while (!stop.token().stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return Status::Ok();
  };
  const Status status = serve();
  return status.ok() ? kExitOk : CannotRun(streams, status);
}

}  // namespace tarn::cli
