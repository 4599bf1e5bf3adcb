#include "duck/data_writer.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/random.h"
#include "delta/path_key.h"
#include "delta/value.h"
#include "duck/data_file_name.h"
#include "duck/partition_gather.h"
#include "duck/stats_collect.h"
#include "duck/status_exception.h"
#include "duck/store_file_system.h"
#include "duck/types.h"
#include "duckdb/catalog/catalog_entry/copy_function_catalog_entry.hpp"
#include "duckdb/common/hive_partitioning.hpp"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/function/copy_function.hpp"
#include "duckdb/function/function_binder.hpp"
#include "duckdb/main/settings.hpp"
#include "duckdb/parallel/task_executor.hpp"
#include "duckdb/parallel/task_scheduler.hpp"
#include "duckdb/parser/parsed_data/copy_info.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"
#include "duckdb/storage/buffer_manager.hpp"
#include "parquet_writer.hpp"

namespace tarn::duck {

using duckdb::DataChunk;
using duckdb::idx_t;
using duckdb::Value;

namespace {

constexpr idx_t kMaxRowGroupBytes = idx_t{128} << 20;
constexpr idx_t kMinRowGroupBytes = idx_t{8} << 20;
// More partitions than this are not buffered one by one: all rows are gathered.
constexpr idx_t kMaxBufferedPartitions = 1000;

struct KeyHash {
  size_t operator()(const PartitionKey& key) const {
    duckdb::hash_t hash = 0;
    for (const Value& value : key) hash = hash * 31 + value.Hash();
    return hash;
  }
};
struct KeyEqual {
  bool operator()(const PartitionKey& a, const PartitionKey& b) const {
    return SamePartition(a, b);
  }
};

struct OpenFile {
  std::string key;
  delta::PartitionValues partition_values;
  std::once_flag opened;
  duckdb::unique_ptr<duckdb::GlobalFunctionData> state;
  duckdb::CopyFunctionFileStatistics statistics;
  int active = 0;        // threads inside, guarded by Shared::mutex
  bool retired = false;  // no new rows; the last thread out closes it
  bool closed = false;
};
using OpenFilePtr = std::shared_ptr<OpenFile>;

}  // namespace

struct DataWriter::Shared {
  Shared(duckdb::ClientContext& context, NoteFile note_file,
         std::shared_ptr<const WriteTarget> target, FileKind kind,
         std::optional<delta::PartitionValues> partition)
      : context(context),
        note_file(std::move(note_file)),
        target(std::move(target)),
        kind(kind),
        partition(std::move(partition)),
        mount(*this->target->table->environment().store) {}

  duckdb::ClientContext& context;
  NoteFile note_file;
  std::shared_ptr<const WriteTarget> target;
  FileKind kind;
  std::optional<delta::PartitionValues> partition;
  StoreMount mount;
  duckdb::CopyFunction* copy = nullptr;
  duckdb::unique_ptr<duckdb::FunctionData> bind;
  duckdb::vector<duckdb::LogicalType> row_types;  // of the chunks
  std::vector<idx_t> file_positions;              // of file columns in the chunks
  std::string suffix;                             // "-c000.snappy.parquet"
  idx_t max_open_files = 100;
  idx_t flush_rows = 524288;
  idx_t row_group_bytes = kMaxRowGroupBytes;  // before encoding
  duckdb::shared_ptr<duckdb::GlobalHivePartitionState> partitions;
  uint64_t file_bytes = 0;
  // Rows of partitions that come when `max_open_files` are open already.
  std::unique_ptr<PartitionGather> gather;
  std::atomic<bool> gather_all{false};
  bool draining = false;  // Finish is handing out what was gathered

  std::mutex mutex;
  std::unordered_map<PartitionKey, OpenFilePtr, KeyHash, KeyEqual> current;
  std::vector<OpenFilePtr> files;

  std::string ObjectKey(const OpenFile& file) const {
    const std::string& root = target->table->root();
    return root.empty() ? file.key : root + "/" + file.key;
  }
  bool partitioned() const { return !partition && !target->partition_columns.empty(); }

  // The partition's file; null when the row has to be gathered first.
  OpenFilePtr Acquire(const PartitionKey& key);
  // `finished`: the file's partition, when no more rows of it will come.
  void Release(const OpenFilePtr& file, const PartitionKey* finished = nullptr);
  void Close(OpenFile& file);
  OpenFilePtr MakeFile(const PartitionKey& key);
  void Drain(duckdb::ClientContext& client);
  WrittenFile Describe(OpenFile& file) const;
  void FileRows(DataChunk& rows, DataChunk* out) const;
  void BindVariants();
  // VARIANT columns of the file, as bytes.
  duckdb::unique_ptr<duckdb::Expression> variant_bytes;  // over a chunk of one VARIANT column
};

class DataWriter::Local {
 public:
  duckdb::unique_ptr<duckdb::LocalFunctionData> copy_state;  // unpartitioned
  duckdb::unique_ptr<duckdb::HivePartitionedColumnData> buffer;
  duckdb::unique_ptr<duckdb::PartitionedColumnDataAppendState> append;
  PartitionGather::Local gathered;
  idx_t buffered = 0;
  idx_t rows = 0;
};

void DataWriter::LocalDeleter::operator()(Local* local) const { delete local; }

DataWriter::DataWriter(duckdb::ClientContext& context, LakeTransaction& transaction,
                       std::shared_ptr<const WriteTarget> target, FileKind kind)
    : DataWriter(
          context,
          [&transaction, table = target->table](const std::string& key) {
            transaction.NoteWrittenFile(table, key);
          },
          target, kind, std::nullopt) {}

DataWriter::DataWriter(duckdb::ClientContext& context, NoteFile note_file,
                       std::shared_ptr<const WriteTarget> target, FileKind kind,
                       std::optional<delta::PartitionValues> partition)
    : shared_(std::make_unique<Shared>(context, std::move(note_file), std::move(target), kind,
                                       std::move(partition))) {
  Shared& s = *shared_;
  auto& entry =
      duckdb::Catalog::GetSystemCatalog(context).GetEntry<duckdb::CopyFunctionCatalogEntry>(
          context, DEFAULT_SCHEMA, "parquet");
  s.copy = &entry.function;
  s.row_types = s.target->types;
  s.file_positions.assign(s.target->file_columns.begin(), s.target->file_columns.end());
  duckdb::vector<std::string> names = s.target->file_names;
  duckdb::vector<duckdb::LogicalType> types = s.target->file_types;
  if (kind == FileKind::kChangeData) {
    s.file_positions.push_back(s.row_types.size());
    s.row_types.push_back(duckdb::LogicalType::VARCHAR);
    names.push_back("_change_type");
    types.push_back(duckdb::LogicalType::VARCHAR);
  } else if (kind == FileKind::kMovedData) {
    for (const auto& name : {s.target->row_id_column, s.target->row_version_column}) {
      s.file_positions.push_back(s.row_types.size());
      s.row_types.push_back(duckdb::LogicalType::BIGINT);
      names.push_back(name);
      types.push_back(duckdb::LogicalType::BIGINT);
    }
  }
  for (const auto& type : s.target->types) {
    if (type.id() == duckdb::LogicalTypeId::VARIANT && !s.variant_bytes) s.BindVariants();
  }
  const std::string codec = ParquetCodec(s.target->properties.compression_codec);
  duckdb::CopyInfo info;
  info.format = "parquet";
  info.options["compression"].emplace_back(codec);
  info.options["geoparquet_version"].emplace_back("NONE");
  Value ids = s.target->FieldIds();
  if (!ids.IsNull()) info.options["field_ids"].push_back(std::move(ids));
  duckdb::CopyFunctionBindInput input(info);
  s.bind = s.copy->copy_to_bind(context, input, names, types);
  s.suffix = (kind != FileKind::kChangeData ? "-c000" : ".c000") + CodecSuffix(codec);
  s.max_open_files = duckdb::Settings::Get<duckdb::PartitionedWriteMaxOpenFilesSetting>(context);
  // A row group is encoded in memory, several at a time: small limits ask for small ones.
  const idx_t threads = duckdb::TaskScheduler::GetScheduler(context).NumberOfThreads();
  const idx_t memory = duckdb::BufferManager::GetBufferManager(context).GetMaxMemory();
  s.row_group_bytes = std::clamp(memory / (16 * threads), kMinRowGroupBytes, kMaxRowGroupBytes);
  s.flush_rows = duckdb::Settings::Get<duckdb::PartitionedWriteFlushThresholdSetting>(context);
  s.file_bytes = s.partition ? s.target->target_file_bytes : s.target->written_file_bytes;
  if (!s.partitioned()) return;
  s.partitions = duckdb::make_shared_ptr<duckdb::GlobalHivePartitionState>();
  const auto& columns = s.target->partition_columns;
  s.gather = std::make_unique<PartitionGather>(
      context, s.row_types, duckdb::vector<idx_t>(columns.begin(), columns.end()));
}

DataWriter::~DataWriter() = default;

DataWriter::LocalPtr DataWriter::MakeLocal() const { return LocalPtr(new Local()); }

namespace {

// The text of a known partition, taken over as it stands.
std::optional<std::string> ValueIn(const delta::PartitionValues& partition,
                                   const std::string& name) {
  const auto found = partition.find(name);
  return found == partition.end() ? std::nullopt : found->second;
}

}  // namespace

OpenFilePtr DataWriter::Shared::MakeFile(const PartitionKey& key) {
  auto file = std::make_shared<OpenFile>();
  Random& random = *target->table->environment().random;
  std::string folder;
  if (target->random_prefix) {
    static const char* const kLetters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    folder = {kLetters[random.Uniform(62)], kLetters[random.Uniform(62)], '/'};
  }
  for (size_t i = 0; i < target->partition_columns.size(); ++i) {
    const auto& field = target->schema.fields[target->partition_columns[i]];
    const std::string& name = field.PhysicalName(target->mapped());
    auto text =
        partition ? ValueIn(*partition, name)
                  : ValueOrThrow(delta::SerializePartitionValue(ToDeltaValue(key[i]), *field.type));
    if (!target->random_prefix) folder += PartitionFolder(name, text) + "/";
    file->partition_values[name] = std::move(text);
  }
  const std::string leaf = kind != FileKind::kChangeData ? "part-00000-" : "cdc-00000-";
  file->key = (kind != FileKind::kChangeData ? "" : "_change_data/") + folder + leaf +
              MakeUuid(random) + suffix;
  return file;
}

OpenFilePtr DataWriter::Shared::Acquire(const PartitionKey& key) {
  OpenFilePtr file;
  std::vector<OpenFilePtr> to_close;
  {
    std::lock_guard<std::mutex> guard(mutex);
    auto found = current.find(key);
    if (found != current.end()) {
      auto& candidate = found->second;
      const bool full =
          candidate->state && copy->rotate_next_file(*candidate->state, *bind, file_bytes);
      if (!full) {
        ++candidate->active;
        file = candidate;
      } else {
        candidate->retired = true;
        if (candidate->active == 0) to_close.push_back(candidate);
        current.erase(found);
      }
    }
    if (!file) {
      // Those that are open stay so: their partitions' rows may come at any time.
      if (gather && !draining && current.size() >= max_open_files) return nullptr;
      file = MakeFile(key);
      file->active = 1;
      current[key] = file;
      files.push_back(file);
    }
  }
  for (auto& surplus : to_close) Close(*surplus);
  std::call_once(file->opened, [&] {
    const std::string object = ObjectKey(*file);
    note_file(object);
    auto state = copy->copy_to_initialize_global(context, *bind, mount.Path(object));
    copy->copy_to_get_written_statistics(context, *bind, *state, file->statistics);
    std::lock_guard<std::mutex> guard(mutex);
    file->state = std::move(state);
  });
  return file;
}

void DataWriter::Shared::Close(OpenFile& file) {
  if (file.closed || !file.state) return;
  file.closed = true;
  copy->copy_to_finalize(context, *bind, *file.state);
  file.state.reset();
}

void DataWriter::Shared::Release(const OpenFilePtr& file, const PartitionKey* finished) {
  bool close = false;
  {
    std::lock_guard<std::mutex> guard(mutex);
    --file->active;
    if (finished && !file->retired) {
      file->retired = true;
      current.erase(*finished);
    }
    close = file->retired && file->active == 0;
  }
  if (close) Close(*file);
}

void DataWriter::Shared::FileRows(DataChunk& rows, DataChunk* out) const {
  duckdb::vector<duckdb::LogicalType> types;
  for (const idx_t position : file_positions) types.push_back(rows.data[position].GetType());
  for (auto& type : types) {
    if (type.id() == duckdb::LogicalTypeId::VARIANT) type = VariantFileType();
  }
  out->InitializeEmpty(types);
  for (size_t i = 0; i < file_positions.size(); ++i) {
    auto& column = rows.data[file_positions[i]];
    if (column.GetType().id() != duckdb::LogicalTypeId::VARIANT) {
      out->data[i].Reference(column);
      continue;
    }
    DataChunk one;
    one.InitializeEmpty({column.GetType()});
    one.data[0].Reference(column);
    one.SetCardinality(rows.size());
    duckdb::Vector bytes(variant_bytes->return_type, rows.size());
    duckdb::ExpressionExecutor(context, *variant_bytes).ExecuteExpression(one, bytes);
    bytes.Flatten(rows.size());
    duckdb::UnifiedVectorFormat given;
    column.ToUnifiedFormat(rows.size(), given);
    for (idx_t row = 0; row < rows.size(); ++row) {
      // A missing value is not a variant that holds null.
      if (given.validity.RowIsValid(given.sel->get_index(row))) continue;
      duckdb::FlatVector::SetNull(bytes, row, true);
    }
    out->data[i].Reinterpret(bytes);
  }
  out->SetCardinality(rows.size());
}

void DataWriter::Shared::BindVariants() {
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> arguments;
  arguments.push_back(duckdb::make_uniq<duckdb::BoundReferenceExpression>(
      duckdb::LogicalType::VARIANT(), duckdb::storage_t(0)));
  duckdb::ErrorData error;
  duckdb::FunctionBinder binder(context);
  variant_bytes = binder.BindScalarFunction(DEFAULT_SCHEMA, "variant_to_parquet_variant",
                                            std::move(arguments), error);
  if (!variant_bytes) error.Throw();
}

WrittenFile DataWriter::Shared::Describe(OpenFile& file) const {
  WrittenFile out;
  out.path = delta::UriEncodePath(file.key);
  out.partition_values = file.partition_values;
  out.size_bytes = static_cast<int64_t>(file.statistics.file_size_bytes);
  out.rows = static_cast<int64_t>(file.statistics.row_count);
  if (kind != FileKind::kChangeData) out.stats = StatsJson(*target, file.statistics);
  return out;
}

namespace {

// Row groups of wide rows are cut by size, not only by count.
void FlushWideRows(duckdb::GlobalFunctionData& global, duckdb::LocalFunctionData& local,
                   idx_t row_group_bytes) {
  auto& rows = local.Cast<duckdb::ParquetWriteLocalState>();
  if (rows.buffer.SizeInBytes() < row_group_bytes) return;
  auto& file = global.Cast<duckdb::ParquetWriteGlobalState>();
  rows.append_state.current_chunk_state.handles.clear();
  file.writer->Flush(rows.buffer, rows.transform_data);
  rows.buffer.InitializeAppend(rows.append_state);
}

// Hands a thread's rows to the file. DuckDB gathers small remainders per file by count alone; here
// also by size, or a few thousand wide rows of every open partition would wait in memory.
template <typename Shared>
void CombineRows(duckdb::ExecutionContext& context, Shared& s, duckdb::GlobalFunctionData& global,
                 duckdb::LocalFunctionData& local) {
  s.copy->copy_to_combine(context, *s.bind, global, local);
  auto& file = global.Cast<duckdb::ParquetWriteGlobalState>();
  std::unique_lock<std::mutex> guard(file.lock);
  if (!file.combine_buffer || file.combine_buffer->SizeInBytes() < s.row_group_bytes) return;
  auto rows = std::move(file.combine_buffer);
  guard.unlock();
  file.writer->Flush(*rows, local.Cast<duckdb::ParquetWriteLocalState>().transform_data);
}

// Moves a thread's buffered partitions into the files.
template <typename Shared, typename Local>
void FlushPartitions(duckdb::ExecutionContext& context, Shared& s, Local& local) {
  if (!local.buffer) return;
  local.buffer->FlushAppendState(*local.append);
  auto& partitions = local.buffer->GetPartitions();
  const auto keys = local.buffer->GetReverseMap();
  for (idx_t i = 0; i < partitions.size(); ++i) {
    const auto key = keys.find(i);
    if (key == keys.end() || !partitions[i] || partitions[i]->Count() == 0) continue;
    const auto file = s.Acquire(key->second->values);
    if (!file) {
      for (auto& chunk : partitions[i]->Chunks()) s.gather->Sink(local.gathered, chunk);
      partitions[i].reset();
      continue;
    }
    auto copy_state = s.copy->copy_to_initialize_local(context, *s.bind);
    for (auto& chunk : partitions[i]->Chunks()) {
      DataChunk rows;
      s.FileRows(chunk, &rows);
      s.copy->copy_to_sink(context, *s.bind, *file->state, *copy_state, rows);
      FlushWideRows(*file->state, *copy_state, s.row_group_bytes);
    }
    CombineRows(context, s, *file->state, *copy_state);
    partitions[i].reset();
    s.Release(file);
  }
  local.append.reset();
  local.buffer.reset();
  local.buffered = 0;
}

idx_t BufferedBytes(duckdb::HivePartitionedColumnData& buffer) {
  idx_t bytes = 0;
  for (const auto& partition : buffer.GetPartitions()) {
    if (partition) bytes += partition->SizeInBytes();
  }
  return bytes;
}

class CloseTask : public duckdb::BaseExecutorTask {
 public:
  CloseTask(duckdb::TaskExecutor& executor, std::function<void()> work)
      : BaseExecutorTask(executor), work_(std::move(work)) {}
  void ExecuteTask() override { work_(); }

 private:
  std::function<void()> work_;
};

}  // namespace

void DataWriter::Sink(duckdb::ExecutionContext& context, Local& local, DataChunk& rows) {
  if (rows.size() == 0) return;
  Shared& s = *shared_;
  local.rows += rows.size();
  if (s.gather_all) {
    FlushPartitions(context, s, local);
    s.gather->Sink(local.gathered, rows);
    return;
  }
  if (s.partitioned()) {
    if (!local.buffer) {
      duckdb::vector<idx_t> columns(s.target->partition_columns.begin(),
                                    s.target->partition_columns.end());
      local.buffer = duckdb::make_uniq<duckdb::HivePartitionedColumnData>(
          context.client, s.row_types, columns, s.partitions);
      local.append = duckdb::make_uniq<duckdb::PartitionedColumnDataAppendState>();
      local.buffer->InitializeAppendState(*local.append);
    }
    local.buffer->Append(*local.append, rows);
    local.buffered += rows.size();
    const bool full = BufferedBytes(*local.buffer) >= 2 * s.row_group_bytes;
    const idx_t partitions = local.buffer->GetPartitions().size();
    // Every buffer takes a block of memory at least: many small ones are worth less than gathering.
    if (partitions > kMaxBufferedPartitions || (full && partitions > s.max_open_files)) {
      s.gather_all = true;
    }
    if (local.buffered >= s.flush_rows || full) FlushPartitions(context, s, local);
    return;
  }
  if (!local.copy_state) local.copy_state = s.copy->copy_to_initialize_local(context, *s.bind);
  DataChunk file_rows;
  s.FileRows(rows, &file_rows);
  const auto file = s.Acquire({});
  s.copy->copy_to_sink(context, *s.bind, *file->state, *local.copy_state, file_rows);
  FlushWideRows(*file->state, *local.copy_state, s.row_group_bytes);
  s.Release(file);
}

void DataWriter::Combine(duckdb::ExecutionContext& context, Local& local) {
  if (local.rows == 0) return;
  Shared& s = *shared_;
  if (s.partitioned()) {
    FlushPartitions(context, s, local);
    s.gather->Combine(local.gathered);
    return;
  }
  const auto file = s.Acquire({});
  CombineRows(context, s, *file->state, *local.copy_state);
  s.Release(file);
  local.copy_state.reset();
}

// A partition's rows arrive in a row, so its file can be closed behind them.
void DataWriter::Shared::Drain(duckdb::ClientContext& client) {
  draining = true;
  const auto workers = duckdb::TaskScheduler::GetScheduler(client).NumberOfThreads();
  std::vector<duckdb::unique_ptr<duckdb::LocalFunctionData>> states(std::max<idx_t>(workers, 1));
  GatherVisitor visitor;
  visitor.rows = [&](duckdb::ExecutionContext& execution, size_t worker, const PartitionKey& key,
                     DataChunk& rows) {
    auto& state = states[worker];
    if (!state) state = copy->copy_to_initialize_local(execution, *bind);
    DataChunk file_rows;
    FileRows(rows, &file_rows);
    const auto file = Acquire(key);
    copy->copy_to_sink(execution, *bind, *file->state, *state, file_rows);
    FlushWideRows(*file->state, *state, row_group_bytes);
    Release(file);
  };
  visitor.leave = [&](duckdb::ExecutionContext& execution, size_t worker, const PartitionKey& key) {
    const auto file = Acquire(key);
    CombineRows(execution, *this, *file->state, *states[worker]);
    states[worker].reset();
    Release(file, &key);
  };
  gather->Drain(client, visitor);
}

std::vector<WrittenFile> DataWriter::Finish(duckdb::ClientContext& context) {
  Shared& s = *shared_;
  if (s.gather) s.Drain(context);
  s.current.clear();
  std::vector<OpenFilePtr> open;
  for (auto& file : s.files) {
    if (!file->closed) open.push_back(file);
  }
  if (open.size() <= 1) {
    for (auto& file : open) s.Close(*file);
  } else {
    // The last row group of each file is encoded, and the file synced, here: worth every thread.
    duckdb::TaskExecutor executor(context);
    for (auto& file : open) {
      executor.ScheduleTask(duckdb::make_uniq<CloseTask>(executor, [&s, file] { s.Close(*file); }));
    }
    executor.WorkOnTasks();
  }
  std::vector<WrittenFile> out;
  for (auto& file : s.files) {
    if (file->statistics.row_count > 0) {
      out.push_back(s.Describe(*file));
    } else {
      // Opened just after a rotation that nothing followed.
      ThrowIfError(s.target->table->environment().store->Delete(s.ObjectKey(*file)));
    }
  }
  s.files.clear();
  return out;
}

}  // namespace tarn::duck
