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
//   decode_record(payload, type, schema [, imports]) -> VARCHAR  a record in Confluent's wire
//   format (0x00 and id, or 0x01 and GUID; bare bytes too) as JSON text, by its registered schema:
//   system.schemas has type (AVRO, PROTOBUF, JSON), schema and imports. NULL for NULL and for bytes
//   that do not fit; from_json() makes a typed struct of it.
//
// Threads: register once for an instance. Throws DuckDB's exceptions.
#pragma once

namespace duckdb {
class DatabaseInstance;
}

namespace tarn::engine {

void RegisterRecordFunctions(duckdb::DatabaseInstance& database);
void RegisterAvroFunction(duckdb::DatabaseInstance& database);    // called by the above
void RegisterDecodeFunction(duckdb::DatabaseInstance& database);  // likewise

}  // namespace tarn::engine
