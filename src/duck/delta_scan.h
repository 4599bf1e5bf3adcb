// Reading a Delta table through DuckDB's Parquet scan: the table function `delta_scan` and the
// multi-file reader behind it.
//
// Per file: partition values come from the log as constants, columns are matched by
// column_mapping.h, rows of the deletion vector are filtered before anything else sees them.
//
// EXPLAIN ANALYZE shows `Files Read` and `Files Total`; EXPLAIN shows how many files WHERE leaves.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "duck/scan_files.h"
#include "duckdb.hpp"
#include "duckdb/common/multi_file/multi_file_reader.hpp"

namespace tarn::duck {

// A DuckDB setting of the Parquet reader (registered in extension.cc): see delta_scan.cc.
inline constexpr const char* kVariantByShapeSetting = "__delta_only_variant_encoding_enabled";

struct BoundDeltaScan {
  duckdb::TableFunction function;
  duckdb::unique_ptr<duckdb::FunctionData> bind_data;
};

// The table function without a table: its callbacks look at the bind data only.
duckdb::TableFunction DeltaScanFunction(duckdb::DatabaseInstance& db);

// A scan ready for a LogicalGet.
BoundDeltaScan BindDeltaScan(duckdb::ClientContext& context, std::shared_ptr<DeltaScanInfo> info);

// Describes the state of `table` at `version` for a scan. `staged` may be null.
std::shared_ptr<DeltaScanInfo> MakeScanInfo(const std::string& table_name,
                                            const std::shared_ptr<delta::Table>& table,
                                            const delta::TableVersionPtr& version,
                                            const delta::Schema& schema,
                                            const delta::Metadata& metadata,
                                            const delta::Transaction* staged);

// Virtual columns of tables with row tracking. The numbers are ours: DuckDB's own count from 2^63.
inline constexpr duckdb::column_t kRowIdColumn = UINT64_C(9223372036854785808);
inline constexpr duckdb::column_t kRowVersionColumn = UINT64_C(9223372036854785809);

duckdb::virtual_column_map_t DeltaVirtualColumns(bool row_tracking);

// The value of a partition column. Writers of old left the zone out of timestamps; such a text
// means the zone of the session, as in Spark.
duckdb::Value PartitionConstant(duckdb::ClientContext& context,
                                const std::optional<std::string>& text,
                                const delta::DataType& type);

class DeltaFileReader : public duckdb::MultiFileReader {
 public:
  explicit DeltaFileReader(std::shared_ptr<DeltaScanInfo> info) : info_(std::move(info)) {}
  static duckdb::unique_ptr<duckdb::MultiFileReader> Create(const duckdb::TableFunction& function);

  duckdb::shared_ptr<duckdb::MultiFileList> CreateFileList(
      duckdb::ClientContext& context, const duckdb::vector<duckdb::string>& paths,
      const duckdb::FileGlobInput& glob_input) override;
  bool Bind(duckdb::MultiFileOptions& options, duckdb::MultiFileList& files,
            duckdb::vector<duckdb::LogicalType>& return_types,
            duckdb::vector<duckdb::string>& names,
            duckdb::MultiFileReaderBindData& bind_data) override;
  void BindOptions(duckdb::MultiFileOptions& options, duckdb::MultiFileList& files,
                   duckdb::vector<duckdb::LogicalType>& return_types,
                   duckdb::vector<duckdb::string>& names,
                   duckdb::MultiFileReaderBindData& bind_data) override {}
  duckdb::shared_ptr<duckdb::BaseFileReader> CreateReader(
      duckdb::ClientContext& context, duckdb::GlobalTableFunctionState& gstate,
      const duckdb::OpenFileInfo& file, duckdb::idx_t file_idx,
      const duckdb::MultiFileBindData& bind_data) override;
  duckdb::ReaderInitializeType InitializeReader(
      duckdb::MultiFileReaderData& reader_data, const duckdb::MultiFileBindData& bind_data,
      const duckdb::vector<duckdb::MultiFileColumnDefinition>& global_columns,
      const duckdb::vector<duckdb::ColumnIndex>& global_column_ids,
      duckdb::optional_ptr<duckdb::TableFilterSet> table_filters, duckdb::ClientContext& context,
      duckdb::MultiFileGlobalState& gstate) override;
  duckdb::ReaderInitializeType CreateMapping(
      duckdb::ClientContext& context, duckdb::MultiFileReaderData& reader_data,
      const duckdb::vector<duckdb::MultiFileColumnDefinition>& global_columns,
      const duckdb::vector<duckdb::ColumnIndex>& global_column_ids,
      duckdb::optional_ptr<duckdb::TableFilterSet> filters, duckdb::MultiFileList& multi_file_list,
      const duckdb::MultiFileReaderBindData& bind_data,
      const duckdb::virtual_column_map_t& virtual_columns) override;
  duckdb::unique_ptr<duckdb::Expression> GetVirtualColumnExpression(
      duckdb::ClientContext& context, duckdb::MultiFileReaderData& reader_data,
      const duckdb::vector<duckdb::MultiFileColumnDefinition>& local_columns,
      duckdb::idx_t& column_id, const duckdb::LogicalType& type,
      duckdb::MultiFileLocalIndex local_index,
      duckdb::optional_ptr<duckdb::MultiFileColumnDefinition>& global_column_reference) override;
  void FinalizeChunk(
      duckdb::ClientContext& context, const duckdb::MultiFileBindData& bind_data,
      duckdb::BaseFileReader& reader, const duckdb::MultiFileReaderData& reader_data,
      duckdb::DataChunk& input_chunk, duckdb::DataChunk& output_chunk,
      duckdb::ExpressionExecutor& executor,
      duckdb::optional_ptr<duckdb::MultiFileReaderGlobalState> global_state) override;
  duckdb::unique_ptr<duckdb::MultiFileReader> Copy() const override;

 private:
  void KeepRowFilter(const duckdb::BaseFileReader& reader,
                     duckdb::shared_ptr<duckdb::Expression> filter);
  [[noreturn]] void ThrowBrokenFile(duckdb::ClientContext& context, const std::string& path,
                                    const std::string& cause) const;

  std::shared_ptr<DeltaScanInfo> info_;
  // Conditions on row ids, over what one file's reader yields.
  std::mutex row_filters_mutex_;
  std::map<const duckdb::BaseFileReader*, duckdb::shared_ptr<duckdb::Expression>> row_filters_;
};

}  // namespace tarn::duck
