#include "transform/run/artifacts.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "base/clock.h"
#include "base/hash.h"
#include "transform/project/node_json.h"
#include "transform/project/project_files.h"

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

std::string Dump(const Json& tree) {
  return tree.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string MapText(const ParsedProject& project, bool up) {
  std::string text = "{";
  for (const Node& node : project.manifest.nodes) {
    if (node.type == ResourceType::kGroup || node.type == ResourceType::kOperation) continue;
    text += (text.size() > 1 ? "," : "") + Dump(node.unique_id) + ":[";
    bool first = true;
    for (const Node* other :
         up ? project.manifest.Parents(node) : project.manifest.Children(node)) {
      text += (first ? "" : ",") + Dump(other->unique_id);
      first = false;
    }
    text += ']';
  }
  return text + "}";
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

namespace {

Json ManifestMetadata(const ParsedProject& project) {
  Json metadata = Metadata(project, "manifest/v12");
  metadata["project_name"] = project.root.name;
  metadata["project_id"] = Md5Hex(project.root.name);
  metadata["user_id"] = nullptr;
  metadata["send_anonymous_usage_stats"] = false;
  metadata["adapter_type"] = project.target.type;
  metadata["quoting"] = {
      {"database", true}, {"schema", true}, {"identifier", true}, {"column", nullptr}};
  return metadata;
}

// `"id":{…}` of every node by section. A tree of thousands of nodes is slow to build and to walk:
// each becomes text by itself, on all cores.
std::map<std::string, std::string> NodeSections(const Manifest& manifest) {
  std::vector<std::string> texts(manifest.nodes.size());
  const auto threads = static_cast<int>(std::thread::hardware_concurrency());
  (void)InParallel(texts.size(), threads, [&](size_t i) -> Status {
    const Node& node = manifest.nodes[i];
    texts[i] = Dump(node.unique_id) + ":" + Dump(NodeJson(node));
    return Status::Ok();
  });
  std::map<std::string, std::string> sections;
  for (size_t i = 0; i < texts.size(); ++i) {
    std::string& section = sections[SectionOf(manifest.nodes[i])];
    section += (section.empty() ? "" : ",") + texts[i];
  }
  return sections;
}

std::string MacroSection(const Manifest& manifest) {
  std::string text;
  for (const MacroInfo& macro : manifest.macros) {
    text += (text.empty() ? "" : ",") + Dump(macro.unique_id) + ":" + Dump(MacroJson(macro));
  }
  return text;
}

std::string DocSection(const Manifest& manifest) {
  Json docs = Json::object();
  for (const DocBlock& doc : manifest.docs) {
    docs[doc.unique_id] = {{"name", doc.name},
                           {"resource_type", "doc"},
                           {"package_name", doc.package_name},
                           {"path", doc.path},
                           {"original_file_path", doc.original_file_path},
                           {"unique_id", doc.unique_id},
                           {"block_contents", doc.contents}};
  }
  const std::string text = Dump(docs);
  return text.substr(1, text.size() - 2);
}

// All after `"metadata":{…}`.
std::string ManifestBody(const ParsedProject& project) {
  const Manifest& manifest = project.manifest;
  auto sections = NodeSections(manifest);
  sections["macros"] = MacroSection(manifest);
  sections["docs"] = DocSection(manifest);
  Json disabled = Json::object(), groups = Json::object();
  for (const Node& node : manifest.disabled) {
    disabled[node.unique_id].push_back(NodeJson(node));
  }
  for (const Node& node : manifest.nodes) {
    if (!node.group.empty()) groups[node.group].push_back(node.unique_id);
  }
  std::string text;
  for (const char* name :
       {"nodes", "sources", "macros", "docs", "exposures", "metrics", "groups"}) {
    text += ",\"" + std::string(name) + "\":{" + sections[name] + "}";
  }
  text += ",\"selectors\":{},\"disabled\":" + Dump(disabled);
  text += ",\"parent_map\":" + MapText(project, true);
  text += ",\"child_map\":" + MapText(project, false);
  text += ",\"group_map\":" + Dump(groups);
  for (const char* name : {"saved_queries", "semantic_models", "unit_tests"}) {
    text += ",\"" + std::string(name) + "\":{" + sections[name] + "}";
  }
  return text + ",\"functions\":{}}";
}

std::string ManifestHead(const ParsedProject& project) {
  return "{\"metadata\":" + Dump(ManifestMetadata(project));
}

constexpr const char* kBodyFile = "partial_parse.manifest";

// The first line of the file that holds the body of the manifest of this state.
std::string BodyLine(const ParsedProject& project, size_t size) {
  return project.state_key + " " + std::to_string(size) + "\n";
}

}  // namespace

std::string ManifestText(const ParsedProject& project) {
  return ManifestHead(project) + ManifestBody(project);
}

Status WriteManifest(const ParsedProject& project, bool parsed_only) {
  const std::string head = ManifestHead(project);
  const bool keeps = parsed_only && !project.state_key.empty();
  if (keeps && project.from_cache) {
    const auto kept = ReadFile(project.target_folder + "/" + kBodyFile);
    if (kept.ok()) {
      const size_t line = kept->find('\n') + 1;
      const std::string_view body = std::string_view(*kept).substr(line);
      if (kept->compare(0, line, BodyLine(project, body.size())) == 0) {
        return WriteArtifactText(project, "manifest.json", {head, body});
      }
    }
  }
  const std::string body = ManifestBody(project);
  if (keeps) {
    TARN_RETURN_IF_ERROR(
        WriteArtifactText(project, kBodyFile, {BodyLine(project, body.size()), body}));
  }
  return WriteArtifactText(project, "manifest.json", {head, body});
}

Status WriteArtifact(const ParsedProject& project, const std::string& name, const Json& content) {
  return WriteArtifactText(project, name, {Dump(content)});
}

Status WriteArtifactText(const ParsedProject& project, const std::string& name,
                         const std::vector<std::string_view>& pieces) {
  const fs::path path = fs::path(project.target_folder) / name;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  // Two commands may share the folder.
  const fs::path fresh = path.string() + "." + std::to_string(::getpid()) + ".new";
  {
    std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
    for (const std::string_view piece : pieces) file << piece;
    file.close();
    if (!file)
      return Status::Io("file " + fresh.string() + " cannot be written; is the disk full?");
  }
  fs::rename(fresh, path, error);
  if (error) return Status::Io("file " + path.string() + " cannot be replaced: " + error.message());
  return Status::Ok();
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
