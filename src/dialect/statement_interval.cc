#include "dialect/statement_interval.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace tarn::dialect {
namespace {

struct Unit {
  std::string_view singular;
  std::string_view plural;
};

// In the order of INTERVAL '…' x TO y, widest first.
constexpr std::array<Unit, 6> kFieldUnits = {{{"YEAR", "YEARS"},
                                              {"MONTH", "MONTHS"},
                                              {"DAY", "DAYS"},
                                              {"HOUR", "HOURS"},
                                              {"MINUTE", "MINUTES"},
                                              {"SECOND", "SECONDS"}}};
constexpr std::array<Unit, 3> kOtherUnits = {
    {{"WEEK", "WEEKS"}, {"MILLISECOND", "MILLISECONDS"}, {"MICROSECOND", "MICROSECONDS"}}};

// The unit's plural, empty when the token is none.
std::string_view UnitOf(const Token& token) {
  for (const Unit& unit : kFieldUnits) {
    if (token.Is(unit.singular) || token.Is(unit.plural)) return unit.plural;
  }
  for (const Unit& unit : kOtherUnits) {
    if (token.Is(unit.singular) || token.Is(unit.plural)) return unit.plural;
  }
  return {};
}

int FieldIndex(const Token& token) {
  for (size_t i = 0; i < kFieldUnits.size(); ++i) {
    if (token.Is(kFieldUnits[i].singular) || token.Is(kFieldUnits[i].plural))
      return static_cast<int>(i);
  }
  return -1;
}

bool IsSign(const Token& token) { return token.Is("-") || token.Is("+"); }

// Index after [sign] value unit, or `index`.
size_t AfterPart(const StatementCursor& cursor, size_t index) {
  size_t i = index;
  if (IsSign(cursor.At(i))) ++i;
  const TokenKind kind = cursor.At(i).kind;
  if (kind != TokenKind::kNumber && kind != TokenKind::kString) return index;
  return UnitOf(cursor.At(i + 1)).empty() ? index : i + 2;
}

bool IsRange(const StatementCursor& cursor, size_t after_part) {
  return cursor.At(after_part).Is("TO") && FieldIndex(cursor.At(after_part + 1)) >= 0;
}

std::string Value(const Token& token) {
  return token.kind == TokenKind::kString ? token.value : std::string(token.text);
}

// '1-2' YEAR TO MONTH, '-3 04:05:06.7' DAY TO SECOND: the numbers, widest field first, and the
// sign.
bool SplitFields(std::string_view text, bool* negative, std::vector<std::string>* fields) {
  size_t i = 0;
  while (i < text.size() && text[i] == ' ') ++i;
  *negative = i < text.size() && text[i] == '-';
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  std::string field;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= '0' && c <= '9') || c == '.') {
      field += c;
    } else if ((c == ' ' || c == ':' || c == '-') && !field.empty()) {
      fields->push_back(std::move(field));
      field.clear();
    } else if (c != ' ') {
      return false;
    }
  }
  if (!field.empty()) fields->push_back(std::move(field));
  return !fields->empty();
}

// to_days(7): a call means the same after the expression rewrite, while DuckDB's parser turns
// INTERVAL '7' DAYS into casts and a trunc() that Spark reads differently. Empty when the value is
// no number of that unit.
std::string UnitCall(std::string_view value, std::string_view unit) {
  const bool negative = !value.empty() && value[0] == '-';
  std::string digits(value.substr(negative || (!value.empty() && value[0] == '+') ? 1 : 0));
  const bool fraction = unit == "SECONDS";
  if (digits.empty() ||
      digits.find_first_not_of(fraction ? "0123456789." : "0123456789") != std::string::npos ||
      std::count(digits.begin(), digits.end(), '.') > 1 || digits == ".") {
    return "";
  }
  return "to_" + LowerAscii(unit) + "(" + (negative ? "-" : "") + digits + ")";
}

Result<std::string> RangeSql(const StatementCursor& cursor, size_t index, size_t after_part) {
  const bool minus = cursor.At(index + 1).Is("-");
  const Token& literal = cursor.At(after_part - 2);
  const int from = FieldIndex(cursor.At(after_part - 1));
  const int to = FieldIndex(cursor.At(after_part + 1));
  bool negative = false;
  std::vector<std::string> fields;
  // Years and months form one kind of interval, days to seconds another.
  bool fits = from >= 0 && to > from && (to <= 1 || from >= 2) &&
              SplitFields(Value(literal), &negative, &fields) &&
              fields.size() == static_cast<size_t>(to - from + 1);
  std::string sql;
  for (size_t i = 0; fits && i < fields.size(); ++i) {
    const std::string call = UnitCall(fields[i], kFieldUnits[from + i].plural);
    fits = !call.empty();
    sql += (i > 0 ? " + " : "") + call;
  }
  if (!fits) {
    return cursor.Fail(literal, "this value does not fit " +
                                    std::string(cursor.At(after_part - 1).text) + " TO " +
                                    std::string(cursor.At(after_part + 1).text));
  }
  return negative != minus ? "(-(" + sql + "))" : "(" + sql + ")";
}

}  // namespace

size_t AfterInterval(const StatementCursor& cursor, size_t index) {
  size_t at = AfterPart(cursor, index + 1);
  if (at == index + 1) return index;
  if (IsRange(cursor, at)) return at + 2;
  for (size_t next = AfterPart(cursor, at); next != at; next = AfterPart(cursor, at)) at = next;
  return at;
}

Result<std::string> IntervalSql(const StatementCursor& cursor, size_t index) {
  size_t at = index + 1;
  const size_t first_part = AfterPart(cursor, at);
  if (IsRange(cursor, first_part)) return RangeSql(cursor, index, first_part);
  std::string sql;
  size_t parts = 0;
  for (size_t next = first_part; next != at; next = AfterPart(cursor, at)) {
    const Token& literal = cursor.At(next - 2);
    const bool minus = cursor.At(at).Is("-");
    std::string value = Value(literal);
    // A sign before the value and one in it: - '-3' is 3.
    if (minus) value = !value.empty() && value[0] == '-' ? value.substr(1) : "-" + value;
    const std::string call = UnitCall(value, UnitOf(cursor.At(next - 1)));
    if (call.empty()) {
      return cursor.Fail(literal,
                         "this value is no number of " + std::string(cursor.At(next - 1).text));
    }
    sql += (parts++ > 0 ? " + " : "") + call;
    at = next;
  }
  return parts > 1 ? "(" + sql + ")" : sql;
}

}  // namespace tarn::dialect
