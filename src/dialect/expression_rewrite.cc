#include "dialect/expression_rewrite.h"

#include "dialect/expression_build.h"
#include "dialect/expression_function.h"
#include "dialect/expression_name.h"
#include "duckdb/common/types/decimal.hpp"
#include "duckdb/common/types/hugeint.hpp"
#include "duckdb/parser/expression/list.hpp"
#include "duckdb/parser/parsed_data/copy_info.hpp"
#include "duckdb/parser/parsed_data/create_table_info.hpp"
#include "duckdb/parser/parsed_data/create_view_info.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/query_node/list.hpp"
#include "duckdb/parser/statement/list.hpp"
#include "duckdb/parser/tableref/list.hpp"

namespace tarn::dialect {

using namespace duckdb;

namespace {

void RewriteTable(unique_ptr<TableRef>& table);
void RewriteList(vector<unique_ptr<ParsedExpression>>& list) {
  for (auto& node : list) RewriteSparkExpression(node);
}

void RewriteOptional(unique_ptr<ParsedExpression>& node) {
  if (node) RewriteSparkExpression(node);
}

// Spark sorts NULL before everything: first when ascending, last when descending.
void RewriteOrders(vector<OrderByNode>& orders) {
  for (auto& order : orders) {
    if (order.type == OrderType::ORDER_DEFAULT) order.type = OrderType::ASCENDING;
    if (order.null_order == OrderByNullType::ORDER_DEFAULT) {
      order.null_order = order.type == OrderType::ASCENDING ? OrderByNullType::NULLS_FIRST
                                                            : OrderByNullType::NULLS_LAST;
    }
    RewriteSparkExpression(order.expression);
  }
}

// Types inside casts: Spark's TIMESTAMP is an instant, its DECIMAL has no fraction.
unique_ptr<ParsedExpression> SparkType(const TypeExpression& type) {
  vector<unique_ptr<ParsedExpression>> children;
  for (auto& child : type.GetChildren()) {
    auto copy = child->GetExpressionClass() == ExpressionClass::TYPE
                    ? SparkType(child->Cast<TypeExpression>())
                    : child->Copy();
    copy->SetAlias(child->GetAlias());
    children.push_back(std::move(copy));
  }
  std::string name = type.GetTypeName();
  const auto lower = StringUtil::Lower(name);
  if (lower == "timestamp" || lower == "timestamp_ltz") name = "TIMESTAMP WITH TIME ZONE";
  if (lower == "timestamp_ntz") name = "TIMESTAMP";
  if ((lower == "decimal" || lower == "numeric") && children.empty()) {
    children.push_back(ConstantNode(Value::INTEGER(10)));
    children.push_back(ConstantNode(Value::INTEGER(0)));
  }
  return make_uniq<TypeExpression>(type.GetCatalog(), type.GetSchema(), name, std::move(children));
}

LogicalType SparkType(const LogicalType& type) {
  if (type.id() == LogicalTypeId::TIMESTAMP) return LogicalType::TIMESTAMP_TZ;
  if (type.id() != LogicalTypeId::UNBOUND) return type;
  auto& expression = UnboundType::GetTypeExpression(type);
  if (expression->GetExpressionClass() != ExpressionClass::TYPE) return type;
  return LogicalType::UNBOUND(SparkType(expression->Cast<TypeExpression>()));
}

unique_ptr<ParsedExpression> RewriteCast(CastExpression& cast) {
  return Fn(cast.try_cast ? "spark_try_cast" : "spark_cast", std::move(cast.child),
            TypeCarrier(SparkType(cast.cast_type)));
}

unique_ptr<ParsedExpression> RewriteComparison(ComparisonExpression& comparison) {
  const char* name = nullptr;
  switch (comparison.GetExpressionType()) {
    case ExpressionType::COMPARE_EQUAL: name = "spark_eq"; break;
    case ExpressionType::COMPARE_NOTEQUAL: name = "spark_ne"; break;
    case ExpressionType::COMPARE_LESSTHAN: name = "spark_lt"; break;
    case ExpressionType::COMPARE_GREATERTHAN: name = "spark_gt"; break;
    case ExpressionType::COMPARE_LESSTHANOREQUALTO: name = "spark_le"; break;
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO: name = "spark_ge"; break;
    case ExpressionType::COMPARE_NOT_DISTINCT_FROM: name = "spark_same"; break;
    case ExpressionType::COMPARE_DISTINCT_FROM: name = "spark_different"; break;
    default: return nullptr;
  }
  return Fn(name, std::move(comparison.left), std::move(comparison.right));
}

unique_ptr<ParsedExpression> RewriteCase(CaseExpression& expression) {
  vector<unique_ptr<ParsedExpression>> args;
  for (auto& check : expression.case_checks) {
    args.push_back(std::move(check.when_expr));
    args.push_back(std::move(check.then_expr));
  }
  args.push_back(expression.else_expr ? std::move(expression.else_expr) : ConstantNode(Value()));
  return FunctionNode("spark_case", std::move(args));
}

unique_ptr<ParsedExpression> RewriteOperator(OperatorExpression& expression) {
  switch (expression.GetExpressionType()) {
    case ExpressionType::OPERATOR_COALESCE:
      return FunctionNode("spark_coalesce", std::move(expression.children));
    case ExpressionType::COMPARE_IN:
      return FunctionNode("spark_in", std::move(expression.children));
    case ExpressionType::COMPARE_NOT_IN:
      return FunctionNode("spark_not_in", std::move(expression.children));
    case ExpressionType::ARRAY_EXTRACT:
      return FunctionNode("spark_subscript", std::move(expression.children));
    case ExpressionType::ARRAY_CONSTRUCTOR:
      return FunctionNode("spark_array", std::move(expression.children));
    case ExpressionType::OPERATOR_NOT:
      return FunctionNode("spark_not", std::move(expression.children));
    default: return nullptr;
  }
}

// A literal has the narrowest of Spark's types: INT, BIGINT, or a decimal of just its digits.
void NarrowLiteral(Value& value) {
  if (value.IsNull()) return;
  const auto type = value.type();
  if (type.IsIntegral()) {
    const auto number = value.GetValue<hugeint_t>();
    auto fits = [&](hugeint_t low, hugeint_t high) { return number >= low && number <= high; };
    if (fits(NumericLimits<int32_t>::Minimum(), NumericLimits<int32_t>::Maximum())) {
      value = Value::INTEGER(value.GetValue<int32_t>());
    } else if (fits(NumericLimits<int64_t>::Minimum(), NumericLimits<int64_t>::Maximum())) {
      value = Value::BIGINT(value.GetValue<int64_t>());
    } else {
      auto text = value.ToString();
      const auto digits = text.size() - (text[0] == '-');
      if (digits > 38) return;
      value = value.DefaultCastAs(LogicalType::DECIMAL(static_cast<uint8_t>(digits), 0));
    }
  } else if (type.id() == LogicalTypeId::DECIMAL) {
    const auto scale = DecimalType::GetScale(type);
    auto text = Hugeint::ToString(IntegralValue::Get(value));
    const auto digits = text.size() - (text[0] == '-');
    const auto precision = static_cast<uint8_t>(MaxValue<idx_t>(digits, scale));
    value = value.DefaultCastAs(LogicalType::DECIMAL(precision, scale));
  }
}

void RewriteChildren(ParsedExpression& node) {
  ParsedExpressionIterator::EnumerateChildren(
      node, [](unique_ptr<ParsedExpression>& child) { RewriteSparkExpression(child); });
}

void RewriteWindow(unique_ptr<ParsedExpression>& node) {
  auto& window = node->Cast<WindowExpression>();
  RewriteList(window.children);
  RewriteList(window.partitions);
  RewriteOrders(window.orders);
  RewriteOrders(window.arg_orders);
  RewriteOptional(window.filter_expr);
  RewriteOptional(window.start_expr);
  RewriteOptional(window.end_expr);
  RewriteOptional(window.offset_expr);
  RewriteOptional(window.default_expr);
  MapWindow(node);
}

// Subqueries as expressions: x IN (SELECT …), EXISTS, scalar.
void RewriteSubquery(SubqueryExpression& subquery) {
  RewriteOptional(subquery.child);
  if (subquery.subquery) RewriteSparkQueryNode(*subquery.subquery->node);
}

void RewriteCtes(CommonTableExpressionMap& ctes) {
  for (auto& entry : ctes.map) {
    if (entry.second->query) RewriteSparkQueryNode(*entry.second->query->node);
    RewriteList(entry.second->key_targets);
  }
}

void RewriteModifiers(QueryNode& node) {
  for (auto& modifier : node.modifiers) {
    switch (modifier->type) {
      case ResultModifierType::ORDER_MODIFIER:
        RewriteOrders(modifier->Cast<OrderModifier>().orders);
        break;
      case ResultModifierType::LIMIT_MODIFIER:
        RewriteOptional(modifier->Cast<LimitModifier>().limit);
        RewriteOptional(modifier->Cast<LimitModifier>().offset);
        break;
      case ResultModifierType::DISTINCT_MODIFIER:
        RewriteList(modifier->Cast<DistinctModifier>().distinct_on_targets);
        break;
      default: break;
    }
  }
}

void RewriteSelect(SelectNode& select) {
  for (auto& item : select.select_list) {
    // A result column keeps the name Spark gives it, not that of a private function.
    const auto kind = item->GetExpressionClass();
    if (item->GetAlias().empty() && kind != ExpressionClass::COLUMN_REF &&
        kind != ExpressionClass::STAR) {
      auto name = SparkColumnName(*item);
      RewriteSparkExpression(item);
      if (!name.empty()) item->SetAlias(name);
    } else {
      RewriteSparkExpression(item);
    }
  }
  if (select.from_table) RewriteTable(select.from_table);
  RewriteOptional(select.where_clause);
  RewriteList(select.groups.group_expressions);
  RewriteOptional(select.having);
  RewriteOptional(select.qualify);
}

void RewriteTable(unique_ptr<TableRef>& table) {
  switch (table->type) {
    case TableReferenceType::EXPRESSION_LIST:
      for (auto& row : table->Cast<ExpressionListRef>().values) RewriteList(row);
      break;
    case TableReferenceType::JOIN: {
      auto& join = table->Cast<JoinRef>();
      RewriteTable(join.left);
      RewriteTable(join.right);
      RewriteOptional(join.condition);
      break;
    }
    case TableReferenceType::SUBQUERY:
      RewriteSparkQueryNode(*table->Cast<SubqueryRef>().subquery->node);
      break;
    case TableReferenceType::TABLE_FUNCTION: {
      auto& function = table->Cast<TableFunctionRef>().function;
      // The table function itself is DuckDB's or Tarn's; its arguments are expressions like any
      // other.
      if (function->GetExpressionClass() == ExpressionClass::FUNCTION) {
        auto& call = function->Cast<FunctionExpression>();
        MapTableFunction(call);
        for (auto& argument : call.children) {
          // Named parameters look like comparisons and stay.
          if (argument->GetExpressionClass() == ExpressionClass::COMPARISON) continue;
          const auto alias = argument->GetAlias();
          RewriteSparkExpression(argument);
          argument->SetAlias(alias);
        }
      }
      break;
    }
    case TableReferenceType::PIVOT: {
      auto& pivot = table->Cast<PivotRef>();
      RewriteTable(pivot.source);
      RewriteList(pivot.aggregates);
      break;
    }
    case TableReferenceType::BASE_TABLE: {
      auto& base = table->Cast<BaseTableRef>();
      if (base.at_clause) RewriteOptional(base.at_clause->ExpressionMutable());
      break;
    }
    case TableReferenceType::SHOW_REF:
      if (table->Cast<ShowRef>().query) RewriteSparkQueryNode(*table->Cast<ShowRef>().query);
      break;
    default: break;
  }
}

void RewriteUpdateSet(unique_ptr<UpdateSetInfo>& set) {
  if (!set) return;
  RewriteOptional(set->condition);
  RewriteList(set->expressions);
}

void RewriteMerge(MergeIntoStatement& merge) {
  RewriteCtes(merge.cte_map);
  RewriteTable(merge.target);
  RewriteTable(merge.source);
  RewriteOptional(merge.join_condition);
  for (auto& [condition, actions] : merge.actions) {
    for (auto& action : actions) {
      RewriteOptional(action->condition);
      RewriteUpdateSet(action->update_info);
      RewriteList(action->expressions);
    }
  }
  RewriteList(merge.returning_list);
}

void RewriteInsert(InsertStatement& insert) {
  RewriteCtes(insert.cte_map);
  if (insert.select_statement) RewriteSparkQueryNode(*insert.select_statement->node);
  RewriteList(insert.returning_list);
  if (insert.on_conflict_info) {
    RewriteOptional(insert.on_conflict_info->condition);
    RewriteUpdateSet(insert.on_conflict_info->set_info);
  }
}

void RewriteCreate(CreateInfo& info) {
  if (info.type == CatalogType::VIEW_ENTRY) {
    auto& view = info.Cast<CreateViewInfo>();
    if (view.query) RewriteSparkQueryNode(*view.query->node);
  } else if (info.type == CatalogType::TABLE_ENTRY) {
    auto& table = info.Cast<CreateTableInfo>();
    if (table.query) RewriteSparkQueryNode(*table.query->node);
  }
}

}  // namespace

void RewriteSparkExpression(unique_ptr<ParsedExpression>& node) {
  const auto alias = node->GetAlias();
  unique_ptr<ParsedExpression> result;
  switch (node->GetExpressionClass()) {
    case ExpressionClass::FUNCTION: {
      auto& call = node->Cast<FunctionExpression>();
      // Calls with lambdas and the like are taken apart before their arguments are looked at.
      if (auto expanded = ExpandCall(call)) {
        node = std::move(expanded);
        RewriteSparkExpression(node);
        node->SetAlias(alias);
        return;
      }
      // The second argument of a cast only carries its type.
      const bool is_cast =
          call.function_name == "spark_cast" || call.function_name == "spark_try_cast";
      for (idx_t i = 0; i < (is_cast ? 1 : call.children.size()); i++) {
        auto& argument = call.children[i];
        const auto argument_alias = argument->GetAlias();
        RewriteSparkExpression(argument);
        argument->SetAlias(argument_alias);
      }
      RewriteOptional(call.filter);
      if (call.order_bys) RewriteOrders(call.order_bys->orders);
      result = MapCall(call);
      break;
    }
    case ExpressionClass::WINDOW:
      RewriteWindow(node);
      node->SetAlias(alias);
      return;
    case ExpressionClass::SUBQUERY: RewriteSubquery(node->Cast<SubqueryExpression>()); return;
    case ExpressionClass::LAMBDA:
      RewriteSparkExpression(node->Cast<LambdaExpression>().expr);
      return;
    case ExpressionClass::TYPE: return;
    case ExpressionClass::CONSTANT: NarrowLiteral(node->Cast<ConstantExpression>().value); return;
    case ExpressionClass::CAST:
      RewriteChildren(*node);
      result = RewriteCast(node->Cast<CastExpression>());
      break;
    case ExpressionClass::COMPARISON:
      RewriteChildren(*node);
      result = RewriteComparison(node->Cast<ComparisonExpression>());
      break;
    case ExpressionClass::CASE:
      RewriteChildren(*node);
      result = RewriteCase(node->Cast<CaseExpression>());
      break;
    case ExpressionClass::OPERATOR:
      RewriteChildren(*node);
      result = RewriteOperator(node->Cast<OperatorExpression>());
      break;
    case ExpressionClass::BETWEEN: {
      RewriteChildren(*node);
      auto& between = node->Cast<BetweenExpression>();
      result = Fn("spark_between", std::move(between.input), std::move(between.lower),
                  std::move(between.upper));
      break;
    }
    default: RewriteChildren(*node);
  }
  if (!result) return;
  result->SetAlias(alias);
  result->SetQueryLocation(node->GetQueryLocation());
  node = std::move(result);
}

void RewriteSparkQueryNode(QueryNode& node) {
  RewriteCtes(node.cte_map);
  switch (node.type) {
    case QueryNodeType::SELECT_NODE: RewriteSelect(node.Cast<SelectNode>()); break;
    case QueryNodeType::SET_OPERATION_NODE:
      for (auto& child : node.Cast<SetOperationNode>().children) RewriteSparkQueryNode(*child);
      break;
    case QueryNodeType::RECURSIVE_CTE_NODE:
      RewriteSparkQueryNode(*node.Cast<RecursiveCTENode>().left);
      RewriteSparkQueryNode(*node.Cast<RecursiveCTENode>().right);
      break;
    default: break;
  }
  RewriteModifiers(node);
}

void RewriteSparkExpressions(SQLStatement& statement) {
  switch (statement.type) {
    case StatementType::SELECT_STATEMENT:
      RewriteSparkQueryNode(*statement.Cast<SelectStatement>().node);
      break;
    case StatementType::INSERT_STATEMENT: RewriteInsert(statement.Cast<InsertStatement>()); break;
    case StatementType::UPDATE_STATEMENT: {
      auto& update = statement.Cast<UpdateStatement>();
      RewriteCtes(update.cte_map);
      if (update.from_table) RewriteTable(update.from_table);
      RewriteUpdateSet(update.set_info);
      RewriteList(update.returning_list);
      break;
    }
    case StatementType::DELETE_STATEMENT: {
      auto& remove = statement.Cast<DeleteStatement>();
      RewriteCtes(remove.cte_map);
      for (auto& table : remove.using_clauses) RewriteTable(table);
      RewriteOptional(remove.condition);
      RewriteList(remove.returning_list);
      break;
    }
    case StatementType::MERGE_INTO_STATEMENT:
      RewriteMerge(statement.Cast<MergeIntoStatement>());
      break;
    case StatementType::CREATE_STATEMENT:
      RewriteCreate(*statement.Cast<CreateStatement>().info);
      break;
    case StatementType::COPY_STATEMENT: {
      auto& copy = *statement.Cast<CopyStatement>().info;
      if (copy.select_statement) RewriteSparkQueryNode(*copy.select_statement);
      break;
    }
    case StatementType::EXPLAIN_STATEMENT:
      RewriteSparkExpressions(*statement.Cast<ExplainStatement>().stmt);
      break;
    case StatementType::PREPARE_STATEMENT:
      RewriteSparkExpressions(*statement.Cast<PrepareStatement>().statement);
      break;
    case StatementType::EXECUTE_STATEMENT:
      for (auto& value : statement.Cast<ExecuteStatement>().named_values)
        RewriteSparkExpression(value.second);
      break;
    default: break;
  }
}

}  // namespace tarn::dialect
