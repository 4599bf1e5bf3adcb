#include "codec/json_walk.h"

#include <cstdint>
#include <cstring>

namespace tarn::codec {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void AppendUtf8(uint32_t code, std::string* out) {
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (code >> 6)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (code >> 12)));
    out->push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | (code >> 18)));
    out->push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

}  // namespace

int32_t ReadJsonHex4(std::string_view text, size_t at) {
  if (at + 4 > text.size()) return -1;
  int32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    const int digit = HexValue(text[at + i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

JsonWalker::JsonWalker(std::string_view container) : text_(container) {
  SkipSpace();
  if (at_ < text_.size() && (text_[at_] == '{' || text_[at_] == '[')) kind_ = text_[at_++];
}

void JsonWalker::SkipSpace() {
  while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
}

void JsonWalker::SkipString() {
  for (++at_; at_ < text_.size();) {
    const char c = text_[at_];
    if (c == '"') break;
    at_ += c == '\\' ? 2 : 1;
  }
  at_ = at_ < text_.size() ? at_ + 1 : text_.size();
}

void JsonWalker::SkipValue() {
  size_t depth = 0;
  while (at_ < text_.size()) {
    switch (text_[at_]) {
      case '"': SkipString(); break;
      case '{':
      case '[':
        ++depth;
        ++at_;
        break;
      case '}':
      case ']':
        if (depth == 0) return;  // the container's own end: there was no value
        --depth;
        ++at_;
        break;
      default:
        // A word or a number at the top ends the value; inside, everything else is passed over.
        if (depth > 0) {
          ++at_;
          continue;
        }
        while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}' && text_[at_] != ']' &&
               !IsSpace(text_[at_])) {
          ++at_;
        }
    }
    if (depth == 0) return;
  }
}

bool JsonWalker::Next(std::string_view* key, std::string_view* value) {
  SkipSpace();
  if (kind_ == 0 || at_ >= text_.size() || text_[at_] == '}' || text_[at_] == ']') return false;
  *key = {};
  if (kind_ == '{') {
    if (text_[at_] != '"') return false;
    const size_t from = at_ + 1;
    SkipString();
    *key = text_.substr(from, at_ - from - 1);
    SkipSpace();
    if (at_ >= text_.size() || text_[at_] != ':') return false;
    ++at_;
    SkipSpace();
  }
  const size_t from = at_;
  SkipValue();
  *value = text_.substr(from, at_ - from);
  SkipSpace();
  if (at_ < text_.size() && text_[at_] == ',') ++at_;
  return !value->empty();
}

std::string UnescapeJson(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      out.push_back(text[at++]);
      continue;
    }
    const char c = text[at + 1];
    at += 2;
    switch (c) {
      case 'b': out.push_back('\b'); break;
      case 'f': out.push_back('\f'); break;
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case 't': out.push_back('\t'); break;
      case 'u': {
        uint32_t code = static_cast<uint32_t>(ReadJsonHex4(text, at));
        at += 4;
        if (code >= 0xD800 && code <= 0xDBFF) {
          const uint32_t low = static_cast<uint32_t>(ReadJsonHex4(text, at + 2));
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
          at += 6;
        }
        AppendUtf8(code, &out);
        break;
      }
      default: out.push_back(c);
    }
  }
  return out;
}

std::string_view JsonStringValue(std::string_view bare, std::string* scratch) {
  if (bare.find('\\') == std::string_view::npos) return bare;
  *scratch = UnescapeJson(bare);
  return *scratch;
}

}  // namespace tarn::codec
