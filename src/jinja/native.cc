#include "jinja/native.h"

#include <algorithm>
#include <cmath>

#include "jinja/ast.h"
#include "jinja/ast_walk.h"
#include "jinja/error.h"
#include "jinja/lexer.h"
#include "jinja/number.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

constexpr int kDeepest = 90;

// Python's own literals; what the lexer of templates does not know (prefixes, triple quotes,
// comments) is handled or refused here.
class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : text_(text) {}
  Result<Value> All() {
    // ast.literal_eval drops blanks and tabs before the text, and nothing else.
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    TARN_ASSIGN_OR_RETURN(Value v, Sum(0));
    Space(false);
    if (at_ < text_.size() && text_[at_] == ',') {
      // A bare tuple: 1, 2
      ValueList items{std::move(v)};
      while (Take(',')) {
        Space(false);
        if (at_ >= text_.size()) break;
        TARN_ASSIGN_OR_RETURN(Value next, Sum(0));
        items.push_back(std::move(next));
        Space(false);
      }
      v = Value::Tuple(std::move(items));
    }
    Space(true);
    if (at_ < text_.size()) return Bad();
    return v;
  }

 private:
  Status Bad() const { return MakeError("SyntaxError", "invalid syntax"); }
  void Space(bool newlines) {
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (c == ' ' || c == '\t' || c == '\f' || (newlines && (c == '\n' || c == '\r'))) {
        ++at_;
      } else {
        break;
      }
    }
  }
  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Result<Value> Sum(int depth);
  Result<Value> Signed(int depth);
  Result<Value> One(int depth);
  Result<Value> Word();
  Result<Value> Number();
  Result<Value> Strings();
  Result<std::string> OneString();
  Result<Value> Sequence(char open, int depth);
  Result<Value> Braces(int depth);

  std::string_view text_;
  size_t at_ = 0;
  int inside_ = 0;  // brackets: newlines are blanks there
};

Result<Value> LiteralReader::Sum(int depth) {
  TARN_ASSIGN_OR_RETURN(Value v, Signed(depth));
  Space(inside_ > 0);
  if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) {
    TARN_RETURN_IF_ERROR(Signed(depth).status());
    return ValueError("malformed node or string: complex numbers are not supported");
  }
  return v;
}

Result<Value> LiteralReader::Signed(int depth) {
  if (depth > kDeepest) return MakeError("RecursionError", "the literal nests too deep");
  Space(inside_ > 0);
  if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+')) {
    bool negative = text_[at_++] == '-';
    Space(inside_ > 0);
    bool again = at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+');
    TARN_ASSIGN_OR_RETURN(Value v, Signed(depth + 1));
    if (again || !v.is_number() || v.is_bool()) return ValueError("malformed node or string");
    return negative ? Negate(v) : v;
  }
  return One(depth);
}

Result<Value> LiteralReader::One(int depth) {
  if (at_ >= text_.size()) return Bad();
  char c = text_[at_];
  if (c == '[' || c == '(') return Sequence(c, depth + 1);
  if (c == '{') return Braces(depth + 1);
  if (c == '\'' || c == '"') return Strings();
  if (AsciiDigit(c) || c == '.') return Number();
  return Word();
}

Result<Value> LiteralReader::Word() {
  size_t begin = at_;
  while (at_ < text_.size() && (AsciiDigit(text_[at_]) || text_[at_] == '_' ||
                                (AsciiLower(text_[at_]) >= 'a' && AsciiLower(text_[at_]) <= 'z') ||
                                static_cast<unsigned char>(text_[at_]) >= 128)) {
    ++at_;
  }
  std::string_view word = text_.substr(begin, at_ - begin);
  if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
    std::string lower = ToLower(word);
    if (lower == "u") return Strings();
    if (lower == "r") {
      at_ = begin;
      return Strings();
    }
    return ValueError("malformed node or string");
  }
  if (word == "None") return Value::None();
  if (word == "True") return Value(true);
  if (word == "False") return Value(false);
  if (word == "set") {
    Space(inside_ > 0);
    if (Take('(')) {
      Space(true);
      if (Take(')')) return Value(MakeRef<Set>());
    }
  }
  return word.empty() ? Bad() : ValueError("malformed node or string: " + std::string(word));
}

Result<Value> LiteralReader::Number() {
  size_t begin = at_;
  while (at_ < text_.size()) {
    char c = AsciiLower(text_[at_]);
    bool exponent_sign = (c == '+' || c == '-') && at_ > begin &&
                         AsciiLower(text_[at_ - 1]) == 'e' &&
                         !(at_ > begin + 1 && AsciiLower(text_[begin + 1]) == 'x');
    if (!AsciiDigit(c) && c != '.' && c != '_' && !(c >= 'a' && c <= 'z') && !exponent_sign) break;
    ++at_;
  }
  std::string_view number = text_.substr(begin, at_ - begin);
  if (auto i = ParseInteger(number, 0)) return *i;
  bool prefixed = number.size() > 1 && number[0] == '0' && !AsciiDigit(number[1]) &&
                  number[1] != '.' && AsciiLower(number[1]) != 'e';
  bool real = number.find_first_of(".eE") != std::string_view::npos;
  if (!prefixed && real) {
    if (auto d = ParseFloat(number)) return Value(*d);
  }
  return Bad();
}

Result<std::string> LiteralReader::OneString() {
  bool raw = AsciiLower(text_[at_]) == 'r';
  if (raw) ++at_;
  char quote = text_[at_];
  bool triple = text_.substr(at_).starts_with(std::string(3, quote));
  std::string close(triple ? 3 : 1, quote);
  size_t begin = at_ + close.size(), i = begin;
  while (i < text_.size() && !text_.substr(i).starts_with(close)) {
    if (text_[i] == '\n' && !triple) return Bad();
    i += text_[i] == '\\' ? 2 : 1;
  }
  if (i >= text_.size()) return MakeError("SyntaxError", "unterminated string literal");
  std::string_view inner = text_.substr(begin, i - begin);
  at_ = i + close.size();
  if (raw || inner.find('\\') == std::string_view::npos) return std::string(inner);
  // The escapes are those of the template language's strings.
  Program program;
  program.text = std::string("\"") + ReplaceAll(std::string(inner), "\"", "\\\"") + "\"";
  if (quote == '"' && !triple) program.text = "\"" + std::string(inner) + "\"";
  static const EnvironmentOptions kOptions;
  Lexer lexer(program, kOptions);
  lexer.StartInExpression();
  Token token = lexer.Next();
  if (token.type != Tok::kString) return MakeError("SyntaxError", lexer.error());
  return std::string(token.text);
}

Result<Value> LiteralReader::Strings() {
  std::string out;
  for (;;) {
    TARN_ASSIGN_OR_RETURN(std::string part, OneString());
    out += part;
    size_t back = at_;
    Space(inside_ > 0);
    if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) continue;
    at_ = back;
    return Value(std::move(out));
  }
}

Result<Value> LiteralReader::Sequence(char open, int depth) {
  ++at_;
  ++inside_;
  char close = open == '[' ? ']' : ')';
  ValueList items;
  bool comma = false;
  for (;;) {
    Space(true);
    if (Take(close)) break;
    if (!items.empty() && !comma) return Bad();
    TARN_ASSIGN_OR_RETURN(Value v, Sum(depth));
    items.push_back(std::move(v));
    Space(true);
    comma = Take(',');
  }
  --inside_;
  if (open == '[') return Value::List(std::move(items));
  if (items.size() == 1 && !comma) return items[0];
  return Value::Tuple(std::move(items));
}

Result<Value> LiteralReader::Braces(int depth) {
  ++at_;
  ++inside_;
  auto dict = MakeRef<Dict>();
  auto set = MakeRef<Set>();
  bool is_set = false, any = false, comma = true;
  for (;;) {
    Space(true);
    if (Take('}')) break;
    if (!comma) return Bad();
    TARN_ASSIGN_OR_RETURN(Value key, Sum(depth));
    Space(true);
    bool pair = Take(':');
    if (any && pair == is_set) return Bad();
    is_set = !pair;
    any = true;
    if (pair) {
      TARN_ASSIGN_OR_RETURN(Value v, Sum(depth));
      TARN_RETURN_IF_ERROR(dict->Set(key, std::move(v)));
    } else {
      TARN_RETURN_IF_ERROR(set->Add(key));
    }
    Space(true);
    comma = Take(',');
  }
  --inside_;
  return is_set ? Value(set) : Value(dict);
}

// What a filter of dbt asks the renderer to make of its value.
class Marked : public Object {
 public:
  enum class Kind { kText, kBool, kNumber, kNative };
  Marked(Kind kind, Value v) : kind(kind), value(std::move(v)) {}
  std::string_view TypeName() const override { return "str"; }
  std::string Str() const override { return value.Str(); }
  std::string Repr() const override { return value.Repr(); }
  bool Truthy() const override { return value.Truthy(); }
  bool Equals(const Value& other) const override { return Equal(value, other); }
  Kind kind;
  Value value;
};

HostFunction Marker(Marked::Kind kind) {
  return [kind](CallArgs& a) -> Result<Value> {
    TARN_RETURN_IF_ERROR(a.Check("filter", {"value"}, 1));
    return Value(Ref<Object>(new Marked(kind, a.positional[0])));
  };
}

Result<Value> Converted(const Marked& m) {
  const Value& v = m.value;
  if (m.kind == Marked::Kind::kText) return Value(v.Str());
  Value native = v;
  if (v.is_string()) {
    auto literal = LiteralEval(v.str());
    if (literal.ok()) native = *literal;
  }
  if (m.kind == Marked::Kind::kBool && !native.is_bool()) {
    return MakeError("JinjaRenderingError",
                     "Could not convert value '" + v.Str() + "' into type 'bool'");
  }
  if (m.kind == Marked::Kind::kNumber && (!native.is_number() || native.is_bool())) {
    return MakeError("JinjaRenderingError",
                     "Could not convert value '" + v.Str() + "' into type 'number'");
  }
  return native;
}

}  // namespace

Result<Value> LiteralEval(std::string_view text) { return LiteralReader(text).All(); }

void AddNativeFilters(Environment& env) {
  env.SetFilter("as_text", Marker(Marked::Kind::kText));
  env.SetFilter("as_bool", Marker(Marked::Kind::kBool));
  env.SetFilter("as_number", Marker(Marked::Kind::kNumber));
  env.SetFilter("as_native", Marker(Marked::Kind::kNative));
}

void AddTextFilters(Environment& env) {
  for (const char* name : {"as_text", "as_bool", "as_number", "as_native"}) {
    env.SetFilter(name, [](CallArgs& a) -> Result<Value> {
      TARN_RETURN_IF_ERROR(a.Check("filter", {"value"}, 1));
      return a.positional[0];
    });
  }
}

Result<Value> RenderNative(Session& session, const Template& t) {
  TARN_ASSIGN_OR_RETURN(Value v, session.Evaluate(t));
  if (auto* marked = v.As<Marked>()) return Converted(*marked);
  if (v.is_undefined()) return Value("");
  // The optimizer folds a constant into the text around it.
  const Expr* expression = t.program().expression;
  if (expression && !v.is_object() && IsConstant(expression)) return Value(v.Str());
  return v;
}

Result<Value> RenderJinjaNative(Session& session, const Template& t) {
  TARN_ASSIGN_OR_RETURN(Value v, session.Evaluate(t));
  if (!v.is_string()) return v;
  if (v.str().starts_with(' ') || v.str().starts_with('\t'))
    return v;  // Python: an indented expression
  auto literal = LiteralEval(v.str());
  return literal.ok() ? *literal : v;
}

}  // namespace tarn::jinja
