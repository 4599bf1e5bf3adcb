// The version checksum `<version>.crc`: what a commit left behind, in numbers, so that damage of
// the log is noticed (PROTOCOL.md, "Version Checksum File").
//
// A missing .crc is normal; one that contradicts the replayed state means the log was changed
// behind the table's back. Nothing here is needed for reading.
//
// Threads: free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "delta/snapshot.h"
#include "delta/table.h"

namespace tarn::delta {

struct VersionChecksum {
  std::string txn_id;
  int64_t table_size_bytes = 0;
  int64_t num_files = 0;
  std::optional<int64_t> in_commit_timestamp_ms;
  std::optional<std::vector<SetTransaction>> transactions;
  std::optional<std::vector<DomainMetadata>> domains;
  Protocol protocol;
  Metadata metadata;
  std::optional<int64_t> num_deleted_records;
  std::optional<int64_t> num_deletion_vectors;
};

std::string SerializeChecksum(const Snapshot& snapshot, const std::string& txn_id);
Result<VersionChecksum> ParseChecksum(const std::string& json, const std::string& origin);

// Call after the commit has succeeded; a file that is there already stays. A failure harms nobody.
Status WriteChecksum(const TableEnvironment& environment, const std::string& root,
                     const Snapshot& snapshot, const std::string& txn_id);
// nullopt when there is none. Errors: kCorruption when it cannot be read as one.
Result<std::optional<VersionChecksum>> ReadChecksum(const TableEnvironment& environment,
                                                    const std::string& root, Version version);
// kCorruption naming the first difference.
Status ValidateChecksum(const VersionChecksum& checksum, const Snapshot& snapshot);

}  // namespace tarn::delta
