#include "dialect/statement.h"

#include <algorithm>
#include <array>

#include "dialect/statement_query.h"

namespace tarn::dialect {
namespace {

// Words that begin a statement with rows for a user, in DuckDB's own SQL.
constexpr std::array<std::string_view, 14> kDuckdbQueries = {
    "SELECT",   "WITH", "VALUES",  "FROM",      "TABLE",  "(",     "SHOW",
    "DESCRIBE", "DESC", "EXPLAIN", "SUMMARIZE", "PRAGMA", "PIVOT", "UNPIVOT"};

// Spark settings that tune and cannot change a result: they are accepted and have no effect here.
constexpr std::array<std::string_view, 9> kTuningSettings = {
    "spark.sql.shuffle.partitions",
    "spark.sql.adaptive.",
    "spark.sql.autobroadcastjointhreshold",
    "spark.sql.files.",
    "spark.databricks.delta.optimizewrite.",
    "spark.databricks.delta.autocompact.",
    "spark.databricks.io.cache.",
    "spark.databricks.delta.optimize.",
    "spark.sql.broadcasttimeout"};

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

}  // namespace

std::string StringList(const std::vector<std::string>& values) {
  if (values.empty()) return "CAST([] AS VARCHAR[])";
  std::string list = "[";
  for (const std::string& value : values)
    list += (list.size() > 1 ? ", " : "") + QuoteString(value);
  return list + "]";
}

void StatementTranslator::Add(SqlWriter& writer, std::string_view kind, bool is_query,
                              bool rewrite) {
  TranslatedStatement statement;
  statement.sql = writer.TakeSql();
  statement.marks = writer.TakeMarks();
  statement.statement_kind = std::string(kind);
  statement.is_query = is_query;
  statement.rewrite_expressions = rewrite;
  out_.push_back(std::move(statement));
}

void StatementTranslator::AddText(std::string sql, std::string_view kind, bool is_query) {
  SqlWriter writer;
  writer.Source(c_.At(0), sql);
  Add(writer, kind, is_query, false);
}

Status StatementTranslator::RewriteUntil(size_t end, SqlWriter& writer) {
  return QueryRewriter(c_, writer).Rewrite(end);
}

Status StatementTranslator::RewriteRest(SqlWriter& writer) {
  return RewriteUntil(c_.end(), writer);
}

Status StatementTranslator::Translate() { return c_.spark() ? Dispatch() : DispatchDuckdb(); }

Status StatementTranslator::Refuse(std::string_view what, std::string_view remedy) {
  return c_.Unsupported(c_.At(0), std::string(what) + " is not supported; " + std::string(remedy));
}

Status StatementTranslator::Dispatch() {
  const Token& first = c_.Peek();
  if (first.Is("WITH")) return WithStatement();
  if (first.Is("SELECT") || first.Is("VALUES") || first.Is("FROM") || first.Is("TABLE") ||
      first.Is("(")) {
    return Query();
  }
  if (first.Is("INSERT")) return Insert("");
  if (first.Is("MERGE")) return Merge();
  if (first.Is("DELETE")) return Delete();
  if (first.Is("UPDATE")) return Update();
  if (first.Is("CREATE")) {
    if (c_.Sees({"CREATE", "SCHEMA"}) || c_.Sees({"CREATE", "DATABASE"})) return CreateSchema();
    for (size_t i = 1; i < 6; ++i) {
      if (c_.Peek(i).Is("TABLE")) return CreateTable();
      if (c_.Peek(i).Is("VIEW")) return CreateView(false);
      if (c_.Peek(i).Is("FUNCTION"))
        return Refuse("CREATE FUNCTION", "write the expression in the query or a view");
    }
    return PassThrough("CREATE", false);
  }
  if (c_.Sees({"REPLACE", "TABLE"})) return CreateTable();
  if (first.Is("DROP")) return Drop();
  if (c_.Sees({"ALTER", "TABLE"}) || c_.Sees({"ALTER", "VIEW"})) return AlterTable();
  if (c_.Sees({"COMMENT", "ON"})) return CommentOn();
  if (first.Is("DESCRIBE") || first.Is("DESC")) return Describe();
  if (first.Is("SHOW")) return Show();
  if (first.Is("USE")) return Use();
  if (first.Is("SET")) return Set();
  if (first.Is("EXPLAIN")) return Explain();
  TARN_ASSIGN_OR_RETURN(const bool maintenance, Maintenance());
  if (maintenance) return Status::Ok();
  if (first.Is("VACUUM")) return Vacuum();
  if (first.Is("TRUNCATE")) {
    c_.Take();
    c_.Accept({"TABLE"});
    TARN_ASSIGN_OR_RETURN(ObjectName name, c_.ReadName("a table name"));
    TARN_RETURN_IF_ERROR(c_.ExpectEnd());
    AddText("TRUNCATE TABLE " + c_.TableSql(name), "TRUNCATE", false);
    return Status::Ok();
  }
  if (first.Is("GRANT") || first.Is("REVOKE")) {
    return Refuse(UpperAscii(first.text), "rights are kept in the project's policies");
  }
  if (first.Is("REFRESH"))
    return Refuse("REFRESH", "leave it out: every query reads the newest version");
  if (first.Is("CACHE") || first.Is("UNCACHE"))
    return Refuse(UpperAscii(first.text), "leave it out");
  if (first.Is("ANALYZE")) {
    return Refuse("ANALYZE TABLE", "leave it out: statistics are written with every file");
  }
  if (first.Is("MSCK"))
    return Refuse("MSCK REPAIR TABLE", "leave it out: a Delta log lists its own files");
  if (first.Is("CONVERT") || first.Is("CLONE") || first.Is("REORG") || first.Is("FSCK") ||
      first.Is("LOAD")) {
    return Refuse(UpperAscii(first.text), "see docs/guide/maintenance.md for what is");
  }
  return PassThrough(UpperAscii(first.text), first.Is("CALL") || first.Is("PRAGMA"));
}

// DuckDB's own statements pass; the Delta statements are the same as in Spark.
Status StatementTranslator::DispatchDuckdb() {
  const Token& first = c_.Peek();
  if (first.Is("CREATE") && HasDeltaTableClause()) return CreateTable();
  if (c_.Sees({"INSERT", "OVERWRITE"})) return Insert("");
  if (first.Is("INSERT")) {
    for (size_t i = 1; i < std::min<size_t>(c_.end(), 16); ++i) {
      if (c_.At(i).Is("REPLACE") && c_.At(i + 1).Is("WHERE")) return Insert("");
    }
  }
  if (first.Is("DESCRIBE") || first.Is("DESC")) {
    const Token& second = c_.Peek(1);
    if ((second.Is("HISTORY") || second.Is("DETAIL") || second.Is("EXTENDED")) &&
        c_.Peek(2).IsName()) {
      return Describe();
    }
  }
  if (c_.Sees({"SHOW", "TBLPROPERTIES"}) || c_.Sees({"SHOW", "PARTITIONS"})) return Show();
  TARN_ASSIGN_OR_RETURN(const bool maintenance, Maintenance());
  if (maintenance) return Status::Ok();
  if (first.Is("VACUUM") && c_.Peek(1).IsName() && !c_.Peek(1).Is("ANALYZE") &&
      !c_.Peek(1).Is("FULL")) {
    return Vacuum();
  }
  if (c_.Sees({"ALTER", "TABLE"})) {
    for (size_t i = 2; i < c_.end(); ++i) {
      const bool properties = c_.At(i).Is("TBLPROPERTIES");
      const bool constraint =
          c_.At(i).Is("CONSTRAINT") && (c_.At(i - 1).Is("ADD") || c_.At(i - 1).Is("DROP"));
      if (properties || constraint) return AlterTable();
    }
  }
  return Verbatim();
}

bool StatementTranslator::HasDeltaTableClause() const {
  size_t i = 1;
  while (i < 6 && !c_.At(i).Is("TABLE")) ++i;
  if (i == 6 || c_.At(1).Is("TEMP") || c_.At(1).Is("TEMPORARY")) return false;
  int depth = 0;
  for (; i < c_.end(); ++i) {
    const Token& token = c_.At(i);
    if (token.Is("(")) ++depth;
    if (token.Is(")")) --depth;
    if (depth > 0) continue;
    if (token.Is("AS")) return false;
    if (token.Is("CLONE") && c_.At(i - 1).Is("SHALLOW")) return true;
    if (token.Is("TBLPROPERTIES") || token.Is("LOCATION") || c_.At(i - 1).Is("CLUSTER") ||
        (token.Is("USING") && c_.At(i + 1).Is("DELTA"))) {
      return true;
    }
  }
  return false;
}

// Time travel in Spark's words, or a path as a table: the two things DuckDB's parser does not know
// in a query.
bool StatementTranslator::NeedsRewrite() const {
  for (size_t i = 1; i + 1 < c_.end(); ++i) {
    if (c_.At(i).Is("AS") && c_.At(i + 1).Is("OF")) return true;
    if (c_.At(i).Is(".") && c_.At(i + 1).kind == TokenKind::kQuotedName && c_.At(i - 1).Is("delta"))
      return true;
    if (c_.At(i).Is("@") && StartsWith(LowerAscii(c_.At(i + 1).text), "v")) return true;
  }
  return false;
}

Status StatementTranslator::Verbatim() {
  const Token& first = c_.Peek();
  std::string kind = UpperAscii(first.text);
  if (kind == "CREATE" || kind == "DROP" || kind == "ALTER") {
    for (size_t i = 1; i < std::min<size_t>(c_.end(), 5); ++i) {
      const Token& object = c_.At(i);
      if (object.Is("TABLE") || object.Is("VIEW") || object.Is("SCHEMA") || object.Is("MACRO")) {
        kind += " " + UpperAscii(object.text);
        break;
      }
    }
  }
  bool is_query = std::any_of(kDuckdbQueries.begin(), kDuckdbQueries.end(),
                              [&](std::string_view word) { return first.Is(word); }) ||
                  first.Is("CALL");
  for (size_t i = 0; i < c_.end(); ++i) is_query |= c_.At(i).Is("RETURNING");
  SqlWriter writer;
  if (NeedsRewrite()) {
    TARN_RETURN_IF_ERROR(RewriteRest(writer));
  } else {
    WriteVerbatim(writer);
  }
  const bool select =
      kind == "WITH" || kind == "VALUES" || kind == "FROM" || kind == "TABLE" || kind == "(";
  Add(writer, select ? "SELECT" : kind, is_query, false);
  return Status::Ok();
}

// The statement as it is, except that a schema `system` of the lake is told from DuckDB's catalog
// of that name.
void StatementTranslator::WriteVerbatim(SqlWriter& writer) {
  static constexpr std::array<std::string_view, 10> kBeforeTable = {
      "FROM",   "JOIN", "INTO",     "TABLE", "UPDATE",
      "EXISTS", "VIEW", "DESCRIBE", "USING", "SUMMARIZE"};
  size_t from = 0;
  for (size_t i = 1; i + 2 < c_.end(); ++i) {
    const Token& before = c_.At(i - 1);
    const bool table = std::any_of(kBeforeTable.begin(), kBeforeTable.end(),
                                   [&](std::string_view word) { return before.Is(word); });
    if (!table || !c_.At(i).Is("system") || !c_.At(i + 1).Is(".") || c_.At(i + 3).Is(".")) continue;
    // What has parentheses after FROM or JOIN is a table function.
    if (c_.At(i + 3).Is("(") && (before.Is("FROM") || before.Is("JOIN"))) continue;
    // The text up to here, with the gap after it.
    const size_t offset = c_.At(from).offset;
    writer.Verbatim(c_.At(from), c_.text().substr(offset, c_.At(i).offset - offset));
    writer.Text(QuoteNameIfNeeded(c_.context().catalog) + ".");
    from = i;
  }
  writer.Verbatim(c_.At(from), c_.Span(from, c_.end()));
}

Status StatementTranslator::PassThrough(std::string_view kind, bool is_query) {
  SqlWriter writer;
  TARN_RETURN_IF_ERROR(
      QueryRewriter(c_, writer).Rewrite(c_.end(), QueryRewriter::Start::kStatement));
  Add(writer, kind, is_query, true);
  return Status::Ok();
}

Status StatementTranslator::Query() { return PassThrough("SELECT", true); }

// WITH a AS (…), b AS (…) and then a query or an INSERT.
Status StatementTranslator::WithStatement() {
  for (size_t i = 1; i < c_.end(); ++i) {
    if (c_.At(i).Is("(")) {
      TARN_ASSIGN_OR_RETURN(size_t after, c_.AfterGroup(i));
      i = after - 1;
    } else if (c_.At(i).Is("INSERT")) {
      TARN_ASSIGN_OR_RETURN(std::string with_clause, RewritePart(c_, 0, i));
      c_.Seek(i);
      return Insert(with_clause + " ");
    } else if (c_.At(i).Is("SELECT") || c_.At(i).Is("FROM")) {
      break;
    }
  }
  return Query();
}

Status StatementTranslator::Explain() {
  c_.Take();
  const bool analyze = c_.Accept({"ANALYZE"});
  for (std::string_view word : {"EXTENDED", "CODEGEN", "COST", "FORMATTED"}) {
    if (c_.Accept({word})) break;
  }
  std::vector<Token> rest;
  for (size_t i = c_.position(); i <= c_.end(); ++i) rest.push_back(c_.At(i));
  if (rest.size() == 1) return c_.Unexpected("a statement to explain");
  StatementCursor inner(c_.text(), std::move(rest), c_.dialect(), c_.context());
  std::vector<TranslatedStatement> explained;
  TARN_RETURN_IF_ERROR(StatementTranslator(inner, finish_, explained).Translate());
  // The last statement is the one that does the work; what comes before only prepares it.
  TranslatedStatement statement = std::move(explained.back());
  const std::string prefix = analyze ? "EXPLAIN ANALYZE " : "EXPLAIN ";
  statement.sql = prefix + statement.sql;
  for (TranslatedStatement::Mark& mark : statement.marks) mark.sql_offset += prefix.size();
  statement.is_query = true;
  statement.statement_kind = "EXPLAIN";
  out_.push_back(std::move(statement));
  return Status::Ok();
}

Status StatementTranslator::Use() {
  c_.Take();
  if (c_.Peek(1).IsName() && c_.Accept({"CATALOG"})) {
    TARN_ASSIGN_OR_RETURN(std::string catalog, c_.ReadIdentifier("a catalog name"));
    TARN_RETURN_IF_ERROR(c_.ExpectEnd());
    if (!c_.IsLakeCatalog(catalog)) return c_.Fail(c_.At(2), "there is no catalog " + catalog);
    AddText("USE " + QuoteNameIfNeeded(c_.context().catalog), "USE", false);
    return Status::Ok();
  }
  if (!c_.Accept({"SCHEMA"})) c_.Accept({"DATABASE"});
  TARN_ASSIGN_OR_RETURN(ObjectName name, c_.ReadName("a schema name"));
  TARN_RETURN_IF_ERROR(c_.ExpectEnd());
  const bool whole = name.parts.size() == 2 && c_.IsLakeCatalog(name.parts[0]);
  if (name.parts.size() != 1 && !whole)
    return c_.Fail(c_.At(name.token), "expected a schema of the lake");
  AddText(
      "USE " + QuoteNameIfNeeded(c_.context().catalog) + "." + QuoteNameIfNeeded(name.parts.back()),
      "USE", false);
  return Status::Ok();
}

Status StatementTranslator::Set() {
  const Token& key_token = c_.Peek(1);
  if (c_.Sees({"SET", "TIME", "ZONE"})) {
    if (c_.Peek(3).kind != TokenKind::kString) {
      return c_.Unsupported(c_.Peek(3), "SET TIME ZONE wants a zone name, such as 'Europe/Berlin'");
    }
    AddText("SET TimeZone = " + QuoteString(c_.Peek(3).value), "SET", false);
    return Status::Ok();
  }
  if (!key_token.Is("spark") && !key_token.Is("delta")) return PassThrough("SET", false);
  // The key is all up to `=`; the value is what follows, quoted or not.
  size_t equals = 1;
  while (equals < c_.end() && !c_.At(equals).Is("=")) ++equals;
  const std::string key = LowerAscii(c_.Span(1, equals));
  std::string value(c_.Span(equals + 1, c_.end()));
  if (equals + 2 == c_.end() && c_.At(equals + 1).kind == TokenKind::kString)
    value = c_.At(equals + 1).value;
  if (key == "spark.sql.session.timezone" && !value.empty()) {
    AddText("SET TimeZone = " + QuoteString(value), "SET", false);
    return Status::Ok();
  }
  if (key == "spark.databricks.delta.retentiondurationcheck.enabled" && !value.empty()) {
    AddText("SET tarn_retention_check = " + QuoteString(value), "SET", false);
    return Status::Ok();
  }
  const bool tuning = std::any_of(kTuningSettings.begin(), kTuningSettings.end(),
                                  [&](std::string_view prefix) { return StartsWith(key, prefix); });
  const bool ansi_on = key == "spark.sql.ansi.enabled" && EqualsIgnoreCase(value, "true");
  if (!tuning && !ansi_on) {
    return c_.Unsupported(key_token,
                          "setting " + std::string(c_.Span(1, equals)) +
                              " is not supported; remove it (Tarn runs Spark 4's defaults)");
  }
  AddText(
      "SELECT " + QuoteString(c_.Span(1, equals)) + " AS key, " + QuoteString(value) + " AS value",
      "SET", true);
  return Status::Ok();
}

Result<std::vector<TranslatedStatement>> TranslateText(std::string_view sql, SqlDialect dialect,
                                                       const TranslateContext& context,
                                                       const ExpressionFinisher& finish) {
  std::optional<LexError> error;
  std::vector<Token> tokens = Tokenize(sql, dialect, &error);
  if (error)
    return Status::InvalidArgument(PlacedMessage(context, sql, error->offset, error->message));
  std::vector<TranslatedStatement> all;
  size_t source_index = 0;
  for (size_t first = 0, i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind != TokenKind::kEnd && !tokens[i].Is(";")) continue;
    if (i > first) {
      std::vector<Token> own(std::make_move_iterator(tokens.begin() + first),
                             std::make_move_iterator(tokens.begin() + i));
      Token end;
      end.offset = own.back().end();
      own.push_back(end);
      StatementCursor cursor(sql, std::move(own), dialect, context);
      std::vector<TranslatedStatement> made;
      TARN_RETURN_IF_ERROR(StatementTranslator(cursor, finish, made).Translate());
      for (TranslatedStatement& statement : made) {
        statement.source_offset = cursor.At(0).offset;
        statement.source_length = end.offset - statement.source_offset;
        statement.source_index = source_index;
        all.push_back(std::move(statement));
      }
      ++source_index;
    }
    first = i + 1;
  }
  return all;
}

Result<std::string> TranslateExpressionText(std::string_view sql, SqlDialect dialect,
                                            const TranslateContext& context) {
  std::optional<LexError> error;
  std::vector<Token> tokens = Tokenize(sql, dialect, &error);
  if (error)
    return Status::InvalidArgument(PlacedMessage(context, sql, error->offset, error->message));
  StatementCursor cursor(sql, std::move(tokens), dialect, context);
  if (cursor.AtEnd()) return cursor.Unexpected("an expression");
  return RewritePart(cursor, 0, cursor.end());
}

size_t SourceOffsetOf(const TranslatedStatement& statement, size_t sql_offset) {
  size_t source = statement.source_offset;
  for (const TranslatedStatement::Mark& mark : statement.marks) {
    if (mark.sql_offset > sql_offset) break;
    source = mark.source_offset;
    if (mark.verbatim) source += std::min(sql_offset - mark.sql_offset, statement.source_length);
  }
  return source;
}

std::string_view SqlDialectName(SqlDialect dialect) {
  return dialect == SqlDialect::kSpark ? "spark" : "duckdb";
}

Result<SqlDialect> ParseSqlDialect(std::string_view name) {
  if (EqualsIgnoreCase(name, "spark")) return SqlDialect::kSpark;
  if (EqualsIgnoreCase(name, "duckdb")) return SqlDialect::kDuckdb;
  return Status::InvalidArgument("dialect '" + std::string(name) +
                                 "' is unknown; use spark or duckdb");
}

}  // namespace tarn::dialect
