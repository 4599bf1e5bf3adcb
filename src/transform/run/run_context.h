// RunContext: what all threads of one command share.
//
// Threads: members without a lock are set before the threads start. Lifetime: outlives them.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "transform/project/parser.h"
#include "transform/project/relation.h"
#include "transform/run/event_log.h"
#include "transform/run/run_journal.h"

namespace tarn::transform {

struct RunOptions {
  std::string command = "run";
  int threads = 1;
  bool full_refresh = false;
  bool fail_fast = false;
  bool store_failures = false;
  bool empty = false;  // --empty: inputs without rows
  bool defer = false, favor_state = false;
  bool warn_error = false;
  bool write_files = true;                       // target/compiled and target/run
  std::string event_time_start, event_time_end;  // microbatch, ISO
};

class LineageBook;

struct RunContext {
  RunContext(ParsedProject& project, engine::Engine& engine, RunOptions options, EventLog& log)
      : project(project), engine(engine), options(std::move(options)), log(log) {}

  ParsedProject& project;
  engine::Engine& engine;
  RunOptions options;
  EventLog& log;
  std::set<std::string> selected;  // unique_ids
  // --defer: where nodes that are not selected live, by unique_id.
  std::map<std::string, Relation::Parts> deferred;
  // Runs in every new session: where the command line gives models more functions.
  std::function<Status(engine::Session&)> session_setup;
  // Column lineage and what it forbids; empty for commands that compile no models.
  std::shared_ptr<LineageBook> lineage;
  std::atomic<bool> stop{false};  // --fail-fast, Ctrl-C
  // Called by the threads as nodes are done.
  std::function<void(const NodeResult&)> node_done;
  // Of a run that is taken up again: what may have been committed already.
  OpenRuns open_runs;

  // Sessions that InterruptAll cancels the running statements of; safe from any thread. A statement
  // that begins after the call is not cancelled: call again.
  class Interruptible {
   public:
    Interruptible(RunContext& context, engine::Session& session);
    ~Interruptible();
    Interruptible(const Interruptible&) = delete;
    Interruptible& operator=(const Interruptible&) = delete;

   private:
    RunContext& context_;
    engine::Session& session_;
  };
  void InterruptAll();

  // `graph` for templates, made when first asked for.
  jinja::Value Graph();
  // A lock per ephemeral node, so that it is compiled once.
  std::mutex& CompileLock(const std::string& unique_id);
  dialect::SqlDialect DialectOf(const Node& node) const;
  // What goes into the commits of a node: {"tarn_run": {…}}.
  std::string CommitText(const Node& node) const;
  static std::string CommitText(const Node& node, const std::string& run_id);

 private:
  std::mutex mutex_;
  jinja::Value graph_;
  bool has_graph_ = false;
  std::map<std::string, std::unique_ptr<std::mutex>> locks_;
  std::mutex sessions_mutex_;
  std::set<engine::Session*> sessions_;
};

}  // namespace tarn::transform
