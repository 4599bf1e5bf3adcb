// Table references, time travel, inline tables and LATERAL VIEW of QueryRewriter.

#include <algorithm>
#include <array>

#include "dialect/statement_interval.h"
#include "dialect/statement_query.h"
#include "dialect/statement_types.h"

namespace tarn::dialect {
namespace {

// Words that follow a table reference and are no alias of it.
constexpr std::array<std::string_view, 43> kNoAlias = {
    "ON",      "USING",   "JOIN",        "LEFT",  "RIGHT",     "FULL",    "INNER",   "CROSS",
    "NATURAL", "SEMI",    "ANTI",        "WHERE", "GROUP",     "ORDER",   "HAVING",  "LIMIT",
    "OFFSET",  "UNION",   "EXCEPT",      "MINUS", "INTERSECT", "LATERAL", "WINDOW",  "QUALIFY",
    "PIVOT",   "UNPIVOT", "TABLESAMPLE", "WHEN",  "SET",       "SELECT",  "CLUSTER", "DISTRIBUTE",
    "SORT",    "FROM",    "VERSION",     "FOR",   "THEN",      "AS",      "ASOF",    "POSITIONAL",
    "AT",      "VALUES",  "TIMESTAMP"};

bool IsAlias(const Token& token) {
  if (token.kind == TokenKind::kQuotedName) return true;
  return token.kind == TokenKind::kWord &&
         std::none_of(kNoAlias.begin(), kNoAlias.end(),
                      [&](std::string_view w) { return token.Is(w); });
}

bool IsBinaryOperator(const Token& token) {
  static constexpr std::array<std::string_view, 6> kOperators = {"+", "-", "*", "/", "%", "||"};
  return std::any_of(kOperators.begin(), kOperators.end(),
                     [&](std::string_view o) { return token.Is(o); });
}

// Index after the operand at `index`: a literal, a call, a name, a group, an interval.
Result<size_t> AfterOperand(StatementCursor& cursor, size_t index) {
  while (cursor.At(index).Is("-") || cursor.At(index).Is("+")) ++index;
  const Token& token = cursor.At(index);
  if (token.Is("(")) return cursor.AfterGroup(index);
  if (token.Is("INTERVAL")) {
    const size_t after = AfterInterval(cursor, index);
    if (after > index) return after;
  }
  if (token.kind == TokenKind::kString || token.kind == TokenKind::kNumber) return index + 1;
  if (!token.IsName()) {
    cursor.Seek(index);
    return cursor.Unexpected("a value");
  }
  ++index;
  if (cursor.At(index).kind == TokenKind::kString) return index + 1;  // DATE '…'
  while (cursor.At(index).Is(".") && cursor.At(index + 1).IsName()) index += 2;
  if (cursor.At(index).Is("(")) return cursor.AfterGroup(index);
  return index;
}

}  // namespace

Result<size_t> AfterValueExpression(StatementCursor& cursor, size_t index) {
  const size_t at = cursor.position();
  while (true) {
    TARN_ASSIGN_OR_RETURN(index, AfterOperand(cursor, index));
    while (cursor.At(index).Is("::")) {
      cursor.Seek(index + 1);
      TARN_RETURN_IF_ERROR(ReadType(cursor, TypePlace::kCast).status());
      index = cursor.position();
    }
    if (!IsBinaryOperator(cursor.At(index))) break;
    ++index;
  }
  cursor.Seek(at);
  return index;
}

Result<std::string> ReadTimeTravel(StatementCursor& cursor) {
  const size_t start = cursor.position();
  cursor.Accept({"FOR"});
  const bool version =
      cursor.Accept({"VERSION", "AS", "OF"}) || cursor.Accept({"SYSTEM_VERSION", "AS", "OF"});
  const bool time = !version && (cursor.Accept({"TIMESTAMP", "AS", "OF"}) ||
                                 cursor.Accept({"SYSTEM_TIME", "AS", "OF"}));
  if (!version && !time) {
    cursor.Seek(start);
    return std::string();
  }
  const size_t first = cursor.position();
  if (version) {
    const Token& token = cursor.Peek();
    const bool digits = token.kind == TokenKind::kString || token.kind == TokenKind::kNumber;
    const std::string value =
        token.kind == TokenKind::kString ? token.value : std::string(token.text);
    if (!digits || value.empty() || value.find_first_not_of("0123456789") != std::string::npos) {
      return cursor.Unexpected("a version number");
    }
    cursor.Take();
    return "VERSION => " + value;
  }
  TARN_ASSIGN_OR_RETURN(size_t after, AfterValueExpression(cursor, first));
  TARN_ASSIGN_OR_RETURN(std::string value, RewritePart(cursor, first, after));
  cursor.Seek(after);
  return "TIMESTAMP => CAST(" + value + " AS TIMESTAMP WITH TIME ZONE)";
}

// At a place where a table is expected: true when the table was written.
Result<bool> QueryRewriter::StepTable() {
  const Token& token = cursor_.Peek();
  if (token.Is("(") || token.Is("LATERAL")) {
    if (token.Is("(")) {
      // FROM ((a JOIN b) JOIN c): the tables after the inner group belong to the outer one.
      if (!AtStart() && Previous().Is("(")) frame().in_from = frame().select_seen = true;
      TARN_RETURN_IF_ERROR(Open(false, ""));
    } else {
      EmitVerbatim();
    }
    return true;
  }
  frame().expect_table = false;
  if (token.Is("SELECT") || token.Is("WITH") || token.Is("FROM") || !token.IsName()) return false;
  if (token.Is("VALUES") && cursor_.spark()) {
    TARN_RETURN_IF_ERROR(EmitInlineValues(true));
    return true;
  }
  if (token.Is("VALUES") || token.Is("PIVOT") || token.Is("UNPIVOT") || token.Is("DESCRIBE") ||
      token.Is("SHOW") || token.Is("SUMMARIZE") || token.Is("TABLE")) {
    return false;
  }
  if (!AtStart() && Previous().Is("("))
    frame().in_from = frame().select_seen = true;  // FROM (a JOIN b …)
  TARN_RETURN_IF_ERROR(EmitTableName(true));
  return true;
}

Status QueryRewriter::EmitTableName(bool function_allowed) {
  const size_t start = cursor_.position();
  const Token& token = cursor_.Peek();
  TARN_ASSIGN_OR_RETURN(ObjectName name, cursor_.ReadName("a table name"));
  if (cursor_.Sees({"("}) && function_allowed && !name.is_path()) {
    cursor_.Seek(start);
    if (cursor_.spark() && name.parts.size() == 1 && token.Is("RANGE")) return EmitRange();
    return StepName();
  }
  std::string travel = name.travel;
  if (travel.empty()) {
    TARN_ASSIGN_OR_RETURN(travel, ReadTimeTravel(cursor_));
  }
  const size_t after = cursor_.position();
  cursor_.Seek(start);
  if (!name.is_path()) {
    const bool schema = name.parts.size() == 2;  // which may be `system`
    Emit(cursor_.spark() || schema || !travel.empty() ? cursor_.TableSql(name)
                                                      : std::string(cursor_.Span(start, after)));
  } else if (name.path_format == "delta") {
    // delta_scan takes the version or the time as a named argument: AT belongs to tables only.
    std::string argument;
    if (!travel.empty()) {
      const size_t blank = travel.find(' ');
      argument =
          ", " + QuoteNameIfNeeded(LowerAscii(travel.substr(0, blank))) + travel.substr(blank);
    }
    Emit("delta_scan(" + QuoteString(name.path) + argument + ")");
    travel.clear();
  } else {
    Emit("read_" + name.path_format + "(" + QuoteString(name.path) + ")");
  }
  cursor_.Seek(after);
  if (travel.empty()) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(std::string alias, ReadAliasAfterTravel());
  writer_.Text(alias + " AT (" + travel + ")");
  return Status::Ok();
}

// DuckDB wants the alias before AT, Spark has it after the version.
Result<std::string> QueryRewriter::ReadAliasAfterTravel() {
  const bool as = cursor_.position() < end_ && cursor_.Accept({"AS"});
  if (cursor_.position() >= end_ || (!as && !IsAlias(cursor_.Peek()))) {
    if (as) return cursor_.Unexpected("an alias");
    return std::string();
  }
  TARN_ASSIGN_OR_RETURN(std::string alias, cursor_.ReadIdentifier("an alias"));
  std::string text = " AS " + QuoteNameIfNeeded(alias);
  if (!cursor_.Sees({"("})) return text;
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> columns, cursor_.ReadColumnList("a column alias"));
  std::string list;
  for (const std::string& column : columns)
    list += (list.empty() ? "" : ", ") + QuoteNameIfNeeded(column);
  return text + "(" + list + ")";
}

// Spark's range() calls its column id.
Status QueryRewriter::EmitRange() {
  TARN_ASSIGN_OR_RETURN(size_t after, cursor_.AfterGroup(cursor_.position() + 1));
  TARN_ASSIGN_OR_RETURN(std::string arguments, Part(cursor_.position() + 2, after - 1));
  Emit("range(" + arguments + ")");
  cursor_.Seek(after);
  const bool as = cursor_.Accept({"AS"});
  std::string alias = "range";
  if (cursor_.position() < end_ && (as || IsAlias(cursor_.Peek()))) {
    TARN_ASSIGN_OR_RETURN(alias, cursor_.ReadIdentifier("an alias"));
  }
  writer_.Text(" AS " + QuoteNameIfNeeded(alias));
  if (!cursor_.Sees({"("})) writer_.Text("(id)");
  return Status::Ok();
}

// LATERAL VIEW [OUTER] function(x) [table] [AS a, b]
Status QueryRewriter::EmitLateralView() {
  const Token& start = cursor_.Peek();
  const size_t start_index = cursor_.position();
  cursor_.Accept({"LATERAL", "VIEW"});
  bool outer = cursor_.Accept({"OUTER"});
  const Token& function_token = cursor_.Peek();
  TARN_ASSIGN_OR_RETURN(std::string function, cursor_.ReadIdentifier("a table function"));
  function = LowerAscii(function);
  if (function.size() > 6 && function.compare(function.size() - 6, 6, "_outer") == 0) {
    outer = true;
    function.resize(function.size() - 6);
  }
  if (!cursor_.Sees({"("})) return cursor_.Unexpected("( after the table function");
  TARN_ASSIGN_OR_RETURN(size_t after, cursor_.AfterGroup(cursor_.position()));
  TARN_ASSIGN_OR_RETURN(std::string argument, Part(cursor_.position() + 1, after - 1));
  cursor_.Seek(after);
  std::string table = "lateral_view_" + std::to_string(start_index);
  if (cursor_.position() < end_ && IsAlias(cursor_.Peek())) {
    TARN_ASSIGN_OR_RETURN(table, cursor_.ReadIdentifier("a table alias"));
  }
  std::vector<std::string> columns;
  if (cursor_.Accept({"AS"})) {
    do {
      TARN_ASSIGN_OR_RETURN(std::string column, cursor_.ReadIdentifier("a column alias"));
      columns.push_back(QuoteNameIfNeeded(column));
    } while (cursor_.Accept({","}));
  }
  std::string select;
  const std::string& x = argument;
  auto name = [&](size_t i, const char* fallback) {
    return i < columns.size() ? columns[i] : fallback;
  };
  if (function == "explode" && columns.size() < 2) {
    select = "SELECT unnest(" + x + ") AS " + name(0, "col");
  } else if (function == "explode" && columns.size() == 2) {
    select = "SELECT unnest(map_keys(" + x + ")) AS " + columns[0] + ", unnest(map_values(" + x +
             ")) AS " + columns[1];
  } else if (function == "posexplode" && columns.size() != 1 && columns.size() < 3) {
    select = "SELECT unnest(range(array_length(" + x + "))) AS " + name(0, "pos") + ", unnest(" +
             x + ") AS " + name(1, "col");
  } else if (function == "inline") {
    select = "SELECT unnest(" + x + ", max_depth := 2)";
  } else {
    return cursor_.Unsupported(function_token,
                               "LATERAL VIEW runs explode, posexplode and inline with their "
                               "usual columns; write this one as a subquery");
  }
  const size_t resume = cursor_.position();
  cursor_.Seek(start_index);
  Gap(start);
  cursor_.Seek(resume);
  writer_.Source(start, outer ? "LEFT JOIN LATERAL (" : "CROSS JOIN LATERAL (");
  writer_.Text(select + ") AS " + QuoteNameIfNeeded(table));
  if (function == "inline" && !columns.empty()) {
    std::string list;
    for (const std::string& column : columns) list += (list.empty() ? "" : ", ") + column;
    writer_.Text("(" + list + ")");
  }
  if (outer) writer_.Text(" ON TRUE");
  return Status::Ok();
}

// VALUES (1, 'a'), (2, 'b') or VALUES 1, 2: rows get parentheses, columns Spark's names.
Status QueryRewriter::EmitInlineValues(bool as_table) {
  const bool keep = start_ == Start::kInsertSource && AtStart();
  const bool in_group = !AtStart() && Previous().Is("(");
  const size_t start = cursor_.position();
  cursor_.Take();
  std::string rows;
  size_t columns = 0;
  do {
    const size_t first = cursor_.position();
    size_t last = first;
    if (cursor_.Sees({"("})) {
      TARN_ASSIGN_OR_RETURN(last, cursor_.AfterGroup(first));
    }
    const bool grouped = last > first && (last >= end_ || !IsBinaryOperator(cursor_.At(last)));
    if (!grouped) {
      TARN_ASSIGN_OR_RETURN(last, AfterValueExpression(cursor_, first));
    }
    TARN_ASSIGN_OR_RETURN(std::string row, Part(first, last));
    if (columns == 0) {
      columns = 1;
      for (size_t i = first + 1, depth = 0; grouped && i + 1 < last; ++i) {
        const Token& token = cursor_.At(i);
        if (token.Is("(") || token.Is("[")) ++depth;
        if (token.Is(")") || token.Is("]")) --depth;
        if (token.Is(",") && depth == 0) ++columns;
      }
    }
    rows += (rows.empty() ? "" : ", ") + (grouped ? row : "(" + row + ")");
    cursor_.Seek(last);
  } while (cursor_.position() < end_ && cursor_.Accept({","}));
  const size_t after = cursor_.position();
  cursor_.Seek(start);
  if (keep) {
    Emit("VALUES " + rows);
    cursor_.Seek(after);
    return Status::Ok();
  }
  std::string names;
  for (size_t i = 1; i <= columns; ++i) names += (i > 1 ? ", col" : "col") + std::to_string(i);
  // (VALUES …) alone in parentheses is a query, (VALUES … AS t(a)) a table.
  if (in_group && cursor_.At(after).Is(")")) as_table = false;
  std::string inner = "(VALUES " + rows + ") AS inline_table(" + names + ")";
  Emit(as_table ? "(SELECT * FROM " + inner + ")" : "SELECT * FROM " + inner);
  cursor_.Seek(after);
  if (as_table &&
      (cursor_.position() >= end_ || (!cursor_.Sees({"AS"}) && !IsAlias(cursor_.Peek())))) {
    writer_.Text(" AS inline_table");
  }
  return Status::Ok();
}

Result<bool> QueryRewriter::TryInterval() {
  const size_t start = cursor_.position();
  const size_t after = AfterInterval(cursor_, start);
  if (after == start) return false;
  TARN_ASSIGN_OR_RETURN(std::string sql, IntervalSql(cursor_, start));
  Emit(sql);
  cursor_.Seek(after);
  return true;
}

}  // namespace tarn::dialect
