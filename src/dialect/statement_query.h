// Queries and expressions of a statement: a rewrite of tokens that keeps everything it does not
// know.
//
// What it is: the part of the translation that needs no grammar, only a stack of open parentheses:
// quotes, strings, numbers, types in casts, operators DuckDB spells differently, table names, time
// travel, LATERAL VIEW, inline VALUES, intervals. README.md lists the rewrites. What it does not
// do: check that the text is valid SQL (DuckDB's parser does) or change what functions mean.
//
// Threads: one user. Errors: kInvalidArgument with the place, for unbalanced parentheses and for
// the constructs above when they are malformed.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "dialect/statement_cursor.h"
#include "dialect/statement_writer.h"

namespace tarn::dialect {

class QueryRewriter {
 public:
  enum class Start {
    kQuery,         // a SELECT, WITH, VALUES, TABLE ... or an expression
    kInsertSource,  // the same, but a leading VALUES keeps its shape, because it may hold DEFAULT
    kStatement,     // a statement that begins with its verb
    kTables,        // a table reference, as after USING of a MERGE
  };

  QueryRewriter(StatementCursor& cursor, SqlWriter& writer) : cursor_(cursor), writer_(writer) {}

  // Rewrites the tokens from the cursor up to `end`, where it leaves the cursor.
  Status Rewrite(size_t end, Start start = Start::kQuery);

 private:
  struct Frame {
    size_t open = 0;       // index of the parenthesis
    bool is_cast = false;  // CAST( ... AS type
    bool select_seen = false;
    bool in_from = false;
    bool expect_table = false;
    std::string close_suffix;  // text before the closing parenthesis
  };

  Frame& frame() { return frames_.back(); }
  bool AtStart() const { return cursor_.position() == first_; }
  const Token& Previous(size_t back = 1) const { return cursor_.At(cursor_.position() - back); }
  // The token here begins an operand, so that a word is a name or a function and no infix keyword.
  bool OperandExpected() const;

  void Gap(const Token& token);
  void Emit(std::string_view text);
  void EmitInfix(std::string_view text);
  void EmitVerbatim() { Emit(cursor_.Peek().text); }

  Status Step();
  Status StepDuckdb();
  Status StepSymbol();
  Status StepWord();
  Result<bool> StepTable();
  Result<bool> StepSpecialWord();
  Status EmitHiveOrder();
  bool StepClause();
  bool StepOperatorWord();
  Status StepName();
  Status StepCall();
  Status Open(bool is_cast, std::string close_suffix);
  Status Close();
  void EmitNumber();
  bool TryMinimumLong();

  Status EmitTableName(bool function_allowed);
  Status EmitRange();
  Result<std::string> ReadTravel();
  Result<size_t> AfterValue(size_t index) const;
  Result<std::string> ReadAliasAfterTravel();
  Status EmitLateralView();
  Status EmitInlineValues(bool as_table);
  Result<bool> TryInterval();
  // Rewrites [first, last) apart.
  Result<std::string> Part(size_t first, size_t last);

  StatementCursor& cursor_;
  SqlWriter& writer_;
  std::vector<Frame> frames_;
  size_t first_ = 0;
  size_t end_ = 0;
  Start start_ = Start::kQuery;
};

// Rewrites tokens [first, last) as a query or expression and gives the text; the cursor stays where
// it is.
Result<std::string> RewritePart(StatementCursor& cursor, size_t first, size_t last);

// Index after a value expression that begins at `index`: operands joined by + - * / % ||, with
// calls, casts and groups. The cursor stays where it is, except on failure.
Result<size_t> AfterValueExpression(StatementCursor& cursor, size_t index);

// "VERSION => 3" or "TIMESTAMP => ..." when the cursor stands at [FOR] VERSION|TIMESTAMP AS OF ...;
// empty otherwise.
Result<std::string> ReadTimeTravel(StatementCursor& cursor);

}  // namespace tarn::dialect
