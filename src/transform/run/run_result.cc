#include "transform/run/run_result.h"

#include "base/clock.h"

namespace tarn::transform {
namespace {

Json Timing(const char* name, int64_t start, int64_t end) {
  return {{"name", name},
          {"started_at", FormatTimestampUtc(start)},
          {"completed_at", FormatTimestampUtc(end)}};
}

}  // namespace

std::string_view NodeStatusName(NodeStatus status) {
  switch (status) {
    case NodeStatus::kSuccess: return "success";
    case NodeStatus::kError: return "error";
    case NodeStatus::kSkipped: return "skipped";
    case NodeStatus::kPass: return "pass";
    case NodeStatus::kFail: return "fail";
    case NodeStatus::kWarn: return "warn";
    case NodeStatus::kNoOp: return "no-op";
    case NodeStatus::kRuntimeError: return "runtime error";
  }
  return "error";
}

Json RunResultJson(const NodeResult& result) {
  const Node& node = *result.node;
  Json timing = Json::array();
  if (result.compile_start_micros != 0) {
    timing.push_back(Timing("compile", result.compile_start_micros, result.compile_end_micros));
  }
  if (result.execute_start_micros != 0) {
    timing.push_back(Timing("execute", result.execute_start_micros, result.execute_end_micros));
  }
  const bool seed = node.type == ResourceType::kSeed;
  return {{"status", NodeStatusName(result.status)},
          {"timing", timing},
          {"thread_id", result.thread},
          {"execution_time", result.seconds()},
          {"adapter_response", result.response},
          {"message", result.message.empty() ? Json(nullptr) : Json(result.message)},
          {"failures", result.failures ? Json(*result.failures) : Json(nullptr)},
          {"unique_id", node.unique_id},
          {"compiled", seed ? Json(nullptr) : Json(node.compiled)},
          {"compiled_code", node.compiled ? Json(node.compiled_code) : Json(nullptr)},
          {"relation_name", node.relation_name.empty() ? Json(nullptr) : Json(node.relation_name)},
          {"batch_results", nullptr}};
}

}  // namespace tarn::transform
