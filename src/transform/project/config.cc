#include "transform/project/config.h"

#include <algorithm>
#include <array>

namespace tarn::transform {
namespace {

constexpr std::array<std::string_view, 4> kAppends = {"tags", "packages", "pre-hook", "post-hook"};
constexpr std::array<std::string_view, 6> kUpdates = {"meta",    "docs",         "persist_docs",
                                                      "quoting", "column_types", "contract"};

template <size_t n>
bool Contains(const std::array<std::string_view, n>& keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

Json Listify(const Json& value) {
  if (value.is_array()) return value;
  if (value.is_null()) return Json::array();
  return Json::array({value});
}

void MergeGrants(Json& into, const Json& from) {
  if (!into.is_object()) into = Json::object();
  if (!from.is_object()) return;
  for (const auto& [key, value] : from.items()) {
    if (key.starts_with("+")) {
      Json list = Listify(Member(into, key.substr(1)));
      for (const Json& item : Listify(value)) list.push_back(item);
      into[key.substr(1)] = std::move(list);
    } else {
      into[key] = Listify(value);
    }
  }
}

// Spellings people use for one key.
std::string Canonical(const std::string& key) {
  if (key == "pre_hook") return "pre-hook";
  if (key == "post_hook") return "post-hook";
  if (key == "dataset") return "schema";
  if (key == "project") return "database";
  return key;
}

const char* kNodeDefaults = R"({"enabled": true, "alias": null, "schema": null, "database": null,
"tags": [], "meta": {}, "group": null, "materialized": "view", "incremental_strategy": null,
"batch_size": null, "lookback": 1, "begin": null, "persist_docs": {}, "post-hook": [],
"pre-hook": [], "quoting": {}, "column_types": {}, "full_refresh": null, "unique_key": null,
"on_schema_change": "ignore", "on_configuration_change": "apply", "grants": {}, "packages": [],
"docs": {"show": true, "node_color": null}, "contract": {"enforced": false, "alias_types": true},
"event_time": null, "concurrent_batches": null})";

Json NodeDefaults(const char* materialized, const char* more) {
  Json config = Json::parse(kNodeDefaults);
  config["materialized"] = materialized;
  const Json extra = Json::parse(more);
  for (const auto& [key, value] : extra.items()) config[key] = value;
  return config;
}

std::vector<std::string> Deduplicated(const Json& list) {
  std::vector<std::string> out;
  for (std::string& item : TextList(list)) {
    if (std::find(out.begin(), out.end(), item) == out.end()) out.push_back(std::move(item));
  }
  return out;
}

}  // namespace

const Json& DefaultConfig(ResourceType type) {
  static const Json model = NodeDefaults("view", R"({"access": "protected", "freshness": null})");
  static const Json plain = NodeDefaults("view", "{}");
  static const Json seed = NodeDefaults("seed", R"({"delimiter": ",", "quote_columns": null})");
  static const Json snapshot =
      NodeDefaults("snapshot", R"({"strategy": null, "target_schema": null, "target_database": null,
      "updated_at": null, "check_cols": null, "snapshot_meta_column_names": {},
      "dbt_valid_to_current": null})");
  static const Json test = Json::parse(R"j({"enabled": true, "alias": null,
      "schema": "dbt_test__audit", "database": null, "tags": [], "meta": {}, "group": null,
      "materialized": "test", "severity": "ERROR", "store_failures": null,
      "store_failures_as": null, "where": null, "limit": null, "fail_calc": "count(*)",
      "warn_if": "!= 0", "error_if": "!= 0"})j");
  static const Json source = Json::parse(
      R"({"enabled": true, "event_time": null, "freshness": null, "loaded_at_field": null,
      "loaded_at_query": null, "meta": {}, "tags": []})");
  static const Json exposure = Json::parse(R"({"enabled": true, "tags": [], "meta": {}})");
  static const Json metric = Json::parse(R"({"enabled": true, "group": null, "meta": {}})");
  static const Json semantic = Json::parse(R"({"enabled": true, "group": null, "meta": {}})");
  static const Json unit = Json::parse(R"({"tags": [], "meta": {}, "enabled": true})");
  static const Json group = Json::parse(R"({"meta": {}})");
  switch (type) {
    case ResourceType::kModel: return model;
    case ResourceType::kSeed: return seed;
    case ResourceType::kSnapshot: return snapshot;
    case ResourceType::kTest: return test;
    case ResourceType::kSource: return source;
    case ResourceType::kExposure: return exposure;
    case ResourceType::kMetric: return metric;
    case ResourceType::kSemanticModel:
    case ResourceType::kSavedQuery: return semantic;
    case ResourceType::kUnitTest: return unit;
    case ResourceType::kGroup: return group;
    case ResourceType::kAnalysis:
    case ResourceType::kOperation: return plain;
  }
  return plain;
}

Json HookEntry(const Json& hook) {
  if (hook.is_object()) {
    Json entry = hook;
    if (!entry.contains("sql")) entry["sql"] = "";
    if (!entry.contains("transaction")) entry["transaction"] = true;
    if (!entry.contains("index")) entry["index"] = nullptr;
    return entry;
  }
  return Json{{"sql", PythonText(hook)}, {"transaction", true}, {"index", nullptr}};
}

void MergeConfig(Json& into, const Json& from) {
  if (!from.is_object()) return;
  for (const auto& [raw_key, value] : from.items()) {
    const std::string key = Canonical(raw_key);
    if (Contains(kAppends, key)) {
      Json list = Listify(Member(into, key));
      const bool hook = key.ends_with("-hook");
      for (const Json& item : Listify(value)) list.push_back(hook ? HookEntry(item) : item);
      into[key] = std::move(list);
    } else if (Contains(kUpdates, key) && value.is_object()) {
      Json& target = into[key];
      if (!target.is_object()) target = Json::object();
      for (const auto& [name, item] : value.items()) target[name] = item;
    } else if (key == "grants") {
      MergeGrants(into[key], value);
    } else {
      into[key] = value;
    }
  }
}

std::vector<Json> ConfigLevels(const Json& block, const std::vector<std::string>& fqn) {
  std::vector<Json> levels;
  const Json* level = &block;
  for (size_t depth = 0;; ++depth) {
    if (!level->is_object()) break;
    Json config = Json::object();
    for (const auto& [key, value] : level->items()) {
      if (key.starts_with("+")) {
        const size_t begin = key.find_first_not_of(' ', 1);
        config[begin == std::string::npos ? "" : key.substr(begin)] = value;
      } else if (!value.is_object()) {
        config[key] = value;
      }
    }
    levels.push_back(std::move(config));
    if (depth == fqn.size()) break;
    const auto next = level->find(fqn[depth]);
    if (next == level->end()) break;
    level = &*next;
  }
  return levels;
}

void ApplyConfig(Node& node, const ConfigSources& sources) {
  Json config = DefaultConfig(node.type);
  Json unrendered = Json::object();
  const auto apply = [&](const Json& from) {
    MergeConfig(config, from);
    if (!from.is_object()) return;
    for (const auto& [key, value] : from.items()) unrendered[key] = value;
  };
  const auto apply_block = [&](const Json* block) {
    if (block == nullptr) return;
    for (const Json& level : ConfigLevels(*block, node.fqn)) apply(level);
  };
  apply_block(sources.own_block);
  if (sources.patch != nullptr) apply(*sources.patch);
  if (sources.call != nullptr) apply(*sources.call);
  apply_block(sources.root_block);

  node.tags = Deduplicated(Member(config, "tags"));
  config["tags"] = node.tags;
  if (const Json& meta = Member(config, "meta"); meta.is_object()) node.meta = meta;
  node.group = TextMember(config, "group");
  node.access = TextMember(config, "access", "protected");
  node.config = std::move(config);
  node.unrendered_config = std::move(unrendered);
}

}  // namespace tarn::transform
