#include "engine/session.h"

#include "base/clock.h"
#include "base/random.h"
#include "duckdb/parser/keyword_helper.hpp"
#include "duckdb/parser/parser.hpp"
#include "engine/error_status.h"
#include "engine/query_result.h"

namespace tarn::engine {
namespace {

// An autocommit statement that loses a race is run again on the newer snapshot. Writers that need
// more rounds than this are starved by something that a person should look at.
constexpr int kMaxConflictAttempts = 200;
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
  TARN_ASSIGN_OR_RETURN(const auto statements, dialect::Translate(script, dialect_, context));
  for (size_t begin = 0; begin < statements.size();) {
    size_t end = begin + 1;
    while (end < statements.size() &&
           statements[end].source_index == statements[begin].source_index) {
      ++end;
    }
    const Unit unit{statements.data() + begin, statements.data() + end, script, &source_name};
    TARN_RETURN_IF_ERROR(RunUnit(unit, visit));
    begin = end;
  }
  return Status::Ok();
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
  const bool several = unit.last - unit.first > 1;
  const bool own_transaction = several && connection_.IsAutoCommit();
  if (own_transaction) TARN_RETURN_IF_ERROR(Control("BEGIN TRANSACTION"));
  Status status;
  for (const Translated* statement = unit.first; status.ok() && statement != unit.last;
       ++statement) {
    status = RunOne(unit, *statement, statement + 1 == unit.last, visit, conflict);
  }
  if (!own_transaction) return status;
  if (!status.ok()) {
    if (connection_.HasActiveTransaction()) (void)Control("ROLLBACK");
    return status;
  }
  status = Control("COMMIT");
  *conflict = status.code() == StatusCode::kConflict;
  return status;
}

Status DuckSession::RunOne(const Unit& unit, const Translated& statement, bool last,
                           const std::function<Status(QueryResult&)>& visit, bool* conflict) {
  try {
    duckdb::Parser parser(connection_.context->GetParserOptions());
    parser.ParseQuery(statement.sql);
    if (parser.statements.empty()) return Status::Ok();
    auto parsed = std::move(parser.statements.front());
    if (dialect_ == dialect::SqlDialect::kSpark && statement.rewrite_expressions) {
      dialect::RewriteSparkExpressions(*parsed);
    }
    std::unique_ptr<duckdb::QueryResult> result = connection_.SendQuery(std::move(parsed));
    if (result->HasError()) {
      *conflict = IsConflict(result->GetErrorObject());
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
    *conflict = IsConflict(error);
    return Fail(unit, statement, error);
  }
}

Status DuckSession::Fail(const Unit& unit, const Translated& statement,
                         const duckdb::ErrorData& error) const {
  const Status status = StatusFromError(error);
  if (unit.source_name->empty()) return status;
  size_t offset = statement.source_offset;
  if (size_t in_sql = 0; ErrorOffset(error, &in_sql)) offset = SourceOffsetOf(statement, in_sql);
  const dialect::SourcePosition at = dialect::PositionOf(unit.script, offset);
  return status.WithContext(*unit.source_name + ":" + std::to_string(at.line) + ":" +
                            std::to_string(at.column));
}

Status DuckSession::Control(const char* sql) {
  auto result = connection_.Query(sql);
  return result->HasError() ? StatusFromError(result->GetErrorObject()) : Status::Ok();
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
    if (result->HasError()) return StatusFromError(result->GetErrorObject());
    DuckQueryResult rows(std::move(result), "", true);
    return ReadAll(rows);
  } catch (const std::exception& exception) {
    return StatusFromError(duckdb::ErrorData(exception));
  }
}

Status DuckSession::InTransaction(const std::function<Status(duckdb::ClientContext&)>& body) {
  try {
    Status status;
    connection_.context->RunFunctionInTransaction([&] { status = body(*connection_.context); });
    return status;
  } catch (const std::exception& exception) {
    return StatusFromError(duckdb::ErrorData(exception));
  }
}

}  // namespace tarn::engine
