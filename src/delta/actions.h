// The actions of a Delta log entry as plain values (PROTOCOL.md, "Actions").
//
// What it does not do: no I/O, no reconciliation; see json.h for bytes, snapshot.h for meaning.
// Unknown fields of a known action are dropped on read, as the protocol allows.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/strong_id.h"

namespace tarn::delta {

struct VersionTag;
using Version = StrongId<VersionTag, int64_t>;  // commit number, from 0

using StringMap = std::map<std::string, std::string>;
// Partition column (physical name) -> serialized value; nullopt is null.
using PartitionValues = std::map<std::string, std::optional<std::string>>;

struct Protocol {
  int min_reader_version = 1;
  int min_writer_version = 2;
  std::optional<std::vector<std::string>> reader_features;  // present iff reader version 3
  std::optional<std::vector<std::string>> writer_features;  // present iff writer version 7
  bool operator==(const Protocol&) const = default;
};

struct Metadata {
  std::string id;
  std::optional<std::string> name;
  std::optional<std::string> description;
  std::string format_provider = "parquet";
  StringMap format_options;
  std::string schema_string;
  std::vector<std::string> partition_columns;  // logical names
  StringMap configuration;
  std::optional<int64_t> created_time_ms;
  bool operator==(const Metadata&) const = default;
};

struct DeletionVectorDescriptor {
  char storage_type = 'u';  // 'u' relative file, 'p' absolute path, 'i' inline
  std::string path_or_inline;
  std::optional<int32_t> offset;
  int32_t size_bytes = 0;
  int64_t cardinality = 0;
  // storageType + pathOrInlineDv [+ "@" + offset]
  std::string UniqueId() const;
  bool operator==(const DeletionVectorDescriptor&) const = default;
};

struct AddFile {
  std::string path;  // as in the log: URI-encoded, relative to the table or absolute
  PartitionValues partition_values;
  int64_t size_bytes = 0;
  int64_t modification_time_ms = 0;
  bool data_change = true;
  std::string stats;  // JSON text, empty when absent
  StringMap tags;
  std::optional<DeletionVectorDescriptor> deletion_vector;
  std::optional<int64_t> base_row_id;
  std::optional<int64_t> default_row_commit_version;
  std::optional<std::string> clustering_provider;
};

struct RemoveFile {
  std::string path;
  std::optional<int64_t> deletion_timestamp_ms;
  bool data_change = true;
  bool extended_file_metadata = true;  // partition_values, size_bytes, tags are present
  PartitionValues partition_values;
  std::optional<int64_t> size_bytes;
  std::string stats;
  StringMap tags;
  std::optional<DeletionVectorDescriptor> deletion_vector;
  std::optional<int64_t> base_row_id;
  std::optional<int64_t> default_row_commit_version;
};

struct AddCdcFile {
  std::string path;
  PartitionValues partition_values;
  int64_t size_bytes = 0;
  StringMap tags;
};

struct SetTransaction {
  std::string app_id;
  int64_t version = 0;
  std::optional<int64_t> last_updated_ms;
};

struct DomainMetadata {
  std::string domain;
  std::string configuration;
  bool removed = false;
};

// commitInfo is free JSON; these are the fields Tarn reads and writes. `raw_json` keeps the whole
// object.
struct CommitInfo {
  std::optional<int64_t> timestamp_ms;
  std::optional<int64_t> in_commit_timestamp_ms;
  std::string operation;           // Spark's names: WRITE, MERGE, DELETE, CREATE TABLE, …
  StringMap operation_parameters;  // values are JSON texts
  StringMap operation_metrics;
  std::optional<int64_t> read_version;
  std::string isolation_level;  // "Serializable", "WriteSerializable", "SnapshotIsolation"
  std::optional<bool> is_blind_append;
  std::string engine_info;
  std::string txn_id;
  std::optional<std::string> user_metadata;
  StringMap tags;
  std::string raw_json;
};

struct Sidecar {
  std::string path;  // relative to _delta_log/_sidecars, or absolute
  int64_t size_bytes = 0;
  int64_t modification_time_ms = 0;
  StringMap tags;
};

struct CheckpointMetadata {
  int64_t version = 0;
  StringMap tags;
};

using Action = std::variant<Protocol, Metadata, AddFile, RemoveFile, AddCdcFile, SetTransaction,
                            DomainMetadata, CommitInfo, Sidecar, CheckpointMetadata>;

}  // namespace tarn::delta
