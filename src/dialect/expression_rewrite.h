// Spark's meaning for parsed expressions.
//
// What it is: a rewrite of the statement that DuckDB's parser produced. Operators, casts,
// subscripts, literals and function calls whose Spark result differs from DuckDB's become calls of
// functions with the private prefix `spark_`, which RegisterSparkFunctions (functions.h) puts into
// the system catalog. Those functions look at the types of their arguments when the statement is
// bound, so a call whose Spark meaning equals DuckDB's ends as DuckDB's own expression and is
// optimised as such.
//
// What it does not do: it changes no text (lexer and statements do: back-quotes, "strings", 1L,
// DIV, RLIKE), binds nothing, and looks at no catalog. Functions it does not know keep DuckDB's
// meaning.
//
// Types: inside casts and typed literals TIMESTAMP means TIMESTAMP WITH TIME ZONE and TIMESTAMP_NTZ
// means TIMESTAMP, so a text rewrite that runs before must leave those two names alone there.
// Column definitions of CREATE TABLE are not touched: there the text rewrite decides.
//
// The session needs `SET TimeZone` for Spark's session zone, ANSI mode is Spark 4's default (on)
// and cannot be turned off. NULL ordering is made explicit on every ORDER BY, so no setting is
// needed.
//
// Threads: free functions without state. Errors: duckdb::ParserException for a call that Spark
// would refuse by its shape (wrong number of arguments, a lambda where none belongs).
#pragma once

#include "duckdb/common/unique_ptr.hpp"

namespace duckdb {
class ParsedExpression;
class QueryNode;
class SQLStatement;
}  // namespace duckdb

namespace tarn::dialect {

// Rewrites every expression of the statement: select lists, predicates, joins, CTEs, subqueries,
// the expressions of INSERT, UPDATE, DELETE, MERGE, CREATE TABLE AS, CREATE VIEW, COPY, EXPLAIN,
// PREPARE, SET.
void RewriteSparkExpressions(duckdb::SQLStatement& statement);

void RewriteSparkQueryNode(duckdb::QueryNode& node);

// One expression on its own, such as the predicate of REPLACE WHERE or of a CHECK constraint.
void RewriteSparkExpression(duckdb::unique_ptr<duckdb::ParsedExpression>& expression);

}  // namespace tarn::dialect
