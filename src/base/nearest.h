// The known word a mistyped one probably meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarn {

// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other
// (bytes).
size_t EditDistance(std::string_view a, std::string_view b);

// The nearest of `known`, or nothing when all are too far away to be meant. Ties go to the first.
std::optional<std::string> Nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace tarn
