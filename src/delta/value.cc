#include "delta/value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/clock.h"

namespace tarn::delta {
namespace {

constexpr int kMaxDigits = 38;
constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

__int128 Power10(int exponent) {
  __int128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

std::strong_ordering Order(__int128 a, __int128 b) {
  return a < b ? std::strong_ordering::less
               : (a > b ? std::strong_ordering::greater : std::strong_ordering::equal);
}

// Whole and fractional parts are compared apart, so that 38 digits at any two scales fit.
std::optional<std::strong_ordering> CompareDecimals(const DecimalValue& a, const DecimalValue& b) {
  if (a.scale < 0 || a.scale > kMaxDigits || b.scale < 0 || b.scale > kMaxDigits) {
    return std::nullopt;
  }
  const __int128 unit_a = Power10(a.scale);
  const __int128 unit_b = Power10(b.scale);
  const auto whole = Order(a.unscaled / unit_a, b.unscaled / unit_b);
  if (whole != 0) return whole;
  const int scale = std::max(a.scale, b.scale);
  return Order((a.unscaled % unit_a) * Power10(scale - a.scale),
               (b.unscaled % unit_b) * Power10(scale - b.scale));
}

// Fractional parts of a decimal (rest / 10^scale) and of a double, both in (-1, 1).
std::optional<std::strong_ordering> CompareFractions(__int128 rest, int scale, double fraction) {
  if (fraction == 0) return Order(rest, 0);
  int exponent = 0;
  const double mantissa = std::frexp(fraction, &exponent);  // in [0.5, 1), exponent <= 0
  auto scaled = static_cast<int64_t>(std::ldexp(mantissa, 53));
  int shift = 53 - exponent;
  while (scaled % 2 == 0 && shift > 0) {
    scaled /= 2;
    --shift;
  }
  if (scale <= 18 && shift <= 60)
    return Order(rest * (__int128{1} << shift), Power10(scale) * scaled);
  const long double right =
      static_cast<long double>(fraction) * static_cast<long double>(Power10(scale));
  const long double left = static_cast<long double>(rest);
  const long double error = 1e-17L * (std::fabs(left) + std::fabs(right));
  if (left < right - error) return std::strong_ordering::less;
  if (left > right + error) return std::strong_ordering::greater;
  return std::nullopt;  // too close to tell
}

std::optional<std::strong_ordering> CompareDecimalToDouble(const DecimalValue& a, double b) {
  if (std::isnan(b) || a.scale < 0 || a.scale > kMaxDigits) return std::nullopt;
  if (b >= 1.7e38) return std::strong_ordering::less;
  if (b <= -1.7e38) return std::strong_ordering::greater;
  const double whole = std::trunc(b);
  const __int128 unit = Power10(a.scale);
  const auto order = Order(a.unscaled / unit, static_cast<__int128>(whole));
  if (order != 0) return order;
  return CompareFractions(a.unscaled % unit, a.scale, b - whole);
}

std::strong_ordering Reverse(std::strong_ordering order) {
  return order < 0   ? std::strong_ordering::greater
         : order > 0 ? std::strong_ordering::less
                     : std::strong_ordering::equal;
}

std::optional<std::strong_ordering> CompareDoubles(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::nullopt;
  if (a < b) return std::strong_ordering::less;
  return a > b ? std::strong_ordering::greater : std::strong_ordering::equal;
}

std::optional<std::strong_ordering> CompareNumbers(const Value::Rep& a, const Value::Rep& b) {
  if (const auto* x = std::get_if<int64_t>(&a)) {
    if (const auto* y = std::get_if<int64_t>(&b)) return *x <=> *y;
    return CompareNumbers(Value::Rep(DecimalValue{*x, 0}), b);
  }
  if (const auto* x = std::get_if<DecimalValue>(&a)) {
    if (const auto* y = std::get_if<int64_t>(&b)) return CompareDecimals(*x, DecimalValue{*y, 0});
    if (const auto* y = std::get_if<DecimalValue>(&b)) return CompareDecimals(*x, *y);
    if (const auto* y = std::get_if<double>(&b)) return CompareDecimalToDouble(*x, *y);
    return std::nullopt;
  }
  if (const auto* x = std::get_if<double>(&a)) {
    if (const auto* y = std::get_if<double>(&b)) return CompareDoubles(*x, *y);
    const auto order = CompareNumbers(b, a);
    return order ? std::optional(Reverse(*order)) : std::nullopt;
  }
  return std::nullopt;
}

bool EatInteger(std::string_view* text, size_t max_digits, int64_t* out) {
  size_t n = 0;
  int64_t value = 0;
  while (n < text->size() && n < max_digits && (*text)[n] >= '0' && (*text)[n] <= '9') {
    value = value * 10 + ((*text)[n] - '0');
    ++n;
  }
  if (n == 0) return false;
  text->remove_prefix(n);
  *out = value;
  return true;
}

bool Eat(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

bool EatDate(std::string_view* text, int64_t* days) {
  const bool negative = Eat(text, '-');
  if (!negative) Eat(text, '+');
  int64_t year = 0;
  int64_t month = 0;
  int64_t day = 0;
  if (!EatInteger(text, 7, &year) || !Eat(text, '-') || !EatInteger(text, 2, &month) ||
      !Eat(text, '-') || !EatInteger(text, 2, &day)) {
    return false;
  }
  static constexpr int kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1 || day > kDays[month - 1]) return false;
  *days = DaysFromCivil(negative ? -year : year, static_cast<unsigned>(month),
                        static_cast<unsigned>(day));
  return true;
}

bool EatTimeOfDay(std::string_view* text, int64_t* micros) {
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  if (!EatInteger(text, 2, &hour) || !Eat(text, ':') || !EatInteger(text, 2, &minute)) return false;
  if (Eat(text, ':') && !EatInteger(text, 2, &second)) return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  *micros = (hour * 3600 + minute * 60 + second) * kMicrosPerSecond;
  if (Eat(text, '.')) {
    int64_t unit = kMicrosPerSecond / 10;
    while (!text->empty() && text->front() >= '0' && text->front() <= '9') {
      *micros += (text->front() - '0') * unit;
      unit /= 10;
      text->remove_prefix(1);
    }
  }
  return true;
}

bool EatZone(std::string_view* text, int64_t* offset_micros) {
  *offset_micros = 0;
  while (Eat(text, ' ')) {
  }
  if (text->empty()) return true;
  if (*text == "Z" || *text == "UTC" || *text == "GMT") {
    *text = {};
    return true;
  }
  const bool negative = text->front() == '-';
  if (!Eat(text, '+') && !Eat(text, '-')) return false;
  int64_t hours = 0;
  int64_t minutes = 0;
  int64_t seconds = 0;
  if (!EatInteger(text, 2, &hours)) return false;
  if (!text->empty()) {
    Eat(text, ':');
    if (!EatInteger(text, 2, &minutes)) return false;
  }
  if (!text->empty() && (!Eat(text, ':') || !EatInteger(text, 2, &seconds))) return false;
  const int64_t magnitude = (hours * 3600 + minutes * 60 + seconds) * kMicrosPerSecond;
  *offset_micros = negative ? -magnitude : magnitude;
  return text->empty();
}

Status BadValue(std::string_view text, const DataType& type) {
  return Status::Corruption("partition value '" + std::string(text) + "' is not a " +
                            type.ToString());
}

// Range of the integer kinds; false for other kinds.
bool IntegerRange(TypeKind kind, int64_t* low, int64_t* high) {
  switch (kind) {
    case TypeKind::kByte: *low = INT8_MIN, *high = INT8_MAX; return true;
    case TypeKind::kShort: *low = INT16_MIN, *high = INT16_MAX; return true;
    case TypeKind::kInteger: *low = INT32_MIN, *high = INT32_MAX; return true;
    case TypeKind::kLong: *low = INT64_MIN, *high = INT64_MAX; return true;
    default: return false;
  }
}

Result<Value> ParseInteger(std::string_view text, const DataType& type) {
  int64_t low = 0;
  int64_t high = 0;
  IntegerRange(type.kind, &low, &high);
  std::string_view digits = text;
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < low || value > high) {
    return BadValue(text, type);
  }
  return Value(value);
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) ==
                  std::tolower(static_cast<unsigned char>(y));
         });
}

// "\u0001\u00ff": each escape is one byte. Some writers keep the escapes of the specification's
// example as text; others store the characters themselves.
std::optional<std::string> DecodeEscapedBytes(std::string_view text) {
  if (text.empty() || text.size() % 6 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 6) {
    unsigned value = 0;
    if (text[i] != '\\' || (text[i + 1] != 'u' && text[i + 1] != 'U')) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data() + i + 2, text.data() + i + 6, value, 16);
    if (error != std::errc() || end != text.data() + i + 6 || value > 0xff) return std::nullopt;
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

Status WrongKind(const Value& value, const DataType& type) {
  return Status::InvalidArgument("value " + value.ToString() +
                                 " does not fit a partition column of type " + type.ToString());
}

Result<std::optional<std::string>> SerializeDecimal(const Value& value, const DataType& type) {
  DecimalValue number;
  if (const auto* decimal = std::get_if<DecimalValue>(&value.rep())) {
    number = *decimal;
  } else if (const auto* whole = std::get_if<int64_t>(&value.rep())) {
    number.unscaled = *whole;
  } else {
    return WrongKind(value, type);
  }
  const auto scaled = RescaleDecimal(number, type.scale);
  const __int128 limit = Power10(type.precision);
  if (!scaled || scaled->unscaled >= limit || scaled->unscaled <= -limit)
    return WrongKind(value, type);
  return std::optional(FormatDecimal(*scaled));
}

Result<std::optional<std::string>> SerializeBinary(const std::string& bytes) {
  if (!IsValidUtf8(bytes) || DecodeEscapedBytes(bytes)) {
    return Status::Unsupported(
        "a binary partition value that is not UTF-8 text has no form that all Delta readers agree "
        "on; "
        "partition by its hex() instead");
  }
  return std::optional(bytes);
}

}  // namespace

std::optional<std::strong_ordering> CompareValues(const Value& a, const Value& b) {
  const Value::Rep& x = a.rep();
  const Value::Rep& y = b.rep();
  if (x.index() == y.index()) {
    if (const auto* text = std::get_if<std::string>(&x)) {
      const int order = text->compare(std::get<std::string>(y));  // as unsigned bytes
      return order < 0   ? std::strong_ordering::less
             : order > 0 ? std::strong_ordering::greater
                         : std::strong_ordering::equal;
    }
    if (const auto* flag = std::get_if<bool>(&x)) return *flag <=> std::get<bool>(y);
    if (const auto* date = std::get_if<DateValue>(&x))
      return date->days <=> std::get<DateValue>(y).days;
    if (const auto* time = std::get_if<TimestampValue>(&x)) {
      return time->micros <=> std::get<TimestampValue>(y).micros;
    }
  }
  return CompareNumbers(x, y);
}

std::string Value::ToString() const {
  struct Visitor {
    std::string operator()(std::monostate) const { return "NULL"; }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(int64_t n) const { return std::to_string(n); }
    std::string operator()(double d) const { return FormatDouble(d); }
    std::string operator()(const std::string& s) const { return "'" + s + "'"; }
    std::string operator()(const DecimalValue& d) const { return FormatDecimal(d); }
    std::string operator()(const DateValue& d) const { return FormatDate(d.days); }
    std::string operator()(const TimestampValue& t) const { return FormatTimestampUtc(t.micros); }
  };
  return std::visit(Visitor{}, rep_);
}

std::optional<int32_t> ParseDateText(std::string_view text) {
  int64_t days = 0;
  if (!EatDate(&text, &days) || !text.empty() || days < INT32_MIN || days > INT32_MAX) {
    return std::nullopt;
  }
  return static_cast<int32_t>(days);
}

std::optional<int64_t> ParseTimestampText(std::string_view text) {
  int64_t days = 0;
  int64_t time = 0;
  int64_t offset = 0;
  if (!EatDate(&text, &days)) return std::nullopt;
  if ((Eat(&text, 'T') || Eat(&text, ' ')) && !EatTimeOfDay(&text, &time)) return std::nullopt;
  if (!EatZone(&text, &offset)) return std::nullopt;
  int64_t micros = 0;
  if (__builtin_mul_overflow(days, kMicrosPerDay, &micros) ||
      __builtin_add_overflow(micros, time - offset, &micros)) {
    return std::nullopt;
  }
  return micros;
}

std::optional<DecimalValue> ParseDecimalText(std::string_view text) {
  const bool negative = Eat(&text, '-');
  if (!negative) Eat(&text, '+');
  __int128 unscaled = 0;
  int digits = 0;  // significant ones
  int64_t scale = 0;
  bool any = false;
  bool fraction = false;
  while (!text.empty()) {
    const char c = text.front();
    if (c == '.' && !fraction) {
      fraction = true;
    } else if (c >= '0' && c <= '9') {
      any = true;
      if (unscaled != 0 || c != '0') ++digits;
      if (digits > kMaxDigits) return std::nullopt;
      unscaled = unscaled * 10 + (c - '0');
      if (fraction) ++scale;
    } else {
      break;
    }
    text.remove_prefix(1);
  }
  if (!any) return std::nullopt;
  if (Eat(&text, 'e') || Eat(&text, 'E')) {
    const bool minus = Eat(&text, '-');
    if (!minus) Eat(&text, '+');
    int64_t exponent = 0;
    if (!EatInteger(&text, 4, &exponent)) return std::nullopt;
    scale += minus ? exponent : -exponent;
  }
  if (!text.empty()) return std::nullopt;
  if (negative) unscaled = -unscaled;
  if (unscaled == 0)
    return DecimalValue{0, static_cast<int>(std::clamp<int64_t>(scale, 0, kMaxDigits))};
  for (; scale > kMaxDigits && unscaled % 10 == 0; --scale) unscaled /= 10;
  for (; scale < 0; ++scale) {
    if (++digits > kMaxDigits) return std::nullopt;
    unscaled *= 10;
  }
  if (scale > kMaxDigits) return std::nullopt;
  return DecimalValue{unscaled, static_cast<int>(scale)};
}

std::optional<DecimalValue> RescaleDecimal(const DecimalValue& value, int scale) {
  DecimalValue out = value;
  const __int128 limit = Power10(kMaxDigits - 1);
  for (; out.scale < scale; ++out.scale) {
    if (out.unscaled >= limit || out.unscaled <= -limit) return std::nullopt;
    out.unscaled *= 10;
  }
  for (; out.scale > scale; --out.scale) {
    if (out.unscaled % 10 != 0) return std::nullopt;
    out.unscaled /= 10;
  }
  return out;
}

std::string FormatDecimal(const DecimalValue& value) {
  std::string digits;  // least significant first
  const bool negative = value.unscaled < 0;
  auto rest = static_cast<unsigned __int128>(value.unscaled);
  if (negative) rest = -rest;
  do {
    digits.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
    if (static_cast<int>(digits.size()) == value.scale) digits.push_back('.');
  } while (rest != 0 || static_cast<int>(digits.size()) <= value.scale);
  if (digits.back() == '.') digits.push_back('0');
  if (negative) digits.push_back('-');
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string FormatDouble(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  char out[40];
  const auto [end, error] = std::to_chars(out, out + sizeof out, value);
  std::string text(out, end);
  if (text.find_first_of(".eE") == std::string::npos) text += ".0";
  return text;
}

std::optional<double> ParseDoubleText(std::string_view text) {
  std::string_view digits = text;
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end != digits.data() + digits.size() || digits.empty()) return std::nullopt;
  if (error == std::errc()) return value;
  if (error == std::errc::result_out_of_range)
    return std::strtod(std::string(digits).c_str(), nullptr);
  return std::nullopt;
}

bool IsValidUtf8(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[i]);
    const size_t length = lead < 0x80         ? 1
                          : (lead >> 5) == 6  ? 2
                          : (lead >> 4) == 14 ? 3
                          : (lead >> 3) == 30 ? 4
                                              : 0;
    if (length == 0 || i + length > bytes.size()) return false;
    uint32_t code = length == 1 ? lead : lead & (0x7fu >> length);
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(bytes[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      code = code << 6 | (next & 0x3f);
    }
    static constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kLeast[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
      return false;
    i += length;
  }
  return true;
}

Result<Value> ParsePartitionValue(const std::optional<std::string>& text, const DataType& type) {
  if (!text || text->empty()) return Value();
  switch (type.kind) {
    case TypeKind::kString: return Value(*text);
    case TypeKind::kBinary: {
      auto bytes = DecodeEscapedBytes(*text);
      return Value(bytes ? std::move(*bytes) : *text);
    }
    case TypeKind::kByte:
    case TypeKind::kShort:
    case TypeKind::kInteger:
    case TypeKind::kLong: return ParseInteger(*text, type);
    case TypeKind::kFloat:
    case TypeKind::kDouble: {
      const auto number = ParseDoubleText(*text);
      if (!number) return BadValue(*text, type);
      return Value(type.kind == TypeKind::kFloat ? static_cast<double>(static_cast<float>(*number))
                                                 : *number);
    }
    case TypeKind::kDecimal: {
      const auto number = ParseDecimalText(*text);
      const auto scaled = number ? RescaleDecimal(*number, type.scale) : std::nullopt;
      if (!scaled) return BadValue(*text, type);
      return Value(*scaled);
    }
    case TypeKind::kBoolean:
      if (EqualsIgnoreCase(*text, "true")) return Value(true);
      if (EqualsIgnoreCase(*text, "false")) return Value(false);
      return BadValue(*text, type);
    case TypeKind::kDate: {
      const auto days = ParseDateText(*text);
      if (!days) return BadValue(*text, type);
      return Value(DateValue{*days});
    }
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz: {
      const auto micros = ParseTimestampText(*text);
      if (!micros) return BadValue(*text, type);
      return Value(TimestampValue{*micros});
    }
    case TypeKind::kVoid: return Value();
    default:
      return Status::Unsupported("a column of type " + type.ToString() +
                                 " cannot partition a table");
  }
}

Result<std::optional<std::string>> SerializePartitionValue(const Value& value,
                                                           const DataType& type) {
  if (value.is_null()) return std::optional<std::string>();
  const Value::Rep& rep = value.rep();
  int64_t low = 0;
  int64_t high = 0;
  if (IntegerRange(type.kind, &low, &high)) {
    const auto* number = std::get_if<int64_t>(&rep);
    if (number == nullptr || *number < low || *number > high) return WrongKind(value, type);
    return std::optional(std::to_string(*number));
  }
  const auto* text = std::get_if<std::string>(&rep);
  switch (type.kind) {
    case TypeKind::kString:
    case TypeKind::kBinary:
      if (text == nullptr) return WrongKind(value, type);
      if (text->empty()) return std::optional<std::string>();
      if (type.kind == TypeKind::kBinary) return SerializeBinary(*text);
      if (!IsValidUtf8(*text)) return WrongKind(Value(std::string("(not UTF-8)")), type);
      return std::optional(*text);
    case TypeKind::kFloat:
    case TypeKind::kDouble: {
      const auto* number = std::get_if<double>(&rep);
      if (number == nullptr) return WrongKind(value, type);
      if (type.kind == TypeKind::kDouble || !std::isfinite(*number)) {
        return std::optional(FormatDouble(*number));
      }
      char out[32];
      const auto end = std::to_chars(out, out + sizeof out, static_cast<float>(*number)).ptr;
      return std::optional(std::string(out, end));
    }
    case TypeKind::kDecimal: return SerializeDecimal(value, type);
    case TypeKind::kBoolean:
      if (const auto* flag = std::get_if<bool>(&rep))
        return std::optional<std::string>(*flag ? "true" : "false");
      return WrongKind(value, type);
    case TypeKind::kDate:
      if (const auto* date = std::get_if<DateValue>(&rep))
        return std::optional(FormatDate(date->days));
      return WrongKind(value, type);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz: {
      const auto* time = std::get_if<TimestampValue>(&rep);
      if (time == nullptr) return WrongKind(value, type);
      std::string out = FormatTimestampUtc(time->micros);
      if (type.kind == TypeKind::kTimestampNtz) {
        out.pop_back();
        out[out.find('T')] = ' ';
      }
      return std::optional(std::move(out));
    }
    default:
      return Status::Unsupported("a column of type " + type.ToString() +
                                 " cannot partition a table");
  }
}

}  // namespace tarn::delta
