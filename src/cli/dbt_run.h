// One `tarn dbt` command from options to exit code.
//
// Exit codes are dbt's: 0 all well, 1 something failed or warned with --warn-error, 2 the command
// could not be done at all.
#pragma once

#include <set>
#include <string>

#include "cli/dbt_options.h"
#include "transform/run/executor.h"

namespace tarn::cli {

// A parsed project with an open lake, and the log.
struct DbtSession {
  std::unique_ptr<transform::ParsedProject> project;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<transform::EventLog> log;
  std::unique_ptr<transform::RunContext> context;
  std::unique_ptr<transform::PreviousState> state;
};

// Parses; with `open_lake` also opens the lake, which is made when it is absent.
Result<std::unique_ptr<DbtSession>> OpenDbtSession(const DbtOptions& options, Streams& streams,
                                                   bool open_lake);
// The nodes a command works on, in the order of the manifest.
Result<std::vector<transform::Node*>> SelectNodes(DbtSession& session, const DbtOptions& options);

// What `retry` takes up of an earlier run.
struct RetryPlan {
  std::set<std::string> ids;
  transform::OpenRuns open;
};
// build, run, test, seed, snapshot; `retry` may be null.
Result<int> ExecuteDbt(const DbtOptions& options, Streams& streams, const RetryPlan* retry);
// The command line as run_results.json and the journal keep it, and as `retry` reads it.
transform::Json RunArguments(const DbtSession& session, const DbtOptions& options);
// Tells why a command could not be done at all; its exit code.
int CannotRun(Streams& streams, const Status& status);
// Taking thousands of nodes apart takes longer than what the short commands do with them.
void KeepUntilExit(std::unique_ptr<DbtSession> session);

int RunDbt(const DbtOptions& options, Streams& streams);      // build, run, test, seed, snapshot
int RunDbtList(const DbtOptions& options, Streams& streams);  // ls
int RunDbtParse(const DbtOptions& options, Streams& streams);
int RunDbtCompile(const DbtOptions& options, Streams& streams);
int RunDbtShow(const DbtOptions& options, Streams& streams);
int RunDbtDocs(const DbtOptions& options, Streams& streams);
int RunDbtFreshness(const DbtOptions& options, Streams& streams);
int RunDbtOperation(const DbtOptions& options, Streams& streams);
int RunDbtRetry(const DbtOptions& options, Streams& streams);
int RunDbtDeps(const DbtOptions& options, Streams& streams);
int RunDbtDebug(const DbtOptions& options, Streams& streams);
int RunDbtPlan(const DbtOptions& options, Streams& streams);
int RunDbtDocsServe(const DbtOptions& options, Streams& streams);
int RunDbtClean(const DbtOptions& options, Streams& streams);

// dbt's lines around the work of nodes.
void TellFound(DbtSession& session);
int TellEnd(DbtSession& session, const transform::ExecutionReport& report);

}  // namespace tarn::cli
