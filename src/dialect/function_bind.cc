#include "dialect/function_bind.h"

#include "dialect/function_families.h"
#include "dialect/functions.h"
#include "duckdb/common/exception.hpp"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/function/function_binder.hpp"
#include "duckdb/main/extension/extension_loader.hpp"
#include "duckdb/parser/expression/bound_expression.hpp"
#include "duckdb/parser/expression/parameter_expression.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/planner/binder.hpp"
#include "duckdb/planner/expression/bound_case_expression.hpp"
#include "duckdb/planner/expression/bound_cast_expression.hpp"
#include "duckdb/planner/expression/bound_comparison_expression.hpp"
#include "duckdb/planner/expression/bound_constant_expression.hpp"
#include "duckdb/planner/expression/bound_function_expression.hpp"
#include "duckdb/planner/expression/bound_operator_expression.hpp"
#include "duckdb/planner/expression_binder.hpp"

namespace tarn::dialect {

using namespace duckdb;

namespace {

// Binds a template whose leaves are already bound.
class TemplateBinder : public ExpressionBinder {
 public:
  TemplateBinder(Binder& binder, ClientContext& context) : ExpressionBinder(binder, context) {}
};

void FillParameters(unique_ptr<ParsedExpression>& node, const Exprs& args) {
  if (node->GetExpressionClass() == ExpressionClass::PARAMETER) {
    const auto position = std::stoul(node->Cast<ParameterExpression>().identifier);
    node = make_uniq<BoundExpression>(args.at(position - 1)->Copy());
    return;
  }
  ParsedExpressionIterator::EnumerateChildren(
      *node, [&](unique_ptr<ParsedExpression>& child) { FillParameters(child, args); });
}

struct BindingInfo : ScalarFunctionInfo {
  std::string name;
  int min_args = 0;
  int max_args = -1;
  Binding binding = nullptr;
  NativeSpec native;
};

// Handed from the bind callback, which knows the binder, to the callback that makes the expression.
struct PendingCall : FunctionData {
  PendingCall(BindingInfo& info, Binder& binder) : info(info), binder(binder) {}
  unique_ptr<FunctionData> Copy() const override { return make_uniq<PendingCall>(info, binder); }
  bool Equals(const FunctionData& other) const override { return this == &other; }
  BindingInfo& info;
  Binder& binder;
};

unique_ptr<FunctionData> BeginCall(ScalarFunctionBindInput& input, ScalarFunction& function,
                                   vector<unique_ptr<Expression>>& arguments) {
  auto& info = function.GetExtraFunctionInfo().Cast<BindingInfo>();
  for (auto& argument : arguments) {
    if (argument->HasParameter() || argument->return_type.id() == LogicalTypeId::UNKNOWN) {
      throw ParameterNotResolvedException();
    }
  }
  const int count = static_cast<int>(arguments.size());
  if (count < info.min_args || (info.max_args >= 0 && count > info.max_args)) {
    throw BinderException("%s takes %s%d argument%s, not %d", info.name,
                          info.min_args == info.max_args ? "" : "at least ", info.min_args,
                          info.min_args == 1 ? "" : "s", count);
  }
  return make_uniq<PendingCall>(info, input.binder);
}

Expr BindNative(FunctionCall& call, const NativeSpec& spec) {
  Exprs args;
  for (idx_t i = 0; i < call.Count(); i++)
    args.push_back(call.Cast(call.Take(i), spec.arguments[i]));
  return Native(spec.name, spec.result, spec.function, std::move(args), spec.handles_null);
}

unique_ptr<Expression> FinishCall(FunctionBindExpressionInput& input) {
  auto& pending = input.bind_data->Cast<PendingCall>();
  FunctionCall call(input.context, pending.binder, pending.info.name, input.children);
  if (!pending.info.binding) return BindNative(call, pending.info.native);
  return pending.info.binding(call);
}

void NeverRuns(DataChunk&, ExpressionState&, Vector&) {
  throw InternalException("a spark_ function was run without being bound");
}

void Register(FunctionTable& table, shared_ptr<BindingInfo> info) {
  const auto name = info->name;
  ScalarFunction function("spark_" + name, {}, LogicalType::ANY, NeverRuns);
  function.varargs = LogicalType::ANY;
  function.SetNullHandling(FunctionNullHandling::SPECIAL_HANDLING);
  function.SetBindExtendedCallback(BeginCall);
  function.SetBindExpressionCallback(FinishCall);
  function.SetExtraFunctionInfo(std::move(info));
  table.Add(name, std::move(function));
}

}  // namespace

bool FunctionCall::Constant(idx_t i, Value& value) const {
  return arguments[i]->IsFoldable() &&
         ExpressionExecutor::TryEvaluateScalar(context, *arguments[i], value);
}

Expr FunctionCall::Call(const std::string& function, Exprs args, bool is_operator) {
  FunctionBinder function_binder(binder);
  ErrorData error;
  auto result = function_binder.BindScalarFunction(DEFAULT_SCHEMA, function, std::move(args), error,
                                                   is_operator, &binder);
  if (!result) error.Throw();
  return result;
}

Expr FunctionCall::Sql(const std::string& text, Exprs args) {
  auto list = Parser::ParseExpressionList(text);
  FillParameters(list[0], args);
  TemplateBinder template_binder(binder, context);
  auto error = template_binder.Bind(list[0], 0);
  if (error.HasError()) error.Throw();
  return std::move(BoundExpression::GetExpression(*list[0]));
}

Expr FunctionCall::Plain(Expr value, const LogicalType& type, bool is_try) {
  return BoundCastExpression::AddCastToType(context, std::move(value), type, is_try);
}

void FunctionCall::Refuse(const std::string& why) const {
  throw BinderException("%s: %s", name, why);
}

Expr Literal(Value value) { return make_uniq<BoundConstantExpression>(std::move(value)); }

Expr Compare(ExpressionType type, Expr left, Expr right) {
  return make_uniq<BoundComparisonExpression>(type, std::move(left), std::move(right));
}

Expr CaseWhen(Expr condition, Expr then, Expr otherwise) {
  return make_uniq<BoundCaseExpression>(std::move(condition), std::move(then),
                                        std::move(otherwise));
}

Expr IsNull(Expr value) {
  auto result =
      make_uniq<BoundOperatorExpression>(ExpressionType::OPERATOR_IS_NULL, LogicalType::BOOLEAN);
  result->children.push_back(std::move(value));
  return result;
}

Expr Native(const std::string& name, const LogicalType& result, scalar_function_t function,
            Exprs args, bool handles_null, unique_ptr<FunctionData> data, bool is_volatile) {
  vector<LogicalType> types;
  for (auto& arg : args) types.push_back(arg->return_type);
  ScalarFunction scalar("spark_" + name, std::move(types), result, std::move(function));
  if (handles_null) scalar.SetNullHandling(FunctionNullHandling::SPECIAL_HANDLING);
  scalar.SetErrorMode(FunctionErrors::CAN_THROW_RUNTIME_ERROR);
  if (is_volatile) scalar.SetStability(FunctionStability::VOLATILE);
  return make_uniq<BoundFunctionExpression>(result, std::move(scalar), std::move(args),
                                            std::move(data));
}

void RegisterBinding(FunctionTable& table, const std::string& name, int min_args, int max_args,
                     Binding binding) {
  auto info = make_shared_ptr<BindingInfo>();
  info->name = name;
  info->min_args = min_args;
  info->max_args = max_args;
  info->binding = binding;
  Register(table, std::move(info));
}

void RegisterNative(FunctionTable& table, NativeSpec spec) {
  auto info = make_shared_ptr<BindingInfo>();
  info->name = spec.name;
  info->max_args = static_cast<int>(spec.arguments.size());
  info->min_args = spec.min_args < 0 ? info->max_args : spec.min_args;
  info->native = std::move(spec);
  Register(table, std::move(info));
}

void FunctionTable::Add(const std::string& name, ScalarFunction function) {
  names_.insert(name);
  scalars_.push_back(std::move(function));
}

void FunctionTable::Add(const std::string& name, AggregateFunctionSet functions) {
  names_.insert(name);
  functions.name = "spark_" + name;
  for (auto& function : functions.functions) function.name = functions.name;
  aggregates_.emplace(name, std::move(functions));
}

bool FunctionTable::HasAggregate(const std::string& name) const {
  return aggregates_.count(name) > 0;
}

void FunctionTable::RegisterAll(DatabaseInstance& database) const {
  ExtensionLoader loader(database, "tarn_spark_functions");
  for (const auto& function : scalars_) loader.RegisterFunction(function);
  for (const auto& [name, functions] : aggregates_) loader.RegisterFunction(functions);
}

const FunctionTable& SparkFunctions() {
  static const FunctionTable table = [] {
    FunctionTable made;
    RegisterCastFunctions(made);
    RegisterArithmeticFunctions(made);
    RegisterComparisonFunctions(made);
    RegisterStringFunctions(made);
    RegisterRegexFunctions(made);
    RegisterFormatFunctions(made);
    RegisterMathFunctions(made);
    RegisterDateFunctions(made);
    RegisterTimestampFunctions(made);
    RegisterHashFunctions(made);
    RegisterJsonFunctions(made);
    RegisterCollectionFunctions(made);
    RegisterMapFunctions(made);
    RegisterAggregateFunctions(made);
    return made;
  }();
  return table;
}

void RegisterSparkFunctions(DatabaseInstance& database) { SparkFunctions().RegisterAll(database); }

RowIn::RowIn(DataChunk& chunk) : chunk_(chunk), formats_(chunk.ColumnCount()) {
  for (idx_t c = 0; c < chunk.ColumnCount(); c++) {
    chunk.data[c].ToUnifiedFormat(chunk.size(), formats_[c]);
  }
}

void RowOut::Texts(const vector<std::string>& texts) {
  auto offset = ListVector::GetListSize(result_);
  ListVector::Reserve(result_, offset + texts.size());
  auto& child = ListVector::GetEntry(result_);
  auto data = FlatVector::GetData<string_t>(child);
  for (idx_t i = 0; i < texts.size(); i++) {
    data[offset + i] = StringVector::AddStringOrBlob(child, texts[i].data(), texts[i].size());
  }
  FlatVector::GetData<list_entry_t>(result_)[row] = list_entry_t{offset, texts.size()};
  ListVector::SetListSize(result_, offset + texts.size());
}

}  // namespace tarn::dialect
