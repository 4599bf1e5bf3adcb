// SQL functions that read Bronze's records, on top of `codec`. In both dialects.
//
//   csv_fields(record [, delimiter [, quote]]) -> VARCHAR[]   the fields of one CSV record's bytes,
//   unquoted;
//     `record` VARCHAR or BLOB (UTF-8). Never fails; NULL for NULL or for bytes that are not UTF-8.
//
// Threads: register once for an instance. Throws DuckDB's exceptions.
#pragma once

namespace duckdb {
class DatabaseInstance;
}

namespace tarn::engine {

void RegisterRecordFunctions(duckdb::DatabaseInstance& database);

}  // namespace tarn::engine
