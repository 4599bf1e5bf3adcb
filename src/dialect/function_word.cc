// Words and addresses: distance, phonetics, masking, URLs.
#include <algorithm>

#include "dialect/function_families.h"
#include "dialect/function_format.h"
#include "dialect/function_types.h"
#include "dialect/function_utf8.h"
#include "utf8proc_wrapper.hpp"

namespace tarn::dialect {

using namespace duckdb;

namespace {

const LogicalType kText = LogicalType::VARCHAR;
const LogicalType kInt = LogicalType::INTEGER;

void Levenshtein(RowIn& in, RowOut& out) {
  const auto a = Characters(in.Text(0));
  const auto b = Characters(in.Text(1));
  std::vector<int32_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); j++) row[j] = static_cast<int32_t>(j);
  for (size_t i = 1; i <= a.size(); i++) {
    int32_t diagonal = row[0];
    row[0] = static_cast<int32_t>(i);
    for (size_t j = 1; j <= b.size(); j++) {
      const int32_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  const int32_t distance = row[b.size()];
  if (in.Columns() > 2 && distance > in.Get<int32_t>(2)) return out.Set<int32_t>(-1);
  out.Set<int32_t>(distance);
}

void Soundex(RowIn& in, RowOut& out) {
  static constexpr char kCodes[] =
      "01230127022455012623017202";  // 7: H and W, which do not separate
  const auto text = in.Text(0);
  auto letter = [&](size_t i) {
    return static_cast<char>(std::toupper(static_cast<unsigned char>(text[i])));
  };
  if (text.empty() || letter(0) < 'A' || letter(0) > 'Z') return out.Text(text);
  std::string result(1, letter(0));
  char last = kCodes[letter(0) - 'A'];
  for (size_t i = 1; i < text.size() && result.size() < 4; i++) {
    const char c = letter(i);
    if (c < 'A' || c > 'Z') {
      last = '0';
      continue;
    }
    const char code = kCodes[c - 'A'];
    if (code == '7') continue;
    if (code != '0' && code != last) result += code;
    last = code;
  }
  result.resize(4, '0');
  out.Text(result);
}

// mask(text[, upper[, lower[, digit[, other]]]]); a NULL replacement leaves the characters alone.
void Mask(RowIn& in, RowOut& out) {
  if (in.IsNull(0)) return out.Null();
  const std::string_view defaults[] = {"X", "x", "n", ""};
  std::string_view replace[4];
  for (idx_t i = 0; i < 4; i++) {
    if (in.Columns() <= i + 1) {
      replace[i] = defaults[i];
    } else {
      replace[i] = in.IsNull(i + 1) ? std::string_view("") : in.Text(i + 1);
    }
  }
  std::string result;
  for (auto c : Characters(in.Text(0))) {
    const auto code = static_cast<int>(CodePoint(c));
    const bool digit = code >= '0' && code <= '9';
    const idx_t kind = digit                                      ? 2
                       : Utf8Proc::CodepointToLower(code) != code ? 0
                       : Utf8Proc::CodepointToUpper(code) != code ? 1
                                                                  : 3;
    result += replace[kind].empty() ? c : replace[kind];
  }
  out.Text(result);
}

void UrlEncode(RowIn& in, RowOut& out) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string result;
  for (unsigned char c : in.Text(0)) {
    if (std::isalnum(c) && c < 0x80) {
      result += static_cast<char>(c);
    } else if (c == '.' || c == '-' || c == '*' || c == '_') {
      result += static_cast<char>(c);
    } else if (c == ' ') {
      result += '+';
    } else {
      result += '%';
      result += kDigits[c >> 4];
      result += kDigits[c & 15];
    }
  }
  out.Text(result);
}

std::string UrlDecoded(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size(); at++) {
    if (text[at] == '+') {
      result += ' ';
    } else if (text[at] != '%') {
      result += text[at];
    } else {
      if (at + 2 >= text.size() || !StringUtil::CharacterIsHex(text[at + 1]) ||
          !StringUtil::CharacterIsHex(text[at + 2])) {
        throw InvalidInputException("CANNOT_DECODE_URL: '%s' has a %% without two hex digits",
                                    std::string(text));
      }
      result += static_cast<char>(StringUtil::GetHexValue(text[at + 1]) * 16 +
                                  StringUtil::GetHexValue(text[at + 2]));
      at += 2;
    }
  }
  return result;
}

struct Url {
  std::string_view protocol, authority, user, host, path, query, file, ref;
};

bool ParseUrl(std::string_view text, Url& url) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  url.protocol = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  if (const auto hash = text.find('#'); hash != std::string_view::npos) {
    url.ref = text.substr(hash + 1);
    text = text.substr(0, hash);
  }
  if (text.substr(0, 2) == "//") {
    text.remove_prefix(2);
    const auto end = std::min(text.find_first_of("/?"), text.size());
    url.authority = text.substr(0, end);
    text.remove_prefix(end);
    url.host = url.authority;
    if (const auto at = url.host.rfind('@'); at != std::string_view::npos) {
      url.user = url.host.substr(0, at);
      url.host.remove_prefix(at + 1);
    }
    if (const auto port = url.host.rfind(':');
        port != std::string_view::npos && url.host.back() != ']') {
      url.host = url.host.substr(0, port);
    }
  }
  url.file = text;
  const auto question = text.find('?');
  url.path = text.substr(0, question);
  if (question != std::string_view::npos) url.query = text.substr(question + 1);
  return true;
}

void ParseUrlPart(RowIn& in, RowOut& out) {
  Url url;
  if (!ParseUrl(in.Text(0), url)) return out.Null();
  const auto part = in.Text(1);
  auto set = [&](std::string_view value) { value.data() ? out.Text(value) : out.Null(); };
  if (in.Columns() > 2) {
    if (part != "QUERY") return out.Null();
    const std::string key = std::string(in.Text(2)) + "=";
    for (std::string_view rest = url.query; !rest.empty();) {
      const auto end = std::min(rest.find('&'), rest.size());
      if (rest.substr(0, key.size()) == key)
        return out.Text(rest.substr(key.size(), end - key.size()));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return out.Null();
  }
  if (part == "HOST") return set(url.host);
  if (part == "PATH") return set(url.path);
  if (part == "QUERY") return set(url.query);
  if (part == "REF") return set(url.ref);
  if (part == "PROTOCOL") return set(url.protocol);
  if (part == "FILE") return set(url.file);
  if (part == "AUTHORITY") return set(url.authority);
  if (part == "USERINFO") return set(url.user);
  out.Null();
}

void Luhn(RowIn& in, RowOut& out) {
  int sum = 0;
  bool twice = false;
  const auto text = in.Text(0);
  for (auto c = text.rbegin(); c != text.rend(); ++c) {
    if (*c < '0' || *c > '9') return out.Set<bool>(false);
    int digit = *c - '0';
    if (twice && (digit *= 2) > 9) digit -= 9;
    sum += digit;
    twice = !twice;
  }
  out.Set<bool>(!text.empty() && sum % 10 == 0);
}

void QuoteText(RowIn& in, RowOut& out) {
  std::string result = "'";
  for (char c : in.Text(0)) {
    if (c == '\'') result += '\\';
    result += c;
  }
  out.Text(result + "'");
}

}  // namespace

void RegisterWordFunctions(FunctionTable& table) {
  RegisterNative(table, {"levenshtein", {kText, kText, kInt}, kInt, EachRow(Levenshtein), 2});
  RegisterNative(table, {"soundex", {kText}, kText, EachRow(Soundex)});
  RegisterNative(
      table, {"mask", {kText, kText, kText, kText, kText}, kText, EachRow(Mask, true), 1, true});
  RegisterNative(table, {"url_encode", {kText}, kText, EachRow(UrlEncode)});
  RegisterNative(table, {"url_decode", {kText}, kText, EachRow([](RowIn& in, RowOut& out) {
                           out.Text(UrlDecoded(in.Text(0)));
                         })});
  RegisterNative(table, {"parse_url", {kText, kText, kText}, kText, EachRow(ParseUrlPart), 2});
  RegisterNative(table, {"luhn_check", {kText}, LogicalType::BOOLEAN, EachRow(Luhn)});
  RegisterNative(table, {"quote", {kText}, kText, EachRow(QuoteText)});
  RegisterNative(table,
                 {"is_valid_utf8", {kText}, LogicalType::BOOLEAN, EachRow([](RowIn&, RowOut& out) {
                    out.Set<bool>(true);
                  })});
}

}  // namespace tarn::dialect
