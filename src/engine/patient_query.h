// Running a statement without spinning: DuckDB asks for the next task in a tight loop while another
// of its threads waits for the disk, and a durable commit is mostly that.
//
// Threads: as the connection. Errors: in the result, as Connection::SendQuery.
#pragma once

#include <memory>

#include "duckdb.hpp"
#include "duckdb/parser/sql_statement.hpp"

namespace tarn::engine {

// As connection.SendQuery(statement), which runs up to the first rows, or as Query(statement),
// which runs to the end.
std::unique_ptr<duckdb::QueryResult> RunPatiently(
    duckdb::Connection& connection, duckdb::unique_ptr<duckdb::SQLStatement> statement,
    duckdb::QueryResultOutputType output = duckdb::QueryResultOutputType::ALLOW_STREAMING);

}  // namespace tarn::engine
