// Edits of a file's statistics JSON (PROTOCOL.md, "Per-file Statistics") that keep every number's
// text. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tarn::delta {

// The same statistics with "tightBounds":false: after a deletion vector, bounds hold but need not
// be reached. Text that is not a JSON object comes back unchanged.
std::string WithWideBounds(std::string_view stats);

// numRecords; nullopt when the text does not say.
std::optional<int64_t> NumRecordsOf(std::string_view stats);

// An upper bound of at most about `max_characters` characters for every string up to `value`:
// `value` itself when short enough, else a prefix and a character above what was cut off. Empty
// result: no bound of that kind exists. A lower bound is simply the prefix.
std::string UpperBoundOf(std::string_view value, size_t max_characters);
std::string LowerBoundOf(std::string_view value, size_t max_characters);

}  // namespace tarn::delta
