#include "transform/lineage/plan_walk.h"

#include <algorithm>

#include "duckdb/catalog/catalog_entry/schema_catalog_entry.hpp"
#include "duckdb/catalog/catalog_entry/table_catalog_entry.hpp"
#include "duckdb/common/string_util.hpp"
#include "duckdb/planner/bound_result_modifier.hpp"
#include "duckdb/planner/expression/bound_aggregate_expression.hpp"
#include "duckdb/planner/expression/list.hpp"
#include "duckdb/planner/operator/list.hpp"
#include "transform/lineage/plan_walk_state.h"

namespace tarn::transform {
namespace {

using duckdb::LogicalOperatorType;
using govern::EdgeKind;
using govern::LineageColumn;
using govern::LineageEdge;

constexpr const char* kEphemeralPrefix = "__dbt__cte__";

Origin ColumnOrigin(const std::string& table, const std::string& column) {
  LineageColumn origin;
  LineageEdge edge;
  edge.from.table = table;
  edge.from.column = column;
  origin.edges.push_back(std::move(edge));
  return std::make_shared<const LineageColumn>(std::move(origin));
}

// What a scan reads: "schema.table" in lower case, "read_csv('x.csv')", or nothing worth a name.
std::string ScanName(const duckdb::LogicalGet& get) {
  if (const auto table = get.GetTable()) {
    // Relations that stand for tables of the lake are temporary tables named "schema.table".
    if (table->temporary) return table->name;
    return duckdb::StringUtil::Lower(table->schema.name + "." + table->name);
  }
  const std::string& name = get.function.name;
  const bool reads = name.starts_with("read_") || name.ends_with("_scan") || name == "glob" ||
                     name.starts_with("delta_") || name == "table_changes";
  if (!reads || get.parameters.empty()) return "";
  return name + "(" + get.parameters[0].ToSQLString() + ")";
}

// The binder's guard for scalar subqueries: first(x), count(*) under CASE … THEN error(…).
bool IsScalarGuard(const duckdb::LogicalOperator& op) {
  if (op.type != LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY) return false;
  const auto& aggregate = op.Cast<duckdb::LogicalAggregate>();
  if (!aggregate.groups.empty() || aggregate.expressions.empty()) return false;
  const auto& last = *aggregate.expressions.back();
  if (last.GetExpressionClass() != duckdb::ExpressionClass::BOUND_AGGREGATE) return false;
  return last.Cast<duckdb::BoundAggregateExpression>().function.name == "count_star" &&
         aggregate.expressions.size() > 1;
}

bool GuardsScalar(const duckdb::LogicalProjection& projection) {
  if (projection.expressions.empty() || !IsScalarGuard(*projection.children[0])) return false;
  const auto& first = *projection.expressions[0];
  if (first.GetExpressionClass() != duckdb::ExpressionClass::BOUND_CASE) return false;
  const auto& then = *first.Cast<duckdb::BoundCaseExpression>().case_checks[0].then_expr;
  return then.GetExpressionClass() == duckdb::ExpressionClass::BOUND_FUNCTION &&
         then.Cast<duckdb::BoundFunctionExpression>().function.name == "error";
}

}  // namespace

std::vector<Origin> PlanWalk::Outputs(duckdb::LogicalOperator& op) {
  std::vector<Origin> outputs;
  for (const auto& binding : op.GetColumnBindings()) {
    const auto found = columns_.find({binding.table_index, binding.column_index});
    outputs.push_back(found == columns_.end() ? NoOrigin() : found->second);
  }
  return outputs;
}

void PlanWalk::NoteRows(const Origin& origin, EdgeKind kind) {
  const Origin decided = Decides(origin, kind, false);
  for (LineageEdge noted : decided->edges) {
    noted.kind = kind;
    noted.steps.clear();
    AddEdge(rows_, noted);
  }
}

void PlanWalk::VisitChildren(duckdb::LogicalOperator& op) {
  for (auto& child : op.children) Visit(*child);
}

void PlanWalk::VisitGet(duckdb::LogicalGet& get) {
  VisitChildren(get);
  const std::string name = ScanName(get);
  std::vector<Origin> below;
  for (auto& child : get.children) {
    for (Origin& origin : Outputs(*child)) below.push_back(std::move(origin));
  }
  const bool elements = get.function.name == "unnest";
  const Origin given = Raise(Merge(below), EdgeKind::kTransformation, elements);
  const auto& ids = get.GetColumnIds();
  for (size_t i = 0; i < ids.size(); ++i) {
    columns_[{get.table_index, i}] =
        name.empty() ? given : ColumnOrigin(name, get.GetColumnName(ids[i]));
  }
  // Of a function that is fed rows, columns may be bound beyond its own: those it passes on.
  for (size_t i = 0; i < get.projected_input.size() && i < below.size(); ++i) {
    columns_[{get.table_index, ids.size() + i}] = below[get.projected_input[i] % below.size()];
  }
}

void PlanWalk::VisitProjection(duckdb::LogicalProjection& projection) {
  if (GuardsScalar(projection)) {
    auto& aggregate = projection.children[0]->Cast<duckdb::LogicalAggregate>();
    VisitChildren(aggregate);
    VisitAggregate(aggregate, true);
  } else {
    VisitChildren(projection);
  }
  for (size_t i = 0; i < projection.expressions.size(); ++i) {
    columns_[{projection.table_index, i}] = EvalNoted(*projection.expressions[i]);
  }
}

void PlanWalk::VisitAggregate(duckdb::LogicalAggregate& aggregate, bool scalar_subquery) {
  for (size_t i = 0; i < aggregate.groups.size(); ++i) {
    const Origin group = EvalNoted(*aggregate.groups[i]);
    columns_[{aggregate.group_index, i}] = group;
    NoteRows(group, EdgeKind::kGroupBy);
  }
  for (size_t i = 0; i < aggregate.expressions.size(); ++i) {
    const auto& expression = *aggregate.expressions[i];
    const bool passes = scalar_subquery && i + 1 < aggregate.expressions.size();
    const auto& call = expression.Cast<duckdb::BoundAggregateExpression>();
    columns_[{aggregate.aggregate_index, i}] =
        passes ? Eval(*call.children[0]) : EvalNoted(expression);
  }
}

void PlanWalk::VisitJoin(duckdb::LogicalJoin& join, const std::vector<Origin>& conditions) {
  const Origin all = Merge(conditions);
  if (join.join_type != duckdb::JoinType::MARK) return NoteRows(all, EdgeKind::kJoin);
  columns_[{join.mark_index, 0}] = Decides(all, EdgeKind::kConditional, false);
}

void PlanWalk::VisitComparisonJoin(duckdb::LogicalComparisonJoin& join) {
  VisitChildren(join);
  std::vector<Origin> conditions;
  for (const auto& condition : join.conditions) {
    if (condition.left) conditions.push_back(Eval(*condition.left));
    if (condition.right) conditions.push_back(Eval(*condition.right));
  }
  if (join.predicate) conditions.push_back(Eval(*join.predicate));
  VisitJoin(join, conditions);
}

void PlanWalk::VisitDependentJoin(duckdb::LogicalDependentJoin& join) {
  VisitChildren(join);
  std::vector<Origin> conditions;
  for (const auto& condition : join.conditions) {
    if (condition.left) conditions.push_back(Eval(*condition.left));
    if (condition.right) conditions.push_back(Eval(*condition.right));
  }
  if (join.join_condition) conditions.push_back(Eval(*join.join_condition));
  for (const auto& expression : join.arbitrary_expressions) conditions.push_back(Eval(*expression));
  for (const auto& expression : join.expression_children) conditions.push_back(Eval(*expression));
  if (join.join_type == duckdb::JoinType::MARK && !join.expression_children.empty()) {
    for (Origin& origin : Outputs(*join.children[1])) conditions.push_back(std::move(origin));
  }
  VisitJoin(join, conditions);
}

void PlanWalk::VisitSetOperation(duckdb::LogicalSetOperation& operation) {
  VisitChildren(operation);
  const bool is_union = operation.type == LogicalOperatorType::LOGICAL_UNION;
  std::vector<std::vector<Origin>> merged(operation.column_count);
  for (size_t child = 0; child < operation.children.size(); ++child) {
    const std::vector<Origin> outputs = Outputs(*operation.children[child]);
    for (size_t i = 0; i < outputs.size() && i < merged.size(); ++i) {
      if (is_union || child == 0) {
        merged[i].push_back(outputs[i]);
      } else {
        NoteRows(outputs[i], EdgeKind::kFilter);
      }
    }
  }
  for (size_t i = 0; i < merged.size(); ++i) {
    columns_[{operation.table_index, i}] = Merge(merged[i]);
  }
}

void PlanWalk::VisitRecursiveCte(duckdb::LogicalRecursiveCTE& cte) {
  Visit(*cte.children[0]);
  std::vector<Origin> known = Outputs(*cte.children[0]);
  const auto edges = [&] {
    size_t count = 0;
    for (const Origin& origin : known) count += AllEdges(*origin).size();
    return count;
  };
  // Each round may carry an origin one column further; as many rounds as columns settle it, and one
  // more for the kinds.
  for (size_t round = 0; round < known.size() + 2; ++round) {
    ctes_[cte.table_index] = known;
    const size_t before = edges();
    Visit(*cte.children[1]);
    const std::vector<Origin> next = Outputs(*cte.children[1]);
    for (size_t i = 0; i < known.size() && i < next.size(); ++i) {
      known[i] = Merge({known[i], next[i]});
    }
    if (edges() == before) break;
  }
  ctes_[cte.table_index] = known;
  for (size_t i = 0; i < known.size(); ++i) columns_[{cte.table_index, i}] = known[i];
}

void PlanWalk::VisitMaterializedCte(duckdb::LogicalOperator& op) {
  auto& cte = op.Cast<duckdb::LogicalMaterializedCTE>();
  Visit(*cte.children[0]);
  std::vector<Origin> outputs = Outputs(*cte.children[0]);
  if (cte.ctename.starts_with(kEphemeralPrefix)) {
    const std::string step = "with " + cte.ctename.substr(std::string(kEphemeralPrefix).size());
    for (Origin& origin : outputs) {
      LineageColumn noted = *origin;
      for (LineageEdge& edge : noted.edges) edge.steps.push_back(step);
      origin = std::make_shared<const LineageColumn>(std::move(noted));
    }
  }
  ctes_[cte.table_index] = std::move(outputs);
  Visit(*cte.children[1]);
}

void PlanWalk::VisitCteRef(duckdb::LogicalCTERef& ref) {
  const std::vector<Origin>& cte = ctes_[ref.cte_index];
  for (size_t i = 0; i < ref.chunk_types.size(); ++i) {
    columns_[{ref.table_index, i}] = i < cte.size() ? cte[i] : NoOrigin();
  }
}

void PlanWalk::VisitDistinct(duckdb::LogicalDistinct& distinct) {
  VisitChildren(distinct);
  if (distinct.distinct_type != duckdb::DistinctType::DISTINCT_ON) return;
  for (const auto& target : distinct.distinct_targets) NoteRows(Eval(*target), EdgeKind::kGroupBy);
  if (!distinct.order_by) return;
  for (const auto& order : distinct.order_by->orders) {
    NoteRows(Eval(*order.expression), EdgeKind::kSort);
  }
}

void PlanWalk::VisitPivot(duckdb::LogicalPivot& pivot) {
  VisitChildren(pivot);
  // Groups, then one list per aggregate, then the list of what is pivoted on.
  const std::vector<Origin> below = Outputs(*pivot.children[0]);
  const size_t groups = pivot.bound_pivot.group_count;
  const size_t aggregates = std::max<size_t>(1, pivot.bound_pivot.aggregates.size());
  for (size_t i = 0; i < pivot.bound_pivot.types.size(); ++i) {
    Origin& column = columns_[{pivot.pivot_index, i}];
    if (i < groups) {
      column = i < below.size() ? below[i] : NoOrigin();
      continue;
    }
    const size_t list = groups + (i - groups) % aggregates;
    const Origin value = list + 1 < below.size() ? below[list] : Merge(below);
    const Origin key = below.empty() ? NoOrigin() : below.back();
    column = Merge({value, Decides(Raise(key, EdgeKind::kTransformation, false),
                                   EdgeKind::kConditional, false)});
  }
}

void PlanWalk::VisitValues(duckdb::LogicalExpressionGet& values) {
  VisitChildren(values);
  for (size_t i = 0; i < values.expr_types.size(); ++i) {
    std::vector<Origin> origins;
    for (const auto& row : values.expressions) {
      if (i < row.size()) origins.push_back(Eval(*row[i]));
    }
    columns_[{values.table_index, i}] = Merge(origins);
  }
}

void PlanWalk::VisitOther(duckdb::LogicalOperator& op) {
  VisitChildren(op);
  std::vector<Origin> below;
  for (auto& child : op.children) {
    for (Origin& origin : Outputs(*child)) below.push_back(std::move(origin));
  }
  for (const auto& expression : op.expressions) below.push_back(Eval(*expression));
  Origin all;
  for (const auto& binding : op.GetColumnBindings()) {
    Origin& column = columns_[{binding.table_index, binding.column_index}];
    if (column) continue;
    if (!all) all = Raise(Merge(below), EdgeKind::kTransformation, false);
    column = all;
  }
}

void PlanWalk::Visit(duckdb::LogicalOperator& op) {
  switch (op.type) {
    case LogicalOperatorType::LOGICAL_GET: return VisitGet(op.Cast<duckdb::LogicalGet>());
    case LogicalOperatorType::LOGICAL_PROJECTION:
      return VisitProjection(op.Cast<duckdb::LogicalProjection>());
    case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY:
      VisitChildren(op);
      return VisitAggregate(op.Cast<duckdb::LogicalAggregate>(), false);
    case LogicalOperatorType::LOGICAL_WINDOW: {
      VisitChildren(op);
      const auto index = op.Cast<duckdb::LogicalWindow>().window_index;
      for (size_t i = 0; i < op.expressions.size(); ++i) {
        columns_[{index, i}] = EvalNoted(*op.expressions[i]);
      }
      return;
    }
    case LogicalOperatorType::LOGICAL_UNNEST: {
      VisitChildren(op);
      const auto index = op.Cast<duckdb::LogicalUnnest>().unnest_index;
      for (size_t i = 0; i < op.expressions.size(); ++i) {
        columns_[{index, i}] = EvalNoted(*op.expressions[i]);
      }
      return;
    }
    case LogicalOperatorType::LOGICAL_FILTER:
      VisitChildren(op);
      for (const auto& expression : op.expressions) NoteRows(Eval(*expression), EdgeKind::kFilter);
      return;
    case LogicalOperatorType::LOGICAL_ORDER_BY:
      VisitChildren(op);
      for (const auto& order : op.Cast<duckdb::LogicalOrder>().orders) {
        NoteRows(Eval(*order.expression), EdgeKind::kSort);
      }
      return;
    case LogicalOperatorType::LOGICAL_DEPENDENT_JOIN:
      return VisitDependentJoin(op.Cast<duckdb::LogicalDependentJoin>());
    case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
    case LogicalOperatorType::LOGICAL_DELIM_JOIN:
    case LogicalOperatorType::LOGICAL_ASOF_JOIN:
      return VisitComparisonJoin(op.Cast<duckdb::LogicalComparisonJoin>());
    case LogicalOperatorType::LOGICAL_ANY_JOIN: {
      VisitChildren(op);
      auto& join = op.Cast<duckdb::LogicalAnyJoin>();
      return VisitJoin(join, {Eval(*join.condition)});
    }
    case LogicalOperatorType::LOGICAL_UNION:
    case LogicalOperatorType::LOGICAL_EXCEPT:
    case LogicalOperatorType::LOGICAL_INTERSECT:
      return VisitSetOperation(op.Cast<duckdb::LogicalSetOperation>());
    case LogicalOperatorType::LOGICAL_RECURSIVE_CTE:
      return VisitRecursiveCte(op.Cast<duckdb::LogicalRecursiveCTE>());
    case LogicalOperatorType::LOGICAL_MATERIALIZED_CTE: return VisitMaterializedCte(op);
    case LogicalOperatorType::LOGICAL_CTE_REF: return VisitCteRef(op.Cast<duckdb::LogicalCTERef>());
    case LogicalOperatorType::LOGICAL_DISTINCT:
      return VisitDistinct(op.Cast<duckdb::LogicalDistinct>());
    case LogicalOperatorType::LOGICAL_PIVOT: return VisitPivot(op.Cast<duckdb::LogicalPivot>());
    case LogicalOperatorType::LOGICAL_EXPRESSION_GET:
      return VisitValues(op.Cast<duckdb::LogicalExpressionGet>());
    case LogicalOperatorType::LOGICAL_LIMIT:
    case LogicalOperatorType::LOGICAL_SAMPLE:
    case LogicalOperatorType::LOGICAL_CROSS_PRODUCT:
    case LogicalOperatorType::LOGICAL_POSITIONAL_JOIN:
    case LogicalOperatorType::LOGICAL_DUMMY_SCAN:
    case LogicalOperatorType::LOGICAL_EMPTY_RESULT:
    case LogicalOperatorType::LOGICAL_CHUNK_GET: return VisitChildren(op);
    default: return VisitOther(op);
  }
}

Result<govern::QueryLineage> WalkPlan(duckdb::BoundStatement& bound) {
  PlanWalk walk;
  walk.Visit(*bound.plan);
  const std::vector<Origin> outputs = walk.Outputs(*bound.plan);
  govern::QueryLineage lineage;
  for (size_t i = 0; i < bound.names.size(); ++i) {
    LineageColumn column = i < outputs.size() ? *outputs[i] : LineageColumn{};
    column.name = bound.names[i];
    column.type = bound.types[i].ToString();
    lineage.columns.push_back(std::move(column));
  }
  lineage.rows = walk.rows();
  return lineage;
}

}  // namespace tarn::transform
