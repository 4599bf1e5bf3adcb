// Tokens of SQL text in either dialect.
//
// What it is: cuts text into tokens without understanding statements. Blanks and comments are kept
// out of the token list; the gap before a token is the text between its offset and the end of the
// one before, so any text can be put together again byte for byte.
//
// What it does not do: no keywords (any name is a word), no allocation for words and symbols.
//
// Dialects differ in quotes. Spark: '…' and "…" are strings with backslash escapes and doubled
// quotes, r'…' and r"…" are raw, `…` is a name, words may begin with a digit, numbers carry type
// suffixes (10L). DuckDB: '…' is a string, E'…' has escapes, "…" is a name. Both: -- and nested /*
// */ comments, $tag$ … $tag$ strings.
//
// Threads: pure functions. The text must outlive its tokens. Errors: text that ends inside a quote
// or comment; LexError carries the place where it was opened.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialect/dialect.h"

namespace tarn::dialect {

enum class TokenKind {
  kWord,        // unquoted name or keyword
  kQuotedName,  // value: the name without quotes
  kString,      // value: the characters meant
  kNumber,      // with its suffix, if any
  kSymbol,      // operator or punctuation
  kEnd,         // after the last token; text is empty
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t offset = 0;            // bytes from the start of the text
  std::string_view text;        // as written
  std::string value;            // kQuotedName, kString: decoded
  bool comment_before = false;  // the gap before it holds a comment

  size_t end() const { return offset + text.size(); }
  // A keyword or symbol, compared without regard to ASCII case; quoted names never match.
  bool Is(std::string_view word) const;
  bool IsName() const { return kind == TokenKind::kWord || kind == TokenKind::kQuotedName; }
  // The name a kWord or kQuotedName stands for.
  std::string Name() const;
};

struct LexError {
  size_t offset = 0;
  std::string message;
};

// Tokens of `text`, with kEnd last. On error `error` is set and the tokens before it are returned.
std::vector<Token> Tokenize(std::string_view text, SqlDialect dialect,
                            std::optional<LexError>* error);

// `text` as a DuckDB string literal: '…' with quotes doubled; NUL bytes, which a literal cannot
// hold, become chr(0) in a parenthesized concatenation.
std::string QuoteString(std::string_view text);

// `name` as a DuckDB identifier, quoted always: "…" with quotes doubled.
std::string QuoteName(std::string_view name);

// As QuoteName, but a name that means the same without quotes stays bare.
std::string QuoteNameIfNeeded(std::string_view name);

// ASCII only, which is what keywords need.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
std::string UpperAscii(std::string_view text);
std::string LowerAscii(std::string_view text);

// "<source>:<line>:<column>: <message>", or "line <line>, column <column>: <message>" without a
// source. `offset` is in `text`, which begins at context.origin.
std::string PlacedMessage(const TranslateContext& context, std::string_view text, size_t offset,
                          std::string_view message);

}  // namespace tarn::dialect
