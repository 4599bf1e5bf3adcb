#include "codec/json_text.h"

#include <cstdint>
#include <cstring>
#include <vector>

#include "codec/json_walk.h"

namespace tarn::codec {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Length of the valid UTF-8 sequence at `at`, 0 when there is none.
size_t SequenceLength(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto trail = [&](size_t i) { return at + i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return trail(1) ? 2 : 0;
  if (lead < 0xF0) {
    if (!trail(1) || !trail(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (lead > 0xF4 || !trail(1) || !trail(2) || !trail(3)) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return 4;
}

class Checker {
 public:
  Checker(std::string_view text, size_t max_depth) : text_(text), max_depth_(max_depth) {}

  std::optional<JsonFault> Run() {
    SkipSpace();
    if (!Value()) return fault_;
    while (!open_.empty()) {
      if (!Continue()) return fault_;
    }
    SkipSpace();
    if (at_ < text_.size()) Fail("json.syntax", "text follows the end of the value");
    return fault_;
  }

 private:
  bool Fail(const char* rule, const std::string& what) {
    fault_ = JsonFault{at_, rule, what + " at byte " + std::to_string(at_) + " of the record"};
    return false;
  }
  bool Syntax(const std::string& what) {
    if (at_ >= text_.size()) return Fail("json.cut_off", "the text ends inside a value");
    return Fail("json.syntax", what);
  }
  void SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
  }
  bool At(char c) const { return at_ < text_.size() && text_[at_] == c; }

  // A whole scalar, or the opening of containers down to the first scalar or closed one. A loop:
  // how deep a record nests is not the stack's business.
  bool Value() {
    for (bool inside = true; inside;) {
      if (at_ >= text_.size()) return Syntax("");
      inside = false;
      switch (text_[at_]) {
        case '{':
        case '[':
          if (!Open(&inside)) return false;
          break;
        case '"': return String();
        case 't': return Word("true");
        case 'f': return Word("false");
        case 'n': return Word("null");
        default: return Number();
      }
    }
    return true;
  }

  // An opening with the first key's colon, or a container closed at once. `inside`: a value must
  // follow.
  bool Open(bool* inside) {
    if (open_.size() >= max_depth_) {
      return Fail("json.depth", "nested deeper than " + std::to_string(max_depth_));
    }
    const char open = text_[at_++];
    SkipSpace();
    if (At(open == '{' ? '}' : ']')) {
      ++at_;
      return true;
    }
    open_.push_back(open);
    if (open == '{' && !Key()) return false;
    SkipSpace();
    *inside = true;
    return true;
  }

  // Behind a value inside a container: a comma and the next value, or the close.
  bool Continue() {
    SkipSpace();
    const bool object = open_.back() == '{';
    if (At(object ? '}' : ']')) {
      ++at_;
      open_.pop_back();
      return true;
    }
    if (!At(',')) return Syntax(object ? "expected ',' or '}'" : "expected ',' or ']'");
    ++at_;
    SkipSpace();
    if (object && !Key()) return false;
    SkipSpace();
    return Value();
  }

  bool Key() {
    if (!At('"')) return Syntax("expected a key in quotes");
    if (!String()) return false;
    SkipSpace();
    if (!At(':')) return Syntax("expected ':'");
    ++at_;
    return true;
  }

  bool String() {
    ++at_;
    while (at_ < text_.size()) {
      const unsigned char c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '\\') {
        if (!Escape()) return false;
      } else if (c < 0x20) {
        return Fail("json.syntax", "a control character inside a string");
      } else if (c < 0x80) {
        ++at_;
      } else {
        const size_t length = SequenceLength(text_, at_);
        if (length == 0) return Fail("json.utf8", "invalid UTF-8");
        at_ += length;
      }
    }
    return Syntax("");
  }

  bool Escape() {
    if (at_ + 1 >= text_.size()) {
      at_ = text_.size();
      return Syntax("");
    }
    const char c = text_[at_ + 1];
    if (c != 'u') {
      if (std::strchr("\"\\/bfnrt", c) == nullptr || c == '\0') {
        return Fail("json.syntax", "unknown escape");
      }
      at_ += 2;
      return true;
    }
    const int32_t code = ReadJsonHex4(text_, at_ + 2);
    if (code < 0) return Fail("json.syntax", "\\u without four hex digits");
    if (code >= 0xDC00 && code <= 0xDFFF) return Fail("json.surrogate", "half a surrogate pair");
    if (code >= 0xD800 && code <= 0xDBFF) {
      const bool escaped = text_.substr(at_ + 6, 2) == "\\u";
      const int32_t low = escaped ? ReadJsonHex4(text_, at_ + 8) : -1;
      if (low < 0xDC00 || low > 0xDFFF) return Fail("json.surrogate", "half a surrogate pair");
      at_ += 6;
    }
    at_ += 6;
    return true;
  }

  bool Word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return Syntax("expected a value");
    at_ += word.size();
    return true;
  }

  bool Digits() {
    const size_t from = at_;
    while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
    return at_ > from;
  }

  bool Number() {
    if (At('-')) ++at_;
    if (At('0')) {
      ++at_;
    } else if (!Digits()) {
      return Syntax("expected a value");
    }
    if (At('.')) {
      ++at_;
      if (!Digits()) return Syntax("expected a digit");
    }
    if (At('e') || At('E')) {
      ++at_;
      if (At('+') || At('-')) ++at_;
      if (!Digits()) return Syntax("expected a digit");
    }
    return true;
  }

  std::string_view text_;
  size_t max_depth_;
  size_t at_ = 0;
  std::string open_;  // the brackets around at_, outermost first
  std::optional<JsonFault> fault_;
};

}  // namespace

std::optional<JsonFault> CheckJson(std::string_view text, size_t max_depth) {
  return Checker(text, max_depth).Run();
}

size_t FindInvalidUtf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t word = 0;
    if (at + 8 <= text.size()) {
      std::memcpy(&word, text.data() + at, 8);
      if ((word & 0x8080808080808080ull) == 0) {
        at += 8;
        continue;
      }
    }
    const size_t length = SequenceLength(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

std::optional<std::string> TopLevelField(std::string_view object, std::string_view name) {
  JsonWalker walker(object);
  if (!walker.is_object()) return std::nullopt;
  std::string_view key, value;
  std::string scratch;
  while (walker.Next(&key, &value)) {
    if (JsonStringValue(key, &scratch) != name) continue;
    if (value == "null") return std::nullopt;
    if (value.front() == '"') return UnescapeJson(value.substr(1, value.size() - 2));
    return std::string(value);
  }
  return std::nullopt;
}

std::string JsonString(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (size_t at = 0; at < bytes.size();) {
    const unsigned char c = static_cast<unsigned char>(bytes[at]);
    const size_t length = SequenceLength(bytes, at);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      ++at;
      continue;
    }
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(c));
    } else if (c < 0x20) {
      out += "\\u00";
      out.push_back(kDigits[c >> 4]);
      out.push_back(kDigits[c & 15]);
    } else {
      out.append(bytes.substr(at, length));
    }
    at += length;
  }
  out.push_back('"');
  return out;
}

}  // namespace tarn::codec
