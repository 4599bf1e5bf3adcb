// Short ways to build and take apart DuckDB's parsed expressions. Pure functions. Threads: no
// state.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "duckdb.hpp"
#include "duckdb/parser/expression/function_expression.hpp"
#include "duckdb/parser/parsed_expression.hpp"

namespace tarn::dialect {

using Node = duckdb::unique_ptr<duckdb::ParsedExpression>;
using Nodes = duckdb::vector<Node>;

Node FunctionNode(const std::string& name, Nodes args);
template <class... Args>
Node Fn(const std::string& name, Args... args) {
  Nodes list;
  (list.push_back(std::move(args)), ...);
  return FunctionNode(name, std::move(list));
}
Node ConstantNode(duckdb::Value value);
Node ColumnNode(const std::string& name);
Node LambdaNode(std::vector<std::string> parameters, Node body);
// CAST(NULL AS type): carries a type into a spark_ function.
Node TypeCarrier(const duckdb::LogicalType& type);
// spark_cast(value, NULL::type)
Node CastNode(Node value, const duckdb::LogicalType& type);

// x -> body, (x, y) -> body or lambda x: body, split into parameters and body; false for anything
// else.
bool TakeLambda(Node& node, std::vector<std::string>& parameters, Node& body);
// Replaces unqualified references, also as first part of a.b, by copies of the given expressions.
void Substitute(Node& node, const std::map<std::string, Node>& replacements);

}  // namespace tarn::dialect
