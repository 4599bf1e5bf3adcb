// SQL functions that read Bronze's records, on top of `codec`. In both dialects.
//
//   csv_fields(record [, delimiter [, quote]]) -> VARCHAR[]   the fields of one CSV record's bytes,
//   unquoted;
//     `record` VARCHAR or BLOB (UTF-8). Never fails; NULL for NULL or for bytes that are not UTF-8.
//
//   avro_to_json(payload, schema [, skip]) -> VARCHAR         Avro bytes as JSON text
//   (codec/avro.h), `skip` bytes in front left out: 5 for Confluent's id. NULL for NULL and for
//   bytes that do not fit the schema; a schema that cannot be read is an error.
//
// Threads: register once for an instance. Throws DuckDB's exceptions.
#pragma once

namespace duckdb {
class DatabaseInstance;
}

namespace tarn::engine {

void RegisterRecordFunctions(duckdb::DatabaseInstance& database);
void RegisterAvroFunction(duckdb::DatabaseInstance& database);  // called by the above

}  // namespace tarn::engine
