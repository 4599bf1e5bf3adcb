#include "jinja/text.h"

#include <locale.h>
#include <clocale>
#include <cwctype>

namespace tarn::jinja {
namespace {

// glibc has the whole of Unicode in its built-in C.UTF-8, whatever the process' own locale is.
locale_t Unicode() {
  static const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return unicode;
}

wint_t Wide(char32_t c) { return static_cast<wint_t>(c); }

char32_t UpperOf(char32_t c) {
  if (c < 128) return c >= 'a' && c <= 'z' ? c - 32 : c;
  return Unicode() ? static_cast<char32_t>(towupper_l(Wide(c), Unicode())) : c;
}

char32_t LowerOf(char32_t c) {
  if (c < 128) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  return Unicode() ? static_cast<char32_t>(towlower_l(Wide(c), Unicode())) : c;
}

// The characters whose upper case is more than one character; the common ones.
std::string_view LongUpper(char32_t c, bool title) {
  switch (c) {
    case 0xDF: return title ? "Ss" : "SS";
    case 0x149: return "\xCA\xBCN";
    case 0xFB00: return title ? "Ff" : "FF";
    case 0xFB01: return title ? "Fi" : "FI";
    case 0xFB02: return title ? "Fl" : "FL";
    case 0xFB03: return title ? "Ffi" : "FFI";
    case 0xFB04: return title ? "Ffl" : "FFL";
    case 0xFB05:
    case 0xFB06: return title ? "St" : "ST";
    default: return {};
  }
}

void AppendUpper(std::string& out, char32_t c, bool title = false) {
  if (c >= 128) {
    if (std::string_view more = LongUpper(c, title); !more.empty()) {
      out += more;
      return;
    }
  }
  AppendUtf8(out, UpperOf(c));
}

template <typename F>
std::string MapCharacters(std::string_view s, const F& f) {
  std::string out;
  out.reserve(s.size());
  for (size_t i = 0; i < s.size();) {
    CodePoint c = DecodeAt(s, i);
    if (c.bytes == 1 && static_cast<unsigned char>(s[i]) >= 128) {
      out += s[i];  // no UTF-8: kept as it is
    } else {
      f(out, c.value);
    }
    i += c.bytes;
  }
  return out;
}

bool Cased(char32_t c) {
  return UpperOf(c) != c || LowerOf(c) != c || !LongUpper(c, false).empty();
}

}  // namespace

bool IsAscii(std::string_view s) {
  unsigned char all = 0;
  for (char c : s) all |= static_cast<unsigned char>(c);
  return all < 128;
}

CodePoint DecodeAt(std::string_view s, size_t i) {
  auto byte = [&](size_t k) { return static_cast<unsigned char>(s[k]); };
  unsigned char b = byte(i);
  if (b < 0x80) return {b, 1};
  uint8_t more = b >= 0xF0 && b <= 0xF4  ? 3
                 : b >= 0xE0 && b < 0xF0 ? 2
                 : b >= 0xC2 && b < 0xE0 ? 1
                                         : 0;
  if (more == 0 || i + more >= s.size()) {
    if (more == 0 || i + more > s.size() - 1) return {b, 1};
  }
  char32_t c = b & (0x3F >> more);
  for (uint8_t k = 1; k <= more; ++k) {
    if ((byte(i + k) & 0xC0) != 0x80) return {b, 1};
    c = (c << 6) | (byte(i + k) & 0x3F);
  }
  if ((more == 2 && c < 0x800) || (more == 3 && (c < 0x10000 || c > 0x10FFFF))) return {b, 1};
  return {c, static_cast<uint8_t>(more + 1)};
}

void AppendUtf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

size_t CountCodePoints(std::string_view s) {
  if (IsAscii(s)) return s.size();
  size_t n = 0;
  for (size_t i = 0; i < s.size(); i += DecodeAt(s, i).bytes) ++n;
  return n;
}

std::vector<std::string_view> Characters(std::string_view s) {
  std::vector<std::string_view> out;
  out.reserve(s.size());
  for (size_t i = 0; i < s.size();) {
    size_t n = DecodeAt(s, i).bytes;
    out.push_back(s.substr(i, n));
    i += n;
  }
  return out;
}

size_t ByteOffset(std::string_view s, size_t index) {
  if (IsAscii(s)) return std::min(index, s.size());
  size_t i = 0;
  for (; i < s.size() && index > 0; --index) i += DecodeAt(s, i).bytes;
  return i;
}

bool IsSpace(char32_t c) {
  if (c < 128) return AsciiSpace(static_cast<char>(c));
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool IsDigit(char32_t c) {
  if (c < 128) return c >= '0' && c <= '9';
  // Superscripts count for str.isdigit.
  if (c == 0xB2 || c == 0xB3 || c == 0xB9) return true;
  // The decimal digits of the other scripts of the basic plane: blocks of ten that begin here.
  static constexpr char32_t kZeros[] = {0x660, 0x6F0, 0x7C0, 0x966,  0x9E6, 0xA66,
                                        0xAE6, 0xB66, 0xBE6, 0xC66,  0xCE6, 0xD66,
                                        0xE50, 0xED0, 0xF20, 0x1040, 0xFF10};
  for (char32_t zero : kZeros) {
    if (c >= zero && c < zero + 10) return true;
  }
  return false;
}

bool IsAlpha(char32_t c) {
  if (c < 128) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return Unicode() && iswalpha_l(Wide(c), Unicode()) && !IsDigit(c);
}

bool IsUpper(char32_t c) {
  if (c < 128) return c >= 'A' && c <= 'Z';
  return Unicode() && iswupper_l(Wide(c), Unicode());
}

bool IsLower(char32_t c) {
  if (c < 128) return c >= 'a' && c <= 'z';
  return (Unicode() && iswlower_l(Wide(c), Unicode())) || !LongUpper(c, false).empty();
}

bool IsPrintable(char32_t c) {
  if (c < 128) return c >= 32 && c < 127;
  if (c < 0xA1 || c == 0xAD || (c >= 0xD800 && c < 0xF900)) return false;
  if (IsSpace(c)) return false;
  if ((c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E)) return false;
  if ((c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF0 && c <= 0xFFFB)) return false;
  return Unicode() == nullptr || iswprint_l(Wide(c), Unicode());
}

bool IsIdentifier(char32_t c, bool first) {
  if (c < 128) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (!first && c >= '0' && c <= '9');
  }
  if (IsAlpha(c)) return true;
  if (first) return false;
  return (IsDigit(c) && c != 0xB2 && c != 0xB3 && c != 0xB9) || c == 0xB7 ||
         (c >= 0x300 && c < 0x370);
}

std::string ToUpper(std::string_view s) {
  return MapCharacters(s, [](std::string& out, char32_t c) { AppendUpper(out, c); });
}

std::string ToLower(std::string_view s) {
  return MapCharacters(s, [](std::string& out, char32_t c) {
    if (c == 0x130) {
      out += "i\xCC\x87";
    } else {
      AppendUtf8(out, LowerOf(c));
    }
  });
}

std::string ToTitle(std::string_view s) {
  bool in_word = false;
  return MapCharacters(s, [&](std::string& out, char32_t c) {
    if (in_word) {
      AppendUtf8(out, LowerOf(c));
    } else {
      AppendUpper(out, c, true);
    }
    in_word = Cased(c);
  });
}

std::string ToCapitalized(std::string_view s) {
  bool first = true;
  return MapCharacters(s, [&](std::string& out, char32_t c) {
    if (first) {
      AppendUpper(out, c, true);
    } else {
      AppendUtf8(out, LowerOf(c));
    }
    first = false;
  });
}

std::string SwapCase(std::string_view s) {
  return MapCharacters(s, [](std::string& out, char32_t c) {
    if (IsUpper(c)) {
      AppendUtf8(out, LowerOf(c));
    } else {
      AppendUpper(out, c);
    }
  });
}

std::string_view StripSpaceLeft(std::string_view s) {
  while (!s.empty()) {
    CodePoint c = DecodeAt(s, 0);
    if (!IsSpace(c.value) || (c.bytes == 1 && c.value >= 128)) break;
    s.remove_prefix(c.bytes);
  }
  return s;
}

std::string_view StripSpaceRight(std::string_view s) {
  while (!s.empty()) {
    size_t i = s.size() - 1;
    while (i > 0 && s.size() - i < 4 && (static_cast<unsigned char>(s[i]) & 0xC0) == 0x80) --i;
    CodePoint c = DecodeAt(s, i);
    if (i + c.bytes != s.size() || !IsSpace(c.value) || (c.bytes == 1 && c.value >= 128)) break;
    s.remove_suffix(c.bytes);
  }
  return s;
}

std::string_view StripSpace(std::string_view s) { return StripSpaceLeft(StripSpaceRight(s)); }

std::string ReplaceAll(std::string_view s, std::string_view from, std::string_view to,
                       int64_t count) {
  std::string out;
  if (from.empty()) {
    // Between all characters, as Python does it.
    std::vector<std::string_view> all = Characters(s);
    for (size_t i = 0; i <= all.size(); ++i) {
      if (count != 0) {
        out += to;
        --count;
      }
      if (i < all.size()) out += all[i];
    }
    return out;
  }
  size_t at = 0;
  while (count != 0) {
    size_t hit = s.find(from, at);
    if (hit == std::string_view::npos) break;
    out.append(s.substr(at, hit - at)).append(to);
    at = hit + from.size();
    --count;
  }
  out.append(s.substr(at));
  return out;
}

std::vector<std::string_view> SplitWords(std::string_view s, int64_t max) {
  std::vector<std::string_view> out;
  s = StripSpaceLeft(s);
  while (!s.empty()) {
    if (max >= 0 && static_cast<int64_t>(out.size()) == max) {
      out.push_back(StripSpaceRight(s));
      break;
    }
    size_t i = 0;
    while (i < s.size()) {
      CodePoint c = DecodeAt(s, i);
      if (IsSpace(c.value) && !(c.bytes == 1 && c.value >= 128)) break;
      i += c.bytes;
    }
    out.push_back(s.substr(0, i));
    s = StripSpaceLeft(s.substr(i));
  }
  return out;
}

std::vector<std::string_view> SplitLines(std::string_view s, bool keep_ends) {
  std::vector<std::string_view> out;
  size_t begin = 0;
  for (size_t i = 0; i < s.size();) {
    CodePoint c = DecodeAt(s, i);
    bool ends = (c.value >= '\n' && c.value <= '\r') || (c.value >= 28 && c.value <= 30) ||
                (c.bytes > 1 && (c.value == 0x85 || c.value == 0x2028 || c.value == 0x2029));
    size_t next = i + c.bytes;
    if (ends) {
      if (c.value == '\r' && next < s.size() && s[next] == '\n') ++next;
      out.push_back(s.substr(begin, (keep_ends ? next : i) - begin));
      begin = next;
    }
    i = next;
  }
  if (begin < s.size()) out.push_back(s.substr(begin));
  return out;
}

}  // namespace tarn::jinja
