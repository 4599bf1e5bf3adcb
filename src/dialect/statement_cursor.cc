#include "dialect/statement_cursor.h"

#include <algorithm>
#include <array>

namespace tarn::dialect {
namespace {

bool AllDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "v12" gives VERSION => 12, "20240131120000000" gives a timestamp; empty when it is neither.
std::string TravelOfSuffix(std::string_view suffix) {
  if (suffix.size() > 1 && (suffix[0] == 'v' || suffix[0] == 'V') && AllDigits(suffix.substr(1))) {
    return "VERSION => " + std::string(suffix.substr(1));
  }
  if (suffix.size() == 17 && AllDigits(suffix)) {
    std::string s(suffix);
    return "TIMESTAMP => TIMESTAMP '" + s.substr(0, 4) + "-" + s.substr(4, 2) + "-" +
           s.substr(6, 2) + " " + s.substr(8, 2) + ":" + s.substr(10, 2) + ":" + s.substr(12, 2) +
           "." + s.substr(14) + "'";
  }
  return "";
}

bool IsPathFormat(std::string_view word) {
  static constexpr std::array<std::string_view, 4> kFormats = {"delta", "parquet", "csv", "json"};
  return std::any_of(kFormats.begin(), kFormats.end(),
                     [&](std::string_view format) { return EqualsIgnoreCase(word, format); });
}

std::string Shown(const Token& token) {
  if (token.kind == TokenKind::kEnd) return "the end of the statement";
  constexpr size_t kShown = 40;
  std::string text(token.text.substr(0, kShown));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return "'" + text + (token.text.size() > kShown ? "…'" : "'");
}

}  // namespace

const Token& StatementCursor::Peek(size_t ahead) const { return At(at_ + ahead); }

const Token& StatementCursor::Take() {
  const Token& token = Peek();
  if (at_ < end()) ++at_;
  return token;
}

bool StatementCursor::Sees(std::initializer_list<std::string_view> words) const {
  size_t ahead = 0;
  for (std::string_view word : words) {
    if (!Peek(ahead++).Is(word)) return false;
  }
  return true;
}

bool StatementCursor::Accept(std::initializer_list<std::string_view> words) {
  if (!Sees(words)) return false;
  at_ += words.size();
  return true;
}

Status StatementCursor::Expect(std::initializer_list<std::string_view> words) {
  if (Accept(words)) return Status::Ok();
  std::string expected;
  for (std::string_view word : words) expected += (expected.empty() ? "" : " ") + std::string(word);
  return Unexpected(expected);
}

Status StatementCursor::ExpectEnd() const {
  return AtEnd() ? Status::Ok() : Unexpected("the end of the statement");
}

Status StatementCursor::Fail(const Token& token, std::string_view message) const {
  return Status::InvalidArgument(PlacedMessage(context_, text_, token.offset, message));
}

Status StatementCursor::Unsupported(const Token& token, std::string_view message) const {
  return Status::Unsupported(PlacedMessage(context_, text_, token.offset, message));
}

Status StatementCursor::Unexpected(std::string_view expected) const {
  return Fail(Peek(), "expected " + std::string(expected) + " but found " + Shown(Peek()));
}

Status StatementCursor::ReadVersionSuffix(ObjectName& name) {
  if (!Sees({"@"}) || Peek().offset != At(at_ - 1).end()) return Status::Ok();
  name.travel = TravelOfSuffix(Peek(1).text);
  if (name.travel.empty()) return Fail(Peek(), "after @ comes v<version> or yyyyMMddHHmmssSSS");
  at_ += 2;
  return Status::Ok();
}

Result<ObjectName> StatementCursor::ReadName(std::string_view what) {
  ObjectName name;
  name.token = at_;
  if (!Peek().IsName()) return Unexpected(what);
  const bool bare = Peek().kind == TokenKind::kWord;
  if (bare && IsPathFormat(Peek().text) && Peek(1).Is(".") &&
      Peek(2).kind == TokenKind::kQuotedName && !Peek(3).Is(".")) {
    name.path_format = LowerAscii(Peek().text);
    name.path = Peek(2).value;
    at_ += 3;
    const size_t suffix = name.path.rfind('@');
    if (suffix != std::string::npos && name.path_format == "delta") {
      name.travel = TravelOfSuffix(std::string_view(name.path).substr(suffix + 1));
      if (!name.travel.empty()) name.path.resize(suffix);
    }
    TARN_RETURN_IF_ERROR(name.travel.empty() ? ReadVersionSuffix(name) : Status::Ok());
    return name;
  }
  name.parts.push_back(Take().Name());
  while (Sees({"."}) && Peek(1).IsName()) {
    ++at_;
    name.parts.push_back(Take().Name());
  }
  if (Sees({"."})) {
    ++at_;
    return Unexpected("a name after the dot");
  }
  if (name.parts.size() > 3)
    return Fail(At(name.token), std::string(what) + " has at most three parts");
  TARN_RETURN_IF_ERROR(ReadVersionSuffix(name));
  return name;
}

Result<std::string> StatementCursor::ReadIdentifier(std::string_view what) {
  if (!Peek().IsName()) return Unexpected(what);
  return Take().Name();
}

Result<std::string> StatementCursor::ReadString(std::string_view what) {
  if (Peek().kind != TokenKind::kString) return Unexpected(what);
  std::string value = Take().value;
  while (spark() && Peek().kind == TokenKind::kString) value += Take().value;
  return value;
}

Result<Properties> StatementCursor::ReadProperties() {
  Properties properties;
  TARN_RETURN_IF_ERROR(Expect({"("}));
  while (true) {
    const Token& start = Peek();
    std::string key;
    if (start.kind == TokenKind::kString) {
      key = Take().value;
    } else {
      TARN_ASSIGN_OR_RETURN(key, ReadIdentifier("a property name"));
      while (Accept({"."})) {
        TARN_ASSIGN_OR_RETURN(std::string part, ReadIdentifier("a property name"));
        key += "." + part;
      }
    }
    for (const auto& [other, unused] : properties) {
      if (other == key) return Fail(start, "property " + key + " is given twice");
    }
    std::string value;
    const bool has_equals = Accept({"="});
    if (Peek().kind == TokenKind::kString) {
      TARN_ASSIGN_OR_RETURN(value, ReadString("a property value"));
    } else if (!Sees({","}) && !Sees({")"})) {
      if (Sees({"-"}) || Sees({"+"})) value += Take().text;
      if (Peek().kind != TokenKind::kNumber && Peek().kind != TokenKind::kWord) {
        return Unexpected("a property value");
      }
      value += Take().text;
    } else if (has_equals) {
      return Unexpected("a property value");
    }
    properties.emplace_back(std::move(key), std::move(value));
    if (Accept({")"})) return properties;
    TARN_RETURN_IF_ERROR(Expect({","}));
  }
}

Result<std::vector<std::string>> StatementCursor::ReadColumnList(std::string_view what) {
  std::vector<std::string> columns;
  TARN_RETURN_IF_ERROR(Expect({"("}));
  while (true) {
    TARN_ASSIGN_OR_RETURN(std::string column, ReadIdentifier(what));
    columns.push_back(std::move(column));
    if (Accept({")"})) return columns;
    TARN_RETURN_IF_ERROR(Expect({","}));
  }
}

Result<size_t> StatementCursor::AfterGroup(size_t index) const {
  int depth = 0;
  for (size_t i = index; i < end(); ++i) {
    if (At(i).Is("(") || At(i).Is("[")) ++depth;
    if ((At(i).Is(")") || At(i).Is("]")) && --depth == 0) return i + 1;
  }
  return Fail(At(index), "the " + std::string(At(index).text) + " that opens here is never closed");
}

std::string_view StatementCursor::Span(size_t first, size_t last) const {
  if (last <= first) return {};
  const size_t offset = At(first).offset;
  return text_.substr(offset, At(last - 1).end() - offset);
}

bool StatementCursor::IsLakeCatalog(std::string_view part) const {
  if (EqualsIgnoreCase(part, context_.catalog)) return true;
  if (!spark()) return false;
  static constexpr std::array<std::string_view, 4> kAliases = {"catalog", "main", "spark_catalog",
                                                               "hive_metastore"};
  return std::any_of(kAliases.begin(), kAliases.end(),
                     [&](std::string_view alias) { return EqualsIgnoreCase(part, alias); });
}

std::string StatementCursor::SparkText(size_t first, size_t last) const {
  std::string out;
  for (size_t i = first; i < last; ++i) {
    const Token& token = At(i);
    if (i > first && token.offset > At(i - 1).end()) out += ' ';
    if (spark() || (token.kind != TokenKind::kString && token.kind != TokenKind::kQuotedName)) {
      out += token.text;
      continue;
    }
    const char quote = token.kind == TokenKind::kString ? '\'' : '`';
    out += quote;
    for (char c : token.value) {
      if (quote == '`' && c == '`') out += '`';
      if (quote == '\'' && (c == '\'' || c == '\\')) out += '\\';
      out += c;
    }
    out += quote;
  }
  return out;
}

std::string StatementCursor::TableSql(const ObjectName& name) const {
  std::string sql;
  // DuckDB has catalogs of these names, which would win over, or clash with, a schema of the lake.
  if (name.parts.size() == 2 &&
      (EqualsIgnoreCase(name.parts[0], "system") || EqualsIgnoreCase(name.parts[0], "temp"))) {
    sql = QuoteNameIfNeeded(context_.catalog) + ".";
  }
  for (size_t i = 0; i < name.parts.size(); ++i) {
    if (i > 0) sql += ".";
    const bool catalog = i == 0 && name.parts.size() == 3 && IsLakeCatalog(name.parts[0]);
    sql += QuoteNameIfNeeded(catalog ? context_.catalog : name.parts[i]);
  }
  return sql;
}

std::vector<std::string> StatementCursor::LakeParts(const ObjectName& name) const {
  std::vector<std::string> parts = name.parts;
  if (parts.size() == 3 && IsLakeCatalog(parts[0])) parts.erase(parts.begin());
  return parts;
}

std::string StatementCursor::NameArgument(const ObjectName& name) const {
  if (name.is_path()) return QuoteString(name.path);
  std::string dotted;
  for (const std::string& part : LakeParts(name)) {
    dotted += (dotted.empty() ? "" : ".") + QuoteNameIfNeeded(part);
  }
  return QuoteString(dotted);
}

}  // namespace tarn::dialect
