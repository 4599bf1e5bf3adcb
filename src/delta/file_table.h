// FileTable: the live files of a snapshot (or its tombstones), by column.
//
// Files lie in immutable blocks of at most kMaxBlockRows, shared between snapshots. A table is a
// list of blocks, each with the rows of it that are live here, so the next version costs the new
// files and the lists of the blocks that lost one: never a copy of the whole. Small blocks at the
// end are merged as they pile up. Order is log order: a file that is added again moves to the end.
//
// Identity of a file is (decoded path, deletion vector id): "a%20b" and "a b" are one file, and so
// are "file:///x", "file:/x" and "/x" (PROTOCOL.md, "Action Reconciliation").
//
// Threads: immutable; safe for concurrent reads. Lifetime: views live as long as the table or any
// other table that shares the block; a view from a `scratch` string lives as long as the scratch is
// untouched.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "delta/actions.h"
#include "delta/snapshot.h"

namespace tarn::delta {

class FileBlock;  // file_block.h

// Sums over live files, kept up to date by every change.
struct FileTotals {
  int64_t files = 0;
  int64_t size_bytes = 0;
  int64_t records = 0;                // sum of stats.numRecords where known
  int64_t files_without_records = 0;  // files whose statistics lack numRecords
  int64_t deleted_records = 0;        // sum of deletion vector cardinalities
  int64_t deletion_vectors = 0;
};

class FileTable {
 public:
  FileTable() = default;

  uint32_t size() const { return size_; }
  const FileTotals& totals() const { return totals_; }

  uint64_t MemoryBytes() const;  // of the blocks, shared ones included

  // --- one file; index in [0, size()) ---
  std::string_view Path(FileIndex index) const;  // as in the log
  int64_t SizeBytes(FileIndex index) const;
  int64_t ModificationTimeMs(FileIndex index) const;
  // Value of a partition column by PHYSICAL name; nullopt when null or absent. The text is as in
  // the log
  // ("" also means null there).
  std::optional<std::string_view> PartitionValue(FileIndex index, std::string_view column) const;
  // Statistics as JSON text, put together in `scratch`; empty when the file has none.
  std::string_view Stats(FileIndex index, std::string* scratch) const;
  // Null when the file has none.
  const DeletionVectorDescriptor* DeletionVector(FileIndex index) const;
  std::optional<int64_t> NumRecords(FileIndex index) const;  // stats.numRecords (physical rows)
  std::optional<int64_t> BaseRowId(FileIndex index) const;
  AddFile ToAddFile(FileIndex index) const;
  RemoveFile ToRemoveFile(FileIndex index) const;  // tables of tombstones only

  // --- lookup ---
  // Any live file with this path (as logged; compared decoded).
  std::optional<FileIndex> Find(std::string_view path) const;
  // The one with exactly this deletion vector; null means none.
  std::optional<FileIndex> Find(std::string_view path,
                                const DeletionVectorDescriptor* vector) const;

  // --- by column, for judging many files ---
  // Consecutive indexes that lie in one block.
  struct Run {
    FileIndex first;
    uint32_t count = 0;
    const FileBlock* block = nullptr;
    const uint16_t* rows = nullptr;  // row of the block per file; null means 0, 1, 2, …
    uint32_t Row(uint32_t i) const { return rows ? rows[i] : i; }
  };
  size_t num_runs() const { return slots_.size(); }
  Run run(size_t i) const;

  // --- building ---
  struct Slot {
    std::shared_ptr<const FileBlock> block;
    // Ascending live rows; null means all rows of the block are live.
    std::shared_ptr<const std::vector<uint16_t>> live;
    uint32_t first = 0;  // index of the first live row
    uint32_t live_count() const;
  };
  const std::vector<Slot>& slots() const { return slots_; }
  // Takes blocks in order, recounts, merges small neighbours at the end. `totals` is their sum.
  static FileTable FromSlots(std::vector<Slot> slots, const FileTotals& totals);

 private:
  struct Place {
    const Slot* slot;
    uint32_t row;
  };
  Place At(FileIndex index) const;

  std::vector<Slot> slots_;
  uint32_t size_ = 0;
  FileTotals totals_;
};

// One statistic (or any leaf of the stats JSON) across files, without building the JSON text: the
// way to judge a million files. `path` are the physical names below the top level, e.g.
// {"minValues","a","b"}.
class StatsColumn {
 public:
  StatsColumn(const FileTable& files, std::vector<std::string> path);
  // JSON text of the leaf ("42", "\"x\"", "true"); nullopt when absent or JSON null. The view
  // points into the table or into this object: use it before the next call. Not
  // thread-safe.
  std::optional<std::string_view> Read(FileIndex index);
  // Same, for a row of a run.
  std::optional<std::string_view> Read(const FileBlock& block, uint32_t row);

 private:
  const FileTable& files_;
  std::vector<std::string> path_;
  const FileBlock* block_ = nullptr;  // whose slots are resolved
  std::vector<int> slot_of_shape_;    // per shape of that block; -1 absent
  std::string scratch_;
};

// One partition column across files as dictionary codes: judge each distinct value once per block.
class PartitionColumn {
 public:
  PartitionColumn(const FileBlock& block, std::string_view physical_name);
  // Codes are [0, size()); code 0 is "key absent", 1 is null, the rest are values.
  uint32_t size() const;
  std::optional<std::string_view> Value(uint32_t code) const;  // nullopt for codes 0 and 1
  uint32_t Code(uint32_t row) const;

 private:
  const FileBlock& block_;
  int column_;  // -1: no file of the block has the key
};

}  // namespace tarn::delta
