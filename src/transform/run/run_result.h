// What became of one node, as run_results.json (schema v6) tells it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "transform/project/node.h"

namespace tarn::transform {

enum class NodeStatus { kSuccess, kError, kSkipped, kPass, kFail, kWarn, kNoOp, kRuntimeError };
std::string_view NodeStatusName(NodeStatus status);

struct NodeResult {
  const Node* node = nullptr;
  NodeStatus status = NodeStatus::kSuccess;
  std::string message;  // empty: none
  std::string shown;    // "OK", "INSERT 100": between the brackets of the log line
  std::optional<int64_t> failures;
  Json response = Json::object();
  int64_t compile_start_micros = 0, compile_end_micros = 0;
  int64_t execute_start_micros = 0, execute_end_micros = 0;
  std::string thread = "Thread-1";
  Json freshness;  // sources only
  bool IsBad() const {
    return status == NodeStatus::kError || status == NodeStatus::kFail ||
           status == NodeStatus::kRuntimeError;
  }
  double seconds() const {
    const int64_t start = compile_start_micros != 0 ? compile_start_micros : execute_start_micros;
    return static_cast<double>(execute_end_micros - start) / 1e6;
  }
};

Json RunResultJson(const NodeResult& result);

}  // namespace tarn::transform
