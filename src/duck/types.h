// Delta types <-> DuckDB types, and scalars between the two.
//
// string-VARCHAR, byte-TINYINT, short-SMALLINT, integer-INTEGER, long-BIGINT, float, double,
// decimal(p,s), boolean, binary-BLOB, date, timestamp-TIMESTAMP WITH TIME ZONE,
// timestamp_ntz-TIMESTAMP, array-LIST, map-MAP, struct-STRUCT, variant-VARIANT, void-NULL.
//
// Errors: duckdb::NotImplementedException naming the column for types Delta has not (HUGEINT,
// UBIGINT, INTERVAL, TIME, ENUM, UUID, …), with the type to CAST to.
#pragma once

#include <string>

#include "delta/schema.h"
#include "delta/value.h"
#include "duckdb.hpp"

namespace tarn::duck {

duckdb::LogicalType ToLogicalType(const delta::DataType& type);
// `column` is for the message only. UTINYINT -> short, USMALLINT -> integer, UINTEGER -> long,
// TIMESTAMP_S/MS -> timestamp_ntz widen without loss and are accepted; every nested field is
// nullable.
delta::DataTypePtr FromLogicalType(const duckdb::LogicalType& type, const std::string& column);

// A null Value stands for what a predicate cannot hold as well: nested values, NaN, infinite dates.
delta::Value ToDeltaValue(const duckdb::Value& value);
// A value of the column's type; NULL of that type for a null.
duckdb::Value ToDuckValue(const delta::Value& value, const delta::DataType& type);

}  // namespace tarn::duck
