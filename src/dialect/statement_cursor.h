// Reads the tokens of one statement: the parts every statement shares (names, literals, property
// lists).
//
// Threads: one user. Lifetime: the text and the context outlive it. Errors: kInvalidArgument with
// the place of the token that did not fit and what was expected there.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "dialect/dialect.h"
#include "dialect/lexer.h"

namespace tarn::dialect {

// A table, view or schema as a statement names it.
struct ObjectName {
  std::vector<std::string> parts;  // as written, catalog included
  std::string path;                // of delta.`/path`; parts are empty then
  std::string path_format;         // lower case: "delta", "parquet", ...
  std::string travel;              // "VERSION => 3" or "TIMESTAMP => ..." of `t@v3`
  size_t token = 0;                // index of its first token
  bool is_path() const { return !path_format.empty(); }
};

using Properties = std::vector<std::pair<std::string, std::string>>;

class StatementCursor {
 public:
  StatementCursor(std::string_view text, std::vector<Token> tokens, SqlDialect dialect,
                  const TranslateContext& context)
      : text_(text), tokens_(std::move(tokens)), dialect_(dialect), context_(context) {}

  SqlDialect dialect() const { return dialect_; }
  bool spark() const { return dialect_ == SqlDialect::kSpark; }
  const TranslateContext& context() const { return context_; }
  std::string_view text() const { return text_; }

  // The token `ahead` of the next one; the last token is always kEnd.
  const Token& Peek(size_t ahead = 0) const;
  const Token& At(size_t index) const {
    return tokens_[index < tokens_.size() ? index : tokens_.size() - 1];
  }
  size_t position() const { return at_; }
  void Seek(size_t index) { at_ = index; }
  // Index of kEnd.
  size_t end() const { return tokens_.size() - 1; }
  bool AtEnd() const { return Peek().kind == TokenKind::kEnd; }
  const Token& Take();

  // The next tokens are these words or symbols.
  bool Sees(std::initializer_list<std::string_view> words) const;
  // Takes them when they are there.
  bool Accept(std::initializer_list<std::string_view> words);
  Status Expect(std::initializer_list<std::string_view> words);
  // Nothing may follow.
  Status ExpectEnd() const;

  Status Fail(const Token& token, std::string_view message) const;
  Status Unsupported(const Token& token, std::string_view message) const;
  // "expected X but found Y" at the next token.
  Status Unexpected(std::string_view expected) const;

  // a, a.b, a.b.c, delta.`path`, each with an optional @v3.
  Result<ObjectName> ReadName(std::string_view what);
  // One part of a name, such as a column.
  Result<std::string> ReadIdentifier(std::string_view what);
  // A string literal; adjacent ones are one in Spark.
  Result<std::string> ReadString(std::string_view what);
  // ( 'k' = 'v', k.l = 5, ... ) in order.
  Result<Properties> ReadProperties();
  // ( a, b ) of plain column names.
  Result<std::vector<std::string>> ReadColumnList(std::string_view what);

  // Index of the token after the group that opens at `index` (a parenthesis or bracket).
  Result<size_t> AfterGroup(size_t index) const;
  // Source text of tokens [first, last).
  std::string_view Span(size_t first, size_t last) const;

  // Tokens [first, last) as Spark SQL on one line, as Delta stores expressions in a table's
  // metadata.
  std::string SparkText(size_t first, size_t last) const;

  // The name as DuckDB SQL, the lake's other names replaced by its catalog.
  std::string TableSql(const ObjectName& name) const;
  // Name parts without the lake's catalog.
  std::vector<std::string> LakeParts(const ObjectName& name) const;
  // The name as the VARCHAR argument of a procedure: 'silver.events', or '/path' for a path.
  std::string NameArgument(const ObjectName& name) const;
  // The first part of a name means the lake.
  bool IsLakeCatalog(std::string_view part) const;

 private:
  Status ReadVersionSuffix(ObjectName& name);

  std::string_view text_;
  std::vector<Token> tokens_;
  SqlDialect dialect_;
  const TranslateContext& context_;
  size_t at_ = 0;
};

}  // namespace tarn::dialect
