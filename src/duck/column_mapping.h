// How the columns of one Parquet file become the columns of a Delta table: by name, by physical
// name or by field id (PROTOCOL.md, "Column Mapping"), at every level of nesting.
//
// Lists and maps of older writers name their inner groups differently ("array", "element", "bag");
// here they are brought to DuckDB's names, as position decides. Timestamps and strings whose
// Parquet annotation differs from the table's type (INT96, missing UTF8) are taken bit by bit,
// never cast: a cast would shift them by the session's time zone or escape their bytes.
//
// Threads: free functions on values of the caller.
#pragma once

#include "delta/schema.h"
#include "duckdb.hpp"
#include "duckdb/common/multi_file/multi_file_data.hpp"

namespace tarn::duck {

using FileColumns = duckdb::vector<duckdb::MultiFileColumnDefinition>;

// The table's columns as DuckDB's multi-file reader wants them: each with a NULL default for files
// that lack it. Identifiers are filled in per file by MapColumns.
FileColumns TableColumns(const delta::Schema& schema);

// Sets the identifier (a file column's name) of every table column, or one that matches nothing
// when the file lacks it, and adjusts names and types in `file` as described at the top. Errors:
// duckdb::IOException naming column and file when a nested column of the table is not one in the
// file.
void MapColumns(const std::vector<delta::StructField>& fields, delta::ColumnMappingMode mode,
                const std::string& file_name, FileColumns* table, FileColumns* file);

// True when a comparison with a constant may be made on the file's values instead of the table's:
// types are equal, or integers of another width. DuckDB's reader casts the constant to the file's
// type otherwise, which rounds it: 1.2499 becomes 1.25 on a column widened from DECIMAL(5,2), and
// rows are lost. `file` are the columns of the file, `table` one mapped column of the table.
bool KeepsComparisons(const duckdb::MultiFileColumnDefinition& table, const FileColumns& file);

}  // namespace tarn::duck
