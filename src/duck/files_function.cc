// delta_files(table): the live files of a table, straight from its log.
#include <algorithm>
#include <utility>

#include "delta/file_table.h"
#include "duck/functions.h"
#include "duck/status_exception.h"
#include "duck/table_lookup.h"
#include "duckdb/function/table_function.hpp"

namespace tarn::duck {

using duckdb::FlatVector;
using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::StringVector;
using duckdb::Vector;

namespace {

enum Column : duckdb::column_t {
  kPath,
  kSize,
  kModified,
  kPartitionValues,
  kRecords,
  kDeletedRecords,
  kStats
};

struct FilesData : public duckdb::TableFunctionData {
  delta::SnapshotPtr snapshot;
};

struct FilesState : public duckdb::GlobalTableFunctionState {
  duckdb::vector<duckdb::column_t> columns;  // asked for, in this order
  uint32_t next = 0;
  std::string scratch;
};

duckdb::unique_ptr<duckdb::FunctionData> BindFiles(duckdb::ClientContext& context,
                                                   duckdb::TableFunctionBindInput& input,
                                                   duckdb::vector<LogicalType>& types,
                                                   duckdb::vector<duckdb::string>& names) {
  if (input.inputs[0].IsNull()) {
    throw duckdb::BinderException("delta_files needs the name or the path of a table, not NULL");
  }
  names = {
      "path", "size", "modification_time", "partition_values", "num_records", "deleted_records",
      "stats"};
  types = {LogicalType::VARCHAR,      LogicalType::BIGINT,
           LogicalType::TIMESTAMP_TZ, LogicalType::MAP(LogicalType::VARCHAR, LogicalType::VARCHAR),
           LogicalType::BIGINT,       LogicalType::BIGINT,
           LogicalType::VARCHAR};
  const auto named = LookupTable(context, duckdb::StringValue::Get(input.inputs[0]));
  if (!named.snapshot) {
    throw duckdb::InvalidInputException("table %s has no version yet; COMMIT first", named.name);
  }
  auto data = duckdb::make_uniq<FilesData>();
  data->snapshot = named.snapshot;
  return data;
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> InitFiles(
    duckdb::ClientContext&, duckdb::TableFunctionInitInput& input) {
  auto state = duckdb::make_uniq<FilesState>();
  state->columns = input.column_ids;
  return state;
}

duckdb::Value PartitionMap(const delta::AddFile& add) {
  duckdb::vector<duckdb::Value> keys, values;
  for (const auto& [key, value] : add.partition_values) {
    keys.emplace_back(key);
    values.push_back(value ? duckdb::Value(*value) : duckdb::Value(LogicalType::VARCHAR));
  }
  return duckdb::Value::MAP(LogicalType::VARCHAR, LogicalType::VARCHAR, std::move(keys),
                            std::move(values));
}

void FillColumn(const delta::FileTable& files, duckdb::column_t column, uint32_t first, idx_t count,
                std::string* scratch, Vector& out) {
  const auto text = [&](idx_t row, std::string_view value) {
    FlatVector::GetData<duckdb::string_t>(out)[row] =
        StringVector::AddString(out, value.data(), value.size());
  };
  for (idx_t row = 0; row < count; ++row) {
    const delta::FileIndex index(first + static_cast<uint32_t>(row));
    switch (column) {
      case kPath: text(row, files.Path(index)); break;
      case kSize: FlatVector::GetData<int64_t>(out)[row] = files.SizeBytes(index); break;
      case kModified:
        FlatVector::GetData<int64_t>(out)[row] = files.ModificationTimeMs(index) * 1000;
        break;
      case kPartitionValues: out.SetValue(row, PartitionMap(files.ToAddFile(index))); break;
      case kRecords: {
        const auto records = files.NumRecords(index);
        if (!records) FlatVector::SetNull(out, row, true);
        FlatVector::GetData<int64_t>(out)[row] = records.value_or(0);
        break;
      }
      case kDeletedRecords: {
        const auto* vector = files.DeletionVector(index);
        FlatVector::GetData<int64_t>(out)[row] = vector ? vector->cardinality : 0;
        break;
      }
      case kStats: {
        const auto stats = files.Stats(index, scratch);
        if (stats.empty()) {
          FlatVector::SetNull(out, row, true);
        } else {
          text(row, stats);
        }
        break;
      }
      default: FlatVector::SetNull(out, row, true);  // COUNT(*) asks for no column at all
    }
  }
}

void EmitFiles(duckdb::ClientContext&, duckdb::TableFunctionInput& input,
               duckdb::DataChunk& output) {
  const auto& files = input.bind_data->Cast<FilesData>().snapshot->files();
  auto& state = input.global_state->Cast<FilesState>();
  const auto count = std::min<idx_t>(files.size() - state.next, STANDARD_VECTOR_SIZE);
  for (idx_t i = 0; i < state.columns.size(); ++i) {
    FillColumn(files, state.columns[i], state.next, count, &state.scratch, output.data[i]);
  }
  state.next += static_cast<uint32_t>(count);
  output.SetCardinality(count);
}

duckdb::unique_ptr<duckdb::NodeStatistics> CountFiles(duckdb::ClientContext&,
                                                      const duckdb::FunctionData* data) {
  const idx_t files = data->Cast<FilesData>().snapshot->num_files();
  return duckdb::make_uniq<duckdb::NodeStatistics>(files, files);
}

}  // namespace

void RegisterFilesFunction(duckdb::ExtensionLoader& loader) {
  duckdb::TableFunction files("delta_files", {LogicalType::VARCHAR}, EmitFiles, BindFiles,
                              InitFiles);
  files.projection_pushdown = true;
  files.cardinality = CountFiles;
  loader.RegisterFunction(std::move(files));
}

}  // namespace tarn::duck
