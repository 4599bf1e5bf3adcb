// The format specification of Python's built-in types.
#include <algorithm>
#include <cmath>

#include "jinja/error.h"
#include "jinja/format_spec.h"
#include "jinja/iterate.h"
#include "jinja/methods.h"
#include "jinja/number.h"
#include "jinja/operations.h"
#include "jinja/session.h"
#include "jinja/text.h"

namespace tarn::jinja {

// Digits at s[*i]; -1 when there are none.
int64_t ReadFormatNumber(std::string_view s, size_t* i) {
  if (*i >= s.size() || !AsciiDigit(s[*i])) return -1;
  int64_t n = 0;
  while (*i < s.size() && AsciiDigit(s[*i]))
    n = std::min<int64_t>(n * 10 + (s[(*i)++] - '0'), kWidest + 1);
  return n;
}

static Result<FormatSpec> ParseSpec(std::string_view s) {
  FormatSpec spec;
  size_t i = 0;
  auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  if (!s.empty()) {
    size_t n = DecodeAt(s, 0).bytes;
    if (n < s.size() && is_align(s[n])) {
      spec.fill = s.substr(0, n);
      spec.align = s[n];
      i = n + 1;
    } else if (is_align(s[0])) {
      spec.align = s[0];
      i = 1;
    }
  }
  auto at = [&](size_t k) { return k < s.size() ? s[k] : '\0'; };
  if (at(i) == '+' || at(i) == '-' || at(i) == ' ') spec.sign = s[i++];
  if (at(i) == 'z') ++i;
  if (at(i) == '#') {
    spec.alternate = true;
    ++i;
  }
  if (at(i) == '0') {
    spec.zero = true;
    if (!spec.align) {
      spec.fill = "0";
      spec.align = '=';
    }
    ++i;
  }
  spec.width = std::max<int64_t>(0, ReadFormatNumber(s, &i));
  if (at(i) == ',' || at(i) == '_') spec.grouping = s[i++];
  if (at(i) == '.') {
    ++i;
    spec.precision = ReadFormatNumber(s, &i);
    if (spec.precision < 0) return ValueError("Format specifier missing precision");
  }
  if (i < s.size()) spec.type = s[i++];
  if (i < s.size()) return ValueError("Invalid format specifier");
  if (spec.width > kWidest || spec.precision > kWidest)
    return ValueError("Too many decimal digits in format string");
  return spec;
}

std::string PadField(const FormatSpec& spec, const std::string& sign, const std::string& body,
                     char fallback) {
  int64_t pad = spec.width - static_cast<int64_t>(CountCodePoints(sign) + CountCodePoints(body));
  if (pad <= 0) return sign + body;
  std::string fill;
  auto times = [&](int64_t n) {
    std::string out;
    for (int64_t k = 0; k < n; ++k) out += spec.fill;
    return out;
  };
  switch (spec.align ? spec.align : fallback) {
    case '<': return sign + body + times(pad);
    case '^': return times(pad / 2) + sign + body + times(pad - pad / 2);
    case '=': return sign + times(pad) + body;
    default: return times(pad) + sign + body;
  }
}

static std::string Grouped(std::string_view digits, char separator, size_t each) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i && (digits.size() - i) % each == 0) out += separator;
    out += digits[i];
  }
  return out;
}

// Groups the whole part; with zero padding the padding is grouped too.
static std::string GroupNumber(const FormatSpec& spec, std::string_view whole,
                               std::string_view rest, size_t sign_width) {
  size_t each =
      spec.type == 'x' || spec.type == 'X' || spec.type == 'o' || spec.type == 'b' ? 4 : 3;
  std::string digits(whole);
  if (spec.fill == "0" && spec.align == '=') {
    while (static_cast<int64_t>(Grouped(digits, spec.grouping, each).size() + rest.size() +
                                sign_width) < spec.width) {
      std::string longer = "0" + digits;
      if (static_cast<int64_t>(Grouped(longer, spec.grouping, each).size() + rest.size() +
                               sign_width) > spec.width + 1) {
        break;
      }
      digits = longer;
    }
  }
  return Grouped(digits, spec.grouping, each) + std::string(rest);
}

static std::string SignOf(const FormatSpec& spec, bool negative) {
  if (negative) return "-";
  return spec.sign == '-' ? "" : std::string(1, spec.sign);
}

static Status UnknownCode(const FormatSpec& spec, const Value& v) {
  return ValueError(std::string("Unknown format code '") + spec.type + "' for object of type '" +
                    std::string(v.TypeName()) + "'");
}

Result<std::string> FormatInteger(const FormatSpec& spec, const Value& v) {
  if (spec.precision >= 0) return ValueError("Precision not allowed in integer format specifier");
  if (spec.type == 'c') {
    std::string out;
    if (v.kind() == Kind::kBigInt || v.as_int() < 0 || v.as_int() > 0x10FFFF) {
      return MakeError("OverflowError", "%c arg not in range(0x110000)");
    }
    AppendUtf8(out, static_cast<char32_t>(v.as_int()));
    return PadField(spec, "", out, '<');
  }
  int base = spec.type == 'x' || spec.type == 'X' ? 16
             : spec.type == 'o'                   ? 8
             : spec.type == 'b'                   ? 2
                                                  : 10;
  std::string digits = IntegerText(v.is_bool() ? Value(v.as_int()) : v, base);
  bool negative = digits[0] == '-';
  if (negative) digits.erase(0, 1);
  std::string prefix = SignOf(spec, negative);
  if (spec.alternate && base != 10) prefix += std::string("0") + spec.type;
  if (spec.type == 'X') digits = ToUpper(digits);
  if (spec.grouping) digits = GroupNumber(spec, digits, "", prefix.size());
  return PadField(spec, prefix, digits, '>');
}

// "1.50e+05" as Python writes it, from a finite positive number.
static std::string FloatDigits(const FormatSpec& spec, double d, char type, int64_t precision) {
  int p = static_cast<int>(std::min<int64_t>(precision, 100'000));
  std::string out = FormatDouble(d, static_cast<char>(type | 0x20), p);
  if (spec.alternate && (type == 'g' || type == 'G')) {
    char format[] = "%#.*g";
    char buffer[512];
    std::snprintf(buffer, sizeof buffer, format, std::min(p, 400), d);
    out = buffer;
  } else if (spec.alternate && p == 0 && out.find('.') == std::string::npos) {
    size_t e = out.find('e');
    out.insert(e == std::string::npos ? out.size() : e, ".");
  }
  return type >= 'A' && type <= 'Z' ? ToUpper(out) : out;
}

Result<std::string> FormatFloat(const FormatSpec& spec, const Value& v) {
  TARN_ASSIGN_OR_RETURN(double d, ToDouble(v));
  bool negative = std::signbit(d) && !std::isnan(d);
  std::string body;
  double magnitude = std::fabs(d);
  char type = spec.type;
  if (!std::isfinite(d)) {
    body = std::isnan(d) ? "nan" : "inf";
    if (type >= 'A' && type <= 'Z') body = ToUpper(body);
    if (type == '%') body += '%';
  } else if (type == '%') {
    body = FloatDigits(spec, magnitude * 100, 'f', spec.precision < 0 ? 6 : spec.precision) + "%";
  } else if (type == 0 && spec.precision < 0) {
    body = FloatRepr(magnitude);
  } else if (type == 0) {
    body = FloatDigits(spec, magnitude, 'g', std::max<int64_t>(1, spec.precision));
    if (body.find_first_of(".e") == std::string::npos) {
      // As 'g', but with at least one digit behind the point, and never as long as the precision
      // allows.
      if (static_cast<int64_t>(body.size()) >= std::max<int64_t>(1, spec.precision)) {
        body = FormatDouble(magnitude, 'e',
                            static_cast<int>(std::max<int64_t>(1, spec.precision)) - 1);
        size_t e = body.find('e');
        std::string mantissa = body.substr(0, e);
        if (mantissa.find('.') != std::string::npos) {
          mantissa.erase(mantissa.find_last_not_of('0') + 1);
          if (mantissa.back() == '.') mantissa.pop_back();
        }
        body = mantissa + body.substr(e);
      } else {
        body += ".0";
      }
    }
  } else {
    int64_t precision = spec.precision < 0 ? 6 : spec.precision;
    if (type == 'n') type = 'g';
    if ((type == 'g' || type == 'G') && precision == 0) precision = 1;
    body = FloatDigits(spec, magnitude, type, precision);
  }
  std::string sign = SignOf(spec, negative);
  if (spec.grouping) {
    size_t end = 0;
    while (end < body.size() && AsciiDigit(body[end])) ++end;
    body = GroupNumber(spec, std::string_view(body).substr(0, end),
                       std::string_view(body).substr(end), sign.size());
  }
  return PadField(spec, sign, body, '>');
}

static Result<std::string> FormatText(const FormatSpec& spec, std::string_view s, const Value& v) {
  if (spec.type != 0 && spec.type != 's') return UnknownCode(spec, v);
  if (spec.grouping) {
    return ValueError(std::string("Cannot specify '") + spec.grouping + "' with 's'.");
  }
  if (spec.sign != '-') return ValueError("Sign not allowed in string format specifier");
  if (spec.align == '=' && !spec.zero)
    return ValueError("'=' alignment not allowed in string format specifier");
  FormatSpec adjusted = spec;
  if (spec.align == '=') adjusted.align = '<';
  if (spec.precision >= 0) s = s.substr(0, ByteOffset(s, static_cast<size_t>(spec.precision)));
  return PadField(adjusted, "", std::string(s), '<');
}

Result<std::string> FormatWithSpec(const Value& v, std::string_view text) {
  if (v.is_object() && !text.empty()) {
    // Dates format by strftime; what they offer is a method of that name.
    TARN_ASSIGN_OR_RETURN(auto formatted, v.object().Arithmetic("format", Value(text), false));
    if (formatted) return formatted->Str();
  }
  if (text.empty() && v.is_undefined() && v.undefined_mode() == UndefinedMode::kStrict) {
    return UndefinedError(v.undefined_message());
  }
  if (text.empty()) return v.Str();
  TARN_ASSIGN_OR_RETURN(FormatSpec spec, ParseSpec(text));
  if (v.is_bool() && (spec.type == 0 || spec.type == 's')) {
    return spec.type == 's' ? Result<std::string>(UnknownCode(spec, v)) : FormatInteger(spec, v);
  }
  if (v.is_integral()) {
    static constexpr std::string_view kInteger = "bcdoxXn", kReal = "eEfFgG%";
    if (spec.type == 0 || kInteger.find(spec.type) != std::string_view::npos)
      return FormatInteger(spec, v);
    if (kReal.find(spec.type) != std::string_view::npos) return FormatFloat(spec, v);
    return UnknownCode(spec, v);
  }
  if (v.kind() == Kind::kFloat) {
    if (spec.type == 0 || std::string_view("eEfFgGn%").find(spec.type) != std::string_view::npos) {
      return FormatFloat(spec, v);
    }
    return UnknownCode(spec, v);
  }
  if (v.is_string()) return FormatText(spec, v.str(), v);
  return TypeError("unsupported format string passed to " + std::string(v.TypeName()) +
                   ".__format__");
}

}  // namespace tarn::jinja
