#include "duck/checkpoint_write.h"

#include <utility>
#include <vector>

#include "duck/store_file_system.h"
#include "duckdb/catalog/catalog_entry/copy_function_catalog_entry.hpp"
#include "duckdb/common/error_data.hpp"
#include "duckdb/function/copy_function.hpp"
#include "duckdb/main/connection.hpp"
#include "duckdb/parallel/thread_context.hpp"
#include "duckdb/parser/parsed_data/copy_info.hpp"

namespace tarn::duck {
namespace {

using duckdb::FlatVector;
using duckdb::idx_t;
using duckdb::ListVector;
using duckdb::LogicalType;
using duckdb::StringVector;
using duckdb::StructVector;
using duckdb::Vector;

constexpr uint64_t kRowGroupRows = 20'480;

LogicalType StringMapType() { return LogicalType::MAP(LogicalType::VARCHAR, LogicalType::VARCHAR); }
LogicalType StringListType() { return LogicalType::LIST(LogicalType::VARCHAR); }

LogicalType DeletionVectorType() {
  return LogicalType::STRUCT({{"storageType", LogicalType::VARCHAR},
                              {"pathOrInlineDv", LogicalType::VARCHAR},
                              {"offset", LogicalType::INTEGER},
                              {"sizeInBytes", LogicalType::INTEGER},
                              {"cardinality", LogicalType::BIGINT}});
}

// Columns of the file, in this order.
enum Column : idx_t { kTxn, kAdd, kRemove, kMetaData, kProtocol, kDomain, kColumns };
const char* const kColumnNames[] = {"txn",      "add",      "remove",
                                    "metaData", "protocol", "domainMetadata"};

duckdb::vector<LogicalType> ColumnTypes() {
  const auto text = LogicalType::VARCHAR;
  const auto number = LogicalType::BIGINT;
  const auto flag = LogicalType::BOOLEAN;
  duckdb::vector<LogicalType> types(kColumns);
  types[kTxn] =
      LogicalType::STRUCT({{"appId", text}, {"version", number}, {"lastUpdated", number}});
  types[kAdd] = LogicalType::STRUCT({{"path", text},
                                     {"partitionValues", StringMapType()},
                                     {"size", number},
                                     {"modificationTime", number},
                                     {"dataChange", flag},
                                     {"tags", StringMapType()},
                                     {"deletionVector", DeletionVectorType()},
                                     {"baseRowId", number},
                                     {"defaultRowCommitVersion", number},
                                     {"clusteringProvider", text},
                                     {"stats", text}});
  types[kRemove] = LogicalType::STRUCT({{"path", text},
                                        {"deletionTimestamp", number},
                                        {"dataChange", flag},
                                        {"extendedFileMetadata", flag},
                                        {"partitionValues", StringMapType()},
                                        {"size", number},
                                        {"deletionVector", DeletionVectorType()},
                                        {"baseRowId", number},
                                        {"defaultRowCommitVersion", number},
                                        {"stats", text},
                                        {"tags", StringMapType()}});
  types[kMetaData] = LogicalType::STRUCT(
      {{"id", text},
       {"name", text},
       {"description", text},
       {"format", LogicalType::STRUCT({{"provider", text}, {"options", StringMapType()}})},
       {"schemaString", text},
       {"partitionColumns", StringListType()},
       {"configuration", StringMapType()},
       {"createdTime", number}});
  types[kProtocol] = LogicalType::STRUCT({{"minReaderVersion", LogicalType::INTEGER},
                                          {"minWriterVersion", LogicalType::INTEGER},
                                          {"readerFeatures", StringListType()},
                                          {"writerFeatures", StringListType()}});
  types[kDomain] =
      LogicalType::STRUCT({{"domain", text}, {"configuration", text}, {"removed", flag}});
  return types;
}

// Sets fields of one struct column at one row, in the order of its type.
class StructRow {
 public:
  StructRow(Vector& column, idx_t row) : fields_(StructVector::GetEntries(column)), row_(row) {}
  void Text(const std::string& value) {
    Vector& field = Next();
    FlatVector::GetData<duckdb::string_t>(field)[row_] =
        StringVector::AddStringOrBlob(field, value.data(), value.size());
  }
  void Text(const std::optional<std::string>& value) { value ? Text(*value) : Null(); }
  void TextOrNull(const std::string& value) { value.empty() ? Null() : Text(value); }
  void Long(int64_t value) { FlatVector::GetData<int64_t>(Next())[row_] = value; }
  void Long(const std::optional<int64_t>& value) { value ? Long(*value) : Null(); }
  void Int(int32_t value) { FlatVector::GetData<int32_t>(Next())[row_] = value; }
  void Flag(bool value) { FlatVector::GetData<bool>(Next())[row_] = value; }
  void Null() { FlatVector::SetNull(Next(), row_, true); }
  StructRow Struct() { return StructRow(Next(), row_); }

  // Works for StringMap and PartitionValues.
  template <typename Map>
  void Pairs(const Map& map) {
    Vector& field = Next();
    const idx_t begin = ListVector::GetListSize(field);
    ListVector::Reserve(field, begin + map.size());
    auto& entries = StructVector::GetEntries(ListVector::GetEntry(field));
    idx_t at = begin;
    for (const auto& [key, value] : map) {
      PutText(*entries[0], at, key);
      PutOptional(*entries[1], at, value);
      ++at;
    }
    Close(field, begin, map.size());
  }
  template <typename Map>
  void PairsOrNull(const Map& map) {
    map.empty() ? Null() : Pairs(map);
  }
  void Texts(const std::vector<std::string>& values) {
    Vector& field = Next();
    const idx_t begin = ListVector::GetListSize(field);
    ListVector::Reserve(field, begin + values.size());
    Vector& entries = ListVector::GetEntry(field);
    for (idx_t i = 0; i < values.size(); ++i) PutText(entries, begin + i, values[i]);
    Close(field, begin, values.size());
  }
  void Texts(const std::optional<std::vector<std::string>>& values) {
    values ? Texts(*values) : Null();
  }

 private:
  static void PutText(Vector& vector, idx_t at, const std::string& value) {
    FlatVector::GetData<duckdb::string_t>(vector)[at] =
        StringVector::AddStringOrBlob(vector, value.data(), value.size());
  }
  static void PutOptional(Vector& vector, idx_t at, const std::string& value) {
    PutText(vector, at, value);
  }
  static void PutOptional(Vector& vector, idx_t at, const std::optional<std::string>& value) {
    value ? PutText(vector, at, *value) : FlatVector::SetNull(vector, at, true);
  }
  void Close(Vector& field, idx_t begin, idx_t count) {
    FlatVector::GetData<duckdb::list_entry_t>(field)[row_] = {begin, count};
    ListVector::SetListSize(field, begin + count);
  }
  Vector& Next() { return *fields_[next_++]; }

  duckdb::vector<duckdb::unique_ptr<Vector>>& fields_;
  idx_t row_;
  idx_t next_ = 0;
};

void PutDeletionVector(StructRow& row,
                       const std::optional<delta::DeletionVectorDescriptor>& vector) {
  if (!vector) {
    row.Null();
    return;
  }
  StructRow fields = row.Struct();
  fields.Text(std::string(1, vector->storage_type));
  fields.Text(vector->path_or_inline);
  vector->offset ? fields.Int(*vector->offset) : fields.Null();
  fields.Int(vector->size_bytes);
  fields.Long(vector->cardinality);
}

void Put(Vector& column, idx_t at, const delta::AddFile& add) {
  StructRow row(column, at);
  row.Text(add.path);
  row.Pairs(add.partition_values);
  row.Long(add.size_bytes);
  row.Long(add.modification_time_ms);
  row.Flag(false);  // a checkpoint restates, it changes nothing
  row.PairsOrNull(add.tags);
  PutDeletionVector(row, add.deletion_vector);
  row.Long(add.base_row_id);
  row.Long(add.default_row_commit_version);
  row.Text(add.clustering_provider);
  row.TextOrNull(add.stats);
}

void Put(Vector& column, idx_t at, const delta::RemoveFile& remove) {
  StructRow row(column, at);
  row.Text(remove.path);
  row.Long(remove.deletion_timestamp_ms);
  row.Flag(false);
  row.Flag(remove.extended_file_metadata);
  remove.extended_file_metadata ? row.Pairs(remove.partition_values) : row.Null();
  row.Long(remove.size_bytes);
  PutDeletionVector(row, remove.deletion_vector);
  row.Long(remove.base_row_id);
  row.Long(remove.default_row_commit_version);
  row.TextOrNull(remove.stats);
  row.PairsOrNull(remove.tags);
}

void Put(Vector& column, idx_t at, const delta::Metadata& metadata) {
  StructRow row(column, at);
  row.Text(metadata.id);
  row.Text(metadata.name);
  row.Text(metadata.description);
  StructRow format = row.Struct();
  format.Text(metadata.format_provider);
  format.Pairs(metadata.format_options);
  row.Text(metadata.schema_string);
  row.Texts(metadata.partition_columns);
  row.Pairs(metadata.configuration);
  row.Long(metadata.created_time_ms);
}

void Put(Vector& column, idx_t at, const delta::Protocol& protocol) {
  StructRow row(column, at);
  row.Int(protocol.min_reader_version);
  row.Int(protocol.min_writer_version);
  row.Texts(protocol.reader_features);
  row.Texts(protocol.writer_features);
}

void Put(Vector& column, idx_t at, const delta::SetTransaction& txn) {
  StructRow row(column, at);
  row.Text(txn.app_id);
  row.Long(txn.version);
  row.Long(txn.last_updated_ms);
}

void Put(Vector& column, idx_t at, const delta::DomainMetadata& domain) {
  StructRow row(column, at);
  row.Text(domain.domain);
  row.Text(domain.configuration);
  row.Flag(domain.removed);
}

// Which column an action goes to; kColumns when a V1 checkpoint cannot hold it.
Column ColumnOf(const delta::Action& action) {
  if (std::holds_alternative<delta::AddFile>(action)) return kAdd;
  if (std::holds_alternative<delta::RemoveFile>(action)) return kRemove;
  if (std::holds_alternative<delta::Metadata>(action)) return kMetaData;
  if (std::holds_alternative<delta::Protocol>(action)) return kProtocol;
  if (std::holds_alternative<delta::SetTransaction>(action)) return kTxn;
  if (std::holds_alternative<delta::DomainMetadata>(action)) return kDomain;
  return kColumns;
}

Status PutAction(duckdb::DataChunk& chunk, idx_t at, const delta::Action& action) {
  const Column column = ColumnOf(action);
  if (column == kColumns) {
    return Status::Internal(
        "a checkpoint holds neither commitInfo, cdc, sidecar nor checkpointMetadata");
  }
  for (idx_t i = 0; i < kColumns; ++i) {
    if (i != column) FlatVector::SetNull(chunk.data[i], at, true);
  }
  Vector& target = chunk.data[column];
  switch (column) {
    case kAdd: Put(target, at, std::get<delta::AddFile>(action)); break;
    case kRemove: Put(target, at, std::get<delta::RemoveFile>(action)); break;
    case kMetaData: Put(target, at, std::get<delta::Metadata>(action)); break;
    case kProtocol: Put(target, at, std::get<delta::Protocol>(action)); break;
    case kTxn: Put(target, at, std::get<delta::SetTransaction>(action)); break;
    default: Put(target, at, std::get<delta::DomainMetadata>(action)); break;
  }
  return Status::Ok();
}

// Runs inside a DuckDB transaction of `context`; throws DuckDB's exceptions.
Status CopyActions(duckdb::ClientContext& context, const std::string& path,
                   const std::function<Result<std::optional<delta::Action>>()>& next) {
  auto& entry =
      duckdb::Catalog::GetSystemCatalog(context).GetEntry<duckdb::CopyFunctionCatalogEntry>(
          context, DEFAULT_SCHEMA, "parquet");
  auto& copy = entry.function;
  const duckdb::vector<LogicalType> types = ColumnTypes();
  const duckdb::vector<std::string> names(std::begin(kColumnNames), std::end(kColumnNames));
  duckdb::CopyInfo info;
  info.format = "parquet";
  info.options["compression"].emplace_back("snappy");
  info.options["write_bloom_filter"].emplace_back(duckdb::Value::BOOLEAN(false));
  // A column of a row group is one page, which a reader holds unpacked: statistics are long.
  info.options["row_group_size"].emplace_back(duckdb::Value::UBIGINT(kRowGroupRows));
  duckdb::CopyFunctionBindInput input(info);
  auto bind = copy.copy_to_bind(context, input, names, types);
  auto global = copy.copy_to_initialize_global(context, *bind, path);
  duckdb::ThreadContext thread(context);
  duckdb::ExecutionContext execution(context, thread, nullptr);
  auto local = copy.copy_to_initialize_local(execution, *bind);

  duckdb::DataChunk chunk;
  chunk.Initialize(context, types);
  idx_t rows = 0;
  const auto flush = [&] {
    if (rows == 0) return;
    chunk.SetCardinality(rows);
    copy.copy_to_sink(execution, *bind, *global, *local, chunk);
    chunk.Reset();
    rows = 0;
  };
  for (;;) {
    TARN_ASSIGN_OR_RETURN(auto action, next());
    if (!action) break;
    TARN_RETURN_IF_ERROR(PutAction(chunk, rows, *action));
    if (++rows == STANDARD_VECTOR_SIZE) flush();
  }
  flush();
  copy.copy_to_combine(execution, *bind, *global, *local);
  copy.copy_to_finalize(context, *bind, *global);
  return Status::Ok();
}

}  // namespace

Status CheckpointError(const std::exception& error, const std::string& key, StatusCode damaged) {
  const duckdb::ErrorData data(error);
  std::string text = data.RawMessage();
  if (const size_t line = text.find('\n'); line != std::string::npos) text.resize(line);
  // The name the file has inside DuckDB says nothing to anybody.
  for (size_t at = text.find("tarnstore://"); at != std::string::npos;
       at = text.find("tarnstore://", at)) {
    text.erase(at, text.find('/', at + 12) + 1 - at);
  }
  const std::string message = "checkpoint " + key + ": " + text;
  switch (data.Type()) {
    case duckdb::ExceptionType::OUT_OF_MEMORY:
      return Status::Resource(message + "; raise memory_limit");
    case duckdb::ExceptionType::INTERRUPT: return Status::Cancelled(message);
    case duckdb::ExceptionType::PERMISSION: return Status::Permission(message);
    default: return Status(damaged, message);
  }
}

Result<uint64_t> WriteCheckpointFile(
    duckdb::DatabaseInstance& db, store::ObjectStore& store, const std::string& key,
    const std::function<Result<std::optional<delta::Action>>()>& next) {
  StoreMount mount(store);
  Status status;
  try {
    duckdb::Connection connection(db);
    connection.context->RunFunctionInTransaction(
        [&] { status = CopyActions(*connection.context, mount.Path(key), next); });
  } catch (const std::exception& error) {
    return CheckpointError(error, key, StatusCode::kIo);
  }
  TARN_RETURN_IF_ERROR(status);
  TARN_ASSIGN_OR_RETURN(auto info, store.Head(key));
  return info.size_bytes;
}

}  // namespace tarn::duck
