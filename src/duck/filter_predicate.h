// DuckDB filters -> delta::Predicate, for skipping files.
//
// The result is implied by the filter: a file it excludes holds no row the filter accepts. What has
// no counterpart becomes kUnknown. FLOAT columns are left out (their statistics are decimal texts
// of binary32 values, which do not compare exactly with a widened constant).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "delta/predicate.h"
#include "delta/schema.h"
#include "duckdb.hpp"
#include "duckdb/planner/expression.hpp"
#include "duckdb/planner/table_filter.hpp"

namespace tarn::duck {

// A column or a field of a struct column, by logical names.
struct ColumnPath {
  std::vector<std::string> names;
  const delta::DataType* type = nullptr;
};

// Says which column of the table a leaf expression (column reference) stands for; nullopt for
// others.
using ColumnResolver = std::function<std::optional<ColumnPath>(const duckdb::Expression&)>;

delta::Predicate ToPredicate(const duckdb::Expression& filter, const ColumnResolver& resolve);

// A filter on one column, as pushed into a scan (join filters included, with their current values).
delta::Predicate ToPredicate(const duckdb::TableFilter& filter, const ColumnPath& column);

// True when the predicate says all that the filter says: nothing in it is unknown.
bool IsExact(const delta::Predicate& predicate);

}  // namespace tarn::duck
