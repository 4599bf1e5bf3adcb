#include "duck/create_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "delta/properties.h"
#include "duck/cluster_by.h"
#include "duck/computed_columns.h"
#include "duck/lake_catalog.h"
#include "duck/lake_schema_entry.h"
#include "duck/lake_transaction.h"
#include "duck/status_exception.h"
#include "duck/types.h"
#include "duckdb/catalog/catalog_entry/view_catalog_entry.hpp"
#include "duckdb/common/string_util.hpp"
#include "duckdb/parser/constraints/check_constraint.hpp"
#include "duckdb/parser/constraints/not_null_constraint.hpp"
#include "duckdb/parser/expression/cast_expression.hpp"
#include "duckdb/parser/expression/columnref_expression.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"
#include "duckdb/parser/parsed_data/create_table_info.hpp"
#include "duckdb/planner/parsed_data/bound_create_table_info.hpp"

namespace tarn::duck {

using duckdb::StringUtil;

std::string JsonString(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

delta::StructField FieldForColumn(const duckdb::ColumnDefinition& column) {
  delta::StructField field;
  field.name = column.Name();
  field.type = FromLogicalType(column.Type(), column.Name());
  if (!column.Comment().IsNull()) {
    field.metadata["comment"] = JsonString(column.Comment().ToString());
  }
  if (column.Generated()) {
    field.metadata["delta.generationExpression"] =
        JsonString(column.GeneratedExpression().ToString());
  } else if (column.HasDefaultValue()) {
    field.metadata["CURRENT_DEFAULT"] = JsonString(column.DefaultValue().ToString());
  }
  return field;
}

namespace {

// The text of a property's value: 'x', 10, true and bare words all count.
std::string OptionText(const duckdb::ParsedExpression& expression) {
  switch (expression.GetExpressionClass()) {
    case duckdb::ExpressionClass::CONSTANT:
      return expression.Cast<duckdb::ConstantExpression>().value.ToString();
    case duckdb::ExpressionClass::COLUMN_REF:
      return expression.Cast<duckdb::ColumnRefExpression>().GetColumnName();
    case duckdb::ExpressionClass::CAST:  // true and false are parsed as casts of 't' and 'f'
      return expression.Cast<duckdb::CastExpression>().cast_type.id() ==
                     duckdb::LogicalTypeId::BOOLEAN
                 ? (StringUtil::StartsWith(
                        OptionText(*expression.Cast<duckdb::CastExpression>().child), "t")
                        ? "true"
                        : "false")
                 : OptionText(*expression.Cast<duckdb::CastExpression>().child);
    default: return expression.ToString();
  }
}

class MetadataBuilder {
 public:
  MetadataBuilder(const std::string& name, const duckdb::CreateTableInfo& info)
      : name_(name), info_(info) {}

  delta::Metadata Build() {
    metadata_.id = MakeUuid(Random::System());
    metadata_.created_time_ms = Clock::System().NowMicros() / 1000;
    if (!info_.comment.IsNull()) metadata_.description = info_.comment.ToString();
    for (const auto& column : info_.columns.Logical())
      schema_.fields.push_back(FieldForColumn(column));
    for (const auto& option : info_.options) {
      const std::string text = OptionText(*option.second);
      if (!TakeColumnOption(option.first, text)) metadata_.configuration[option.first] = text;
    }
    AddConstraints();
    AddPartitioning();
    // Options may be spelled in any case.
    const bool said = std::any_of(
        metadata_.configuration.begin(), metadata_.configuration.end(), [](const auto& entry) {
          return duckdb::StringUtil::CIEquals(entry.first, "delta.enableDeletionVectors");
        });
    if (!said) metadata_.configuration["delta.enableDeletionVectors"] = "true";
    metadata_.schema_string = delta::SerializeSchema(schema_);
    return std::move(metadata_);
  }

 private:
  // Options tarn.column.<column>.<default|generated|identity>, as the dialects make them.
  bool TakeColumnOption(const std::string& option, const std::string& text) {
    static const std::string kPrefix = "tarn.column.";
    const std::string key = StringUtil::Lower(option);
    if (!StringUtil::StartsWith(key, kPrefix)) return false;
    for (auto& field : schema_.fields) {
      const std::string own = kPrefix + StringUtil::Lower(field.name) + ".";
      if (key == own + "default") {
        field.metadata["CURRENT_DEFAULT"] = JsonString(text);
      } else if (key == own + "generated") {
        field.metadata["delta.generationExpression"] = JsonString(text);
      } else if (key == own + "identity") {
        const auto words = StringUtil::Split(text, ' ');
        if (words.size() != 3) return false;
        field.metadata["delta.identity.allowExplicitInsert"] =
            words[0] == "default" ? "true" : "false";
        field.metadata["delta.identity.start"] = IdentityNumber(field.name, words[1]);
        field.metadata["delta.identity.step"] = IdentityNumber(field.name, words[2]);
        if (words[2] == "0") {
          throw duckdb::BinderException(
              "identity column '%s' of table %s: INCREMENT BY 0 numbers nothing", field.name,
              name_);
        }
      } else {
        continue;
      }
      return true;
    }
    return false;
  }

  std::string IdentityNumber(const std::string& column, const std::string& text) const {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
      throw duckdb::BinderException(
          "identity column '%s' of table %s: %s is not a whole number of 64 bits", column, name_,
          text);
    }
    return std::to_string(number);
  }

  void AddConstraints() {
    int checks = 0;
    for (const auto& constraint : info_.constraints) {
      switch (constraint->type) {
        case duckdb::ConstraintType::NOT_NULL: {
          const auto index = constraint->Cast<duckdb::NotNullConstraint>().index.index;
          schema_.fields.at(index).nullable = false;
          break;
        }
        case duckdb::ConstraintType::CHECK: {
          std::string key;
          do {
            key = "delta.constraints.check_" + std::to_string(++checks);
          } while (metadata_.configuration.count(key));
          metadata_.configuration[key] =
              constraint->Cast<duckdb::CheckConstraint>().expression->ToString();
          break;
        }
        default:
          throw duckdb::NotImplementedException(
              "table %s: Delta tables enforce NOT NULL and CHECK, but no PRIMARY KEY, UNIQUE or "
              "FOREIGN KEY; remove the key and deduplicate with MERGE",
              name_);
      }
    }
  }

  void AddPartitioning() {
    std::set<std::string> seen;
    for (const auto& key : info_.partition_keys) {
      if (key->GetExpressionClass() != duckdb::ExpressionClass::COLUMN_REF) {
        throw duckdb::BinderException(
            "table %s: PARTITIONED BY takes names of columns, not '%s'; add a column that holds it",
            name_, key->ToString());
      }
      const auto column = key->Cast<duckdb::ColumnRefExpression>().GetColumnName();
      const auto* field = schema_.Find(column);
      if (!field) {
        throw duckdb::BinderException(
            "table %s is partitioned by '%s', which is not one of its columns", name_, column);
      }
      if (!field->type->is_primitive() || field->type->kind == delta::TypeKind::kVariant ||
          field->type->kind == delta::TypeKind::kVoid) {
        throw duckdb::BinderException("table %s cannot be partitioned by '%s' of type %s", name_,
                                      field->name, field->type->ToString());
      }
      if (!seen.insert(field->name).second) {
        throw duckdb::BinderException("table %s is partitioned by '%s' twice", name_, field->name);
      }
      metadata_.partition_columns.push_back(field->name);
    }
    if (!seen.empty() && seen.size() == schema_.fields.size()) {
      throw duckdb::BinderException(
          "table %s is partitioned by all of its columns; leave at least one for the files", name_);
    }
  }

  const std::string& name_;
  const duckdb::CreateTableInfo& info_;
  delta::Metadata metadata_;
  delta::Schema schema_;
};

}  // namespace

delta::Metadata MetadataForCreate(const std::string& qualified_name,
                                  const duckdb::CreateTableInfo& info) {
  return MetadataBuilder(qualified_name, info).Build();
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateTable(
    duckdb::CatalogTransaction transaction, duckdb::BoundCreateTableInfo& info) {
  auto& base = info.Base();
  const std::string& name = base.table;
  if (!store::ValidateKey(folder_ + "/" + name).ok() || name.empty() || name[0] == '.' ||
      name.find('/') != std::string::npos) {
    throw duckdb::CatalogException(
        "'%s' cannot be a table: its name is a folder's, without '/' and not starting with '.'",
        name);
  }
  const std::string existing = FindTable(name);
  // What is a table under this very name is no view.
  if (existing != name && !FindView(name).empty()) {
    throw duckdb::CatalogException("'%s.%s' is a view; drop it first or choose another name",
                                   folder_, name);
  }
  const bool replace = base.on_conflict == duckdb::OnCreateConflict::REPLACE_ON_CONFLICT;
  const bool if_not_exists = base.on_conflict == duckdb::OnCreateConflict::IGNORE_ON_CONFLICT;
  if (!existing.empty() && if_not_exists) return nullptr;
  if (!existing.empty() && !replace) {
    throw duckdb::CatalogException(
        "table '%s.%s' exists already; use CREATE OR REPLACE TABLE or CREATE TABLE IF NOT EXISTS",
        folder_, existing);
  }
  const std::string folder = existing.empty() ? name : existing;
  const std::string qualified = folder_ + "." + folder;
  auto& staged =
      transaction_.StageCreate(qualified, lake().TableAt(folder_, folder),
                               MetadataForCreate(qualified, base), replace, if_not_exists);
  CheckColumnDefinitions(transaction.GetContext(),
                         MakeWriteTarget(qualified, lake().TableAt(folder_, folder),
                                         staged.schema(), staged.metadata()));
  if (!base.sort_keys.empty()) {
    std::vector<std::string> columns;
    for (const auto& key : base.sort_keys) columns.push_back(ClusteringColumn(*key, qualified));
    StageClustering(staged, qualified, columns);
  }
  const bool as_select = static_cast<bool>(info.query);
  delta::StringMap parameters;
  parameters["isManaged"] = "\"true\"";
  parameters["partitionBy"] =
      JsonString(nlohmann::json(staged.metadata().partition_columns).dump());
  parameters["properties"] = JsonString(nlohmann::json(staged.metadata().configuration).dump());
  if (staged.metadata().description) {
    parameters["description"] = JsonString(*staged.metadata().description);
  }
  const std::string verb = !existing.empty() ? "REPLACE TABLE"
                           : replace         ? "CREATE OR REPLACE TABLE"
                                             : "CREATE TABLE";
  staged.SetOperation(verb + (as_select ? " AS SELECT" : ""), std::move(parameters));
  return TableEntry(transaction.GetContext(), folder, nullptr);
}

}  // namespace tarn::duck
