#include "transform/run/artifacts.h"

#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "base/hash.h"
#include "transform/project/node_json.h"

namespace tarn::transform {
namespace {

namespace fs = std::filesystem;

Json Metadata(const ParsedProject& project, const char* schema) {
  const Invocation& invocation = project.names->invocation();
  return {{"dbt_schema_version", "https://schemas.getdbt.com/dbt/" + std::string(schema) + ".json"},
          {"dbt_version", kDbtVersion},
          {"generated_at", FormatTimestampUtc(Clock::System().NowMicros())},
          {"invocation_id", invocation.invocation_id},
          {"invocation_started_at", FormatTimestampUtc(invocation.started_at_micros)},
          {"env", Json::object()}};
}

Json Maps(const ParsedProject& project, bool up) {
  Json map = Json::object();
  for (const Node& node : project.manifest.nodes) {
    if (node.type == ResourceType::kGroup || node.type == ResourceType::kOperation) continue;
    Json list = Json::array();
    for (const Node* other :
         up ? project.manifest.Parents(node) : project.manifest.Children(node)) {
      list.push_back(other->unique_id);
    }
    map[node.unique_id] = std::move(list);
  }
  return map;
}

const char* SectionOf(const Node& node) {
  switch (node.type) {
    case ResourceType::kSource: return "sources";
    case ResourceType::kExposure: return "exposures";
    case ResourceType::kMetric: return "metrics";
    case ResourceType::kGroup: return "groups";
    case ResourceType::kSavedQuery: return "saved_queries";
    case ResourceType::kSemanticModel: return "semantic_models";
    case ResourceType::kUnitTest: return "unit_tests";
    default: return "nodes";
  }
}

}  // namespace

Json ManifestJson(const ParsedProject& project) {
  Json out = Json::object();
  Json& metadata = out["metadata"] = Metadata(project, "manifest/v12");
  metadata["project_name"] = project.root.name;
  metadata["project_id"] = Md5Hex(project.root.name);
  metadata["user_id"] = nullptr;
  metadata["send_anonymous_usage_stats"] = false;
  metadata["adapter_type"] = project.target.type;
  metadata["quoting"] = {
      {"database", true}, {"schema", true}, {"identifier", true}, {"column", nullptr}};
  for (const char* section : {"nodes", "sources", "macros", "docs", "exposures", "metrics",
                              "groups", "selectors", "disabled"}) {
    out[section] = Json::object();
  }
  Json more = Json::object();
  Json groups = Json::object();
  for (const char* section : {"saved_queries", "semantic_models", "unit_tests"}) {
    more[section] = Json::object();
  }
  for (const Node& node : project.manifest.nodes) {
    const char* section = SectionOf(node);
    Json& into = out.contains(section) ? out[section] : more[section];
    into[node.unique_id] = NodeJson(node);
    if (!node.group.empty()) groups[node.group].push_back(node.unique_id);
  }
  for (const MacroInfo& macro : project.manifest.macros) {
    out["macros"][macro.unique_id] = MacroJson(macro);
  }
  for (const DocBlock& doc : project.manifest.docs) {
    out["docs"][doc.unique_id] = {{"name", doc.name},
                                  {"resource_type", "doc"},
                                  {"package_name", doc.package_name},
                                  {"path", doc.path},
                                  {"original_file_path", doc.original_file_path},
                                  {"unique_id", doc.unique_id},
                                  {"block_contents", doc.contents}};
  }
  for (const Node& node : project.manifest.disabled) {
    out["disabled"][node.unique_id].push_back(NodeJson(node));
  }
  out["parent_map"] = Maps(project, true);
  out["child_map"] = Maps(project, false);
  out["group_map"] = std::move(groups);
  for (auto& [section, content] : more.items()) out[section] = std::move(content);
  out["functions"] = Json::object();
  return out;
}

Status WriteArtifact(const ParsedProject& project, const std::string& name, const Json& content) {
  const fs::path path = fs::path(project.target_folder) / name;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  const fs::path fresh = path.string() + ".new";
  {
    std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
    file << content.dump(-1, ' ', false, Json::error_handler_t::replace);
    file.close();
    if (!file)
      return Status::Io("file " + fresh.string() + " cannot be written; is the disk full?");
  }
  fs::rename(fresh, path, error);
  if (error) return Status::Io("file " + path.string() + " cannot be replaced: " + error.message());
  return Status::Ok();
}

Status WriteManifest(const ParsedProject& project) {
  return WriteArtifact(project, "manifest.json", ManifestJson(project));
}

Status WriteRunResults(const ParsedProject& project, const ExecutionReport& report,
                       const Json& arguments) {
  Json out = {{"metadata", Metadata(project, "run-results/v6")}};
  Json results = Json::array();
  for (const NodeResult& result : report.results) {
    if (result.node->type == ResourceType::kSource) continue;
    results.push_back(RunResultJson(result));
  }
  out["results"] = std::move(results);
  out["elapsed_time"] = report.seconds;
  out["args"] = arguments;
  return WriteArtifact(project, "run_results.json", out);
}

Status WriteSources(const ParsedProject& project, const ExecutionReport& report) {
  Json results = Json::array();
  for (const NodeResult& result : report.results) results.push_back(result.freshness);
  return WriteArtifact(project, "sources.json",
                       {{"metadata", Metadata(project, "sources/v3")},
                        {"results", std::move(results)},
                        {"elapsed_time", report.seconds}});
}

Result<Json> CatalogJson(RunContext& context) {
  TARN_ASSIGN_OR_RETURN(const auto warehouse,
                        Warehouse::Open(context.engine, context.session_setup));
  Json nodes = Json::object(), sources = Json::object();
  Json errors = Json::array();
  for (const Node& node : context.project.manifest.nodes) {
    const bool source = node.type == ResourceType::kSource;
    if (!source && (!node.IsRefable() || node.IsEphemeral())) continue;
    const Relation relation(RelationOf(node, '"'));
    TARN_ASSIGN_OR_RETURN(const auto kind, warehouse->KindOf(relation.parts()));
    if (!kind) continue;
    auto columns = warehouse->ColumnsOf(relation);
    if (!columns.ok()) {
      errors.push_back(columns.status().message());
      continue;
    }
    Json listed = Json::object();
    for (size_t i = 0; i < columns->size(); ++i) {
      listed[(*columns)[i].name] = {{"type", (*columns)[i].type},
                                    {"index", i + 1},
                                    {"name", (*columns)[i].name},
                                    {"comment", nullptr}};
    }
    (source ? sources : nodes)[node.unique_id] = {
        {"metadata",
         {{"type", *kind == "view" ? "VIEW" : "BASE TABLE"},
          {"schema", node.schema},
          {"name", relation.parts().identifier},
          {"database", node.database},
          {"comment", nullptr},
          {"owner", nullptr}}},
        {"columns", std::move(listed)},
        {"stats",
         {{"has_stats",
           {{"id", "has_stats"},
            {"label", "Has Stats?"},
            {"value", false},
            {"include", false},
            {"description", "Indicates whether there are statistics for this table"}}}}},
        {"unique_id", node.unique_id}};
  }
  return Json{{"metadata", Metadata(context.project, "catalog/v1")},
              {"nodes", std::move(nodes)},
              {"sources", std::move(sources)},
              {"errors", errors.empty() ? Json(nullptr) : errors}};
}

}  // namespace tarn::transform
