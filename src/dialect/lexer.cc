#include "dialect/lexer.h"

#include <array>

namespace tarn::dialect {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool IsWordStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool IsWordPart(char c) { return IsWordStart(c) || IsDigit(c); }
char LowerChar(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  char lower = LowerChar(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

void AppendUtf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code >> 6)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (code >> 12)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | (code >> 18)));
    out.push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

class Lexer {
 public:
  Lexer(std::string_view text, SqlDialect dialect) : text_(text), dialect_(dialect) {}

  std::vector<Token> Run(std::optional<LexError>* error);

 private:
  char At(size_t offset) const { return offset < text_.size() ? text_[offset] : '\0'; }
  bool spark() const { return dialect_ == SqlDialect::kSpark; }
  void Fail(size_t offset, std::string message) {
    if (!error_) error_ = LexError{offset, std::move(message)};
  }

  // Moves past blanks and comments; true when there was a comment.
  bool SkipGap();
  void SkipLineComment();
  void SkipBlockComment();

  void Next(Token& token);
  bool TryString(Token& token);
  void ReadQuoted(Token& token, char quote, bool escapes, std::string_view what);
  void ReadRaw(Token& token);
  size_t ReadEscape(size_t at, std::string& out) const;
  int HexNumber(size_t at, size_t digits) const;
  bool TryHexEscape(size_t at, size_t digits, std::string& out) const;
  bool TryDollarString(Token& token);
  bool TryNumber(Token& token);
  size_t NumberSuffix(size_t at, bool is_integer) const;
  void ReadSymbol(Token& token);

  std::string_view text_;
  SqlDialect dialect_;
  size_t at_ = 0;
  std::optional<LexError> error_;
};

std::vector<Token> Lexer::Run(std::optional<LexError>* error) {
  std::vector<Token> tokens;
  while (!error_) {
    Token token;
    token.comment_before = SkipGap();
    token.offset = at_;
    if (error_ || at_ >= text_.size()) {
      tokens.push_back(std::move(token));
      break;
    }
    Next(token);
    if (error_) break;
    token.text = text_.substr(token.offset, at_ - token.offset);
    tokens.push_back(std::move(token));
  }
  if (tokens.empty() || tokens.back().kind != TokenKind::kEnd) {
    Token end;
    end.offset = text_.size();
    tokens.push_back(std::move(end));
  }
  if (error) *error = error_;
  return tokens;
}

bool Lexer::SkipGap() {
  bool comment = false;
  while (at_ < text_.size()) {
    if (IsBlank(text_[at_])) {
      ++at_;
    } else if (text_[at_] == '-' && At(at_ + 1) == '-') {
      SkipLineComment();
      comment = true;
    } else if (text_[at_] == '/' && At(at_ + 1) == '*') {
      SkipBlockComment();
      comment = true;
      if (error_) return comment;
    } else if (text_.substr(at_, 3) == "\xEF\xBB\xBF") {
      at_ += 3;  // a byte order mark, as editors on Windows write it
    } else {
      break;
    }
  }
  return comment;
}

void Lexer::SkipLineComment() {
  while (at_ < text_.size() && text_[at_] != '\n') {
    // Spark continues a comment on the next line after a backslash.
    at_ += spark() && text_[at_] == '\\' && At(at_ + 1) == '\n' ? 2 : 1;
  }
}

void Lexer::SkipBlockComment() {
  const size_t start = at_;
  int depth = 0;
  while (at_ < text_.size()) {
    if (text_[at_] == '/' && At(at_ + 1) == '*') {
      ++depth;
      at_ += 2;
    } else if (text_[at_] == '*' && At(at_ + 1) == '/') {
      at_ += 2;
      if (--depth == 0) return;
    } else {
      ++at_;
    }
  }
  Fail(start, "the comment that begins here has no closing */");
}

void Lexer::Next(Token& token) {
  if (TryString(token) || TryDollarString(token) || TryNumber(token)) return;
  if (IsWordStart(text_[at_])) {
    token.kind = TokenKind::kWord;
    // DuckDB's words may hold a $ after the first character; in Spark it is a symbol.
    while (at_ < text_.size() && (IsWordPart(text_[at_]) || (!spark() && text_[at_] == '$'))) ++at_;
    return;
  }
  ReadSymbol(token);
}

bool Lexer::TryString(Token& token) {
  const char c = text_[at_];
  const char next = At(at_ + 1);
  if (spark()) {
    if (c == '\'' || c == '"') {
      token.kind = TokenKind::kString;
      ReadQuoted(token, c, true, "string");
      return true;
    }
    if (c == '`') {
      token.kind = TokenKind::kQuotedName;
      ReadQuoted(token, c, false, "quoted name");
      return true;
    }
    if ((c == 'r' || c == 'R') && (next == '\'' || next == '"')) {
      ReadRaw(token);
      return true;
    }
    return false;
  }
  if (c == '\'' || ((c == 'e' || c == 'E') && next == '\'')) {
    token.kind = TokenKind::kString;
    bool escapes = c != '\'';
    if (escapes) ++at_;
    ReadQuoted(token, '\'', escapes, "string");
    return true;
  }
  // Back-quotes are no DuckDB syntax; reading them as names lets the Delta path names work in both
  // dialects.
  if (c == '"' || c == '`') {
    token.kind = TokenKind::kQuotedName;
    ReadQuoted(token, c, false, "quoted name");
    return true;
  }
  return false;
}

void Lexer::ReadQuoted(Token& token, char quote, bool escapes, std::string_view what) {
  const size_t start = token.offset;
  ++at_;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == quote) {
      if (At(at_ + 1) != quote) {
        ++at_;
        return;
      }
      token.value.push_back(quote);
      at_ += 2;
    } else if (escapes && c == '\\' && at_ + 1 < text_.size()) {
      at_ = ReadEscape(at_, token.value);
    } else {
      token.value.push_back(c);
      ++at_;
    }
  }
  Fail(start, "the " + std::string(what) + " that begins here has no closing " + quote);
}

void Lexer::ReadRaw(Token& token) {
  token.kind = TokenKind::kString;
  const char quote = text_[at_ + 1];
  const size_t begin = at_ + 2;
  const size_t end = text_.find(quote, begin);
  if (end == std::string_view::npos) {
    Fail(at_, std::string("the string that begins here has no closing ") + quote);
    at_ = text_.size();
    return;
  }
  token.value = std::string(text_.substr(begin, end - begin));
  at_ = end + 1;
}

// Spark's rules; those of DuckDB's E'…' agree where both define the escape.
size_t Lexer::ReadEscape(size_t at, std::string& out) const {
  const char c = text_[at + 1];
  if (c == 'u') {
    // Two escapes can spell one character beyond U+FFFF, as in Java.
    const int high = HexNumber(at + 2, 4);
    const int low = At(at + 6) == '\\' && At(at + 7) == 'u' ? HexNumber(at + 8, 4) : -1;
    if (high >= 0xD800 && high <= 0xDBFF && low >= 0xDC00 && low <= 0xDFFF) {
      AppendUtf8(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00), out);
      return at + 12;
    }
    if (TryHexEscape(at + 2, 4, out)) return at + 6;
  }
  if (c == 'U' && TryHexEscape(at + 2, 8, out)) return at + 10;
  auto octal = [&](size_t i) { return At(i) >= '0' && At(i) <= '7'; };
  if ((c == '0' || c == '1') && octal(at + 2) && octal(at + 3)) {
    AppendUtf8((c - '0') * 64 + (At(at + 2) - '0') * 8 + (At(at + 3) - '0'), out);
    return at + 4;
  }
  switch (c) {
    case '0': out.push_back('\0'); break;
    case 'b': out.push_back('\b'); break;
    case 'n': out.push_back('\n'); break;
    case 'r': out.push_back('\r'); break;
    case 't': out.push_back('\t'); break;
    case 'Z': out.push_back('\x1A'); break;
    case '%': out.append("\\%"); break;
    case '_': out.append("\\_"); break;
    default: out.push_back(c);
  }
  return at + 2;
}

// The number spelled by `digits` hexadecimal digits, -1 when one of them is none or it is no
// character.
int Lexer::HexNumber(size_t at, size_t digits) const {
  uint32_t code = 0;
  for (size_t i = 0; i < digits; ++i) {
    int value = HexValue(At(at + i));
    if (value < 0) return -1;
    code = code * 16 + static_cast<uint32_t>(value);
  }
  return code <= 0x10FFFF ? static_cast<int>(code) : -1;
}

bool Lexer::TryHexEscape(size_t at, size_t digits, std::string& out) const {
  int code = HexNumber(at, digits);
  if (code < 0) return false;
  if (code >= 0xD800 && code <= 0xDFFF) code = 0xFFFD;  // a lone surrogate has no UTF-8 form
  AppendUtf8(static_cast<uint32_t>(code), out);
  return true;
}

bool Lexer::TryDollarString(Token& token) {
  if (text_[at_] != '$') return false;
  size_t tag_end = at_ + 1;
  if (IsWordStart(At(tag_end))) {
    while (IsWordPart(At(tag_end))) ++tag_end;
  }
  if (At(tag_end) != '$') return false;
  const std::string_view tag = text_.substr(at_, tag_end + 1 - at_);
  const size_t begin = tag_end + 1;
  const size_t end = text_.find(tag, begin);
  token.kind = TokenKind::kString;
  if (end == std::string_view::npos) {
    Fail(at_, "the string that begins here has no closing " + std::string(tag));
    at_ = text_.size();
    return true;
  }
  token.value = std::string(text_.substr(begin, end - begin));
  at_ = end + tag.size();
  return true;
}

// Length of a type suffix such as L or BD, 0 when there is none.
size_t Lexer::NumberSuffix(size_t at, bool is_integer) const {
  const char c = LowerChar(At(at));
  if (c == 'b' && LowerChar(At(at + 1)) == 'd' && !IsWordPart(At(at + 2))) return 2;
  const bool known = c == 'd' || c == 'f' || (is_integer && (c == 'l' || c == 's' || c == 'y'));
  return known && !IsWordPart(At(at + 1)) ? 1 : 0;
}

bool Lexer::TryNumber(Token& token) {
  size_t i = at_;
  if (!IsDigit(At(i)) && !(At(i) == '.' && IsDigit(At(i + 1)))) return false;
  bool is_integer = true;
  while (IsDigit(At(i)) || (!spark() && At(i) == '_' && IsDigit(At(i + 1)))) ++i;
  // 1..2 and a name after a dot (1.col) are no fractions; Spark's "1." is one.
  if (At(i) == '.' && At(i + 1) != '.' && !IsWordStart(At(i + 1))) {
    is_integer = false;
    ++i;
    while (IsDigit(At(i))) ++i;
  }
  if (LowerChar(At(i)) == 'e') {
    size_t digits = i + 1 + (At(i + 1) == '+' || At(i + 1) == '-' ? 1 : 0);
    if (IsDigit(At(digits))) {
      is_integer = false;
      i = digits;
      while (IsDigit(At(i))) ++i;
    }
  }
  token.kind = TokenKind::kNumber;
  if (spark()) {
    if (size_t suffix = NumberSuffix(i, is_integer)) {
      i += suffix;
    } else if (is_integer && IsWordPart(At(i))) {
      token.kind = TokenKind::kWord;  // Spark reads 2024_sales as a name
      while (IsWordPart(At(i))) ++i;
    }
  } else if (is_integer && i == at_ + 1 && text_[at_] == '0' && LowerChar(At(i)) == 'x') {
    while (IsWordPart(At(i))) ++i;
  }
  at_ = i;
  return true;
}

void Lexer::ReadSymbol(Token& token) {
  // `>` is always a token of its own before another `>`, because types nest: ARRAY<ARRAY<INT>>.
  static constexpr std::array<std::string_view, 12> kSymbols = {
      "<=>", "->>", "<>", "!=", "<=", ">=", "==", "||", "->", "=>", "::", "<<"};
  token.kind = TokenKind::kSymbol;
  for (std::string_view symbol : kSymbols) {
    if (text_.substr(at_, symbol.size()) == symbol) {
      at_ += symbol.size();
      return;
    }
  }
  ++at_;
}

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (LowerChar(a[i]) != LowerChar(b[i])) return false;
  }
  return true;
}

std::string UpperAscii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

std::string LowerAscii(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = LowerChar(c);
  return out;
}

bool Token::Is(std::string_view word) const {
  return (kind == TokenKind::kWord || kind == TokenKind::kSymbol) && EqualsIgnoreCase(text, word);
}

std::string Token::Name() const {
  return kind == TokenKind::kQuotedName ? value : std::string(text);
}

std::vector<Token> Tokenize(std::string_view text, SqlDialect dialect,
                            std::optional<LexError>* error) {
  return Lexer(text, dialect).Run(error);
}

std::string QuoteString(std::string_view text) {
  std::string out = "'";
  bool has_nul = false;
  for (char c : text) {
    if (c == '\0') {
      out += "' || chr(0) || '";
      has_nul = true;
      continue;
    }
    if (c == '\'') out.push_back('\'');
    out.push_back(c);
  }
  out.push_back('\'');
  return has_nul ? "(" + out + ")" : out;
}

std::string QuoteName(std::string_view name) {
  std::string out = "\"";
  for (char c : name) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
  return out;
}

std::string PlacedMessage(const TranslateContext& context, std::string_view text, size_t offset,
                          std::string_view message) {
  SourcePosition position = PositionOf(text, offset);
  if (position.line == 1) position.column += context.origin.column - 1;
  position.line += context.origin.line - 1;
  const std::string line = std::to_string(position.line);
  const std::string column = std::to_string(position.column);
  if (context.source_name.empty()) {
    return "line " + line + ", column " + column + ": " + std::string(message);
  }
  return context.source_name + ":" + line + ":" + column + ": " + std::string(message);
}

SourcePosition PositionOf(std::string_view text, size_t offset) {
  SourcePosition position;
  for (char c : text.substr(0, offset)) {
    if (c == '\n') {
      ++position.line;
      position.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
      ++position.column;  // continuation bytes of a character do not count
    }
  }
  return position;
}

}  // namespace tarn::dialect
