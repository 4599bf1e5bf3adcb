// DuckDB's type names in Spark's words, for DESCRIBE and SHOW CREATE TABLE.
//
// Threads: pure function. Errors: none; what has no Spark name is given back in lower case.
#pragma once

#include <string>
#include <string_view>

namespace tarn::dialect {

// "MAP(VARCHAR, BIGINT[])" gives "map<string,array<bigint>>".
std::string SparkTypeName(std::string_view duckdb_type);

}  // namespace tarn::dialect
