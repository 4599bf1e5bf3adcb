// What a function's name says about how a value passes through it.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::transform {

// The result holds all that the argument held, written another way: casts, decode, from_json.
bool KeepsWhole(std::string_view function);
// (value, constant key): a field, a map's value, a path inside JSON.
bool ExtractsByKey(std::string_view function);
// The names a key of such a function stands for: "$.a.b[0]" is a, b. Empty: all of it.
std::vector<std::string> KeyPath(std::string_view key);
// An element of a list, or lists of elements: fields of elements stay fields.
bool KeepsElements(std::string_view function);
// An aggregate or window that takes over values as they are, so that fields stay fields.
bool PicksValues(std::string_view function);
// Results are numbers of rows, whatever is counted.
bool Counts(std::string_view function);

}  // namespace tarn::transform
