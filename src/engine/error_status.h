// DuckDB's errors -> Status: one line, the user's own line and column where DuckDB knows the place.
#pragma once

#include <string>

#include "base/status.h"
#include "duckdb/common/error_data.hpp"

namespace tarn::engine {

// Code and retry class by the exception's type; `duck` adds the exact code as extra info
// "tarn_code".
Status StatusFromError(const duckdb::ErrorData& error);
// Byte offset in the SQL that DuckDB ran, if it gave one.
bool ErrorOffset(const duckdb::ErrorData& error, size_t* offset);

}  // namespace tarn::engine
