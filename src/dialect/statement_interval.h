// Spark's interval literals: INTERVAL 7 DAYS, INTERVAL -1 MONTH 2 DAYS, INTERVAL '1-2' YEAR TO
// MONTH.
//
// Threads: pure functions over a cursor. Errors: kInvalidArgument for a value that does not fit its
// units.
#pragma once

#include <cstddef>
#include <string>

#include "base/status.h"
#include "dialect/statement_cursor.h"

namespace tarn::dialect {

// Index after the interval literal that begins at `index` with INTERVAL; `index` when there is none
// (a name, or a form DuckDB reads as it is).
size_t AfterInterval(const StatementCursor& cursor, size_t index);

// The DuckDB expression for the literal at `index`; REQUIRES: AfterInterval(cursor, index) > index.
Result<std::string> IntervalSql(const StatementCursor& cursor, size_t index);

}  // namespace tarn::dialect
