#include "transform/run/executor.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "transform/run/test_batch.h"

namespace tarn::transform {
namespace {

std::string Where(const Node& node) {
  if (node.type == ResourceType::kTest) return node.name;
  if (node.type == ResourceType::kUnitTest)
    return TextMember(node.extra, "model") + "::" + node.name;
  if (node.type == ResourceType::kOperation) return node.unique_id;
  return node.schema + "." + node.alias;
}

std::string Description(const Node& node) {
  switch (node.type) {
    case ResourceType::kSeed: return "seed file " + Where(node);
    case ResourceType::kSnapshot: return "snapshot " + Where(node);
    case ResourceType::kTest: return "test " + Where(node);
    case ResourceType::kUnitTest: return "unit_test " + Where(node);
    case ResourceType::kOperation: return "hook: " + node.name;
    case ResourceType::kSavedQuery: return "saved query " + node.name;
    case ResourceType::kExposure: return "exposure " + node.name;
    default: return node.language + " " + node.Materialized() + " model " + Where(node);
  }
}

std::string Line(const NodeResult& result) {
  const Node& node = *result.node;
  const bool bad = result.status == NodeStatus::kError;
  switch (node.type) {
    case ResourceType::kSeed: return (bad ? "ERROR loading " : "OK loaded ") + Description(node);
    case ResourceType::kSnapshot:
      return (bad ? "ERROR snapshotting " : "OK snapshotted ") + Where(node);
    case ResourceType::kOperation: return (bad ? "ERROR " : "OK ") + Description(node);
    case ResourceType::kTest:
    case ResourceType::kUnitTest: {
      const std::string count = result.failures ? std::to_string(*result.failures) + " " : "";
      if (result.status == NodeStatus::kPass) return "PASS " + Where(node);
      if (result.status == NodeStatus::kWarn) return "WARN " + count + Where(node);
      if (result.status == NodeStatus::kFail) return "FAIL " + count + Where(node);
      return "ERROR " + Where(node);
    }
    default: return (bad ? "ERROR creating " : "OK created ") + Description(node);
  }
}

std::string Bracket(const NodeResult& result) {
  std::string text = result.shown;
  const std::string count = result.failures ? " " + std::to_string(*result.failures) : "";
  if (result.status == NodeStatus::kPass) text = "PASS";
  if (result.status == NodeStatus::kWarn) text = "WARN" + count;
  if (result.status == NodeStatus::kFail) text = "FAIL" + count;
  if (result.status == NodeStatus::kError) text = "ERROR";
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, " in %.2fs", result.seconds());
  return text + seconds;
}

Json NodeInfo(const Node& node, const char* status) {
  return {{"node_info",
           {{"materialized", node.Materialized()},
            {"meta", node.meta},
            {"node_name", node.name},
            {"node_path", node.path},
            {"node_relation",
             {{"alias", node.alias},
              {"database", node.database},
              {"relation_name", node.relation_name},
              {"schema", node.schema}}},
            {"node_status", status},
            {"resource_type", ResourceTypeName(node.type)},
            {"unique_id", node.unique_id}}}};
}

// The queue of one command.
class Queue {
 public:
  Queue(const std::vector<Node*>& nodes, std::vector<std::set<size_t>> waits, bool batch_tests)
      : nodes_(nodes),
        waits_(std::move(waits)),
        blocked_(nodes.size(), false),
        batch_tests_(batch_tests) {
    children_.resize(nodes.size());
    for (size_t i = 0; i < waits_.size(); ++i) {
      for (const size_t on : waits_[i]) children_[on].push_back(i);
      if (waits_[i].empty()) ready_.insert(i);
    }
    left_ = nodes.size();
  }

  // The next node, or the plain tests of one model together; empty when all is done.
  std::vector<size_t> Take(std::atomic<bool>& stop) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return !ready_.empty() || left_ == 0 || (stop && running_ == 0); });
    if (ready_.empty()) return {};
    std::vector<size_t> taken{*ready_.begin()};
    ready_.erase(ready_.begin());
    if (batch_tests_ && IsPlainTest(*nodes_[taken[0]])) {
      const std::string& on = nodes_[taken[0]]->attached_node;
      for (auto it = ready_.begin(); it != ready_.end();) {
        const Node& other = *nodes_[*it];
        if (other.attached_node != on && !on.empty()) {
          if (taken.size() == 1 && *it > taken[0] + 64) break;
          ++it;
          continue;
        }
        if (!on.empty() && IsPlainTest(other)) {
          taken.push_back(*it);
          it = ready_.erase(it);
        } else {
          ++it;
        }
      }
    }
    ++running_;
    return taken;
  }

  void Done(const std::vector<size_t>& taken) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const size_t index : taken) Finish(index);
    --running_;
    changed_.notify_all();
  }

  // Marks everything that stands on `index` as not to run.
  void Block(size_t index) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<size_t> stack{index};
    while (!stack.empty()) {
      const size_t at = stack.back();
      stack.pop_back();
      for (const size_t child : children_[at]) {
        if (blocked_[child]) continue;
        blocked_[child] = true;
        stack.push_back(child);
      }
    }
  }
  bool IsBlocked(size_t index) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return blocked_[index];
  }

 private:
  void Finish(size_t index) {
    --left_;
    for (const size_t child : children_[index]) {
      waits_[child].erase(index);
      if (waits_[child].empty()) ready_.insert(child);
    }
  }

  const std::vector<Node*>& nodes_;
  std::vector<std::set<size_t>> waits_;
  std::vector<std::vector<size_t>> children_;
  std::vector<bool> blocked_;
  std::set<size_t> ready_;
  size_t left_ = 0, running_ = 0;
  bool batch_tests_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

NodeResult Skipped(const Node& node) {
  NodeResult result;
  result.node = &node;
  result.status = NodeStatus::kSkipped;
  return result;
}

// One command's threads at work on one queue.
class Workers {
 public:
  using Announcer = std::function<void(const Node&, size_t, size_t)>;
  using Teller = std::function<void(const NodeResult&, size_t, size_t)>;
  Workers(RunContext& context, const std::vector<Node*>& nodes, Queue& queue, bool compile_only)
      : results(nodes.size()),
        context_(context),
        nodes_(nodes),
        queue_(queue),
        compile_only_(compile_only) {
    for (const Node* node : nodes) total_ += node->IsEphemeral() ? 0 : 1;
  }

  void Work(int thread) {
    auto warehouse = Warehouse::Open(context_.engine, context_.session_setup);
    if (!warehouse.ok()) {
      const std::lock_guard<std::mutex> guard(mutex_);
      failure = warehouse.status();
      context_.stop = true;
      return;
    }
    const RunContext::Interruptible interruptible(context_, (*warehouse)->session());
    for (;;) {
      const std::vector<size_t> taken = queue_.Take(context_.stop);
      if (taken.empty()) return;
      RunTaken(taken, **warehouse, thread);
      queue_.Done(taken);
    }
  }

  Announcer announce;
  Teller tell;
  std::vector<NodeResult> results;
  Status failure;

 private:
  void RunTaken(const std::vector<size_t>& taken, Warehouse& warehouse, int thread) {
    std::vector<size_t> live;
    std::map<size_t, size_t> numbers;
    for (const size_t index : taken) {
      Node& node = *nodes_[index];
      const bool shown = !compile_only_ && !node.IsEphemeral();
      numbers[index] = shown ? ++next_ : 0;
      if (queue_.IsBlocked(index) || context_.stop) {
        results[index] = Skipped(node);
        if (context_.node_done) context_.node_done(results[index]);
        if (shown) tell(results[index], numbers[index], total_);
        continue;
      }
      live.push_back(index);
      if (shown) announce(node, numbers[index], total_);
    }
    std::vector<NodeResult> done = RunLive(live, warehouse);
    for (size_t i = 0; i < done.size(); ++i) {
      const size_t index = live[i];
      done[i].thread = "Thread-" + std::to_string(thread);
      results[index] = std::move(done[i]);
      const NodeResult& result = results[index];
      if (context_.node_done) context_.node_done(result);
      if (result.IsBad()) queue_.Block(index);
      if (result.IsBad() && context_.options.fail_fast) context_.stop = true;
      if (numbers[index] > 0) tell(result, numbers[index], total_);
    }
  }

  std::vector<NodeResult> RunLive(const std::vector<size_t>& live, Warehouse& warehouse) {
    if (live.size() > 1) {
      std::vector<Node*> tests;
      for (const size_t index : live) tests.push_back(nodes_[index]);
      return RunTestBatch(context_, warehouse, tests);
    }
    std::vector<NodeResult> done;
    if (live.size() == 1) {
      NodeRunner runner(context_, warehouse);
      Node& node = *nodes_[live[0]];
      done.push_back(compile_only_ ? runner.Compile(node) : runner.Run(node));
    }
    return done;
  }

  RunContext& context_;
  const std::vector<Node*>& nodes_;
  Queue& queue_;
  bool compile_only_;
  size_t total_ = 0;
  std::atomic<size_t> next_{0};
  std::mutex mutex_;
};

}  // namespace

void Executor::Announce(const Node& node, size_t index, size_t total) {
  context_.log.Progress(EventLevel::kInfo, "LogStartLine", index, total,
                        "START " + Description(node), "RUN", NodeInfo(node, "started"));
}

void Executor::Tell(const NodeResult& result, size_t index, size_t total) {
  const Node& node = *result.node;
  const std::string status(NodeStatusName(result.status));
  Json data = NodeInfo(node, status.c_str());
  data["status"] = status;
  data["execution_time"] = result.seconds();
  if (result.status == NodeStatus::kSkipped) {
    const bool test = node.type == ResourceType::kTest || node.type == ResourceType::kUnitTest;
    context_.log.Progress(EventLevel::kInfo, "SkippingDetails", index, total,
                          "SKIP " + (test ? "test " + Where(node) : "relation " + Where(node)),
                          "SKIP", std::move(data));
    return;
  }
  const char* name = node.type == ResourceType::kTest       ? "LogTestResult"
                     : node.type == ResourceType::kSeed     ? "LogSeedResult"
                     : node.type == ResourceType::kSnapshot ? "LogSnapshotResult"
                                                            : "LogModelResult";
  if (result.failures) data["num_failures"] = *result.failures;
  const EventLevel level = result.IsBad()                       ? EventLevel::kError
                           : result.status == NodeStatus::kWarn ? EventLevel::kWarn
                                                                : EventLevel::kInfo;
  context_.log.Progress(level, name, index, total, Line(result), Bracket(result), std::move(data));
}

Status Executor::CreateSchemas(const std::vector<Node*>& nodes) {
  std::set<std::string> schemas;
  for (const Node* node : nodes) {
    if (node->IsRefable() && !node->IsEphemeral()) schemas.insert(node->schema);
  }
  TARN_ASSIGN_OR_RETURN(const auto warehouse,
                        Warehouse::Open(context_.engine, context_.session_setup));
  for (const std::string& schema : schemas) {
    TARN_RETURN_IF_ERROR(warehouse->CreateSchema(schema));
  }
  return Status::Ok();
}

Result<ExecutionReport> Executor::Run(const std::vector<Node*>& nodes) {
  return Execute(nodes, false);
}

Result<ExecutionReport> Executor::CompileOnly(const std::vector<Node*>& nodes) {
  return Execute(nodes, true);
}

Result<ExecutionReport> Executor::Execute(const std::vector<Node*>& nodes, bool compile_only) {
  ExecutionReport report;
  const int64_t started = Clock::System().NowMicros();
  if (!compile_only) {
    TARN_RETURN_IF_ERROR(CreateSchemas(nodes));
    TARN_RETURN_IF_ERROR(RunProjectHooks("on-run-start", report.results));
  }
  const bool blocks = context_.options.command == "build";
  Queue queue(nodes, Dependencies(context_.project.manifest, nodes, blocks), !compile_only);
  Workers workers(context_, nodes, queue, compile_only);
  workers.announce = [this](const Node& node, size_t i, size_t n) { Announce(node, i, n); };
  workers.tell = [this](const NodeResult& result, size_t i, size_t n) { Tell(result, i, n); };
  std::vector<std::thread> pool;
  const int threads = std::max(1, context_.options.threads);
  for (int i = 1; i < threads; ++i) {
    pool.emplace_back([&workers, i] { workers.Work(i + 1); });
  }
  workers.Work(1);
  for (std::thread& thread : pool) thread.join();
  if (!workers.failure.ok()) return workers.failure;
  for (NodeResult& result : workers.results) {
    if (result.node != nullptr && !result.node->IsEphemeral()) {
      report.results.push_back(std::move(result));
    }
  }
  if (!compile_only) TARN_RETURN_IF_ERROR(RunProjectHooks("on-run-end", report.results));
  report.seconds = static_cast<double>(Clock::System().NowMicros() - started) / 1e6;
  return report;
}

Status Executor::RunProjectHooks(const char* when, std::vector<NodeResult>& results) {
  std::vector<const Project*> projects;
  for (const Project& package : context_.project.packages) projects.push_back(&package);
  projects.push_back(&context_.project.root);
  TARN_ASSIGN_OR_RETURN(const auto warehouse,
                        Warehouse::Open(context_.engine, context_.session_setup));
  const RunContext::Interruptible interruptible(context_, warehouse->session());
  NodeRunner runner(context_, *warehouse);
  for (const Project* project : projects) {
    const auto& hooks =
        when == std::string("on-run-start") ? project->on_run_start : project->on_run_end;
    for (size_t i = 0; i < hooks.size(); ++i) {
      const std::string name = project->name + "-" + when + "-" + std::to_string(i);
      const std::string id = "operation." + project->name + "." + name;
      Node* node = context_.project.manifest.Find(id);
      if (node == nullptr) {
        Node made;
        made.type = ResourceType::kOperation;
        made.unique_id = id;
        made.name = name;
        made.package_name = project->name;
        made.root_path = project->root;
        made.original_file_path = "./dbt_project.yml";
        made.path = "hooks/" + name + ".sql";
        made.raw_code = hooks[i];
        made.database = context_.project.target.database;
        made.schema = context_.project.target.schema;
        made.alias = name;
        made.config = Json{{"materialized", "view"}};
        node = context_.project.manifest.Add(std::move(made));
      }
      NodeResult result = runner.Run(*node);
      if (result.status == NodeStatus::kError) {
        return Status::InvalidArgument(std::string(when) + " of " + project->name +
                                       " (dbt_project.yml) failed: " + result.message);
      }
      results.push_back(std::move(result));
    }
  }
  return Status::Ok();
}

}  // namespace tarn::transform
