// CheckpointFormat: reading and writing checkpoint Parquet, asked of whoever has a Parquet library.
//
// `delta` holds no Parquet code; `duck` implements this over DuckDB, tests over memory. JSON
// checkpoints (V2) are handled inside delta.
//
// Threads: implementations are safe for concurrent calls.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "delta/actions.h"
#include "delta/predicate.h"
#include "store/object_store.h"

namespace tarn::delta {

// One `add` row; views are valid only during the call.
struct AddView {
  std::string_view path;
  // Parallel arrays: partition column (physical name) and its value; null when `nulls[i]`.
  const std::vector<std::string_view>* partition_keys = nullptr;
  const std::vector<std::string_view>* partition_values = nullptr;
  const std::vector<bool>* partition_nulls = nullptr;
  int64_t size_bytes = 0;
  int64_t modification_time_ms = 0;
  bool data_change = false;
  std::string_view stats;  // JSON; built from stats_parsed when only that is present; may be empty
  std::string_view tags_json;  // "" or a JSON object
  const DeletionVectorDescriptor* deletion_vector = nullptr;
  std::optional<int64_t> base_row_id;
  std::optional<int64_t> default_row_commit_version;
  std::string_view clustering_provider;  // "" when absent
};

// Which adds a reader wants. Formats may ask before they make a row whole, or send every row.
class AddFilter {
 public:
  virtual ~AddFilter() = default;
  virtual bool NeedsStats() const = 0;
  // Partition columns (physical names) on which the answer depends.
  virtual const std::vector<std::string>& partition_columns() const = 0;
  // `add` has its partition values and, when NeedsStats(), its statistics; the rest may be missing.
  // With fewer of them the answer is false only when it would be with any others: given one value
  // of one column, whether any file with it can be wanted. One thread at a time.
  virtual bool Keep(const AddView& add) = 0;
};

class CheckpointSink {
 public:
  virtual ~CheckpointSink() = default;
  virtual Status OnAdd(const AddView& add) = 0;
  // Every other action, removes and sidecars included.
  virtual Status OnAction(Action action) = 0;
};

// Which parts of the checkpoint the reader needs; implementations read only these columns.
struct CheckpointReadOptions {
  bool adds = true;
  bool removes = true;
  bool stats = true;
  bool other_actions = true;  // protocol, metaData, txn, domainMetadata, checkpointMetadata
  bool sidecars = true;
  AddFilter* filter = nullptr;  // of the adds; null wants all
};

class CheckpointFormat {
 public:
  virtual ~CheckpointFormat() = default;
  // Reads one Parquet file (a V1 checkpoint, one part of a multi-part one, a V2 top file or a
  // sidecar). Columns that the file lacks count as null. Errors: kNotFound; kCorruption for damaged
  // bytes.
  virtual Status Read(store::ObjectStore& store, const std::string& key,
                      const CheckpointReadOptions& options, CheckpointSink* sink) = 0;
  // Writes actions pulled from `next` (nullopt ends) as one V1 checkpoint file, visible only when
  // whole and durable. Returns its size in bytes. `metadata` and `partition` types allow typed
  // partitionValues_parsed/stats_parsed when delta.checkpoint.writeStatsAsStruct asks for them.
  virtual Result<uint64_t> Write(store::ObjectStore& store, const std::string& key,
                                 const Metadata& metadata,
                                 const std::function<Result<std::optional<Action>>()>& next) = 0;
};

}  // namespace tarn::delta
