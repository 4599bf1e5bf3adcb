#include "dialect/expression_function.h"

#include <functional>
#include <unordered_map>

#include "dialect/expression_lambda.h"
#include "dialect/function_bind.h"
#include "duckdb/parser/expression/list.hpp"

namespace tarn::dialect {

using namespace duckdb;

namespace {

using Expander = Node (*)(FunctionExpression& call);

// The same aggregate call under another name and with other arguments.
Node Again(FunctionExpression& call, const std::string& name, Nodes args) {
  auto result = make_uniq<FunctionExpression>(name, std::move(args), std::move(call.filter),
                                              std::move(call.order_bys), call.distinct);
  return result;
}

template <class... Args>
Nodes List(Args... args) {
  Nodes list;
  (list.push_back(std::move(args)), ...);
  return list;
}

void RequireCount(const FunctionExpression& call, size_t least, size_t most) {
  if (call.children.size() < least || call.children.size() > most) {
    throw ParserException("%s takes %d to %d arguments, not %d", call.function_name, least, most,
                          call.children.size());
  }
}

Node IsNotNullNode(const Node& value) {
  return make_uniq<OperatorExpression>(ExpressionType::OPERATOR_IS_NOT_NULL, value->Copy());
}

void AddFilter(FunctionExpression& call, Node condition) {
  if (call.filter) {
    call.filter = make_uniq<ConjunctionExpression>(ExpressionType::CONJUNCTION_AND,
                                                   std::move(call.filter), std::move(condition));
  } else {
    call.filter = std::move(condition);
  }
}

Node TryNode(Node inner) {
  auto result = make_uniq<OperatorExpression>(ExpressionType::OPERATOR_TRY);
  result->children.push_back(std::move(inner));
  return result;
}

// CASE WHEN a IS NULL OR … THEN NULL ELSE row(a, …) END: what COUNT over several columns counts.
Node AllOrNull(Nodes columns) {
  Node any_null;
  for (auto& column : columns) {
    Node test = make_uniq<OperatorExpression>(ExpressionType::OPERATOR_IS_NULL, column->Copy());
    any_null = any_null ? Node(make_uniq<ConjunctionExpression>(
                              ExpressionType::CONJUNCTION_OR, std::move(any_null), std::move(test)))
                        : std::move(test);
  }
  auto result = make_uniq<CaseExpression>();
  CaseCheck check;
  check.when_expr = std::move(any_null);
  check.then_expr = ConstantNode(Value());
  result->case_checks.push_back(std::move(check));
  result->else_expr = FunctionNode("row", std::move(columns));
  return result;
}

Node CountIf(Node condition) {
  auto result = make_uniq<CaseExpression>();
  CaseCheck check;
  check.when_expr = std::move(condition);
  check.then_expr = ConstantNode(Value::INTEGER(1));
  result->case_checks.push_back(std::move(check));
  result->else_expr = ConstantNode(Value());
  return result;
}

bool IsTrueConstant(const Node& node) {
  if (node->GetExpressionClass() == ExpressionClass::CAST) {
    return IsTrueConstant(node->Cast<CastExpression>().child);
  }
  if (node->GetExpressionClass() != ExpressionClass::CONSTANT) return false;
  auto& value = node->Cast<ConstantExpression>().value;
  return !value.IsNull() && (value.ToString() == "true" || value.ToString() == "t");
}

Node ExpandCount(FunctionExpression& call) {
  if (call.children.size() < 2) return nullptr;
  return Again(call, "count", List(AllOrNull(std::move(call.children))));
}

Node ExpandCountIf(FunctionExpression& call) {
  RequireCount(call, 1, 1);
  return Again(call, "count", List(CountIf(std::move(call.children[0]))));
}

Node ExpandCollect(FunctionExpression& call) {
  RequireCount(call, 1, 1);
  if (call.function_name == "collect_set") call.distinct = true;
  AddFilter(call, IsNotNullNode(call.children[0]));
  return Fn("spark_or_empty", Again(call, "list", std::move(call.children)));
}

// first, any_value, last and their *_value spellings; a second argument true skips NULLs.
Node ExpandFirstOrLast(FunctionExpression& call) {
  RequireCount(call, 1, 2);
  const bool last = call.function_name.starts_with("last");
  if (call.children.size() == 2 && IsTrueConstant(call.children[1])) {
    AddFilter(call, IsNotNullNode(call.children[0]));
  }
  if (call.children.size() == 2) call.children.pop_back();
  return Again(call, last ? "arbitrary_last" : "arbitrary_first", std::move(call.children));
}

Node ExpandMaxBy(FunctionExpression& call) {
  const bool max = call.function_name == "max_by";
  return Again(call, max ? "arg_max_null" : "arg_min_null", std::move(call.children));
}

// Exact quantiles: percentile interpolates, percentile_approx picks a value.
Node ExpandPercentile(FunctionExpression& call) {
  RequireCount(call, 1, 3);
  const bool median = call.function_name == "median";
  const bool approx = call.function_name != "percentile" && !median;
  if (call.children.size() == 1 && !median)
    throw ParserException("%s needs a percentage", call.function_name);
  Nodes args;
  args.push_back(approx ? std::move(call.children[0])
                        : CastNode(std::move(call.children[0]), LogicalType::DOUBLE));
  args.push_back(median ? ConstantNode(Value::DOUBLE(0.5))
                        : Fn("spark_fractions", std::move(call.children[1])));
  return Again(call, approx ? "quantile_disc" : "quantile_cont", std::move(args));
}

Node ExpandWithinGroup(FunctionExpression& call) {
  // percentile_cont(p) WITHIN GROUP (ORDER BY x) arrives as quantile_cont(p ORDER BY x).
  if (call.children.size() != 1 || !call.order_bys || call.order_bys->orders.size() != 1)
    return nullptr;
  auto args = List(CastNode(std::move(call.order_bys->orders[0].expression), LogicalType::DOUBLE),
                   Fn("spark_fractions", std::move(call.children[0])));
  const bool descending = call.order_bys->orders[0].type == OrderType::DESCENDING;
  if (descending) args[1] = Fn("-", ConstantNode(Value::DOUBLE(1)), std::move(args[1]));
  call.order_bys = make_uniq<OrderModifier>();
  return Again(call, call.function_name, std::move(args));
}

Node ExpandListagg(FunctionExpression& call) {
  RequireCount(call, 1, 2);
  if (call.children.size() == 1) call.children.push_back(ConstantNode(Value("")));
  call.children[0] = CastNode(std::move(call.children[0]), LogicalType::VARCHAR);
  return Again(call, "group_concat", std::move(call.children));
}

// try_x(…): NULL where x would raise.
Node ExpandTry(FunctionExpression& call) {
  static const std::unordered_map<std::string, std::string> kInner = {
      {"try_add", "+"},
      {"try_subtract", "-"},
      {"try_multiply", "*"},
      {"try_divide", "/"},
      {"try_mod", "%"},
      {"try_element_at", "element_at"},
      {"try_to_number", "to_number"},
      {"try_to_date", "to_date"},
      {"try_to_timestamp", "to_timestamp"},
      {"try_url_decode", "url_decode"},
      {"try_make_timestamp", "make_timestamp"},
      {"try_reflect", "reflect"},
      {"try_aes_decrypt", "aes_decrypt"},
      {"try_parse_url", "parse_url"}};
  return TryNode(FunctionNode(kInner.at(call.function_name), std::move(call.children)));
}

Node ExpandExplode(FunctionExpression& call) {
  RequireCount(call, 1, 1);
  const bool outer = call.function_name == "explode_outer";
  auto list =
      outer ? Fn("spark_null_if_none", std::move(call.children[0])) : std::move(call.children[0]);
  auto result = Fn("unnest", std::move(list));
  if (call.GetAlias().empty()) result->SetAlias("col");
  return result;
}

// skewness over the population; DuckDB's is corrected for samples.
Node ExpandSkewness(FunctionExpression& call) {
  RequireCount(call, 1, 1);
  auto value = CastNode(call.children[0]->Copy(), LogicalType::DOUBLE);
  auto copy = call.Copy();
  auto& counted = copy->Cast<FunctionExpression>();
  auto count = Again(counted, "count", List(std::move(counted.children[0])));
  auto sample = Again(call, "spark_duckdb_skewness", List(std::move(value)));
  return Fn("spark_population_skewness", std::move(sample), std::move(count));
}

// corr of fewer than two rows is NULL, DuckDB says NaN.
Node ExpandCorrelation(FunctionExpression& call) {
  RequireCount(call, 2, 2);
  auto copy = call.Copy();
  auto& counted = copy->Cast<FunctionExpression>();
  auto count = Again(counted, "regr_count", std::move(counted.children));
  return Fn("spark_defined_correlation", Again(call, "spark_duckdb_corr", std::move(call.children)),
            std::move(count));
}

const std::unordered_map<std::string, Expander>& Expanders() {
  static const std::unordered_map<std::string, Expander> expanders = {
      {"skewness", ExpandSkewness},
      {"corr", ExpandCorrelation},
      {"count", ExpandCount},
      {"count_if", ExpandCountIf},
      {"collect_list", ExpandCollect},
      {"collect_set", ExpandCollect},
      {"array_agg", ExpandCollect},
      {"first", ExpandFirstOrLast},
      {"first_value", ExpandFirstOrLast},
      {"any_value", ExpandFirstOrLast},
      {"last", ExpandFirstOrLast},
      {"last_value", ExpandFirstOrLast},
      {"max_by", ExpandMaxBy},
      {"min_by", ExpandMaxBy},
      {"percentile", ExpandPercentile},
      {"median", ExpandPercentile},
      {"percentile_approx", ExpandPercentile},
      {"approx_percentile", ExpandPercentile},
      {"quantile_cont", ExpandWithinGroup},
      {"quantile_disc", ExpandWithinGroup},
      {"listagg", ExpandListagg},
      {"string_agg", ExpandListagg},
      {"explode", ExpandExplode},
      {"explode_outer", ExpandExplode},
      {"try_add", ExpandTry},
      {"try_subtract", ExpandTry},
      {"try_multiply", ExpandTry},
      {"try_divide", ExpandTry},
      {"try_mod", ExpandTry},
      {"try_element_at", ExpandTry},
      {"try_to_number", ExpandTry},
      {"try_to_date", ExpandTry},
      {"try_to_timestamp", ExpandTry},
      {"try_url_decode", ExpandTry},
      {"try_make_timestamp", ExpandTry},
      {"try_parse_url", ExpandTry}};
  return expanders;
}

// Names of Spark for which DuckDB's function or operator of another name already gives Spark's
// result.
const std::unordered_map<std::string, std::string>& Renames() {
  static const std::unordered_map<std::string, std::string> renames = {
      {"+", "spark_add"},
      {"*", "spark_multiply"},
      {"/", "spark_divide"},
      {"%", "spark_mod"},
      {"//", "spark_div"},
      {"||", "spark_concat"},
      {"&", "spark_bitand"},
      {"|", "spark_bitor"},
      {"^", "spark_bitxor"},
      {"xor", "spark_bitxor"},
      {"~", "spark_bitnot"},
      {"<=>", "spark_same"},
      {"equal_null", "spark_same"},
      {"!", "spark_not"},
      {"~~", "spark_like"},
      {"~~*", "spark_ilike"},
      {"regexp_full_match", "spark_rlike"},
      {"arbitrary_first", "first"},
      {"arbitrary_last", "last"},
      {"mean", "spark_avg"},
      {"std", "stddev_samp"},
      {"stddev", "stddev_samp"},
      {"variance", "var_samp"},
      {"every", "bool_and"},
      {"some", "bool_or"},
      {"any", "bool_or"},
      {"kurtosis", "kurtosis_pop"},
      {"spark_duckdb_skewness", "skewness"},
      {"spark_duckdb_corr", "corr"},
      {"<<", "spark_shiftleft"},
      {">>", "spark_shiftright"},
      {"exists", "spark_exists"}};
  return renames;
}

// -x: a literal keeps the narrowest type of its value, so that -2147483648 is an INT.
Node Negate(FunctionExpression& call) {
  auto& operand = call.children[0];
  if (operand->GetExpressionClass() == ExpressionClass::CONSTANT) {
    auto& value = operand->Cast<ConstantExpression>().value;
    if (!value.IsNull() && value.type().IsIntegral() &&
        value.GetValue<hugeint_t>() >= hugeint_t(0)) {
      const auto digits = value.GetValue<hugeint_t>();
      const hugeint_t negative = -digits;
      Value result = negative >= hugeint_t(NumericLimits<int32_t>::Minimum())
                         ? Value::INTEGER(static_cast<int32_t>(negative.lower))
                     : negative >= hugeint_t(NumericLimits<int64_t>::Minimum())
                         ? Value::BIGINT(static_cast<int64_t>(negative.lower))
                         : Value::HUGEINT(negative);
      return ConstantNode(std::move(result));
    }
  }
  return Fn("spark_negative", std::move(operand));
}

}  // namespace

// timestampadd(DAY, …): the unit is a word, not a column.
static void UnitToText(FunctionExpression& call) {
  const auto& name = call.function_name;
  const bool takes_unit = name == "timestampadd" || name == "dateadd" || name == "date_add" ||
                          name == "timestampdiff" || name == "datediff" || name == "date_diff";
  if (!takes_unit || call.children.size() != 3) return;
  if (name == "date_add") call.function_name = "timestampadd";
  if (call.children[0]->GetExpressionClass() != ExpressionClass::COLUMN_REF) return;
  auto& unit = call.children[0]->Cast<ColumnRefExpression>();
  if (!unit.IsQualified()) call.children[0] = ConstantNode(Value(unit.GetColumnName()));
}

// SUBSTRING, TRIM, POSITION, EXTRACT and OVERLAY with keywords inside arrive with a schema, which
// tells POSITION(a IN b) from position(a, b) and TRIM(LEADING a FROM b) from ltrim(a, b): the
// arguments come in another order.
static void SettleKeywordCall(FunctionExpression& call) {
  const bool keyword = !call.schema.empty();
  if (keyword) call.schema.clear();
  auto& name = call.function_name;
  if (name == "position") name = keyword ? "instr" : "locate";
  if (!keyword && (name == "ltrim" || name == "rtrim") && call.children.size() == 2) {
    name = name == "ltrim" ? "spark_ltrim" : "spark_rtrim";
    std::swap(call.children[0], call.children[1]);
  }
}

static bool IsSpecialSchema(const std::string& schema) {
  return schema.empty() || schema == "main" || schema == "pg_catalog";
}

Node ExpandCall(FunctionExpression& call) {
  if (!call.catalog.empty() || !IsSpecialSchema(call.schema)) return nullptr;
  SettleKeywordCall(call);
  UnitToText(call);
  if (auto lambda = ExpandLambdaCall(call)) return lambda;
  auto found = Expanders().find(call.function_name);
  return found == Expanders().end() ? nullptr : found->second(call);
}

Node MapCall(FunctionExpression& call) {
  if (!call.schema.empty()) return nullptr;
  const auto& name = call.function_name;
  if (name == "-" && call.children.size() == 1) return Negate(call);
  if (name == "regr_count") {
    return CastNode(Again(call, name, std::move(call.children)), LogicalType::BIGINT);
  }
  std::string target;
  if (name == "-") {
    target = "spark_subtract";
  } else if (name == "+" && call.children.size() == 1) {
    target = "spark_positive";
  } else if (name == "!~~" || name == "!~~*") {
    return Fn("spark_not",
              FunctionNode(name == "!~~" ? "spark_like" : "spark_ilike", std::move(call.children)));
  } else if (name == "decode" && call.children.size() > 2) {
    target = "spark_decode_cases";
  } else if (auto renamed = Renames().find(name); renamed != Renames().end()) {
    target = renamed->second;
  } else if (SparkFunctions().Has(name)) {
    target = "spark_" + name;
  } else {
    return nullptr;
  }
  auto result = Again(call, target, std::move(call.children));
  return result;
}

namespace {

// The same window over another function.
unique_ptr<WindowExpression> SameWindow(WindowExpression& window, ExpressionType type,
                                        const std::string& name) {
  auto result = make_uniq<WindowExpression>(type, window.catalog, window.schema, name);
  result->children = std::move(window.children);
  result->partitions = std::move(window.partitions);
  result->orders = std::move(window.orders);
  result->filter_expr = std::move(window.filter_expr);
  result->ignore_nulls = window.ignore_nulls;
  result->distinct = window.distinct;
  result->start = window.start;
  result->end = window.end;
  result->exclude_clause = window.exclude_clause;
  result->start_expr = std::move(window.start_expr);
  result->end_expr = std::move(window.end_expr);
  result->offset_expr = std::move(window.offset_expr);
  result->default_expr = std::move(window.default_expr);
  result->arg_orders = std::move(window.arg_orders);
  return result;
}

Node MapAggregateWindow(WindowExpression& window) {
  const auto name = window.function_name;
  const bool first = name == "first" || name == "any_value";
  if (first || name == "last") {
    const bool skips = window.children.size() == 2 && IsTrueConstant(window.children[1]);
    if (window.children.size() == 2) window.children.pop_back();
    auto result = SameWindow(
        window, first ? ExpressionType::WINDOW_FIRST_VALUE : ExpressionType::WINDOW_LAST_VALUE,
        first ? "first_value" : "last_value");
    result->ignore_nulls |= skips;
    return result;
  }
  if (name == "collect_list" || name == "collect_set" || name == "array_agg") {
    auto result = SameWindow(window, ExpressionType::WINDOW_AGGREGATE, "list");
    result->distinct |= name == "collect_set";
    Node present = IsNotNullNode(result->children[0]);
    result->filter_expr =
        result->filter_expr ? Node(make_uniq<ConjunctionExpression>(ExpressionType::CONJUNCTION_AND,
                                                                    std::move(result->filter_expr),
                                                                    std::move(present)))
                            : std::move(present);
    return Fn("spark_or_empty", std::move(result));
  }
  if (name == "count_if") {
    auto result = SameWindow(window, ExpressionType::WINDOW_AGGREGATE, "count");
    result->children[0] = CountIf(std::move(result->children[0]));
    // The condition is rewritten already; only the new CASE is not, and DuckDB's means the same.
    return result;
  }
  if (name == "max_by" || name == "min_by") {
    return SameWindow(window, ExpressionType::WINDOW_AGGREGATE,
                      name == "max_by" ? "arg_max_null" : "arg_min_null");
  }
  if (auto renamed = Renames().find(name); renamed != Renames().end()) {
    return SameWindow(window, ExpressionType::WINDOW_AGGREGATE, renamed->second);
  }
  if (SparkFunctions().HasAggregate(name)) {
    return SameWindow(window, ExpressionType::WINDOW_AGGREGATE, "spark_" + name);
  }
  return nullptr;
}

}  // namespace

void MapWindow(Node& node) {
  auto& window = node->Cast<WindowExpression>();
  switch (window.GetExpressionType()) {
    case ExpressionType::WINDOW_ROW_NUMBER:
    case ExpressionType::WINDOW_RANK:
    case ExpressionType::WINDOW_RANK_DENSE:
    case ExpressionType::WINDOW_NTILE:
      // INT in Spark, BIGINT in DuckDB.
      node = make_uniq<CastExpression>(LogicalType::INTEGER, std::move(node));
      return;
    case ExpressionType::WINDOW_AGGREGATE:
      if (auto mapped = MapAggregateWindow(window)) node = std::move(mapped);
      return;
    default: return;
  }
}

void MapTableFunction(FunctionExpression& call) {
  if (!call.schema.empty()) return;
  if (call.function_name == "explode") call.function_name = "unnest";
}

}  // namespace tarn::dialect
