#include "duck/delta_scan.h"

#include <utility>

#include "delta/deletion_vector.h"
#include "delta/properties.h"
#include "duck/column_mapping.h"
#include "duck/column_statistics.h"
#include "duck/delta_table_entry.h"
#include "duck/scan_mapping.h"
#include "duck/status_exception.h"
#include "duck/types.h"
#include "duckdb/catalog/catalog_entry/table_function_catalog_entry.hpp"
#include "duckdb/common/file_system.hpp"
#include "duckdb/common/multi_file/multi_file_states.hpp"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/function/table_function.hpp"
#include "duckdb/main/client_config.hpp"
#include "duckdb/main/config.hpp"
#include "duckdb/main/extension/extension_loader.hpp"
#include "duckdb/parser/tableref/table_function_ref.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"

namespace tarn::duck {

using duckdb::MultiFileReader;

namespace {

// TableFunction keeps a duckdb::shared_ptr; the info is shared with the file list by a std one.
struct ScanFunctionInfo : public duckdb::TableFunctionInfo {
  std::shared_ptr<DeltaScanInfo> info;
};

class VectorDeleteFilter : public duckdb::DeleteFilter {
 public:
  explicit VectorDeleteFilter(delta::RowSet deleted) : deleted_(std::move(deleted)) {}

  duckdb::idx_t Filter(duckdb::row_t start_row_index, duckdb::idx_t count,
                       duckdb::SelectionVector& result_sel) override {
    if (result_sel.data() == nullptr) result_sel.Initialize(STANDARD_VECTOR_SIZE);
    return deleted_.SelectKept(static_cast<uint64_t>(start_row_index), count, result_sel.data());
  }

 private:
  delta::RowSet deleted_;
};

class RowsOnlyFilter : public duckdb::DeleteFilter {
 public:
  explicit RowsOnlyFilter(std::shared_ptr<const delta::RowSet> rows) : rows_(std::move(rows)) {}

  duckdb::idx_t Filter(duckdb::row_t start_row_index, duckdb::idx_t count,
                       duckdb::SelectionVector& result_sel) override {
    if (result_sel.data() == nullptr) result_sel.Initialize(STANDARD_VECTOR_SIZE);
    duckdb::idx_t kept = 0;
    for (duckdb::idx_t i = 0; i < count; ++i) {
      if (rows_->Contains(static_cast<uint64_t>(start_row_index) + i)) {
        result_sel.set_index(kept++, i);
      }
    }
    return kept;
  }

 private:
  std::shared_ptr<const delta::RowSet> rows_;
};

const DeltaFileList& ListOf(const duckdb::FunctionData& bind_data) {
  return bind_data.Cast<duckdb::MultiFileBindData>().file_list->Cast<DeltaFileList>();
}

duckdb::InsertionOrderPreservingMap<duckdb::string> ToString(
    duckdb::TableFunctionToStringInput& input) {
  duckdb::InsertionOrderPreservingMap<duckdb::string> result;
  if (!input.bind_data) return result;
  const auto& list = ListOf(*input.bind_data);
  result["Table"] = list.info().table_name;
  if (list.info().version) {
    result["Version"] = list.info().version->definition().version().ToString();
  }
  const auto total = list.info().TotalFiles();
  const bool all = list.predicate().kind == delta::PredicateKind::kTrue;
  // A plan is shown before its conditions are known, too: no reason to read a large log for it.
  result["Files"] = !all    ? std::to_string(list.GetTotalFileCount())
                    : total ? std::to_string(*total)
                            : "all";
  if (total) result["Files"] += " of " + std::to_string(*total);
  return result;
}

duckdb::InsertionOrderPreservingMap<duckdb::string> DynamicToString(
    duckdb::TableFunctionDynamicToStringInput& input) {
  duckdb::InsertionOrderPreservingMap<duckdb::string> result;
  if (!input.global_state) return result;
  auto& state = input.global_state->Cast<duckdb::MultiFileGlobalState>();
  const auto& list = state.file_list.Cast<DeltaFileList>();
  uint64_t read = 0;
  for (duckdb::idx_t i = 0; i < state.file_index.load() && i < state.readers.size(); ++i) {
    if (state.readers[i] && state.readers[i]->file_state != duckdb::MultiFileFileState::SKIPPED) {
      ++read;
    }
  }
  result["Files Read"] = std::to_string(read);
  if (const auto total = list.info().TotalFiles()) result["Files Total"] = std::to_string(*total);
  return result;
}

duckdb::BindInfo GetBindInfo(const duckdb::optional_ptr<duckdb::FunctionData> bind_data) {
  const auto& info = ListOf(*bind_data).info();
  if (info.entry) return duckdb::BindInfo(*info.entry);
  return duckdb::BindInfo(duckdb::ScanType::EXTERNAL);
}

duckdb::virtual_column_map_t GetVirtualColumns(
    duckdb::ClientContext& context, duckdb::optional_ptr<duckdb::FunctionData> bind_data) {
  auto columns = DeltaVirtualColumns(ListOf(*bind_data).info().row_tracking.has_value());
  bind_data->Cast<duckdb::MultiFileBindData>().virtual_columns = columns;
  return columns;
}

duckdb::vector<duckdb::column_t> GetRowIdColumns(
    duckdb::ClientContext& context, duckdb::optional_ptr<duckdb::FunctionData> bind_data) {
  duckdb::vector<duckdb::column_t> columns = {MultiFileReader::COLUMN_IDENTIFIER_FILE_INDEX,
                                              MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER};
  if (ListOf(*bind_data).info().row_tracking) columns.push_back(kRowIdColumn);
  return columns;
}

duckdb::unique_ptr<duckdb::BaseStatistics> Statistics(duckdb::ClientContext& context,
                                                      const duckdb::FunctionData* bind_data,
                                                      duckdb::column_t column) {
  const auto& info = ListOf(*bind_data).info();
  if (duckdb::IsVirtualColumn(column) || info.overlay) return nullptr;
  return ColumnStatistics(info, column);
}

// A plan that outlives its statement's transaction cannot be rebuilt from bytes; DuckDB then plans
// anew.
void RefuseSerialize(duckdb::Serializer&, const duckdb::optional_ptr<duckdb::FunctionData>,
                     const duckdb::TableFunction&) {
  throw duckdb::NotImplementedException("a scan of a Delta table cannot be serialized");
}

duckdb::TableFunction ParquetScan(duckdb::DatabaseInstance& db) {
  duckdb::ExtensionLoader loader(db, "tarn");
  auto entry = loader.TryGetTableFunction("parquet_scan");
  if (!entry) {
    throw duckdb::InvalidConfigurationException(
        "this DuckDB library has no Parquet reader built in; Delta tables need it");
  }
  return entry->Cast<duckdb::TableFunctionCatalogEntry>().functions.GetFunctionByOffset(0);
}

bool HasVariant(const delta::DataType& type) {
  if (type.kind == delta::TypeKind::kVariant) return true;
  if (type.element && HasVariant(*type.element)) return true;
  if (type.key && HasVariant(*type.key)) return true;
  for (const auto& field : type.fields) {
    if (HasVariant(*field.type)) return true;
  }
  return false;
}

bool HasVariant(const delta::Schema& schema) {
  for (const auto& field : schema.fields) {
    if (HasVariant(*field.type)) return true;
  }
  return false;
}

// Spark wrote VARIANT columns before Parquet had an annotation for them; DuckDB recognizes those by
// their shape, when this setting is on while the scan is bound. Off otherwise: a plain struct may
// look the same.
class VariantByShape {
 public:
  VariantByShape(duckdb::ClientContext& context, bool on) : context_(context) {
    if (!on) return;
    duckdb::optional_ptr<const duckdb::ConfigurationOption> option;
    index_ =
        duckdb::DBConfig::GetConfig(context).TryGetSettingIndex(kVariantByShapeSetting, option);
    if (!index_.IsValid()) return;
    duckdb::ClientConfig::GetConfig(context).user_settings.SetUserSetting(
        index_.GetIndex(), duckdb::Value::BOOLEAN(true));
  }
  ~VariantByShape() {
    if (!index_.IsValid()) return;
    duckdb::ClientConfig::GetConfig(context_).user_settings.ClearSetting(index_.GetIndex());
  }
  VariantByShape(const VariantByShape&) = delete;
  VariantByShape& operator=(const VariantByShape&) = delete;

 private:
  duckdb::ClientContext& context_;
  duckdb::optional_idx index_;
};

}  // namespace

duckdb::Value PartitionConstant(duckdb::ClientContext& context,
                                const std::optional<std::string>& text,
                                const delta::DataType& type) {
  if (type.kind == delta::TypeKind::kTimestamp && text && IsZoneless(*text)) {
    return duckdb::Value(*text).CastAs(context, duckdb::LogicalType::TIMESTAMP_TZ);
  }
  return ToDuckValue(ValueOrThrow(delta::ParsePartitionValue(text, type)), type);
}

duckdb::virtual_column_map_t DeltaVirtualColumns(bool row_tracking) {
  duckdb::virtual_column_map_t columns;
  columns.insert({MultiFileReader::COLUMN_IDENTIFIER_FILENAME,
                  duckdb::TableColumn("filename", duckdb::LogicalType::VARCHAR)});
  columns.insert({MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER,
                  duckdb::TableColumn("file_row_number", duckdb::LogicalType::BIGINT)});
  columns.insert({MultiFileReader::COLUMN_IDENTIFIER_FILE_INDEX,
                  duckdb::TableColumn("file_index", duckdb::LogicalType::UBIGINT)});
  columns.insert(
      {duckdb::COLUMN_IDENTIFIER_EMPTY, duckdb::TableColumn("", duckdb::LogicalType::BOOLEAN)});
  if (row_tracking) {
    columns.insert({kRowIdColumn, duckdb::TableColumn("row_id", duckdb::LogicalType::BIGINT)});
    columns.insert({kRowVersionColumn,
                    duckdb::TableColumn("row_commit_version", duckdb::LogicalType::BIGINT)});
  }
  return columns;
}

std::shared_ptr<DeltaScanInfo> MakeScanInfo(const std::string& table_name,
                                            const std::shared_ptr<delta::Table>& table,
                                            const delta::TableVersionPtr& version,
                                            const delta::Schema& schema,
                                            const delta::Metadata& metadata,
                                            const delta::Transaction* staged) {
  if (schema.fields.empty()) {
    throw duckdb::InvalidInputException(
        "table %s has no column: its metaData carries no schema; restore its log from a copy, or "
        "CREATE OR REPLACE it",
        table_name);
  }
  auto info = std::make_shared<DeltaScanInfo>();
  info->table_name = table_name;
  info->table = table;
  info->version = version;
  info->schema = schema;
  info->partition_columns = metadata.partition_columns;
  info->row_tracking = delta::RowTrackingColumns(metadata);
  info->mapping = version && !staged
                      ? version->definition().column_mapping()
                      : ValueOrThrow(delta::ParseProperties(metadata.configuration)).column_mapping;
  if (staged) info->overlay = OverlayOf(staged, info->Snapshot());
  for (const auto& field : schema.fields) {
    info->names.push_back(field.name);
    info->types.push_back(ToLogicalType(*field.type));
  }
  return info;
}

duckdb::TableFunction DeltaScanFunction(duckdb::DatabaseInstance& db) {
  duckdb::TableFunction function = ParquetScan(db);
  function.name = "delta_scan";
  function.get_multi_file_reader = DeltaFileReader::Create;
  function.statistics = Statistics;
  function.get_bind_info = GetBindInfo;
  function.get_virtual_columns = GetVirtualColumns;
  function.get_row_id_columns = GetRowIdColumns;
  function.get_partition_stats = PartitionStats;
  function.to_string = ToString;
  function.dynamic_to_string = DynamicToString;
  function.serialize = RefuseSerialize;
  function.deserialize = nullptr;
  function.verify_serialization = false;
  return function;
}

BoundDeltaScan BindDeltaScan(duckdb::ClientContext& context, std::shared_ptr<DeltaScanInfo> info) {
  BoundDeltaScan out{DeltaScanFunction(*context.db), nullptr};
  auto& function = out.function;
  auto function_info = duckdb::make_shared_ptr<ScanFunctionInfo>();
  function_info->info = info;
  function.function_info = std::move(function_info);

  duckdb::vector<duckdb::Value> inputs{duckdb::Value("")};
  duckdb::named_parameter_map_t named;
  duckdb::vector<duckdb::LogicalType> types;
  duckdb::vector<duckdb::string> names;
  duckdb::TableFunctionRef no_ref;
  duckdb::TableFunctionBindInput input(inputs, named, types, names, nullptr, nullptr, function,
                                       no_ref);
  const VariantByShape variants(context, HasVariant(info->schema));
  out.bind_data = function.bind(context, input, types, names);
  auto& bound = out.bind_data->Cast<duckdb::MultiFileBindData>();
  bound.virtual_columns =
      DeltaVirtualColumns(ListOf(*out.bind_data).info().row_tracking.has_value());
  return out;
}

duckdb::unique_ptr<MultiFileReader> DeltaFileReader::Create(const duckdb::TableFunction& function) {
  return duckdb::make_uniq<DeltaFileReader>(function.function_info->Cast<ScanFunctionInfo>().info);
}

duckdb::unique_ptr<MultiFileReader> DeltaFileReader::Copy() const {
  return duckdb::make_uniq<DeltaFileReader>(info_);
}

duckdb::shared_ptr<duckdb::MultiFileList> DeltaFileReader::CreateFileList(
    duckdb::ClientContext& context, const duckdb::vector<duckdb::string>& paths,
    const duckdb::FileGlobInput& glob_input) {
  return duckdb::make_shared_ptr<DeltaFileList>(info_);
}

bool DeltaFileReader::Bind(duckdb::MultiFileOptions& options, duckdb::MultiFileList& files,
                           duckdb::vector<duckdb::LogicalType>& return_types,
                           duckdb::vector<duckdb::string>& names,
                           duckdb::MultiFileReaderBindData& bind_data) {
  bind_data.schema = TableColumns(info_->schema);
  bind_data.mapping = duckdb::MultiFileColumnMappingMode::BY_NAME;
  names = info_->names;
  return_types = info_->types;
  return true;
}

void DeltaFileReader::ThrowBrokenFile(duckdb::ClientContext& context, const std::string& path,
                                      const std::string& cause) const {
  auto& files = duckdb::FileSystem::GetFileSystem(context);
  const std::string version =
      info_->version ? info_->version->definition().version().ToString() : "new";
  if (!files.FileExists(path)) {
    throw duckdb::IOException(
        "data file '%s' of table %s (version %s) is gone; put it back from a backup, read an older "
        "version that does not need it, or RESTORE the table to one",
        path, info_->table_name, version);
  }
  throw duckdb::IOException(
      "data file '%s' of table %s (version %s) cannot be read: %s; put it back from a backup or "
      "RESTORE the table to a version without it",
      path, info_->table_name, version, cause);
}

duckdb::shared_ptr<duckdb::BaseFileReader> DeltaFileReader::CreateReader(
    duckdb::ClientContext& context, duckdb::GlobalTableFunctionState& gstate,
    const duckdb::OpenFileInfo& file, duckdb::idx_t file_idx,
    const duckdb::MultiFileBindData& bind_data) {
  try {
    return MultiFileReader::CreateReader(context, gstate, file, file_idx, bind_data);
  } catch (const std::exception& ex) {
    duckdb::ErrorData error(ex);
    if (error.Type() == duckdb::ExceptionType::INTERRUPT ||
        error.Type() == duckdb::ExceptionType::OUT_OF_MEMORY) {
      throw;
    }
    ThrowBrokenFile(context, file.path, error.RawMessage());
  }
}

duckdb::ReaderInitializeType DeltaFileReader::InitializeReader(
    duckdb::MultiFileReaderData& reader_data, const duckdb::MultiFileBindData& bind_data,
    const duckdb::vector<duckdb::MultiFileColumnDefinition>& global_columns,
    const duckdb::vector<duckdb::ColumnIndex>& global_column_ids,
    duckdb::optional_ptr<duckdb::TableFilterSet> table_filters, duckdb::ClientContext& context,
    duckdb::MultiFileGlobalState& gstate) {
  auto& reader = *reader_data.reader;
  const auto& list = gstate.file_list.Cast<DeltaFileList>();
  const auto position_in_list = reader.file_list_idx.GetIndex();
  const ScanFile file = list.FileAt(position_in_list);

  for (size_t i = 0; i < global_column_ids.size(); ++i) {
    const duckdb::MultiFileGlobalIndex position(i);
    const auto id = global_column_ids[i].GetPrimaryIndex();
    if (id == MultiFileReader::COLUMN_IDENTIFIER_FILE_INDEX) {
      // Added before DuckDB's own constant (the position in this list), and the first one counts.
      reader_data.constant_map.Add(position,
                                   duckdb::Value::UBIGINT(list.OrdinalAt(position_in_list)));
      continue;
    }
    if (id == kRowVersionColumn) {
      reader_data.constant_map.Add(position, LongOrNull(file.add.default_row_commit_version));
      continue;
    }
    if (duckdb::IsVirtualColumn(id)) continue;
    const auto& field = info_->schema.fields[id];
    if (!info_->IsPartitionColumn(field.name)) continue;
    const auto& name = field.PhysicalName(info_->mapping != delta::ColumnMappingMode::kNone);
    const auto it = file.add.partition_values.find(name);
    if (it == file.add.partition_values.end() && field.name == info_->column_in_some_files)
      continue;
    const std::optional<std::string> text =
        it == file.add.partition_values.end() ? std::nullopt : it->second;
    reader_data.constant_map.Add(position, PartitionConstant(context, text, *field.type));
  }
  if (file.add.deletion_vector) {
    auto& table = *info_->table;
    auto deleted = delta::ReadDeletionVector(*table.environment().store, table.root(),
                                             *file.add.deletion_vector);
    ThrowIfError(deleted.status().WithContext("table " + info_->table_name));
    reader.deletion_filter = duckdb::make_uniq<VectorDeleteFilter>(std::move(deleted).value());
  }
  if (info_->overlay && file.added) {
    const auto only = info_->overlay->only.find(*file.added);
    if (only != info_->overlay->only.end()) {
      reader.deletion_filter = duckdb::make_uniq<RowsOnlyFilter>(only->second);
    }
  }
  return MultiFileReader::InitializeReader(reader_data, bind_data, global_columns,
                                           global_column_ids, table_filters, context, gstate);
}

duckdb::ReaderInitializeType DeltaFileReader::CreateMapping(
    duckdb::ClientContext& context, duckdb::MultiFileReaderData& reader_data,
    const duckdb::vector<duckdb::MultiFileColumnDefinition>& global_columns,
    const duckdb::vector<duckdb::ColumnIndex>& global_column_ids,
    duckdb::optional_ptr<duckdb::TableFilterSet> filters, duckdb::MultiFileList& multi_file_list,
    const duckdb::MultiFileReaderBindData& bind_data,
    const duckdb::virtual_column_map_t& virtual_columns) {
  auto columns = global_columns;
  MapColumns(info_->schema.fields, info_->mapping, reader_data.reader->GetFileName(), &columns,
             &reader_data.reader->columns);
  auto exact = ExactFilters(columns, reader_data.reader->columns, global_column_ids, filters);
  if (exact) filters = exact.get();
  const auto all_filters = filters;
  const auto rest = WithoutRowTracking(global_column_ids, filters);
  if (rest) filters = rest.get();
  const auto result = MultiFileReader::CreateMapping(
      context, reader_data, columns, global_column_ids, filters, multi_file_list, bind_data,
      virtual_columns, duckdb::MultiFileColumnMappingMode::BY_NAME);
  if (info_->row_tracking) {
    const auto position = reader_data.reader->file_list_idx.GetIndex();
    const ScanFile file = static_cast<DeltaFileList&>(multi_file_list).FileAt(position);
    MapRowTracking(context, *info_->row_tracking, file.add, global_column_ids, &reader_data);
    KeepRowFilter(*reader_data.reader,
                  RowFilter(global_column_ids, all_filters, reader_data.expressions));
  }
  return result;
}

void DeltaFileReader::KeepRowFilter(const duckdb::BaseFileReader& reader,
                                    duckdb::shared_ptr<duckdb::Expression> filter) {
  std::lock_guard<std::mutex> guard(row_filters_mutex_);
  row_filters_.erase(&reader);
  if (filter) row_filters_[&reader] = std::move(filter);
}

void DeltaFileReader::FinalizeChunk(
    duckdb::ClientContext& context, const duckdb::MultiFileBindData& bind_data,
    duckdb::BaseFileReader& reader, const duckdb::MultiFileReaderData& reader_data,
    duckdb::DataChunk& input_chunk, duckdb::DataChunk& output_chunk,
    duckdb::ExpressionExecutor& executor,
    duckdb::optional_ptr<duckdb::MultiFileReaderGlobalState> global_state) {
  MultiFileReader::FinalizeChunk(context, bind_data, reader, reader_data, input_chunk, output_chunk,
                                 executor, global_state);
  if (!info_->row_tracking || output_chunk.size() == 0) return;
  duckdb::shared_ptr<duckdb::Expression> filter;
  {
    std::lock_guard<std::mutex> guard(row_filters_mutex_);
    const auto found = row_filters_.find(&reader);
    if (found == row_filters_.end()) return;
    filter = found->second;
  }
  duckdb::ExpressionExecutor condition(context, *filter);
  duckdb::SelectionVector matching(output_chunk.size());
  const auto count = condition.SelectExpression(input_chunk, matching);
  if (count < output_chunk.size()) output_chunk.Slice(matching, count);
}

duckdb::unique_ptr<duckdb::Expression> DeltaFileReader::GetVirtualColumnExpression(
    duckdb::ClientContext& context, duckdb::MultiFileReaderData& reader_data,
    const duckdb::vector<duckdb::MultiFileColumnDefinition>& local_columns,
    duckdb::idx_t& column_id, const duckdb::LogicalType& type,
    duckdb::MultiFileLocalIndex local_index,
    duckdb::optional_ptr<duckdb::MultiFileColumnDefinition>& global_column_reference) {
  if (column_id == kRowIdColumn) {
    // MapRowTracking makes the id of the position.
    column_id = MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER;
    return duckdb::make_uniq<duckdb::BoundReferenceExpression>(type, local_index.GetIndex());
  }
  return MultiFileReader::GetVirtualColumnExpression(context, reader_data, local_columns, column_id,
                                                     type, local_index, global_column_reference);
}

}  // namespace tarn::duck
