// Schemas as Spark writes them in strings: `a INT, b STRUCT<c: STRING>`, `array<int>`,
// `map<string,int>`. Pure function. Threads: no state.
#pragma once

#include <optional>
#include <string_view>

#include "duckdb/common/types.hpp"

namespace tarn::dialect {

// A single type, or a list of fields that makes a struct; nothing when the text is neither.
std::optional<duckdb::LogicalType> ParseSchema(std::string_view text);

}  // namespace tarn::dialect
