// Comparisons, IN, BETWEEN, CASE, COALESCE and their relatives: Spark's rules decide which common
// type the two sides meet in; the comparison itself is DuckDB's, so filters on it are pushed down
// as always.
#include "dialect/function_families.h"
#include "dialect/function_types.h"
#include "duckdb/planner/expression/bound_case_expression.hpp"
#include "duckdb/planner/expression/bound_comparison_expression.hpp"
#include "duckdb/planner/expression/bound_conjunction_expression.hpp"
#include "duckdb/planner/expression/bound_operator_expression.hpp"
#include "duckdb/planner/expression_binder.hpp"

namespace tarn::dialect {

using namespace duckdb;

namespace {

// Decimals of different scale compare exactly when both fit one decimal; wider pairs as doubles.
LogicalType ComparisonType(FunctionCall& call, const LogicalType& left, const LogicalType& right) {
  auto common = CommonType(left, right);
  if (!common || common->id() == LogicalTypeId::MAP) {
    call.Refuse("values of type " + SparkTypeName(left) + " and " + SparkTypeName(right) +
                " cannot be compared; cast one of them");
  }
  return common->id() == LogicalTypeId::SQLNULL ? LogicalType::INTEGER : *common;
}

// A string of unknown collation stays as it is, so that an index or statistics on the column still
// help.
Expr Coerce(FunctionCall& call, Expr value, const LogicalType& type) {
  return call.Cast(std::move(value), type);
}

Expr CompareAs(FunctionCall& call, ExpressionType op, Expr left, Expr right) {
  const auto type = ComparisonType(call, left->return_type, right->return_type);
  left = Coerce(call, std::move(left), type);
  right = Coerce(call, std::move(right), type);
  if (IsText(type)) {
    ExpressionBinder::PushCollation(call.context, left, type);
    ExpressionBinder::PushCollation(call.context, right, type);
  }
  return Compare(op, std::move(left), std::move(right));
}

template <ExpressionType OP>
Expr BindCompare(FunctionCall& call) {
  return CompareAs(call, OP, call.Take(0), call.Take(1));
}

Expr BindBetween(FunctionCall& call) {
  auto low =
      CompareAs(call, ExpressionType::COMPARE_GREATERTHANOREQUALTO, call.Copy(0), call.Take(1));
  auto high =
      CompareAs(call, ExpressionType::COMPARE_LESSTHANOREQUALTO, call.Take(0), call.Take(2));
  return make_uniq<BoundConjunctionExpression>(ExpressionType::CONJUNCTION_AND, std::move(low),
                                               std::move(high));
}

Expr BindIn(FunctionCall& call, bool negate) {
  UnifyArguments(call, 0);
  if (call.IsNull(0)) return Literal(Value(LogicalType::BOOLEAN));
  auto result = make_uniq<BoundOperatorExpression>(
      negate ? ExpressionType::COMPARE_NOT_IN : ExpressionType::COMPARE_IN, LogicalType::BOOLEAN);
  for (idx_t i = 0; i < call.Count(); i++) result->children.push_back(call.Take(i));
  return result;
}

// spark_case(c1, v1, c2, v2, …, else): the ELSE is always there.
Expr BindCase(FunctionCall& call) {
  const idx_t last = call.Count() - 1;
  LogicalType type = call.Type(last);
  for (idx_t i = 1; i < last; i += 2) {
    auto common = CommonType(type, call.Type(i));
    if (!common) {
      call.Refuse("the branches of CASE have types " + SparkTypeName(type) + " and " +
                  SparkTypeName(call.Type(i)) + "; cast one of them");
    }
    type = *common;
  }
  auto result = make_uniq<BoundCaseExpression>(type);
  for (idx_t i = 0; i < last; i += 2) {
    BoundCaseCheck check;
    check.when_expr = call.Cast(call.Take(i), LogicalType::BOOLEAN);
    check.then_expr = call.Cast(call.Take(i + 1), type);
    result->case_checks.push_back(std::move(check));
  }
  result->else_expr = call.Cast(call.Take(last), type);
  return result;
}

Expr BindCoalesce(FunctionCall& call) {
  const auto type = UnifyArguments(call, 0);
  if (call.Count() == 1) return call.Take(0);
  auto result = make_uniq<BoundOperatorExpression>(ExpressionType::OPERATOR_COALESCE, type);
  for (idx_t i = 0; i < call.Count(); i++) result->children.push_back(call.Take(i));
  return result;
}

Expr BindNvl2(FunctionCall& call) {
  UnifyArguments(call, 1);
  return CaseWhen(IsNull(call.Take(0)), call.Take(2), call.Take(1));
}

Expr BindNullIf(FunctionCall& call) {
  const auto type = call.Type(0);
  auto equal = CompareAs(call, ExpressionType::COMPARE_EQUAL, call.Copy(0), call.Take(1));
  return CaseWhen(std::move(equal), Literal(Value(type)), call.Take(0));
}

Expr BindExtreme(FunctionCall& call, const char* function) {
  UnifyArguments(call, 0, 1, false);
  Exprs args;
  for (idx_t i = 0; i < call.Count(); i++) args.push_back(call.Take(i));
  return call.Call(function, std::move(args));
}

// decode(x, match1, result1, …[, default]): NULL matches NULL.
Expr BindDecodeCases(FunctionCall& call) {
  const idx_t count = call.Count();
  const bool has_default = count % 2 == 0;
  LogicalType type = has_default ? call.Type(count - 1) : LogicalType::SQLNULL;
  for (idx_t i = 2; i + (has_default ? 1 : 0) < count; i += 2) {
    auto common = CommonType(type, call.Type(i));
    if (!common) call.Refuse("its results have no common type");
    type = *common;
  }
  auto result = make_uniq<BoundCaseExpression>(type);
  for (idx_t i = 1; i + 1 < count; i += 2) {
    BoundCaseCheck check;
    check.when_expr =
        CompareAs(call, ExpressionType::COMPARE_NOT_DISTINCT_FROM, call.Copy(0), call.Take(i));
    check.then_expr = call.Cast(call.Take(i + 1), type);
    result->case_checks.push_back(std::move(check));
  }
  result->else_expr = has_default ? call.Cast(call.Take(count - 1), type) : Literal(Value(type));
  return result;
}

Expr BindNot(FunctionCall& call) {
  auto result =
      make_uniq<BoundOperatorExpression>(ExpressionType::OPERATOR_NOT, LogicalType::BOOLEAN);
  result->children.push_back(call.Cast(call.Take(0), LogicalType::BOOLEAN));
  return result;
}

Expr BindIsNan(FunctionCall& call) {
  if (call.IsNull(0)) return Literal(Value::BOOLEAN(false));
  return call.Sql("coalesce(isnan(CAST($1 AS DOUBLE)), false)",
                  call.Cast(call.Take(0), LogicalType::DOUBLE));
}

Expr BindNanvl(FunctionCall& call) {
  for (idx_t i = 0; i < 2; i++) call.arguments[i] = call.Cast(call.Take(i), LogicalType::DOUBLE);
  return call.Sql("CASE WHEN isnan($1) THEN $2 ELSE $1 END", call.Take(0), call.Take(1));
}

}  // namespace

void RegisterComparisonFunctions(FunctionTable& table) {
  RegisterBinding(table, "eq", 2, 2, BindCompare<ExpressionType::COMPARE_EQUAL>);
  RegisterBinding(table, "ne", 2, 2, BindCompare<ExpressionType::COMPARE_NOTEQUAL>);
  RegisterBinding(table, "lt", 2, 2, BindCompare<ExpressionType::COMPARE_LESSTHAN>);
  RegisterBinding(table, "gt", 2, 2, BindCompare<ExpressionType::COMPARE_GREATERTHAN>);
  RegisterBinding(table, "le", 2, 2, BindCompare<ExpressionType::COMPARE_LESSTHANOREQUALTO>);
  RegisterBinding(table, "ge", 2, 2, BindCompare<ExpressionType::COMPARE_GREATERTHANOREQUALTO>);
  RegisterBinding(table, "same", 2, 2, BindCompare<ExpressionType::COMPARE_NOT_DISTINCT_FROM>);
  RegisterBinding(table, "different", 2, 2, BindCompare<ExpressionType::COMPARE_DISTINCT_FROM>);
  RegisterBinding(table, "between", 3, 3, BindBetween);
  RegisterBinding(table, "in", 2, -1, [](FunctionCall& call) { return BindIn(call, false); });
  RegisterBinding(table, "not_in", 2, -1, [](FunctionCall& call) { return BindIn(call, true); });
  RegisterBinding(table, "case", 3, -1, BindCase);
  for (auto name : {"coalesce", "nvl", "ifnull"}) RegisterBinding(table, name, 1, -1, BindCoalesce);
  RegisterBinding(table, "nvl2", 3, 3, BindNvl2);
  RegisterBinding(table, "nullif", 2, 2, BindNullIf);
  RegisterBinding(table, "greatest", 2, -1,
                  [](FunctionCall& call) { return BindExtreme(call, "greatest"); });
  RegisterBinding(table, "least", 2, -1,
                  [](FunctionCall& call) { return BindExtreme(call, "least"); });
  RegisterBinding(table, "decode_cases", 3, -1, BindDecodeCases);
  RegisterBinding(table, "not", 1, 1, BindNot);
  RegisterBinding(table, "isnull", 1, 1, [](FunctionCall& call) { return IsNull(call.Take(0)); });
  RegisterBinding(table, "isnotnull", 1, 1, [](FunctionCall& call) {
    auto result = make_uniq<BoundOperatorExpression>(ExpressionType::OPERATOR_IS_NOT_NULL,
                                                     LogicalType::BOOLEAN);
    result->children.push_back(call.Take(0));
    return Expr(std::move(result));
  });
  RegisterBinding(table, "isnan", 1, 1, BindIsNan);
  RegisterBinding(table, "nanvl", 2, 2, BindNanvl);
  RegisterBinding(table, "typeof", 1, 1,
                  [](FunctionCall& call) { return Literal(Value(SparkTypeName(call.Type(0)))); });
}

}  // namespace tarn::dialect
