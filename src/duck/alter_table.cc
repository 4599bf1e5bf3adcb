// ALTER TABLE, COMMENT ON: staged as one metadata change of the table's Delta commit.
//
// RENAME and DROP COLUMN rewrite nothing: the table is switched to column mapping by name, where
// columns keep a physical name in the files.
#include <algorithm>
#include <utility>

#include "delta/properties.h"
#include "delta/type_widening.h"
#include "duck/cluster_by.h"
#include "duck/clustering.h"
#include "duck/computed_columns.h"
#include "duck/create_table.h"
#include "duck/delta_table_entry.h"
#include "duck/lake_catalog.h"
#include "duck/lake_schema_entry.h"
#include "duck/lake_transaction.h"
#include "duck/status_exception.h"
#include "duck/types.h"
#include "duck/view_file.h"
#include "duckdb/common/string_util.hpp"
#include "duckdb/main/connection.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"
#include "duckdb/parser/keyword_helper.hpp"
#include "duckdb/parser/parsed_data/alter_table_info.hpp"
#include "duckdb/parser/parsed_data/comment_on_column_info.hpp"

namespace tarn::duck {

using duckdb::AlterTableType;
using duckdb::StringUtil;

namespace {

constexpr const char* kMappingMode = "delta.columnMapping.mode";
constexpr const char* kWidening = "delta.enableTypeWidening";

class TableAlteration {
 public:
  TableAlteration(duckdb::ClientContext& context, LakeTransaction& transaction,
                  DeltaTableEntry& entry)
      : context_(context),
        transaction_(transaction),
        entry_(entry),
        staged_(transaction.WriteTo(entry)),
        schema_(staged_.schema()),
        metadata_(staged_.metadata()) {}

  void Apply(duckdb::AlterTableInfo& info);
  void SetTableComment(const duckdb::Value& comment);
  void SetColumnComment(const std::string& column, const duckdb::Value& comment);

 private:
  using Fields = std::vector<delta::StructField>;

  delta::StructField& Column(const std::string& name) {
    auto* field = FindIn(&schema_.fields, name);
    if (!field) {
      throw duckdb::CatalogException("table %s has no column '%s'", entry_.QualifiedName(), name);
    }
    return *field;
  }

  static delta::StructField* FindIn(Fields* fields, const std::string& name) {
    for (auto& field : *fields) {
      if (StringUtil::CIEquals(field.name, name)) return &field;
    }
    return nullptr;
  }

  bool IsPartitionColumn(const std::string& name) const {
    return std::any_of(metadata_.partition_columns.begin(), metadata_.partition_columns.end(),
                       [&](const auto& column) { return StringUtil::CIEquals(column, name); });
  }

  void RequireMapping();
  void AddColumn(const duckdb::AddColumnInfo& info);
  void RenameColumn(const duckdb::RenameColumnInfo& info);
  void DropColumn(const duckdb::RemoveColumnInfo& info);
  void SetNotNull(const duckdb::SetNotNullInfo& info);
  void DropNotNull(const duckdb::DropNotNullInfo& info);
  void ChangeType(const duckdb::ChangeColumnTypeInfo& info);
  void SetDefault(const duckdb::SetDefaultInfo& info);
  void ClusterBy(const duckdb::SetSortedByInfo& info);
  void RefuseIfReferenced(const std::string& column, const char* verb);
  void CheckNoNulls(const delta::StructField& field);
  void Save(const std::string& operation, delta::StringMap parameters);

  duckdb::ClientContext& context_;
  LakeTransaction& transaction_;
  DeltaTableEntry& entry_;
  delta::Transaction& staged_;
  delta::Schema schema_;
  delta::Metadata metadata_;
};

void TableAlteration::Save(const std::string& operation, delta::StringMap parameters) {
  metadata_.schema_string = delta::SerializeSchema(schema_);
  ThrowIfError(staged_.SetMetadata(metadata_));
  staged_.SetOperation(operation, std::move(parameters));
  transaction_.InvalidateEntries(entry_.table());
}

// Columns get physical names that the existing files have, before any of them is renamed or
// dropped.
void TableAlteration::RequireMapping() {
  const auto mode = metadata_.configuration.find(kMappingMode);
  if (mode != metadata_.configuration.end() && mode->second != "none") return;
  metadata_.configuration[kMappingMode] = "name";
  metadata_.schema_string = delta::SerializeSchema(schema_);
  ThrowIfError(staged_.SetMetadata(metadata_));
  metadata_ = staged_.metadata();
  schema_ = staged_.schema();
}

void TableAlteration::AddColumn(const duckdb::AddColumnInfo& info) {
  const auto& column = info.new_column;
  if (FindIn(&schema_.fields, column.Name())) {
    if (info.if_column_not_exists) return;
    throw duckdb::CatalogException("table %s has a column '%s' already", entry_.QualifiedName(),
                                   column.Name());
  }
  if (column.HasDefaultValue()) {
    throw duckdb::NotImplementedException(
        "ADD COLUMN %s … DEFAULT is not supported: existing rows would have to be rewritten; add "
        "the "
        "column, then UPDATE the table",
        column.Name());
  }
  schema_.fields.push_back(FieldForColumn(column));
  const auto properties = ValueOrThrow(delta::ParseProperties(metadata_.configuration));
  if (properties.column_mapping != delta::ColumnMappingMode::kNone) {
    // A fresh physical name: files may still hold a dropped column of this name.
    const auto max_id =
        ValueOrThrow(delta::AssignColumnMapping(&schema_, properties.max_column_id, false));
    metadata_.configuration["delta.columnMapping.maxColumnId"] = std::to_string(max_id);
  }
  Save("ADD COLUMNS",
       {{"columns", JsonString("[{\"column\":{\"name\":" + JsonString(column.Name()) +
                               ",\"type\":" + JsonString(schema_.fields.back().type->ToString()) +
                               ",\"nullable\":true,\"metadata\":{}}}]")}});
}

// CHECK constraints and generated columns name columns in SQL text, which a rename would leave
// behind.
void TableAlteration::RefuseIfReferenced(const std::string& column, const char* verb) {
  const std::string wanted = StringUtil::Lower(column);
  const auto mentions = [&](const std::string& text) {
    const std::string lower = StringUtil::Lower(text);
    for (size_t at = lower.find(wanted); at != std::string::npos; at = lower.find(wanted, at + 1)) {
      const auto is_word = [&](size_t i) {
        return i < lower.size() &&
               (std::isalnum(static_cast<unsigned char>(lower[i])) || lower[i] == '_');
      };
      if ((at == 0 || !is_word(at - 1)) && !is_word(at + wanted.size())) return true;
    }
    return false;
  };
  for (const auto& [key, text] : metadata_.configuration) {
    if (StringUtil::StartsWith(key, "delta.constraints.") && mentions(text)) {
      throw duckdb::CatalogException(
          "column '%s' of table %s cannot be %s: constraint '%s' uses it (%s); drop the constraint "
          "first",
          column, entry_.QualifiedName(), verb, key.substr(18), text);
    }
  }
  for (const auto& field : schema_.fields) {
    const auto generated = field.StringMetadata("delta.generationExpression");
    if (generated && mentions(*generated)) {
      throw duckdb::CatalogException(
          "column '%s' of table %s cannot be %s: column '%s' is generated from it", column,
          entry_.QualifiedName(), verb, field.name);
    }
  }
}

void TableAlteration::RenameColumn(const duckdb::RenameColumnInfo& info) {
  const std::string old_name = Column(info.old_name).name;
  if (auto* taken = FindIn(&schema_.fields, info.new_name);
      taken && !StringUtil::CIEquals(taken->name, old_name)) {
    throw duckdb::CatalogException("table %s has a column '%s' already", entry_.QualifiedName(),
                                   taken->name);
  }
  RefuseIfReferenced(old_name, "renamed");
  RequireMapping();
  Column(old_name).name = info.new_name;
  for (auto& column : metadata_.partition_columns) {
    if (StringUtil::CIEquals(column, old_name)) column = info.new_name;
  }
  Save("RENAME COLUMN",
       {{"oldColumnPath", JsonString(old_name)}, {"newColumnPath", JsonString(info.new_name)}});
}

void TableAlteration::DropColumn(const duckdb::RemoveColumnInfo& info) {
  if (!FindIn(&schema_.fields, info.removed_column) && info.if_column_exists) return;
  const std::string name = Column(info.removed_column).name;
  if (IsPartitionColumn(name)) {
    throw duckdb::CatalogException("table %s is partitioned by '%s', which cannot be dropped",
                                   entry_.QualifiedName(), name);
  }
  if (schema_.fields.size() - metadata_.partition_columns.size() <= 1) {
    throw duckdb::CatalogException("column '%s' is the last of table %s; drop the table instead",
                                   name, entry_.QualifiedName());
  }
  RefuseIfReferenced(name, "dropped");
  if (staged_.base()) {
    for (const auto& clustered : ClusteringColumns(*staged_.base())) {
      if (!StringUtil::CIEquals(clustered, name)) continue;
      throw duckdb::CatalogException(
          "table %s is clustered by '%s', which cannot be dropped; ALTER TABLE … CLUSTER BY NONE "
          "first",
          entry_.QualifiedName(), name);
    }
  }
  RequireMapping();
  auto& fields = schema_.fields;
  fields.erase(std::find_if(fields.begin(), fields.end(),
                            [&](const auto& field) { return field.name == name; }));
  Save("DROP COLUMNS", {{"columns", JsonString("[" + JsonString(name) + "]")}});
}

void TableAlteration::CheckNoNulls(const delta::StructField& field) {
  // The statement's own transaction cannot run another query; a second connection reads what is
  // committed.
  if (staged_.HasChanges() || transaction_.IsCreating(entry_.table())) {
    throw duckdb::NotImplementedException(
        "SET NOT NULL after other changes of table %s in one transaction is not supported; COMMIT "
        "first",
        entry_.QualifiedName());
  }
  duckdb::Connection connection(*context_.db);
  const auto quote = [](const std::string& name) {
    return duckdb::KeywordHelper::WriteOptionallyQuoted(name);
  };
  auto result = connection.Query(
      "SELECT count(*) FROM " + quote(entry_.ParentCatalog().GetName()) + "." +
      quote(entry_.ParentSchema().name) + "." + quote(entry_.name) + " AT (VERSION => " +
      entry_.snapshot()->version().ToString() + ") WHERE " + quote(field.name) + " IS NULL");
  if (result->HasError()) result->ThrowError();
  const auto nulls = result->GetValue(0, 0).GetValue<int64_t>();
  if (nulls == 0) return;
  throw duckdb::ConstraintException(
      "column '%s' of table %s holds %d NULL%s; UPDATE or DELETE them before SET NOT NULL",
      field.name, entry_.QualifiedName(), nulls, nulls == 1 ? "" : "s");
}

void TableAlteration::SetNotNull(const duckdb::SetNotNullInfo& info) {
  auto& field = Column(info.column_name);
  if (!field.nullable) return;
  CheckNoNulls(field);
  // A concurrent append may bring NULLs: it must not slip past.
  staged_.ReadWholeTable();
  field.nullable = false;
  Save("CHANGE COLUMN",
       {{"column", JsonString("{\"name\":" + JsonString(field.name) + ",\"nullable\":false}")}});
}

void TableAlteration::DropNotNull(const duckdb::DropNotNullInfo& info) {
  auto& field = Column(info.column_name);
  if (field.nullable) return;
  field.nullable = true;
  Save("CHANGE COLUMN",
       {{"column", JsonString("{\"name\":" + JsonString(field.name) + ",\"nullable\":true}")}});
}

void TableAlteration::ChangeType(const duckdb::ChangeColumnTypeInfo& info) {
  auto& field = Column(info.column_name);
  if (ToLogicalType(*field.type) == info.target_type) return;
  if (IsIdentity(field)) {
    throw duckdb::NotImplementedException("column '%s' of table %s is an identity and stays BIGINT",
                                          field.name, entry_.QualifiedName());
  }
  const auto to = FromLogicalType(info.target_type, field.name);
  delta::StructField widened = field;
  if (!delta::WidenField(&widened, to).ok()) {
    throw duckdb::NotImplementedException(
        "column '%s' of table %s is %s and cannot become %s: only types that hold every value of "
        "the old ones, in structs of the same fields, can; CREATE OR REPLACE TABLE %s AS SELECT … "
        "with a CAST rewrites it",
        field.name, entry_.QualifiedName(), field.type->ToString(), to->ToString(),
        entry_.QualifiedName());
  }
  const auto enabled = metadata_.configuration.find(kWidening);
  if (enabled == metadata_.configuration.end() || !StringUtil::CIEquals(enabled->second, "true")) {
    throw duckdb::NotImplementedException(
        "column '%s' of table %s can become %s only where type widening is on, which readers have "
        "to know; ALTER TABLE %s SET TBLPROPERTIES ('%s' = 'true') first",
        field.name, entry_.QualifiedName(), to->ToString(), entry_.QualifiedName(), kWidening);
  }
  RefuseIfReferenced(field.name, "given another type");
  field = std::move(widened);
  Save("CHANGE COLUMN", {{"column", JsonString("{\"name\":" + JsonString(field.name) +
                                               ",\"type\":" + JsonString(to->ToString()) + "}")}});
}

void TableAlteration::SetDefault(const duckdb::SetDefaultInfo& info) {
  auto& field = Column(info.column_name);
  if (info.expression) {
    field.metadata["CURRENT_DEFAULT"] = JsonString(info.expression->ToString());
  } else {
    field.metadata.erase("CURRENT_DEFAULT");
  }
  delta::Schema schema = schema_;
  CheckColumnDefinitions(
      context_, MakeWriteTarget(entry_.QualifiedName(), entry_.table(), schema, metadata_));
  Save("CHANGE COLUMN", {{"column", JsonString("{\"name\":" + JsonString(field.name) + "}")}});
}

void TableAlteration::ClusterBy(const duckdb::SetSortedByInfo& info) {
  std::vector<std::string> columns;
  for (const auto& order : info.orders) {
    columns.push_back(ClusteringColumn(*order.expression, entry_.QualifiedName()));
  }
  std::string before;
  if (staged_.base()) {
    for (const auto& name : ClusteringColumns(*staged_.base())) {
      before += (before.empty() ? "" : ",") + name;
    }
  }
  StageClustering(staged_, entry_.QualifiedName(), columns);
  std::string after;
  for (const auto& name : columns) after += (after.empty() ? "" : ",") + name;
  if (transaction_.IsCreating(entry_.table())) return;
  staged_.SetOperation("CLUSTER BY", {{"oldClusteringColumns", JsonString(before)},
                                      {"newClusteringColumns", JsonString(after)}});
}

void TableAlteration::SetTableComment(const duckdb::Value& comment) {
  metadata_.description =
      comment.IsNull() ? std::nullopt : std::optional<std::string>(comment.ToString());
  Save("SET TBLPROPERTIES",
       {{"properties", JsonString("{\"comment\":" + JsonString(comment.ToString()) + "}")}});
}

void TableAlteration::SetColumnComment(const std::string& column, const duckdb::Value& comment) {
  auto& field = Column(column);
  if (comment.IsNull()) {
    field.metadata.erase("comment");
  } else {
    field.metadata["comment"] = JsonString(comment.ToString());
  }
  Save("CHANGE COLUMN", {{"column", JsonString("{\"name\":" + JsonString(field.name) + "}")}});
}

void TableAlteration::Apply(duckdb::AlterTableInfo& info) {
  switch (info.alter_table_type) {
    case AlterTableType::ADD_COLUMN: return AddColumn(info.Cast<duckdb::AddColumnInfo>());
    case AlterTableType::RENAME_COLUMN: return RenameColumn(info.Cast<duckdb::RenameColumnInfo>());
    case AlterTableType::REMOVE_COLUMN: return DropColumn(info.Cast<duckdb::RemoveColumnInfo>());
    case AlterTableType::SET_NOT_NULL: return SetNotNull(info.Cast<duckdb::SetNotNullInfo>());
    case AlterTableType::DROP_NOT_NULL: return DropNotNull(info.Cast<duckdb::DropNotNullInfo>());
    case AlterTableType::ALTER_COLUMN_TYPE:
      return ChangeType(info.Cast<duckdb::ChangeColumnTypeInfo>());
    case AlterTableType::RENAME_TABLE:
      throw duckdb::NotImplementedException(
          "a table is found by its folder, so %s cannot be renamed; CREATE TABLE … AS SELECT * "
          "FROM "
          "it, then DROP it",
          entry_.QualifiedName());
    case AlterTableType::SET_PARTITIONED_BY:
      throw duckdb::NotImplementedException(
          "the partitioning of %s cannot change in place; CREATE OR REPLACE TABLE … PARTITIONED BY "
          "… "
          "AS SELECT rewrites it",
          entry_.QualifiedName());
    case AlterTableType::SET_DEFAULT: return SetDefault(info.Cast<duckdb::SetDefaultInfo>());
    case AlterTableType::SET_SORTED_BY: return ClusterBy(info.Cast<duckdb::SetSortedByInfo>());
    case AlterTableType::ADD_FIELD:
    case AlterTableType::REMOVE_FIELD:
    case AlterTableType::RENAME_FIELD:
      throw duckdb::NotImplementedException(
          "fields of struct columns cannot be added, dropped or renamed in place; CREATE OR "
          "REPLACE "
          "TABLE %s AS SELECT rewrites the column",
          entry_.QualifiedName());
    default:
      throw duckdb::NotImplementedException(
          "this form of ALTER TABLE is not supported on Delta tables (table %s)",
          entry_.QualifiedName());
  }
}

}  // namespace

void LakeSchemaEntry::Alter(duckdb::CatalogTransaction transaction, duckdb::AlterInfo& info) {
  auto& context = transaction.GetContext();
  const std::string table = FindTable(info.name);
  if (table.empty()) {
    const std::string view = FindView(info.name);
    if (!view.empty()) return AlterView(view, info);
    if (info.if_not_found == duckdb::OnEntryNotFound::RETURN_NULL) return;
    throw duckdb::CatalogException("table '%s.%s' does not exist", folder_, info.name);
  }
  auto& entry = TableEntry(context, table, nullptr)->Cast<DeltaTableEntry>();
  TableAlteration alteration(context, transaction_, entry);
  switch (info.type) {
    case duckdb::AlterType::ALTER_TABLE:
      return alteration.Apply(info.Cast<duckdb::AlterTableInfo>());
    case duckdb::AlterType::SET_COMMENT:
      return alteration.SetTableComment(info.Cast<duckdb::SetCommentInfo>().comment_value);
    case duckdb::AlterType::SET_COLUMN_COMMENT: {
      const auto& comment = info.Cast<duckdb::SetColumnCommentInfo>();
      return alteration.SetColumnComment(comment.column_name, comment.comment_value);
    }
    default:
      throw duckdb::NotImplementedException(
          "this ALTER is not supported on Delta tables (table %s.%s)", folder_, table);
  }
}

void LakeSchemaEntry::AlterView(const std::string& view, duckdb::AlterInfo& info) {
  const std::string key = folder_ + "/" + view + kViewSuffix;
  if (info.type == duckdb::AlterType::SET_COMMENT) {
    ViewFile file = ValueOrThrow(ParseView(*transaction_.ReadObject(key), key));
    const auto& comment = info.Cast<duckdb::SetCommentInfo>().comment_value;
    file.comment = comment.IsNull() ? std::nullopt : std::optional<std::string>(comment.ToString());
    transaction_.StageObject(key, SerializeView(file));
    return;
  }
  if (info.type == duckdb::AlterType::ALTER_VIEW) {
    const std::string target = info.Cast<duckdb::RenameViewInfo>().new_view_name;
    if (!FindTable(target).empty() || !FindView(target).empty()) {
      throw duckdb::CatalogException("'%s.%s' exists already; choose another name", folder_,
                                     target);
    }
    ViewFile file = ValueOrThrow(ParseView(*transaction_.ReadObject(key), key));
    file.name = target;
    transaction_.StageObject(folder_ + "/" + target + kViewSuffix, SerializeView(file));
    transaction_.StageObject(key, std::nullopt);
    return;
  }
  throw duckdb::CatalogException("'%s.%s' is a view; use ALTER VIEW", folder_, view);
}

}  // namespace tarn::duck
