// + - * / % DIV, signs and bit operations, with Spark's result types and its errors for overflow
// and zero.
#include <cmath>

#include "dialect/function_decimal.h"
#include "dialect/function_families.h"
#include "dialect/function_interval.h"
#include "dialect/function_text.h"
#include "dialect/function_types.h"
#include "duckdb/common/types/hugeint.hpp"

namespace tarn::dialect {

using namespace duckdb;

namespace {

[[noreturn]] void DivideByZero() {
  throw InvalidInputException("DIVIDE_BY_ZERO: division by zero; use try_divide to get NULL");
}
[[noreturn]] void RemainderByZero() {
  throw InvalidInputException("REMAINDER_BY_ZERO: remainder by zero; use try_mod to get NULL");
}

template <class T, class R, class F>
Expr Binary(const char* name, const LogicalType& result, Expr left, Expr right, F f) {
  Exprs args;
  args.push_back(std::move(left));
  args.push_back(std::move(right));
  auto run = [f](DataChunk& chunk, ExpressionState&, Vector& out) {
    BinaryExecutor::Execute<T, T, R>(chunk.data[0], chunk.data[1], out, chunk.size(), f);
  };
  return Native(name, result, run, std::move(args));
}

// What text beside a number becomes.
void SettleText(FunctionCall& call) {
  if (IsText(call.Type(0)) && IsText(call.Type(1))) {
    call.Refuse("two strings are no numbers; cast them");
  }
  if ((IsText(call.Type(0)) && call.IsNull(1)) || (IsText(call.Type(1)) && call.IsNull(0))) {
    call.Refuse("a string and NULL are no numbers; cast the string");
  }
  for (idx_t i = 0; i < 2; i++) {
    const auto& other = call.Type(1 - i);
    if (!IsText(call.Type(i)) || !(IsNumeric(other) || call.IsNull(1 - i))) continue;
    call.arguments[i] =
        call.Cast(call.Take(i), IsIntegral(other) ? LogicalType::BIGINT : LogicalType::DOUBLE);
  }
}

void SettleNulls(FunctionCall& call, const LogicalType& default_type) {
  for (idx_t i = 0; i < 2; i++) {
    if (!call.IsNull(i)) continue;
    const auto type = call.IsNull(1 - i) ? default_type : call.Type(1 - i);
    call.arguments[i] = call.Plain(call.Take(i), type);
  }
}

void RequireNumbers(FunctionCall& call) {
  for (idx_t i = 0; i < 2; i++) {
    if (!IsNumeric(call.Type(i))) {
      call.Refuse("takes numbers, not " + SparkTypeName(call.Type(0)) + " and " +
                  SparkTypeName(call.Type(1)));
    }
  }
}

bool WantsDecimal(FunctionCall& call) {
  return (IsDecimal(call.Type(0)) || IsDecimal(call.Type(1))) && !IsFloating(call.Type(0)) &&
         !IsFloating(call.Type(1));
}

// Both sides as decimals; literals take no more digits than they have.
std::pair<DecimalShape, DecimalShape> SettleDecimals(FunctionCall& call) {
  const auto left = ShapeOfArgument(call, 0);
  const auto right = ShapeOfArgument(call, 1);
  call.arguments[0] = call.Plain(call.Take(0), DecimalType(left));
  call.arguments[1] = call.Plain(call.Take(1), DecimalType(right));
  return {left, right};
}

void SettleSameType(FunctionCall& call) {
  auto common = CommonType(call.Type(0), call.Type(1));
  for (idx_t i = 0; i < 2; i++) call.arguments[i] = call.Cast(call.Take(i), *common);
}

Expr Operator(FunctionCall& call, const char* op) {
  Exprs args;
  args.push_back(call.Take(0));
  args.push_back(call.Take(1));
  return call.Call(op, std::move(args), true);
}

Expr AddOrSubtract(FunctionCall& call, const char* op, DecimalOperation operation) {
  SettleText(call);
  SettleNulls(call, LogicalType::DOUBLE);
  RequireNumbers(call);
  if (WantsDecimal(call)) {
    auto [a, b] = SettleDecimals(call);
    const int scale = std::max(a.scale, b.scale);
    const int precision = std::max(a.precision - a.scale, b.precision - b.scale) + scale + 1;
    if (precision <= 38) {
      const auto type = DecimalType(DecimalShape{precision, scale});
      return call.Plain(Operator(call, op), type);
    }
    return DecimalCall(operation, call.Take(0), call.Take(1), Adjusted(precision, scale));
  }
  SettleSameType(call);
  return Operator(call, op);
}

Expr BindAdd(FunctionCall& call) {
  if (auto moment = BindMomentAdd(call)) return moment;
  return AddOrSubtract(call, "+", DecimalOperation::kAdd);
}

Expr BindSubtract(FunctionCall& call) {
  if (auto moment = BindMomentSubtract(call)) return moment;
  return AddOrSubtract(call, "-", DecimalOperation::kSubtract);
}

Expr BindMultiply(FunctionCall& call) {
  if (auto interval = BindIntervalScale(call, false)) return interval;
  SettleText(call);
  SettleNulls(call, LogicalType::DOUBLE);
  RequireNumbers(call);
  if (WantsDecimal(call)) {
    auto [a, b] = SettleDecimals(call);
    const int precision = a.precision + b.precision + 1;
    const int scale = a.scale + b.scale;
    if (precision <= 38) {
      return call.Plain(Operator(call, "*"), DecimalType(DecimalShape{precision, scale}));
    }
    return DecimalCall(DecimalOperation::kMultiply, call.Take(0), call.Take(1),
                       Adjusted(precision, scale));
  }
  SettleSameType(call);
  return Operator(call, "*");
}

Expr BindDivide(FunctionCall& call) {
  if (auto interval = BindIntervalScale(call, true)) return interval;
  SettleText(call);
  if (call.IsNull(0) && IsDecimal(call.Type(1))) {
    call.arguments[0] = call.Plain(call.Take(0), LogicalType::DOUBLE);
  }
  SettleNulls(call, LogicalType::DOUBLE);
  RequireNumbers(call);
  if (WantsDecimal(call)) {
    auto [a, b] = SettleDecimals(call);
    const int scale = std::max(6, a.scale + b.precision + 1);
    const int precision = a.precision - a.scale + b.scale + scale;
    return DecimalCall(DecimalOperation::kDivide, call.Take(0), call.Take(1),
                       Adjusted(precision, scale));
  }
  return Binary<double, double>(
      "divide", LogicalType::DOUBLE, call.Plain(call.Take(0), LogicalType::DOUBLE),
      call.Plain(call.Take(1), LogicalType::DOUBLE), [](double a, double b) {
        if (b == 0) DivideByZero();
        return a / b;
      });
}

template <class T>
T Remainder(T a, T b) {
  if (b == 0) RemainderByZero();
  if constexpr (std::is_floating_point_v<T>) {
    return std::fmod(a, b);
  } else {
    if (b == static_cast<T>(-1)) return T(0);  // the smallest number divided by -1 has no quotient
    return static_cast<T>(a % b);
  }
}

template <class T>
T PositiveRemainder(T a, T b) {
  const T r = Remainder<T>(a, b);
  if (!(r < 0)) return r;
  return Remainder<T>(static_cast<T>(r + b), b);
}

template <class T>
Expr RemainderOf(FunctionCall& call, const LogicalType& type, bool positive) {
  if (positive) return Binary<T, T>("pmod", type, call.Take(0), call.Take(1), PositiveRemainder<T>);
  return Binary<T, T>("mod", type, call.Take(0), call.Take(1), Remainder<T>);
}

Expr Modulo(FunctionCall& call, bool positive) {
  SettleText(call);
  SettleNulls(call, LogicalType::DOUBLE);
  RequireNumbers(call);
  if (WantsDecimal(call)) {
    auto [a, b] = SettleDecimals(call);
    const int scale = std::max(a.scale, b.scale);
    const int precision = std::min(a.precision - a.scale, b.precision - b.scale) + scale;
    return DecimalCall(positive ? DecimalOperation::kPositiveModulo : DecimalOperation::kModulo,
                       call.Take(0), call.Take(1), Adjusted(precision, scale));
  }
  SettleSameType(call);
  const auto type = call.Type(0);
  switch (type.id()) {
    case LogicalTypeId::TINYINT: return RemainderOf<int8_t>(call, type, positive);
    case LogicalTypeId::SMALLINT: return RemainderOf<int16_t>(call, type, positive);
    case LogicalTypeId::INTEGER: return RemainderOf<int32_t>(call, type, positive);
    case LogicalTypeId::BIGINT: return RemainderOf<int64_t>(call, type, positive);
    case LogicalTypeId::FLOAT: return RemainderOf<float>(call, type, positive);
    case LogicalTypeId::DOUBLE: return RemainderOf<double>(call, type, positive);
    default:
      call.arguments[0] = call.Plain(call.Take(0), LogicalType::BIGINT);
      call.arguments[1] = call.Plain(call.Take(1), LogicalType::BIGINT);
      return RemainderOf<int64_t>(call, LogicalType::BIGINT, positive);
  }
}

// DIV: the whole part of a quotient as BIGINT.
Expr BindIntegralDivide(FunctionCall& call) {
  SettleText(call);
  SettleNulls(call, LogicalType::BIGINT);
  RequireNumbers(call);
  if (WantsDecimal(call)) {
    SettleDecimals(call);
    auto quotient = DecimalCall(DecimalOperation::kWholeQuotient, call.Take(0), call.Take(1),
                                DecimalShape{38, 0});
    return call.Plain(std::move(quotient), LogicalType::BIGINT);
  }
  if (IsFloating(call.Type(0)) || IsFloating(call.Type(1))) {
    call.Refuse("DIV takes whole numbers or decimals");
  }
  return Binary<int64_t, int64_t>(
      "div", LogicalType::BIGINT, call.Plain(call.Take(0), LogicalType::BIGINT),
      call.Plain(call.Take(1), LogicalType::BIGINT), [](int64_t a, int64_t b) {
        if (b == 0) DivideByZero();
        if (b == -1 && a == std::numeric_limits<int64_t>::min()) {
          throw OutOfRangeException("ARITHMETIC_OVERFLOW: long overflow");
        }
        return a / b;
      });
}

Expr BindNegate(FunctionCall& call) {
  if (IsText(call.Type(0)) || call.IsNull(0)) {
    call.arguments[0] = call.Cast(call.Take(0), LogicalType::DOUBLE);
  }
  if (!IsNumeric(call.Type(0)) && call.Id(0) != LogicalTypeId::INTERVAL) {
    call.Refuse("takes a number, not " + SparkTypeName(call.Type(0)));
  }
  Exprs args;
  args.push_back(call.Take(0));
  return call.Call("-", std::move(args), true);
}

Expr BindPositive(FunctionCall& call) {
  if (IsText(call.Type(0)) || call.IsNull(0)) return call.Cast(call.Take(0), LogicalType::DOUBLE);
  return call.Take(0);
}

Expr BindBits(FunctionCall& call, const char* op) {
  SettleText(call);
  SettleNulls(call, LogicalType::INTEGER);
  if (!IsIntegral(call.Type(0)) || !IsIntegral(call.Type(1))) call.Refuse("takes whole numbers");
  SettleSameType(call);
  Exprs args;
  args.push_back(call.Take(0));
  args.push_back(call.Take(1));
  return call.Call(op, std::move(args));
}

}  // namespace

void RegisterArithmeticFunctions(FunctionTable& table) {
  RegisterBinding(table, "add", 2, 2, BindAdd);
  RegisterBinding(table, "subtract", 2, 2, BindSubtract);
  RegisterBinding(table, "multiply", 2, 2, BindMultiply);
  RegisterBinding(table, "divide", 2, 2, BindDivide);
  RegisterBinding(table, "mod", 2, 2, [](FunctionCall& call) { return Modulo(call, false); });
  RegisterBinding(table, "pmod", 2, 2, [](FunctionCall& call) { return Modulo(call, true); });
  RegisterBinding(table, "div", 2, 2, BindIntegralDivide);
  RegisterBinding(table, "negative", 1, 1, BindNegate);
  RegisterBinding(table, "positive", 1, 1, BindPositive);
  RegisterBinding(table, "bitand", 2, 2, [](FunctionCall& call) { return BindBits(call, "&"); });
  RegisterBinding(table, "bitor", 2, 2, [](FunctionCall& call) { return BindBits(call, "|"); });
  RegisterBinding(table, "bitxor", 2, 2, [](FunctionCall& call) { return BindBits(call, "xor"); });
  RegisterBinding(table, "bitnot", 1, 1, [](FunctionCall& call) {
    if (!IsIntegral(call.Type(0))) call.Refuse("takes a whole number");
    return call.Call("~", call.Take(0));
  });
}

}  // namespace tarn::dialect
