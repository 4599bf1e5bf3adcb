// sum and avg with Spark's types: whole numbers add up to BIGINT and overflow is an error, decimals
// keep their scale. The other aggregates are DuckDB's under the names the rewrite gives them.
#include <cmath>

#include "dialect/function_decimal.h"
#include "dialect/function_families.h"
#include "dialect/function_text.h"
#include "dialect/function_types.h"
#include "duckdb/common/types/hugeint.hpp"
#include "duckdb/function/aggregate_function.hpp"

namespace tarn::dialect {

using namespace duckdb;

namespace {

template <class T>
struct TotalState {
  T total;
  int64_t count;
};

template <class T>
struct TotalBase {
  template <class STATE>
  static void Initialize(STATE& state) {
    state.total = T(0);
    state.count = 0;
  }
  template <class STATE, class OP>
  static void Combine(const STATE& source, STATE& target, AggregateInputData&) {
    target.total += source.total;
    target.count += source.count;
  }
  template <class INPUT, class STATE, class OP>
  static void Operation(STATE& state, const INPUT& input, AggregateUnaryInput&) {
    state.total += T(input);
    state.count++;
  }
  template <class INPUT, class STATE, class OP>
  static void ConstantOperation(STATE& state, const INPUT& input, AggregateUnaryInput& unary,
                                idx_t count) {
    for (idx_t i = 0; i < count; i++) Operation<INPUT, STATE, OP>(state, input, unary);
  }
  static bool IgnoreNull() { return true; }
};

template <bool TRY>
struct LongSum : TotalBase<hugeint_t> {
  template <class R, class STATE>
  static void Finalize(STATE& state, R& target, AggregateFinalizeData& data) {
    if (state.count == 0) return data.ReturnNull();
    if (!Hugeint::TryCast<int64_t>(state.total, target)) {
      if (TRY) return data.ReturnNull();
      throw OutOfRangeException(
          "ARITHMETIC_OVERFLOW: sum: the total does not fit a BIGINT; use try_sum or a decimal");
    }
  }
};

struct DoubleSum : TotalBase<double> {
  template <class R, class STATE>
  static void Finalize(STATE& state, R& target, AggregateFinalizeData& data) {
    if (state.count == 0) return data.ReturnNull();
    target = state.total;
  }
};

struct DoubleAverage : TotalBase<double> {
  template <class R, class STATE>
  static void Finalize(STATE& state, R& target, AggregateFinalizeData& data) {
    if (state.count == 0) return data.ReturnNull();
    target = state.total / static_cast<double>(state.count);
  }
};

// Strings are numbers here, and an error when they are not.
template <class BASE>
struct FromText : BASE {
  template <class INPUT, class STATE, class OP>
  static void Operation(STATE& state, const INPUT& input, AggregateUnaryInput&) {
    auto value = ParseDouble({input.GetData(), input.GetSize()});
    if (!value) {
      throw InvalidInputException(
          "CAST_INVALID_INPUT: '%s' cannot be cast to DOUBLE; use try_cast to get NULL",
          input.GetString().substr(0, 100));
    }
    state.total += *value;
    state.count++;
  }
  template <class INPUT, class STATE, class OP>
  static void ConstantOperation(STATE& state, const INPUT& input, AggregateUnaryInput& unary,
                                idx_t count) {
    for (idx_t i = 0; i < count; i++) Operation<INPUT, STATE, OP>(state, input, unary);
  }
};

// What the end of a decimal aggregate needs to know.
struct DecimalResult : FunctionData {
  DecimalResult(DecimalShape shape, int input_scale) : shape(shape), input_scale(input_scale) {}
  unique_ptr<FunctionData> Copy() const override {
    return make_uniq<DecimalResult>(shape, input_scale);
  }
  bool Equals(const FunctionData& other) const override {
    auto& o = other.Cast<DecimalResult>();
    return shape.precision == o.shape.precision && shape.scale == o.shape.scale &&
           input_scale == o.input_scale;
  }
  DecimalShape shape;
  int input_scale;
};

template <bool TRY, class R>
void FinishDecimal(hugeint_t value, const DecimalResult& result, R& target,
                   AggregateFinalizeData& data) {
  const hugeint_t limit = Hugeint::POWERS_OF_TEN[result.shape.precision];
  if (value >= limit || value <= -limit) {
    if (TRY) return data.ReturnNull();
    throw OutOfRangeException("NUMERIC_VALUE_OUT_OF_RANGE: the total does not fit decimal(%d,%d)",
                              result.shape.precision, result.shape.scale);
  }
  if constexpr (std::is_same_v<R, hugeint_t>) {
    target = value;
  } else {
    target = Hugeint::Cast<R>(value);
  }
}

template <bool TRY>
struct DecimalSum : TotalBase<hugeint_t> {
  template <class R, class STATE>
  static void Finalize(STATE& state, R& target, AggregateFinalizeData& data) {
    if (state.count == 0) return data.ReturnNull();
    FinishDecimal<TRY>(state.total, data.input.bind_data->Cast<DecimalResult>(), target, data);
  }
};

template <bool TRY>
struct DecimalAverage : TotalBase<hugeint_t> {
  template <class R, class STATE>
  static void Finalize(STATE& state, R& target, AggregateFinalizeData& data) {
    if (state.count == 0) return data.ReturnNull();
    auto& result = data.input.bind_data->Cast<DecimalResult>();
    // Half up at the result's scale.
    const bool negative = state.total < hugeint_t(0);
    const hugeint_t magnitude = negative ? -state.total : state.total;
    const hugeint_t count(state.count);
    hugeint_t quotient = magnitude / count;
    hugeint_t rest = magnitude % count;
    for (int i = result.input_scale; i < result.shape.scale; i++) {
      rest = rest * hugeint_t(10);
      quotient = quotient * hugeint_t(10) + rest / count;
      rest = rest % count;
    }
    if (rest * hugeint_t(2) >= count) quotient += hugeint_t(1);
    FinishDecimal<TRY>(negative ? -quotient : quotient, result, target, data);
  }
};

template <class OP, class STATE_TYPE = TotalState<hugeint_t>>
unique_ptr<FunctionData> BindDecimal(AggregateFunction& function,
                                     vector<unique_ptr<Expression>>& arguments,
                                     DecimalShape shape) {
  const auto name = function.name;
  const auto input = arguments[0]->return_type;
  const auto scale = duckdb::DecimalType::GetScale(input);
  // The state counts in 128 bits whatever the width of the column.
  const auto wide = LogicalType::DECIMAL(38, scale);
  const auto result = DecimalType(shape);
  if (result.InternalType() == PhysicalType::INT128) {
    function =
        AggregateFunction::UnaryAggregate<STATE_TYPE, hugeint_t, hugeint_t, OP>(wide, result);
  } else if (result.InternalType() == PhysicalType::INT64) {
    function = AggregateFunction::UnaryAggregate<STATE_TYPE, hugeint_t, int64_t, OP>(wide, result);
  } else {
    function = AggregateFunction::UnaryAggregate<STATE_TYPE, hugeint_t, int32_t, OP>(wide, result);
  }
  function.name = name;
  return make_uniq<DecimalResult>(shape, scale);
}

template <bool TRY>
unique_ptr<FunctionData> BindDecimalSum(ClientContext&, AggregateFunction& function,
                                        vector<unique_ptr<Expression>>& arguments) {
  const auto shape = ShapeOf(arguments[0]->return_type);
  return BindDecimal<DecimalSum<TRY>>(function, arguments,
                                      {std::min(shape.precision + 10, 38), shape.scale});
}

template <bool TRY>
unique_ptr<FunctionData> BindDecimalAverage(ClientContext&, AggregateFunction& function,
                                            vector<unique_ptr<Expression>>& arguments) {
  const auto shape = ShapeOf(arguments[0]->return_type);
  return BindDecimal<DecimalAverage<TRY>>(
      function, arguments,
      DecimalShape{std::min(shape.precision + 4, 38), std::min(shape.scale + 4, 38)});
}

AggregateFunction Decimal(bind_aggregate_function_t bind) {
  AggregateFunction function({LogicalTypeId::DECIMAL}, LogicalTypeId::DECIMAL, nullptr, nullptr,
                             nullptr, nullptr, nullptr, FunctionNullHandling::DEFAULT_NULL_HANDLING,
                             nullptr, bind);
  return function;
}

template <class STATE, class INPUT, class RESULT, class OP>
AggregateFunction Unary(LogicalType input, LogicalType result) {
  return AggregateFunction::UnaryAggregate<STATE, INPUT, RESULT, OP>(input, result);
}

template <bool TRY>
void RegisterSumAndAverage(FunctionTable& table, const char* sum_name, const char* average_name) {
  const auto real = LogicalType::DOUBLE;
  AggregateFunctionSet sum(sum_name);
  sum.AddFunction(Unary<TotalState<hugeint_t>, int64_t, int64_t, LongSum<TRY>>(
      LogicalType::BIGINT, LogicalType::BIGINT));
  sum.AddFunction(Unary<TotalState<double>, double, double, DoubleSum>(real, real));
  sum.AddFunction(
      Unary<TotalState<double>, string_t, double, FromText<DoubleSum>>(LogicalType::VARCHAR, real));
  sum.AddFunction(Decimal(BindDecimalSum<TRY>));
  table.Add(sum_name, std::move(sum));
  AggregateFunctionSet average(average_name);
  average.AddFunction(
      Unary<TotalState<double>, int64_t, double, DoubleAverage>(LogicalType::BIGINT, real));
  average.AddFunction(Unary<TotalState<double>, double, double, DoubleAverage>(real, real));
  average.AddFunction(Unary<TotalState<double>, string_t, double, FromText<DoubleAverage>>(
      LogicalType::VARCHAR, real));
  average.AddFunction(Decimal(BindDecimalAverage<TRY>));
  table.Add(average_name, std::move(average));
}

}  // namespace

void RegisterAggregateFunctions(FunctionTable& table) {
  RegisterSumAndAverage<false>(table, "sum", "avg");
  RegisterSumAndAverage<true>(table, "try_sum", "try_avg");
  RegisterBinding(table, "defined_correlation", 2, 2, [](FunctionCall& call) {
    return call.Sql("CASE WHEN $2 < 2 THEN NULL ELSE $1 END", call.Take(0), call.Take(1));
  });
  // The sample correction of DuckDB's skewness taken back.
  RegisterBinding(table, "population_skewness", 2, 2, [](FunctionCall& call) {
    return call.Sql("CASE WHEN $2 < 3 THEN NULL ELSE $1 * ($2 - 2) / sqrt($2 * ($2 - 1)) END",
                    call.Take(0), call.Plain(call.Take(1), LogicalType::DOUBLE));
  });
}

}  // namespace tarn::dialect
