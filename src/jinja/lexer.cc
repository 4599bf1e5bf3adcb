#include "jinja/lexer.h"

#include "jinja/ast.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

bool HexDigit(char c) { return AsciiDigit(c) || (AsciiLower(c) >= 'a' && AsciiLower(c) <= 'f'); }

// Digits that single underscores may separate; the position behind them.
template <typename IsDigitOf>
size_t DigitRun(std::string_view s, size_t i, const IsDigitOf& is_digit) {
  while (i < s.size()) {
    if (is_digit(s[i])) {
      ++i;
    } else if (s[i] == '_' && i + 1 < s.size() && is_digit(s[i + 1])) {
      i += 2;
    } else {
      break;
    }
  }
  return i;
}

size_t Decimals(std::string_view s, size_t i) {
  if (i >= s.size() || !AsciiDigit(s[i])) return i;
  return DigitRun(s, i, AsciiDigit);
}

bool NameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || AsciiDigit(c) ||
         static_cast<unsigned char>(c) >= 128;
}

}  // namespace

std::string_view DescribeType(Tok type) {
  static constexpr std::string_view kNames[] = {"end of template",
                                                "error",
                                                "template data / text",
                                                "begin of print statement",
                                                "end of print statement",
                                                "begin of statement block",
                                                "end of statement block",
                                                "name",
                                                "integer",
                                                "float",
                                                "string",
                                                "+",
                                                "-",
                                                "/",
                                                "//",
                                                "*",
                                                "%",
                                                "**",
                                                "~",
                                                "[",
                                                "]",
                                                "(",
                                                ")",
                                                "{",
                                                "}",
                                                "==",
                                                "!=",
                                                ">",
                                                ">=",
                                                "<",
                                                "<=",
                                                "=",
                                                ".",
                                                ":",
                                                "|",
                                                ",",
                                                ";"};
  return kNames[static_cast<size_t>(type)];
}

std::string DescribeToken(const Token& token) {
  if (token.type == Tok::kName) return std::string(token.text);
  return std::string(DescribeType(token.type));
}

Lexer::Lexer(Program& program, const EnvironmentOptions& options)
    : program_(program), options_(options), text_(program.text) {}

Token Lexer::Make(Tok type, size_t begin, size_t end) const {
  Token t;
  t.type = type;
  t.offset = static_cast<uint32_t>(begin);
  t.end = static_cast<uint32_t>(end);
  t.text = text_.substr(begin, end - begin);
  return t;
}

Token Lexer::Fail(std::string message, size_t at) {
  error_ = std::move(message);
  Token t = Make(Tok::kError, at, at);
  at_ = text_.size();
  mode_ = Mode::kRoot;
  return t;
}

Token Lexer::Next() {
  if (mode_ == Mode::kRoot) return Root();
  return InTag();
}

void Lexer::SkipSpace() {
  while (at_ < text_.size()) {
    if (AsciiSpace(text_[at_])) {
      ++at_;
    } else if (static_cast<unsigned char>(text_[at_]) >= 128) {
      CodePoint c = DecodeAt(text_, at_);
      if (c.bytes == 1 || !IsSpace(c.value)) return;
      at_ += c.bytes;
    } else {
      return;
    }
  }
}

std::string_view Lexer::TrimBefore(std::string_view data, size_t tag, bool variable) const {
  char sign = tag + 2 < text_.size() ? text_[tag + 2] : '\0';
  if (sign == '-') return StripSpaceRight(data);
  if (sign == '+' || variable || !options_.lstrip_blocks) return data;
  size_t line = data.rfind('\n');
  bool has_newline = line != std::string_view::npos;
  size_t from = has_newline ? line + 1 : 0;
  if (!has_newline && !line_starting_) return data;
  return StripSpace(data.substr(from)).empty() ? data.substr(0, from) : data;
}

Token Lexer::Root() {
  while (at_ < text_.size()) {
    size_t tag = at_;
    for (;; ++tag) {
      tag = text_.find('{', tag);
      if (tag == std::string_view::npos || tag + 1 >= text_.size()) {
        Token data = Make(Tok::kData, at_, text_.size());
        at_ = text_.size();
        return data;
      }
      char c = text_[tag + 1];
      if (c == '%' || c == '{' || c == '#') break;
    }
    char kind = text_[tag + 1];
    size_t begin = at_;
    std::string_view data = TrimBefore(text_.substr(begin, tag - begin), tag, kind == '{');
    size_t behind;
    if (kind == '%' && RawBegin(tag, &behind)) {
      if (!data.empty()) {
        at_ = tag;  // the tag is seen again, then without data before it
        line_starting_ = false;
        return Make(Tok::kData, begin, begin + data.size());
      }
      Token raw = Raw(tag, behind);
      if (raw.type == Tok::kError || !raw.text.empty()) return raw;
      continue;
    }
    if (!data.empty()) {
      at_ = tag;
      line_starting_ = false;
      return Make(Tok::kData, begin, begin + data.size());
    }
    size_t inner = tag + 2;
    if (inner < text_.size() && (text_[inner] == '-' || text_[inner] == '+')) ++inner;
    if (kind == '#') {
      Token failed = Comment(inner);
      if (failed.type == Tok::kError) return failed;
      continue;
    }
    at_ = inner;
    brackets_.clear();
    mode_ = kind == '%' ? Mode::kBlock : Mode::kVariable;
    return Make(kind == '%' ? Tok::kBlockBegin : Tok::kVariableBegin, tag, inner);
  }
  return Make(Tok::kEof, text_.size(), text_.size());
}

Token Lexer::Comment(size_t begin) {
  size_t end = text_.find("#}", begin);
  if (end == std::string_view::npos) {
    if (begin < text_.size()) return Fail("Missing end of comment tag", begin);
    at_ = begin;  // Jinja2 lets a comment that opens at the very end pass
    return Token();
  }
  at_ = end + 2;
  line_starting_ = false;
  if (end > begin && text_[end - 1] == '-') {
    SkipSpace();
    line_starting_ = at_ > 0 && text_[at_ - 1] == '\n';
  } else if (options_.trim_blocks && !(end > begin && text_[end - 1] == '+') &&
             at_ < text_.size() && text_[at_] == '\n') {
    ++at_;
    line_starting_ = true;
  }
  return Token();
}

bool Lexer::RawBegin(size_t at, size_t* behind) const {
  size_t i = at + 2;
  if (i < text_.size() && (text_[i] == '-' || text_[i] == '+')) ++i;
  std::string_view rest = StripSpaceLeft(text_.substr(i));
  if (!rest.starts_with("raw")) return false;
  rest = StripSpaceLeft(rest.substr(3));
  if (rest.starts_with("-%}")) {
    *behind = text_.size() - StripSpaceLeft(rest.substr(3)).size();
    return true;
  }
  if (!rest.starts_with("%}")) return false;
  *behind = text_.size() - rest.size() + 2;
  return true;
}

Token Lexer::Raw(size_t at, size_t behind) {
  for (size_t tag = text_.find("{%", behind); tag != std::string_view::npos;
       tag = text_.find("{%", tag + 1)) {
    size_t i = tag + 2;
    if (i < text_.size() && (text_[i] == '-' || text_[i] == '+')) ++i;
    std::string_view rest = StripSpaceLeft(text_.substr(i));
    if (!rest.starts_with("endraw")) continue;
    rest = StripSpaceLeft(rest.substr(6));
    bool strip = rest.starts_with("-%}"), keep = rest.starts_with("+%}");
    if (!strip && !keep && !rest.starts_with("%}")) continue;
    at_ = text_.size() - rest.size() + (strip || keep ? 3 : 2);
    line_starting_ = text_[behind - 1] == '\n';
    std::string_view data = TrimBefore(text_.substr(behind, tag - behind), tag, false);
    line_starting_ = false;
    if (strip) {
      SkipSpace();
      line_starting_ = text_[at_ - 1] == '\n';
    } else if (options_.trim_blocks && !keep && at_ < text_.size() && text_[at_] == '\n') {
      ++at_;
      line_starting_ = true;
    }
    Token t = Make(Tok::kData, behind, behind + data.size());
    return t;
  }
  if (behind < text_.size()) return Fail("Missing end of raw directive", at);
  at_ = behind;
  return Make(Tok::kData, behind, behind);
}

bool Lexer::TryEnd(Token* token) {
  std::string_view rest = text_.substr(at_);
  const bool block = mode_ == Mode::kBlock;
  std::string_view close = block ? "%}" : "}}";
  size_t sign = 0;
  if (!rest.empty() && (rest[0] == '-' || (block && rest[0] == '+'))) sign = 1;
  if (!rest.substr(sign).starts_with(close)) return false;
  size_t begin = at_;
  at_ += sign + 2;
  *token = Make(block ? Tok::kBlockEnd : Tok::kVariableEnd, begin, at_);
  mode_ = Mode::kRoot;
  line_starting_ = false;
  if (sign == 1 && rest[0] == '-') {
    SkipSpace();
    line_starting_ = text_[at_ - 1] == '\n';
  } else if (block && sign == 0 && options_.trim_blocks && at_ < text_.size() &&
             text_[at_] == '\n') {
    ++at_;
    line_starting_ = true;
  }
  return true;
}

Token Lexer::InTag() {
  // The end tag is looked for before blanks are skipped, as Jinja2's rules are ordered.
  Token end;
  if (mode_ != Mode::kExpression && brackets_.empty() && TryEnd(&end)) return end;
  SkipSpace();
  if (at_ >= text_.size()) return Make(Tok::kEof, text_.size(), text_.size());
  if (mode_ != Mode::kExpression && brackets_.empty() && TryEnd(&end)) return end;
  char c = text_[at_];
  if (AsciiDigit(c)) return Number();
  if (NameByte(c)) return Name();
  if (c == '\'' || c == '"') return String();
  return Operator();
}

Token Lexer::Number() {
  size_t begin = at_;
  size_t whole = Decimals(text_, begin), end = whole;
  bool after_dot = begin > 0 && text_[begin - 1] == '.';
  if (!after_dot) {
    size_t i = whole;
    if (i + 1 < text_.size() && text_[i] == '.' && AsciiDigit(text_[i + 1]))
      i = Decimals(text_, i + 1);
    bool has_fraction = i != whole;
    size_t e = i;
    if (e < text_.size() && AsciiLower(text_[e]) == 'e') {
      ++e;
      if (e < text_.size() && (text_[e] == '+' || text_[e] == '-')) ++e;
      if (e < text_.size() && AsciiDigit(text_[e])) {
        at_ = Decimals(text_, e);
        return Make(Tok::kFloat, begin, at_);
      }
    }
    if (has_fraction) {
      at_ = i;
      return Make(Tok::kFloat, begin, at_);
    }
  }
  if (text_[begin] == '0') {
    char p = begin + 1 < text_.size() ? AsciiLower(text_[begin + 1]) : '\0';
    auto is = [&](auto digit) {
      size_t stop = DigitRun(text_, begin + 2, digit);
      if (stop == begin + 2) return false;
      end = stop;
      return true;
    };
    bool prefixed = (p == 'b' && is([](char d) { return d == '0' || d == '1'; })) ||
                    (p == 'o' && is([](char d) { return d >= '0' && d <= '7'; })) ||
                    (p == 'x' && is(HexDigit));
    if (!prefixed) end = DigitRun(text_, begin, [](char d) { return d == '0'; });
  }
  at_ = end;
  if (end - begin > 4300) return Fail("Exceeds the limit (4300 digits) for integers", begin);
  return Make(Tok::kInteger, begin, end);
}

Token Lexer::Name() {
  size_t begin = at_;
  bool ascii = true;
  while (at_ < text_.size() && NameByte(text_[at_])) {
    if (static_cast<unsigned char>(text_[at_]) < 128) {
      ++at_;
      continue;
    }
    CodePoint c = DecodeAt(text_, at_);
    if (c.bytes == 1 || !(IsIdentifier(c.value, false) || IsDigit(c.value))) break;
    ascii = false;
    at_ += c.bytes;
  }
  if (at_ == begin) return Fail("unexpected char at " + std::to_string(begin), begin);
  if (!ascii && !IsIdentifier(DecodeAt(text_, begin).value, true)) {
    return Fail("Invalid character in identifier", begin);
  }
  return Make(Tok::kName, begin, at_);
}

bool Lexer::UnescapeOne(std::string_view raw, size_t* i, std::string* out) {
  char c = raw[*i];
  size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits) {
    char32_t value = 0;
    for (size_t k = 1; k <= digits; ++k) {
      if (*i + k >= raw.size() || !HexDigit(raw[*i + k])) {
        error_ = digits == 2   ? "truncated \\xXX escape"
                 : digits == 4 ? "truncated \\uXXXX escape"
                               : "truncated \\UXXXXXXXX escape";
        return false;
      }
      char d = AsciiLower(raw[*i + k]);
      value = value * 16 + static_cast<char32_t>(d <= '9' ? d - '0' : d - 'a' + 10);
    }
    if (value > 0x10FFFF) {
      error_ = "illegal Unicode character";
      return false;
    }
    AppendUtf8(*out, value);
    *i += digits;
    return true;
  }
  if (c == 'N') {
    error_ = "\\N{...} is not supported";
    return false;
  }
  if (c >= '0' && c <= '7') {
    char32_t value = 0;
    size_t k = 0;
    for (; k < 3 && *i + k < raw.size() && raw[*i + k] >= '0' && raw[*i + k] <= '7'; ++k) {
      value = value * 8 + static_cast<char32_t>(raw[*i + k] - '0');
    }
    AppendUtf8(*out, value);
    *i += k - 1;
    return true;
  }
  static constexpr std::string_view kFrom = "abfnrtv\\'\"", kTo = "\a\b\f\n\r\t\v\\'\"";
  if (size_t at = kFrom.find(c); at != std::string_view::npos) {
    *out += kTo[at];
  } else if (static_cast<unsigned char>(c) >= 128) {
    // Python escapes the character first, and so doubles the backslash.
    CodePoint p = DecodeAt(raw, *i);
    char buffer[16];
    std::snprintf(buffer, sizeof buffer,
                  p.value < 0x100     ? "\\x%02x"
                  : p.value < 0x10000 ? "\\u%04x"
                                      : "\\U%08x",
                  static_cast<unsigned>(p.value));
    *out += buffer;
    *i += p.bytes - 1;
  } else if (c != '\n') {
    *out += '\\';
    *out += c;
  }
  return true;
}

bool Lexer::Unescape(std::string_view raw, size_t at, std::string* out) {
  out->reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      *out += raw[i];
      continue;
    }
    ++i;  // there is a next one: a backslash before the quote has escaped it
    if (!UnescapeOne(raw, &i, out)) return false;
  }
  return true;
}

Token Lexer::String() {
  char quote = text_[at_];
  bool escaped = false;
  size_t i = at_ + 1;
  while (i < text_.size() && text_[i] != quote) {
    if (text_[i] == '\\') {
      escaped = true;
      ++i;
    }
    ++i;
  }
  if (i >= text_.size()) {
    return Fail(std::string("unexpected char ") + (quote == '"' ? "'\"'" : "\"'\"") + " at " +
                    std::to_string(at_),
                at_);
  }
  Token t = Make(Tok::kString, at_, i + 1);
  std::string_view raw = text_.substr(at_ + 1, i - at_ - 1);
  if (escaped) {
    std::string value;
    if (!Unescape(raw, at_, &value)) return Fail(error_, at_);
    program_.strings.push_back(std::move(value));
    raw = program_.strings.back();
  }
  t.text = raw;
  at_ = i + 1;
  return t;
}

Token Lexer::Operator() {
  static constexpr struct {
    std::string_view text;
    Tok type;
  } kOperators[] = {
      {"//", Tok::kFloorDiv}, {"**", Tok::kPow},      {"==", Tok::kEq},    {"!=", Tok::kNe},
      {">=", Tok::kGe},       {"<=", Tok::kLe},       {"+", Tok::kAdd},    {"-", Tok::kSub},
      {"/", Tok::kDiv},       {"*", Tok::kMul},       {"%", Tok::kMod},    {"~", Tok::kTilde},
      {"[", Tok::kLBracket},  {"]", Tok::kRBracket},  {"(", Tok::kLParen}, {")", Tok::kRParen},
      {"{", Tok::kLBrace},    {"}", Tok::kRBrace},    {">", Tok::kGt},     {"<", Tok::kLt},
      {"=", Tok::kAssign},    {".", Tok::kDot},       {":", Tok::kColon},  {"|", Tok::kPipe},
      {",", Tok::kComma},     {";", Tok::kSemicolon},
  };
  std::string_view rest = text_.substr(at_);
  for (const auto& op : kOperators) {
    if (!rest.starts_with(op.text)) continue;
    size_t begin = at_;
    at_ += op.text.size();
    char c = op.text[0];
    if (op.type == Tok::kLBrace || op.type == Tok::kLParen || op.type == Tok::kLBracket) {
      brackets_.push_back(c == '{' ? '}' : c == '(' ? ')' : ']');
    } else if (op.type == Tok::kRBrace || op.type == Tok::kRParen || op.type == Tok::kRBracket) {
      if (brackets_.empty()) return Fail(std::string("unexpected '") + c + "'", begin);
      char expected = brackets_.back();
      brackets_.pop_back();
      if (expected != c) {
        return Fail(std::string("unexpected '") + c + "', expected '" + expected + "'", begin);
      }
    }
    return Make(op.type, begin, at_);
  }
  return Fail("unexpected char " + StringRepr(rest.substr(0, DecodeAt(rest, 0).bytes)) + " at " +
                  std::to_string(at_),
              at_);
}

}  // namespace tarn::jinja
