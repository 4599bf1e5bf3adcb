#include "duck/filter_predicate.h"

#include <algorithm>
#include <utility>

#include "duck/types.h"
#include "duckdb/common/types/timestamp.hpp"
#include "duckdb/function/scalar/struct_utils.hpp"
#include "duckdb/planner/expression/list.hpp"
#include "duckdb/planner/filter/expression_filter.hpp"
#include "duckdb/planner/filter/list.hpp"

namespace tarn::duck {

using delta::Predicate;
using delta::PredicateKind;
using delta::TypeKind;
using duckdb::Expression;
using duckdb::ExpressionClass;
using duckdb::ExpressionType;
using duckdb::LogicalTypeId;

namespace {

bool IsInteger(LogicalTypeId id) {
  return id == LogicalTypeId::TINYINT || id == LogicalTypeId::SMALLINT ||
         id == LogicalTypeId::INTEGER || id == LogicalTypeId::BIGINT;
}

int IntegerDigits(LogicalTypeId id) {
  switch (id) {
    case LogicalTypeId::TINYINT: return 3;
    case LogicalTypeId::SMALLINT: return 5;
    case LogicalTypeId::INTEGER: return 10;
    default: return 19;
  }
}

// Casts that keep order and distinctness, so that a comparison of the result is one of the column.
bool KeepsOrder(const duckdb::LogicalType& from, const duckdb::LogicalType& to) {
  if (from == to) return true;
  if (IsInteger(from.id())) {
    if (to.id() == LogicalTypeId::HUGEINT) return true;
    if (IsInteger(to.id())) return IntegerDigits(to.id()) > IntegerDigits(from.id());
    if (to.id() == LogicalTypeId::DECIMAL) {
      return duckdb::DecimalType::GetWidth(to) - duckdb::DecimalType::GetScale(to) >=
             IntegerDigits(from.id());
    }
    return to.id() == LogicalTypeId::DOUBLE && from.id() != LogicalTypeId::BIGINT;
  }
  if (from.id() == LogicalTypeId::DECIMAL && to.id() == LogicalTypeId::DECIMAL) {
    const int from_scale = duckdb::DecimalType::GetScale(from);
    const int to_scale = duckdb::DecimalType::GetScale(to);
    return to_scale >= from_scale && duckdb::DecimalType::GetWidth(to) - to_scale >=
                                         duckdb::DecimalType::GetWidth(from) - from_scale;
  }
  return false;
}

std::optional<PredicateKind> KindOf(ExpressionType type) {
  switch (type) {
    case ExpressionType::COMPARE_EQUAL: return PredicateKind::kEqual;
    case ExpressionType::COMPARE_NOTEQUAL: return PredicateKind::kNotEqual;
    case ExpressionType::COMPARE_LESSTHAN: return PredicateKind::kLess;
    case ExpressionType::COMPARE_LESSTHANOREQUALTO: return PredicateKind::kLessEqual;
    case ExpressionType::COMPARE_GREATERTHAN: return PredicateKind::kGreater;
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO: return PredicateKind::kGreaterEqual;
    case ExpressionType::COMPARE_NOT_DISTINCT_FROM: return PredicateKind::kNullSafeEqual;
    default: return std::nullopt;
  }
}

// True when values of these two types can be ordered by delta::CompareValues without loss.
bool Comparable(const delta::DataType& column, const duckdb::Value& constant) {
  const LogicalTypeId id = constant.type().id();
  switch (column.kind) {
    case TypeKind::kString: return id == LogicalTypeId::VARCHAR;
    case TypeKind::kBinary: return id == LogicalTypeId::BLOB;
    case TypeKind::kBoolean: return id == LogicalTypeId::BOOLEAN;
    case TypeKind::kDate: return id == LogicalTypeId::DATE;
    case TypeKind::kTimestamp: return id == LogicalTypeId::TIMESTAMP_TZ;
    case TypeKind::kTimestampNtz: return id == LogicalTypeId::TIMESTAMP;
    case TypeKind::kByte:
    case TypeKind::kShort:
    case TypeKind::kInteger:
    case TypeKind::kLong:
    case TypeKind::kDecimal:
      return IsInteger(id) || id == LogicalTypeId::DECIMAL || id == LogicalTypeId::HUGEINT ||
             id == LogicalTypeId::DOUBLE;
    case TypeKind::kDouble: return IsInteger(id) || id == LogicalTypeId::DOUBLE;
    default: return false;
  }
}

Predicate CompareColumn(PredicateKind kind, const ColumnPath& column,
                        const duckdb::Value& constant) {
  if (!column.type || !Comparable(*column.type, constant)) return Predicate::Unknown();
  delta::Value value = ToDeltaValue(constant);
  if (value.is_null()) return Predicate::Unknown();
  return Predicate::Compare(kind, column.names, std::move(value));
}

// The day of a column: of a date itself, of a timestamp without zone, or of an instant in the zone
// of the session.
struct DayOf {
  ColumnPath column;
  enum Of { kDate, kWallTime, kInstant } of = kDate;
};

// `day <op> days`, as a condition on the column itself.
Predicate CompareDay(PredicateKind kind, const DayOf& day, int64_t days) {
  constexpr int64_t kDayMicros = 86'400'000'000LL;
  // Zones lie within 16 hours of UTC, those of old times included; "GMT+20:00" is one, too.
  constexpr int64_t kZoneMicros = kDayMicros;
  if (days < -100'000'000 || days > 100'000'000) return Predicate::Unknown();
  const auto compare = [&](PredicateKind op, int64_t from) {
    delta::Value::Rep value = delta::DateValue{static_cast<int32_t>(from)};
    if (day.of != DayOf::kDate) {
      const int64_t slack = day.of == DayOf::kInstant ? kZoneMicros : 0;
      const bool upper = op == PredicateKind::kLess;
      value = delta::TimestampValue{from * kDayMicros + (upper ? slack : -slack)};
    }
    return Predicate::Compare(op, day.column.names, delta::Value(std::move(value)));
  };
  std::vector<Predicate> parts;
  switch (kind) {
    case PredicateKind::kEqual:
      parts = {compare(PredicateKind::kGreaterEqual, days),
               compare(PredicateKind::kLess, days + 1)};
      break;
    case PredicateKind::kLess: parts = {compare(PredicateKind::kLess, days)}; break;
    case PredicateKind::kLessEqual: parts = {compare(PredicateKind::kLess, days + 1)}; break;
    case PredicateKind::kGreater: parts = {compare(PredicateKind::kGreaterEqual, days + 1)}; break;
    case PredicateKind::kGreaterEqual: parts = {compare(PredicateKind::kGreaterEqual, days)}; break;
    default: return Predicate::Unknown();
  }
  // With slack it is implied, not the same: negated it says nothing.
  if (day.of == DayOf::kInstant) parts.push_back(Predicate::Unknown());
  return Predicate::And(std::move(parts));
}

// `year(day) <op> year`, as a condition that it implies: the year of an infinite day is null.
Predicate CompareYear(PredicateKind kind, const DayOf& day, int64_t year) {
  if (year < 1 || year > 9999) return Predicate::Unknown();
  const auto first = [](int64_t of) {
    return int64_t{duckdb::Date::FromDate(static_cast<int32_t>(of), 1, 1).days};
  };
  std::vector<Predicate> parts;
  const auto add = [&](PredicateKind op, int64_t days) {
    parts.push_back(CompareDay(op, day, days));
  };
  switch (kind) {
    case PredicateKind::kEqual:
      add(PredicateKind::kGreaterEqual, first(year));
      add(PredicateKind::kLess, first(year + 1));
      break;
    case PredicateKind::kLess: add(kind, first(year)); break;
    case PredicateKind::kLessEqual: add(PredicateKind::kLess, first(year + 1)); break;
    case PredicateKind::kGreater: add(PredicateKind::kGreaterEqual, first(year + 1)); break;
    case PredicateKind::kGreaterEqual: add(kind, first(year)); break;
    default: return Predicate::Unknown();
  }
  parts.push_back(Predicate::Unknown());
  return Predicate::And(std::move(parts));
}

Predicate IsNullOf(PredicateKind kind, const ColumnPath& column) {
  Predicate out;
  out.kind = kind;
  out.column = column.names;
  return out;
}

class Converter {
 public:
  explicit Converter(const ColumnResolver& resolve) : resolve_(resolve) {}

  Predicate Convert(const Expression& expr) {
    switch (expr.GetExpressionClass()) {
      case ExpressionClass::BOUND_COMPARISON:
        return Comparison(expr.Cast<duckdb::BoundComparisonExpression>());
      case ExpressionClass::BOUND_CONJUNCTION:
        return Conjunction(expr.Cast<duckdb::BoundConjunctionExpression>());
      case ExpressionClass::BOUND_OPERATOR:
        return Operator(expr.Cast<duckdb::BoundOperatorExpression>());
      case ExpressionClass::BOUND_BETWEEN:
        return Between(expr.Cast<duckdb::BoundBetweenExpression>());
      case ExpressionClass::BOUND_FUNCTION:
        return Function(expr.Cast<duckdb::BoundFunctionExpression>());
      case ExpressionClass::BOUND_CONSTANT: {
        const auto& value = expr.Cast<duckdb::BoundConstantExpression>().value;
        if (value.IsNull() || value.type().id() != LogicalTypeId::BOOLEAN) break;
        if (duckdb::BooleanValue::Get(value)) return Predicate::True();
        Predicate out;
        out.kind = PredicateKind::kFalse;
        return out;
      }
      case ExpressionClass::BOUND_COLUMN_REF:
      case ExpressionClass::BOUND_REF:
        if (auto column = Column(expr)) {
          return CompareColumn(PredicateKind::kEqual, *column, duckdb::Value::BOOLEAN(true));
        }
        break;
      default: break;
    }
    return Predicate::Unknown();
  }

 private:
  // A column, possibly below struct_extract and order-keeping casts.
  std::optional<ColumnPath> Column(const Expression& expr) {
    if (expr.GetExpressionClass() == ExpressionClass::BOUND_CAST) {
      const auto& cast = expr.Cast<duckdb::BoundCastExpression>();
      if (cast.try_cast || !KeepsOrder(cast.child->return_type, cast.return_type)) {
        return std::nullopt;
      }
      return Column(*cast.child);
    }
    if (expr.GetExpressionClass() == ExpressionClass::BOUND_FUNCTION) return Field(expr);
    return resolve_(expr);
  }

  std::optional<ColumnPath> Field(const Expression& expr) {
    const auto& function = expr.Cast<duckdb::BoundFunctionExpression>();
    if (function.function.name != "struct_extract" && function.function.name != "array_extract" &&
        function.function.name != "struct_extract_at") {
      return std::nullopt;
    }
    if (function.children.empty() || !function.bind_info ||
        function.children[0]->return_type.id() != LogicalTypeId::STRUCT) {
      return std::nullopt;
    }
    auto parent = Column(*function.children[0]);
    if (!parent || !parent->type || parent->type->kind != TypeKind::kStruct) return std::nullopt;
    const auto index = function.bind_info->Cast<duckdb::StructExtractBindData>().index;
    if (index >= parent->type->fields.size()) return std::nullopt;
    const auto& field = parent->type->fields[index];
    parent->names.push_back(field.name);
    parent->type = field.type.get();
    return parent;
  }

  static const duckdb::Value* Constant(const Expression& expr) {
    if (expr.GetExpressionClass() != ExpressionClass::BOUND_CONSTANT) return nullptr;
    return &expr.Cast<duckdb::BoundConstantExpression>().value;
  }

  Predicate Compare(ExpressionType type, const Expression& column_side,
                    const Expression& constant_side) {
    const duckdb::Value* constant = Constant(constant_side);
    if (!constant) return Predicate::Unknown();
    const bool distinct = type == ExpressionType::COMPARE_DISTINCT_FROM;
    const auto kind = KindOf(distinct ? ExpressionType::COMPARE_NOT_DISTINCT_FROM : type);
    if (!kind) return Predicate::Unknown();
    if (const auto column = Column(column_side)) {
      Predicate out = CompareColumn(*kind, *column, *constant);
      return distinct ? Predicate::Not(std::move(out)) : out;
    }
    return distinct ? Predicate::Unknown() : CompareCalendar(*kind, column_side, *constant);
  }

  // date(ts) and year(ts), as DuckDB and the Spark dialect spell them.
  Predicate CompareCalendar(PredicateKind kind, const Expression& expr,
                            const duckdb::Value& constant) {
    if (constant.IsNull()) return Predicate::Unknown();
    if (constant.type().id() == LogicalTypeId::DATE) {
      const auto date = constant.GetValue<duckdb::date_t>();
      const auto day = Day(expr);
      if (!day || !duckdb::Date::IsFinite(date)) return Predicate::Unknown();
      return CompareDay(kind, *day, date.days);
    }
    const Expression* argument = ArgumentOf(expr, {"year", "spark_year"});
    if (argument == nullptr || !IsInteger(constant.type().id())) return Predicate::Unknown();
    const auto day = DayOrTime(*argument);
    return day ? CompareYear(kind, *day, constant.GetValue<int64_t>()) : Predicate::Unknown();
  }

  // The only argument of a function of one of these names; null otherwise.
  static const Expression* ArgumentOf(const Expression& expr,
                                      std::initializer_list<const char*> names) {
    if (expr.GetExpressionClass() == ExpressionClass::BOUND_CAST) {
      const auto& cast = expr.Cast<duckdb::BoundCastExpression>();
      if (cast.try_cast || !KeepsOrder(cast.child->return_type, cast.return_type)) return nullptr;
      return ArgumentOf(*cast.child, names);
    }
    if (expr.GetExpressionClass() != ExpressionClass::BOUND_FUNCTION) return nullptr;
    const auto& function = expr.Cast<duckdb::BoundFunctionExpression>();
    if (function.children.size() != 1) return nullptr;
    for (const char* name : names) {
      if (function.function.name == name) return function.children[0].get();
    }
    return nullptr;
  }

  // A timestamp column as the day it lies in.
  std::optional<DayOf> DayOfTime(const Expression& expr) {
    const LogicalTypeId id = expr.return_type.id();
    if (id != LogicalTypeId::TIMESTAMP && id != LogicalTypeId::TIMESTAMP_TZ) return std::nullopt;
    auto column = Column(expr);
    if (!column || !column->type) return std::nullopt;
    const bool instant = id == LogicalTypeId::TIMESTAMP_TZ;
    if (column->type->kind != (instant ? TypeKind::kTimestamp : TypeKind::kTimestampNtz)) {
      return std::nullopt;
    }
    return DayOf{std::move(*column), instant ? DayOf::kInstant : DayOf::kWallTime};
  }

  // An expression of type DATE: a column, or the day of a timestamp column.
  std::optional<DayOf> Day(const Expression& expr) {
    if (expr.return_type.id() != LogicalTypeId::DATE) return std::nullopt;
    if (expr.GetExpressionClass() == ExpressionClass::BOUND_CAST) {
      const auto& cast = expr.Cast<duckdb::BoundCastExpression>();
      return cast.try_cast ? std::nullopt : DayOfTime(*cast.child);
    }
    if (const Expression* instant = ArgumentOf(expr, {"spark_date_of_instant"})) {
      return DayOfTime(*instant);
    }
    auto column = Column(expr);
    if (!column || !column->type || column->type->kind != TypeKind::kDate) return std::nullopt;
    return DayOf{std::move(*column), DayOf::kDate};
  }

  std::optional<DayOf> DayOrTime(const Expression& expr) {
    auto day = Day(expr);
    return day ? std::move(day) : DayOfTime(expr);
  }

  Predicate Comparison(const duckdb::BoundComparisonExpression& expr) {
    if (Constant(*expr.right)) return Compare(expr.type, *expr.left, *expr.right);
    return Compare(duckdb::FlipComparisonExpression(expr.type), *expr.right, *expr.left);
  }

  Predicate Conjunction(const duckdb::BoundConjunctionExpression& expr) {
    std::vector<Predicate> children;
    for (const auto& child : expr.children) children.push_back(Convert(*child));
    return expr.type == ExpressionType::CONJUNCTION_AND ? Predicate::And(std::move(children))
                                                        : Predicate::Or(std::move(children));
  }

  Predicate Operator(const duckdb::BoundOperatorExpression& expr) {
    switch (expr.type) {
      case ExpressionType::OPERATOR_NOT: return Predicate::Not(Convert(*expr.children[0]));
      case ExpressionType::OPERATOR_IS_NULL:
      case ExpressionType::OPERATOR_IS_NOT_NULL: {
        const auto column = Column(*expr.children[0]);
        if (!column) return Predicate::Unknown();
        return IsNullOf(expr.type == ExpressionType::OPERATOR_IS_NULL ? PredicateKind::kIsNull
                                                                      : PredicateKind::kIsNotNull,
                        *column);
      }
      case ExpressionType::COMPARE_IN: return In(expr);
      case ExpressionType::COMPARE_NOT_IN: return Predicate::Not(In(expr));
      default: return Predicate::Unknown();
    }
  }

  Predicate In(const duckdb::BoundOperatorExpression& expr) {
    const auto column = Column(*expr.children[0]);
    if (!column || !column->type) return Predicate::Unknown();
    Predicate out = IsNullOf(PredicateKind::kIn, *column);
    for (size_t i = 1; i < expr.children.size(); ++i) {
      const duckdb::Value* constant = Constant(*expr.children[i]);
      if (!constant || !Comparable(*column->type, *constant)) return Predicate::Unknown();
      delta::Value value = ToDeltaValue(*constant);
      if (value.is_null()) return Predicate::Unknown();
      out.values.push_back(std::move(value));
    }
    return out;
  }

  Predicate Between(const duckdb::BoundBetweenExpression& expr) {
    return Predicate::And({Compare(expr.LowerComparisonType(), *expr.input, *expr.lower),
                           Compare(expr.UpperComparisonType(), *expr.input, *expr.upper)});
  }

  Predicate Function(const duckdb::BoundFunctionExpression& expr) {
    const std::string& name = expr.function.name;
    if ((name == "prefix" || name == "starts_with" || name == "^@") && expr.children.size() == 2) {
      const auto column = Column(*expr.children[0]);
      const duckdb::Value* constant = Constant(*expr.children[1]);
      if (column && column->type && column->type->kind == TypeKind::kString && constant) {
        return CompareColumn(PredicateKind::kStartsWith, *column, *constant);
      }
    }
    if (expr.return_type.id() == LogicalTypeId::BOOLEAN) {
      if (const auto column = Field(expr)) {
        return CompareColumn(PredicateKind::kEqual, *column, duckdb::Value::BOOLEAN(true));
      }
    }
    return Predicate::Unknown();
  }

  const ColumnResolver& resolve_;
};

template <typename Filter>
std::vector<Predicate> ConvertChildren(const Filter& filter, const ColumnPath& column) {
  std::vector<Predicate> children;
  for (const auto& child : filter.child_filters) children.push_back(ToPredicate(*child, column));
  return children;
}

Predicate FromIn(const duckdb::InFilter& filter, const ColumnPath& column) {
  Predicate out = IsNullOf(PredicateKind::kIn, column);
  for (const auto& constant : filter.values) {
    if (!column.type || !Comparable(*column.type, constant)) return Predicate::Unknown();
    delta::Value value = ToDeltaValue(constant);
    if (value.is_null()) return Predicate::Unknown();
    out.values.push_back(std::move(value));
  }
  return out;
}

Predicate FromDynamic(const duckdb::DynamicFilter& filter, const ColumnPath& column) {
  if (!filter.filter_data || !filter.filter_data->initialized) return Predicate::Unknown();
  duckdb::lock_guard<duckdb::mutex> guard(filter.filter_data->lock);
  if (!filter.filter_data->filter) return Predicate::Unknown();
  return ToPredicate(*filter.filter_data->filter, column);
}

Predicate FromStruct(const duckdb::StructFilter& filter, const ColumnPath& column) {
  if (!column.type || column.type->kind != TypeKind::kStruct ||
      filter.child_idx >= column.type->fields.size()) {
    return Predicate::Unknown();
  }
  const auto& field = column.type->fields[filter.child_idx];
  ColumnPath child = column;
  child.names.push_back(field.name);
  child.type = field.type.get();
  return ToPredicate(*filter.child_filter, child);
}

}  // namespace

bool IsExact(const delta::Predicate& predicate) {
  if (predicate.kind == delta::PredicateKind::kUnknown) return false;
  return std::all_of(predicate.children.begin(), predicate.children.end(), IsExact);
}

Predicate ToPredicate(const Expression& filter, const ColumnResolver& resolve) {
  return Converter(resolve).Convert(filter);
}

Predicate ToPredicate(const duckdb::TableFilter& filter, const ColumnPath& column) {
  using duckdb::TableFilterType;
  switch (filter.filter_type) {
    case TableFilterType::CONSTANT_COMPARISON: {
      const auto& constant = filter.Cast<duckdb::ConstantFilter>();
      const auto kind = KindOf(constant.comparison_type);
      return kind ? CompareColumn(*kind, column, constant.constant) : Predicate::Unknown();
    }
    case TableFilterType::IS_NULL: return IsNullOf(PredicateKind::kIsNull, column);
    case TableFilterType::IS_NOT_NULL: return IsNullOf(PredicateKind::kIsNotNull, column);
    case TableFilterType::CONJUNCTION_AND:
      return Predicate::And(ConvertChildren(filter.Cast<duckdb::ConjunctionAndFilter>(), column));
    case TableFilterType::CONJUNCTION_OR:
      return Predicate::Or(ConvertChildren(filter.Cast<duckdb::ConjunctionOrFilter>(), column));
    case TableFilterType::IN_FILTER: return FromIn(filter.Cast<duckdb::InFilter>(), column);
    case TableFilterType::OPTIONAL_FILTER: {
      const auto& optional = filter.Cast<duckdb::OptionalFilter>();
      return optional.child_filter ? ToPredicate(*optional.child_filter, column)
                                   : Predicate::Unknown();
    }
    case TableFilterType::DYNAMIC_FILTER:
      return FromDynamic(filter.Cast<duckdb::DynamicFilter>(), column);
    case TableFilterType::STRUCT_EXTRACT:
      return FromStruct(filter.Cast<duckdb::StructFilter>(), column);
    case TableFilterType::EXPRESSION_FILTER: {
      const ColumnResolver resolve = [&](const Expression& expr) -> std::optional<ColumnPath> {
        if (expr.GetExpressionClass() != ExpressionClass::BOUND_REF) return std::nullopt;
        return column;
      };
      return ToPredicate(*filter.Cast<duckdb::ExpressionFilter>().expr, resolve);
    }
    default: return Predicate::Unknown();
  }
}

}  // namespace tarn::duck
