#include "jinja/json.h"

#include <algorithm>
#include <cmath>

#include "jinja/error.h"
#include "jinja/number.h"
#include "jinja/object.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

constexpr int kDeepest = 300;

std::string JsonString(std::string_view s, bool ensure_ascii) {
  std::string out = "\"";
  char buffer[16];
  for (size_t i = 0; i < s.size();) {
    CodePoint c = DecodeAt(s, i);
    std::string_view raw = s.substr(i, c.bytes);
    i += c.bytes;
    switch (c.value) {
      case '"': out += "\\\""; continue;
      case '\\': out += "\\\\"; continue;
      case '\n': out += "\\n"; continue;
      case '\r': out += "\\r"; continue;
      case '\t': out += "\\t"; continue;
      case '\b': out += "\\b"; continue;
      case '\f': out += "\\f"; continue;
      default: break;
    }
    if (c.value >= 32 && (c.value < 127 || (c.value == 127) || !ensure_ascii)) {
      out += raw;
    } else if (c.value >= 0x10000) {
      unsigned v = static_cast<unsigned>(c.value) - 0x10000;
      std::snprintf(buffer, sizeof buffer, "\\u%04x\\u%04x", 0xD800 + (v >> 10),
                    0xDC00 + (v & 0x3FF));
      out += buffer;
    } else {
      std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(c.value));
      out += buffer;
    }
  }
  return out + "\"";
}

class Writer {
 public:
  explicit Writer(const JsonOptions& options) : options_(options) {}
  Status Write(const Value& v, int depth);
  std::string out;

 private:
  Status WriteDict(const Dict& d, int depth);
  Status WriteList(const ValueList& items, int depth);
  void NewLine(int depth) {
    if (options_.indent >= 0)
      out += "\n" + std::string(static_cast<size_t>(options_.indent * depth), ' ');
  }
  std::string Comma() const { return options_.indent >= 0 ? "," : ", "; }
  const JsonOptions& options_;
};

Status Writer::Write(const Value& v, int depth) {
  if (depth > kDeepest) return ValueError("Circular reference detected");
  switch (v.kind()) {
    case Kind::kNone: out += "null"; return Status::Ok();
    case Kind::kBool: out += v.as_bool() ? "true" : "false"; return Status::Ok();
    case Kind::kInt:
    case Kind::kBigInt: out += IntegerText(v); return Status::Ok();
    case Kind::kFloat: {
      double d = v.as_float();
      out += std::isnan(d)   ? "NaN"
             : std::isinf(d) ? (d < 0 ? "-Infinity" : "Infinity")
                             : FloatRepr(d);
      return Status::Ok();
    }
    case Kind::kString: out += JsonString(v.str(), options_.ensure_ascii); return Status::Ok();
    case Kind::kList:
    case Kind::kTuple: return WriteList(v.list(), depth);
    case Kind::kDict: return WriteDict(v.dict(), depth);
    case Kind::kObject:
      if (auto items = v.object().Items()) {
        auto dict = MakeRef<Dict>();
        for (const auto& [key, value] : *items) TARN_RETURN_IF_ERROR(dict->Set(key, value));
        return WriteDict(*dict, depth);
      }
      break;
    default: break;
  }
  return TypeError("Object of type " + std::string(v.TypeName()) + " is not JSON serializable");
}

Status Writer::WriteList(const ValueList& items, int depth) {
  if (items.empty()) {
    out += "[]";
    return Status::Ok();
  }
  out += "[";
  for (size_t i = 0; i < items.size(); ++i) {
    if (i) out += Comma();
    NewLine(depth + 1);
    TARN_RETURN_IF_ERROR(Write(items[i], depth + 1));
  }
  NewLine(depth);
  out += "]";
  return Status::Ok();
}

Status Writer::WriteDict(const Dict& d, int depth) {
  if (d.empty()) {
    out += "{}";
    return Status::Ok();
  }
  std::vector<const Dict::Entry*> entries;
  for (const auto& e : d.entries()) entries.push_back(&e);
  if (options_.sort_keys) {
    Status bad;
    std::stable_sort(entries.begin(), entries.end(), [&](const auto* a, const auto* b) {
      auto less = Less(a->key, b->key);
      if (!less.ok() && bad.ok()) bad = less.status();
      return less.value_or(false);
    });
    TARN_RETURN_IF_ERROR(bad);
  }
  out += "{";
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i) out += Comma();
    NewLine(depth + 1);
    const Value& key = entries[i]->key;
    if (key.is_string()) {
      out += JsonString(key.str(), options_.ensure_ascii);
    } else if (key.is_none() || key.is_number()) {
      out += '"';
      TARN_RETURN_IF_ERROR(Write(key, depth + 1));
      out += '"';
    } else {
      return TypeError("keys must be str, int, float, bool or None, not " +
                       std::string(key.TypeName()));
    }
    out += ": ";
    TARN_RETURN_IF_ERROR(Write(entries[i]->value, depth + 1));
  }
  NewLine(depth);
  out += "}";
  return Status::Ok();
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  Result<Value> All() {
    TARN_ASSIGN_OR_RETURN(Value v, One(0));
    Space();
    if (at_ < text_.size()) return Bad("Extra data");
    return v;
  }

 private:
  void Space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || (text_[at_] >= '\t' && text_[at_] <= '\r')))
      ++at_;
  }
  Status Bad(std::string_view what) const {
    size_t line = 1 + static_cast<size_t>(std::count(
                          text_.begin(), text_.begin() + static_cast<int64_t>(at_), '\n'));
    size_t newline = at_ == 0 ? std::string_view::npos : text_.rfind('\n', at_ - 1);
    size_t column = newline == std::string_view::npos ? at_ + 1 : at_ - newline;
    return MakeError("JSONDecodeError", std::string(what) + ": line " + std::to_string(line) +
                                            " column " + std::to_string(column) + " (char " +
                                            std::to_string(at_) + ")");
  }
  bool Word(std::string_view w) {
    if (!text_.substr(at_).starts_with(w)) return false;
    at_ += w.size();
    return true;
  }
  Result<Value> One(int depth);
  Result<Value> Number();
  Result<Value> String();
  Result<Value> Items(int depth);
  Result<Value> Pairs(int depth);
  bool Hex4(char32_t* out);

  std::string_view text_;
  size_t at_ = 0;
};

Result<Value> Reader::One(int depth) {
  Space();
  if (depth > kDeepest) return MakeError("RecursionError", "the JSON nests too deep");
  if (at_ >= text_.size()) return Bad("Expecting value");
  char c = text_[at_];
  if (c == '{') return Pairs(depth);
  if (c == '[') return Items(depth);
  if (c == '"') return String();
  if (Word("null")) return Value::None();
  if (Word("true")) return Value(true);
  if (Word("false")) return Value(false);
  if (Word("NaN")) return Value(std::nan(""));
  if (Word("Infinity")) return Value(HUGE_VAL);
  if (Word("-Infinity")) return Value(-HUGE_VAL);
  if (c == '-' || AsciiDigit(c)) return Number();
  return Bad("Expecting value");
}

Result<Value> Reader::Number() {
  size_t begin = at_, i = at_;
  if (text_[i] == '-') ++i;
  size_t digits = i;
  while (i < text_.size() && AsciiDigit(text_[i])) ++i;
  if (i == digits) return Bad("Expecting value");
  if (text_[digits] == '0') i = digits + 1;
  bool real = false;
  if (i + 1 < text_.size() && text_[i] == '.' && AsciiDigit(text_[i + 1])) {
    real = true;
    ++i;
    while (i < text_.size() && AsciiDigit(text_[i])) ++i;
  }
  size_t e = i;
  if (e < text_.size() && AsciiLower(text_[e]) == 'e') {
    ++e;
    if (e < text_.size() && (text_[e] == '+' || text_[e] == '-')) ++e;
    if (e < text_.size() && AsciiDigit(text_[e])) {
      real = true;
      while (e < text_.size() && AsciiDigit(text_[e])) ++e;
      i = e;
    }
  }
  at_ = i;
  std::string_view number = text_.substr(begin, i - begin);
  if (real) return Value(ParseFloat(number).value_or(0));
  auto v = ParseInteger(number);
  return v ? Result<Value>(*v) : Bad("Exceeds the limit for integers");
}

bool Reader::Hex4(char32_t* out) {
  if (at_ + 4 > text_.size()) return false;
  char32_t v = 0;
  for (int k = 0; k < 4; ++k) {
    char c = AsciiLower(text_[at_ + static_cast<size_t>(k)]);
    if (!AsciiDigit(c) && !(c >= 'a' && c <= 'f')) return false;
    v = v * 16 + static_cast<char32_t>(AsciiDigit(c) ? c - '0' : c - 'a' + 10);
  }
  at_ += 4;
  *out = v;
  return true;
}

Result<Value> Reader::String() {
  std::string out;
  ++at_;
  while (at_ < text_.size() && text_[at_] != '"') {
    char c = text_[at_];
    if (static_cast<unsigned char>(c) < 32) return Bad("Invalid control character at");
    ++at_;
    if (c != '\\') {
      out += c;
      continue;
    }
    if (at_ >= text_.size()) break;
    static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    char e = text_[at_++];
    if (size_t k = kFrom.find(e); k != std::string_view::npos) {
      out += kTo[k];
    } else if (e == 'u') {
      char32_t v, low;
      if (!Hex4(&v)) return Bad("Invalid \\uXXXX escape");
      if (v >= 0xD800 && v < 0xDC00 && text_.substr(at_).starts_with("\\u")) {
        size_t back = at_;
        at_ += 2;
        if (Hex4(&low) && low >= 0xDC00 && low < 0xE000) {
          v = 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00);
        } else {
          at_ = back;
        }
      }
      AppendUtf8(out, v);
    } else {
      return Bad("Invalid \\escape");
    }
  }
  if (at_ >= text_.size()) return Bad("Unterminated string starting at");
  ++at_;
  return Value(std::move(out));
}

Result<Value> Reader::Items(int depth) {
  ValueList items;
  ++at_;
  Space();
  if (Word("]")) return Value::List();
  for (;;) {
    TARN_ASSIGN_OR_RETURN(Value v, One(depth + 1));
    items.push_back(std::move(v));
    Space();
    if (Word("]")) return Value::List(std::move(items));
    if (!Word(",")) return Bad("Expecting ',' delimiter");
  }
}

Result<Value> Reader::Pairs(int depth) {
  auto dict = MakeRef<Dict>();
  ++at_;
  Space();
  if (Word("}")) return Value(dict);
  for (;;) {
    Space();
    if (at_ >= text_.size() || text_[at_] != '"') {
      return Bad("Expecting property name enclosed in double quotes");
    }
    TARN_ASSIGN_OR_RETURN(Value key, String());
    Space();
    if (!Word(":")) return Bad("Expecting ':' delimiter");
    TARN_ASSIGN_OR_RETURN(Value v, One(depth + 1));
    dict->Set(key.str(), std::move(v));
    Space();
    if (Word("}")) return Value(dict);
    if (!Word(",")) return Bad("Expecting ',' delimiter");
  }
}

}  // namespace

Result<std::string> ToJsonText(const Value& v, const JsonOptions& options) {
  Writer w(options);
  TARN_RETURN_IF_ERROR(w.Write(v, 0));
  return std::move(w.out);
}

Result<Value> FromJsonText(std::string_view text) { return Reader(text).All(); }

}  // namespace tarn::jinja
