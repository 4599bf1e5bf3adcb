// The names Spark gives to result columns without an alias: `(a + b)`, `upper(x)`, `CAST(x AS
// INT)`. Pure function. Threads: no state.
#pragma once

#include <string>

#include "duckdb/parser/parsed_expression.hpp"

namespace tarn::dialect {

// Of an expression as parsed, before its rewrite; empty where DuckDB's own name may stay.
std::string SparkColumnName(const duckdb::ParsedExpression& expression);

}  // namespace tarn::dialect
