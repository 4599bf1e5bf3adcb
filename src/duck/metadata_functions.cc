#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "delta/properties.h"
#include "delta/table.h"
#include "duck/clustering.h"
#include "duck/computed_columns.h"
#include "duck/delta_scan.h"
#include "duck/delta_table_entry.h"
#include "duck/extension.h"
#include "duck/functions.h"
#include "duck/status_exception.h"
#include "duck/table_lookup.h"
#include "duckdb/function/table_function.hpp"
#include "duckdb/planner/tableref/bound_at_clause.hpp"

namespace tarn::duck {

using duckdb::LogicalType;
using duckdb::Value;
using Row = std::vector<Value>;

namespace {

// --- small results: all rows are made when the function is bound ---

struct RowsData : public duckdb::TableFunctionData {
  std::vector<Row> rows;
};

struct RowsState : public duckdb::GlobalTableFunctionState {
  size_t next = 0;
};

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> InitRows(duckdb::ClientContext&,
                                                              duckdb::TableFunctionInitInput&) {
  return duckdb::make_uniq<RowsState>();
}

void EmitRows(duckdb::ClientContext&, duckdb::TableFunctionInput& input,
              duckdb::DataChunk& output) {
  const auto& data = input.bind_data->Cast<RowsData>();
  auto& state = input.global_state->Cast<RowsState>();
  duckdb::idx_t count = 0;
  while (state.next < data.rows.size() && count < STANDARD_VECTOR_SIZE) {
    const Row& row = data.rows[state.next++];
    for (size_t column = 0; column < row.size(); ++column) {
      output.SetValue(column, count, row[column]);
    }
    ++count;
  }
  output.SetCardinality(count);
}

struct ColumnSpec {
  const char* name;
  LogicalType type;
};

void Declare(const std::vector<ColumnSpec>& columns, duckdb::vector<LogicalType>& types,
             duckdb::vector<duckdb::string>& names) {
  for (const auto& column : columns) {
    names.emplace_back(column.name);
    types.push_back(column.type);
  }
}

LogicalType TextMap() { return LogicalType::MAP(LogicalType::VARCHAR, LogicalType::VARCHAR); }
LogicalType TextList() { return LogicalType::LIST(LogicalType::VARCHAR); }

Value MapOf(const delta::StringMap& entries, bool json_values) {
  duckdb::vector<Value> keys;
  duckdb::vector<Value> values;
  for (const auto& [key, text] : entries) {
    keys.emplace_back(key);
    if (json_values) {
      const auto parsed = nlohmann::json::parse(text, nullptr, false);
      values.emplace_back(parsed.is_string() ? parsed.get<std::string>() : text);
    } else {
      values.emplace_back(text);
    }
  }
  return Value::MAP(LogicalType::VARCHAR, LogicalType::VARCHAR, std::move(keys), std::move(values));
}

Value ListOf(const std::vector<std::string>& texts) {
  duckdb::vector<Value> values;
  for (const auto& text : texts) values.emplace_back(text);
  return Value::LIST(LogicalType::VARCHAR, std::move(values));
}

Value TimeOf(int64_t millis) { return Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(millis * 1000)); }

Value TextOrNull(const std::optional<std::string>& text) {
  return text ? Value(*text) : Value(LogicalType::VARCHAR);
}
Value TextOrNull(const std::string& text) {
  return text.empty() ? Value(LogicalType::VARCHAR) : Value(text);
}

std::string NameArgument(const duckdb::TableFunctionBindInput& input, const char* function) {
  if (input.inputs[0].IsNull()) {
    throw duckdb::BinderException("%s needs the name or the path of a table, not NULL", function);
  }
  return duckdb::StringValue::Get(input.inputs[0]);
}

// --- delta_history ---

std::vector<ColumnSpec> HistoryColumns() {
  const auto text = LogicalType::VARCHAR;
  return {{"version", LogicalType::BIGINT},
          {"timestamp", LogicalType::TIMESTAMP_TZ},
          {"userId", text},
          {"userName", text},
          {"operation", text},
          {"operationParameters", TextMap()},
          {"job", LogicalType::STRUCT({{"jobId", text},
                                       {"jobName", text},
                                       {"jobRunId", text},
                                       {"runId", text},
                                       {"jobOwnerId", text},
                                       {"triggerType", text}})},
          {"notebook", LogicalType::STRUCT({{"notebookId", text}})},
          {"clusterId", text},
          {"readVersion", LogicalType::BIGINT},
          {"isolationLevel", text},
          {"isBlindAppend", LogicalType::BOOLEAN},
          {"operationMetrics", TextMap()},
          {"userMetadata", text},
          {"engineInfo", text}};
}

Row HistoryRow(const delta::HistoryEntry& entry, const std::vector<ColumnSpec>& columns) {
  const auto& info = entry.info;
  const auto raw = nlohmann::json::parse(info.raw_json, nullptr, false);
  const auto text_field = [&](const char* name) {
    const auto it = raw.is_object() ? raw.find(name) : raw.end();
    return it != raw.end() && it->is_string() ? Value(it->get<std::string>())
                                              : Value(LogicalType::VARCHAR);
  };
  return {
      Value::BIGINT(entry.version.value()),
      TimeOf(entry.timestamp_ms),
      text_field("userId"),
      text_field("userName"),
      TextOrNull(info.operation),
      MapOf(info.operation_parameters, true),
      Value(columns[6].type),
      Value(columns[7].type),
      text_field("clusterId"),
      info.read_version ? Value::BIGINT(*info.read_version) : Value(LogicalType::BIGINT),
      TextOrNull(info.isolation_level),
      info.is_blind_append ? Value::BOOLEAN(*info.is_blind_append) : Value(LogicalType::BOOLEAN),
      MapOf(info.operation_metrics, true),
      TextOrNull(info.user_metadata),
      TextOrNull(info.engine_info)};
}

duckdb::unique_ptr<duckdb::FunctionData> BindHistory(duckdb::ClientContext& context,
                                                     duckdb::TableFunctionBindInput& input,
                                                     duckdb::vector<LogicalType>& types,
                                                     duckdb::vector<duckdb::string>& names) {
  const auto columns = HistoryColumns();
  Declare(columns, types, names);
  size_t limit = 0;
  const auto it = input.named_parameters.find("max_rows");
  if (it != input.named_parameters.end() && !it->second.IsNull()) {
    limit = static_cast<size_t>(it->second.GetValue<uint64_t>());
  }
  const auto named = LookupTable(context, NameArgument(input, "delta_history"));
  auto data = duckdb::make_uniq<RowsData>();
  for (const auto& entry : ValueOrThrow(named.table->History(limit))) {
    data->rows.push_back(HistoryRow(entry, columns));
  }
  return data;
}

// --- delta_detail ---

const std::vector<ColumnSpec>& DetailColumns() {
  static const std::vector<ColumnSpec> columns = {{"format", LogicalType::VARCHAR},
                                                  {"id", LogicalType::VARCHAR},
                                                  {"name", LogicalType::VARCHAR},
                                                  {"description", LogicalType::VARCHAR},
                                                  {"location", LogicalType::VARCHAR},
                                                  {"createdAt", LogicalType::TIMESTAMP_TZ},
                                                  {"lastModified", LogicalType::TIMESTAMP_TZ},
                                                  {"partitionColumns", TextList()},
                                                  {"clusteringColumns", TextList()},
                                                  {"numFiles", LogicalType::BIGINT},
                                                  {"sizeInBytes", LogicalType::BIGINT},
                                                  {"properties", TextMap()},
                                                  {"minReaderVersion", LogicalType::INTEGER},
                                                  {"minWriterVersion", LogicalType::INTEGER},
                                                  {"tableFeatures", TextList()}};
  return columns;
}

std::vector<std::string> TableFeatures(const delta::Protocol& protocol) {
  std::vector<std::string> features;
  if (protocol.reader_features || protocol.writer_features) {
    if (protocol.reader_features) features = *protocol.reader_features;
    if (protocol.writer_features) {
      for (const auto& feature : *protocol.writer_features) {
        if (std::find(features.begin(), features.end(), feature) == features.end()) {
          features.push_back(feature);
        }
      }
    }
  } else {
    for (const auto& feature : delta::KnownFeatures()) {
      if (delta::ProtocolSupports(protocol, feature.name)) features.emplace_back(feature.name);
    }
  }
  std::sort(features.begin(), features.end());
  return features;
}

duckdb::unique_ptr<duckdb::FunctionData> BindDetail(duckdb::ClientContext& context,
                                                    duckdb::TableFunctionBindInput& input,
                                                    duckdb::vector<LogicalType>& types,
                                                    duckdb::vector<duckdb::string>& names) {
  Declare(DetailColumns(), types, names);
  const auto named = LookupTable(context, NameArgument(input, "delta_detail"));
  if (!named.snapshot) {
    throw duckdb::InvalidInputException("table %s has no version yet; COMMIT first", named.name);
  }
  const auto& snapshot = *named.snapshot;
  const auto& metadata = snapshot.metadata();
  auto data = duckdb::make_uniq<RowsData>();
  data->rows.push_back({Value("delta"), Value(metadata.id),
                        named.entry ? Value(named.name) : TextOrNull(metadata.name),
                        TextOrNull(metadata.description),
                        Value(named.table->environment().store->EnginePath(named.table->root())),
                        metadata.created_time_ms ? TimeOf(*metadata.created_time_ms)
                                                 : Value(LogicalType::TIMESTAMP_TZ),
                        TimeOf(snapshot.timestamp_ms()), ListOf(metadata.partition_columns),
                        ListOf(ClusteringColumns(snapshot)), Value::BIGINT(snapshot.num_files()),
                        Value::BIGINT(snapshot.total_size_bytes()),
                        MapOf(metadata.configuration, false),
                        Value::INTEGER(snapshot.protocol().min_reader_version),
                        Value::INTEGER(snapshot.protocol().min_writer_version),
                        ListOf(TableFeatures(snapshot.protocol()))});
  return data;
}

// --- delta_properties ---

duckdb::unique_ptr<duckdb::FunctionData> BindProperties(duckdb::ClientContext& context,
                                                        duckdb::TableFunctionBindInput& input,
                                                        duckdb::vector<LogicalType>& types,
                                                        duckdb::vector<duckdb::string>& names) {
  Declare({{"key", LogicalType::VARCHAR}, {"value", LogicalType::VARCHAR}}, types, names);
  const auto named = LookupTable(context, NameArgument(input, "delta_properties"));
  delta::StringMap shown = named.entry ? named.entry->metadata().configuration
                                       : named.snapshot->metadata().configuration;
  if (named.snapshot) {
    const auto& protocol = named.snapshot->protocol();
    shown["delta.minReaderVersion"] = std::to_string(protocol.min_reader_version);
    shown["delta.minWriterVersion"] = std::to_string(protocol.min_writer_version);
    if (protocol.writer_features) {
      for (const auto& feature : *protocol.writer_features) {
        shown["delta.feature." + feature] = "supported";
      }
    }
  }
  auto data = duckdb::make_uniq<RowsData>();
  for (const auto& [key, value] : shown) data->rows.push_back({Value(key), Value(value)});
  return data;
}

// --- delta_columns ---

// What CREATE TABLE would say of a column's values; "" for plain columns.
std::string ValueClause(const delta::StructField& field, duckdb::idx_t position) {
  if (const auto text = field.StringMetadata("delta.generationExpression")) {
    return "GENERATED ALWAYS AS (" + *text + ")";
  }
  if (const auto identity = IdentityOf(field, position)) {
    return std::string("GENERATED ") + (identity->allow_explicit ? "BY DEFAULT" : "ALWAYS") +
           " AS IDENTITY (START WITH " + std::to_string(identity->start) + " INCREMENT BY " +
           std::to_string(identity->step) + ")";
  }
  if (const auto text = field.StringMetadata("CURRENT_DEFAULT")) return "DEFAULT " + *text;
  return "";
}

duckdb::unique_ptr<duckdb::FunctionData> BindColumns(duckdb::ClientContext& context,
                                                     duckdb::TableFunctionBindInput& input,
                                                     duckdb::vector<LogicalType>& types,
                                                     duckdb::vector<duckdb::string>& names) {
  Declare({{"place", LogicalType::BIGINT},
           {"column_name", LogicalType::VARCHAR},
           {"value_clause", LogicalType::VARCHAR}},
          types, names);
  const auto named = LookupTable(context, NameArgument(input, "delta_columns"));
  const auto& fields =
      named.entry ? named.entry->delta_schema().fields : named.snapshot->schema().fields;
  auto data = duckdb::make_uniq<RowsData>();
  for (duckdb::idx_t i = 0; i < fields.size(); ++i) {
    const std::string clause = ValueClause(fields[i], i);
    data->rows.push_back({Value::BIGINT(static_cast<int64_t>(i)), Value(fields[i].name),
                          clause.empty() ? Value(LogicalType::VARCHAR) : Value(clause)});
  }
  return data;
}

// --- delta_scan(path) ---

duckdb::unique_ptr<duckdb::FunctionData> BindScan(duckdb::ClientContext& context,
                                                  duckdb::TableFunctionBindInput& input,
                                                  duckdb::vector<LogicalType>& types,
                                                  duckdb::vector<duckdb::string>& names) {
  const std::string name = NameArgument(input, "delta_scan");
  auto table = ValueOrThrow(ExtensionState::Get(context).TableAtPath(name));
  delta::TableVersionPtr version;
  for (const auto& [key, value] : input.named_parameters) {
    if (value.IsNull()) continue;
    if (version) {
      throw duckdb::BinderException("delta_scan takes version or timestamp, not both");
    }
    version = std::make_shared<delta::TableVersion>(
        SnapshotAt(context, *table, duckdb::BoundAtClause(key, value)));
  }
  if (!version) {
    auto latest = table->LatestVersion();
    ThrowIfError(latest.status().WithContext(name));
    version = std::move(latest).value();
  }
  const auto& definition = version->definition();
  auto info =
      MakeScanInfo(name, table, version, definition.schema(), definition.metadata(), nullptr);
  for (const auto& column : info->names) names.push_back(column);
  for (const auto& type : info->types) types.push_back(type);
  return std::move(BindDeltaScan(context, std::move(info)).bind_data);
}

duckdb::TableFunction RowsFunction(const char* name, duckdb::table_function_bind_t bind) {
  return duckdb::TableFunction(name, {LogicalType::VARCHAR}, EmitRows, bind, InitRows);
}

}  // namespace

void RegisterMetadataFunctions(duckdb::ExtensionLoader& loader) {
  auto history = RowsFunction("delta_history", BindHistory);
  history.named_parameters["max_rows"] = LogicalType::UBIGINT;
  loader.RegisterFunction(std::move(history));
  loader.RegisterFunction(RowsFunction("delta_detail", BindDetail));
  loader.RegisterFunction(RowsFunction("delta_properties", BindProperties));
  loader.RegisterFunction(RowsFunction("delta_columns", BindColumns));

  duckdb::TableFunction scan = DeltaScanFunction(loader.GetDatabaseInstance());
  scan.bind = BindScan;
  scan.named_parameters.clear();
  scan.named_parameters["version"] = LogicalType::BIGINT;
  scan.named_parameters["timestamp"] = LogicalType::ANY;
  loader.RegisterFunction(std::move(scan));
  RegisterFilesFunction(loader);
}

}  // namespace tarn::duck
