// Expressions of a bound plan: what their values are made of.
#include <algorithm>

#include "duckdb/common/types.hpp"
#include "duckdb/function/lambda_functions.hpp"
#include "duckdb/planner/expression/list.hpp"
#include "duckdb/planner/expression_iterator.hpp"
#include "transform/lineage/function_kinds.h"
#include "transform/lineage/plan_walk_state.h"
#include "transform/lineage/statement_prepare.h"

namespace tarn::transform {
namespace {

using duckdb::Expression;
using duckdb::ExpressionClass;
using duckdb::LogicalTypeId;
using govern::EdgeKind;
using govern::LineageColumn;
using govern::LineageEdge;

constexpr size_t kLongestStep = 200;  // bytes of an expression's text in a path
constexpr size_t kMostSteps = 12;

// Functions of the Spark dialect are registered under this prefix.
std::string PlainName(const std::string& name) {
  return name.starts_with("spark_") ? name.substr(6) : name;
}

bool IsBoolean(const Expression& expression) {
  return expression.return_type.id() == LogicalTypeId::BOOLEAN;
}

std::string ConstantText(const Expression& expression) {
  const Expression* at = &expression;
  while (at->GetExpressionClass() == ExpressionClass::BOUND_CAST) {
    at = at->Cast<duckdb::BoundCastExpression>().child.get();
  }
  if (at->GetExpressionClass() != ExpressionClass::BOUND_CONSTANT) return "";
  const duckdb::Value& value = at->Cast<duckdb::BoundConstantExpression>().value;
  return value.IsNull() ? "" : value.ToString();
}

bool IsTextConstant(const Expression& expression) {
  const Expression* at = &expression;
  while (at->GetExpressionClass() == ExpressionClass::BOUND_CAST) {
    at = at->Cast<duckdb::BoundCastExpression>().child.get();
  }
  return at->GetExpressionClass() == ExpressionClass::BOUND_CONSTANT &&
         at->return_type.id() == LogicalTypeId::VARCHAR;
}

// struct_pack(<mark> := …): the inside of a sanctioned call.
bool IsMark(const duckdb::BoundFunctionExpression& call) {
  return call.function.name == "struct_pack" && call.children.size() == 1 &&
         call.return_type.id() == LogicalTypeId::STRUCT &&
         duckdb::StructType::GetChildName(call.return_type, 0) == kMaskMark;
}

// Does a lambda's body use a parameter outside of sanctioned calls?
bool ReadsUnmasked(const Expression& body) {
  if (body.GetExpressionClass() == ExpressionClass::BOUND_REF) return true;
  if (body.GetExpressionClass() == ExpressionClass::BOUND_FUNCTION &&
      IsMark(body.Cast<duckdb::BoundFunctionExpression>())) {
    return false;
  }
  bool reads = false;
  duckdb::ExpressionIterator::EnumerateChildren(
      body, [&](const Expression& child) { reads = reads || ReadsUnmasked(child); });
  return reads;
}

const Expression* LambdaOf(const duckdb::BoundFunctionExpression& call) {
  const std::string& name = call.function.name;
  const bool takes_lambda =
      name.find("transform") != std::string::npos || name.find("apply") != std::string::npos ||
      name.find("filter") != std::string::npos || name.find("reduce") != std::string::npos;
  if (!takes_lambda || !call.bind_info) return nullptr;
  const auto* data = dynamic_cast<const duckdb::ListLambdaBindData*>(call.bind_info.get());
  return data == nullptr ? nullptr : data->lambda_expr.get();
}

void Note(LineageColumn& column, const std::string& step) {
  for (LineageEdge& edge : column.edges) {
    if (edge.steps.size() < kMostSteps && (edge.steps.empty() || edge.steps.back() != step)) {
      edge.steps.push_back(step);
    }
  }
  for (auto& [name, field] : column.fields) Note(field, step);
}

std::string StepText(const Expression& expression) {
  std::string text = expression.ToString();
  std::replace(text.begin(), text.end(), '\n', ' ');
  for (size_t at = 0; (at = text.find("spark_", at)) != std::string::npos;) text.erase(at, 6);
  if (text.size() <= kLongestStep) return text;
  size_t end = kLongestStep;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

bool IsPlain(const Expression& expression) {
  return expression.GetExpressionClass() == ExpressionClass::BOUND_COLUMN_REF;
}

}  // namespace

Origin PlanWalk::EvalNoted(const Expression& expression) {
  const Origin origin = Eval(expression);
  if (IsPlain(expression) || (origin->edges.empty() && origin->fields.empty())) return origin;
  LineageColumn noted = *origin;
  Note(noted, StepText(expression));
  return std::make_shared<const LineageColumn>(std::move(noted));
}

Origin PlanWalk::EvalChildren(const Expression& expression, bool predicate) {
  std::vector<Origin> origins;
  duckdb::ExpressionIterator::EnumerateChildren(expression, [&](const Expression& child) {
    const Origin origin = Raise(Eval(child), EdgeKind::kTransformation, false);
    // A predicate tells something about a value; a boolean it hands on may be the value itself.
    if (!predicate || IsBoolean(child)) {
      origins.push_back(origin);
      return;
    }
    LineageColumn told;
    for (LineageEdge edge : AllEdges(*origin)) {
      edge.value = false;
      AddEdge(told.edges, edge);
    }
    origins.push_back(std::make_shared<const LineageColumn>(std::move(told)));
  });
  return Merge(origins);
}

Origin PlanWalk::EvalFunction(const duckdb::BoundFunctionExpression& call) {
  const std::string name = PlainName(call.function.name);
  if (name == "struct_extract" &&
      call.children[0]->GetExpressionClass() == ExpressionClass::BOUND_FUNCTION) {
    const auto& inner = call.children[0]->Cast<duckdb::BoundFunctionExpression>();
    if (IsMark(inner)) return Masked(Eval(*inner.children[0]));
  }
  if (ExtractsByKey(name) && call.children.size() >= 2) {
    const Origin base = Eval(*call.children[0]);
    const auto& from = call.children[0]->return_type;
    const bool field = from.id() == LogicalTypeId::STRUCT;
    std::vector<std::string> path;
    if (name == "struct_extract_at" && field) {
      const size_t at = std::strtoull(ConstantText(*call.children[1]).c_str(), nullptr, 10);
      if (at >= 1 && at <= duckdb::StructType::GetChildCount(from)) {
        path.push_back(duckdb::StructType::GetChildName(from, at - 1));
      }
    } else if (field) {
      path.push_back(ConstantText(*call.children[1]));
    } else if (IsTextConstant(*call.children[1])) {
      path = KeyPath(ConstantText(*call.children[1]));
    }
    const Origin part = FieldOf(base, path);
    return Merge({field ? part : Raise(part, EdgeKind::kTransformation, true),
                  Raise(Eval(*call.children[1]), EdgeKind::kTransformation, false)});
  }
  const auto& made = call.return_type;
  if (made.id() == LogicalTypeId::STRUCT &&
      (name == "struct_pack" || name == "row" || name.ends_with("struct")) &&
      duckdb::StructType::GetChildCount(made) == call.children.size()) {
    LineageColumn origin;
    for (size_t i = 0; i < call.children.size(); ++i) {
      origin.fields[duckdb::StructType::GetChildName(made, i)] = *Eval(*call.children[i]);
    }
    return std::make_shared<const LineageColumn>(std::move(origin));
  }
  if (const Expression* lambda = LambdaOf(call); lambda != nullptr) {
    const bool filters = name.find("filter") != std::string::npos;
    if (filters) return Raise(Eval(*call.children[0]), EdgeKind::kTransformation, true);
    const Origin all = EvalChildren(call, false);
    return ReadsUnmasked(*lambda) ? all : Masked(all);
  }
  if (KeepsWhole(name) && !call.children.empty()) {
    return Raise(Eval(*call.children[0]), EdgeKind::kTransformation, true);
  }
  if (KeepsElements(name)) {
    std::vector<Origin> origins;
    for (const auto& child : call.children) {
      origins.push_back(Raise(Eval(*child), EdgeKind::kTransformation, true));
    }
    return Merge(origins);
  }
  const bool predicate = IsBoolean(call) && name.find("cast") == std::string::npos;
  return EvalChildren(call, predicate);
}

Origin PlanWalk::EvalAggregate(const duckdb::BoundAggregateExpression& call) {
  const std::string name = PlainName(call.function.name);
  const bool picks = PicksValues(name);
  std::vector<Origin> origins;
  for (size_t i = 0; i < call.children.size(); ++i) {
    const Origin origin = Eval(*call.children[i]);
    // arg_max(value, by): the second decides which value it is.
    if (picks && i > 0 && name.find("arg_") == 0) {
      origins.push_back(Decides(origin, EdgeKind::kSort, false));
    } else if (Counts(name)) {
      Origin raised = Raise(origin, EdgeKind::kAggregation, false);
      LineageColumn told;
      for (LineageEdge edge : AllEdges(*raised)) {
        edge.value = false;
        AddEdge(told.edges, edge);
      }
      origins.push_back(std::make_shared<const LineageColumn>(std::move(told)));
    } else {
      origins.push_back(Raise(origin, EdgeKind::kAggregation, picks));
    }
  }
  if (call.filter) {
    origins.push_back(Decides(Eval(*call.filter), EdgeKind::kConditional, false));
  }
  if (call.order_bys) {
    for (const auto& order : call.order_bys->orders) {
      origins.push_back(Decides(Eval(*order.expression), EdgeKind::kSort, false));
    }
  }
  return Merge(origins);
}

Origin PlanWalk::EvalWindow(const duckdb::BoundWindowExpression& window) {
  using duckdb::ExpressionType;
  const bool aggregates = window.GetExpressionType() == ExpressionType::WINDOW_AGGREGATE;
  const bool counts = aggregates && window.aggregate && Counts(window.aggregate->name);
  std::vector<Origin> origins;
  for (const auto& child : window.children) {
    const Origin origin = Eval(*child);
    if (counts) {
      LineageColumn told;
      for (LineageEdge edge : AllEdges(*Raise(origin, EdgeKind::kAggregation, false))) {
        edge.value = false;
        AddEdge(told.edges, edge);
      }
      origins.push_back(std::make_shared<const LineageColumn>(std::move(told)));
    } else {
      origins.push_back(Raise(
          origin, aggregates ? EdgeKind::kAggregation : EdgeKind::kTransformation, !aggregates));
    }
  }
  if (window.default_expr) {
    origins.push_back(Raise(Eval(*window.default_expr), EdgeKind::kTransformation, true));
  }
  const auto decides = [&](const Expression& expression, EdgeKind kind) {
    origins.push_back(Decides(Eval(expression), kind, false));
  };
  for (const auto& partition : window.partitions) decides(*partition, EdgeKind::kWindow);
  for (const auto& order : window.orders) decides(*order.expression, EdgeKind::kWindow);
  for (const auto& order : window.arg_orders) decides(*order.expression, EdgeKind::kSort);
  if (window.filter_expr) decides(*window.filter_expr, EdgeKind::kConditional);
  for (const auto* bound : {&window.start_expr, &window.end_expr, &window.offset_expr}) {
    if (*bound) decides(**bound, EdgeKind::kWindow);
  }
  return Merge(origins);
}

Origin PlanWalk::EvalCase(const duckdb::BoundCaseExpression& expression) {
  std::vector<Origin> results, conditions;
  for (const auto& check : expression.case_checks) {
    const auto& then = *check.then_expr;
    if (then.GetExpressionClass() == ExpressionClass::BOUND_FUNCTION &&
        then.Cast<duckdb::BoundFunctionExpression>().function.name == "error") {
      continue;  // gives no value
    }
    // A condition that is a value itself (CASE WHEN is_ill THEN …) shows in which result it is.
    conditions.push_back(Decides(Eval(*check.when_expr), EdgeKind::kConditional, true));
    results.push_back(Eval(then));
  }
  const Origin otherwise = expression.else_expr ? Eval(*expression.else_expr) : NoOrigin();
  if (results.empty()) return otherwise;
  results.push_back(otherwise);
  Origin merged = Raise(Merge(results), EdgeKind::kTransformation, true);
  conditions.insert(conditions.begin(), merged);
  if (merged->fields.empty()) return Merge(conditions);
  // Fields stay fields: what decided goes to each.
  const Origin decided = Merge({conditions.begin() + 1, conditions.end()});
  LineageColumn whole = *merged;
  for (auto& [name, field] : whole.fields) {
    for (const LineageEdge& edge : decided->edges) AddEdge(field.edges, edge);
  }
  return std::make_shared<const LineageColumn>(std::move(whole));
}

Origin PlanWalk::EvalCast(const duckdb::BoundCastExpression& cast) {
  const Origin origin = Raise(Eval(*cast.child), EdgeKind::kTransformation, true);
  if (origin->fields.empty()) return origin;
  // Fields keep their names in a cast from struct to struct by name.
  if (cast.return_type.id() == LogicalTypeId::STRUCT) {
    for (const auto& [name, type] : duckdb::StructType::GetChildTypes(cast.return_type)) {
      if (!origin->fields.contains(name)) {
        LineageColumn flat;
        flat.edges = AllEdges(*origin);
        return std::make_shared<const LineageColumn>(std::move(flat));
      }
    }
  }
  return origin;
}

Origin PlanWalk::EvalSubquery(const duckdb::BoundSubqueryExpression& subquery) {
  auto& plan = *subquery.subquery.plan;
  Visit(plan);
  const std::vector<Origin> outputs = Outputs(plan);
  if (subquery.subquery_type == duckdb::SubqueryType::SCALAR) {
    return outputs.empty() ? NoOrigin() : outputs[0];
  }
  std::vector<Origin> origins;
  for (const auto& child : subquery.children) origins.push_back(Eval(*child));
  if (subquery.subquery_type == duckdb::SubqueryType::ANY) {
    origins.insert(origins.end(), outputs.begin(), outputs.end());
  }
  return Decides(Merge(origins), EdgeKind::kConditional, false);
}

Origin PlanWalk::Eval(const Expression& expression) {
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::BOUND_COLUMN_REF: {
      const auto& binding = expression.Cast<duckdb::BoundColumnRefExpression>().binding;
      const auto found = columns_.find({binding.table_index, binding.column_index});
      return found == columns_.end() ? NoOrigin() : found->second;
    }
    case ExpressionClass::BOUND_CONSTANT:
    case ExpressionClass::BOUND_PARAMETER:
    case ExpressionClass::BOUND_DEFAULT: return NoOrigin();
    case ExpressionClass::BOUND_FUNCTION:
      return EvalFunction(expression.Cast<duckdb::BoundFunctionExpression>());
    case ExpressionClass::BOUND_AGGREGATE:
      return EvalAggregate(expression.Cast<duckdb::BoundAggregateExpression>());
    case ExpressionClass::BOUND_WINDOW:
      return EvalWindow(expression.Cast<duckdb::BoundWindowExpression>());
    case ExpressionClass::BOUND_CASE:
      return EvalCase(expression.Cast<duckdb::BoundCaseExpression>());
    case ExpressionClass::BOUND_CAST:
      return EvalCast(expression.Cast<duckdb::BoundCastExpression>());
    case ExpressionClass::BOUND_SUBQUERY:
      return EvalSubquery(expression.Cast<duckdb::BoundSubqueryExpression>());
    case ExpressionClass::BOUND_UNNEST:
      return Raise(Eval(*expression.Cast<duckdb::BoundUnnestExpression>().child),
                   EdgeKind::kTransformation, true);
    case ExpressionClass::BOUND_COMPARISON:
    case ExpressionClass::BOUND_BETWEEN: return EvalChildren(expression, true);
    case ExpressionClass::BOUND_CONJUNCTION: return EvalChildren(expression, false);
    case ExpressionClass::BOUND_OPERATOR: {
      const auto type = expression.GetExpressionType();
      if (type == duckdb::ExpressionType::OPERATOR_COALESCE ||
          type == duckdb::ExpressionType::OPERATOR_TRY) {
        std::vector<Origin> origins;
        for (const auto& child : expression.Cast<duckdb::BoundOperatorExpression>().children) {
          origins.push_back(Raise(Eval(*child), EdgeKind::kTransformation, true));
        }
        return Merge(origins);
      }
      return EvalChildren(expression, IsBoolean(expression));
    }
    default: return EvalChildren(expression, false);
  }
}

}  // namespace tarn::transform
