#include "duck/clustering.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "duckdb/common/string_util.hpp"

namespace tarn::duck {

// The domain holds {"clusteringColumns":[["a"],["s","x"]]}, physical names.
std::vector<std::string> ClusteringColumns(const delta::Snapshot& snapshot) {
  std::vector<std::string> names;
  const auto domain = snapshot.Domain("delta.clustering");
  if (!domain) return names;
  const auto parsed = nlohmann::json::parse(domain->configuration, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("clusteringColumns")) return names;
  const bool mapped = snapshot.column_mapping() != delta::ColumnMappingMode::kNone;
  for (const auto& path : parsed["clusteringColumns"]) {
    if (!path.is_array()) continue;
    const std::vector<delta::StructField>* fields = &snapshot.schema().fields;
    std::string name;
    for (const auto& part : path) {
      if (!part.is_string()) break;
      std::string logical = part.get<std::string>();
      const std::vector<delta::StructField>* below = nullptr;
      for (const auto& field : fields ? *fields : std::vector<delta::StructField>()) {
        if (field.PhysicalName(mapped) != logical) continue;
        logical = field.name;
        below = &field.type->fields;
        break;
      }
      name += (name.empty() ? "" : ".") + logical;
      fields = below;
      if (!fields) break;
    }
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

duckdb::idx_t OrderColumn(const WriteTarget& target, const std::string& name, bool clustering) {
  const char* what = clustering ? "CLUSTER BY" : "ZORDER BY";
  const auto& fields = target.schema.fields;
  for (duckdb::idx_t i = 0; i < fields.size(); ++i) {
    if (!duckdb::StringUtil::CIEquals(fields[i].name, name)) continue;
    const auto& partitions = target.partition_columns;
    if (std::find(partitions.begin(), partitions.end(), i) != partitions.end()) {
      throw duckdb::InvalidInputException(
          "%s: column '%s' of table %s is a partition column; its files hold one value each "
          "already",
          what, name, target.name);
    }
    if (!fields[i].type->is_primitive() || fields[i].type->kind == delta::TypeKind::kVariant ||
        fields[i].type->kind == delta::TypeKind::kVoid) {
      throw duckdb::InvalidInputException(
          "%s: column '%s' of table %s has type %s, which has no "
          "order that files can be skipped by",
          what, name, target.name, fields[i].type->ToString());
    }
    return i;
  }
  throw duckdb::InvalidInputException("%s: table %s has no column '%s' at its top level", what,
                                      target.name, name);
}

}  // namespace tarn::duck
