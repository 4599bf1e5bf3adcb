#include "duck/column_mapping.h"

#include <utility>

#include "duck/types.h"
#include "duckdb/common/string_util.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"

namespace tarn::duck {

using delta::ColumnMappingMode;
using delta::DataType;
using delta::TypeKind;
using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using duckdb::MultiFileColumnDefinition;

namespace {

// No Parquet column can be called so: names hold no NUL.
const duckdb::Value& AbsentIdentifier() {
  static const duckdb::Value value(std::string("\0absent", 7));
  return value;
}

MultiFileColumnDefinition ColumnOf(const std::string& name, const DataType& type) {
  MultiFileColumnDefinition column(name, ToLogicalType(type));
  column.default_expression =
      duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value(column.type));
  column.identifier = duckdb::Value(name);
  switch (type.kind) {
    case TypeKind::kStruct:
      for (const auto& field : type.fields) {
        column.children.push_back(ColumnOf(field.name, *field.type));
      }
      break;
    case TypeKind::kArray: column.children.push_back(ColumnOf("list", *type.element)); break;
    case TypeKind::kMap:
      column.children.push_back(ColumnOf("key", *type.key));
      column.children.push_back(ColumnOf("value", *type.element));
      break;
    default: break;
  }
  return column;
}

bool IsInteger(const LogicalType& type) {
  return type.id() == LogicalTypeId::TINYINT || type.id() == LogicalTypeId::SMALLINT ||
         type.id() == LogicalTypeId::INTEGER || type.id() == LogicalTypeId::BIGINT;
}

bool HasFieldIds(const FileColumns& columns) {
  for (const auto& column : columns) {
    if (!column.identifier.IsNull()) return true;
  }
  return false;
}

MultiFileColumnDefinition* FindById(int32_t id, FileColumns* file) {
  for (auto& column : *file) {
    if (column.identifier.IsNull() || column.identifier.type().id() != LogicalTypeId::INTEGER) {
      continue;
    }
    if (column.identifier.GetValue<int32_t>() == id) return &column;
  }
  return nullptr;
}

MultiFileColumnDefinition* FindByName(const std::string& name, FileColumns* file) {
  for (auto& column : *file) {
    if (column.name == name) return &column;
  }
  for (auto& column : *file) {
    if (duckdb::StringUtil::CIEquals(column.name, name)) return &column;
  }
  return nullptr;
}

class FileMapper {
 public:
  FileMapper(ColumnMappingMode mode, const std::string& file_name)
      : mode_(mode), file_name_(file_name) {}

  void MapFields(const std::vector<delta::StructField>& fields, FileColumns* table,
                 FileColumns* file) {
    const bool by_id = mode_ == ColumnMappingMode::kId && HasFieldIds(*file);
    for (size_t i = 0; i < fields.size(); ++i) {
      auto& target = (*table)[i];
      MultiFileColumnDefinition* source = nullptr;
      if (by_id) {
        const auto id = fields[i].FieldId();
        if (id) source = FindById(*id, file);
      } else {
        source = FindByName(fields[i].PhysicalName(mode_ != ColumnMappingMode::kNone), file);
      }
      if (!source || fields[i].type->kind == TypeKind::kVoid) {
        target.identifier = AbsentIdentifier();
        continue;
      }
      target.identifier = duckdb::Value(source->name);
      MapType(fields[i].name, *fields[i].type, &target, source);
    }
  }

 private:
  [[noreturn]] void Mismatch(const std::string& column, const DataType& type,
                             const LogicalType& found) {
    throw duckdb::IOException(
        "column '%s' is %s in the table but %s in data file '%s'; the file was written with "
        "another "
        "schema: remove or rewrite it",
        column, type.ToString(), found.ToString(), file_name_);
  }

  void MapType(const std::string& name, const DataType& type, MultiFileColumnDefinition* target,
               MultiFileColumnDefinition* source) {
    switch (type.kind) {
      case TypeKind::kStruct: {
        if (source->type.id() != LogicalTypeId::STRUCT) Mismatch(name, type, source->type);
        MapFields(type.fields, &target->children, &source->children);
        duckdb::child_list_t<LogicalType> children;
        for (const auto& child : source->children) children.emplace_back(child.name, child.type);
        source->type = LogicalType::STRUCT(std::move(children));
        return;
      }
      case TypeKind::kArray: {
        if (source->type.id() != LogicalTypeId::LIST || source->children.size() != 1) {
          Mismatch(name, type, source->type);
        }
        auto& element = source->children[0];
        element.name = "list";
        target->children[0].identifier = duckdb::Value("list");
        MapType(name, *type.element, &target->children[0], &element);
        source->type = LogicalType::LIST(element.type);
        return;
      }
      case TypeKind::kMap: MapMap(name, type, target, source); return;
      default: source->type = TakenAs(target->type, source->type); return;
    }
  }

  void MapMap(const std::string& name, const DataType& type, MultiFileColumnDefinition* target,
              MultiFileColumnDefinition* source) {
    if (source->type.id() != LogicalTypeId::MAP || source->children.size() != 1 ||
        source->children[0].children.size() != 2) {
      Mismatch(name, type, source->type);
    }
    source->children[0].name = "key_value";
    auto& entries = source->children[0].children;
    entries[0].name = "key";
    entries[1].name = "value";
    target->children[0].identifier = duckdb::Value("key");
    target->children[1].identifier = duckdb::Value("value");
    MapType(name, *type.key, &target->children[0], &entries[0]);
    MapType(name, *type.element, &target->children[1], &entries[1]);
    source->type = LogicalType::MAP(entries[0].type, entries[1].type);
    source->children[0].type = duckdb::ListType::GetChildType(source->type);
  }

  static LogicalType TakenAs(const LogicalType& wanted, const LogicalType& found) {
    const auto pair = [&](LogicalTypeId a, LogicalTypeId b) {
      return wanted.id() == a && found.id() == b;
    };
    if (pair(LogicalTypeId::TIMESTAMP_TZ, LogicalTypeId::TIMESTAMP) ||
        pair(LogicalTypeId::TIMESTAMP, LogicalTypeId::TIMESTAMP_TZ) ||
        pair(LogicalTypeId::VARCHAR, LogicalTypeId::BLOB) ||
        pair(LogicalTypeId::BLOB, LogicalTypeId::VARCHAR)) {
      return wanted;
    }
    return found;
  }

  ColumnMappingMode mode_;
  const std::string& file_name_;
};

}  // namespace

FileColumns TableColumns(const delta::Schema& schema) {
  FileColumns columns;
  for (const auto& field : schema.fields) columns.push_back(ColumnOf(field.name, *field.type));
  return columns;
}

bool KeepsComparisons(const MultiFileColumnDefinition& table, const FileColumns& file) {
  const std::string wanted = table.identifier.ToString();
  for (const auto& column : file) {
    if (column.name != wanted) continue;
    if (column.type == table.type) return true;
    if (table.type.id() != LogicalTypeId::STRUCT) {
      return table.type.IsNested() || (IsInteger(table.type) && IsInteger(column.type));
    }
    for (const auto& child : table.children) {
      if (!KeepsComparisons(child, column.children)) return false;
    }
    return true;
  }
  return true;  // absent: a NULL, compared as the table's type
}

void MapColumns(const std::vector<delta::StructField>& fields, ColumnMappingMode mode,
                const std::string& file_name, FileColumns* table, FileColumns* file) {
  FileMapper(mode, file_name).MapFields(fields, table, file);
}

}  // namespace tarn::duck
