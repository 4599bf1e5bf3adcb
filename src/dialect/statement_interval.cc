#include "dialect/statement_interval.h"

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

Result<std::string> RangeSql(const StatementCursor& cursor, size_t index, size_t after_part) {
  const bool minus = cursor.At(index + 1).Is("-");
  const Token& literal = cursor.At(after_part - 2);
  const int from = FieldIndex(cursor.At(after_part - 1));
  const int to = FieldIndex(cursor.At(after_part + 1));
  bool negative = false;
  std::vector<std::string> fields;
  // Years and months form one kind of interval, days to seconds another.
  const bool one_kind = from >= 0 && to > from && (to <= 1 || from >= 2);
  if (!one_kind || !SplitFields(Value(literal), &negative, &fields) ||
      fields.size() != static_cast<size_t>(to - from + 1)) {
    return cursor.Fail(literal, "this value does not fit " +
                                    std::string(cursor.At(after_part - 1).text) + " TO " +
                                    std::string(cursor.At(after_part + 1).text));
  }
  std::string sql;
  for (size_t i = 0; i < fields.size(); ++i) {
    sql += (i > 0 ? " + " : "") + std::string("INTERVAL '") + fields[i] + "' " +
           std::string(kFieldUnits[from + i].plural);
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
    const bool minus = cursor.At(at).Is("-");
    const std::string value = (minus ? "-" : "") + Value(cursor.At(next - 2));
    sql += (parts++ > 0 ? " + " : "") + std::string("INTERVAL ") + QuoteString(value) + " " +
           std::string(UnitOf(cursor.At(next - 1)));
    at = next;
  }
  return parts > 1 ? "(" + sql + ")" : sql;
}

}  // namespace tarn::dialect
