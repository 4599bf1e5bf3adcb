// Characters of UTF-8 text. Spark counts code points (and sometimes UTF-16 units, see each use);
// invalid bytes count as one character each. Pure functions. Threads: no state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::dialect {

bool IsAscii(std::string_view text);
size_t CharLength(char lead);  // bytes of the character that begins with this byte
int64_t CharCount(std::string_view text);
// Byte offset of character `index`; the size of the text when there are fewer.
size_t OffsetOf(std::string_view text, int64_t index);
// Characters [start, end), both clipped to the text.
std::string_view Slice(std::string_view text, int64_t start, int64_t end);
std::vector<std::string_view> Characters(std::string_view text);
uint32_t CodePoint(std::string_view character);
void AppendCodePoint(std::string& out, uint32_t code);

}  // namespace tarn::dialect
