// PlanWalk: the columns every operator of one bound plan gives, while the plan is walked bottom up.
//
// What it is: the state that plan_walk.cc (operators) and expression_walk.cc (expressions) share.
// DuckDB's column bindings are unique in a whole statement, so one map holds them all; correlated
// columns need nothing special.
//
// Threads: one per call of WalkPlan.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "duckdb/planner/expression.hpp"
#include "duckdb/planner/logical_operator.hpp"
#include "govern/column_lineage.h"

namespace duckdb {
class BoundAggregateExpression;
class BoundCaseExpression;
class BoundCastExpression;
class BoundFunctionExpression;
class BoundSubqueryExpression;
class BoundWindowExpression;
class LogicalAggregate;
class LogicalComparisonJoin;
class LogicalCTERef;
class LogicalDependentJoin;
class LogicalDistinct;
class LogicalExpressionGet;
class LogicalGet;
class LogicalJoin;
class LogicalPivot;
class LogicalProjection;
class LogicalRecursiveCTE;
class LogicalSetOperation;
}  // namespace duckdb

namespace tarn::transform {

// What one column or expression is made of; a LineageColumn without name and type.
using Origin = std::shared_ptr<const govern::LineageColumn>;

class PlanWalk {
 public:
  void Visit(duckdb::LogicalOperator& op);
  std::vector<Origin> Outputs(duckdb::LogicalOperator& op);
  Origin Eval(const duckdb::Expression& expression);
  // Eval of an expression a query wrote, which is noted on what comes out of it.
  Origin EvalNoted(const duckdb::Expression& expression);
  const std::vector<govern::LineageEdge>& rows() const { return rows_; }

 private:
  using Binding = std::pair<uint64_t, uint64_t>;

  void VisitChildren(duckdb::LogicalOperator& op);
  void VisitGet(duckdb::LogicalGet& get);
  void VisitProjection(duckdb::LogicalProjection& projection);
  void VisitAggregate(duckdb::LogicalAggregate& aggregate, bool scalar_subquery);
  void VisitJoin(duckdb::LogicalJoin& join, const std::vector<Origin>& conditions);
  void VisitComparisonJoin(duckdb::LogicalComparisonJoin& join);
  void VisitDependentJoin(duckdb::LogicalDependentJoin& join);
  void VisitSetOperation(duckdb::LogicalSetOperation& operation);
  void VisitRecursiveCte(duckdb::LogicalRecursiveCTE& cte);
  void VisitMaterializedCte(duckdb::LogicalOperator& op);
  void VisitCteRef(duckdb::LogicalCTERef& ref);
  void VisitDistinct(duckdb::LogicalDistinct& distinct);
  void VisitPivot(duckdb::LogicalPivot& pivot);
  void VisitValues(duckdb::LogicalExpressionGet& values);
  void VisitOther(duckdb::LogicalOperator& op);
  // The expressions of op decide about rows.
  void NoteRows(const Origin& origin, govern::EdgeKind kind);

  Origin EvalFunction(const duckdb::BoundFunctionExpression& call);
  Origin EvalAggregate(const duckdb::BoundAggregateExpression& call);
  Origin EvalWindow(const duckdb::BoundWindowExpression& window);
  Origin EvalCase(const duckdb::BoundCaseExpression& expression);
  Origin EvalCast(const duckdb::BoundCastExpression& cast);
  Origin EvalSubquery(const duckdb::BoundSubqueryExpression& subquery);
  Origin EvalChildren(const duckdb::Expression& expression, bool predicate);

  std::map<Binding, Origin> columns_;
  std::map<uint64_t, std::vector<Origin>> ctes_;
  std::vector<govern::LineageEdge> rows_;
};

// --- operations on origins ---
Origin NoOrigin();
// Of both; fields are kept where both have the same.
Origin Merge(const std::vector<Origin>& origins);
// All edges raised to `kind` at least; direct ones become it when `kind` is indirect.
Origin Raise(const Origin& origin, govern::EdgeKind kind, bool keep_whole);
// Only decides: edges become `kind`; their values stay readable only for booleans themselves.
Origin Decides(const Origin& origin, govern::EdgeKind kind, bool keep_value);
Origin Masked(const Origin& origin);
Origin FieldOf(const Origin& origin, const std::vector<std::string>& path);

}  // namespace tarn::transform
