// Functions with Spark 4's results (ANSI mode) for DuckDB.
//
// What it is: registers the functions the expression rewrite calls. All names carry the prefix
// `spark_`, so the duckdb dialect never meets them.
// What it does not do: it replaces no function of DuckDB's own.
// Threads: call once for an instance, before its first query. Errors: DuckDB's exceptions.
#pragma once

namespace duckdb {
class DatabaseInstance;
}  // namespace duckdb

namespace tarn::dialect {

void RegisterSparkFunctions(duckdb::DatabaseInstance& database);

}  // namespace tarn::dialect
