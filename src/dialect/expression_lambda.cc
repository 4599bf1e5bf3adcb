#include "dialect/expression_lambda.h"

#include <functional>
#include <unordered_map>

#include "duckdb/parser/expression/list.hpp"

namespace tarn::dialect {

using namespace duckdb;

namespace {

struct Lambda {
  std::vector<std::string> parameters;
  Node body;
};

Lambda RequireLambda(FunctionExpression& call, size_t argument, size_t least, size_t most) {
  Lambda lambda;
  if (argument >= call.children.size() ||
      !TakeLambda(call.children[argument], lambda.parameters, lambda.body)) {
    throw ParserException("%s needs a lambda such as x -> x + 1 as argument %d", call.function_name,
                          argument + 1);
  }
  if (lambda.parameters.size() < least || lambda.parameters.size() > most) {
    throw ParserException("the lambda of %s takes %d to %d parameters, not %d", call.function_name,
                          least, most, lambda.parameters.size());
  }
  return lambda;
}

// DuckDB's positions are BIGINTs from 1, Spark's INTs from 0.
void CountFromZero(Lambda& lambda) {
  if (lambda.parameters.size() < 2) return;
  std::map<std::string, Node> replace;
  replace.emplace(lambda.parameters[1], Fn("spark_lambda_index", ColumnNode(lambda.parameters[1])));
  Substitute(lambda.body, replace);
}

// Names no user writes. They come from the text of the call, so that nested calls keep apart and
// the same call in SELECT and GROUP BY is the same expression.
std::string FreshName(const char* stem, const FunctionExpression& call) {
  return std::string("__spark_") + stem + std::to_string(std::hash<std::string>()(call.ToString()));
}

Node Field(const std::string& row, int position) {
  return Fn("struct_extract_at", ColumnNode(row), ConstantNode(Value::BIGINT(position)));
}

// The body with parameter i standing for field i of one row.
Node OverRow(Lambda lambda, const std::string& row, int first_field = 1) {
  std::map<std::string, Node> replace;
  for (size_t i = 0; i < lambda.parameters.size(); i++) {
    replace.emplace(lambda.parameters[i], Field(row, static_cast<int>(i) + first_field));
  }
  Substitute(lambda.body, replace);
  return std::move(lambda.body);
}

Node Transform(FunctionExpression& call) {
  auto lambda = RequireLambda(call, 1, 1, 2);
  CountFromZero(lambda);
  return Fn("list_transform", std::move(call.children[0]),
            LambdaNode(lambda.parameters, std::move(lambda.body)));
}

Node Filter(FunctionExpression& call) {
  auto lambda = RequireLambda(call, 1, 1, 2);
  CountFromZero(lambda);
  return Fn("list_filter", std::move(call.children[0]),
            LambdaNode(lambda.parameters, std::move(lambda.body)));
}

Node ExistsOrForall(FunctionExpression& call) {
  auto lambda = RequireLambda(call, 1, 1, 1);
  auto answers =
      Fn("list_transform", std::move(call.children[0]),
         LambdaNode(lambda.parameters, CastNode(std::move(lambda.body), LogicalType::BOOLEAN)));
  return Fn(call.function_name == "forall" ? "spark_all_true" : "spark_any_true",
            std::move(answers));
}

Node Aggregate(FunctionExpression& call) {
  if (call.children.size() < 3 || call.children.size() > 4) {
    throw ParserException("%s takes an array, a start value, a lambda and perhaps a final lambda",
                          call.function_name);
  }
  const auto a = FreshName("a", call), b = FreshName("b", call), e = FreshName("e", call);
  auto merge = RequireLambda(call, 2, 2, 2);
  auto start = std::move(call.children[1]);
  auto array = std::move(call.children[0]);
  // DuckDB's list_reduce has one type for elements and accumulator. So both travel in a row
  // (accumulator, element): the accumulator has the type of the start value, whatever the elements
  // are.
  auto elements =
      Fn("list_transform", array->Copy(),
         LambdaNode({e}, Fn("row", Fn("spark_as_type_of", ConstantNode(Value()), start->Copy()),
                            ColumnNode(e))));
  std::map<std::string, Node> replace;
  replace.emplace(merge.parameters[0], Field(a, 1));
  replace.emplace(merge.parameters[1], Field(b, 2));
  Substitute(merge.body, replace);
  auto body = Fn("row", Fn("spark_as_type_of", std::move(merge.body), start->Copy()), Field(b, 2));
  auto first = Fn("row", std::move(start),
                  Fn("list_extract", std::move(array), ConstantNode(Value::BIGINT(1))));
  auto result = Fn(
      "struct_extract_at",
      Fn("list_reduce", std::move(elements), LambdaNode({a, b}, std::move(body)), std::move(first)),
      ConstantNode(Value::BIGINT(1)));
  if (call.children.size() < 4) return result;
  auto finish = RequireLambda(call, 3, 1, 1);
  auto wrapped = Fn("list_transform", Fn("list_value", std::move(result)),
                    LambdaNode(finish.parameters, std::move(finish.body)));
  return Fn("list_extract", std::move(wrapped), ConstantNode(Value::BIGINT(1)));
}

Node ZipWith(FunctionExpression& call) {
  const auto row = FreshName("pair", call);
  auto lambda = RequireLambda(call, 2, 2, 2);
  return Fn("list_transform",
            Fn("spark_zip", std::move(call.children[0]), std::move(call.children[1])),
            LambdaNode({row}, OverRow(std::move(lambda), row)));
}

// Maps are taken apart into entries and put together again.
Node OverEntries(FunctionExpression& call, bool keys) {
  const auto row = FreshName("entry", call);
  auto lambda = RequireLambda(call, 1, 2, 2);
  auto body = OverRow(std::move(lambda), row);
  auto pair =
      keys ? Fn("row", std::move(body), Field(row, 2)) : Fn("row", Field(row, 1), std::move(body));
  return Fn("spark_map_from_entries",
            Fn("list_transform", Fn("map_entries", std::move(call.children[0])),
               LambdaNode({row}, std::move(pair))));
}

Node TransformKeys(FunctionExpression& call) { return OverEntries(call, true); }
Node TransformValues(FunctionExpression& call) { return OverEntries(call, false); }

Node MapFilter(FunctionExpression& call) {
  const auto row = FreshName("entry", call);
  auto lambda = RequireLambda(call, 1, 2, 2);
  return Fn("spark_map_from_entries",
            Fn("list_filter", Fn("map_entries", std::move(call.children[0])),
               LambdaNode({row}, OverRow(std::move(lambda), row))));
}

Node MapZipWith(FunctionExpression& call) {
  const auto row = FreshName("entry", call);
  auto lambda = RequireLambda(call, 2, 3, 3);
  auto body = OverRow(std::move(lambda), row);
  auto pair = Fn("row", Field(row, 1), std::move(body));
  return Fn("spark_map_from_entries",
            Fn("list_transform",
               Fn("spark_map_zip", std::move(call.children[0]), std::move(call.children[1])),
               LambdaNode({row}, std::move(pair))));
}

// A comparator gives each element its rank: the number of elements before it.
Node ArraySort(FunctionExpression& call) {
  if (call.children.size() != 2) return nullptr;
  const auto x = FreshName("x", call), i = FreshName("i", call), y = FreshName("y", call),
             j = FreshName("j", call), row = FreshName("ranked", call);
  auto lambda = RequireLambda(call, 1, 2, 2);
  std::map<std::string, Node> replace;
  replace.emplace(lambda.parameters[0], ColumnNode(y));
  replace.emplace(lambda.parameters[1], ColumnNode(x));
  Substitute(lambda.body, replace);
  auto zero = [] { return ConstantNode(Value::INTEGER(0)); };
  Node less = make_uniq<ComparisonExpression>(ExpressionType::COMPARE_LESSTHAN, lambda.body->Copy(),
                                              zero());
  Node equal = make_uniq<ComparisonExpression>(ExpressionType::COMPARE_EQUAL,
                                               std::move(lambda.body), zero());
  Node earlier = make_uniq<ComparisonExpression>(ExpressionType::COMPARE_LESSTHAN, ColumnNode(j),
                                                 ColumnNode(i));
  Node tie = make_uniq<ConjunctionExpression>(ExpressionType::CONJUNCTION_AND, std::move(equal),
                                              std::move(earlier));
  Node before = make_uniq<ConjunctionExpression>(ExpressionType::CONJUNCTION_OR, std::move(less),
                                                 std::move(tie));
  auto rank = Fn("array_length", Fn("list_filter", call.children[0]->Copy(),
                                    LambdaNode({y, j}, std::move(before))));
  auto ranked = Fn("list_transform", call.children[0]->Copy(),
                   LambdaNode({x, i}, Fn("row", std::move(rank), ColumnNode(x))));
  return Fn("list_transform", Fn("list_sort", std::move(ranked)), LambdaNode({row}, Field(row, 2)));
}

}  // namespace

Node ExpandLambdaCall(FunctionExpression& call) {
  static const std::unordered_map<std::string, Node (*)(FunctionExpression&)> expanders = {
      {"transform", Transform},
      {"filter", Filter},
      {"exists", ExistsOrForall},
      {"forall", ExistsOrForall},
      {"aggregate", Aggregate},
      {"reduce", Aggregate},
      {"zip_with", ZipWith},
      {"transform_keys", TransformKeys},
      {"transform_values", TransformValues},
      {"map_filter", MapFilter},
      {"map_zip_with", MapZipWith},
      {"array_sort", ArraySort}};
  auto found = expanders.find(call.function_name);
  return found == expanders.end() ? nullptr : found->second(call);
}

}  // namespace tarn::dialect
