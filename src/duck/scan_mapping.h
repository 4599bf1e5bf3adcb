// What a scan adds to DuckDB's mapping of one Parquet file: filters on columns that the file stores
// in another type, and the row ids of row tracking.
//
// Threads: free functions on values of the caller.
#pragma once

#include <optional>

#include "delta/actions.h"
#include "delta/row_tracking.h"
#include "duck/column_mapping.h"
#include "duckdb.hpp"
#include "duckdb/common/multi_file/multi_file_states.hpp"
#include "duckdb/planner/table_filter.hpp"

namespace tarn::duck {

// Filters on columns whose type the file stores differently become expressions over the cast value,
// which DuckDB does not try to turn into filters on the stored one (see KeepsComparisons). Null:
// none do.
duckdb::unique_ptr<duckdb::TableFilterSet> ExactFilters(
    const FileColumns& table, const FileColumns& file,
    const duckdb::vector<duckdb::ColumnIndex>& ids,
    duckdb::optional_ptr<duckdb::TableFilterSet> filters);

duckdb::Value LongOrNull(const std::optional<int64_t>& number);

// Filters on row ids, which no column of the file answers, are not for the reader: see RowFilter.
// Null: there are none.
duckdb::unique_ptr<duckdb::TableFilterSet> WithoutRowTracking(
    const duckdb::vector<duckdb::ColumnIndex>& ids,
    duckdb::optional_ptr<duckdb::TableFilterSet> filters);

// The filters on row ids as one condition over what the reader yields; `columns` are the mapped
// ones. Null: there are none.
duckdb::shared_ptr<duckdb::Expression> RowFilter(
    const duckdb::vector<duckdb::ColumnIndex>& ids,
    duckdb::optional_ptr<duckdb::TableFilterSet> filters,
    const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& columns);

// Completes the mapping of the columns row_id and row_commit_version. A row's id is what its hidden
// column holds, else the file's first id plus its position; the commit version likewise
// (PROTOCOL.md, "Row Tracking").
void MapRowTracking(duckdb::ClientContext& context, const delta::HiddenRowColumns& hidden,
                    const delta::AddFile& file,
                    const duckdb::vector<duckdb::ColumnIndex>& global_column_ids,
                    duckdb::MultiFileReaderData* data);

}  // namespace tarn::duck
