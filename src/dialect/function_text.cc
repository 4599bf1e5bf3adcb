#include "dialect/function_text.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "duckdb/common/types/date.hpp"
#include "duckdb/common/types/decimal.hpp"
#include "duckdb/common/types/hugeint.hpp"

namespace tarn::dialect {

using namespace duckdb;

std::string_view TrimAll(std::string_view text) {
  auto blank = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<int64_t> ParseIntegral(std::string_view text) {
  text = TrimAll(text);
  if (!text.empty() && text[0] == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text[0] == '-') return std::nullopt;
  }
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

namespace {

template <class T>
std::optional<T> ParseReal(std::string_view text) {
  text = TrimAll(text);
  std::string lower(text);
  for (auto& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool negative = !lower.empty() && lower[0] == '-';
  std::string_view body = lower;
  if (!body.empty() && (body[0] == '-' || body[0] == '+')) body.remove_prefix(1);
  const T infinity = std::numeric_limits<T>::infinity();
  if (body == "infinity" || body == "inf") return negative ? -infinity : infinity;
  if (lower == "nan") return std::numeric_limits<T>::quiet_NaN();
  // Java takes a type suffix.
  if (!body.empty() && (body.back() == 'd' || body.back() == 'f')) body.remove_suffix(1);
  if (body.empty() || !(std::isdigit(static_cast<unsigned char>(body[0])) || body[0] == '.')) {
    return std::nullopt;
  }
  T value = 0;
  auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), value);
  if (end != body.data() + body.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    value = static_cast<T>(std::strtod(std::string(body).c_str(), nullptr));
  } else if (error != std::errc()) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

}  // namespace

std::optional<double> ParseDouble(std::string_view text) { return ParseReal<double>(text); }
std::optional<float> ParseFloat(std::string_view text) { return ParseReal<float>(text); }

std::optional<bool> ParseBoolean(std::string_view text) {
  std::string lower(TrimAll(text));
  for (auto& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower == "t" || lower == "true" || lower == "y" || lower == "yes" || lower == "1")
    return true;
  if (lower == "f" || lower == "false" || lower == "n" || lower == "no" || lower == "0")
    return false;
  return std::nullopt;
}

std::optional<ParsedDecimal> ParseDecimal(std::string_view text, int precision, int scale) {
  text = TrimAll(text);
  bool negative = false;
  size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) negative = text[at++] == '-';
  std::string digits;
  int64_t exponent = 0;
  bool point = false;
  bool any = false;
  for (; at < text.size(); at++) {
    const char c = text[at];
    if (c >= '0' && c <= '9') {
      any = true;
      digits += c;
      exponent -= point;
    } else if (c == '.' && !point) {
      point = true;
    } else if ((c == 'e' || c == 'E') && any) {
      auto rest = text.substr(at + 1);
      if (!rest.empty() && rest[0] == '+') rest.remove_prefix(1);
      int64_t shift = 0;
      auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), shift);
      if (error != std::errc() || end != rest.data() + rest.size()) return std::nullopt;
      exponent += shift;
      at = text.size();
    } else {
      return std::nullopt;
    }
  }
  if (!any) return std::nullopt;
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  ParsedDecimal result;
  result.value = hugeint_t(0);
  if (digits.empty()) return result;
  // Bring to `scale`: value = digits * 10^(exponent + scale).
  const int64_t shift = exponent + scale;
  bool up = false;
  if (shift < 0) {
    const auto drop = static_cast<size_t>(std::min<int64_t>(-shift, 10000));
    if (drop > digits.size()) {
      digits.clear();
    } else {
      up = digits[digits.size() - drop] >= '5';
      digits.resize(digits.size() - drop);
    }
  } else {
    if (static_cast<int64_t>(digits.size()) + shift > 60) {
      result.overflow = true;
      return result;
    }
    digits.append(static_cast<size_t>(shift), '0');
  }
  if (digits.size() > 38) {
    result.overflow = true;
    return result;
  }
  hugeint_t value(0);
  for (char c : digits) value = value * hugeint_t(10) + hugeint_t(c - '0');
  if (up) value += hugeint_t(1);
  if (value >= Hugeint::POWERS_OF_TEN[precision]) {
    result.overflow = true;
    return result;
  }
  result.value = negative ? -value : value;
  return result;
}

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - ((a % b != 0) && ((a < 0) != (b < 0))); }

CivilDate CivilOf(int64_t days) {
  days += 719468;
  const int64_t era = FloorDiv(days, 146097);
  const int64_t doe = days - era * 146097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  const auto day = static_cast<int32_t>(doy - (153 * mp + 2) / 5 + 1);
  const auto month = static_cast<int32_t>(mp < 10 ? mp + 3 : mp - 9);
  return {static_cast<int32_t>(yoe + era * 400 + (month <= 2)), month, day};
}

int DaysInMonth(int32_t year, int32_t month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

std::optional<int32_t> DaysOf(int64_t year, int month, int day) {
  if (year < -290307 || year > 294247 || month < 1 || month > 12 || day < 1) return std::nullopt;
  if (day > DaysInMonth(static_cast<int32_t>(year), month)) return std::nullopt;
  const int64_t y = year - (month <= 2);
  const int64_t era = FloorDiv(y, 400);
  const int64_t yoe = y - era * 400;
  const int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return static_cast<int32_t>(era * 146097 + doe - 719468);
}

namespace {

// Reads [least, most] digits; false when there are fewer or more.
bool ReadDigits(std::string_view text, size_t& at, int least, int most, int64_t& value) {
  const size_t start = at;
  value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9' &&
         static_cast<int>(at - start) < most + 1) {
    value = value * 10 + (text[at++] - '0');
  }
  const int count = static_cast<int>(at - start);
  return count >= least && count <= most;
}

struct DatePart {
  int64_t year = 0, month = 1, day = 1;
  bool complete = false;
};

// yyyy[-m[-d]], sign allowed; leaves `at` behind it.
bool ReadDatePart(std::string_view text, size_t& at, DatePart& date) {
  int64_t sign = 1;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) sign = text[at++] == '-' ? -1 : 1;
  if (!ReadDigits(text, at, 4, 7, date.year)) return false;
  date.year *= sign;
  if (at == text.size()) return true;
  if (text[at] != '-') return false;
  at++;
  if (!ReadDigits(text, at, 1, 2, date.month)) return false;
  if (at == text.size()) return true;
  if (text[at] != '-') return false;
  at++;
  date.complete = true;
  return ReadDigits(text, at, 1, 2, date.day);
}

// h[:m[:s[.fraction]]]; leaves `at` behind it.
bool ReadTimePart(std::string_view text, size_t& at, int64_t& micros) {
  int64_t hour = 0, minute = 0, second = 0, fraction = 0;
  if (!ReadDigits(text, at, 1, 2, hour)) return false;
  if (at < text.size() && text[at] == ':') {
    at++;
    if (!ReadDigits(text, at, 1, 2, minute)) return false;
    if (at < text.size() && text[at] == ':') {
      at++;
      if (!ReadDigits(text, at, 1, 2, second)) return false;
      if (at < text.size() && text[at] == '.') {
        at++;
        int digits = 0;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; at++, digits++) {
          if (digits < 6) fraction = fraction * 10 + (text[at] - '0');
        }
        for (; digits < 6; digits++) fraction *= 10;
      }
    }
  }
  if (hour > 23 || minute > 59 || second > 59) return false;
  micros = ((hour * 60 + minute) * 60 + second) * kMicrosPerSecond + fraction;
  return true;
}

}  // namespace

std::optional<int32_t> ParseDate(std::string_view text) {
  text = TrimAll(text);
  size_t at = 0;
  DatePart date;
  if (!ReadDatePart(text, at, date)) return std::nullopt;
  // Whatever follows a complete date after a blank or T is not looked at.
  if (at < text.size() && !(date.complete && (text[at] == ' ' || text[at] == 'T')))
    return std::nullopt;
  return DaysOf(date.year, static_cast<int>(date.month), static_cast<int>(date.day));
}

std::optional<ParsedTimestamp> ParseTimestamp(std::string_view text) {
  text = TrimAll(text);
  size_t at = 0;
  DatePart date;
  if (!ReadDatePart(text, at, date)) return std::nullopt;
  auto days = DaysOf(date.year, static_cast<int>(date.month), static_cast<int>(date.day));
  if (!days) return std::nullopt;
  ParsedTimestamp result;
  result.local = *days * kMicrosPerDay;
  if (at == text.size()) return result;
  if (!date.complete || (text[at] != ' ' && text[at] != 'T')) return std::nullopt;
  at++;
  int64_t micros = 0;
  if (!ReadTimePart(text, at, micros)) return std::nullopt;
  result.local += micros;
  result.zone = std::string(TrimAll(text.substr(at)));
  return result;
}

namespace {

// Java prints plain digits for 10^-3 <= |x| < 10^7 and d.dddE±x otherwise, both with the fewest
// digits that read back as the same number.
template <class T>
std::string RealText(T value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
  char buffer[64];
  auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  std::string result;
  if (text[0] == '-') {
    result = "-";
    text.remove_prefix(1);
  }
  const auto e = text.find('e');
  std::string digits(1, text[0]);
  if (e > 1) digits += text.substr(2, e - 2);
  int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  if constexpr (std::is_same_v<T, double>) {
    // The smallest numbers have fewer digits in C++; Java always shows two.
    if (digits == "5" && exponent == -324) digits = "49";
  }
  if (exponent >= -3 && exponent < 7) {
    if (exponent < 0)
      return result + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
    const auto whole = static_cast<size_t>(exponent) + 1;
    if (digits.size() < whole) digits.append(whole - digits.size(), '0');
    const auto fraction = digits.substr(whole);
    return result + digits.substr(0, whole) + "." + (fraction.empty() ? "0" : fraction);
  }
  const auto fraction = digits.substr(1);
  return result + digits[0] + "." + (fraction.empty() ? "0" : fraction) + "E" +
         std::to_string(exponent);
}

std::string Padded(int64_t value, size_t width) {
  auto text = std::to_string(value);
  return text.size() >= width ? text : std::string(width - text.size(), '0') + text;
}

}  // namespace

std::string DoubleText(double value) { return RealText(value); }
std::string FloatText(float value) { return RealText(value); }

std::string DecimalText(hugeint_t digits, int scale) {
  const bool negative = digits < hugeint_t(0);
  auto text = Hugeint::ToString(negative ? -digits : digits);
  if (scale > 0) {
    const auto behind = static_cast<size_t>(scale);
    if (text.size() <= behind) text.insert(0, behind + 1 - text.size(), '0');
    text.insert(text.size() - behind, ".");
  }
  return negative ? "-" + text : text;
}

std::string DateText(int64_t days) {
  const auto civil = CivilOf(days);
  std::string year = Padded(std::abs(civil.year), 4);
  if (civil.year < 0) year = "-" + year;
  if (civil.year > 9999) year = "+" + year;
  return year + "-" + Padded(civil.month, 2) + "-" + Padded(civil.day, 2);
}

std::string TimestampText(int64_t local) {
  const int64_t days = FloorDiv(local, kMicrosPerDay);
  const int64_t time = local - days * kMicrosPerDay;
  const int64_t seconds = time / kMicrosPerSecond;
  std::string text = DateText(days) + " " + Padded(seconds / 3600, 2) + ":" +
                     Padded(seconds / 60 % 60, 2) + ":" + Padded(seconds % 60, 2);
  if (const int64_t fraction = time % kMicrosPerSecond) {
    auto digits = Padded(fraction, 6);
    digits.resize(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text;
}

std::string IntervalText(const interval_t& interval) {
  if (interval.months != 0 && interval.days == 0 && interval.micros == 0) {
    const auto months = std::abs(static_cast<int64_t>(interval.months));
    return std::string("INTERVAL '") + (interval.months < 0 ? "-" : "") +
           std::to_string(months / 12) + "-" + std::to_string(months % 12) + "' YEAR TO MONTH";
  }
  if (interval.months == 0 && interval.micros == 0) {
    return "INTERVAL '" + std::to_string(interval.days) + "' DAY";
  }
  const int64_t total = interval.days * kMicrosPerDay + interval.micros;
  const auto micros = static_cast<int64_t>(std::llabs(total));
  const int64_t seconds = micros / kMicrosPerSecond;
  std::string text = std::string("INTERVAL '") + (total < 0 ? "-" : "") +
                     std::to_string(seconds / 86400) + " " + Padded(seconds / 3600 % 24, 2) + ":" +
                     Padded(seconds / 60 % 60, 2) + ":" + Padded(seconds % 60, 2);
  if (const int64_t fraction = micros % kMicrosPerSecond) {
    auto digits = Padded(fraction, 6);
    digits.resize(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text + "' DAY TO SECOND";
}

std::string ValueText(const Value& value, const Zone& zone) {
  if (value.IsNull()) return "null";
  switch (value.type().id()) {
    case LogicalTypeId::FLOAT: return FloatText(FloatValue::Get(value));
    case LogicalTypeId::DOUBLE: return DoubleText(DoubleValue::Get(value));
    case LogicalTypeId::DECIMAL:
      return DecimalText(IntegralValue::Get(value), DecimalType::GetScale(value.type()));
    case LogicalTypeId::DATE: return DateText(DateValue::Get(value).days);
    case LogicalTypeId::TIMESTAMP: return TimestampText(TimestampValue::Get(value).value);
    case LogicalTypeId::TIMESTAMP_TZ:
      return TimestampText(zone.ToLocal(value.GetValueUnsafe<int64_t>()));
    case LogicalTypeId::INTERVAL: return IntervalText(IntervalValue::Get(value));
    case LogicalTypeId::VARCHAR:
    case LogicalTypeId::BLOB: return StringValue::Get(value);
    case LogicalTypeId::LIST: {
      std::string text = "[";
      for (auto& child : ListValue::GetChildren(value)) {
        if (text.size() > 1) text += ", ";
        text += ValueText(child, zone);
      }
      return text + "]";
    }
    case LogicalTypeId::MAP: {
      std::string text = "{";
      for (auto& entry : MapValue::GetChildren(value)) {
        auto& pair = StructValue::GetChildren(entry);
        if (text.size() > 1) text += ", ";
        text += ValueText(pair[0], zone) + " -> " + ValueText(pair[1], zone);
      }
      return text + "}";
    }
    case LogicalTypeId::STRUCT: {
      std::string text = "{";
      for (auto& child : StructValue::GetChildren(value)) {
        if (text.size() > 1) text += ", ";
        text += ValueText(child, zone);
      }
      return text + "}";
    }
    default: return value.ToString();
  }
}

}  // namespace tarn::dialect
