// Executor: the selected nodes of a project in the order of its graph, on several threads.
//
// What it is: a node runs when everything it depends on (through nodes that are not selected too)
// is done; in `build`, tests run before what depends on the tested; what stands on a failure is
// skipped.
//
// What it does not do: selection (project/selector.h), artifacts (artifacts.h).
//
// Threads: Run starts and ends its own; one call at a time. Errors: only what concerns the whole
// command; failures of nodes are results.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "transform/run/node_runner.h"

namespace tarn::transform {

struct ExecutionReport {
  std::vector<NodeResult> results;
  double seconds = 0;
  bool interrupted = false;
};

class Executor {
 public:
  explicit Executor(RunContext& context) : context_(context) {}

  // Hooks of on-run-start, the nodes, hooks of on-run-end.
  Result<ExecutionReport> Run(const std::vector<Node*>& nodes);
  // Only compiles the nodes (compile, docs generate).
  Result<ExecutionReport> CompileOnly(const std::vector<Node*>& nodes);

 private:
  struct Task;
  Result<ExecutionReport> Execute(const std::vector<Node*>& nodes, bool compile_only);
  Status RunProjectHooks(const char* when, std::vector<NodeResult>& results);
  Status CreateSchemas(const std::vector<Node*>& nodes);
  void Announce(const Node& node, size_t index, size_t total);
  void Tell(const NodeResult& result, size_t index, size_t total);

  RunContext& context_;
};

// Edges among `nodes`: for each, the positions of those it waits for.
std::vector<std::set<size_t>> Dependencies(const Manifest& manifest,
                                           const std::vector<Node*>& nodes, bool tests_block);

}  // namespace tarn::transform
