// FileTableBuilder: collects files row by row into a FileTable. FileTableEditor: the next version
// of one.
//
// Threads: one owner each.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "delta/checkpoint_format.h"
#include "delta/file_block.h"
#include "delta/file_table.h"

namespace tarn::delta {

// Adds (subtracts with sign -1) what row `row` contributes.
void AddToTotals(const FileBlock& block, uint32_t row, int64_t sign, FileTotals* totals);

class FileTableBuilder {
 public:
  // With `unique`, a file that comes again replaces the earlier one (and Find, Erase work).
  // Without, the caller knows that no file comes twice (checkpoints).
  explicit FileTableBuilder(bool unique) : unique_(unique) {}

  void Append(const AddView& add);
  void Append(const RemoveFile& remove);

  // --- only with `unique` ---
  bool Contains(std::string_view path, const DeletionVectorDescriptor* vector) const;
  bool Erase(std::string_view path, const DeletionVectorDescriptor* vector);

  bool empty() const { return totals_.files == 0; }
  int64_t live() const { return totals_.files; }
  // Calls visit(path, deletion vector) for every file that is still in.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    const uint32_t rows = total_rows();
    for (uint32_t row = 0; row < rows; ++row) {
      if (!unique_ || !dead_[row])
        visit(block(row).Path(Local(row)), block(row).Vector(Local(row)));
    }
  }
  // Leaves the builder empty.
  FileTable Finish();

 private:
  // Row numbers count over all blocks of this builder; every sealed block is full.
  static uint32_t Local(uint32_t row) { return row % FileBlock::kMaxRows; }
  const FileBlock& block(uint32_t row) const {
    const uint32_t i = row / FileBlock::kMaxRows;
    return i < sealed_.size() ? *sealed_[i] : open_.block();
  }
  uint32_t total_rows() const {
    return static_cast<uint32_t>(sealed_.size()) * FileBlock::kMaxRows + open_.rows();
  }
  void AppendView(const AddView& add, uint8_t flags);
  void Kill(uint32_t row);
  // Slot of the index that holds the file or is free.
  size_t FindSlot(std::string_view path, const DeletionVectorDescriptor* vector,
                  uint64_t hash) const;
  void GrowIndex();

  struct IndexEntry {
    uint32_t row_plus_1 = 0;
    uint32_t tag = 0;
  };
  bool unique_;
  std::vector<std::shared_ptr<const FileBlock>> sealed_;
  FileBlockBuilder open_;
  std::vector<bool> dead_;
  std::vector<IndexEntry> index_;
  size_t used_ = 0;
  FileTotals totals_;
  mutable std::string scratch_, other_scratch_;
};

class FileTableEditor {
 public:
  explicit FileTableEditor(const FileTable& base) : slots_(base.slots()), totals_(base.totals()) {}
  // Takes the file out; false when it is not in.
  bool Erase(std::string_view path, const DeletionVectorDescriptor* vector);
  // Puts all files of `more` behind.
  void Concatenate(const FileTable& more);
  FileTable Finish();

 private:
  std::vector<FileTable::Slot> slots_;
  // Per slot: the live rows while they are being edited.
  std::vector<std::shared_ptr<std::vector<uint16_t>>> edited_;
  FileTotals totals_;
  std::string scratch_;
};

}  // namespace tarn::delta
