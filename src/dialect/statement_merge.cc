// MERGE INTO with every clause of Delta, on DuckDB's own MERGE INTO.

#include "dialect/statement.h"
#include "dialect/statement_query.h"

namespace tarn::dialect {
namespace {

bool IsBoundary(const StatementCursor& c, size_t i) {
  return c.At(i).Is("WHEN") &&
         (c.At(i + 1).Is("MATCHED") || (c.At(i + 1).Is("NOT") && c.At(i + 2).Is("MATCHED")));
}

// First index in [from, end) where `stop` holds outside parentheses and outside CASE … END; `end`
// when none.
template <typename Stop>
size_t FindOutside(const StatementCursor& c, size_t from, size_t end, Stop stop) {
  int depth = 0;
  int cases = 0;
  for (size_t i = from; i < end; ++i) {
    const Token& token = c.At(i);
    if (depth == 0 && cases == 0 && stop(i)) return i;
    if (token.Is("(") || token.Is("[")) ++depth;
    if (token.Is(")") || token.Is("]")) --depth;
    if (token.Is("CASE")) ++cases;
    if (token.Is("END") && cases > 0) --cases;
  }
  return end;
}

std::string TailName(const ObjectName& name) { return name.parts.empty() ? "" : name.parts.back(); }

}  // namespace

size_t StatementTranslator::FindMergeBoundary(size_t from) const {
  return FindOutside(c_, from, c_.end(), [&](size_t i) { return IsBoundary(c_, i); });
}

Status StatementTranslator::Merge() {
  c_.Take();
  if (c_.Sees({"WITH", "SCHEMA", "EVOLUTION"})) {
    return c_.Unsupported(
        c_.Peek(), "WITH SCHEMA EVOLUTION is not supported; add the columns with ALTER TABLE");
  }
  TARN_RETURN_IF_ERROR(c_.Expect({"INTO"}));
  TARN_ASSIGN_OR_RETURN(Target target, ReadTarget("the table to merge into"));
  TARN_RETURN_IF_ERROR(c_.Expect({"USING"}));

  const size_t source = c_.position();
  std::string source_alias;
  if (c_.Sees({"("})) {
    TARN_ASSIGN_OR_RETURN(size_t after, c_.AfterGroup(source));
    c_.Seek(after);
  } else {
    TARN_ASSIGN_OR_RETURN(ObjectName name, c_.ReadName("the source of the merge"));
    source_alias = TailName(name);
    TARN_RETURN_IF_ERROR(ReadTimeTravel(c_).status());
  }
  const size_t on =
      FindOutside(c_, c_.position(), c_.end(), [&](size_t i) { return c_.At(i).Is("ON"); });
  if (on == c_.end()) {
    c_.Seek(on);
    return c_.Unexpected("ON and a condition");
  }
  c_.Accept({"AS"});
  if (c_.position() < on && c_.Peek().IsName()) source_alias = c_.Peek().Name();
  c_.Seek(source);

  SqlWriter writer;
  writer.Source(c_.At(target.name.token), "MERGE INTO " + target.sql + " USING ");
  TARN_RETURN_IF_ERROR(QueryRewriter(c_, writer).Rewrite(on, QueryRewriter::Start::kTables));
  c_.Take();  // ON
  const size_t condition = c_.position();
  const size_t clauses = FindMergeBoundary(condition);
  if (clauses == condition) return c_.Unexpected("a condition");
  writer.Text(" ON (");
  TARN_RETURN_IF_ERROR(RewriteUntil(clauses, writer));
  writer.Text(")");
  if (c_.AtEnd()) return c_.Unexpected("WHEN MATCHED or WHEN NOT MATCHED");
  while (!c_.AtEnd()) TARN_RETURN_IF_ERROR(WriteMergeClause(target, source_alias, writer));
  Add(writer, "MERGE", false, true);
  return Status::Ok();
}

// WHEN [NOT] MATCHED [BY TARGET | SOURCE] [AND condition] THEN action
Status StatementTranslator::WriteMergeClause(const Target& target, const std::string& source_alias,
                                             SqlWriter& writer) {
  const Token& start = c_.Peek();
  if (!IsBoundary(c_, c_.position())) return c_.Unexpected("WHEN MATCHED or WHEN NOT MATCHED");
  c_.Take();
  const bool matched = c_.Accept({"MATCHED"});
  if (!matched) c_.Accept({"NOT", "MATCHED"});
  const bool by_source = !matched && c_.Accept({"BY", "SOURCE"});
  if (!matched && !by_source) c_.Accept({"BY", "TARGET"});
  writer.Newline();
  writer.Source(start, matched     ? "WHEN MATCHED"
                       : by_source ? "WHEN NOT MATCHED BY SOURCE"
                                   : "WHEN NOT MATCHED");
  const size_t end = FindMergeBoundary(c_.position());
  if (c_.Accept({"AND"})) {
    const size_t condition = c_.position();
    const size_t then =
        FindOutside(c_, condition, end, [&](size_t i) { return c_.At(i).Is("THEN"); });
    if (then == condition) return c_.Unexpected("a condition");
    writer.Text(" AND (");
    TARN_RETURN_IF_ERROR(RewriteUntil(then, writer));
    writer.Text(")");
  }
  TARN_RETURN_IF_ERROR(c_.Expect({"THEN"}));
  writer.Text(" THEN ");
  const Token& action = c_.Peek();
  if (c_.Accept({"DELETE"})) {
    if (!matched && !by_source) return c_.Fail(action, "WHEN NOT MATCHED can only INSERT");
    writer.Source(action, "DELETE");
  } else if (c_.Accept({"UPDATE"})) {
    if (!matched && !by_source) return c_.Fail(action, "WHEN NOT MATCHED can only INSERT");
    TARN_RETURN_IF_ERROR(WriteMergeUpdate(target, source_alias, by_source, writer));
  } else if (c_.Accept({"INSERT"})) {
    if (matched || by_source) {
      return c_.Fail(action, "INSERT belongs to WHEN NOT MATCHED; use UPDATE or DELETE here");
    }
    TARN_RETURN_IF_ERROR(WriteMergeInsert(target, source_alias, writer));
  } else {
    return c_.Unexpected("UPDATE, DELETE or INSERT");
  }
  if (c_.position() != end) return c_.Unexpected("WHEN or the end of the statement");
  return Status::Ok();
}

std::vector<std::string> StatementTranslator::TargetColumns(const Target& target) const {
  if (!c_.context().columns_of) return {};
  Result<std::vector<std::string>> columns = c_.context().columns_of(c_.LakeParts(target.name));
  return columns.ok() ? std::move(columns).value() : std::vector<std::string>();
}

Status StatementTranslator::WriteMergeUpdate(const Target& target, const std::string& source_alias,
                                             bool by_source, SqlWriter& writer) {
  const size_t end = FindMergeBoundary(c_.position());
  const Token& star = c_.Peek(1);
  if (c_.Accept({"SET", "*"}) || c_.Accept({"*"})) {
    if (by_source)
      return c_.Fail(star, "WHEN NOT MATCHED BY SOURCE has no source row to take columns from");
    // Spark matches `*` by name. With the columns at hand it is spelled out, so that a column
    // missing on one side is an error as it is there.
    const std::vector<std::string> columns = TargetColumns(target);
    if (columns.empty() || source_alias.empty()) {
      writer.Text("UPDATE BY NAME");
      return Status::Ok();
    }
    std::string list;
    for (const std::string& column : columns) {
      const std::string name = QuoteNameIfNeeded(column);
      list +=
          (list.empty() ? "" : ", ") + name + " = " + QuoteNameIfNeeded(source_alias) + "." + name;
    }
    writer.Text("UPDATE SET " + list);
    return Status::Ok();
  }
  TARN_RETURN_IF_ERROR(c_.Expect({"SET"}));
  writer.Text("UPDATE SET ");
  return WriteAssignments(target, end, writer);
}

Status StatementTranslator::WriteMergeInsert(const Target& target, const std::string& source_alias,
                                             SqlWriter& writer) {
  if (c_.Accept({"*"})) {
    const std::vector<std::string> columns = TargetColumns(target);
    if (columns.empty() || source_alias.empty()) {
      writer.Text("INSERT BY NAME *");
      return Status::Ok();
    }
    std::string names;
    std::string values;
    for (const std::string& column : columns) {
      const std::string name = QuoteNameIfNeeded(column);
      names += (names.empty() ? "" : ", ") + name;
      values += (values.empty() ? "" : ", ") + QuoteNameIfNeeded(source_alias) + "." + name;
    }
    writer.Text("INSERT (" + names + ") VALUES (" + values + ")");
    return Status::Ok();
  }
  writer.Text("INSERT ");
  if (c_.Accept({"("})) {
    std::string names;
    do {
      TARN_ASSIGN_OR_RETURN(std::string column, ReadTargetColumn(target));
      names += (names.empty() ? "" : ", ") + column;
    } while (c_.Accept({","}));
    TARN_RETURN_IF_ERROR(c_.Expect({")"}));
    writer.Text("(" + names + ") ");
  }
  TARN_RETURN_IF_ERROR(c_.Expect({"VALUES"}));
  if (!c_.Sees({"("})) return c_.Unexpected("( after VALUES");
  TARN_ASSIGN_OR_RETURN(size_t after, c_.AfterGroup(c_.position()));
  writer.Text("VALUES ");
  return RewriteUntil(after, writer);
}

}  // namespace tarn::dialect
