// Removing rows by condition without a DuckDB plan: the removing half of INSERT OVERWRITE and
// REPLACE WHERE, and the part of DELETE that needs no rows.
//
// Files of which every row matches go whole, by partition values and statistics alone; of the
// others the matching rows are found by reading them. Threads: called by the thread that finishes
// the statement.
#pragma once

#include <string>
#include <vector>

#include "duck/table_write.h"
#include "duckdb.hpp"

namespace tarn::duck {

// Every row of the table, rows added earlier in the transaction included.
void RemoveAll(TableWrite& write);
// Rows for which `predicate_sql` is TRUE.
void RemoveMatching(duckdb::ClientContext& context, TableWrite& write,
                    const std::string& predicate_sql);

}  // namespace tarn::duck
