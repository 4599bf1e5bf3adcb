#include "engine/session.h"

#include "base/clock.h"
#include "base/random.h"
#include "duck/lake_transaction.h"
#include "duck/view_file.h"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/catalog/catalog_entry/table_catalog_entry.hpp"
#include "duckdb/parser/keyword_helper.hpp"
#include "duckdb/parser/parser.hpp"
#include "engine/duck_access.h"
#include "engine/error_status.h"
#include "engine/patient_query.h"
#include "engine/query_result.h"

namespace tarn::engine {
namespace {

// An autocommit statement that loses a race is run again on the newer snapshot. Writers that need
// more rounds than this are starved by something that a person should look at.
constexpr int kMaxConflictAttempts = 200;
constexpr const char* kFailedCommit = "Failed to commit: ";  // DuckDB's words

// Only what lost a race may run again. A commit whose outcome is unknown may not: it may be there.
bool MayRunAgain(const Status& status) { return status.retry() == RetryClass::kAfterRefresh; }
constexpr int64_t kMaxBackoffMicros = 200'000;

void BackOff(int attempt) {
  const int64_t ceiling = std::min<int64_t>(kMaxBackoffMicros, 2'000LL << std::min(attempt, 10));
  Clock::System().SleepMicros(
      static_cast<int64_t>(Random::System().Uniform(static_cast<uint64_t>(ceiling))) + 500);
}

}  // namespace

DuckSession::DuckSession(duckdb::DuckDB& database, const EngineOptions& options)
    : options_(options), connection_(database), dialect_(options.dialect) {}

Status DuckSession::Initialize() {
  const std::string schema = duckdb::KeywordHelper::WriteQuoted(options_.default_schema, '"');
  const std::string zone = duckdb::KeywordHelper::WriteQuoted(options_.time_zone, '\'');
  if (options_.create_lake && !options_.read_only) {
    TARN_RETURN_IF_ERROR(Control(("CREATE SCHEMA IF NOT EXISTS lake." + schema).c_str()));
  }
  for (const std::string& sql : {"USE lake." + schema, "SET TimeZone = " + zone,
                                 std::string("SET enable_progress_bar = true"),
                                 std::string("SET enable_progress_bar_print = false")}) {
    if (auto result = connection_.Query(sql); result->HasError()) {
      return StatusFromError(result->GetErrorObject());
    }
  }
  return Status::Ok();
}

Status DuckSession::Run(std::string_view script, const std::string& source_name,
                        const std::function<Status(QueryResult&)>& visit) {
  dialect::TranslateContext context;
  context.source_name = source_name;
  context.columns_of = [this](const std::vector<std::string>& table) { return ColumnsOf(table); };
  TARN_RETURN_IF_ERROR(AnnounceDialect());
  TARN_ASSIGN_OR_RETURN(const auto sources, dialect::SplitStatements(script, dialect_, context));
  for (const dialect::SourceStatement& source : sources) {
    // Translated one by one: a MERGE's `*` depends on the columns an earlier statement made.
    context.origin = source.position;
    TARN_ASSIGN_OR_RETURN(auto statements, dialect::Translate(source.text, dialect_, context));
    if (statements.empty()) continue;
    TARN_RETURN_IF_ERROR(RunUnit({source, std::move(statements), source_name}, visit));
  }
  return Status::Ok();
}

Result<duckdb::unique_ptr<duckdb::SQLStatement>> DuckSession::Parse(
    std::string_view sql, const std::string& source_name) {
  dialect::TranslateContext context;
  context.source_name = source_name;
  TARN_ASSIGN_OR_RETURN(const auto statements, dialect::Translate(sql, dialect_, context));
  if (statements.size() != 1) {
    return Status::InvalidArgument(source_name + ": one query is wanted, not " +
                                   std::to_string(statements.size()) + " statements");
  }
  try {
    duckdb::Parser parser(connection_.context->GetParserOptions());
    parser.ParseQuery(statements[0].sql);
    if (parser.statements.size() != 1) {
      return Status::InvalidArgument(source_name + ": one query is wanted");
    }
    auto parsed = std::move(parser.statements.front());
    dialect::CompleteStatement(*parsed, sql);
    if (dialect_ == dialect::SqlDialect::kSpark && statements[0].rewrite_expressions) {
      dialect::RewriteSparkExpressions(*parsed);
    }
    return parsed;
  } catch (const std::exception& exception) {
    return StatusOf(duckdb::ErrorData(exception));
  }
}

Status DuckSession::RunUnit(const Unit& unit, const std::function<Status(QueryResult&)>& visit) {
  const bool own_transaction = connection_.IsAutoCommit() && !connection_.HasActiveTransaction();
  for (int attempt = 1;; ++attempt) {
    bool conflict = false;
    const Status status = TryUnit(unit, visit, &conflict);
    if (status.ok() || !conflict || !own_transaction || attempt == kMaxConflictAttempts)
      return status;
    BackOff(attempt);
  }
}

Status DuckSession::TryUnit(const Unit& unit, const std::function<Status(QueryResult&)>& visit,
                            bool* conflict) {
  const bool own_transaction = unit.statements.size() > 1 && connection_.IsAutoCommit();
  Reannotate();
  if (own_transaction) TARN_RETURN_IF_ERROR(Control("BEGIN TRANSACTION"));
  Status status;
  for (size_t i = 0; status.ok() && i < unit.statements.size(); ++i) {
    const bool last = i + 1 == unit.statements.size();
    status = RunOne(unit, unit.statements[i], last, visit, conflict);
  }
  if (!own_transaction) return status;
  if (!status.ok()) {
    if (connection_.HasActiveTransaction()) (void)Control("ROLLBACK");
    return status;
  }
  status = Control("COMMIT");
  *conflict = MayRunAgain(status);
  return status;
}

Status DuckSession::RunOne(const Unit& unit, const Translated& statement, bool last,
                           const std::function<Status(QueryResult&)>& visit, bool* conflict) {
  try {
    duckdb::Parser parser(connection_.context->GetParserOptions());
    parser.ParseQuery(statement.sql);
    if (parser.statements.empty()) return Status::Ok();
    auto parsed = std::move(parser.statements.front());
    dialect::CompleteStatement(*parsed, unit.source.text);
    if (dialect_ == dialect::SqlDialect::kSpark && statement.rewrite_expressions) {
      dialect::RewriteSparkExpressions(*parsed);
    }
    std::unique_ptr<duckdb::QueryResult> result = RunPatiently(connection_, std::move(parsed));
    if (result->HasError()) {
      *conflict = MayRunAgain(StatusOf(result->GetErrorObject()));
      return Fail(unit, statement, result->GetErrorObject());
    }
    DuckQueryResult rows(std::move(result), statement.statement_kind, statement.is_query);
    // Rows of a statement in the middle of a unit are of no interest, but running it to its end is.
    if (last) {
      const Status visited = visit(rows);
      if (!visited.ok() && rows.error() == nullptr) return visited;
    }
    while (rows.error() == nullptr) {
      TARN_ASSIGN_OR_RETURN(const bool more, rows.NextBatch());
      if (!more) return Status::Ok();
    }
    return Fail(unit, statement, *rows.error());
  } catch (const std::exception& exception) {
    const duckdb::ErrorData error(exception);
    *conflict = MayRunAgain(StatusOf(error));
    return Fail(unit, statement, error);
  }
}

Status DuckSession::StatusOf(const duckdb::ErrorData& error) const {
  const bool commit = error.Type() == duckdb::ExceptionType::TRANSACTION &&
                      error.RawMessage().rfind(kFailedCommit, 0) == 0;
  if (commit) {
    const auto state = duck::LakeSessionState::Get(*connection_.context);
    if (const auto failure = state->CommitFailure()) return *failure;
  }
  return StatusFromError(error);
}

Status DuckSession::Fail(const Unit& unit, const Translated& statement,
                         const duckdb::ErrorData& error) const {
  const Status status = StatusOf(error);
  if (unit.source_name.empty()) return status;
  size_t offset = statement.source_offset;
  if (size_t in_sql = 0; ErrorOffset(error, &in_sql)) offset = SourceOffsetOf(statement, in_sql);
  dialect::SourcePosition at = dialect::PositionOf(unit.source.text, offset);
  if (at.line == 1) at.column += unit.source.position.column - 1;
  at.line += unit.source.position.line - 1;
  return status.WithContext(unit.source_name + ":" + std::to_string(at.line) + ":" +
                            std::to_string(at.column));
}

Result<std::vector<std::string>> DuckSession::ColumnsOf(const std::vector<std::string>& table) {
  std::vector<std::string> columns;
  TARN_RETURN_IF_ERROR(RunInTransaction([&](duckdb::ClientContext& context) {
    const std::string schema = table.size() > 1 ? table[table.size() - 2] : INVALID_SCHEMA;
    const auto entry = duckdb::Catalog::GetEntry<duckdb::TableCatalogEntry>(
        context, INVALID_CATALOG, schema, table.back(), duckdb::OnEntryNotFound::RETURN_NULL);
    if (!entry) return Status::NotFound("table " + table.back() + " does not exist");
    for (const auto& column : entry->GetColumns().Logical()) columns.push_back(column.Name());
    return Status::Ok();
  }));
  return columns;
}

Status DuckSession::AnnounceDialect() {
  if (announced_dialect_ == dialect_) return Status::Ok();
  const std::string name(dialect::SqlDialectName(dialect_));
  TARN_RETURN_IF_ERROR(
      Control(("SET " + std::string(duck::kViewDialectSetting) + " = '" + name + "'").c_str()));
  announced_dialect_ = dialect_;
  return Status::Ok();
}

Status DuckSession::Control(const char* sql) {
  auto result = connection_.Query(sql);
  return result->HasError() ? StatusOf(result->GetErrorObject()) : Status::Ok();
}

Result<Rows> DuckSession::Query(std::string_view script) {
  Rows last;
  TARN_RETURN_IF_ERROR(Run(script, "", [&](QueryResult& result) -> Status {
    TARN_ASSIGN_OR_RETURN(last, ReadAll(result));
    return Status::Ok();
  }));
  return last;
}

Result<Rows> DuckSession::QueryDuckdb(std::string_view sql) {
  try {
    std::unique_ptr<duckdb::QueryResult> result = connection_.Query(std::string(sql));
    if (result->HasError()) return StatusOf(result->GetErrorObject());
    DuckQueryResult rows(std::move(result), "", true);
    return ReadAll(rows);
  } catch (const std::exception& exception) {
    return StatusOf(duckdb::ErrorData(exception));
  }
}

Status DuckSession::RunInTransaction(const std::function<Status(duckdb::ClientContext&)>& body) {
  try {
    Status status;
    connection_.context->RunFunctionInTransaction([&] { status = body(*connection_.context); });
    return status;
  } catch (const std::exception& exception) {
    return StatusOf(duckdb::ErrorData(exception));
  }
}

Status InDuckdbTransaction(Session& session,
                           const std::function<Status(duckdb::ClientContext&)>& body) {
  auto* ours = dynamic_cast<DuckSession*>(&session);
  if (ours == nullptr) return Status::Internal("the session is none of DuckDB's");
  return ours->RunInTransaction(body);
}

}  // namespace tarn::engine
