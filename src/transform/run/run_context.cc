#include "transform/run/run_context.h"

#include "transform/project/node_json.h"
#include "transform/project/value_json.h"

namespace tarn::transform {

jinja::Value RunContext::Graph() {
  const std::lock_guard<std::mutex> guard(mutex_);
  if (has_graph_) return graph_;
  Json nodes = Json::object(), sources = Json::object(), exposures = Json::object(),
       metrics = Json::object(), groups = Json::object();
  for (const Node& node : project.manifest.nodes) {
    Json* section = &nodes;
    if (node.type == ResourceType::kSource) section = &sources;
    if (node.type == ResourceType::kExposure) section = &exposures;
    if (node.type == ResourceType::kMetric) section = &metrics;
    if (node.type == ResourceType::kGroup) section = &groups;
    (*section)[node.unique_id] = NodeJson(node);
  }
  graph_ = ToValue({{"nodes", nodes},
                    {"sources", sources},
                    {"exposures", exposures},
                    {"metrics", metrics},
                    {"groups", groups}});
  has_graph_ = true;
  return graph_;
}

std::mutex& RunContext::CompileLock(const std::string& unique_id) {
  const std::lock_guard<std::mutex> guard(mutex_);
  auto& lock = locks_[unique_id];
  if (!lock) lock = std::make_unique<std::mutex>();
  return *lock;
}

dialect::SqlDialect RunContext::DialectOf(const Node& node) const {
  std::string name = TextMember(node.config, "dialect");
  if (name.empty() && node.test_metadata) {
    const Node* attached = project.manifest.Find(node.attached_node);
    if (attached != nullptr) name = TextMember(attached->config, "dialect");
  }
  if (name.empty()) name = project.target.dialect;
  const auto parsed = dialect::ParseSqlDialect(name);
  return parsed.ok() ? *parsed : dialect::SqlDialect::kDuckdb;
}

std::string RunContext::CommitText(const Node& node) const {
  return CommitText(node, project.names->invocation().invocation_id);
}

std::string RunContext::CommitText(const Node& node, const std::string& run_id) {
  return Json{{"run_id", run_id}, {"model", node.unique_id}, {"project", node.package_name}}.dump();
}

RunContext::Interruptible::Interruptible(RunContext& context, engine::Session& session)
    : context_(context), session_(session) {
  const std::lock_guard<std::mutex> guard(context_.sessions_mutex_);
  context_.sessions_.insert(&session_);
}

RunContext::Interruptible::~Interruptible() {
  const std::lock_guard<std::mutex> guard(context_.sessions_mutex_);
  context_.sessions_.erase(&session_);
}

void RunContext::InterruptAll() {
  const std::lock_guard<std::mutex> guard(sessions_mutex_);
  for (engine::Session* session : sessions_) session->Interrupt();
}

}  // namespace tarn::transform
