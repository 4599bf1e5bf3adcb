#include "duck/write_target.h"

#include <algorithm>

#include "delta/row_tracking.h"
#include "duck/status_exception.h"
#include "duck/types.h"
#include "duckdb/common/string_util.hpp"

namespace tarn::duck {
namespace {

using delta::DataType;
using delta::TypeKind;
using duckdb::LogicalType;
using duckdb::Value;

constexpr uint64_t kDefaultFileBytes = uint64_t{512} << 20;
constexpr uint64_t kOptimizedFileBytes = uint64_t{128} << 20;

// The type with the physical names of nested fields.
LogicalType PhysicalType(const DataType& type, bool mapped) {
  switch (type.kind) {
    case TypeKind::kStruct: {
      duckdb::child_list_t<LogicalType> fields;
      for (const auto& field : type.fields) {
        fields.emplace_back(field.PhysicalName(mapped), PhysicalType(*field.type, mapped));
      }
      return LogicalType::STRUCT(std::move(fields));
    }
    case TypeKind::kArray: return LogicalType::LIST(PhysicalType(*type.element, mapped));
    case TypeKind::kMap:
      return LogicalType::MAP(PhysicalType(*type.key, mapped), PhysicalType(*type.element, mapped));
    // The form that every Delta reader knows: two binary fields, not shredded.
    case TypeKind::kVariant: return VariantFileType();
    default: return ToLogicalType(type);
  }
}

bool HoldsVariant(const DataType& type) {
  if (type.kind == TypeKind::kVariant) return true;
  if (type.element && HoldsVariant(*type.element)) return true;
  if (type.key && HoldsVariant(*type.key)) return true;
  return std::any_of(type.fields.begin(), type.fields.end(),
                     [](const auto& field) { return HoldsVariant(*field.type); });
}

constexpr const char* kOwnId = "__duckdb_field_id";

// Ids of what lies below a type; empty when nothing there has one.
duckdb::child_list_t<Value> NestedIds(const DataType& type);

void AddFieldId(const delta::StructField& field, duckdb::child_list_t<Value>* out) {
  const auto id = field.FieldId();
  auto nested = NestedIds(*field.type);
  if (!id && nested.empty()) return;
  if (nested.empty()) {
    out->emplace_back(field.PhysicalName(true), Value::BIGINT(*id));
    return;
  }
  if (id) nested.insert(nested.begin(), {kOwnId, Value::BIGINT(*id)});
  out->emplace_back(field.PhysicalName(true), Value::STRUCT(std::move(nested)));
}

duckdb::child_list_t<Value> NestedIds(const DataType& type) {
  duckdb::child_list_t<Value> out;
  const auto add = [&](const char* name, const DataType& child) {
    auto nested = NestedIds(child);
    if (!nested.empty()) out.emplace_back(name, Value::STRUCT(std::move(nested)));
  };
  if (type.kind == TypeKind::kStruct) {
    for (const auto& field : type.fields) AddFieldId(field, &out);
  } else if (type.kind == TypeKind::kArray) {
    add("element", *type.element);
  } else if (type.kind == TypeKind::kMap) {
    add("key", *type.key);
    add("value", *type.element);
  }
  return out;
}

std::string Property(const delta::Metadata& metadata, const char* name) {
  const auto found = metadata.configuration.find(name);
  return found == metadata.configuration.end() ? "" : duckdb::StringUtil::Lower(found->second);
}

uint64_t TargetFileBytes(const delta::Metadata& metadata, uint64_t otherwise) {
  const auto found = metadata.configuration.find("delta.targetFileSize");
  if (found == metadata.configuration.end()) return otherwise;
  try {
    // "134217728", "128mb", "1g".
    std::string text = duckdb::StringUtil::Lower(found->second);
    if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos) text += "b";
    if (!text.empty() && text.back() != 'b') text += "b";
    return std::max<uint64_t>(duckdb::DBConfig::ParseMemoryLimit(text), uint64_t{1} << 20);
  } catch (const std::exception&) {
    return otherwise;
  }
}

}  // namespace

LogicalType VariantFileType() {
  return LogicalType::STRUCT({{"metadata", LogicalType::BLOB}, {"value", LogicalType::BLOB}});
}

Value WriteTarget::FieldIds() const {
  if (!mapped()) return Value();
  duckdb::child_list_t<Value> ids;
  for (const auto column : file_columns) AddFieldId(schema.fields[column], &ids);
  return ids.empty() ? Value() : Value::STRUCT(std::move(ids));
}

std::shared_ptr<const WriteTarget> MakeWriteTarget(const std::string& name,
                                                   const std::shared_ptr<delta::Table>& table,
                                                   const delta::Schema& schema,
                                                   const delta::Metadata& metadata) {
  auto target = std::make_shared<WriteTarget>();
  target->name = name;
  target->table = table;
  target->schema = schema;
  target->properties = ValueOrThrow(delta::ParseProperties(metadata.configuration));
  const bool mapped = target->mapped();
  for (const auto& partition : metadata.partition_columns) {
    const auto found = std::find_if(
        schema.fields.begin(), schema.fields.end(),
        [&](const auto& field) { return duckdb::StringUtil::CIEquals(field.name, partition); });
    if (found == schema.fields.end()) {
      ThrowStatus(Status::Corruption("table " + name + " is partitioned by '" + partition +
                                     "', which is not one of its columns"));
    }
    target->partition_columns.push_back(static_cast<duckdb::idx_t>(found - schema.fields.begin()));
  }
  for (duckdb::idx_t i = 0; i < schema.fields.size(); ++i) {
    const auto& field = schema.fields[i];
    target->types.push_back(ToLogicalType(*field.type));
    const auto& partitions = target->partition_columns;
    if (std::find(partitions.begin(), partitions.end(), i) != partitions.end()) continue;
    if (field.type->kind == TypeKind::kVoid) continue;  // void columns are never stored
    if (field.type->kind != TypeKind::kVariant && HoldsVariant(*field.type)) {
      ThrowStatus(Status::Unsupported("table " + name + ": column '" + field.name +
                                      "' holds a VARIANT inside another type, which this build "
                                      "reads but does not write; make it a column of its own"));
    }
    target->file_columns.push_back(i);
    target->file_names.push_back(field.PhysicalName(mapped));
    target->file_types.push_back(PhysicalType(*field.type, mapped));
  }
  if (target->file_columns.empty()) {
    ThrowStatus(Status::Unsupported("table " + name +
                                    " has no column besides its partition columns; add one"));
  }
  const auto prefixes = metadata.configuration.find("delta.randomizeFilePrefixes");
  target->random_prefix = mapped || (prefixes != metadata.configuration.end() &&
                                     duckdb::StringUtil::CIEquals(prefixes->second, "true"));
  target->target_file_bytes = TargetFileBytes(metadata, kDefaultFileBytes);
  // `delta.autoOptimize` is the old name for this and for auto-compaction.
  std::string optimized = Property(metadata, "delta.autoOptimize.optimizeWrite");
  if (optimized.empty()) optimized = Property(metadata, "delta.autoOptimize");
  target->written_file_bytes = optimized == "true" ? TargetFileBytes(metadata, kOptimizedFileBytes)
                                                   : target->target_file_bytes;
  if (const auto columns = delta::RowTrackingColumns(metadata)) {
    target->row_id_column = columns->row_id;
    target->row_version_column = columns->row_commit_version;
  }
  return target;
}

}  // namespace tarn::duck
