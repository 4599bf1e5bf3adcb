#include "jinja/number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "jinja/big_int.h"
#include "jinja/error.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

using boost::multiprecision::cpp_int;

constexpr unsigned kMaxBits = 1'000'000;

int64_t FloorDivide(int64_t a, int64_t b) {
  int64_t q = a / b;
  return (a % b != 0 && ((a < 0) != (b < 0))) ? q - 1 : q;
}

int64_t FloorModulo(int64_t a, int64_t b) {
  int64_t r = a % b;
  return (r != 0 && ((r < 0) != (b < 0))) ? r + b : r;
}

double FloatModulo(double a, double b) {
  double r = std::fmod(a, b);
  if (r != 0) {
    if ((b < 0) != (r < 0)) r += b;
  } else {
    r = std::copysign(0.0, b);
  }
  return r;
}

double FloatFloorDivide(double a, double b) {
  double mod = FloatModulo(a, b);
  double div = (a - mod) / b;
  if (div == 0) return std::copysign(0.0, a / b);
  double floored = std::floor(div);
  return div - floored > 0.5 ? floored + 1 : floored;
}

Status DivisionByZero(std::string_view what) { return MakeError("ZeroDivisionError", what); }

size_t Bits(const cpp_int& n) { return n == 0 ? 0 : boost::multiprecision::msb(abs(n)) + 1; }

Result<Value> BigPower(const cpp_int& base, const cpp_int& exponent) {
  if (exponent == 0) return Value(1);
  if (base == 0 || base == 1) return FromBig(base);
  if (base == -1) return Value(exponent % 2 == 0 ? 1 : -1);
  if (exponent > kMaxBits || Bits(base) * exponent.convert_to<uint64_t>() > kMaxBits) {
    return MakeError("OverflowError", "the power is too large");
  }
  return FromBig(boost::multiprecision::pow(base, exponent.convert_to<unsigned>()));
}

Result<Value> BigArithmetic(NumberOp op, const cpp_int& a, const cpp_int& b) {
  switch (op) {
    case NumberOp::kAdd: return FromBig(a + b);
    case NumberOp::kSub: return FromBig(a - b);
    case NumberOp::kMul:
      if (Bits(a) + Bits(b) > kMaxBits)
        return MakeError("OverflowError", "the product is too large");
      return FromBig(a * b);
    case NumberOp::kFloorDiv:
    case NumberOp::kMod: {
      cpp_int q, r;
      divide_qr(a, b, q, r);
      if (r != 0 && ((r < 0) != (b < 0))) {
        q -= 1;
        r += b;
      }
      return FromBig(op == NumberOp::kMod ? r : q);
    }
    case NumberOp::kPow: return BigPower(a, b);
    case NumberOp::kDiv: break;
  }
  return TypeError("unsupported operation on integers");
}

// Correct to the last bit, as Python divides integers.
Result<Value> TrueDivide(const Value& a, const Value& b) {
  constexpr int64_t kExact = int64_t{1} << 53;
  if (a.kind() != Kind::kBigInt && b.kind() != Kind::kBigInt) {
    int64_t x = a.as_int(), y = b.as_int();
    if (x >= -kExact && x <= kExact && y >= -kExact && y <= kExact) {
      return Value(static_cast<double>(x) / static_cast<double>(y));
    }
  }
  cpp_int n = ToBig(a), d = ToBig(b);
  bool negative = (n < 0) != (d < 0);
  n = abs(n);
  d = abs(d);
  if (n == 0) return Value(negative ? -0.0 : 0.0);
  // 66 bits of quotient with a sticky last bit, then one rounding by the conversion of long
  // double's 64-bit mantissa would round twice; so round to 53 bits here.
  int shift = 66 - (static_cast<int>(Bits(n)) - static_cast<int>(Bits(d)));
  cpp_int q, r;
  if (shift > 0) {
    divide_qr(cpp_int(n << shift), d, q, r);
  } else {
    divide_qr(n, cpp_int(d << -shift), q, r);
  }
  int drop = static_cast<int>(Bits(q)) - 53;
  cpp_int kept = q >> drop, rest = q - (kept << drop), half = cpp_int(1) << (drop - 1);
  if (rest > half || (rest == half && (r != 0 || (kept & 1) != 0))) kept += 1;
  double result = std::ldexp(kept.convert_to<double>(), drop - shift);
  if (std::isinf(result)) {
    return MakeError("OverflowError", "integer division result too large for a float");
  }
  return Value(negative ? -result : result);
}

Result<Value> IntArithmetic(NumberOp op, const Value& a, const Value& b) {
  bool zero = b.kind() != Kind::kBigInt && b.as_int() == 0;
  if (zero && op == NumberOp::kDiv) return DivisionByZero("division by zero");
  if (zero && op == NumberOp::kFloorDiv) {
    return DivisionByZero("integer division or modulo by zero");
  }
  if (zero && op == NumberOp::kMod) return DivisionByZero("integer modulo by zero");
  if (op == NumberOp::kDiv) return TrueDivide(a, b);
  if (op == NumberOp::kPow && CompareNumbers(b, Value(0)) == -1) {
    TARN_ASSIGN_OR_RETURN(double x, ToDouble(a));
    TARN_ASSIGN_OR_RETURN(double y, ToDouble(b));
    if (x == 0) return DivisionByZero("0.0 cannot be raised to a negative power");
    return Value(std::pow(x, y));
  }
  if (a.kind() != Kind::kBigInt && b.kind() != Kind::kBigInt && op != NumberOp::kPow) {
    int64_t x = a.as_int(), y = b.as_int(), r = 0;
    bool lost = false;
    switch (op) {
      case NumberOp::kAdd: lost = __builtin_add_overflow(x, y, &r); break;
      case NumberOp::kSub: lost = __builtin_sub_overflow(x, y, &r); break;
      case NumberOp::kMul: lost = __builtin_mul_overflow(x, y, &r); break;
      default:
        lost = y == -1 && x == std::numeric_limits<int64_t>::min();
        if (!lost) r = op == NumberOp::kMod ? FloorModulo(x, y) : FloorDivide(x, y);
    }
    if (!lost) return Value(r);
  }
  return BigArithmetic(op, ToBig(a), ToBig(b));
}

Result<Value> FloatPower(double x, double y) {
  if (x == 0 && y < 0) return DivisionByZero("0.0 cannot be raised to a negative power");
  if (x < 0 && std::isfinite(x) && std::isfinite(y) && y != std::floor(y)) {
    return TypeError("complex numbers are not supported");
  }
  double r = std::pow(x, y);
  if (std::isinf(r) && std::isfinite(x) && std::isfinite(y)) {
    return MakeError("OverflowError", "(34, 'Numerical result out of range')");
  }
  return Value(r);
}

}  // namespace

std::string_view NumberOpText(NumberOp op) {
  switch (op) {
    case NumberOp::kAdd: return "+";
    case NumberOp::kSub: return "-";
    case NumberOp::kMul: return "*";
    case NumberOp::kDiv: return "/";
    case NumberOp::kFloorDiv: return "//";
    case NumberOp::kMod: return "%";
    case NumberOp::kPow: return "** or pow()";
  }
  return "?";
}

Result<Value> Arithmetic(NumberOp op, const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return IntArithmetic(op, a, b);
  TARN_ASSIGN_OR_RETURN(double x, ToDouble(a));
  TARN_ASSIGN_OR_RETURN(double y, ToDouble(b));
  switch (op) {
    case NumberOp::kAdd: return Value(x + y);
    case NumberOp::kSub: return Value(x - y);
    case NumberOp::kMul: return Value(x * y);
    case NumberOp::kDiv:
      if (y == 0) return DivisionByZero("float division by zero");
      return Value(x / y);
    case NumberOp::kFloorDiv:
      if (y == 0) return DivisionByZero("float floor division by zero");
      return Value(FloatFloorDivide(x, y));
    case NumberOp::kMod:
      if (y == 0) return DivisionByZero("float modulo");
      return Value(FloatModulo(x, y));
    case NumberOp::kPow: return FloatPower(x, y);
  }
  return TypeError("unsupported operation on numbers");
}

Value Negate(const Value& a) {
  if (a.kind() == Kind::kFloat) return Value(-a.as_float());
  if (a.kind() == Kind::kBigInt || a.as_int() == std::numeric_limits<int64_t>::min()) {
    return FromBig(-ToBig(a));
  }
  return Value(-a.as_int());
}

Value AbsoluteOf(const Value& a) {
  if (a.kind() == Kind::kFloat) return Value(std::fabs(a.as_float()));
  if (a.kind() == Kind::kBigInt) return a.big().number < 0 ? Negate(a) : a;
  return a.as_int() < 0 ? Negate(a) : Value(a.as_int());
}

std::optional<int> CompareNumbers(const Value& a, const Value& b) {
  auto sign = [](auto x, auto y) { return x < y ? -1 : (x > y ? 1 : 0); };
  if (a.kind() != Kind::kFloat && b.kind() != Kind::kFloat) {
    if (a.kind() != Kind::kBigInt && b.kind() != Kind::kBigInt) return sign(a.as_int(), b.as_int());
    return sign(ToBig(a), ToBig(b));
  }
  if (a.kind() == Kind::kFloat && b.kind() == Kind::kFloat) {
    if (std::isnan(a.as_float()) || std::isnan(b.as_float())) return std::nullopt;
    return sign(a.as_float(), b.as_float());
  }
  double d = a.kind() == Kind::kFloat ? a.as_float() : b.as_float();
  const Value& other = a.kind() == Kind::kFloat ? b : a;
  if (std::isnan(d)) return std::nullopt;
  int r;  // d against other
  if (std::isinf(d)) {
    r = d > 0 ? 1 : -1;
  } else {
    r = sign(cpp_int(std::trunc(d)), ToBig(other));
    if (r == 0) r = sign(d, std::trunc(d));
  }
  return a.kind() == Kind::kFloat ? r : -r;
}

Result<double> ToDouble(const Value& a) {
  if (a.kind() == Kind::kFloat) return a.as_float();
  if (a.kind() != Kind::kBigInt) return static_cast<double>(a.as_int());
  const cpp_int& n = a.big().number;
  double d = n.convert_to<double>();
  if (std::isinf(d)) return MakeError("OverflowError", "int too large to convert to float");
  return d;
}

int SignOf(const Value& v) {
  if (v.kind() == Kind::kFloat) return v.as_float() < 0 ? -1 : v.as_float() > 0;
  if (v.kind() != Kind::kBigInt) return v.as_int() < 0 ? -1 : v.as_int() > 0;
  return v.big().number < 0 ? -1 : 1;
}

Result<Value> RoundToTens(const Value& integral, int64_t digits) {
  TARN_ASSIGN_OR_RETURN(
      Value unit, Arithmetic(NumberOp::kPow, Value(10), Value(std::min<int64_t>(digits, 400))));
  cpp_int n = ToBig(integral), u = ToBig(unit), q, r;
  divide_qr(n, u, q, r);
  if (r < 0) {
    r += u;
    q -= 1;
  }
  if (r * 2 > u || (r * 2 == u && q % 2 != 0)) q += 1;
  return FromBig(q * u);
}

int64_t BitLengthOf(const Value& integral) { return static_cast<int64_t>(Bits(ToBig(integral))); }

cpp_int ToBig(const Value& integral) {
  return integral.kind() == Kind::kBigInt ? integral.big().number : cpp_int(integral.as_int());
}

Value FromBig(const cpp_int& number) {
  if (number >= std::numeric_limits<int64_t>::min() &&
      number <= std::numeric_limits<int64_t>::max()) {
    return Value(number.convert_to<int64_t>());
  }
  return Value::FromBigInt(BigInt(number));
}

Result<Value> IntegerFromDouble(double d) {
  if (std::isnan(d)) return ValueError("cannot convert float NaN to integer");
  if (std::isinf(d)) return MakeError("OverflowError", "cannot convert float infinity to integer");
  if (std::fabs(d) < 9e18) return Value(static_cast<int64_t>(d));
  return FromBig(cpp_int(std::trunc(d)));
}

std::string IntegerText(const Value& integral, int base) {
  if (integral.kind() != Kind::kBigInt) {
    char buffer[72];
    auto end = std::to_chars(buffer, buffer + sizeof buffer, integral.as_int(), base).ptr;
    return std::string(buffer, end);
  }
  cpp_int n = integral.big().number;
  if (base == 10) return n.str();
  std::string sign = n < 0 ? "-" : "";
  n = abs(n);
  if (base == 8) return sign + n.str(0, std::ios_base::oct);
  if (base == 16) {
    std::string text = n.str(0, std::ios_base::hex);
    for (char& c : text) c = AsciiLower(c);
    return sign + text;
  }
  std::string digits;
  for (size_t i = Bits(n); i-- > 0;) digits += bit_test(n, static_cast<unsigned>(i)) ? '1' : '0';
  return sign + digits;
}

std::optional<Value> ParseInteger(std::string_view text, int base) {
  text = StripSpace(text);
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  bool prefixed = false;
  if (text.size() > 1 && text[0] == '0') {
    char p = AsciiLower(text[1]);
    int implied = p == 'x' ? 16 : p == 'o' ? 8 : p == 'b' ? 2 : 0;
    if (implied && (base == 0 || base == implied)) {
      base = implied;
      text.remove_prefix(2);
      prefixed = true;
    }
  }
  bool zero_only = base == 0 && !text.empty() && text[0] == '0';
  if (base == 0) base = 10;
  std::string digits;
  bool last_underscore = !prefixed;  // a leading underscore is allowed after a prefix only
  for (char c : text) {
    if (c == '_') {
      if (last_underscore) return std::nullopt;
      last_underscore = true;
      continue;
    }
    last_underscore = false;
    char l = AsciiLower(c);
    int d = l >= '0' && l <= '9' ? l - '0' : l >= 'a' && l <= 'z' ? l - 'a' + 10 : 99;
    if (d >= base) return std::nullopt;
    if (zero_only && d != 0) return std::nullopt;
    digits += l;
  }
  if (digits.empty() || last_underscore || digits.size() > 4300) return std::nullopt;
  int64_t small = 0;
  auto end = digits.data() + digits.size();
  auto [p, ec] = std::from_chars(digits.data(), end, small, base);
  if (ec == std::errc() && p == end) return Value(negative ? -small : small);
  cpp_int n = 0;
  for (char l : digits) n = n * base + (l <= '9' ? l - '0' : l - 'a' + 10);
  return FromBig(negative ? cpp_int(-n) : n);
}

std::optional<double> ParseFloat(std::string_view text) {
  text = StripSpace(text);
  std::string clean;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_') {
      bool between =
          i > 0 && i + 1 < text.size() && AsciiDigit(text[i - 1]) && AsciiDigit(text[i + 1]);
      if (!between) return std::nullopt;
      continue;
    }
    clean += AsciiLower(text[i]);
  }
  std::string_view s = clean;
  bool negative = false;
  if (!s.empty() && (s[0] == '+' || s[0] == '-')) {
    negative = s[0] == '-';
    s.remove_prefix(1);
  }
  if (s.empty() || s[0] == '+' || s[0] == '-') return std::nullopt;
  double d = 0;
  if (s == "inf" || s == "infinity") {
    d = std::numeric_limits<double>::infinity();
  } else if (s == "nan") {
    d = std::numeric_limits<double>::quiet_NaN();
  } else {
    if (!AsciiDigit(s[0]) && s[0] != '.') return std::nullopt;
    auto [p, ec] = std::from_chars(s.data(), s.data() + s.size(), d);
    if (p != s.data() + s.size() || ec == std::errc::invalid_argument) return std::nullopt;
    if (ec == std::errc::result_out_of_range) {
      bool tiny = s.find("e-") != std::string_view::npos || s.starts_with("0.") || s[0] == '.';
      d = tiny ? 0 : std::numeric_limits<double>::infinity();
    }
  }
  return negative ? -d : d;
}

double RoundTo(double d, int digits) {
  if (!std::isfinite(d)) return d;
  if (digits > 323) return d;
  if (digits < -308) return std::copysign(0.0, d);
  if (digits >= 0) return ParseFloat(FormatDouble(d, 'f', digits)).value_or(d);
  // Half to even of d / 10^-digits, exactly: the quotient of two integers.
  double scale = std::pow(10.0, -digits), q = d / scale, r = std::nearbyint(q);
  if (std::fabs(q - std::trunc(q)) == 0.5) r = 2.0 * std::nearbyint(q / 2.0);
  return r * scale;
}

std::string FormatDouble(double d, char type, int precision) {
  auto format = type == 'e'   ? std::chars_format::scientific
                : type == 'f' ? std::chars_format::fixed
                              : std::chars_format::general;
  std::string out(64, '\0');
  for (;;) {
    auto [end, problem] = std::to_chars(out.data(), out.data() + out.size(), d, format, precision);
    if (problem == std::errc()) {
      out.resize(static_cast<size_t>(end - out.data()));
      return out;
    }
    out.resize(out.size() * 4 + static_cast<size_t>(std::max(0, precision)));
  }
}

}  // namespace tarn::jinja
