#include "transform/lineage/statement_prepare.h"

#include <functional>

#include "duckdb/common/string_util.hpp"
#include "duckdb/parser/expression/columnref_expression.hpp"
#include "duckdb/parser/expression/constant_expression.hpp"
#include "duckdb/parser/expression/function_expression.hpp"
#include "duckdb/parser/expression/subquery_expression.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/statement/select_statement.hpp"
#include "duckdb/parser/tableref/basetableref.hpp"

namespace tarn::transform {
namespace {

using duckdb::ParsedExpression;
using duckdb::ParsedExpressionIterator;
using duckdb::QueryNode;
using duckdb::TableRef;
using ExpressionPtr = duckdb::unique_ptr<ParsedExpression>;

// Every expression (children before parents) and table of a query, subqueries included.
class QueryVisitor {
 public:
  std::function<void(ExpressionPtr&)> on_expression = [](ExpressionPtr&) {};
  std::function<void(TableRef&)> on_table = [](TableRef&) {};

  void Visit(QueryNode& node) {
    ParsedExpressionIterator::EnumerateQueryNodeChildren(
        node, [this](ExpressionPtr& child) { VisitExpression(child); }, on_table);
  }

 private:
  void VisitExpression(ExpressionPtr& expression) {
    if (!expression) return;
    ParsedExpressionIterator::EnumerateChildren(
        *expression, [this](ExpressionPtr& child) { VisitExpression(child); });
    if (expression->GetExpressionClass() == duckdb::ExpressionClass::SUBQUERY) {
      Visit(*expression->Cast<duckdb::SubqueryExpression>().subquery->node);
    }
    on_expression(expression);
  }
};

std::string Key(const std::string& schema, const std::string& table) {
  return duckdb::StringUtil::Lower(schema) + "." + duckdb::StringUtil::Lower(table);
}

void Wrap(ExpressionPtr& call) {
  const std::string alias = call->GetAlias();
  call->SetAlias(kMaskMark);
  duckdb::vector<ExpressionPtr> packed;
  packed.push_back(std::move(call));
  duckdb::vector<ExpressionPtr> arguments;
  arguments.push_back(
      duckdb::make_uniq<duckdb::FunctionExpression>("struct_pack", std::move(packed)));
  arguments.push_back(duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value(kMaskMark)));
  call = duckdb::make_uniq<duckdb::FunctionExpression>("struct_extract", std::move(arguments));
  call->SetAlias(alias);
}

// `schema.table.column` where the table has become another.
void ShortenQualifier(ParsedExpression& expression, const std::set<std::string>& relations) {
  if (expression.GetExpressionClass() != duckdb::ExpressionClass::COLUMN_REF) return;
  auto& names = expression.Cast<duckdb::ColumnRefExpression>().column_names;
  for (size_t skip = 0; skip <= 1 && names.size() >= skip + 3; ++skip) {
    if (!relations.contains(Key(names[skip], names[skip + 1]))) continue;
    names.erase(names.begin(), names.begin() + static_cast<int64_t>(skip) + 1);
    return;
  }
}

}  // namespace

void MarkSanctioned(QueryNode& node, const std::set<std::string>& functions) {
  if (functions.empty()) return;
  QueryVisitor visitor;
  visitor.on_expression = [&](ExpressionPtr& expression) {
    if (expression->GetExpressionClass() != duckdb::ExpressionClass::FUNCTION) return;
    const auto& call = expression->Cast<duckdb::FunctionExpression>();
    if (functions.contains(duckdb::StringUtil::Lower(call.function_name))) Wrap(expression);
  };
  visitor.Visit(node);
}

void RedirectRelations(QueryNode& node, const std::set<std::string>& relations) {
  if (relations.empty()) return;
  QueryVisitor visitor;
  visitor.on_table = [&](TableRef& ref) {
    if (ref.type != duckdb::TableReferenceType::BASE_TABLE) return;
    auto& table = ref.Cast<duckdb::BaseTableRef>();
    if (table.schema_name.empty()) return;
    const std::string key = Key(table.schema_name, table.table_name);
    if (!relations.contains(key)) return;
    if (table.alias.empty()) table.alias = table.table_name;
    table.catalog_name = "temp";
    table.schema_name = "main";
    table.table_name = key;
    table.at_clause.reset();
  };
  visitor.on_expression = [&](ExpressionPtr& expression) {
    ShortenQualifier(*expression, relations);
  };
  visitor.Visit(node);
}

}  // namespace tarn::transform
