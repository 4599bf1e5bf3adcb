// INSERT, DELETE and UPDATE.

#include "dialect/statement.h"
#include "dialect/statement_query.h"

namespace tarn::dialect {
namespace {

bool StartsQuery(const Token& token) {
  return token.Is("SELECT") || token.Is("WITH") || token.Is("VALUES") || token.Is("FROM") ||
         token.Is("TABLE");
}

// One `PARTITION (d = 'x', e)`; a column without a value is dynamic and means nothing here.
struct PartitionSpec {
  std::vector<std::string> columns;
  std::vector<std::string> values;  // SQL
};

Result<PartitionSpec> ReadPartitionSpec(StatementCursor& c) {
  PartitionSpec spec;
  TARN_RETURN_IF_ERROR(c.Expect({"("}));
  do {
    TARN_ASSIGN_OR_RETURN(std::string column, c.ReadIdentifier("a partition column"));
    if (!c.Accept({"="})) continue;
    const size_t first = c.position();
    TARN_ASSIGN_OR_RETURN(size_t after, AfterValueExpression(c, first));
    TARN_ASSIGN_OR_RETURN(std::string value, RewritePart(c, first, after));
    c.Seek(after);
    spec.columns.push_back(std::move(column));
    spec.values.push_back(std::move(value));
  } while (c.Accept({","}));
  TARN_RETURN_IF_ERROR(c.Expect({")"}));
  return spec;
}

std::string JoinNames(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names)
    list += (list.empty() ? "" : ", ") + QuoteNameIfNeeded(name);
  return list;
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  for (const std::string& other : names) {
    if (EqualsIgnoreCase(other, name)) return true;
  }
  return false;
}

std::string PartitionPredicate(const PartitionSpec& spec) {
  std::string sql;
  for (size_t i = 0; i < spec.columns.size(); ++i) {
    const bool null = EqualsIgnoreCase(spec.values[i], "NULL");
    sql += (i > 0 ? " AND " : "") + QuoteNameIfNeeded(spec.columns[i]) + (null ? " IS " : " = ") +
           spec.values[i];
  }
  return sql;
}

// The rest of an INSERT: its query, with the values of the partition added to each row.
Status WriteSource(StatementCursor& c, const PartitionSpec& spec, SqlWriter& writer) {
  QueryRewriter rewriter(c, writer);
  if (spec.columns.empty()) {
    return rewriter.Rewrite(c.end(), QueryRewriter::Start::kInsertSource);
  }
  writer.Text("SELECT source_rows.*");
  for (size_t i = 0; i < spec.columns.size(); ++i) {
    writer.Text(", " + spec.values[i] + " AS " + QuoteNameIfNeeded(spec.columns[i]));
  }
  writer.Text(" FROM (");
  TARN_RETURN_IF_ERROR(rewriter.Rewrite(c.end()));
  writer.Text(") AS source_rows");
  return Status::Ok();
}

}  // namespace

// After REPLACE: WHERE predicate, up to the query.
Result<std::string> StatementTranslator::ReadReplaceWhere() {
  TARN_RETURN_IF_ERROR(c_.Expect({"WHERE"}));
  const size_t first = c_.position();
  size_t last = first;
  for (int depth = 0; last < c_.end() && (depth > 0 || !StartsQuery(c_.At(last))); ++last) {
    if (c_.At(last).Is("(")) ++depth;
    if (c_.At(last).Is(")")) --depth;
  }
  TARN_ASSIGN_OR_RETURN(std::string predicate, ReadPredicate(first, last));
  c_.Seek(last);
  return predicate;
}

Result<std::string> StatementTranslator::ReadPredicate(size_t first, size_t last) {
  if (first == last) return c_.Unexpected("a predicate");
  TARN_ASSIGN_OR_RETURN(std::string sql, RewritePart(c_, first, last));
  if (!finish_) return sql;
  Result<std::string> finished = finish_(sql);
  if (!finished.ok()) return c_.Fail(c_.At(first), finished.status().message());
  return finished;
}

// The overwrite is announced first and consumed by the INSERT that follows in the same transaction.
Status StatementTranslator::EmitOverwrite(const ObjectName& table,
                                          const std::string& predicate_sql) {
  AddText("CALL tarn_begin_overwrite(" + c_.NameArgument(table) + ", " +
              (predicate_sql.empty() ? "NULL" : QuoteString(predicate_sql)) + ")",
          "INSERT OVERWRITE", false);
  return Status::Ok();
}

// INSERT INTO | OVERWRITE [TABLE] t [PARTITION (…)] [(columns) | BY NAME] [REPLACE WHERE p] query
Status StatementTranslator::Insert(const std::string& with_clause) {
  c_.Take();
  if (c_.Sees({"WITH", "SCHEMA", "EVOLUTION"})) {
    return c_.Unsupported(
        c_.Peek(), "WITH SCHEMA EVOLUTION is not supported; add the columns with ALTER TABLE");
  }
  const bool overwrite = c_.Accept({"OVERWRITE"});
  if (overwrite && (c_.Sees({"DIRECTORY"}) || c_.Sees({"LOCAL", "DIRECTORY"}))) {
    return Refuse("INSERT OVERWRITE DIRECTORY", "use COPY … TO");
  }
  if (!overwrite) TARN_RETURN_IF_ERROR(c_.Expect({"INTO"}));
  c_.Accept({"TABLE"});
  TARN_ASSIGN_OR_RETURN(ObjectName table, c_.ReadName("a table name"));
  if (table.is_path() || !table.travel.empty()) {
    return c_.Unsupported(c_.At(table.token),
                          "INSERT wants a table of the lake by its name, at its newest version");
  }
  PartitionSpec spec;
  if (c_.Accept({"PARTITION"})) {
    TARN_ASSIGN_OR_RETURN(spec, ReadPartitionSpec(c_));
    if (c_.Sees({"IF", "NOT", "EXISTS"})) {
      return c_.Unsupported(c_.Peek(), "IF NOT EXISTS after PARTITION is not supported");
    }
  }
  std::vector<std::string> columns;
  bool by_name = c_.Accept({"BY", "NAME"});
  if (!by_name && c_.Sees({"("}) && c_.Peek(1).IsName() && !StartsQuery(c_.Peek(1))) {
    TARN_ASSIGN_OR_RETURN(columns, c_.ReadColumnList("a column name"));
  }
  std::string predicate = overwrite ? PartitionPredicate(spec) : "";
  bool replace = overwrite;
  if (c_.Accept({"REPLACE"})) {
    if (overwrite) return c_.Fail(c_.Peek(), "OVERWRITE and REPLACE WHERE exclude each other");
    TARN_ASSIGN_OR_RETURN(predicate, ReadReplaceWhere());
    replace = true;
  }
  by_name |= c_.Accept({"BY", "NAME"});
  if (c_.AtEnd()) return c_.Unexpected("a query or VALUES");
  if (replace) TARN_RETURN_IF_ERROR(EmitOverwrite(table, predicate));

  if (!spec.columns.empty() && columns.empty() && !by_name) {
    Result<std::vector<std::string>> all = Status::NotFound("");
    if (c_.context().columns_of) all = c_.context().columns_of(c_.LakeParts(table));
    if (!all.ok()) {
      return c_.Fail(c_.At(table.token),
                     "INSERT with a PARTITION value needs a column list: write the other "
                     "columns in parentheses after PARTITION (…)");
    }
    for (const std::string& column : *all) {
      if (!Contains(spec.columns, column)) columns.push_back(column);
    }
  }
  columns.insert(columns.end(), spec.columns.begin(), spec.columns.end());
  SqlWriter writer;
  writer.Text(with_clause);
  writer.Source(c_.At(table.token), "INSERT INTO " + c_.TableSql(table));
  if (by_name) writer.Text(" BY NAME");
  if (!columns.empty() && !by_name) writer.Text(" (" + JoinNames(columns) + ")");
  writer.Text(" ");
  TARN_RETURN_IF_ERROR(WriteSource(c_, spec, writer));
  Add(writer, replace ? "INSERT OVERWRITE" : "INSERT", false, true);
  return Status::Ok();
}

Result<StatementTranslator::Target> StatementTranslator::ReadTarget(std::string_view what) {
  Target target;
  TARN_ASSIGN_OR_RETURN(target.name, c_.ReadName(what));
  if (target.name.is_path()) {
    return c_.Unsupported(c_.At(target.name.token),
                          "a table is changed by its name in the lake, not by its path");
  }
  if (!target.name.travel.empty() || c_.Sees({"VERSION", "AS", "OF"}) ||
      c_.Sees({"TIMESTAMP", "AS", "OF"})) {
    return c_.Unsupported(c_.At(target.name.token), "an old version of a table cannot be changed");
  }
  target.sql = c_.TableSql(target.name);
  const bool as = c_.Accept({"AS"});
  const bool keyword =
      c_.Sees({"SET"}) || c_.Sees({"WHERE"}) || c_.Sees({"USING"}) || c_.Sees({"ON"});
  if (as || (c_.Peek().IsName() && !keyword)) {
    TARN_ASSIGN_OR_RETURN(target.alias, c_.ReadIdentifier("an alias"));
    target.sql += " AS " + QuoteNameIfNeeded(target.alias);
  }
  return target;
}

// A column of the target without the table in front of it, which DuckDB does not accept.
Result<std::string> StatementTranslator::ReadTargetColumn(const Target& target) {
  const Token& start = c_.Peek();
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> path, ReadColumnPath());
  std::vector<std::string> qualifier = target.name.parts;
  if (!target.alias.empty()) qualifier = {target.alias};
  // The table may be named by any tail of its name: t.c, silver.t.c.
  for (size_t used = 1; used <= qualifier.size() && path.size() > 1; ++used) {
    if (path.size() <= used) break;
    bool same = true;
    for (size_t i = 0; i < used; ++i) {
      same &= EqualsIgnoreCase(path[i], qualifier[qualifier.size() - used + i]);
    }
    if (!same) continue;
    path.erase(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(used));
    break;
  }
  if (path.size() > 1) {
    return c_.Unsupported(start, "one field of a struct cannot be set; set the whole column " +
                                     QuoteNameIfNeeded(path.front()));
  }
  return QuoteNameIfNeeded(path.front());
}

// column = value, … up to `end`.
Status StatementTranslator::WriteAssignments(const Target& target, size_t end, SqlWriter& writer) {
  for (bool first = true;; first = false) {
    const Token& start = c_.Peek();
    TARN_ASSIGN_OR_RETURN(std::string column, ReadTargetColumn(target));
    if (!c_.Accept({"="}) && !c_.Accept({"=="})) return c_.Unexpected("=");
    size_t last = c_.position();
    for (int depth = 0; last < end; ++last) {
      if (c_.At(last).Is("(") || c_.At(last).Is("[")) ++depth;
      if (c_.At(last).Is(")") || c_.At(last).Is("]")) --depth;
      if (depth == 0 && c_.At(last).Is(",")) break;
    }
    if (last == c_.position()) return c_.Unexpected("a value");
    writer.Source(start, (first ? "" : ", ") + column + " = ");
    TARN_RETURN_IF_ERROR(RewriteUntil(last, writer));
    if (c_.position() >= end) return Status::Ok();
    c_.Take();  // the comma
  }
}

Status StatementTranslator::Delete() {
  c_.Take();
  TARN_RETURN_IF_ERROR(c_.Expect({"FROM"}));
  TARN_ASSIGN_OR_RETURN(Target target, ReadTarget("a table name"));
  if (!c_.AtEnd() && !c_.Sees({"WHERE"})) return c_.Unexpected("WHERE or the end of the statement");
  SqlWriter writer;
  writer.Source(c_.At(target.name.token), "DELETE FROM " + target.sql);
  if (!c_.AtEnd()) {
    writer.Text(" ");
    TARN_RETURN_IF_ERROR(RewriteRest(writer));
  }
  Add(writer, "DELETE", false, true);
  return Status::Ok();
}

Status StatementTranslator::Update() {
  c_.Take();
  TARN_ASSIGN_OR_RETURN(Target target, ReadTarget("a table name"));
  TARN_RETURN_IF_ERROR(c_.Expect({"SET"}));
  size_t where = c_.position();
  for (int depth = 0; where < c_.end() && (depth > 0 || !c_.At(where).Is("WHERE")); ++where) {
    if (c_.At(where).Is("(")) ++depth;
    if (c_.At(where).Is(")")) --depth;
  }
  SqlWriter writer;
  writer.Source(c_.At(target.name.token), "UPDATE " + target.sql + " SET ");
  TARN_RETURN_IF_ERROR(WriteAssignments(target, where, writer));
  if (!c_.AtEnd()) {
    writer.Text(" ");
    TARN_RETURN_IF_ERROR(RewriteRest(writer));
  }
  Add(writer, "UPDATE", false, true);
  return Status::Ok();
}

}  // namespace tarn::dialect
