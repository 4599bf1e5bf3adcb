// Which function calls of Spark become what: names that only change, and calls that change shape.
// Used by the expression rewrite alone. Threads: no state. Errors: duckdb::ParserException for
// calls Spark refuses.
#pragma once

#include "dialect/expression_build.h"

namespace tarn::dialect {

// A call whose shape changes before its arguments are rewritten: lambdas, aggregates with their own
// null rules, try_ functions. Nothing when the call keeps its shape. The result is rewritten again.
Node ExpandCall(duckdb::FunctionExpression& call);

// Renames a call whose arguments are rewritten already; a result replaces the call.
Node MapCall(duckdb::FunctionExpression& call);

void MapWindow(Node& node);

// Functions in FROM: explode, range.
void MapTableFunction(duckdb::FunctionExpression& call);

}  // namespace tarn::dialect
