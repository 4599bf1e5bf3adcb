#include "duck/cluster_by.h"

#include <nlohmann/json.hpp>
#include <set>

#include "delta/properties.h"
#include "duck/status_exception.h"
#include "duckdb/parser/expression/columnref_expression.hpp"

namespace tarn::duck {
namespace {

constexpr char kDomain[] = "delta.clustering";
constexpr size_t kMostColumns = 4;  // as in Spark

bool HasStatistics(const delta::DataType& type) {
  switch (type.kind) {
    case delta::TypeKind::kStruct:
    case delta::TypeKind::kArray:
    case delta::TypeKind::kMap:
    case delta::TypeKind::kVariant:
    case delta::TypeKind::kVoid:
    case delta::TypeKind::kBinary:
    case delta::TypeKind::kBoolean: return false;
    default: return true;
  }
}

}  // namespace

std::string ClusteringColumn(const duckdb::ParsedExpression& key, const std::string& table) {
  if (key.GetExpressionClass() != duckdb::ExpressionClass::COLUMN_REF) {
    throw duckdb::BinderException(
        "table %s: CLUSTER BY takes names of columns, not '%s'; add a generated column for it",
        table, key.ToString());
  }
  return key.Cast<duckdb::ColumnRefExpression>().GetColumnName();
}

void StageClustering(delta::Transaction& transaction, const std::string& table,
                     const std::vector<std::string>& columns) {
  if (!columns.empty() && !transaction.metadata().partition_columns.empty()) {
    throw duckdb::BinderException(
        "table %s is partitioned, so it cannot be clustered as well; choose one of the two", table);
  }
  if (columns.size() > kMostColumns) {
    throw duckdb::BinderException("table %s: CLUSTER BY takes at most %llu columns", table,
                                  static_cast<unsigned long long>(kMostColumns));
  }
  const bool mapped =
      ValueOrThrow(delta::ParseProperties(transaction.metadata().configuration)).column_mapping !=
      delta::ColumnMappingMode::kNone;
  nlohmann::json list = nlohmann::json::array();
  std::set<std::string> seen;
  for (const auto& name : columns) {
    const auto* field = transaction.schema().Find(name);
    if (!field) {
      throw duckdb::BinderException(
          "table %s is clustered by '%s', which is not one of its columns", table, name);
    }
    if (!HasStatistics(*field->type)) {
      throw duckdb::BinderException(
          "table %s cannot be clustered by '%s' of type %s, which has no bounds to skip files by",
          table, field->name, field->type->ToString());
    }
    if (!seen.insert(field->name).second) {
      throw duckdb::BinderException("table %s is clustered by '%s' twice", table, field->name);
    }
    list.push_back(nlohmann::json::array({field->PhysicalName(mapped)}));
  }
  const nlohmann::json domain = {{"clusteringColumns", list}, {"domainName", kDomain}};
  transaction.SetDomain({kDomain, domain.dump(), false});
}

}  // namespace tarn::duck
