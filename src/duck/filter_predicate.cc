#include "duck/filter_predicate.h"

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

// CAST(ntz AS DATE) <op> day: a range of the timestamp itself.
Predicate CompareDay(PredicateKind kind, const ColumnPath& column, const duckdb::Value& constant) {
  if (constant.IsNull() || constant.type().id() != LogicalTypeId::DATE) return Predicate::Unknown();
  const auto date = constant.GetValue<duckdb::date_t>();
  if (!duckdb::Date::IsFinite(date)) return Predicate::Unknown();
  const auto at = [&](int32_t days) {
    return delta::Value(
        delta::Value::Rep(delta::TimestampValue{static_cast<int64_t>(days) * 86'400'000'000LL}));
  };
  const auto compare = [&](PredicateKind op, int32_t days) {
    return Predicate::Compare(op, column.names, at(days));
  };
  switch (kind) {
    case PredicateKind::kEqual:
      return Predicate::And({compare(PredicateKind::kGreaterEqual, date.days),
                             compare(PredicateKind::kLess, date.days + 1)});
    case PredicateKind::kLess: return compare(PredicateKind::kLess, date.days);
    case PredicateKind::kLessEqual: return compare(PredicateKind::kLess, date.days + 1);
    case PredicateKind::kGreater: return compare(PredicateKind::kGreaterEqual, date.days + 1);
    case PredicateKind::kGreaterEqual: return compare(PredicateKind::kGreaterEqual, date.days);
    default: return Predicate::Unknown();
  }
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
    if (column_side.GetExpressionClass() != ExpressionClass::BOUND_CAST || distinct) {
      return Predicate::Unknown();
    }
    const auto& cast = column_side.Cast<duckdb::BoundCastExpression>();
    if (cast.child->return_type.id() != LogicalTypeId::TIMESTAMP ||
        cast.return_type.id() != LogicalTypeId::DATE) {
      return Predicate::Unknown();
    }
    const auto column = Column(*cast.child);
    return column ? CompareDay(*kind, *column, *constant) : Predicate::Unknown();
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
