// Encodings, number and string formatting, phonetics, URLs: strings from values and back.
#include <algorithm>
#include <cmath>

#include "dialect/function_families.h"
#include "dialect/function_format.h"
#include "dialect/function_text.h"
#include "dialect/function_types.h"
#include "dialect/function_utf8.h"

namespace tarn::dialect {

using namespace duckdb;

namespace {

const LogicalType kText = LogicalType::VARCHAR;
const LogicalType kInt = LogicalType::INTEGER;
const LogicalType kBytes = LogicalType::BLOB;

std::string Grouped(std::string digits) {
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

// A decimal text rounded half even to `places`, which is what java.text.DecimalFormat does.
std::string RoundedHalfEven(std::string text, int places) {
  const auto point = text.find('.');
  std::string whole = text.substr(0, point);
  std::string fraction = point == std::string::npos ? "" : text.substr(point + 1);
  const auto keep = static_cast<size_t>(places);
  bool up = false;
  if (fraction.size() > keep) {
    const auto rest = fraction.substr(keep);
    const std::string all = whole + fraction.substr(0, keep);
    const bool odd = (all.back() - '0') % 2 == 1;
    const bool tie = rest[0] == '5' && rest.find_first_not_of('0', 1) == std::string::npos;
    up = rest[0] > '5' || (rest[0] == '5' && (!tie || odd));
    fraction.resize(keep);
  }
  fraction.resize(keep, '0');
  std::string digits = whole + fraction;
  for (size_t at = digits.size(); up && at > 0; at--) {
    up = digits[at - 1] == '9';
    digits[at - 1] = up ? '0' : static_cast<char>(digits[at - 1] + 1);
  }
  if (up) digits.insert(0, "1");
  return digits.substr(0, digits.size() - keep) +
         (keep ? "." + digits.substr(digits.size() - keep) : "");
}

std::string FormatNumber(std::string text, int least_places, int most_places, bool grouping) {
  if (text == "NaN") return "NaN";
  bool negative = text[0] == '-';
  if (negative) text.erase(0, 1);
  if (text == "Infinity") return negative ? "-∞" : "∞";
  text = RoundedHalfEven(std::move(text), most_places);
  const auto point = text.find('.');
  std::string whole = text.substr(0, point);
  std::string fraction = point == std::string::npos ? "" : text.substr(point + 1);
  while (static_cast<int>(fraction.size()) > least_places && fraction.back() == '0')
    fraction.pop_back();
  if (grouping) whole = Grouped(whole);
  return (negative ? "-" : "") + whole + (fraction.empty() ? "" : "." + fraction);
}

// A number as plain decimal digits.
Expr PlainDigits(FunctionCall& call, Expr value) {
  if (!IsFloating(value->return_type)) return call.Text(std::move(value));
  Exprs args;
  args.push_back(call.Plain(std::move(value), LogicalType::DOUBLE));
  return Native("plain_digits", kText, EachRow([](RowIn& in, RowOut& out) {
                  const double number = in.Get<double>(0);
                  if (!std::isfinite(number)) return out.Text(DoubleText(number));
                  char buffer[400];
                  // Enough digits to see a tie exactly.
                  std::snprintf(buffer, sizeof(buffer), "%.30f", number);
                  out.Text(buffer);
                }),
                std::move(args));
}

Expr BindFormatNumber(FunctionCall& call) {
  Exprs args;
  if (call.IsNull(0)) call.arguments[0] = call.Cast(call.Take(0), LogicalType::DOUBLE);
  if (!IsNumeric(call.Type(0))) call.Refuse("takes a number, not " + SparkTypeName(call.Type(0)));
  args.push_back(PlainDigits(call, call.Take(0)));
  if (IsText(call.Type(1))) {
    args.push_back(call.Take(1));
    return Native("format_number_pattern", kText, EachRow([](RowIn& in, RowOut& out) {
                    const auto pattern = in.Text(1);
                    const auto point = pattern.find('.');
                    int least = 0, most = 0;
                    if (point != std::string_view::npos) {
                      for (char c : pattern.substr(point + 1)) {
                        most += c == '#' || c == '0';
                        least += c == '0';
                      }
                    }
                    const bool grouping = pattern.find(',') != std::string_view::npos;
                    out.Text(FormatNumber(std::string(in.Text(0)), least, most, grouping));
                  }),
                  std::move(args));
  }
  args.push_back(call.Cast(call.Take(1), kInt));
  return Native("format_number", kText, EachRow([](RowIn& in, RowOut& out) {
                  const auto places = in.Get<int32_t>(1);
                  if (places < 0) return out.Null();
                  out.Text(FormatNumber(std::string(in.Text(0)), places, places, true));
                }),
                std::move(args));
}

// java.util.Formatter for the conversions people use.
std::string FormatOne(const std::string& flags, int width, int precision, char conversion,
                      const Value& value) {
  auto has = [&](char f) { return flags.find(f) != std::string::npos; };
  std::string text;
  const char lower = static_cast<char>(std::tolower(conversion));
  if (lower == 's' || lower == 'b') {
    if (lower == 'b') {
      const bool is_boolean = !value.IsNull() && value.type().id() == LogicalTypeId::BOOLEAN;
      text = value.IsNull() ? "false"
             : is_boolean   ? (BooleanValue::Get(value) ? "true" : "false")
                            : "true";
    } else {
      text = ValueText(value, Zone("UTC", {{INT64_MIN, 0}}));
    }
    if (precision >= 0) text = std::string(Slice(text, 0, precision));
  } else if (value.IsNull()) {
    text = "null";
  } else if (lower == 'd') {
    if (!IsIntegral(value.type()))
      throw InvalidInputException("format_string: %%d needs a whole number");
    text = value.ToString();
    const bool negative = text[0] == '-';
    if (negative) text.erase(0, 1);
    if (has(',')) text = Grouped(text);
    const std::string sign = negative ? "-" : has('+') ? "+" : has(' ') ? " " : "";
    if (has('0') && static_cast<int>(text.size() + sign.size()) < width) {
      text.insert(0, static_cast<size_t>(width) - text.size() - sign.size(), '0');
    }
    text = sign + text;
  } else if (lower == 'x' || lower == 'o') {
    char buffer[64];
    const auto number = value.GetValue<int64_t>();
    const bool is_long = value.type().id() == LogicalTypeId::BIGINT;
    const auto bits = is_long ? static_cast<uint64_t>(number) : static_cast<uint32_t>(number);
    std::snprintf(buffer, sizeof(buffer), lower == 'x' ? "%llx" : "%llo",
                  static_cast<unsigned long long>(bits));
    text = buffer;
    if (has('0') && static_cast<int>(text.size()) < width) {
      text.insert(0, static_cast<size_t>(width) - text.size(), '0');
    }
  } else if (lower == 'f' || lower == 'e' || lower == 'g') {
    if (!IsFloating(value.type()) && !IsDecimal(value.type())) {
      throw InvalidInputException("format_string: %%%s needs a fractional number",
                                  std::string(1, conversion));
    }
    char buffer[400];
    const std::string spec = std::string("%.*") + lower;
    std::snprintf(buffer, sizeof(buffer), spec.c_str(), precision < 0 ? 6 : precision,
                  std::fabs(value.GetValue<double>()));
    text = buffer;
    if (lower == 'f' && has(',')) {
      const auto point = text.find('.');
      text =
          Grouped(text.substr(0, point)) + (point == std::string::npos ? "" : text.substr(point));
    }
    const std::string sign = std::signbit(value.GetValue<double>()) ? "-" : has('+') ? "+" : "";
    if (has('0') && static_cast<int>(text.size() + sign.size()) < width) {
      text.insert(0, static_cast<size_t>(width) - text.size() - sign.size(), '0');
    }
    text = sign + text;
  } else if (lower == 'c') {
    if (!IsIntegral(value.type()))
      throw InvalidInputException("format_string: %%c needs a code point");
    AppendCodePoint(text, static_cast<uint32_t>(value.GetValue<int64_t>()));
  } else {
    throw InvalidInputException("format_string: the conversion %%%s is not supported",
                                std::string(1, conversion));
  }
  if (std::isupper(static_cast<unsigned char>(conversion))) text = StringUtil::Upper(text);
  const int missing = width - static_cast<int>(CharCount(text));
  if (missing > 0) {
    const std::string blanks(static_cast<size_t>(missing), ' ');
    text = has('-') ? text + blanks : blanks + text;
  }
  return text;
}

void FormatString(RowIn& in, RowOut& out) {
  if (in.IsNull(0)) return out.Null();
  const auto format = in.Text(0);
  std::string result;
  idx_t next = 1;
  for (size_t at = 0; at < format.size(); at++) {
    if (format[at] != '%') {
      result += format[at];
      continue;
    }
    std::string flags;
    int width = 0, precision = -1;
    auto number = [&] {
      int value = 0;
      while (at + 1 < format.size() && std::isdigit(static_cast<unsigned char>(format[at + 1]))) {
        value = std::min(value * 10 + (format[++at] - '0'), 100000);
      }
      return value;
    };
    const size_t start = at;
    idx_t position = 0;
    if (const int index = number(); index > 0 && at + 1 < format.size() && format[at + 1] == '$') {
      position = static_cast<idx_t>(index);
      at++;
    } else {
      at = start;
    }
    while (at + 1 < format.size() &&
           std::string_view("-#+ 0,(").find(format[at + 1]) != std::string_view::npos) {
      flags += format[++at];
    }
    width = number();
    if (at + 1 < format.size() && format[at + 1] == '.') {
      at++;
      precision = number();
    }
    if (++at >= format.size())
      throw InvalidInputException("format_string: the format ends inside a %%");
    if (format[at] == '%' || format[at] == 'n') {
      result += format[at] == 'n' ? '\n' : '%';
      continue;
    }
    const idx_t argument = position ? position : next++;
    if (argument >= in.Columns())
      throw InvalidInputException("format_string: the format needs more arguments");
    result += FormatOne(flags, width, precision, format[at], in.Boxed(argument));
  }
  out.Text(result);
}

Expr BindFormatString(FunctionCall& call) {
  Exprs args;
  args.push_back(call.Text(call.Take(0)));
  for (idx_t i = 1; i < call.Count(); i++) args.push_back(call.Take(i));
  return Native("format_string", kText, EachRow(FormatString, true), std::move(args), true);
}

void HexBytes(RowIn& in, RowOut& out) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string result;
  for (unsigned char c : in.Text(0)) {
    result += kDigits[c >> 4];
    result += kDigits[c & 15];
  }
  out.Text(result);
}

Expr BindHex(FunctionCall& call) {
  if (IsNumeric(call.Type(0)))
    return call.Sql("upper(to_hex($1))", call.Cast(call.Take(0), LogicalType::BIGINT));
  Exprs args;
  args.push_back(call.Id(0) == LogicalTypeId::BLOB ? call.Take(0) : call.Text(call.Take(0)));
  return Native("hex", kText, EachRow(HexBytes), std::move(args));
}

void Unhex(RowIn& in, RowOut& out) {
  std::string digits(in.Text(0));
  if (digits.size() % 2 == 1) digits.insert(0, "0");
  std::string result;
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int high =
        StringUtil::CharacterIsHex(digits[i]) ? StringUtil::GetHexValue(digits[i]) : -1;
    const int low =
        StringUtil::CharacterIsHex(digits[i + 1]) ? StringUtil::GetHexValue(digits[i + 1]) : -1;
    if (high < 0 || low < 0) return out.Null();
    result += static_cast<char>(high * 16 + low);
  }
  out.Text(result);
}

Expr Bytes(FunctionCall& call, idx_t i) {
  return call.Id(i) == LogicalTypeId::BLOB ? call.Take(i)
                                           : call.Call("encode", call.Text(call.Take(i)));
}

std::string CharsetName(std::string_view name) {
  auto upper = StringUtil::Upper(std::string(name));
  for (auto known : {"UTF-8", "US-ASCII", "ISO-8859-1", "UTF-16BE", "UTF-16LE", "UTF-16"}) {
    if (upper == known) return upper;
  }
  throw InvalidInputException(
      "INVALID_PARAMETER_VALUE.CHARSET: '%s' is not one of UTF-8, US-ASCII, ISO-8859-1, "
      "UTF-16, UTF-16BE, UTF-16LE",
      std::string(name));
}

void Encode(RowIn& in, RowOut& out) {
  const auto charset = CharsetName(in.Text(1));
  if (charset == "UTF-8") return out.Text(in.Text(0));
  std::string result = charset == "UTF-16" ? "\xFE\xFF" : "";
  const bool little = charset == "UTF-16LE";
  auto unit = [&](uint32_t code) {
    const char high = static_cast<char>(code >> 8), low = static_cast<char>(code);
    result += little ? low : high;
    result += little ? high : low;
  };
  for (auto character : Characters(in.Text(0))) {
    const auto code = CodePoint(character);
    if (charset == "US-ASCII" || charset == "ISO-8859-1") {
      if (code >= (charset == "US-ASCII" ? 0x80U : 0x100U)) {
        throw InvalidInputException("MALFORMED_CHARACTER_CODING: encode: '%s' is not in %s",
                                    std::string(character), charset);
      }
      result += static_cast<char>(code);
    } else if (code >= 0x10000) {
      unit(0xD800 + ((code - 0x10000) >> 10));
      unit(0xDC00 + ((code - 0x10000) & 0x3FF));
    } else {
      unit(code);
    }
  }
  out.Text(result);
}

void Decode(RowIn& in, RowOut& out) {
  const auto charset = CharsetName(in.Text(1));
  auto bytes = in.Text(0);
  if (charset == "UTF-8") {
    if (!Value::StringIsValid(bytes.data(), bytes.size())) {
      throw InvalidInputException("MALFORMED_CHARACTER_CODING: decode: the bytes are no UTF-8");
    }
    return out.Text(bytes);
  }
  std::string result;
  if (charset == "US-ASCII" || charset == "ISO-8859-1") {
    for (unsigned char c : bytes) AppendCodePoint(result, c);
    return out.Text(result);
  }
  bool little = charset == "UTF-16LE";
  if (charset == "UTF-16" && bytes.size() >= 2) {
    little = bytes.substr(0, 2) == "\xFF\xFE";
    if (little || bytes.substr(0, 2) == "\xFE\xFF") bytes.remove_prefix(2);
  }
  auto unit = [&](size_t at) {
    const auto a = static_cast<unsigned char>(bytes[at]),
               b = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<uint32_t>(little ? b << 8 | a : a << 8 | b);
  };
  for (size_t at = 0; at + 1 < bytes.size(); at += 2) {
    uint32_t code = unit(at);
    if (code >= 0xD800 && code < 0xDC00 && at + 3 < bytes.size()) {
      at += 2;
      code = 0x10000 + ((code - 0xD800) << 10) + (unit(at) - 0xDC00);
    }
    AppendCodePoint(result, code);
  }
  out.Text(result);
}

}  // namespace

void RegisterFormatFunctions(FunctionTable& table) {
  RegisterBinding(table, "format_number", 2, 2, BindFormatNumber);
  RegisterBinding(table, "format_string", 1, -1, BindFormatString);
  RegisterBinding(table, "printf", 1, -1, BindFormatString);
  RegisterBinding(table, "hex", 1, 1, BindHex);
  RegisterNative(table, {"unhex", {kText}, kBytes, EachRow(Unhex)});
  RegisterBinding(table, "base64", 1, 1,
                  [](FunctionCall& call) { return call.Call("to_base64", Bytes(call, 0)); });
  RegisterBinding(table, "unbase64", 1, 1, [](FunctionCall& call) {
    return call.Call("from_base64", call.Text(call.Take(0)));
  });
  RegisterNative(table, {"encode", {kText, kText}, kBytes, EachRow(Encode)});
  RegisterBinding(table, "decode", 2, 2, [](FunctionCall& call) {
    Exprs args;
    args.push_back(Bytes(call, 0));
    args.push_back(call.Text(call.Take(1)));
    return Native("decode", kText, EachRow(Decode), std::move(args));
  });
  RegisterWordFunctions(table);
}

}  // namespace tarn::dialect
