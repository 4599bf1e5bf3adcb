// Spark's type rules in ANSI mode: which common type two arguments meet in, which precision decimal
// arithmetic gives, and Spark's names of types. Pure functions over DuckDB's types. Threads: no
// state.
#pragma once

#include <optional>
#include <string>

#include "dialect/function_bind.h"
#include "duckdb/common/types.hpp"

namespace tarn::dialect {

bool IsIntegral(const duckdb::LogicalType& type);
bool IsFloating(const duckdb::LogicalType& type);
bool IsNumeric(const duckdb::LogicalType& type);  // integral, floating or decimal
bool IsText(const duckdb::LogicalType& type);
bool IsDecimal(const duckdb::LogicalType& type);
bool IsMoment(const duckdb::LogicalType& type);  // date or one of the timestamps

struct DecimalShape {
  int precision = 10;
  int scale = 0;
};
DecimalShape ShapeOf(
    const duckdb::LogicalType& type);  // integral types as Spark's decimals for them
duckdb::LogicalType DecimalType(DecimalShape shape);
// Spark's adjustment when a result needs more than 38 digits: the scale gives way, down to 6.
DecimalShape Adjusted(int precision, int scale);
// The narrowest decimal of an integer literal, which is what Spark uses for literals beside
// decimals.
DecimalShape ShapeOfArgument(FunctionCall& call, duckdb::idx_t i);

// The type CASE, COALESCE, IN, arrays and maps give to two values; none when Spark refuses the
// pair.
std::optional<duckdb::LogicalType> CommonType(const duckdb::LogicalType& left,
                                              const duckdb::LogicalType& right);
// The same without strings turning into other types (greatest, least, concat of arrays).
std::optional<duckdb::LogicalType> CommonTypeWithoutText(const duckdb::LogicalType& left,
                                                         const duckdb::LogicalType& right);
// Casts arguments [from, to) with the given stride to their common type; refuses when there is
// none.
duckdb::LogicalType UnifyArguments(FunctionCall& call, duckdb::idx_t from, duckdb::idx_t step = 1,
                                   bool text_may_turn = true);

// "int", "array<string>", "decimal(10,2)", … as Spark's typeof prints them.
std::string SparkTypeName(const duckdb::LogicalType& type);

}  // namespace tarn::dialect
