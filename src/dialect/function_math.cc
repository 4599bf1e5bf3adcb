// Mathematics: rounding, logarithms, powers, bits, bases.
#include <cmath>

#include "dialect/function_decimal.h"
#include "dialect/function_families.h"
#include "dialect/function_text.h"
#include "dialect/function_types.h"

namespace tarn::dialect {

using namespace duckdb;

namespace {

const LogicalType kDouble = LogicalType::DOUBLE;
const LogicalType kInt = LogicalType::INTEGER;
const LogicalType kLong = LogicalType::BIGINT;
const LogicalType kText = LogicalType::VARCHAR;

using Real = double (*)(double);

template <Real F>
void Apply(RowIn& in, RowOut& out) {
  out.Set<double>(F(in.Get<double>(0)));
}

// Logarithms are NULL where Java's has no finite value.
template <Real F, int LEAST>
void Logarithm(RowIn& in, RowOut& out) {
  const double x = in.Get<double>(0);
  if (x <= LEAST) return out.Null();
  out.Set<double>(F(x));
}

void NumberForText(FunctionCall& call, idx_t i) {
  if (IsText(call.Type(i)) || call.IsNull(i)) call.arguments[i] = call.Cast(call.Take(i), kDouble);
  if (!IsNumeric(call.Type(i))) call.Refuse("takes a number, not " + SparkTypeName(call.Type(i)));
}

Expr BindAbs(FunctionCall& call) {
  NumberForText(call, 0);
  return call.Call("abs", call.Take(0));
}

enum class Rounding { kHalfUp, kHalfEven, kCeiling, kFloor };

// digits at `scale` rounded to 10^-places; works on the magnitude.
hugeint_t RoundDigits(hugeint_t digits, int scale, int places, Rounding mode) {
  if (places >= scale) return digits;
  const int drop = scale - places;
  const hugeint_t zero(0);
  const bool negative = digits < zero;
  if (drop > 38) {
    if (mode == Rounding::kCeiling && !negative && digits != zero) return hugeint_t(1);
    if (mode == Rounding::kFloor && negative) return hugeint_t(-1);
    return zero;
  }
  const hugeint_t unit = Hugeint::POWERS_OF_TEN[drop];
  hugeint_t quotient = digits / unit;
  const hugeint_t rest = digits % unit;
  if (rest == zero) return quotient;
  const hugeint_t magnitude = negative ? -rest : rest;
  const hugeint_t other = unit - magnitude;
  bool away = false;
  switch (mode) {
    case Rounding::kHalfUp: away = magnitude >= other; break;
    case Rounding::kHalfEven:
      away = magnitude > other || (magnitude == other && quotient % hugeint_t(2) != zero);
      break;
    case Rounding::kCeiling: away = !negative; break;
    case Rounding::kFloor: away = negative; break;
  }
  if (away) quotient += negative ? hugeint_t(-1) : hugeint_t(1);
  return quotient;
}

Expr RoundDecimal(FunctionCall& call, int places, Rounding mode) {
  const auto type = call.Type(0);
  const auto shape = ShapeOf(type);
  // Spark: one more digit before the point, and no digits behind it that were not there.
  const int whole = shape.precision - shape.scale + 1;
  DecimalShape result;
  if (places < 0) {
    result = {std::min(std::max(whole, -places + 1), 38), 0};
  } else {
    const int scale = std::min(shape.scale, places);
    result = {std::min(whole + scale, 38), scale};
  }
  const auto result_type = DecimalType(result);
  Exprs args;
  args.push_back(call.Take(0));
  auto each = [=](RowIn& in, RowOut& out) {
    auto digits = RoundDigits(DecimalDigits(in, 0, type), shape.scale, places, mode);
    const int scale = std::min(places, shape.scale);
    SetDecimalDigits(out, result_type, Rescale(digits, scale, result.scale));
  };
  return Native(
      "round_decimal" + std::to_string(static_cast<int>(mode)) + "_" + std::to_string(places),
      result_type, EachRow(each), std::move(args));
}

double RoundDouble(double value, int places, Rounding mode) {
  if (!std::isfinite(value)) return value;
  // Java rounds the decimal number that the double prints as.
  const auto text = DoubleText(value);
  const bool negative = std::signbit(value);
  const auto e = text.find('E');
  int exponent = 0;
  std::string mantissa =
      text.substr(negative, (e == std::string::npos ? text.size() : e) - negative);
  if (e != std::string::npos) exponent = std::atoi(text.c_str() + e + 1);
  auto point = mantissa.find('.');
  std::string all = mantissa.substr(0, point) + mantissa.substr(point + 1);
  long whole = static_cast<long>(point) + exponent;  // digits before the point
  long keep = whole + places;
  if (keep >= static_cast<long>(all.size())) return value;
  bool up = false;
  if (keep < 0) {
    up = false;
    all = "0";
    keep = 1;
    whole = 1 - places;
  } else {
    const auto rest = all.substr(static_cast<size_t>(keep));
    const bool tie = rest[0] == '5' && rest.find_first_not_of('0', 1) == std::string::npos;
    const bool odd = keep > 0 && (all[static_cast<size_t>(keep) - 1] - '0') % 2 == 1;
    up = rest[0] > '5' || (rest[0] == '5' && (!tie || mode == Rounding::kHalfUp || odd));
    all.resize(static_cast<size_t>(keep));
  }
  for (size_t at = all.size(); up && at > 0; at--) {
    up = all[at - 1] == '9';
    all[at - 1] = up ? '0' : static_cast<char>(all[at - 1] + 1);
  }
  if (up) {
    all.insert(0, "1");
    whole++;
  }
  if (all.empty()) all = "0";
  const std::string number = all + "e" + std::to_string(whole - static_cast<long>(all.size()));
  const double result = std::strtod(number.c_str(), nullptr);
  if (result == 0) return 0;  // never -0
  return negative ? -result : result;
}

int ConstantPlaces(FunctionCall& call, bool& is_null) {
  is_null = false;
  if (call.Count() < 2) return 0;
  Value places;
  auto cast = call.Cast(call.Copy(1), kInt);
  call.arguments[1] = std::move(cast);
  if (!call.Constant(1, places)) call.Refuse("the number of places must be a constant");
  is_null = places.IsNull();
  return is_null ? 0 : places.GetValue<int32_t>();
}

Expr RoundIntegral(FunctionCall& call, int places, Rounding mode) {
  const auto type = call.Type(0);
  if (places >= 0) return call.Take(0);
  Exprs args;
  args.push_back(call.Plain(call.Take(0), LogicalType::DECIMAL(38, 0)));
  auto rounded = Native(
      "round_integral" + std::to_string(static_cast<int>(mode)) + "_" + std::to_string(places),
      LogicalType::DECIMAL(38, 0), EachRow([=](RowIn& in, RowOut& out) {
        const auto digits = RoundDigits(in.Get<hugeint_t>(0), 0, places, mode);
        const int back = std::min(-places, 38);
        out.Set<hugeint_t>(digits * Hugeint::POWERS_OF_TEN[back]);
      }),
      std::move(args));
  return call.Plain(std::move(rounded), type);
}

Expr BindRound(FunctionCall& call, Rounding mode) {
  NumberForText(call, 0);
  bool is_null = false;
  const int places = ConstantPlaces(call, is_null);
  const auto type = call.Type(0);
  if (is_null) {
    auto rounded = IsDecimal(type) ? RoundDecimal(call, 0, mode)->return_type : type;
    return Literal(Value(rounded));
  }
  if (IsDecimal(type)) return RoundDecimal(call, places, mode);
  if (IsIntegral(type)) return RoundIntegral(call, places, mode);
  Exprs args;
  args.push_back(call.Plain(call.Take(0), kDouble));
  auto rounded =
      Native("round_double" + std::to_string(static_cast<int>(mode)) + "_" + std::to_string(places),
             kDouble, EachRow([=](RowIn& in, RowOut& out) {
               out.Set<double>(RoundDouble(in.Get<double>(0), places, mode));
             }),
             std::move(args));
  return call.Plain(std::move(rounded), type);
}

Expr BindCeilOrFloor(FunctionCall& call, Rounding mode) {
  if (IsText(call.Type(0)) || call.IsNull(0)) call.arguments[0] = call.Cast(call.Take(0), kDouble);
  if (call.Count() == 2) {
    bool is_null = false;
    const int places = ConstantPlaces(call, is_null);
    if (!IsDecimal(call.Type(0))) {
      const auto shape = IsIntegral(call.Type(0)) ? ShapeOf(call.Type(0)) : DecimalShape{30, 15};
      call.arguments[0] = call.Cast(call.Take(0), DecimalType(shape));
    }
    auto result = RoundDecimal(call, places, mode);
    return is_null ? Literal(Value(result->return_type)) : std::move(result);
  }
  if (IsIntegral(call.Type(0))) return call.Plain(call.Take(0), kLong);
  if (IsDecimal(call.Type(0))) return RoundDecimal(call, 0, mode);
  // Beyond the range of BIGINT the nearest end, and 0 for NaN, as Java converts.
  Exprs args;
  args.push_back(call.Plain(call.Take(0), kDouble));
  const bool up = mode == Rounding::kCeiling;
  return Native(up ? "ceil" : "floor", kLong, EachRow([up](RowIn& in, RowOut& out) {
                  const double x =
                      up ? std::ceil(in.Get<double>(0)) : std::floor(in.Get<double>(0));
                  if (std::isnan(x)) return out.Set<int64_t>(0);
                  if (x >= 9223372036854775808.0)
                    return out.Set<int64_t>(NumericLimits<int64_t>::Maximum());
                  if (x < -9223372036854775808.0)
                    return out.Set<int64_t>(NumericLimits<int64_t>::Minimum());
                  out.Set<int64_t>(static_cast<int64_t>(x));
                }),
                std::move(args));
}

double Rint(double x) { return std::nearbyint(x); }
double Sec(double x) { return 1 / std::cos(x); }
double Csc(double x) { return 1 / std::sin(x); }
double Cot(double x) { return 1 / std::tan(x); }
double Degrees(double x) { return x * (180.0 / M_PI); }
double Radians(double x) { return x / 180.0 * M_PI; }
double Sign(double x) { return std::isnan(x) || x == 0 ? x : (x > 0 ? 1.0 : -1.0); }
double Log2(double x) { return std::log(x) / std::log(2.0); }

void LogBase(RowIn& in, RowOut& out) {
  const double base = in.Get<double>(0), x = in.Get<double>(1);
  if (base <= 0 || x <= 0) return out.Null();
  out.Set<double>(std::log(x) / std::log(base));
}

template <class T>
Expr Shift(FunctionCall& call, const LogicalType& type, int kind) {
  Exprs args;
  args.push_back(call.Cast(call.Take(0), type));
  args.push_back(call.Cast(call.Take(1), kInt));
  using U = std::make_unsigned_t<T>;
  auto each = [kind](RowIn& in, RowOut& out) {
    const T value = in.Get<T>(0);
    const int by = in.Get<int32_t>(1) & (sizeof(T) * 8 - 1);
    if (kind == 0) return out.Set<T>(static_cast<T>(static_cast<U>(value) << by));
    if (kind == 1) return out.Set<T>(static_cast<T>(value >> by));
    out.Set<T>(static_cast<T>(static_cast<U>(value) >> by));
  };
  return Native("shift" + std::to_string(kind), type, EachRow(each), std::move(args));
}

template <int KIND>
Expr BindShift(FunctionCall& call) {
  if (call.Id(0) == LogicalTypeId::BIGINT) return Shift<int64_t>(call, kLong, KIND);
  return Shift<int32_t>(call, kInt, KIND);
}

void Conv(RowIn& in, RowOut& out) {
  const auto text = TrimAll(in.Text(0));
  const int from = in.Get<int32_t>(1), to = in.Get<int32_t>(2);
  if (text.empty() || from < 2 || from > 36 || std::abs(to) < 2 || std::abs(to) > 36)
    return out.Null();
  const bool negative = text[0] == '-';
  uint64_t value = 0;
  bool overflow = false;
  for (size_t i = negative; i < text.size(); i++) {
    const char c = static_cast<char>(std::toupper(static_cast<unsigned char>(text[i])));
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 99;
    if (digit >= from) break;
    overflow |= __builtin_mul_overflow(value, static_cast<uint64_t>(from), &value);
    overflow |= __builtin_add_overflow(value, static_cast<uint64_t>(digit), &value);
  }
  if (overflow)
    throw OutOfRangeException("ARITHMETIC_OVERFLOW: conv: the number does not fit 64 bits");
  bool minus = false;
  if (negative) value = 0 - value;
  if (to < 0 && static_cast<int64_t>(value) < 0) {
    minus = true;
    value = 0 - value;
  }
  std::string result;
  const auto base = static_cast<uint64_t>(std::abs(to));
  do {
    const auto digit = value % base;
    result.insert(0, 1, static_cast<char>(digit < 10 ? '0' + digit : 'A' + digit - 10));
    value /= base;
  } while (value > 0);
  out.Text(minus ? "-" + result : result);
}

void Factorial(RowIn& in, RowOut& out) {
  const auto n = in.Get<int32_t>(0);
  if (n < 0 || n > 20) return out.Null();
  int64_t result = 1;
  for (int32_t i = 2; i <= n; i++) result *= i;
  out.Set<int64_t>(result);
}

void WidthBucket(RowIn& in, RowOut& out) {
  const double value = in.Get<double>(0), low = in.Get<double>(1), high = in.Get<double>(2);
  const auto buckets = in.Get<int64_t>(3);
  if (buckets <= 0 || low == high || std::isnan(value) || !std::isfinite(low) ||
      !std::isfinite(high)) {
    return out.Null();
  }
  const bool ascending = low < high;
  const double from = ascending ? low : high, to = ascending ? high : low;
  int64_t result = 0;
  if (value < from) {
    result = ascending ? 0 : buckets + 1;
  } else if (ascending ? value >= to : value > to) {
    result = ascending ? buckets + 1 : 0;
  } else {
    const double share = ascending ? (value - from) / (to - from) : (to - value) / (to - from);
    result = static_cast<int64_t>(share * static_cast<double>(buckets)) + 1;
  }
  out.Set<int64_t>(result);
}

Expr BindBitCount(FunctionCall& call) {
  if (call.Id(0) == LogicalTypeId::BOOLEAN) call.arguments[0] = call.Plain(call.Take(0), kLong);
  return call.Sql("CAST(bit_count($1) AS INTEGER)", call.Plain(call.Take(0), kLong));
}

// to_number('454', '999'): a decimal of as many digits as the format has.
Expr BindToNumber(FunctionCall& call) {
  Value format;
  if (!call.Constant(1, format) || format.IsNull()) call.Refuse("the format must be a constant");
  DecimalShape shape{0, 0};
  bool fraction = false;
  for (char c : format.ToString()) {
    if (c == '.' || c == 'D') fraction = true;
    if (c != '0' && c != '9') continue;
    shape.precision++;
    shape.scale += fraction;
  }
  auto digits = call.Sql("regexp_replace($1, '[$,]', '', 'g')", call.Text(call.Take(0)));
  return call.Cast(std::move(digits), DecimalType(shape));
}

template <Real F>
void RegisterReal(FunctionTable& table, const char* name) {
  RegisterNative(table, {name, {kDouble}, kDouble, EachRow(Apply<F>)});
}

void RegisterRealFunctions(FunctionTable& table) {
  RegisterReal<std::sqrt>(table, "sqrt");
  RegisterReal<std::cbrt>(table, "cbrt");
  RegisterReal<std::exp>(table, "exp");
  RegisterReal<std::expm1>(table, "expm1");
  RegisterReal<std::sin>(table, "sin");
  RegisterReal<std::cos>(table, "cos");
  RegisterReal<std::tan>(table, "tan");
  RegisterReal<std::asin>(table, "asin");
  RegisterReal<std::acos>(table, "acos");
  RegisterReal<std::atan>(table, "atan");
  RegisterReal<std::sinh>(table, "sinh");
  RegisterReal<std::cosh>(table, "cosh");
  RegisterReal<std::tanh>(table, "tanh");
  RegisterReal<std::asinh>(table, "asinh");
  RegisterReal<std::acosh>(table, "acosh");
  RegisterReal<std::atanh>(table, "atanh");
  RegisterReal<Rint>(table, "rint");
  RegisterReal<Sec>(table, "sec");
  RegisterReal<Csc>(table, "csc");
  RegisterReal<Cot>(table, "cot");
  RegisterReal<Degrees>(table, "degrees");
  RegisterReal<Radians>(table, "radians");
  RegisterReal<Sign>(table, "sign");
  RegisterReal<Sign>(table, "signum");
}

}  // namespace

void RegisterMathFunctions(FunctionTable& table) {
  RegisterRealFunctions(table);
  RegisterBinding(table, "abs", 1, 1, BindAbs);
  RegisterBinding(table, "round", 1, 2,
                  [](FunctionCall& call) { return BindRound(call, Rounding::kHalfUp); });
  RegisterBinding(table, "bround", 1, 2,
                  [](FunctionCall& call) { return BindRound(call, Rounding::kHalfEven); });
  for (auto name : {"ceil", "ceiling"}) {
    RegisterBinding(table, name, 1, 2,
                    [](FunctionCall& call) { return BindCeilOrFloor(call, Rounding::kCeiling); });
  }
  RegisterBinding(table, "floor", 1, 2,
                  [](FunctionCall& call) { return BindCeilOrFloor(call, Rounding::kFloor); });
  for (auto name : {"pow", "power"}) {
    RegisterNative(table, {name, {kDouble, kDouble}, kDouble, EachRow([](RowIn& in, RowOut& out) {
                             out.Set<double>(std::pow(in.Get<double>(0), in.Get<double>(1)));
                           })});
  }
  RegisterNative(table, {"atan2", {kDouble, kDouble}, kDouble, EachRow([](RowIn& in, RowOut& out) {
                           out.Set<double>(std::atan2(in.Get<double>(0), in.Get<double>(1)));
                         })});
  RegisterNative(table, {"hypot", {kDouble, kDouble}, kDouble, EachRow([](RowIn& in, RowOut& out) {
                           out.Set<double>(std::hypot(in.Get<double>(0), in.Get<double>(1)));
                         })});
  RegisterBinding(table, "log", 1, 2, [](FunctionCall& call) {
    Exprs args;
    for (idx_t i = 0; i < call.Count(); i++) args.push_back(call.Cast(call.Take(i), kDouble));
    const bool base = args.size() == 2;
    return Native(base ? "log_base" : "ln", kDouble,
                  base ? EachRow(LogBase) : EachRow(Logarithm<std::log, 0>), std::move(args));
  });
  RegisterNative(table, {"ln", {kDouble}, kDouble, EachRow(Logarithm<std::log, 0>)});
  RegisterNative(table, {"log2", {kDouble}, kDouble, EachRow(Logarithm<Log2, 0>)});
  RegisterNative(table, {"log10", {kDouble}, kDouble, EachRow(Logarithm<std::log10, 0>)});
  RegisterNative(table, {"log1p", {kDouble}, kDouble, EachRow(Logarithm<std::log1p, -1>)});
  for (auto name : {"shiftleft"}) RegisterBinding(table, name, 2, 2, BindShift<0>);
  RegisterBinding(table, "shiftright", 2, 2, BindShift<1>);
  RegisterBinding(table, "shiftrightunsigned", 2, 2, BindShift<2>);
  RegisterBinding(table, "bit_count", 1, 1, BindBitCount);
  for (auto name : {"bit_get", "getbit"}) {
    RegisterNative(table,
                   {name, {kLong, kInt}, LogicalType::TINYINT, EachRow([](RowIn& in, RowOut& out) {
                      const auto position = in.Get<int32_t>(1);
                      if (position < 0 || position > 63) {
                        throw InvalidInputException("bit_get: the position must be 0 to 63");
                      }
                      out.Set<int8_t>(static_cast<int8_t>(in.Get<int64_t>(0) >> position & 1));
                    })});
  }
  RegisterNative(table, {"conv", {kText, kInt, kInt}, kText, EachRow(Conv)});
  RegisterBinding(table, "bin", 1, 1, [](FunctionCall& call) {
    return call.Call("to_binary", call.Cast(call.Take(0), kLong));
  });
  RegisterNative(table, {"factorial", {kInt}, kLong, EachRow(Factorial)});
  RegisterNative(table,
                 {"width_bucket", {kDouble, kDouble, kDouble, kLong}, kLong, EachRow(WidthBucket)});
  RegisterBinding(table, "to_number", 2, 2, BindToNumber);
  RegisterBinding(table, "e", 0, 0, [](FunctionCall&) { return Literal(Value::DOUBLE(M_E)); });
  for (auto name : {"rand", "random"}) {
    RegisterBinding(table, name, 0, 1,
                    [](FunctionCall& call) { return call.Call("random", Exprs()); });
  }
}

}  // namespace tarn::dialect
