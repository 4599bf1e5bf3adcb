// Delta's schema: types, fields, and the JSON form of `schemaString` (PROTOCOL.md, "Schema
// Serialization Format"). Column mapping lives in field metadata and is resolved by the accessors
// here.
//
// Types are immutable and shared; safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace tarn::delta {

enum class TypeKind {
  kString,
  kLong,
  kInteger,
  kShort,
  kByte,
  kFloat,
  kDouble,
  kDecimal,
  kBoolean,
  kBinary,
  kDate,
  kTimestamp,
  kTimestampNtz,
  kVariant,
  kVoid,
  kStruct,
  kArray,
  kMap,
};

struct StructField;
class DataType;
using DataTypePtr = std::shared_ptr<const DataType>;

class DataType {
 public:
  TypeKind kind = TypeKind::kString;
  int precision = 0;                // decimal
  int scale = 0;                    // decimal
  std::vector<StructField> fields;  // struct
  DataTypePtr element;              // array element, map value
  bool element_nullable = true;     // array containsNull, map valueContainsNull
  DataTypePtr key;                  // map key

  static DataTypePtr Primitive(TypeKind kind);
  static DataTypePtr Decimal(int precision, int scale);
  static DataTypePtr Struct(std::vector<StructField> fields);
  static DataTypePtr Array(DataTypePtr element, bool contains_null);
  static DataTypePtr Map(DataTypePtr key, DataTypePtr value, bool value_contains_null);
  bool is_primitive() const { return kind < TypeKind::kStruct; }
  // Delta's name: "long", "decimal(10,2)", "struct<…>" for people.
  std::string ToString() const;
};

struct StructField {
  std::string name;
  DataTypePtr type;
  bool nullable = true;
  // Field metadata: key -> JSON text of the value (strings keep their quotes).
  std::map<std::string, std::string> metadata;

  // The name in data files, statistics and partition values: delta.columnMapping.physicalName when
  // column mapping is on and present, else `name`.
  const std::string& PhysicalName(bool column_mapping_on) const;
  std::optional<int32_t> FieldId() const;  // delta.columnMapping.id
  std::optional<std::string> StringMetadata(const std::string& key) const;  // unquoted

 private:
  mutable std::string physical_cache_;
};

// The top-level struct of a table.
struct Schema {
  std::vector<StructField> fields;
  // Case-insensitive, as column names are; null when absent.
  const StructField* Find(const std::string& name) const;
};

enum class ColumnMappingMode { kNone, kName, kId };

// Errors: kCorruption naming the column; kUnsupported naming the column and the unknown type.
Result<Schema> ParseSchema(const std::string& schema_string);
std::string SerializeSchema(const Schema& schema);
bool SameType(const DataType& a, const DataType& b);  // ignores field metadata

// Rejects duplicate names (case-insensitive, at every level), characters no Parquet column may hold
// (" ,;{}()\n\t=" unless column mapping is on), void inside arrays and maps.
Status ValidateSchemaForWrite(const Schema& schema, ColumnMappingMode mode);

// Gives every field without one a fresh id and physical name ("col-<uuid>", or the logical name
// when `keep_names`, used when mapping is switched on for existing data). Returns the new maximum
// id.
Result<int32_t> AssignColumnMapping(Schema* schema, int32_t max_column_id, bool keep_names);

}  // namespace tarn::delta
