// NodeRunner: one node from compilation to result.
//
// Threads: one per thread. Errors become results; nothing is thrown or returned as failure.
#pragma once

#include "transform/run/materialize.h"
#include "transform/run/run_result.h"

namespace tarn::transform {

class NodeRunner {
 public:
  NodeRunner(RunContext& context, Warehouse& warehouse)
      : context_(context), warehouse_(warehouse) {}

  // Model, seed, snapshot, test, unit test, analysis, operation.
  NodeResult Run(Node& node);
  // Only compiles.
  NodeResult Compile(Node& node);

 private:
  Status RunNode(RunScope& scope, NodeResult& result);
  Result<bool> WasCommitted(RunScope& scope);
  Status RunTest(RunScope& scope, NodeResult& result);
  Status RunOperation(RunScope& scope, NodeResult& result);
  Status RunHooks(RunScope& scope, const char* key, bool inside);
  void Fail(NodeResult& result, const Status& status);

  RunContext& context_;
  Warehouse& warehouse_;
};

// Verdict of a test over its number of failures: thresholds and severity.
void JudgeTest(const Node& node, int64_t failures, bool should_warn, bool should_error,
               NodeResult& result);
// A SQL error's message with the place in the node's own file.
std::string ExplainSqlError(const Node& node, const std::string& message);
Status RunUnitTest(RunContext& context, Warehouse& warehouse, Node& node, NodeResult& result);

}  // namespace tarn::transform
