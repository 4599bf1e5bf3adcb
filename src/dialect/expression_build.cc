#include "dialect/expression_build.h"

#include "duckdb/parser/expression/cast_expression.hpp"
#include "duckdb/parser/expression/columnref_expression.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"
#include "duckdb/parser/expression/lambda_expression.hpp"
#include "duckdb/parser/expression/operator_expression.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"

namespace tarn::dialect {

using namespace duckdb;

Node FunctionNode(const std::string& name, Nodes args) {
  return make_uniq<FunctionExpression>(name, std::move(args));
}

Node ConstantNode(Value value) { return make_uniq<ConstantExpression>(std::move(value)); }

Node ColumnNode(const std::string& name) { return make_uniq<ColumnRefExpression>(name); }

Node LambdaNode(std::vector<std::string> parameters, Node body) {
  vector<string> names(parameters.begin(), parameters.end());
  return make_uniq<LambdaExpression>(std::move(names), std::move(body));
}

Node TypeCarrier(const LogicalType& type) {
  return make_uniq<CastExpression>(type, ConstantNode(Value()));
}

Node CastNode(Node value, const LogicalType& type) {
  return Fn("spark_cast", std::move(value), TypeCarrier(type));
}

bool TakeLambda(Node& node, std::vector<std::string>& parameters, Node& body) {
  if (node->GetExpressionClass() != ExpressionClass::LAMBDA) return false;
  auto& lambda = node->Cast<LambdaExpression>();
  std::string error;
  auto references = lambda.ExtractColumnRefExpressions(error);
  if (!error.empty()) throw ParserException("lambda parameters must be names such as x or (x, y)");
  parameters.clear();
  for (auto& reference : references) {
    parameters.push_back(
        StringUtil::Lower(reference.get().Cast<ColumnRefExpression>().GetColumnName()));
  }
  body = std::move(lambda.expr);
  return true;
}

void Substitute(Node& node, const std::map<std::string, Node>& replacements) {
  if (node->GetExpressionClass() == ExpressionClass::COLUMN_REF) {
    auto& reference = node->Cast<ColumnRefExpression>();
    auto found = replacements.find(StringUtil::Lower(reference.column_names[0]));
    if (found == replacements.end()) return;
    Node result = found->second->Copy();
    for (idx_t i = 1; i < reference.column_names.size(); i++) {
      auto field = ConstantNode(Value(reference.column_names[i]));
      result = make_uniq<OperatorExpression>(ExpressionType::STRUCT_EXTRACT, std::move(result),
                                             std::move(field));
    }
    result->SetAlias(node->GetAlias());
    node = std::move(result);
    return;
  }
  if (node->GetExpressionClass() == ExpressionClass::LAMBDA) {
    // An inner lambda hides the outer names it declares; its parameters are no references.
    auto& lambda = node->Cast<LambdaExpression>();
    std::string error;
    std::map<std::string, Node> visible;
    for (auto& [name, replacement] : replacements) visible.emplace(name, replacement->Copy());
    for (auto& reference : lambda.ExtractColumnRefExpressions(error)) {
      visible.erase(StringUtil::Lower(reference.get().Cast<ColumnRefExpression>().GetColumnName()));
    }
    Substitute(lambda.expr, visible);
    return;
  }
  ParsedExpressionIterator::EnumerateChildren(
      *node, [&](Node& child) { Substitute(child, replacements); });
}

}  // namespace tarn::dialect
