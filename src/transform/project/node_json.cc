#include "transform/project/node_json.h"

namespace tarn::transform {
namespace {

Json OrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json Columns(const Node& node) {
  Json columns = Json::object();
  for (const ColumnInfo& column : node.columns) columns[column.name] = ColumnJson(column);
  return columns;
}

Json Refs(const Node& node) {
  Json refs = Json::array();
  for (const RefCall& call : node.refs) {
    refs.push_back({{"name", call.name},
                    {"package", OrNull(call.package)},
                    {"version", call.version ? Json(*call.version) : Json(nullptr)}});
  }
  return refs;
}

Json Sources(const Node& node) {
  Json sources = Json::array();
  for (const SourceCall& call : node.sources) {
    sources.push_back(Json::array({call.source, call.table}));
  }
  return sources;
}

// 2 stays a number, "2" a text; a version is written as the schema file wrote it.
Json VersionJson(const std::optional<std::string>& version) {
  if (!version) return nullptr;
  const Json number = Json::parse(*version, nullptr, false);
  return number.is_number() ? number : Json(*version);
}

Json Head(const Node& node) {
  Json out = Json::object();
  const bool relational = node.type != ResourceType::kExposure &&
                          node.type != ResourceType::kMetric && node.type != ResourceType::kGroup &&
                          node.type != ResourceType::kUnitTest &&
                          node.type != ResourceType::kSavedQuery;
  if (relational) {
    out["database"] = OrNull(node.database);
    out["schema"] = node.schema;
  }
  out["name"] = node.name;
  out["resource_type"] = ResourceTypeName(node.type);
  out["package_name"] = node.package_name;
  out["path"] = node.path;
  out["original_file_path"] = node.original_file_path;
  out["unique_id"] = node.unique_id;
  if (node.type != ResourceType::kGroup) out["fqn"] = node.fqn;
  return out;
}

Json Checksum(const Node& node) {
  const bool none = node.checksum.empty();
  return {{"name", none ? "none" : "sha256"}, {"checksum", node.checksum}};
}

void AddCode(const Node& node, Json& out) {
  out["language"] = node.language;
  out["refs"] = Refs(node);
  out["sources"] = Sources(node);
  out["metrics"] = node.metrics;
  out["functions"] = Json::array();
  out["depends_on"] = {{"macros", node.depends_on_macros}, {"nodes", node.depends_on_nodes}};
  if (!node.path.empty()) {
    out["compiled_path"] = Member(node.extra, "compiled_path");
  }
  out["compiled"] = node.compiled;
  if (node.compiled) out["compiled_code"] = node.compiled_code;
  out["extra_ctes_injected"] = node.compiled;
  out["extra_ctes"] =
      HasMember(node.extra, "extra_ctes") ? Member(node.extra, "extra_ctes") : Json::array();
  Json contract = Member(node.config, "contract");
  if (!contract.is_object()) contract = Json{{"enforced", false}, {"alias_types", true}};
  contract["checksum"] = nullptr;
  out["contract"] = std::move(contract);
}

void AddKind(const Node& node, Json& out) {
  if (node.type == ResourceType::kModel) {
    out["access"] = node.access;
    out["constraints"] = node.constraints;
    out["version"] = VersionJson(node.version);
    out["latest_version"] = VersionJson(node.latest_version);
    out["deprecation_date"] = node.deprecation_date;
    out["primary_key"] = node.primary_key;
    out["time_spine"] = Member(node.extra, "time_spine");
  }
  if (node.type == ResourceType::kTest && node.test_metadata) {
    out["column_name"] = OrNull(node.column_name);
    out["file_key_name"] = node.file_key_name;
    out["attached_node"] = OrNull(node.attached_node);
    out["test_metadata"] = {{"name", node.test_metadata->name},
                            {"kwargs", node.test_metadata->kwargs},
                            {"namespace", OrNull(node.test_metadata->name_space)}};
  }
}

Json CodeNode(const Node& node) {
  Json out = Head(node);
  out["alias"] = node.alias;
  out["checksum"] = Checksum(node);
  out["config"] = node.config;
  out["tags"] = node.tags;
  out["description"] = node.description;
  out["columns"] = Columns(node);
  out["meta"] = node.meta;
  out["group"] = OrNull(node.group);
  const Json& docs = Member(node.config, "docs");
  out["docs"] = docs.is_object() ? docs : Json{{"show", true}, {"node_color", nullptr}};
  out["patch_path"] = OrNull(node.patch_path);
  out["build_path"] = Member(node.extra, "build_path");
  out["unrendered_config"] = node.unrendered_config;
  out["created_at"] = Member(node.extra, "created_at");
  out["relation_name"] = OrNull(node.relation_name);
  out["raw_code"] = node.raw_code;
  out["doc_blocks"] = node.doc_blocks;
  if (node.type == ResourceType::kSeed) {
    out["root_path"] = node.root_path;
    out["depends_on"] = {{"macros", node.depends_on_macros}};
    return out;
  }
  AddCode(node, out);
  AddKind(node, out);
  return out;
}

Json SourceJson(const Node& node) {
  Json out = Head(node);
  out["source_name"] = node.source_name;
  out["source_description"] = TextMember(node.extra, "source_description");
  out["loader"] = TextMember(node.extra, "loader");
  out["identifier"] = node.identifier;
  out["quoting"] = Member(node.extra, "quoting");
  out["loaded_at_field"] = Member(node.config, "loaded_at_field");
  out["loaded_at_query"] = Member(node.config, "loaded_at_query");
  out["freshness"] = Member(node.config, "freshness");
  out["external"] = Member(node.extra, "external");
  out["description"] = node.description;
  out["columns"] = Columns(node);
  out["meta"] = node.meta;
  out["source_meta"] =
      HasMember(node.extra, "source_meta") ? Member(node.extra, "source_meta") : Json::object();
  out["tags"] = node.tags;
  out["config"] = node.config;
  out["patch_path"] = OrNull(node.patch_path);
  out["unrendered_config"] = node.unrendered_config;
  out["relation_name"] = node.relation_name;
  out["created_at"] = Member(node.extra, "created_at");
  out["doc_blocks"] = node.doc_blocks;
  return out;
}

// Exposures, metrics, semantic models, saved queries, unit tests, groups: what was written in the
// schema file, and the parts every node has.
Json CarriedJson(const Node& node) {
  Json out = Head(node);
  for (const auto& [key, value] : node.extra.items()) {
    if (!out.contains(key)) out[key] = value;
  }
  out["description"] = node.description;
  out["meta"] = node.meta;
  out["config"] = node.config;
  if (node.type == ResourceType::kGroup) return out;
  out["tags"] = node.tags;
  out["unrendered_config"] = node.unrendered_config;
  out["refs"] = Refs(node);
  out["sources"] = Sources(node);
  out["depends_on"] = {{"macros", node.depends_on_macros}, {"nodes", node.depends_on_nodes}};
  if (node.type == ResourceType::kExposure) out["metrics"] = node.metrics;
  if (node.type != ResourceType::kUnitTest) out["group"] = OrNull(node.group);
  return out;
}

}  // namespace

Json ColumnJson(const ColumnInfo& column) {
  Json config = column.config;
  config["meta"] = column.meta;
  config["tags"] = column.tags;
  return {{"name", column.name},
          {"description", column.description},
          {"meta", column.meta},
          {"data_type", OrNull(column.data_type)},
          {"constraints", column.constraints},
          {"quote", column.quote ? Json(*column.quote) : Json(nullptr)},
          {"config", std::move(config)},
          {"tags", column.tags},
          {"granularity", column.granularity},
          {"doc_blocks", column.doc_blocks}};
}

Json NodeJson(const Node& node) {
  switch (node.type) {
    case ResourceType::kSource: return SourceJson(node);
    case ResourceType::kExposure:
    case ResourceType::kMetric:
    case ResourceType::kSemanticModel:
    case ResourceType::kSavedQuery:
    case ResourceType::kUnitTest:
    case ResourceType::kGroup: return CarriedJson(node);
    default: return CodeNode(node);
  }
}

Json MacroJson(const MacroInfo& macro) {
  return {{"name", macro.name},
          {"resource_type", "macro"},
          {"package_name", macro.package_name},
          {"path", macro.path},
          {"original_file_path", macro.original_file_path},
          {"unique_id", macro.unique_id},
          {"macro_sql", macro.macro_sql},
          {"depends_on", {{"macros", macro.depends_on_macros}}},
          {"description", macro.description},
          {"meta", macro.meta},
          {"docs", {{"show", true}, {"node_color", nullptr}}},
          {"patch_path", OrNull(macro.patch_path)},
          {"arguments", macro.arguments},
          {"created_at", 0.0},
          {"supported_languages",
           macro.supported_languages.empty() ? Json(nullptr) : Json(macro.supported_languages)}};
}

}  // namespace tarn::transform
