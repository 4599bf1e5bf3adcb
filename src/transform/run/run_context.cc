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
  const Json text = {{"run_id", project.names->invocation().invocation_id},
                     {"model", node.unique_id},
                     {"project", node.package_name}};
  return text.dump();
}

}  // namespace tarn::transform
