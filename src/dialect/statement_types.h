// Spark's type names as DuckDB's.
//
// Threads: pure function over a cursor. Errors: kInvalidArgument at the token that is no type.
#pragma once

#include <string>

#include "base/status.h"
#include "dialect/statement_cursor.h"

namespace tarn::dialect {

enum class TypePlace {
  kColumn,  // a column's definition: TIMESTAMP is an instant, said in DuckDB's words
  kCast,    // inside an expression: TIMESTAMP and TIMESTAMP_NTZ stay for RewriteSparkExpressions
};

// Reads one type. In the duckdb dialect it is copied as written.
Result<std::string> ReadType(StatementCursor& cursor, TypePlace place);

// The DuckDB type a word such as STRING means when it is called as a function (STRING(x)), empty
// when the word is no such type.
std::string CastFunctionType(std::string_view word);

}  // namespace tarn::dialect
