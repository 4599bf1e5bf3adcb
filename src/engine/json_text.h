// A DuckDB value as one JSON value.
#pragma once

#include <string>

#include "duckdb/common/types/value.hpp"

namespace tarn::engine {

// Numbers bare (decimals with their scale), NaN and infinities as strings, dates and timestamps as
// ISO strings, BLOB as base64, LIST as array, STRUCT as object, MAP as object when its keys are
// text, else as an array of {"key","value"}.
void AppendJson(const duckdb::Value& value, std::string* out);
void AppendJsonString(const std::string& text, std::string* out);

}  // namespace tarn::engine
