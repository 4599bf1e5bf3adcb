// Names in the query of a view: a table named without schema means, for ever, the table it means
// when the view is made, whatever schema the reader of the view is in. The name of the lake itself
// is left out, so that the lake can be attached under another one.
#pragma once

#include "duckdb.hpp"
#include "duckdb/parser/statement/select_statement.hpp"

namespace tarn::duck {

// Names of common table expressions and names that are not found stay as they are.
void QualifyTables(duckdb::ClientContext& context, duckdb::Catalog& lake,
                   duckdb::SelectStatement* query);

}  // namespace tarn::duck
