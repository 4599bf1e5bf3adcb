// Decimal arithmetic with Spark's precision and rounding, where DuckDB's differs or has none:
// results that need more than 38 digits, division, remainder. Exact inside (256 bits), rounds half
// up. Threads: no state. Errors: InvalidInputException for zero divisors, OutOfRangeException for
// overflow.
#pragma once

#include "dialect/function_bind.h"
#include "dialect/function_types.h"

namespace tarn::dialect {

enum class DecimalOperation {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kPositiveModulo,
  kWholeQuotient
};

Expr DecimalCall(DecimalOperation operation, Expr left, Expr right, DecimalShape result);

// A decimal's digits whatever its width.
duckdb::hugeint_t DecimalDigits(const RowIn& in, duckdb::idx_t column,
                                const duckdb::LogicalType& type);
void SetDecimalDigits(RowOut& out, const duckdb::LogicalType& type, duckdb::hugeint_t digits);
// digits * 10^(to - from), half up when digits are lost.
duckdb::hugeint_t Rescale(duckdb::hugeint_t digits, int from, int to);

}  // namespace tarn::dialect
