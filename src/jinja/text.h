// Unicode text as Python's str sees it, over UTF-8: code points, character classes, case.
//
// Bytes that are no UTF-8 count as one character each, so that any input can be worked on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::jinja {

inline char AsciiLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
inline bool AsciiDigit(char c) { return c >= '0' && c <= '9'; }
inline bool AsciiSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 28 && c <= 31);
}

bool IsAscii(std::string_view s);
// The code point at s[i] and the bytes it takes. REQUIRES: i < s.size().
struct CodePoint {
  char32_t value;
  uint8_t bytes;
};
CodePoint DecodeAt(std::string_view s, size_t i);
void AppendUtf8(std::string& out, char32_t c);
size_t CountCodePoints(std::string_view s);
// One view per character.
std::vector<std::string_view> Characters(std::string_view s);
// Byte position of character `index`; s.size() when it is beyond.
size_t ByteOffset(std::string_view s, size_t index);
// Characters before byte position `bytes`.
inline size_t CharacterIndex(std::string_view s, size_t bytes) {
  return CountCodePoints(s.substr(0, bytes));
}

// str.isspace and what strip() removes without arguments, of one character.
bool IsSpace(char32_t c);
bool IsAlpha(char32_t c);
bool IsDigit(char32_t c);
bool IsUpper(char32_t c);
bool IsLower(char32_t c);
bool IsPrintable(char32_t c);
// A character that may begin (or continue) an identifier.
bool IsIdentifier(char32_t c, bool first);

std::string ToUpper(std::string_view s);
std::string ToLower(std::string_view s);
std::string ToTitle(std::string_view s);        // str.title()
std::string ToCapitalized(std::string_view s);  // str.capitalize()
std::string SwapCase(std::string_view s);

std::string_view StripSpace(std::string_view s);
std::string_view StripSpaceLeft(std::string_view s);
std::string_view StripSpaceRight(std::string_view s);

std::string ReplaceAll(std::string_view s, std::string_view from, std::string_view to,
                       int64_t count = -1);
// str.split() without a separator.
std::vector<std::string_view> SplitWords(std::string_view s, int64_t max = -1);
// str.splitlines().
std::vector<std::string_view> SplitLines(std::string_view s, bool keep_ends = false);

}  // namespace tarn::jinja
