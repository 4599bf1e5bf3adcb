#include "dialect/statement_query.h"

#include <algorithm>
#include <array>

#include "dialect/statement_types.h"

namespace tarn::dialect {
namespace {

template <size_t N>
bool IsOneOf(const Token& token, const std::array<std::string_view, N>& words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return token.Is(word); });
}

// After these an operand comes next. `*` is left out: it is an operand itself as often as an
// operator.
constexpr std::array<std::string_view, 28> kBeforeOperandSymbols = {
    "(",  "[", ",", "+", "-",  "/",  "%",  "=",   "<",  ">", "<=", ">=", "<>", "!=",
    "||", "|", "&", "^", "->", "=>", "==", "<=>", "<<", "~", "!",  ":",  "{",  "::"};
constexpr std::array<std::string_view, 26> kBeforeOperandWords = {
    "SELECT",  "DISTINCT", "BY",   "AND",    "OR",   "NOT",    "WHERE",  "ON",     "WHEN",
    "THEN",    "ELSE",     "CASE", "HAVING", "LIKE", "ILIKE",  "RLIKE",  "REGEXP", "BETWEEN",
    "QUALIFY", "SET",      "AS",   "DIV",    "ALL",  "VALUES", "RETURN", "FILTER"};

// Reserved in DuckDB, plain names in Spark where an operand is expected.
constexpr std::array<std::string_view, 50> kNamesInSpark = {
    "ANALYSE",       "ANALYZE",   "ASC",          "ASOF",        "ASYMMETRIC", "AT",
    "AUTHORIZATION", "CHECK",     "COLLATION",    "COLUMN",      "COLUMNS",    "CONCURRENTLY",
    "CONSTRAINT",    "CREATE",    "DEFERRABLE",   "DESC",        "DESCRIBE",   "DO",
    "END",           "FETCH",     "FOR",          "FOREIGN",     "FREEZE",     "GLOB",
    "GRANT",         "INITIALLY", "LAMBDA",       "LIMIT",       "NOTNULL",    "OFFSET",
    "ONLY",          "OVERLAPS",  "PIVOT_LONGER", "PIVOT_WIDER", "PLACING",    "POSITIONAL",
    "PRIMARY",       "QUALIFY",   "REFERENCES",   "RETURNING",   "SHOW",       "SIMILAR",
    "SUMMARIZE",     "SYMMETRIC", "TO",           "UNIQUE",      "UNPACK",     "USING",
    "VARIADIC",      "VERBOSE"};

// Functions in Spark whose names DuckDB's grammar keeps for itself when they are called.
constexpr std::array<std::string_view, 7> kQuotedFunctions = {"ARRAY", "STRUCT", "CHAR",     "LIKE",
                                                              "ILIKE", "GLOB",   "CHARACTER"};

// Ends the table list of a FROM.
constexpr std::array<std::string_view, 14> kAfterFrom = {
    "WHERE", "GROUP",  "HAVING",    "ORDER", "LIMIT",   "WINDOW",     "QUALIFY",
    "UNION", "EXCEPT", "INTERSECT", "MINUS", "CLUSTER", "DISTRIBUTE", "SORT"};

// unhex() means the same in both dialects, while a cast of '\x1F' does not.
std::string HexOfBlob(std::string_view digits) {
  return "unhex('" + std::string(digits.size() % 2 == 1 ? "0" : "") + std::string(digits) + "')";
}

}  // namespace

bool QueryRewriter::OperandExpected() const {
  if (AtStart()) return true;
  const Token& previous = Previous();
  return previous.kind == TokenKind::kSymbol ? IsOneOf(previous, kBeforeOperandSymbols)
                                             : IsOneOf(previous, kBeforeOperandWords);
}

void QueryRewriter::Gap(const Token& token) {
  if (AtStart()) {
    writer_.Blank();
    return;
  }
  const size_t from = Previous().end();
  const std::string_view gap = cursor_.text().substr(from, token.offset - from);
  if (gap.empty()) return;
  // Line breaks stay, so that a line of DuckDB's message is a line of the source. Comments do not:
  // their rules differ.
  if (gap.find('\n') != std::string_view::npos) {
    writer_.Newline();
  } else {
    writer_.Blank();
  }
}

void QueryRewriter::Emit(std::string_view text) {
  const Token& token = cursor_.Peek();
  Gap(token);
  writer_.Source(token, text);
  cursor_.Take();
}

// A word in place of a symbol, which needs blanks where the symbol did not.
void QueryRewriter::EmitInfix(std::string_view text) {
  writer_.Blank();
  writer_.Source(cursor_.Peek(), text);
  const size_t end = cursor_.Take().end();
  if (cursor_.Peek().offset == end) writer_.Text(" ");
}

Status QueryRewriter::Rewrite(size_t end, Start start) {
  first_ = cursor_.position();
  end_ = end;
  start_ = start;
  frames_.assign(1, Frame{});
  if (start == Start::kTables) {
    frame().select_seen = frame().in_from = frame().expect_table = true;
  }
  while (cursor_.position() < end_) {
    TARN_RETURN_IF_ERROR(cursor_.spark() ? Step() : StepDuckdb());
  }
  if (frames_.size() > 1) {
    const Token& open = cursor_.At(frame().open);
    return cursor_.Fail(open, "the " + std::string(open.text) + " that opens here is never closed");
  }
  return Status::Ok();
}

Status QueryRewriter::Step() {
  const Token& token = cursor_.Peek();
  if (frame().expect_table) {
    TARN_ASSIGN_OR_RETURN(bool done, StepTable());
    if (done) return Status::Ok();
  }
  switch (token.kind) {
    case TokenKind::kString: {
      const size_t at = cursor_.position();
      TARN_ASSIGN_OR_RETURN(std::string value, cursor_.ReadString("a string"));
      const size_t after = cursor_.position();
      cursor_.Seek(at);
      Emit(QuoteString(value));
      cursor_.Seek(after);
      return Status::Ok();
    }
    case TokenKind::kNumber: EmitNumber(); return Status::Ok();
    case TokenKind::kQuotedName: return StepName();
    case TokenKind::kWord: return StepWord();
    case TokenKind::kSymbol: return StepSymbol();
    case TokenKind::kEnd: break;
  }
  return Status::Ok();
}

// DuckDB's own text: only table names with time travel or a path are touched.
Status QueryRewriter::StepDuckdb() {
  const Token& token = cursor_.Peek();
  if (frame().expect_table) {
    TARN_ASSIGN_OR_RETURN(bool done, StepTable());
    if (done) return Status::Ok();
  }
  if (token.Is("(") || token.Is("[") || token.Is("{")) return Open(false, "");
  if (token.Is(")") || token.Is("]") || token.Is("}")) return Close();
  if (token.Is(",") && frame().in_from) frame().expect_table = true;
  if (token.kind == TokenKind::kWord && StepClause()) return Status::Ok();
  EmitVerbatim();
  return Status::Ok();
}

Status QueryRewriter::Open(bool is_cast, std::string close_suffix) {
  const bool table = frame().expect_table;
  frame().expect_table = false;
  Frame next;
  next.open = cursor_.position();
  next.is_cast = is_cast;
  next.close_suffix = std::move(close_suffix);
  next.expect_table = table;
  EmitVerbatim();
  frames_.push_back(std::move(next));
  if (frames_.size() > 2000)
    return cursor_.Fail(Previous(), "parentheses are nested deeper than 2000 levels");
  return Status::Ok();
}

Status QueryRewriter::Close() {
  const Token& token = cursor_.Peek();
  if (frames_.size() == 1) {
    return cursor_.Fail(token, "this " + std::string(token.text) + " closes nothing");
  }
  const Token& open = cursor_.At(frame().open);
  const bool fits = (open.Is("(") && token.Is(")")) || (open.Is("[") && token.Is("]")) ||
                    (open.Is("{") && token.Is("}"));
  if (!fits) {
    return cursor_.Fail(token, "this " + std::string(token.text) + " does not close the " +
                                   std::string(open.text) + " before it");
  }
  writer_.Text(frame().close_suffix);
  // f(x) IGNORE NULLS OVER (…): DuckDB wants the words inside the parentheses.
  const bool treats_nulls = cursor_.spark() && token.Is(")") && cursor_.position() + 3 < end_ &&
                            (cursor_.Peek(1).Is("IGNORE") || cursor_.Peek(1).Is("RESPECT")) &&
                            cursor_.Peek(2).Is("NULLS") && cursor_.Peek(3).Is("OVER");
  if (treats_nulls) writer_.Text(" " + UpperAscii(cursor_.Peek(1).text) + " NULLS");
  EmitVerbatim();
  frames_.pop_back();
  for (int word = 0; treats_nulls && word < 2; ++word) cursor_.Take();
  return Status::Ok();
}

Status QueryRewriter::StepSymbol() {
  const Token& token = cursor_.Peek();
  if (token.Is("(") || token.Is("[") || token.Is("{")) return Open(false, "");
  if (token.Is(")") || token.Is("]") || token.Is("}")) return Close();
  if (token.Is("::")) {
    EmitVerbatim();
    TARN_ASSIGN_OR_RETURN(std::string type, ReadType(cursor_, TypePlace::kCast));
    writer_.Text(type);
    return Status::Ok();
  }
  if (token.Is(",") && frame().in_from) frame().expect_table = true;
  if (token.Is("<=>")) {
    EmitInfix("IS NOT DISTINCT FROM");
  } else if (token.Is("==")) {
    Emit("=");
  } else if (token.Is("!")) {
    EmitInfix("NOT");
  } else if (!TryMinimumLong()) {
    EmitVerbatim();
  }
  return Status::Ok();
}

// -9223372036854775808L: the number alone does not fit into a BIGINT.
bool QueryRewriter::TryMinimumLong() {
  const Token& next = cursor_.Peek(1);
  if (!cursor_.Peek().Is("-") || !OperandExpected() || next.kind != TokenKind::kNumber ||
      !EqualsIgnoreCase(next.text, "9223372036854775808L")) {
    return false;
  }
  Emit("CAST(-9223372036854775808 AS BIGINT)");
  cursor_.Take();
  return true;
}

void QueryRewriter::EmitNumber() {
  const std::string_view text = cursor_.Peek().text;
  const char last = UpperAscii(text.substr(text.size() - 1))[0];
  const bool decimal =
      last == 'D' && text.size() > 2 && UpperAscii(text.substr(text.size() - 2)) == "BD";
  const std::string_view digits = text.substr(0, text.size() - (decimal ? 2 : 1));
  std::string_view type;
  switch (last) {
    case 'L': type = "BIGINT"; break;
    case 'S': type = "SMALLINT"; break;
    case 'Y': type = "TINYINT"; break;
    case 'F': type = "FLOAT"; break;
    case 'D': type = "DOUBLE"; break;
    default: EmitVerbatim(); return;
  }
  // A decimal literal has its own precision and scale in both dialects, once it has a point.
  const bool has_point = digits.find('.') != std::string_view::npos;
  if (decimal && (has_point || digits.find_first_of("eE") != std::string_view::npos)) {
    Emit(digits);
  } else if (decimal) {
    Emit("CAST(" + std::string(digits) + " AS DECIMAL(" + std::to_string(digits.size()) + ",0))");
  } else {
    Emit("CAST(" + std::string(digits) + " AS " + std::string(type) + ")");
  }
}

Status QueryRewriter::StepWord() {
  const Token& token = cursor_.Peek();
  const Token& next = cursor_.Peek(1);
  if (next.Is(".") && (cursor_.Peek(2).IsName() || cursor_.Peek(2).Is("*"))) return StepName();
  if (token.Is("X") && next.kind == TokenKind::kString && next.offset == token.end()) {
    if (next.value.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
      return cursor_.Fail(token, "X'…' holds hexadecimal digits only");
    }
    Emit(HexOfBlob(next.value));
    cursor_.Take();
    return Status::Ok();
  }
  TARN_ASSIGN_OR_RETURN(bool special, StepSpecialWord());
  if (special) return Status::Ok();
  if (StepClause() || StepOperatorWord()) return Status::Ok();
  if (next.Is("(")) return StepCall();
  const bool verb = AtStart() && start_ == Start::kStatement;
  if (OperandExpected() && !verb && IsOneOf(token, kNamesInSpark)) {
    Emit(QuoteName(token.text));
    return Status::Ok();
  }
  const bool digits_first = token.text[0] >= '0' && token.text[0] <= '9';
  Emit(digits_first ? QuoteName(token.text) : std::string(token.text));
  return Status::Ok();
}

// Constructs of their own.
Result<bool> QueryRewriter::StepSpecialWord() {
  const Token& token = cursor_.Peek();
  if (token.Is("AS") && frame().is_cast) {
    EmitVerbatim();
    TARN_ASSIGN_OR_RETURN(std::string type, ReadType(cursor_, TypePlace::kCast));
    writer_.Word(type);
    return true;
  }
  if (token.Is("INTERVAL")) return TryInterval();
  if (cursor_.Peek(1).Is("BY") &&
      (token.Is("SORT") || token.Is("CLUSTER") || token.Is("DISTRIBUTE"))) {
    TARN_RETURN_IF_ERROR(EmitHiveOrder());
    return true;
  }
  if (token.Is("WITH") && (cursor_.Peek(1).Is("ROLLUP") || cursor_.Peek(1).Is("CUBE"))) {
    const std::string word = UpperAscii(cursor_.Peek(1).text);
    return cursor_.Unsupported(
        token, "WITH " + word + " is not supported; write GROUP BY " + word + " (…)");
  }
  if (cursor_.Sees({"LATERAL", "VIEW"})) {
    TARN_RETURN_IF_ERROR(EmitLateralView());
    return true;
  }
  if (token.Is("VALUES") && !cursor_.Peek(1).Is(".") && (AtStart() || Previous().Is("(")) &&
      !cursor_.Peek(1).Is(",") && !cursor_.Peek(1).Is(")")) {
    TARN_RETURN_IF_ERROR(EmitInlineValues(false));
    return true;
  }
  if (token.Is("TABLE") && OperandExpected() && cursor_.Peek(1).IsName()) {
    EmitVerbatim();
    frame().expect_table = true;
    return true;
  }
  return false;
}

// SORT BY, CLUSTER BY and DISTRIBUTE BY: PARTITION BY and ORDER BY of a window; in a query an order
// is an order, and how rows are spread over workers changes no result.
Status QueryRewriter::EmitHiveOrder() {
  const Token& token = cursor_.Peek();
  const bool window = !frame().select_seen;
  if (window) {
    Emit(token.Is("SORT") ? "ORDER" : "PARTITION");
    return Status::Ok();
  }
  frame().in_from = frame().expect_table = false;
  if (!token.Is("DISTRIBUTE")) {
    Emit("ORDER");
    return Status::Ok();
  }
  cursor_.Take();
  cursor_.Take();
  for (int depth = 0; cursor_.position() < end_; cursor_.Take()) {
    const Token& next = cursor_.Peek();
    if (depth == 0 && (next.Is(")") || next.Is("SORT") || IsOneOf(next, kAfterFrom))) break;
    if (next.Is("(")) ++depth;
    if (next.Is(")")) --depth;
  }
  return Status::Ok();
}

// Words that open a clause and say where tables are expected.
bool QueryRewriter::StepClause() {
  const Token& token = cursor_.Peek();
  Frame& f = frame();
  if (token.Is("SELECT")) {
    f.select_seen = true;
    f.in_from = f.expect_table = false;
  } else if (token.Is("FROM")) {
    const bool opens = AtStart() || Previous().Is("(");
    // EXTRACT(x FROM y), TRIM(x FROM y) and IS DISTINCT FROM name no table.
    if ((!f.select_seen && !opens) || (!AtStart() && Previous().Is("DISTINCT"))) return false;
    f.select_seen = f.in_from = f.expect_table = true;
  } else if (token.Is("JOIN")) {
    f.expect_table = f.in_from;
  } else if (IsOneOf(token, kAfterFrom) && !OperandExpected()) {
    f.in_from = f.expect_table = false;
    if (cursor_.spark() && token.Is("MINUS")) {
      Emit("EXCEPT");
      return true;
    }
    if (cursor_.spark() && token.Is("EXCEPT") && cursor_.Peek(1).Is("(") && Previous().Is("*")) {
      Emit("EXCLUDE");
      return true;
    }
  } else {
    return false;
  }
  EmitVerbatim();
  return true;
}

// Infix words that DuckDB spells differently.
bool QueryRewriter::StepOperatorWord() {
  const Token& token = cursor_.Peek();
  auto is_match = [](const Token& t) { return t.Is("RLIKE") || t.Is("REGEXP"); };
  if (token.Is("LEFT") && (cursor_.Peek(1).Is("SEMI") || cursor_.Peek(1).Is("ANTI"))) {
    cursor_.Take();
    EmitVerbatim();
    return true;
  }
  if (token.Is("NOT") && is_match(cursor_.Peek(1)) && !OperandExpected()) {
    cursor_.Take();
    EmitInfix("!~");
    return true;
  }
  if (OperandExpected()) return false;
  if (is_match(token)) {
    EmitInfix("~");
    return true;
  }
  if (token.Is("DIV")) {
    EmitInfix("//");
    return true;
  }
  return false;
}

// a, a.b, a.b.c …, each part quoted where DuckDB needs it; a lake's other name in front becomes its
// catalog.
Status QueryRewriter::StepName() {
  size_t parts = 1;
  while (cursor_.Peek(2 * parts - 1).Is(".") && cursor_.Peek(2 * parts).IsName()) ++parts;
  const bool catalog = parts >= 4 && cursor_.Peek().kind == TokenKind::kWord &&
                       cursor_.IsLakeCatalog(cursor_.Peek().text);
  for (size_t i = 0; i < parts; ++i) {
    if (i > 0) EmitVerbatim();  // the dot
    const Token& part = cursor_.Peek();
    if (part.kind == TokenKind::kQuotedName) {
      Emit(QuoteName(part.value));
    } else {
      Emit(QuoteNameIfNeeded(i == 0 && catalog ? cursor_.context().catalog
                                               : std::string(part.text)));
    }
  }
  return Status::Ok();
}

// A word before a parenthesis: a function, a type used as one, or a keyword.
Status QueryRewriter::StepCall() {
  const Token& token = cursor_.Peek();
  if (token.Is("CAST") || token.Is("TRY_CAST")) {
    EmitVerbatim();
    return Open(true, "");
  }
  if (!OperandExpected()) {
    EmitVerbatim();
    return Status::Ok();
  }
  const std::string type = CastFunctionType(token.text);
  if (!type.empty()) {
    Emit("CAST");
    return Open(false, " AS " + type);
  }
  TARN_ASSIGN_OR_RETURN(size_t after, cursor_.AfterGroup(cursor_.position() + 1));
  const bool first_or_last =
      token.Is("FIRST") || token.Is("LAST") || token.Is("FIRST_VALUE") || token.Is("LAST_VALUE");
  if (cursor_.spark() && first_or_last && after < end_ && cursor_.At(after).Is("OVER") &&
      after >= cursor_.position() + 6 && cursor_.At(after - 3).Is(",") &&
      (cursor_.At(after - 2).Is("TRUE") || cursor_.At(after - 2).Is("FALSE"))) {
    // first(x, true) OVER (…) ignores nulls.
    const size_t inside = cursor_.position() + 2;
    const bool ignores = cursor_.At(after - 2).Is("TRUE");
    TARN_ASSIGN_OR_RETURN(const std::string value, Part(inside, after - 3));
    Emit(UpperAscii(token.text)[0] == 'F' ? "first_value" : "last_value");
    writer_.Text("(" + value + (ignores ? " IGNORE NULLS)" : ")"));
    cursor_.Seek(after);
    return Status::Ok();
  }
  auto holds = [&](std::string_view word) {
    for (size_t i = cursor_.position() + 2; i < after; ++i) {
      if (cursor_.At(i).Is(word)) return true;
    }
    return false;
  };
  const Token& inside = cursor_.Peek(2);
  const bool query = inside.Is("SELECT") || inside.Is("WITH") || inside.Is("FROM") ||
                     inside.Is("(") || inside.Is("TABLE") || inside.Is("VALUES");
  const bool after_comparison = !AtStart() && Previous().kind == TokenKind::kSymbol &&
                                !Previous().Is("(") && !Previous().Is(",");
  bool quote = IsOneOf(token, kQuotedFunctions);
  quote |= token.Is("EXISTS") && !query;
  if (token.Is("POSITION") && !holds("IN")) {
    // DuckDB's position() takes its arguments the other way round; locate() is Spark's other name
    // for it.
    Emit("locate");
    return Status::Ok();
  }
  quote |= token.Is("OVERLAY") && !holds("PLACING");
  quote |= (token.Is("ANY") || token.Is("SOME")) && !query && !after_comparison;
  Emit(quote ? QuoteName(LowerAscii(token.text)) : std::string(token.text));
  return Status::Ok();
}

Result<std::string> QueryRewriter::Part(size_t first, size_t last) {
  return RewritePart(cursor_, first, last);
}

Result<std::string> RewritePart(StatementCursor& cursor, size_t first, size_t last) {
  const size_t at = cursor.position();
  cursor.Seek(first);
  SqlWriter writer;
  Status status = QueryRewriter(cursor, writer).Rewrite(last);
  cursor.Seek(at);
  if (!status.ok()) return status;
  return writer.TakeSql();
}

}  // namespace tarn::dialect
