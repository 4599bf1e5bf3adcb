// Sources: schema files' `sources:` to nodes.
#include <algorithm>

#include "transform/project/config.h"
#include "transform/project/parse_state.h"

namespace tarn::transform {
namespace {

// Another package may override a source's definition: `overrides: package`.
const Json* FindOverride(const ParseState& state, const std::string& package,
                         const std::string& source) {
  for (const SchemaFile& schema : state.schemas) {
    const Json& list = Member(schema.tree, "sources");
    for (size_t i = 0; list.is_array() && i < list.size(); ++i) {
      if (TextMember(list[i], "overrides") == package && TextMember(list[i], "name") == source) {
        return &list[i];
      }
    }
  }
  return nullptr;
}

Json Overridden(const Json& entry, const Json& patch) {
  Json merged = entry;
  for (const auto& [key, value] : patch.items()) {
    if (key != "overrides" && key != "tables") merged[key] = value;
  }
  const Json& tables = Member(patch, "tables");
  for (size_t i = 0; tables.is_array() && i < tables.size(); ++i) {
    for (Json& table : merged["tables"]) {
      if (TextMember(table, "name") != TextMember(tables[i], "name")) continue;
      for (const auto& [key, value] : tables[i].items()) table[key] = value;
    }
  }
  return merged;
}

// The table's, else the source's; at the top level or in `config`.
Json Inherited(const Json& source, const Json& table, const std::string& key) {
  for (const Json* entry : {&table, &source}) {
    if (HasMember(Member(*entry, "config"), key)) return Member(Member(*entry, "config"), key);
    if (HasMember(*entry, key)) return Member(*entry, key);
  }
  return nullptr;
}

// Periods of the table over those of the source; an explicit null turns freshness off.
Json Freshness(const Json& source, const Json& table) {
  Json merged;
  bool given = false;
  for (const Json* entry : {&source, &table}) {
    for (const Json* holder : {entry, &Member(*entry, "config")}) {
      if (!HasMember(*holder, "freshness")) continue;
      given = true;
      const Json& own = Member(*holder, "freshness");
      if (own.is_null()) {
        merged = nullptr;
      } else if (merged.is_object()) {
        merged.update(own);
      } else {
        merged = own;
      }
    }
  }
  if (!given || !merged.is_object()) return nullptr;
  Json out = Json::object();
  for (const char* key : {"warn_after", "error_after"}) {
    const Json& period = Member(merged, key);
    out[key] = period.is_object() ? period : Json{{"count", nullptr}, {"period", nullptr}};
  }
  out["filter"] = Member(merged, "filter");
  return out;
}

Json MergedMeta(const Json& source, const Json& table) {
  Json meta = Json::object();
  for (const Json* entry : {&source, &table}) {
    if (Member(*entry, "meta").is_object()) meta.update(Member(*entry, "meta"));
    const Json& config = Member(Member(*entry, "config"), "meta");
    if (config.is_object()) meta.update(config);
  }
  return meta;
}

Json PatchOf(const Json& source, const Json& table, std::vector<std::string> tags) {
  Json patch = Json::object();
  for (const Json* entry : {&source, &table}) {
    const Json& config = Member(*entry, "config");
    if (config.is_object()) patch.update(config);
  }
  patch["freshness"] = Freshness(source, table);
  patch["loaded_at_field"] = Inherited(source, table, "loaded_at_field");
  patch["loaded_at_query"] = Inherited(source, table, "loaded_at_query");
  patch["meta"] = MergedMeta(source, table);
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  patch["tags"] = tags;
  return patch;
}

// Where dbt-duckdb would read files instead of a table: meta or config `external_location`.
std::string ExternalLocation(const Json& source, const Json& table, const Node& node) {
  for (const Json* entry : {&table, &source}) {
    for (const Json* holder : {&Member(*entry, "meta"), &Member(Member(*entry, "config"), "meta"),
                               &Member(*entry, "config"), &Member(*entry, "external")}) {
      std::string location = TextMember(*holder, "external_location");
      if (location.empty()) continue;
      for (const auto& [name, value] : {std::pair<std::string, std::string>{"{name}", node.name},
                                        {"{identifier}", node.identifier},
                                        {"{schema}", node.schema}}) {
        for (size_t at = location.find(name); at != std::string::npos; at = location.find(name)) {
          location.replace(at, name.size(), value);
        }
      }
      const bool call = location.find('(') != std::string::npos || location.starts_with("'");
      return call ? location : "'" + location + "'";
    }
  }
  return "";
}

Node SourceNode(const ParseState& state, const SchemaFile& schema, const Json& source,
                const Json& table) {
  Node node;
  node.type = ResourceType::kSource;
  node.package_name = schema.file->project->name;
  node.root_path = schema.file->project->root;
  node.original_file_path = node.path = schema.file->original_path;
  node.source_name = TextMember(source, "name");
  node.name = TextMember(table, "name");
  node.identifier = TextMember(table, "identifier", node.name);
  node.unique_id = "source." + node.package_name + "." + node.source_name + "." + node.name;
  node.fqn = {node.package_name};
  const std::vector<std::string> folders = FoldersOf(node.original_file_path);
  for (size_t i = 1; i < folders.size(); ++i) node.fqn.push_back(folders[i]);
  node.fqn.push_back(node.source_name);
  node.fqn.push_back(node.name);
  node.database = state.project.target.database;
  node.schema = TextMember(source, "schema", node.source_name);
  node.description = TextMember(table, "description");
  node.columns = ColumnsOf(table);
  Json quoting = Json::object();
  for (const char* key : {"database", "schema", "identifier", "column"}) {
    Json value = Member(Member(source, "quoting"), key);
    if (HasMember(Member(table, "quoting"), key)) value = Member(Member(table, "quoting"), key);
    quoting[key] = value;
  }
  node.extra = {{"source_description", TextMember(source, "description")},
                {"loader", TextMember(source, "loader")},
                {"external", Member(table, "external")},
                {"quoting", quoting}};
  if (Member(source, "meta").is_object()) node.extra["source_meta"] = Member(source, "meta");
  return node;
}

}  // namespace

Status ParseState::AddSources(const SchemaFile& schema, const Json& given, size_t index) {
  if (HasMember(given, "overrides")) return Status::Ok();
  const Json* patch = FindOverride(*this, schema.file->project->name, TextMember(given, "name"));
  const Json entry = patch == nullptr ? given : Overridden(given, *patch);
  const Json& tables = Member(entry, "tables");
  for (size_t i = 0; tables.is_array() && i < tables.size(); ++i) {
    const Json& table = tables[i];
    if (!table.is_object() || TextMember(table, "name").empty()) {
      return Status::InvalidArgument(schema.file->original_path + ": a table of source '" +
                                     TextMember(entry, "name") + "' needs a name");
    }
    Node node = SourceNode(*this, schema, entry, table);
    std::vector<std::string> tags = TagsOf(entry);
    for (std::string& tag : TagsOf(table)) tags.push_back(std::move(tag));
    const Json config = PatchOf(entry, table, tags);
    Configure(node, &config, nullptr);
    Relation::Parts parts = RelationOf(node, quote);
    parts.verbatim = ExternalLocation(entry, table, node);
    if (!parts.verbatim.empty()) node.extra["external_location"] = parts.verbatim;
    node.relation_name = Relation(parts).Render();
    TestTarget target;
    target.schema = &schema;
    target.yaml_key = "sources";
    target.name = node.source_name;
    target.table = node.name;
    target.tags = tags;
    target.yaml_path = {"sources", std::to_string(index), "tables", std::to_string(i)};
    const Json& quoting = Member(node.extra, "quoting");
    target.quote_columns = BoolMember(quoting, "column", false);
    if (!BoolMember(node.config, "enabled", true)) {
      project.manifest.disabled.push_back(std::move(node));
    } else {
      TARN_RETURN_IF_ERROR(CheckDuplicate(node));
      project.manifest.Add(std::move(node));
    }
    const Json& columns = Member(table, "columns");
    for (size_t c = 0; columns.is_array() && c < columns.size(); ++c) {
      TARN_RETURN_IF_ERROR(
          AddTests(target, TestsOf(columns[c]), &columns[c], schema.file->original_path));
    }
    TARN_RETURN_IF_ERROR(AddTests(target, TestsOf(table), nullptr, schema.file->original_path));
  }
  return Status::Ok();
}

}  // namespace tarn::transform
