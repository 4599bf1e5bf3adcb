// How many terminal columns a text takes, and texts made fit for one line of a terminal. UTF-8
// throughout; bytes that are not UTF-8 count and print as U+FFFD.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tarn::cli {

// Decodes the code point at `*position` and moves past it. Malformed bytes give U+FFFD, one byte
// each.
uint32_t NextCodePoint(std::string_view text, size_t* position);

// 0 for combining and zero-width characters, 2 for East Asian wide ones and emoji, else 1.
int CodePointWidth(uint32_t code_point);

size_t DisplayWidth(std::string_view text);

// The text with line breaks, tabs and other control characters written as escapes (\n, \t, \x1b),
// so that a value can neither break a table nor command the terminal.
std::string OneLine(std::string_view text);

// At most `columns` wide; what is cut off shows as a trailing "…". REQUIRES: columns >= 1.
std::string FitWidth(std::string_view text, size_t columns);

}  // namespace tarn::cli
