#include "duck/view_names.h"

#include <vector>

#include "duckdb/catalog/catalog.hpp"
#include "duckdb/catalog/catalog_entry/schema_catalog_entry.hpp"
#include "duckdb/common/case_insensitive_map.hpp"
#include "duckdb/common/string_util.hpp"
#include "duckdb/parser/expression/subquery_expression.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/query_node/list.hpp"
#include "duckdb/parser/tableref/list.hpp"

namespace tarn::duck {

namespace {

using duckdb::QueryNode;
using duckdb::QueryNodeType;
using duckdb::TableRef;
using duckdb::TableReferenceType;
using Iterator = duckdb::ParsedExpressionIterator;

// Finds the tables a query names, and the names that are its own (WITH).
class TableFinder {
 public:
  void Node(QueryNode& node) {
    for (auto& entry : node.cte_map.map) {
      own_names.insert(entry.first);
      Node(*entry.second->query->node);
    }
    switch (node.type) {
      case QueryNodeType::SELECT_NODE: {
        auto& select = node.Cast<duckdb::SelectNode>();
        for (auto& expression : select.select_list) Expression(*expression);
        for (auto& expression : select.groups.group_expressions) Expression(*expression);
        if (select.where_clause) Expression(*select.where_clause);
        if (select.having) Expression(*select.having);
        if (select.qualify) Expression(*select.qualify);
        if (select.from_table) Ref(*select.from_table);
        break;
      }
      case QueryNodeType::SET_OPERATION_NODE:
        for (auto& child : node.Cast<duckdb::SetOperationNode>().children) Node(*child);
        break;
      case QueryNodeType::RECURSIVE_CTE_NODE: {
        auto& recursive = node.Cast<duckdb::RecursiveCTENode>();
        own_names.insert(recursive.ctename);
        Node(*recursive.left);
        Node(*recursive.right);
        break;
      }
      default: break;
    }
    Iterator::EnumerateQueryNodeModifiers(
        node, [&](duckdb::unique_ptr<duckdb::ParsedExpression>& child) { Expression(*child); });
  }

  std::vector<duckdb::BaseTableRef*> tables;
  duckdb::case_insensitive_set_t own_names;

 private:
  void Ref(TableRef& ref) {
    switch (ref.type) {
      case TableReferenceType::BASE_TABLE:
        tables.push_back(&ref.Cast<duckdb::BaseTableRef>());
        break;
      case TableReferenceType::JOIN: {
        auto& join = ref.Cast<duckdb::JoinRef>();
        Ref(*join.left);
        Ref(*join.right);
        if (join.condition) Expression(*join.condition);
        break;
      }
      case TableReferenceType::SUBQUERY:
        Node(*ref.Cast<duckdb::SubqueryRef>().subquery->node);
        break;
      case TableReferenceType::PIVOT: {
        auto& pivot = ref.Cast<duckdb::PivotRef>();
        Ref(*pivot.source);
        for (auto& aggregate : pivot.aggregates) Expression(*aggregate);
        break;
      }
      case TableReferenceType::TABLE_FUNCTION:
        Expression(*ref.Cast<duckdb::TableFunctionRef>().function);
        break;
      case TableReferenceType::EXPRESSION_LIST:
        for (auto& row : ref.Cast<duckdb::ExpressionListRef>().values) {
          for (auto& expression : row) Expression(*expression);
        }
        break;
      default: break;
    }
  }

  void Expression(duckdb::ParsedExpression& expression) {
    if (expression.GetExpressionClass() == duckdb::ExpressionClass::SUBQUERY) {
      Node(*expression.Cast<duckdb::SubqueryExpression>().subquery->node);
    }
    Iterator::EnumerateChildren(expression,
                                [&](duckdb::ParsedExpression& child) { Expression(child); });
  }
};

void Qualify(duckdb::ClientContext& context, duckdb::Catalog& lake, duckdb::BaseTableRef* ref) {
  if (!ref->catalog_name.empty() || !ref->schema_name.empty()) {
    if (duckdb::StringUtil::CIEquals(ref->catalog_name, lake.GetName())) ref->catalog_name.clear();
    return;
  }
  const auto entry = duckdb::Catalog::GetEntry(
      context, "", "", duckdb::EntryLookupInfo(duckdb::CatalogType::TABLE_ENTRY, ref->table_name),
      duckdb::OnEntryNotFound::RETURN_NULL);
  if (!entry) return;
  if (entry->temporary) {
    throw duckdb::BinderException(
        "a view of the lake cannot use the temporary table '%s', which others do not see",
        ref->table_name);
  }
  ref->schema_name = entry->ParentSchema().name;
  if (&entry->ParentCatalog() != &lake) ref->catalog_name = entry->ParentCatalog().GetName();
}

}  // namespace

void QualifyTables(duckdb::ClientContext& context, duckdb::Catalog& lake,
                   duckdb::SelectStatement* query) {
  TableFinder finder;
  finder.Node(*query->node);
  for (auto* ref : finder.tables) {
    if (ref->catalog_name.empty() && ref->schema_name.empty() &&
        finder.own_names.count(ref->table_name)) {
      continue;
    }
    Qualify(context, lake, ref);
  }
}

}  // namespace tarn::duck
