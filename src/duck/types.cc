#include "duck/types.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "duckdb/common/types/decimal.hpp"
#include "duckdb/common/types/hugeint.hpp"
#include "duckdb/common/types/timestamp.hpp"

namespace tarn::duck {

using delta::DataType;
using delta::DataTypePtr;
using delta::TypeKind;
using duckdb::LogicalType;
using duckdb::LogicalTypeId;

LogicalType ToLogicalType(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kString: return LogicalType::VARCHAR;
    case TypeKind::kLong: return LogicalType::BIGINT;
    case TypeKind::kInteger: return LogicalType::INTEGER;
    case TypeKind::kShort: return LogicalType::SMALLINT;
    case TypeKind::kByte: return LogicalType::TINYINT;
    case TypeKind::kFloat: return LogicalType::FLOAT;
    case TypeKind::kDouble: return LogicalType::DOUBLE;
    case TypeKind::kDecimal:
      return LogicalType::DECIMAL(static_cast<uint8_t>(type.precision),
                                  static_cast<uint8_t>(type.scale));
    case TypeKind::kBoolean: return LogicalType::BOOLEAN;
    case TypeKind::kBinary: return LogicalType::BLOB;
    case TypeKind::kDate: return LogicalType::DATE;
    case TypeKind::kTimestamp: return LogicalType::TIMESTAMP_TZ;
    case TypeKind::kTimestampNtz: return LogicalType::TIMESTAMP;
    case TypeKind::kVariant: return LogicalType::VARIANT();
    case TypeKind::kVoid: return LogicalType::SQLNULL;
    case TypeKind::kStruct: {
      duckdb::child_list_t<LogicalType> children;
      for (const auto& field : type.fields) {
        children.emplace_back(field.name, ToLogicalType(*field.type));
      }
      return LogicalType::STRUCT(std::move(children));
    }
    case TypeKind::kArray: return LogicalType::LIST(ToLogicalType(*type.element));
    case TypeKind::kMap:
      return LogicalType::MAP(ToLogicalType(*type.key), ToLogicalType(*type.element));
  }
  throw duckdb::NotImplementedException("a Delta type that this build does not know");
}

namespace {

[[noreturn]] void RefuseType(const LogicalType& type, const std::string& column,
                             const char* cast_to) {
  throw duckdb::NotImplementedException(
      "column '%s' has type %s, which Delta tables cannot hold; cast it to %s", column,
      type.ToString(), cast_to);
}

DataTypePtr FromNestedType(const LogicalType& type, const std::string& column) {
  switch (type.id()) {
    case LogicalTypeId::LIST:
      return DataType::Array(FromLogicalType(duckdb::ListType::GetChildType(type), column), true);
    case LogicalTypeId::ARRAY:
      return DataType::Array(FromLogicalType(duckdb::ArrayType::GetChildType(type), column), true);
    case LogicalTypeId::MAP:
      return DataType::Map(FromLogicalType(duckdb::MapType::KeyType(type), column),
                           FromLogicalType(duckdb::MapType::ValueType(type), column), true);
    default: break;
  }
  std::vector<delta::StructField> fields;
  for (const auto& child : duckdb::StructType::GetChildTypes(type)) {
    if (child.first.empty()) RefuseType(type, column, "a STRUCT whose fields have names");
    delta::StructField field;
    field.name = child.first;
    field.type = FromLogicalType(child.second, column + "." + child.first);
    fields.push_back(std::move(field));
  }
  return DataType::Struct(std::move(fields));
}

}  // namespace

DataTypePtr FromLogicalType(const LogicalType& type, const std::string& column) {
  switch (type.id()) {
    case LogicalTypeId::VARCHAR:
      // JSON and other aliases of VARCHAR are stored as their text.
      return DataType::Primitive(TypeKind::kString);
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::UINTEGER: return DataType::Primitive(TypeKind::kLong);
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::USMALLINT: return DataType::Primitive(TypeKind::kInteger);
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::UTINYINT: return DataType::Primitive(TypeKind::kShort);
    case LogicalTypeId::TINYINT: return DataType::Primitive(TypeKind::kByte);
    case LogicalTypeId::FLOAT: return DataType::Primitive(TypeKind::kFloat);
    case LogicalTypeId::DOUBLE: return DataType::Primitive(TypeKind::kDouble);
    case LogicalTypeId::DECIMAL:
      return DataType::Decimal(duckdb::DecimalType::GetWidth(type),
                               duckdb::DecimalType::GetScale(type));
    case LogicalTypeId::BOOLEAN: return DataType::Primitive(TypeKind::kBoolean);
    case LogicalTypeId::BLOB: return DataType::Primitive(TypeKind::kBinary);
    case LogicalTypeId::DATE: return DataType::Primitive(TypeKind::kDate);
    case LogicalTypeId::TIMESTAMP_TZ: return DataType::Primitive(TypeKind::kTimestamp);
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_MS:
    case LogicalTypeId::TIMESTAMP_SEC: return DataType::Primitive(TypeKind::kTimestampNtz);
    case LogicalTypeId::SQLNULL: return DataType::Primitive(TypeKind::kVoid);
    case LogicalTypeId::VARIANT: return DataType::Primitive(TypeKind::kVariant);
    case LogicalTypeId::LIST:
    case LogicalTypeId::ARRAY:
    case LogicalTypeId::MAP:
    case LogicalTypeId::STRUCT: return FromNestedType(type, column);
    // Every value keeps its digits; one of more than 38 is an error when it is written.
    case LogicalTypeId::UBIGINT: return DataType::Decimal(20, 0);
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::UHUGEINT: return DataType::Decimal(38, 0);
    case LogicalTypeId::ENUM:
    case LogicalTypeId::UUID: return DataType::Primitive(TypeKind::kString);
    case LogicalTypeId::TIMESTAMP_NS: RefuseType(type, column, "TIMESTAMP (microseconds)");
    case LogicalTypeId::TIME:
    case LogicalTypeId::TIME_TZ:
    case LogicalTypeId::INTERVAL:
    default: RefuseType(type, column, "VARCHAR");
  }
}

namespace {

__int128 ToInt128(const duckdb::hugeint_t& value) {
  return (static_cast<__int128>(value.upper) << 64) | static_cast<__int128>(value.lower);
}

duckdb::hugeint_t FromInt128(__int128 value) {
  duckdb::hugeint_t out;
  out.upper = static_cast<int64_t>(value >> 64);
  out.lower = static_cast<uint64_t>(value);
  return out;
}

delta::Value DecimalToDelta(const duckdb::Value& value) {
  delta::DecimalValue out;
  out.scale = duckdb::DecimalType::GetScale(value.type());
  switch (value.type().InternalType()) {
    case duckdb::PhysicalType::INT16: out.unscaled = value.GetValueUnsafe<int16_t>(); break;
    case duckdb::PhysicalType::INT32: out.unscaled = value.GetValueUnsafe<int32_t>(); break;
    case duckdb::PhysicalType::INT64: out.unscaled = value.GetValueUnsafe<int64_t>(); break;
    default: out.unscaled = ToInt128(value.GetValueUnsafe<duckdb::hugeint_t>()); break;
  }
  return delta::Value(out);
}

}  // namespace

delta::Value ToDeltaValue(const duckdb::Value& value) {
  using delta::Value;
  if (value.IsNull()) return Value();
  switch (value.type().id()) {
    case LogicalTypeId::VARCHAR:
    case LogicalTypeId::BLOB: return Value(Value::Rep(duckdb::StringValue::Get(value)));
    case LogicalTypeId::BOOLEAN: return Value(Value::Rep(duckdb::BooleanValue::Get(value)));
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::UINTEGER: return Value(Value::Rep(value.GetValue<int64_t>()));
    case LogicalTypeId::UBIGINT:
    case LogicalTypeId::HUGEINT: {
      const auto wide = value.GetValue<duckdb::hugeint_t>();
      return Value(Value::Rep(delta::DecimalValue{ToInt128(wide), 0}));
    }
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE: {
      const double number = value.GetValue<double>();
      if (std::isnan(number)) return Value();
      return Value(Value::Rep(number));
    }
    case LogicalTypeId::DECIMAL: return DecimalToDelta(value);
    case LogicalTypeId::DATE: {
      const auto date = value.GetValue<duckdb::date_t>();
      if (!duckdb::Date::IsFinite(date)) return Value();
      return Value(Value::Rep(delta::DateValue{date.days}));
    }
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ: {
      const auto micros = value.GetValueUnsafe<int64_t>();
      if (!duckdb::Timestamp::IsFinite(duckdb::timestamp_t(micros))) return Value();
      return Value(Value::Rep(delta::TimestampValue{micros}));
    }
    default: return Value();
  }
}

namespace {

duckdb::Value DecimalFromDelta(const delta::DecimalValue& decimal, const LogicalType& type) {
  const auto width = duckdb::DecimalType::GetWidth(type);
  const auto scale = duckdb::DecimalType::GetScale(type);
  const auto own =
      duckdb::Value::DECIMAL(FromInt128(decimal.unscaled), 38, static_cast<uint8_t>(decimal.scale));
  if (decimal.scale == scale && width == 38) return own;
  return own.DefaultCastAs(type);
}

}  // namespace

duckdb::Value ToDuckValue(const delta::Value& value, const DataType& type) {
  const LogicalType logical = ToLogicalType(type);
  if (value.is_null()) return duckdb::Value(logical);
  const auto& rep = value.rep();
  if (const auto* flag = std::get_if<bool>(&rep)) return duckdb::Value::BOOLEAN(*flag);
  if (const auto* number = std::get_if<int64_t>(&rep)) {
    return duckdb::Value::BIGINT(*number).DefaultCastAs(logical);
  }
  if (const auto* number = std::get_if<double>(&rep)) {
    return type.kind == TypeKind::kFloat ? duckdb::Value::FLOAT(static_cast<float>(*number))
                                         : duckdb::Value::DOUBLE(*number).DefaultCastAs(logical);
  }
  if (const auto* text = std::get_if<std::string>(&rep)) {
    if (type.kind == TypeKind::kBinary) return duckdb::Value::BLOB_RAW(*text);
    return duckdb::Value(*text);
  }
  if (const auto* decimal = std::get_if<delta::DecimalValue>(&rep)) {
    return DecimalFromDelta(*decimal, logical);
  }
  if (const auto* date = std::get_if<delta::DateValue>(&rep)) {
    return duckdb::Value::DATE(duckdb::date_t(date->days));
  }
  const auto& timestamp = std::get<delta::TimestampValue>(rep);
  if (type.kind == TypeKind::kTimestampNtz) {
    return duckdb::Value::TIMESTAMP(duckdb::timestamp_t(timestamp.micros));
  }
  return duckdb::Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(timestamp.micros));
}

}  // namespace tarn::duck
