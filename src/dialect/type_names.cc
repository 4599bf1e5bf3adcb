#include "dialect/type_names.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dialect/lexer.h"

namespace tarn::dialect {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kNames = {{
    {"VARCHAR", "string"},
    {"BLOB", "binary"},
    {"TINYINT", "tinyint"},
    {"SMALLINT", "smallint"},
    {"INTEGER", "int"},
    {"BIGINT", "bigint"},
    {"FLOAT", "float"},
    {"DOUBLE", "double"},
    {"BOOLEAN", "boolean"},
    {"DATE", "date"},
    {"TIMESTAMP WITH TIME ZONE", "timestamp"},
    {"TIMESTAMPTZ", "timestamp"},
    {"TIMESTAMP", "timestamp_ntz"},
    {"VARIANT", "variant"},
    {"INTERVAL", "interval"},
    {"\"NULL\"", "void"},
    {"NULL", "void"},
}};

// Reads one type of DuckDB's notation from tokens.
class TypeNameReader {
 public:
  explicit TypeNameReader(std::string_view text) : text_(text) {
    std::optional<LexError> error;
    tokens_ = Tokenize(text, SqlDialect::kDuckdb, &error);
  }

  std::string Read() {
    std::string name = ReadBase();
    while (Sees("[")) {
      ++at_;
      if (!Sees("]")) ++at_;  // a fixed size
      if (Sees("]")) ++at_;
      name = "array<" + name + ">";
    }
    return name;
  }

 private:
  const Token& Peek() const { return tokens_[std::min(at_, tokens_.size() - 1)]; }
  bool Sees(std::string_view symbol) const { return Peek().Is(symbol); }
  bool Ends() const {
    return Sees(",") || Sees(")") || Sees("[") || Sees("(") || Peek().kind == TokenKind::kEnd;
  }

  std::string ReadBase() {
    if (Sees("STRUCT") || Sees("MAP")) {
      const bool map = Sees("MAP");
      ++at_;
      if (Sees("(")) ++at_;
      std::string inner;
      while (Peek().kind != TokenKind::kEnd && !Sees(")")) {
        if (!inner.empty()) inner += ",";
        if (!map) {
          inner += Peek().Name() + ":";
          ++at_;
        }
        const size_t before = at_;
        inner += Read();
        if (Sees(",")) ++at_;
        if (at_ == before) ++at_;  // text that is no type: go on, never stand still
      }
      if (Sees(")")) ++at_;
      return (map ? "map<" : "struct<") + inner + ">";
    }
    const size_t first = at_;
    while (!Ends()) ++at_;
    if (at_ == first) return "";
    const size_t begin = tokens_[first].offset;
    const std::string_view words = text_.substr(begin, tokens_[at_ - 1].end() - begin);
    std::string parameters;
    if (Sees("(")) {
      for (; Peek().kind != TokenKind::kEnd && !Sees(")"); ++at_) parameters += Peek().text;
      if (Sees(")")) {
        parameters += ")";
        ++at_;
      }
    }
    for (const auto& [duckdb, spark] : kNames) {
      if (EqualsIgnoreCase(words, duckdb)) return std::string(spark);
    }
    return LowerAscii(words) + parameters;
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace

std::string SparkTypeName(std::string_view duckdb_type) {
  return TypeNameReader(duckdb_type).Read();
}

}  // namespace tarn::dialect
