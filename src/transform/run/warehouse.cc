#include "transform/run/warehouse.h"

#include "dialect/lexer.h"

namespace tarn::transform {
namespace {

std::string Name(const Relation::Parts& parts) {
  const std::string leaf = QuoteName(parts.identifier, '"');
  return parts.schema.empty() ? leaf : "lake." + QuoteName(parts.schema, '"') + "." + leaf;
}

std::vector<engine::Column> FromDescribe(const engine::Rows& rows) {
  std::vector<engine::Column> columns;
  for (const auto& row : rows.rows) {
    engine::Column column;
    column.name = row[0].value_or("");
    column.type = row[1].value_or("");
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace

Result<std::unique_ptr<Warehouse>> Warehouse::Open(engine::Engine& engine,
                                                   const SessionSetup& setup) {
  TARN_ASSIGN_OR_RETURN(auto session, engine.NewSession());
  if (setup) TARN_RETURN_IF_ERROR(setup(*session));
  return std::unique_ptr<Warehouse>(new Warehouse(std::move(session)));
}

Result<ExecutionOutcome> Warehouse::Execute(const std::string& sql, const std::string& place) {
  ExecutionOutcome outcome;
  TARN_RETURN_IF_ERROR(session_->Run(sql, place, [&](engine::QueryResult& result) -> Status {
    outcome.kind = result.statement_kind();
    if (const auto rows = result.rows_changed()) outcome.rows = rows;  // a COMMIT says nothing
    if (!result.is_query()) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(outcome.result, engine::ReadAll(result));
    return Status::Ok();
  }));
  return outcome;
}

Result<engine::Rows> Warehouse::Query(const std::string& sql, const std::string& place) {
  TARN_ASSIGN_OR_RETURN(ExecutionOutcome outcome, Execute(sql, place));
  return std::move(outcome.result);
}

Result<std::optional<std::string>> Warehouse::KindOf(const Relation::Parts& parts) {
  return session_->RelationKind(parts.schema.empty() ? parts.identifier
                                                     : parts.schema + "." + parts.identifier);
}

Result<std::vector<engine::Column>> Warehouse::ColumnsOf(const Relation& relation) {
  const Relation::Parts& parts = relation.parts();
  const std::string from =
      !parts.verbatim.empty() ? "(select * from " + parts.verbatim + ")" : Name(parts);
  TARN_ASSIGN_OR_RETURN(const engine::Rows rows,
                        session_->QueryDuckdb("DESCRIBE SELECT * FROM " + from));
  return FromDescribe(rows);
}

Result<std::vector<engine::Column>> Warehouse::ColumnsOfQuery(const std::string& sql,
                                                              const std::string& place) {
  std::vector<engine::Column> columns;
  TARN_RETURN_IF_ERROR(session_->Run("select * from (\n" + sql + "\n) as columns_of_query limit 0",
                                     place, [&](engine::QueryResult& result) -> Status {
                                       columns = result.columns();
                                       return Status::Ok();
                                     }));
  return columns;
}

Status Warehouse::CreateSchema(const std::string& schema) {
  auto made = session_->QueryDuckdb("CREATE SCHEMA IF NOT EXISTS lake." + QuoteName(schema, '"'));
  return made.status();
}

Status Warehouse::Drop(const Relation::Parts& parts) {
  TARN_ASSIGN_OR_RETURN(const auto kind, KindOf(parts));
  if (!kind) return Status::Ok();
  const char* word = *kind == "view" ? "DROP VIEW " : "DROP TABLE ";
  return session_->QueryDuckdb(word + Name(parts)).status();
}

Result<std::vector<std::pair<std::string, std::string>>> Warehouse::List(
    const std::string& schema) {
  TARN_ASSIGN_OR_RETURN(
      const engine::Rows rows,
      session_->QueryDuckdb(
          "SELECT table_name, 'table' FROM duckdb_tables() WHERE database_name = 'lake' AND "
          "schema_name = " +
          dialect::QuoteString(schema) +
          " UNION ALL SELECT view_name, 'view' FROM duckdb_views() WHERE database_name = 'lake' "
          "AND schema_name = " +
          dialect::QuoteString(schema) + " ORDER BY 1"));
  std::vector<std::pair<std::string, std::string>> list;
  for (const auto& row : rows.rows) list.emplace_back(row[0].value_or(""), row[1].value_or(""));
  return list;
}

Result<bool> Warehouse::HasCommit(const std::string& table, const std::string& text) {
  TARN_ASSIGN_OR_RETURN(
      const engine::Rows rows,
      session_->QueryDuckdb("SELECT 1 FROM delta_history(" + dialect::QuoteString(table) +
                            ") WHERE userMetadata = " + dialect::QuoteString(text) + " LIMIT 1"));
  return !rows.rows.empty();
}

void Warehouse::Annotate(const std::string& table, const std::string& text) {
  engine::CommitAnnotations annotations;
  annotations.user_metadata = text;
  session_->AnnotateCommits(table, std::move(annotations));
}

}  // namespace tarn::transform
