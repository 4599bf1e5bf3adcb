#include "delta/stats.h"

#include <algorithm>
#include <charconv>

namespace tarn::delta {
namespace {

constexpr std::string_view kGreatestCharacter = "\xf4\x8f\xbf\xbf";  // U+10FFFF
constexpr std::string_view kGreatestAscii = "\x7f";

// End of the string literal that starts at text[at] == '"'; npos when it does not end.
size_t EndOfString(std::string_view text, size_t at) {
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

size_t SkipSpace(std::string_view text, size_t at) {
  while (at < text.size() &&
         (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')) {
    ++at;
  }
  return at;
}

// Bytes of the first `characters` characters of UTF-8 text.
size_t PrefixBytes(std::string_view text, size_t characters) {
  size_t at = 0;
  for (; at < text.size() && characters > 0; --characters) {
    ++at;
    while (at < text.size() && (text[at] & 0xc0) == 0x80) ++at;
  }
  return at;
}

// Where the value of a member of the outermost object begins and ends.
bool FindTopLevel(std::string_view text, std::string_view key, size_t* begin, size_t* end) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c != '"') continue;
    const size_t after = EndOfString(text, i);
    if (after == std::string_view::npos) return false;
    const size_t colon = SkipSpace(text, after);
    const bool is_key = depth == 1 && colon < text.size() && text[colon] == ':';
    if (is_key && text.substr(i + 1, after - i - 2) == key) {
      *begin = SkipSpace(text, colon + 1);
      *end = std::min(text.find_first_of(",}", *begin), text.size());
      return true;
    }
    i = after - 1;
  }
  return false;
}

}  // namespace

std::string WithWideBounds(std::string_view stats) {
  const size_t open = SkipSpace(stats, 0);
  if (open >= stats.size() || stats[open] != '{') return std::string(stats);
  std::string out(stats);
  size_t begin = 0;
  size_t end = 0;
  if (FindTopLevel(stats, "tightBounds", &begin, &end))
    return out.replace(begin, end - begin, "false");
  const bool empty = stats[SkipSpace(stats, open + 1)] == '}';
  return out.insert(open + 1, empty ? "\"tightBounds\":false" : "\"tightBounds\":false,");
}

std::optional<int64_t> NumRecordsOf(std::string_view stats) {
  size_t begin = 0;
  size_t end = 0;
  if (!FindTopLevel(stats, "numRecords", &begin, &end)) return std::nullopt;
  while (end > begin && (stats[end - 1] == ' ' || stats[end - 1] == '\n')) --end;
  int64_t records = 0;
  const auto [stop, error] = std::from_chars(stats.data() + begin, stats.data() + end, records);
  if (error != std::errc() || stop != stats.data() + end || records < 0) return std::nullopt;
  return records;
}

std::string LowerBoundOf(std::string_view value, size_t max_characters) {
  return std::string(value.substr(0, PrefixBytes(value, max_characters)));
}

std::string UpperBoundOf(std::string_view value, size_t max_characters) {
  size_t keep = PrefixBytes(value, max_characters);
  // The character that is cut off must lie below the one that takes its place.
  while (value.substr(keep, kGreatestCharacter.size()) == kGreatestCharacter)
    keep += kGreatestCharacter.size();
  if (keep >= value.size()) return std::string(value);
  const bool ascii = static_cast<unsigned char>(value[keep]) < 0x7f;
  return std::string(value.substr(0, keep)) +
         std::string(ascii ? kGreatestAscii : kGreatestCharacter);
}

}  // namespace tarn::delta
