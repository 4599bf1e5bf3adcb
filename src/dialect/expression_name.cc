#include "dialect/expression_name.h"

#include <unordered_map>

#include "duckdb/parser/expression/list.hpp"

namespace tarn::dialect {

using namespace duckdb;

namespace {

std::string NameOf(const ParsedExpression& node);

std::string Joined(const vector<unique_ptr<ParsedExpression>>& list) {
  std::string text;
  for (auto& node : list) {
    if (!text.empty()) text += ", ";
    text += NameOf(*node);
  }
  return text;
}

std::string CallName(const FunctionExpression& call) {
  const auto& args = call.children;
  static const std::unordered_map<std::string, std::string> kInfix = {
      {"+", "+"},    {"-", "-"}, {"*", "*"}, {"/", "/"}, {"%", "%"},
      {"//", "div"}, {"&", "&"}, {"|", "|"}, {"^", "^"}, {"<=>", "<=>"}};
  if (args.size() == 2) {
    if (auto infix = kInfix.find(call.function_name); infix != kInfix.end()) {
      return "(" + NameOf(*args[0]) + " " + infix->second + " " + NameOf(*args[1]) + ")";
    }
  }
  if (call.function_name == "||") return "concat(" + Joined(args) + ")";
  if (call.function_name == "-" && args.size() == 1) return "(- " + NameOf(*args[0]) + ")";
  if (call.function_name == "~~") return NameOf(*args[0]) + " LIKE " + NameOf(*args[1]);
  if (call.function_name == "regexp_full_match") return "RLIKE(" + Joined(args) + ")";
  if (call.function_name == "count_star") return "count(1)";
  return call.function_name + "(" + (call.distinct ? "DISTINCT " : "") + Joined(args) + ")";
}

std::string CaseName(const CaseExpression& expression) {
  std::string text = "CASE";
  for (auto& check : expression.case_checks) {
    text += " WHEN " + NameOf(*check.when_expr) + " THEN " + NameOf(*check.then_expr);
  }
  if (expression.else_expr) text += " ELSE " + NameOf(*expression.else_expr);
  return text + " END";
}

std::string OperatorName(const OperatorExpression& expression) {
  const auto& args = expression.children;
  switch (expression.GetExpressionType()) {
    case ExpressionType::OPERATOR_NOT: return "(NOT " + NameOf(*args[0]) + ")";
    case ExpressionType::OPERATOR_IS_NULL: return "(" + NameOf(*args[0]) + " IS NULL)";
    case ExpressionType::OPERATOR_IS_NOT_NULL: return "(" + NameOf(*args[0]) + " IS NOT NULL)";
    case ExpressionType::OPERATOR_COALESCE: return "coalesce(" + Joined(args) + ")";
    case ExpressionType::ARRAY_EXTRACT: return NameOf(*args[0]) + "[" + NameOf(*args[1]) + "]";
    case ExpressionType::STRUCT_EXTRACT: return NameOf(*args[0]) + "." + NameOf(*args[1]);
    case ExpressionType::COMPARE_IN:
    case ExpressionType::COMPARE_NOT_IN: {
      std::string text = "(" + NameOf(*args[0]) + " IN (";
      for (idx_t i = 1; i < args.size(); i++) text += (i > 1 ? ", " : "") + NameOf(*args[i]);
      text += "))";
      return expression.GetExpressionType() == ExpressionType::COMPARE_IN ? text
                                                                          : "(NOT " + text + ")";
    }
    default: return expression.ToString();
  }
}

std::string TypeName(const LogicalType& type) {
  auto text = StringUtil::Upper(type.ToString());
  static const std::unordered_map<std::string, std::string> kNames = {
      {"VARCHAR", "STRING"},
      {"INTEGER", "INT"},
      {"BLOB", "BINARY"},
      {"TIMESTAMP WITH TIME ZONE", "TIMESTAMP"}};
  auto found = kNames.find(text);
  return found == kNames.end() ? text : found->second;
}

std::string NameOf(const ParsedExpression& node) {
  switch (node.GetExpressionClass()) {
    case ExpressionClass::COLUMN_REF: return node.Cast<ColumnRefExpression>().GetColumnName();
    case ExpressionClass::CONSTANT: {
      auto& value = node.Cast<ConstantExpression>().value;
      return value.IsNull() ? "NULL" : value.ToString();
    }
    case ExpressionClass::FUNCTION: return CallName(node.Cast<FunctionExpression>());
    case ExpressionClass::CASE: return CaseName(node.Cast<CaseExpression>());
    case ExpressionClass::CAST: {
      auto& cast = node.Cast<CastExpression>();
      return std::string(cast.try_cast ? "TRY_CAST(" : "CAST(") + NameOf(*cast.child) + " AS " +
             TypeName(cast.cast_type) + ")";
    }
    case ExpressionClass::COMPARISON: {
      auto& comparison = node.Cast<ComparisonExpression>();
      auto op = ExpressionTypeToOperator(comparison.GetExpressionType());
      return "(" + NameOf(*comparison.left) + " " + op + " " + NameOf(*comparison.right) + ")";
    }
    case ExpressionClass::CONJUNCTION: {
      auto& conjunction = node.Cast<ConjunctionExpression>();
      const bool is_and = node.GetExpressionType() == ExpressionType::CONJUNCTION_AND;
      std::string text = NameOf(*conjunction.children[0]);
      for (idx_t i = 1; i < conjunction.children.size(); i++) {
        text = "(" + text + (is_and ? " AND " : " OR ") + NameOf(*conjunction.children[i]) + ")";
      }
      return text;
    }
    case ExpressionClass::OPERATOR: return OperatorName(node.Cast<OperatorExpression>());
    default: return node.ToString();
  }
}

}  // namespace

std::string SparkColumnName(const ParsedExpression& expression) {
  if (expression.GetExpressionClass() == ExpressionClass::SUBQUERY) return "scalarsubquery()";
  if (expression.GetExpressionClass() == ExpressionClass::FUNCTION &&
      expression.Cast<FunctionExpression>().function_name.starts_with("explode")) {
    return "col";
  }
  return NameOf(expression);
}

}  // namespace tarn::dialect
