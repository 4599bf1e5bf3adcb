// FileBlock: up to kMaxRows files (adds or tombstones) by column; the unit that snapshots share.
//
// Threads: a sealed block is immutable; its path index is built on first use, once.
// FileBlockBuilder has one owner.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "delta/actions.h"
#include "delta/checkpoint_format.h"
#include "delta/path_key.h"
#include "delta/stats_shape.h"

namespace tarn::delta {

class FileBlock {
 public:
  static constexpr uint32_t kMaxRows = 32'768;
  static constexpr int64_t kAbsent = std::numeric_limits<int64_t>::min();
  enum Flag : uint8_t { kDataChange = 1, kExtendedMetadata = 2, kHasSize = 4 };

  uint32_t rows() const { return static_cast<uint32_t>(sizes_.size()); }
  std::string_view Path(uint32_t row) const { return paths_.Get(row); }
  int64_t SizeBytes(uint32_t row) const { return sizes_[row]; }
  // Modification time of an add, deletion time of a tombstone (kAbsent when unknown); milliseconds.
  int64_t TimeMs(uint32_t row) const { return times_[row]; }
  int64_t Records(uint32_t row) const { return records_[row]; }  // numRecords, -1 unknown
  uint8_t Flags(uint32_t row) const { return flags_[row]; }
  const DeletionVectorDescriptor* Vector(uint32_t row) const {
    if (vector_of_row_.empty() || vector_of_row_[row] == 0) return nullptr;
    return &vectors_[vector_of_row_[row] - 1];
  }
  int64_t BaseRowId(uint32_t row) const {
    return base_row_ids_.empty() ? kAbsent : base_row_ids_[row];
  }
  int64_t CommitVersion(uint32_t row) const {
    return commit_versions_.empty() ? kAbsent : commit_versions_[row];
  }
  std::string_view TagsJson(uint32_t row) const { return tags_.Get(row); }
  std::string_view ClusteringProvider(uint32_t row) const { return providers_.Get(row); }
  const StatsStore& stats() const { return stats_; }

  // Partition columns that some file of this block has. Codes: 0 key absent, 1 null, then values.
  size_t num_partition_columns() const { return partition_.size(); }
  const std::string& partition_name(size_t column) const { return partition_[column].name; }
  int FindPartitionColumn(std::string_view name) const;  // -1 when absent
  uint32_t partition_codes(size_t column) const {
    return static_cast<uint32_t>(partition_[column].values.size()) + 2;
  }
  uint32_t PartitionCode(size_t column, uint32_t row) const {
    return partition_[column].codes[row];
  }
  std::optional<std::string_view> PartitionText(size_t column, uint32_t code) const {
    if (code < 2) return std::nullopt;
    return partition_[column].values[code - 2];
  }

  // Calls visit(row) for rows whose canonical path is `path`, until it returns true. `hash` is
  // HashBytes of the path.
  template <typename Visit>
  void ForEachMatch(std::string_view path, uint64_t hash, const Visit& visit) const {
    BuildIndex();
    const size_t mask = index_.size() - 1;
    const auto tag = static_cast<uint16_t>(hash >> 48);
    std::string scratch;
    for (size_t i = hash & mask; index_[i].row_plus_1 != 0; i = (i + 1) & mask) {
      if (index_[i].tag != tag) continue;
      const uint32_t row = index_[i].row_plus_1 - 1u;
      if (CanonicalPath(Path(row), &scratch) == path && visit(row)) return;
    }
  }

  // The row as the log's action would hand it over. The strings live in `scratch` or the block.
  struct Scratch {
    std::string stats;
    std::vector<std::string_view> keys, values;
    std::vector<bool> nulls;
  };
  AddView View(uint32_t row, Scratch* scratch) const;
  size_t MemoryBytes() const;

 private:
  friend class FileBlockBuilder;
  // Texts one behind the other; no memory while all are empty.
  struct Texts {
    std::string bytes;
    std::vector<uint32_t> ends;
    std::string_view Get(uint32_t row) const {
      if (row >= ends.size()) return {};
      const uint32_t begin = row ? ends[row - 1] : 0;
      return std::string_view(bytes).substr(begin, ends[row] - begin);
    }
    void Set(uint32_t row, std::string_view text);  // rows ascend; skipped ones are empty
    void Shrink();
  };
  struct Partition {
    std::string name;
    std::vector<uint16_t> codes;
    std::vector<std::string> values;
  };
  struct IndexEntry {
    uint16_t row_plus_1 = 0;
    uint16_t tag = 0;
  };
  void BuildIndex() const;

  Texts paths_, tags_, providers_;
  std::vector<int64_t> sizes_, times_, records_;
  std::vector<uint8_t> flags_;
  std::vector<uint32_t> vector_of_row_;  // index + 1; empty when no file has one
  std::vector<DeletionVectorDescriptor> vectors_;
  std::vector<int64_t> base_row_ids_, commit_versions_;  // empty when no file has one
  std::vector<Partition> partition_;
  StatsStore stats_;
  mutable std::once_flag index_once_;
  mutable std::vector<IndexEntry> index_;
};

class FileBlockBuilder {
 public:
  FileBlockBuilder();
  uint32_t rows() const { return block_->rows(); }
  bool full() const { return rows() == FileBlock::kMaxRows; }
  // REQUIRES: !full().
  void Append(const AddView& add, uint8_t flags);
  const FileBlock& block() const { return *block_; }  // rows so far; not its path index
  // Hands the block out and starts the next one.
  std::shared_ptr<const FileBlock> Seal();

 private:
  void AppendPartition(const AddView& add, uint32_t row);
  uint16_t Encode(size_t column, std::string_view value);

  std::shared_ptr<FileBlock> block_;
  std::vector<std::unordered_map<std::string, uint16_t>> dictionaries_;  // per partition column
};

}  // namespace tarn::delta
