// Generic tests: from `unique` or `{relationships: {…}}` in a schema file to a node.
#include <algorithm>
#include <array>

#include "base/hash.h"
#include "transform/project/config.h"
#include "transform/project/parse_state.h"
#include "transform/project/test_arguments.h"
#include "transform/project/value_json.h"
#include "transform/project/yaml.h"

namespace tarn::transform {
namespace {

constexpr std::array<std::string_view, 14> kConfigArguments = {
    "severity",  "tags",           "enabled",           "where", "limit",    "warn_if", "error_if",
    "fail_calc", "store_failures", "store_failures_as", "meta",  "database", "schema",  "alias"};

Status Fail(const TestTarget& target, const std::string& what) {
  return Status::InvalidArgument(
      target.schema->file->original_path + ":" +
      std::to_string(YamlLine(target.schema->file->text, target.yaml_path)) + ": " + what);
}

struct TestText {
  std::string name;
  Json arguments = Json::object();
};

// The three ways to write a test: text, {name: arguments}, {test_name: name, …arguments}.
Result<TestText> ReadTest(const TestTarget& target, const Json& test) {
  TestText text;
  if (test.is_string()) {
    text.name = test.get<std::string>();
    return text;
  }
  if (!test.is_object()) {
    return Fail(target, "a test must be a name or a mapping; got " + PythonRepr(test));
  }
  if (HasMember(test, "test_name")) {
    text.name = TextMember(test, "test_name");
    text.arguments = test;
    text.arguments.erase("test_name");
    return text;
  }
  if (test.size() != 1) {
    return Fail(target, "test definition dictionary must have exactly one key, got " +
                            PythonRepr(test) + "; indent the arguments below the test's name");
  }
  text.name = test.begin().key();
  if (test.begin().value().is_object()) {
    text.arguments = test.begin().value();
  } else if (!test.begin().value().is_null()) {
    return Fail(target, "test arguments must be dict, got " + PythonRepr(test.begin().value()) +
                            " (value of " + text.name + ")");
  }
  return text;
}

std::string Cleaned(const std::string& text) {
  std::string out;
  bool replaced = false;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {
      out += c;
      replaced = false;
    } else if (!replaced) {
      out += '_';
      replaced = true;
    }
  }
  return out;
}

// The name dbt makes up: type, target and arguments; the short one is hashed beyond 63 characters.
struct TestNames {
  std::string brief, full;
};
TestNames SyntheticNames(const std::string& type, const std::string& target,
                         const Json& arguments) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : arguments.items()) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  std::string unique;
  bool first = true;
  const auto add = [&](const Json& part) {
    if (!first) unique += "__";
    first = false;
    unique += Cleaned(PythonText(part));
  };
  for (const std::string& key : keys) {
    if (key == "model") continue;
    const Json& value = Member(arguments, key);
    if (value.is_structured()) {
      for (const auto& item : value) add(item);
    } else {
      add(value);
    }
  }
  const std::string identifier = type + "_" + target;
  TestNames names;
  names.full = identifier + "_" + unique;
  names.brief =
      names.full.size() >= 64 ? identifier.substr(0, 30) + "_" + Md5Hex(names.full) : names.full;
  return names;
}

// str() of every scalar, keys sorted: what dbt hashes.
Json Hashable(const Json& value) {
  if (value.is_object()) {
    std::vector<std::string> keys;
    for (const auto& [key, item] : value.items()) keys.push_back(key);
    std::sort(keys.begin(), keys.end());
    Json out = Json::object();
    for (const std::string& key : keys) out[key] = Hashable(Member(value, key));
    return out;
  }
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value) out.push_back(Hashable(item));
    return out;
  }
  return PythonText(value);
}

std::string ModelExpression(const TestTarget& target) {
  if (target.yaml_key == "sources") {
    return "{{ get_where_subquery(source('" + target.name + "', '" + target.table + "')) }}";
  }
  std::string ref = "ref('" + target.name + "'";
  if (target.version) ref += ", version='" + *target.version + "'";
  return "{{ get_where_subquery(" + ref + ")) }}";
}

// Takes what configures the test out of its arguments.
Result<Json> TakeConfig(ParseState& state, const TestTarget& target, Json& arguments) {
  Json config = Json::object();
  Json nested = Member(arguments, "config");
  if (!nested.is_object()) nested = Json::object();
  arguments.erase("config");
  const TextRenderer render = state.project.names->YamlRenderer(target.schema->file->project->name);
  const auto put = [&](const std::string& key, Json value) -> Status {
    if (value.is_string() && HasJinja(value.get_ref<const std::string&>())) {
      TARN_ASSIGN_OR_RETURN(value,
                            render(value.get<std::string>(), target.schema->file->original_path));
    }
    if (!value.is_null()) config[key] = std::move(value);
    return Status::Ok();
  };
  for (const std::string_view key : kConfigArguments) {
    if (HasMember(arguments, key)) {
      if (HasMember(nested, key)) {
        return Fail(target, "test has the same key '" + std::string(key) +
                                "' at the top level and in its config; keep the one in config");
      }
      TARN_RETURN_IF_ERROR(put(std::string(key), Member(arguments, key)));
      arguments.erase(std::string(key));
    }
  }
  for (const auto& [key, value] : nested.items()) TARN_RETURN_IF_ERROR(put(key, value));
  return config;
}

std::string RawCode(const std::string& macro, const Json& config) {
  std::string code = "{{ " + macro + "(**_dbt_generic_test_kwargs) }}";
  if (config.empty()) return code;
  std::string parts;
  for (const auto& [key, value] : config.items()) {
    std::string text = PythonRepr(value);
    if (value.is_string()) {
      text = "\"";
      for (const char c : value.get_ref<const std::string&>()) {
        if (c == '"') text += '\\';
        text += c;
      }
      text += "\"";
    }
    parts += (parts.empty() ? "" : ",") + key + "=" + text;
  }
  return code + "{{ config(" + parts + ") }}";
}

Node TestNode(const ParseState& state, const TestTarget& target) {
  Node node;
  node.type = ResourceType::kTest;
  node.package_name = target.schema->file->project->name;
  node.root_path = target.schema->file->project->root;
  node.original_file_path = target.schema->file->original_path;
  node.database = state.project.target.database;
  node.schema = state.project.target.schema;
  node.file_key_name = target.yaml_key + "." + target.name;
  node.fqn = {node.package_name};
  const std::vector<std::string> folders = FoldersOf(node.original_file_path);
  for (size_t i = 1; i < folders.size(); ++i) node.fqn.push_back(folders[i]);
  return node;
}

void SetNames(Node& node, const TestTarget& target, Json& arguments, Json& config) {
  TestMetadata& meta = *node.test_metadata;
  std::string brief, full;
  if (HasMember(arguments, "name")) {
    brief = full = TextMember(arguments, "name");
    arguments.erase("name");
  } else {
    std::string type = target.yaml_key == "sources" ? "source_" + meta.name : meta.name;
    if (!meta.name_space.empty()) type = meta.name_space + "_" + type;
    std::string on = target.yaml_key == "sources" ? target.name + "_" + target.table : target.name;
    if (target.yaml_key == "sources") on = target.table.empty() ? target.name : on;
    if (target.version) on += "_v" + *target.version;
    const TestNames names = SyntheticNames(type, on, arguments);
    brief = names.brief;
    full = names.full;
    if (brief != full && !HasMember(config, "alias")) config["alias"] = brief;
  }
  node.name = full;
  node.alias = full;
  node.path = brief + ".sql";
  node.fqn.push_back(full);
}

void SortTags(std::vector<std::string>& tags) {
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
}

}  // namespace

Status ParseState::AddTests(const TestTarget& target, const Json& list, const Json* column,
                            const std::string& where) {
  if (list.is_null()) return Status::Ok();
  if (!list.is_array()) {
    return Fail(target, "'tests' of " + target.name + " must be a list (" + where + ")");
  }
  for (const Json& test : list) {
    TARN_ASSIGN_OR_RETURN(TestText text, ReadTest(target, test));
    Json& arguments = text.arguments;
    Node node = TestNode(*this, target);
    if (column != nullptr) {
      std::string name = TextMember(*column, "name");
      const Json& quoted = Member(*column, "quote");
      const bool quote_it = quoted.is_boolean() ? quoted.get<bool>() : target.quote_columns;
      if (quote_it) name = QuoteName(name, quote);
      node.column_name = name;
      arguments["column_name"] = name;
    }
    if (HasMember(arguments, "arguments")) {
      const Json inner = Member(arguments, "arguments");
      arguments.erase("arguments");
      if (inner.is_object()) arguments.update(inner);
    }
    if (HasMember(arguments, "model")) {
      return Fail(target, "test arguments include \"model\", which is a reserved argument");
    }
    arguments["model"] = ModelExpression(target);
    TestMetadata meta;
    const size_t dot = text.name.find('.');
    meta.name = dot == std::string::npos ? text.name : text.name.substr(dot + 1);
    if (dot != std::string::npos) meta.name_space = text.name.substr(0, dot);
    node.test_metadata = std::move(meta);
    TARN_ASSIGN_OR_RETURN(Json config, TakeConfig(*this, target, arguments));
    node.description = TextMember(arguments, "description");
    arguments.erase("description");
    SetNames(node, target, arguments, config);
    std::string macro = "test_" + node.test_metadata->name;
    if (!node.test_metadata->name_space.empty())
      macro = node.test_metadata->name_space + "." + macro;
    node.raw_code = RawCode(macro, config);
    node.test_metadata->kwargs = std::move(arguments);
    const Json hashed = Hashable({{"namespace", node.test_metadata->name_space.empty()
                                                    ? Json(nullptr)
                                                    : Json(node.test_metadata->name_space)},
                                  {"name", node.test_metadata->name},
                                  {"kwargs", node.test_metadata->kwargs}});
    const std::string digest = Md5Hex(node.name + PythonRepr(hashed));
    node.unique_id =
        "test." + node.package_name + "." + node.name + "." + digest.substr(digest.size() - 10);
    Json tags = target.tags;
    if (column != nullptr) {
      for (const std::string& tag : TagsOf(*column)) tags.push_back(tag);
    }
    if (!tags.empty()) node.extra["column_tags"] = tags;
    node.extra["yaml_line_path"] = target.yaml_path;
    if (target.yaml_key != "sources") {
      const Node* attached = nullptr;
      for (const Node* candidate : by_name[target.yaml_key + "/" + target.name]) {
        if (candidate->package_name == node.package_name || attached == nullptr)
          attached = candidate;
      }
      if (target.version) {
        node.attached_node =
            "model." + node.package_name + "." + target.name + ".v" + *target.version;
      } else if (attached != nullptr) {
        node.attached_node = attached->unique_id;
      }
    }
    tests.push_back(std::move(node));
    test_configs.push_back(std::move(config));
  }
  return Status::Ok();
}

Status ParseState::RenderTests() {
  std::vector<CapturedCalls> captured(tests.size());
  TARN_RETURN_IF_ERROR(InParallel(tests.size(), options.threads, [&](size_t i) -> Status {
    Node& node = tests[i];
    const TestMetadata& meta = *node.test_metadata;
    Configure(node, nullptr, &test_configs[i]);
    std::vector<std::string> tags = TextList(Member(node.extra, "column_tags"));
    for (const std::string& tag : node.tags) tags.push_back(tag);
    SortTags(tags);
    node.tags = std::move(tags);
    node.extra.erase("column_tags");
    TARN_RETURN_IF_ERROR(CaptureTest(*this, node, meta, &captured[i]));
    if (captured[i].config.empty()) return Status::Ok();
    // The test's macro calls config() before what the schema file says about this use of it.
    Json config = std::move(captured[i].config);
    MergeConfig(config, test_configs[i]);
    const std::vector<std::string> kept = std::move(node.tags);
    Configure(node, nullptr, &config);
    node.tags.insert(node.tags.end(), kept.begin(), kept.end());
    SortTags(node.tags);
    return Status::Ok();
  }));
  for (size_t i = 0; i < tests.size(); ++i) {
    Node& node = tests[i];
    node.refs = std::move(captured[i].refs);
    node.sources = std::move(captured[i].sources);
    node.depends_on_macros = std::move(captured[i].macros);
    node.extra.erase("yaml_line_path");
    TARN_RETURN_IF_ERROR(NameNode(node));
    if (!BoolMember(node.config, "enabled", true)) {
      project.manifest.disabled.push_back(std::move(node));
      continue;
    }
    TARN_RETURN_IF_ERROR(CheckDuplicate(node));
    Node* added = project.manifest.Add(std::move(node));
    if (const Node* attached = project.manifest.Find(added->attached_node)) {
      added->group = attached->group;
    }
  }
  tests.clear();
  test_configs.clear();
  return Status::Ok();
}

std::vector<std::string> TagsOf(const Json& entry) {
  std::vector<std::string> tags = TextList(Member(entry, "tags"));
  for (std::string& tag : TextList(Member(Member(entry, "config"), "tags"))) {
    tags.push_back(std::move(tag));
  }
  return tags;
}

}  // namespace tarn::transform
