// DeltaTableEntry: one Delta table at one version (or as a running transaction will leave it), as
// DuckDB's binder sees it.
//
// A row is identified for DELETE/UPDATE/MERGE by two virtual columns, in this order
// (GetRowIdColumns):
//   file_index       UBIGINT  ordinal of the file, stable within the DuckDB transaction (see
//   FileOrdinal) file_row_number  BIGINT   physical position in the Parquet file, 0-based, deleted
//   rows counted
// `filename` (VARCHAR, the path DuckDB opens) is a virtual column as well. Tables with row tracking
// have two more (BIGINT), of which the first is the third of GetRowIdColumns:
//   row_id, row_commit_version   as the protocol gives them; NULL for rows that no commit holds yet
//
// Lifetime: owned by the LakeTransaction. Threads: immutable after construction.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "delta/schema.h"
#include "delta/snapshot.h"
#include "delta/table.h"
#include "delta/transaction.h"
#include "duckdb.hpp"
#include "duckdb/catalog/catalog_entry/table_catalog_entry.hpp"
#include "duckdb/planner/tableref/bound_at_clause.hpp"

namespace tarn::duck {

class LakeCatalog;
class LakeTransaction;

// The file_index virtual column: base files by their FileIndex in the pinned snapshot, files added
// by the running transaction by their position in delta::Transaction::added_files().
struct FileOrdinal {
  static constexpr uint64_t kAddedBase = uint64_t{1} << 32;
  static uint64_t Base(delta::FileIndex index) { return index.value(); }
  static uint64_t Added(size_t position) { return kAddedBase + position; }
  static bool IsAdded(uint64_t ordinal) { return ordinal >= kAddedBase; }
  static delta::FileIndex BaseIndex(uint64_t ordinal) {
    return delta::FileIndex(static_cast<uint32_t>(ordinal));
  }
  static size_t AddedPosition(uint64_t ordinal) { return ordinal - kAddedBase; }
};

class DeltaTableEntry : public duckdb::TableCatalogEntry {
 public:
  // `version` is null only for a table that the running transaction creates; `schema_view` and
  // `metadata` are what the entry shows (of the snapshot, or staged by the transaction).
  DeltaTableEntry(duckdb::Catalog& catalog, duckdb::SchemaCatalogEntry& schema,
                  duckdb::CreateTableInfo& info, std::shared_ptr<delta::Table> table,
                  delta::TableVersionPtr version, delta::Schema delta_schema,
                  delta::Metadata metadata, bool time_travel);

  const std::shared_ptr<delta::Table>& table() const { return table_; }
  // The version with all its files, read when first asked for (errors: exceptions); null for a
  // table that the running transaction creates.
  delta::SnapshotPtr snapshot() const;
  // The same without reading them.
  const delta::TableVersionPtr& version() const { return version_; }
  const delta::Schema& delta_schema() const { return delta_schema_; }
  const delta::Metadata& metadata() const { return metadata_; }
  delta::ColumnMappingMode column_mapping() const { return column_mapping_; }
  // True for `AT (VERSION/TIMESTAMP …)`: such an entry is not writable.
  bool is_time_travel() const { return time_travel_; }
  LakeCatalog& lake() const;
  // "silver.events", for messages and for LakeTransaction::Annotate.
  std::string QualifiedName() const;

  duckdb::unique_ptr<duckdb::BaseStatistics> GetStatistics(duckdb::ClientContext& context,
                                                           duckdb::column_t column_id) override;
  duckdb::TableFunction GetScanFunction(
      duckdb::ClientContext& context, duckdb::unique_ptr<duckdb::FunctionData>& bind_data) override;
  duckdb::TableFunction GetScanFunction(duckdb::ClientContext& context,
                                        duckdb::unique_ptr<duckdb::FunctionData>& bind_data,
                                        const duckdb::EntryLookupInfo& lookup_info) override;
  duckdb::TableStorageInfo GetStorageInfo(duckdb::ClientContext& context) override;
  void BindUpdateConstraints(duckdb::Binder& binder, duckdb::LogicalGet& get,
                             duckdb::LogicalProjection& proj, duckdb::LogicalUpdate& update,
                             duckdb::ClientContext& context) override;
  duckdb::virtual_column_map_t GetVirtualColumns() const override;
  duckdb::vector<duckdb::column_t> GetRowIdColumns() const override;

 private:
  std::shared_ptr<delta::Table> table_;
  delta::TableVersionPtr version_;
  delta::Schema delta_schema_;
  delta::Metadata metadata_;
  delta::ColumnMappingMode column_mapping_ = delta::ColumnMappingMode::kNone;
  bool time_travel_ = false;
};

// The snapshot that `AT (VERSION => n)` or `AT (TIMESTAMP => t)` names.
delta::SnapshotPtr SnapshotAt(duckdb::ClientContext& context, delta::Table& table,
                              const duckdb::BoundAtClause& at);

// DuckDB's description of a Delta table: columns with types, NOT NULL, CHECK, comments, tags.
duckdb::unique_ptr<duckdb::CreateTableInfo> DescribeTable(duckdb::SchemaCatalogEntry& schema,
                                                          const std::string& name,
                                                          const delta::Schema& delta_schema,
                                                          const delta::Metadata& metadata);

}  // namespace tarn::duck
