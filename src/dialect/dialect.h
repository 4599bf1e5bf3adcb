// SQL text in, DuckDB statements out: the statement side of the two dialects.
//
// What it is: splits a script into statements and turns each into the DuckDB 1.5.6 statement or
// statements that do the same on a lake. `spark` reads Spark SQL's text (back-quoted names,
// "strings", escapes, types, Delta statements); `duckdb` passes DuckDB's own SQL through and
// understands the Delta statements besides. README.md lists every statement and what it becomes.
//
// What it does not do: it knows no catalog, binds nothing, runs nothing. What an expression means
// (array index base, `/`, casts, NULL ordering, functions) is RewriteSparkExpressions, applied
// after DuckDB's parser.
//
// How a session runs a script:
//   for each s of SplitStatements(script, ...):                   // errors before anything runs
//     context.origin = s.position
//     for each t of Translate(s.text, dialect, context):
//       statements = duckdb::Parser().ParseQuery(t.sql)           // exactly one per t
//       CompleteStatement(*statement, s.text)
//       if (dialect == kSpark && t.rewrite_expressions) RewriteSparkExpressions(*statement)
//       execute; all t with the same source_index run in one transaction, and only the last one's
//       result is the result of the source statement.
// Translating one statement at a time matters when `columns_of` is set: it must see what earlier
// statements did.
//
// Threads: pure functions, no state. Errors: kInvalidArgument for text that cannot be read,
// kUnsupported for a statement Tarn does not run; the message starts with
// "<source>:<line>:<column>: " ("line 3, column 7: " when the context names no source). Nothing
// here throws.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace duckdb {
class DatabaseInstance;
class SQLStatement;
}  // namespace duckdb

namespace tarn::dialect {

enum class SqlDialect { kSpark, kDuckdb };

// "spark" or "duckdb", as written in project files and after `--dialect`.
std::string_view SqlDialectName(SqlDialect dialect);
// Any letter case; kInvalidArgument names both choices.
Result<SqlDialect> ParseSqlDialect(std::string_view name);

// Where in a text something is; both count from 1, columns in characters (UTF-8 code points).
struct SourcePosition {
  size_t line = 1;
  size_t column = 1;
};

// Position of a byte offset; offsets past the end give the end.
SourcePosition PositionOf(std::string_view text, size_t offset);

struct TranslateContext {
  // The attached lake. First name parts `catalog`, `main`, `spark_catalog`, `hive_metastore` (and
  // this name) of a three-part name mean it.
  std::string catalog = "lake";
  // File name for error messages; empty for text typed by a user.
  std::string source_name;
  // Where the text begins in that file.
  SourcePosition origin;
  // Column names of a table in the lake, in order, for the statements whose meaning depends on
  // them: `UPDATE SET *` and `INSERT *` of MERGE, INSERT with a partition value and no column list.
  // Name parts as written, without the catalog. May be empty, and may fail: MERGE then falls back
  // to matching by name inside DuckDB, which is laxer than Spark about columns missing on one side;
  // INSERT asks for a column list.
  std::function<Result<std::vector<std::string>>(const std::vector<std::string>& table)> columns_of;
};

// One statement of a script, without its `;` and without blanks or comments before and after it.
struct SourceStatement {
  std::string text;
  size_t offset = 0;  // bytes from the start of the script
  size_t length = 0;
  SourcePosition position;
};

// Splits at every `;` outside strings, quoted names, comments and dollar quotes. Empty statements
// are left out. kInvalidArgument: an unterminated string, quoted name, comment or dollar quote
// (position of its start).
Result<std::vector<SourceStatement>> SplitStatements(std::string_view sql, SqlDialect dialect,
                                                     const TranslateContext& context = {});

// For a prompt: may the text run, or does it wait for more lines?
enum class InputState {
  kEmpty,       // blanks and comments only
  kIncomplete,  // an open string, quote or comment, or no `;` at the end
  kComplete,    // ends with `;`
};
InputState ClassifyInput(std::string_view sql, SqlDialect dialect);

struct TranslatedStatement {
  std::string sql;           // DuckDB SQL, exactly one statement, no `;`
  size_t source_offset = 0;  // the source statement's place in the script, in bytes
  size_t source_length = 0;
  // Counts source statements from 0; one source statement may become several of these, to be run in
  // order in one transaction.
  size_t source_index = 0;
  bool is_query = false;       // gives rows a user wants to see
  std::string statement_kind;  // "SELECT", "CREATE TABLE", "MERGE", "DESCRIBE HISTORY", ...
  // False for statements made here out of names and options, which hold no Spark expression.
  bool rewrite_expressions = true;

  // Maps a place of `sql` back: runs of text copied from the script, ascending.
  struct Mark {
    size_t sql_offset;
    size_t source_offset;
    bool verbatim = false;  // the text up to the next mark is the source's, byte for byte
  };
  std::vector<Mark> marks;
};

// Byte offset in the script of the source text that became `sql_offset` of the translated
// statement: turns the place in a DuckDB error into line and column of the file the user wrote.
size_t SourceOffsetOf(const TranslatedStatement& statement, size_t sql_offset);

// Reads the whole script first: an error anywhere means that nothing is returned. A script of
// blanks and comments gives an empty list.
Result<std::vector<TranslatedStatement>> Translate(std::string_view sql, SqlDialect dialect,
                                                   const TranslateContext& context = {});

// One expression, such as a CHECK constraint as Delta stores it, as DuckDB SQL with the dialect's
// meaning. For rooms that evaluate stored expressions: functions of the result are those
// RegisterDialect registers.
Result<std::string> TranslateExpression(std::string_view sql, SqlDialect dialect,
                                        const TranslateContext& context = {});

// Puts into a parsed statement what DuckDB's grammar has no words for: the comments of a table and
// its columns, the spelling of property names, the text a view was written as. In both dialects,
// right after parsing. `source_text` is the source statement.
void CompleteStatement(duckdb::SQLStatement& statement, std::string_view source_text);

// Registers the functions of the spark dialect, tarn_spark_type(VARCHAR), which names a DuckDB type
// in Spark's words, tarn_describe and tarn_partitions (describe_function.h). Once for an instance,
// before its first query. Throws DuckDB's exceptions.
void RegisterDialect(duckdb::DatabaseInstance& database);

// Spark's meaning of the expressions of a parsed statement; expression_rewrite.h has the contract.
void RewriteSparkExpressions(duckdb::SQLStatement& statement);

}  // namespace tarn::dialect
