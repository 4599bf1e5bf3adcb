#include "cli/text_width.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace tarn::cli {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;

struct Range {
  uint32_t first, last;
};

// Unicode 15, the blocks that matter to a table; ascending.
constexpr std::array<Range, 32> kZeroWidth{{
    {0x0300, 0x036F},   {0x0483, 0x0489},   {0x0591, 0x05BD},   {0x0610, 0x061A},
    {0x064B, 0x065F},   {0x0670, 0x0670},   {0x06D6, 0x06DC},   {0x06DF, 0x06E4},
    {0x0900, 0x0902},   {0x093A, 0x093A},   {0x093C, 0x093C},   {0x0941, 0x0948},
    {0x094D, 0x094D},   {0x0E31, 0x0E31},   {0x0E34, 0x0E3A},   {0x0E47, 0x0E4E},
    {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF},   {0x200B, 0x200F},   {0x202A, 0x202E},
    {0x2060, 0x2064},   {0x20D0, 0x20FF},   {0x302A, 0x302D},   {0x3099, 0x309A},
    {0xFE00, 0xFE0F},   {0xFE20, 0xFE2F},   {0xFEFF, 0xFEFF},   {0x1D167, 0x1D169},
    {0x1F3FB, 0x1F3FF}, {0xE0001, 0xE0001}, {0xE0020, 0xE007F}, {0xE0100, 0xE01EF},
}};

constexpr std::array<Range, 38> kWide{{
    {0x1100, 0x115F}, {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC}, {0x23F0, 0x23F0},
    {0x23F3, 0x23F3}, {0x25FD, 0x25FE},   {0x2614, 0x2615},   {0x2648, 0x2653}, {0x267F, 0x267F},
    {0x2693, 0x2693}, {0x26A1, 0x26A1},   {0x26AA, 0x26AB},   {0x26BD, 0x26BE}, {0x26C4, 0x26C5},
    {0x26CE, 0x26CE}, {0x26D4, 0x26D4},   {0x26EA, 0x26EA},   {0x26F2, 0x26F5}, {0x26FA, 0x26FD},
    {0x2705, 0x2705}, {0x270A, 0x270B},   {0x2728, 0x2728},   {0x274C, 0x274E}, {0x2753, 0x2757},
    {0x2795, 0x2797}, {0x2B1B, 0x2B1C},   {0x2B50, 0x2B55},   {0x2E80, 0x303E}, {0x3041, 0xA4CF},
    {0xA960, 0xA97F}, {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F}, {0xFF00, 0xFF60},
    {0xFFE0, 0xFFE6}, {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD},
}};

template <size_t N>
bool Contains(const std::array<Range, N>& ranges, uint32_t code_point) {
  auto it = std::lower_bound(ranges.begin(), ranges.end(), code_point,
                             [](const Range& r, uint32_t c) { return r.last < c; });
  return it != ranges.end() && it->first <= code_point;
}

}  // namespace

uint32_t NextCodePoint(std::string_view text, size_t* position) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const size_t start = (*position)++;
  const unsigned char lead = byte(start);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 && lead < 0xF5 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC2 ? 1 : 0;
  if (more == 0 || lead >= 0xF5 || start + more >= text.size()) return kReplacement;
  uint32_t code_point = lead & (0x3F >> more);
  for (int i = 1; i <= more; ++i) {
    if ((byte(start + i) & 0xC0) != 0x80) return kReplacement;
    code_point = (code_point << 6) | (byte(start + i) & 0x3F);
  }
  const bool overlong = (more == 2 && code_point < 0x800) || (more == 3 && code_point < 0x10000);
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  if (overlong || surrogate || code_point > 0x10FFFF) return kReplacement;
  *position = start + more + 1;
  return code_point;
}

int CodePointWidth(uint32_t code_point) {
  if (code_point < 0x300) return code_point >= 0x20 && code_point != 0x7F ? 1 : 0;
  if (Contains(kZeroWidth, code_point)) return 0;
  return Contains(kWide, code_point) ? 2 : 1;
}

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) width += CodePointWidth(NextCodePoint(text, &i));
  return width;
}

std::string OneLine(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    const uint32_t code_point = NextCodePoint(text, &i);
    if (code_point == '\n') {
      line += "\\n";
    } else if (code_point == '\r') {
      line += "\\r";
    } else if (code_point == '\t') {
      line += "\\t";
    } else if (code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0)) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", code_point);
      line += escape;
    } else if (code_point == kReplacement) {
      line += "\xEF\xBF\xBD";
    } else {
      line.append(text.substr(start, i - start));
    }
  }
  return line;
}

std::string FitWidth(std::string_view text, size_t columns) {
  if (DisplayWidth(text) <= columns) return std::string(text);
  size_t width = 0, end = 0;
  for (size_t i = 0; i < text.size();) {
    width += CodePointWidth(NextCodePoint(text, &i));
    if (width > columns - 1) break;
    end = i;
  }
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace tarn::cli
