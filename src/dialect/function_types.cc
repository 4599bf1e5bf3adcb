#include "dialect/function_types.h"

#include <algorithm>

#include "duckdb/planner/expression/bound_constant_expression.hpp"

namespace tarn::dialect {

using namespace duckdb;

bool IsIntegral(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::UINTEGER:
    case LogicalTypeId::UBIGINT:
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::UHUGEINT: return true;
    default: return false;
  }
}

bool IsFloating(const LogicalType& type) {
  return type.id() == LogicalTypeId::FLOAT || type.id() == LogicalTypeId::DOUBLE;
}
bool IsDecimal(const LogicalType& type) { return type.id() == LogicalTypeId::DECIMAL; }
bool IsNumeric(const LogicalType& type) {
  return IsIntegral(type) || IsFloating(type) || IsDecimal(type);
}
bool IsText(const LogicalType& type) { return type.id() == LogicalTypeId::VARCHAR; }
bool IsMoment(const LogicalType& type) {
  return type.id() == LogicalTypeId::DATE || type.id() == LogicalTypeId::TIMESTAMP ||
         type.id() == LogicalTypeId::TIMESTAMP_TZ;
}

DecimalShape ShapeOf(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::UTINYINT: return {3, 0};
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::USMALLINT: return {5, 0};
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::UINTEGER: return {10, 0};
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::UBIGINT: return {20, 0};
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::UHUGEINT: return {38, 0};
    case LogicalTypeId::DECIMAL:
      return {duckdb::DecimalType::GetWidth(type), duckdb::DecimalType::GetScale(type)};
    default: return {10, 0};
  }
}

LogicalType DecimalType(DecimalShape shape) {
  return LogicalType::DECIMAL(static_cast<uint8_t>(shape.precision),
                              static_cast<uint8_t>(shape.scale));
}

DecimalShape Adjusted(int precision, int scale) {
  if (precision <= 38) return {precision, scale};
  const int digits = precision - scale;
  const int least_scale = std::min(scale, 6);
  return {38, std::max(38 - digits, least_scale)};
}

DecimalShape ShapeOfArgument(FunctionCall& call, idx_t i) {
  Value value;
  if (IsIntegral(call.Type(i)) &&
      call.arguments[i]->GetExpressionClass() == ExpressionClass::BOUND_CONSTANT &&
      call.Constant(i, value) && !value.IsNull()) {
    auto text = value.ToString();
    return {static_cast<int>(text.size() - (text[0] == '-')), 0};
  }
  return ShapeOf(call.Type(i));
}

namespace {

int IntegralRank(const LogicalType& type) { return ShapeOf(type).precision; }

std::optional<LogicalType> CommonNumeric(const LogicalType& left, const LogicalType& right) {
  if (left.id() == LogicalTypeId::DOUBLE || right.id() == LogicalTypeId::DOUBLE) {
    return LogicalType::DOUBLE;
  }
  if (IsFloating(left) || IsFloating(right)) {
    return left == right ? LogicalType::FLOAT : LogicalType::DOUBLE;
  }
  if (!IsDecimal(left) && !IsDecimal(right)) {
    return IntegralRank(left) >= IntegralRank(right) ? left : right;
  }
  const auto a = ShapeOf(left);
  const auto b = ShapeOf(right);
  const int scale = std::max(a.scale, b.scale);
  const int digits = std::max(a.precision - a.scale, b.precision - b.scale);
  if (digits + scale > 38) return DecimalType(DecimalShape{38, std::max(0, 38 - digits)});
  return DecimalType(DecimalShape{digits + scale, scale});
}

std::optional<LogicalType> CommonWithText(const LogicalType& other) {
  if (IsIntegral(other)) return LogicalType::BIGINT;
  if (IsNumeric(other)) return LogicalType::DOUBLE;
  switch (other.id()) {
    case LogicalTypeId::DATE:
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ:
    case LogicalTypeId::BOOLEAN:
    case LogicalTypeId::BLOB:
    case LogicalTypeId::INTERVAL:
    case LogicalTypeId::UUID: return other;
    default: return std::nullopt;
  }
}

std::optional<LogicalType> Common(const LogicalType& left, const LogicalType& right,
                                  bool text_may_turn);

std::optional<LogicalType> CommonStruct(const LogicalType& left, const LogicalType& right,
                                        bool text) {
  const auto& a = StructType::GetChildTypes(left);
  const auto& b = StructType::GetChildTypes(right);
  if (a.size() != b.size()) return std::nullopt;
  child_list_t<LogicalType> fields;
  for (idx_t i = 0; i < a.size(); i++) {
    auto common = Common(a[i].second, b[i].second, text);
    if (!common) return std::nullopt;
    fields.emplace_back(a[i].first, *common);
  }
  return LogicalType::STRUCT(std::move(fields));
}

std::optional<LogicalType> Common(const LogicalType& left, const LogicalType& right,
                                  bool text_may_turn) {
  if (left == right) return left;
  if (left.id() == LogicalTypeId::SQLNULL) return right;
  if (right.id() == LogicalTypeId::SQLNULL) return left;
  if (IsNumeric(left) && IsNumeric(right)) return CommonNumeric(left, right);
  if (IsText(left) && IsText(right)) return LogicalType::VARCHAR;
  if (IsText(left) || IsText(right)) {
    if (!text_may_turn) return std::nullopt;
    return CommonWithText(IsText(left) ? right : left);
  }
  if (IsMoment(left) && IsMoment(right)) {
    if (left.id() == LogicalTypeId::TIMESTAMP_TZ || right.id() == LogicalTypeId::TIMESTAMP_TZ) {
      return LogicalType::TIMESTAMP_TZ;
    }
    return LogicalType::TIMESTAMP;
  }
  if (left.id() != right.id()) return std::nullopt;
  switch (left.id()) {
    case LogicalTypeId::LIST: {
      auto child =
          Common(ListType::GetChildType(left), ListType::GetChildType(right), text_may_turn);
      if (!child) return std::nullopt;
      return LogicalType::LIST(*child);
    }
    case LogicalTypeId::MAP: {
      auto key = Common(MapType::KeyType(left), MapType::KeyType(right), text_may_turn);
      auto value = Common(MapType::ValueType(left), MapType::ValueType(right), text_may_turn);
      if (!key || !value) return std::nullopt;
      return LogicalType::MAP(*key, *value);
    }
    case LogicalTypeId::STRUCT: return CommonStruct(left, right, text_may_turn);
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<LogicalType> CommonType(const LogicalType& left, const LogicalType& right) {
  return Common(left, right, true);
}

std::optional<LogicalType> CommonTypeWithoutText(const LogicalType& left,
                                                 const LogicalType& right) {
  return Common(left, right, false);
}

LogicalType UnifyArguments(FunctionCall& call, idx_t from, idx_t step, bool text_may_turn) {
  LogicalType type = LogicalType::SQLNULL;
  for (idx_t i = from; i < call.Count(); i += step) {
    auto common = Common(type, call.Type(i), text_may_turn);
    if (!common) {
      call.Refuse("its arguments " + SparkTypeName(type) + " and " + SparkTypeName(call.Type(i)) +
                  " have no common type; cast one of them");
    }
    type = *common;
  }
  for (idx_t i = from; i < call.Count(); i += step) {
    call.arguments[i] = call.Cast(call.Take(i), type);
  }
  return type;
}

std::string SparkTypeName(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::SQLNULL: return "void";
    case LogicalTypeId::INTEGER: return "int";
    case LogicalTypeId::VARCHAR: return "string";
    case LogicalTypeId::BLOB: return "binary";
    case LogicalTypeId::TIMESTAMP_TZ: return "timestamp";
    case LogicalTypeId::TIMESTAMP: return "timestamp_ntz";
    case LogicalTypeId::DECIMAL:
      return "decimal(" + std::to_string(duckdb::DecimalType::GetWidth(type)) + "," +
             std::to_string(duckdb::DecimalType::GetScale(type)) + ")";
    case LogicalTypeId::LIST: return "array<" + SparkTypeName(ListType::GetChildType(type)) + ">";
    case LogicalTypeId::MAP:
      return "map<" + SparkTypeName(MapType::KeyType(type)) + "," +
             SparkTypeName(MapType::ValueType(type)) + ">";
    case LogicalTypeId::STRUCT: {
      std::string text = "struct<";
      bool first = true;
      for (auto& [name, child] : StructType::GetChildTypes(type)) {
        if (!first) text += ",";
        first = false;
        text += name + ":" + SparkTypeName(child);
      }
      return text + ">";
    }
    default: return StringUtil::Lower(type.ToString());
  }
}

}  // namespace tarn::dialect
