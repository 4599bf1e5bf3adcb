// CREATE TABLE in DuckDB's words -> Delta metadata.
//
// NOT NULL, CHECK, PARTITIONED BY (column names), WITH (properties), comments, DEFAULT and
// GENERATED become schema and properties; keys and foreign keys are refused. Tables get deletion
// vectors unless `delta.enableDeletionVectors` says otherwise.
//
// Errors: duckdb exceptions naming table and column.
#pragma once

#include <string>

#include "delta/actions.h"
#include "delta/schema.h"
#include "duckdb.hpp"

namespace tarn::duck {

// `qualified_name` is for messages.
delta::Metadata MetadataForCreate(const std::string& qualified_name,
                                  const duckdb::CreateTableInfo& info);

// A column of DuckDB as a field of a Delta schema: type, comment, default, generation expression.
delta::StructField FieldForColumn(const duckdb::ColumnDefinition& column);

// A text as the JSON text that field metadata holds.
std::string JsonString(const std::string& text);

}  // namespace tarn::duck
