// Cuts a template's text into Jinja2's tokens, one at a time.
//
// Whitespace control, raw blocks, comments and trimming are done here. The text must be normalised:
// newlines are "\n". Bad input yields kError once and then kEof.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/environment.h"

namespace tarn::jinja {

struct Program;

enum class Tok : uint8_t {
  kEof,
  kError,
  kData,
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kInteger,
  kFloat,
  kString,
  kAdd,
  kSub,
  kDiv,
  kFloorDiv,
  kMul,
  kMod,
  kPow,
  kTilde,
  kLBracket,
  kRBracket,
  kLParen,
  kRParen,
  kLBrace,
  kRBrace,
  kEq,
  kNe,
  kGt,
  kGe,
  kLt,
  kLe,
  kAssign,
  kDot,
  kColon,
  kPipe,
  kComma,
  kSemicolon,
};

struct Token {
  Tok type = Tok::kEof;
  uint32_t offset = 0;    // of its first byte
  uint32_t end = 0;       // behind its last byte
  std::string_view text;  // data, name, number; a string's value without quotes and escapes
};

// "end of print statement", "name", ...: what Jinja2's messages call a token.
std::string DescribeToken(const Token& token);
std::string_view DescribeType(Tok type);

class Lexer {
 public:
  // `program` keeps the text and the unescaped strings.
  Lexer(Program& program, const EnvironmentOptions& options);
  // Starts inside an expression, that ends with the text.
  void StartInExpression() { mode_ = Mode::kExpression; }
  Token Next();
  // REQUIRES: Next() gave kError.
  const std::string& error() const { return error_; }

 private:
  enum class Mode : uint8_t { kRoot, kVariable, kBlock, kExpression };
  Token Root();
  Token InTag();
  Token Comment(size_t begin);
  // A raw block that opens at `at`: true when the tag is one, with the position behind it.
  bool RawBegin(size_t at, size_t* behind) const;
  Token Raw(size_t at, size_t behind);
  Token Number();
  Token Name();
  Token String();
  Token Operator();
  bool TryEnd(Token* token);
  std::string_view TrimBefore(std::string_view data, size_t tag, bool variable) const;
  Token Make(Tok type, size_t begin, size_t end) const;
  Token Fail(std::string message, size_t at);
  void SkipSpace();
  bool Unescape(std::string_view raw, size_t at, std::string* out);
  bool UnescapeOne(std::string_view raw, size_t* i, std::string* out);

  Program& program_;
  const EnvironmentOptions& options_;
  std::string_view text_;
  size_t at_ = 0;
  Mode mode_ = Mode::kRoot;
  bool line_starting_ = true;
  std::vector<char> brackets_;
  std::string error_;
};

}  // namespace tarn::jinja
