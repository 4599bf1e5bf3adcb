// Node: one thing of a dbt project that has a unique_id.
//
// What it is: the row of the manifest for models, tests, seeds, snapshots, analyses, operations,
// sources, exposures, metrics, semantic models, saved queries, unit tests and groups, with the
// names dbt's manifest (schema v12) gives its parts. What only one rare kind has is kept as a tree
// in `extra`, as dbt writes it.
//
// What it does not do: nothing is computed here; manifest.h holds the graph, config.h the rules by
// which `config` came to be.
//
// Threads: plain data. A Manifest is immutable once parsed, except `compiled_code`, `compiled` and
// `relation_name`, which the thread that runs the node sets.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transform/project/json.h"

namespace tarn::transform {

enum class ResourceType {
  kModel,
  kTest,
  kSeed,
  kSnapshot,
  kAnalysis,
  kOperation,  // on-run-start, on-run-end, run-operation, inline SQL of `show` and `compile`
  kSource,
  kExposure,
  kMetric,
  kSemanticModel,
  kSavedQuery,
  kUnitTest,
  kGroup,
};

// "model", "test", … as in unique_ids; "semantic_model", "saved_query", "unit_test".
std::string_view ResourceTypeName(ResourceType type);
std::optional<ResourceType> ParseResourceType(std::string_view name);

// `build` lists these in its results and does nothing about them.
inline bool IsIdle(ResourceType type) {
  return type == ResourceType::kSavedQuery || type == ResourceType::kExposure;
}

struct RefCall {
  std::string package;  // empty: not given
  std::string name;
  std::optional<std::string> version;
  bool operator==(const RefCall&) const = default;
};

struct SourceCall {
  std::string source;
  std::string table;
  bool operator==(const SourceCall&) const = default;
};

struct ColumnInfo {
  std::string name;
  std::string description;
  std::string data_type;  // empty: none given
  Json meta = Json::object();
  Json tags = Json::array();
  Json constraints = Json::array();
  Json config = Json::object();
  std::optional<bool> quote;
  Json granularity;
  std::vector<std::string> doc_blocks;
};

// What a generic test was made of.
struct TestMetadata {
  std::string name;        // "not_null"
  std::string name_space;  // package before the dot, e.g. "dbt_utils"; empty: none
  Json kwargs = Json::object();
};

struct Node {
  std::string unique_id;
  ResourceType type = ResourceType::kModel;
  std::string name;
  std::string package_name;
  std::string path;                // below the resource folder: "staging/stg_orders.sql"
  std::string original_file_path;  // below the package's folder: "models/staging/stg_orders.sql"
  std::string root_path;           // the package's folder, absolute
  std::vector<std::string> fqn;
  std::string language = "sql";  // or "python"
  std::string raw_code;
  size_t raw_code_line = 1;  // where raw_code begins in its file (snapshot blocks)
  std::string checksum;      // SHA-256 of the file, hex

  std::string database;
  std::string schema;
  std::string alias;
  std::string relation_name;  // rendered and quoted; empty for what has no relation

  // After all precedence rules, defaults included (config.h: DefaultConfig).
  Json config = Json::object();
  Json unrendered_config = Json::object();
  std::vector<std::string> tags;
  Json meta = Json::object();
  std::string description;
  std::vector<ColumnInfo> columns;
  std::vector<std::string> doc_blocks;
  std::string patch_path;  // "package://models/schema.yml"
  std::string group;
  std::string access = "protected";
  std::optional<std::string> version;
  std::optional<std::string> latest_version;
  Json deprecation_date;
  Json constraints = Json::array();
  std::vector<std::string> primary_key;

  // What the code called while it was parsed.
  std::vector<RefCall> refs;
  std::vector<SourceCall> sources;
  std::vector<std::vector<std::string>> metrics;
  // unique_ids; nodes resolved from refs and sources, in order of first use.
  std::vector<std::string> depends_on_nodes;
  std::vector<std::string> depends_on_macros;

  // Tests.
  std::optional<TestMetadata> test_metadata;
  std::string column_name;
  std::string attached_node;
  std::string file_key_name;

  // Sources.
  std::string source_name;
  std::string identifier;

  // Keys of rarer kinds: freshness, external, loader (sources); owner, url (exposures); given,
  // expect (unit tests); model, entities (semantic models); …
  Json extra = Json::object();

  std::string compiled_code;
  bool compiled = false;

  bool IsRefable() const {
    return type == ResourceType::kModel || type == ResourceType::kSeed ||
           type == ResourceType::kSnapshot;
  }
  std::string Materialized() const { return TextMember(config, "materialized"); }
  bool IsEphemeral() const { return type == ResourceType::kModel && Materialized() == "ephemeral"; }
  // Last part of the unique_id after the package, as messages show it.
  std::string SearchName() const { return version ? name + ".v" + *version : name; }
  const ColumnInfo* FindColumn(std::string_view column) const;
};

}  // namespace tarn::transform
