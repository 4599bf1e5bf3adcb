// WriteTarget: what the files of one table must look like, worked out once per statement from
// schema and properties (PROTOCOL.md, "Column Mapping", "Partition Values").
//
// Rows handed to writers have every column of the table in schema order, logical types. Files hold
// the columns that are neither partition columns nor void, under physical names, with field ids
// where column mapping is on.
//
// Threads: immutable. Errors: duckdb exceptions (status_exception.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "delta/properties.h"
#include "delta/schema.h"
#include "delta/table.h"
#include "duckdb.hpp"

namespace tarn::duck {

// A VARIANT as data files hold it: two binary fields, not shredded.
duckdb::LogicalType VariantFileType();

struct WriteTarget {
  std::string name;  // "silver.events", for messages
  std::shared_ptr<delta::Table> table;
  delta::Schema schema;
  delta::TableProperties properties;
  std::vector<duckdb::idx_t> partition_columns;    // positions in schema
  std::vector<duckdb::idx_t> file_columns;         // positions in schema
  duckdb::vector<duckdb::LogicalType> types;       // of the rows: all columns
  duckdb::vector<std::string> file_names;          // physical, parallel to file_columns
  duckdb::vector<duckdb::LogicalType> file_types;  // physical names inside
  bool random_prefix = false;                      // files go to "ab/…" instead of "p=v/…"
  uint64_t target_file_bytes = 0;                  // what OPTIMIZE makes
  uint64_t written_file_bytes = 0;                 // what other statements write at most
  // Row tracking: the hidden columns that keep id and commit version of rows that move; else empty.
  std::string row_id_column;
  std::string row_version_column;

  bool tracks_rows() const { return !row_id_column.empty(); }

  bool mapped() const { return properties.column_mapping != delta::ColumnMappingMode::kNone; }
  const std::string& PhysicalName(duckdb::idx_t column) const {
    return schema.fields[column].PhysicalName(mapped());
  }
  // FIELD_IDS of DuckDB's Parquet writer; NULL when column mapping is off.
  duckdb::Value FieldIds() const;
};

// Errors: kUnsupported when a column cannot be written.
std::shared_ptr<const WriteTarget> MakeWriteTarget(const std::string& name,
                                                   const std::shared_ptr<delta::Table>& table,
                                                   const delta::Schema& schema,
                                                   const delta::Metadata& metadata);

}  // namespace tarn::duck
