// Schema files: what they say about models, seeds, snapshots, analyses and macros.
#include <algorithm>

#include "base/nearest.h"
#include "transform/project/config.h"
#include "transform/project/parse_state.h"
#include "transform/project/yaml.h"

namespace tarn::transform {
namespace {

const std::vector<std::string> kTopKeys = {
    "version",       "models",     "seeds",     "snapshots", "sources",    "macros",
    "analyses",      "exposures",  "groups",    "metrics",   "unit_tests", "semantic_models",
    "saved_queries", "data_tests", "functions", "anchors",   "tests"};
const std::vector<std::string> kNodeKeys = {"name",
                                            "description",
                                            "columns",
                                            "tests",
                                            "data_tests",
                                            "config",
                                            "meta",
                                            "docs",
                                            "tags",
                                            "access",
                                            "group",
                                            "contract",
                                            "constraints",
                                            "versions",
                                            "latest_version",
                                            "deprecation_date",
                                            "time_spine",
                                            "quote_columns",
                                            "relation",
                                            "tarn",
                                            "primary_key",
                                            "identifier",
                                            "loaded_at_field",
                                            "freshness",
                                            "external",
                                            "quoting",
                                            "loader",
                                            "arguments",
                                            "schema",
                                            "database",
                                            "loaded_at_query",
                                            "tables",
                                            "overrides",
                                            "sql",
                                            "dq",
                                            "owner"};
const std::vector<std::string> kColumnKeys = {
    "name",      "description", "tests",       "data_tests", "meta",          "tags",
    "data_type", "quote",       "constraints", "config",     "granularity",   "policy_tags",
    "docs",      "entity",      "dimension",   "pii",        "classification"};

class KeyChecker {
 public:
  KeyChecker(const SchemaFile& schema) : schema_(schema) {}

  Status Check(const Json& object, const std::vector<std::string>& known,
               std::vector<std::string> path) const {
    if (!object.is_object()) return Status::Ok();
    for (const auto& [key, value] : object.items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const auto nearest = Nearest(key, known);
      if (!nearest) continue;  // people keep notes of their own here, which dbt allows
      path.push_back(key);
      return Status::InvalidArgument(
          schema_.file->original_path + ":" + std::to_string(YamlLine(schema_.file->text, path)) +
          ": unknown key '" + key + "'; did you mean '" + *nearest + "'?");
    }
    return Status::Ok();
  }

  Status CheckEntry(const std::string& section, size_t index, const Json& entry) const {
    const std::vector<std::string> path{section, std::to_string(index)};
    if (!entry.is_object() || TextMember(entry, "name").empty()) {
      return Status::InvalidArgument(schema_.file->original_path + ":" +
                                     std::to_string(YamlLine(schema_.file->text, path)) +
                                     ": every entry of '" + section + "' needs a name");
    }
    TARN_RETURN_IF_ERROR(Check(entry, kNodeKeys, path));
    const Json& columns = Member(entry, "columns");
    for (size_t i = 0; columns.is_array() && i < columns.size(); ++i) {
      TARN_RETURN_IF_ERROR(Check(columns[i], kColumnKeys,
                                 {section, std::to_string(index), "columns", std::to_string(i)}));
    }
    return Status::Ok();
  }

 private:
  const SchemaFile& schema_;
};

bool SkipRendering(const std::vector<std::string>& path) {
  static const std::vector<std::string> kept = {
      "description", "tests",      "data_tests", "unit_tests",      "depends_on",    "relation",
      "filter",      "expression", "pre-hook",   "post-hook",       "pre_hook",      "post_hook",
      "given",       "expect",     "metrics",    "semantic_models", "saved_queries", "macros"};
  if (path.empty()) return false;
  return std::find(kept.begin(), kept.end(), path.back()) != kept.end();
}

// Keys that may stand beside `config` and mean the same as inside it.
Json PatchConfig(const Json& entry) {
  Json config = Member(entry, "config");
  if (!config.is_object()) config = Json::object();
  for (const char* key : {"meta", "docs", "group", "contract", "access"}) {
    if (HasMember(entry, key) && !config.contains(key)) config[key] = Member(entry, key);
  }
  return config;
}

Node* FindPending(ParseState& state, const std::string& key, const std::string& package) {
  const auto it = state.by_name.find(key);
  if (it == state.by_name.end()) return nullptr;
  for (Node* node : it->second) {
    if (node->package_name == package) return node;
  }
  return it->second.front();
}

Status PatchNode(ParseState& state, Node& node, const SchemaFile& schema, const Json& entry,
                 const Json& config, std::vector<ColumnInfo> columns) {
  if (!node.patch_path.empty()) {
    return Status::InvalidArgument("dbt found two schema.yml entries for the same resource named " +
                                   node.name + ": " +
                                   node.patch_path.substr(node.patch_path.find("://") + 3) +
                                   " and " + schema.file->original_path + "; keep one of them");
  }
  node.patch_path = schema.file->project->name + "://" + schema.file->original_path;
  node.description = TextMember(entry, "description");
  node.columns = std::move(columns);
  if (Member(entry, "constraints").is_array()) node.constraints = Member(entry, "constraints");
  node.deprecation_date = Member(entry, "deprecation_date");
  if (HasMember(entry, "time_spine")) node.extra["time_spine"] = Member(entry, "time_spine");
  if (HasMember(entry, "dq")) node.extra["dq"] = Member(entry, "dq");
  state.Configure(node, &config, &state.calls[&node]);
  return Status::Ok();
}

// Columns of one version: `include`/`exclude` against the model's, then its own.
Json VersionColumns(const Json& entry, const Json& version) {
  const Json& own = Member(version, "columns");
  const Json& all = Member(entry, "columns");
  if (!own.is_array()) return all.is_array() ? all : Json::array();
  Json columns = Json::array();
  bool includes = false;
  for (const Json& item : own) {
    if (!HasMember(item, "include")) continue;
    includes = true;
    const Json& include = Member(item, "include");
    const std::vector<std::string> wanted = TextList(include);
    const std::vector<std::string> unwanted = TextList(Member(item, "exclude"));
    for (const Json& column : all.is_array() ? all : Json::array()) {
      const std::string name = TextMember(column, "name");
      const bool in = (include.is_string() && (wanted[0] == "all" || wanted[0] == "*")) ||
                      std::find(wanted.begin(), wanted.end(), name) != wanted.end();
      const bool out = std::find(unwanted.begin(), unwanted.end(), name) != unwanted.end();
      if (in && !out) columns.push_back(column);
    }
  }
  if (!includes && all.is_array()) columns = all;
  for (const Json& item : own) {
    if (!HasMember(item, "name")) continue;
    const auto same = std::find_if(columns.begin(), columns.end(), [&](const Json& column) {
      return TextMember(column, "name") == TextMember(item, "name");
    });
    if (same != columns.end()) {
      *same = item;
    } else {
      columns.push_back(item);
    }
  }
  return columns;
}

std::string LatestVersion(const Json& entry) {
  if (HasMember(entry, "latest_version")) return PythonText(Member(entry, "latest_version"));
  Json best;
  for (const Json& version : Member(entry, "versions")) {
    const Json& v = Member(version, "v");
    const bool numbers = v.is_number() && best.is_number();
    if (best.is_null() ||
        (numbers ? v.get<double>() > best.get<double>() : PythonText(v) > PythonText(best))) {
      best = v;
    }
  }
  return PythonText(best);
}

Status AddTestsOf(ParseState& state, TestTarget target, const Json& entry, const Json& columns,
                  const std::string& where) {
  for (size_t i = 0; columns.is_array() && i < columns.size(); ++i) {
    TARN_RETURN_IF_ERROR(state.AddTests(target, TestsOf(columns[i]), &columns[i], where));
  }
  return state.AddTests(target, TestsOf(entry), nullptr, where);
}

Status PatchVersions(ParseState& state, const SchemaFile& schema, const Json& entry,
                     TestTarget target) {
  const std::string name = TextMember(entry, "name");
  const std::string latest = LatestVersion(entry);
  for (const Json& version : Member(entry, "versions")) {
    const std::string v = PythonText(Member(version, "v"));
    const std::string file = TextMember(version, "defined_in", name + "_v" + v);
    const std::string& package = schema.file->project->name;
    Node* node = FindPending(state, "models/" + file, package);
    if (node == nullptr && v == latest) node = FindPending(state, "models/" + name, package);
    if (node == nullptr) {
      state.project.manifest.warnings.push_back("Did not find matching node for patch with name '" +
                                                file +
                                                "' in the 'models' section "
                                                "of file '" +
                                                schema.file->original_path + "'");
      continue;
    }
    node->name = name;
    node->version = v;
    node->latest_version = latest;
    node->unique_id = "model." + node->package_name + "." + name + ".v" + v;
    node->fqn.back() = name;
    node->fqn.push_back("v" + v);
    Json config = PatchConfig(entry);
    MergeConfig(config, PatchConfig(version));
    Json merged = entry;
    for (const char* key : {"description", "deprecation_date", "constraints"}) {
      if (HasMember(version, key)) merged[key] = Member(version, key);
    }
    const Json columns = VersionColumns(entry, version);
    Json holder = Json{{"columns", columns}};
    TARN_RETURN_IF_ERROR(PatchNode(state, *node, schema, merged, config, ColumnsOf(holder)));
    target.version = v;
    const Json& tests =
        HasMember(version, "tests") || HasMember(version, "data_tests") ? version : entry;
    TARN_RETURN_IF_ERROR(AddTestsOf(state, target, tests, columns, schema.file->original_path));
  }
  return Status::Ok();
}

// A snapshot that is all in YAML.
Status AddYamlSnapshot(ParseState& state, const SchemaFile& schema, const Json& entry) {
  Node node;
  node.type = ResourceType::kSnapshot;
  node.name = TextMember(entry, "name");
  node.package_name = schema.file->project->name;
  node.root_path = schema.file->project->root;
  node.original_file_path = schema.file->original_path;
  node.path = node.name + ".sql";
  node.database = state.project.target.database;
  node.schema = state.project.target.schema;
  node.alias = node.name;
  node.raw_code = "select * from {{ " + TextMember(entry, "relation") + " }}";
  node.unique_id = "snapshot." + node.package_name + "." + node.name;
  node.fqn = {node.package_name};
  for (std::string& folder : FoldersOf(schema.file->path)) node.fqn.push_back(std::move(folder));
  node.fqn.push_back(FileStem(schema.file->path));
  node.fqn.push_back(node.name);
  CapturedCalls captured;
  TARN_RETURN_IF_ERROR(state.Capture(node, &captured, node.raw_code));
  node.refs = std::move(captured.refs);
  node.sources = std::move(captured.sources);
  state.pending.push_back(std::move(node));
  Node& added = state.pending.back();
  state.calls[&added] = std::move(captured.config);
  state.by_name["snapshots/" + added.name].push_back(&added);
  return Status::Ok();
}

Status PatchSection(ParseState& state, const SchemaFile& schema, const std::string& section) {
  const Json& list = Member(schema.tree, section);
  if (list.is_null()) return Status::Ok();
  if (!list.is_array()) {
    return Status::InvalidArgument(schema.file->original_path + ":" +
                                   std::to_string(YamlLine(schema.file->text, {section})) + ": '" +
                                   section + "' must be a list");
  }
  const KeyChecker checker(schema);
  for (size_t i = 0; i < list.size(); ++i) {
    const Json& entry = list[i];
    TARN_RETURN_IF_ERROR(checker.CheckEntry(section, i, entry));
    TestTarget target;
    target.schema = &schema;
    target.yaml_key = section;
    target.name = TextMember(entry, "name");
    target.yaml_path = {section, std::to_string(i)};
    target.quote_columns = BoolMember(entry, "quote_columns", false);
    if (section == "models" && Member(entry, "versions").is_array() &&
        !Member(entry, "versions").empty()) {
      TARN_RETURN_IF_ERROR(PatchVersions(state, schema, entry, target));
      continue;
    }
    if (section == "snapshots" && HasMember(entry, "relation")) {
      TARN_RETURN_IF_ERROR(AddYamlSnapshot(state, schema, entry));
    }
    Node* node = FindPending(state, section + "/" + target.name, schema.file->project->name);
    if (node == nullptr) {
      state.project.manifest.warnings.push_back(
          "Did not find matching node for patch with name '" + target.name + "' in the '" +
          section + "' section of file '" + schema.file->original_path + "'");
    } else {
      TARN_RETURN_IF_ERROR(
          PatchNode(state, *node, schema, entry, PatchConfig(entry), ColumnsOf(entry)));
    }
    if (section == "analyses") continue;
    TARN_RETURN_IF_ERROR(
        AddTestsOf(state, target, entry, Member(entry, "columns"), schema.file->original_path));
  }
  return Status::Ok();
}

void PatchMacros(ParseState& state, const SchemaFile& schema) {
  const Json& list = Member(schema.tree, "macros");
  for (const Json& entry : list.is_array() ? list : Json::array()) {
    for (MacroInfo& macro : state.project.manifest.macros) {
      if (macro.package_name != schema.file->project->name) continue;
      if (macro.name != TextMember(entry, "name")) continue;
      macro.description = TextMember(entry, "description");
      macro.arguments =
          Member(entry, "arguments").is_array() ? Member(entry, "arguments") : Json::array();
      if (Member(entry, "meta").is_object()) macro.meta = Member(entry, "meta");
      macro.patch_path = schema.file->project->name + "://" + schema.file->original_path;
    }
  }
}

}  // namespace

const Json& TestsOf(const Json& entry) {
  return HasMember(entry, "data_tests") ? Member(entry, "data_tests") : Member(entry, "tests");
}

std::vector<ColumnInfo> ColumnsOf(const Json& entry) {
  std::vector<ColumnInfo> columns;
  const Json& list = Member(entry, "columns");
  if (!list.is_array()) return columns;
  for (const Json& item : list) {
    ColumnInfo column;
    column.name = TextMember(item, "name");
    column.description = TextMember(item, "description");
    column.data_type = TextMember(item, "data_type");
    const Json& config = Member(item, "config");
    if (config.is_object()) column.config = config;
    if (Member(item, "meta").is_object()) column.meta = Member(item, "meta");
    if (Member(config, "meta").is_object()) column.meta.update(Member(config, "meta"));
    for (const Json* tags : {&Member(item, "tags"), &Member(config, "tags")}) {
      for (std::string& tag : TextList(*tags)) column.tags.push_back(std::move(tag));
    }
    if (Member(item, "constraints").is_array()) column.constraints = Member(item, "constraints");
    if (Member(item, "quote").is_boolean()) column.quote = Member(item, "quote").get<bool>();
    column.granularity = Member(item, "granularity");
    const auto same = std::find_if(columns.begin(), columns.end(), [&](const ColumnInfo& other) {
      return other.name == column.name;
    });
    if (same != columns.end()) {
      *same = std::move(column);
    } else {
      columns.push_back(std::move(column));
    }
  }
  return columns;
}

Status ParseState::AddSchemas() {
  for (const SourceFile& file : files) {
    if (file.kind == FileKind::kYaml) schemas.push_back({&file, Json()});
  }
  TARN_RETURN_IF_ERROR(InParallel(schemas.size(), options.threads, [&](size_t i) -> Status {
    SchemaFile& schema = schemas[i];
    const std::string& path = schema.file->original_path;
    TARN_ASSIGN_OR_RETURN(schema.tree, ParseYaml(schema.file->text, path));
    if (!schema.tree.is_object()) return Status::Ok();
    TARN_RETURN_IF_ERROR(KeyChecker(schema).Check(schema.tree, kTopKeys, {}));
    return RenderTree(schema.tree, project.names->YamlRenderer(schema.file->project->name), path,
                      SkipRendering);
  }));
  for (const SchemaFile& schema : schemas) {
    for (const char* section : {"models", "seeds", "snapshots", "analyses"}) {
      TARN_RETURN_IF_ERROR(PatchSection(*this, schema, section));
    }
    const Json& sources = Member(schema.tree, "sources");
    for (size_t i = 0; sources.is_array() && i < sources.size(); ++i) {
      TARN_RETURN_IF_ERROR(KeyChecker(schema).CheckEntry("sources", i, sources[i]));
      TARN_RETURN_IF_ERROR(AddSources(schema, sources[i], i));
    }
    PatchMacros(*this, schema);
  }
  TARN_RETURN_IF_ERROR(AddPending());
  for (const SchemaFile& schema : schemas) TARN_RETURN_IF_ERROR(AddCarried(schema));
  return RenderTests();
}

}  // namespace tarn::transform
