#include "delta/file_table_builder.h"

#include <algorithm>
#include <numeric>

#include "delta/json.h"

namespace tarn::delta {
namespace {

uint64_t KeyHash(std::string_view canonical_path, const DeletionVectorDescriptor* vector) {
  uint64_t hash = HashBytes(canonical_path);
  if (vector) {
    hash ^= HashBytes(vector->path_or_inline) * 31 +
            static_cast<uint64_t>(vector->offset.value_or(-1)) +
            static_cast<uint64_t>(vector->storage_type);
    hash *= 0x9E3779B97F4A7C15;
    hash ^= hash >> 29;
  }
  return hash;
}

}  // namespace

void AddToTotals(const FileBlock& block, uint32_t row, int64_t sign, FileTotals* totals) {
  totals->files += sign;
  totals->size_bytes += sign * std::max<int64_t>(block.SizeBytes(row), 0);
  if (block.Records(row) >= 0) {
    totals->records += sign * block.Records(row);
  } else {
    totals->files_without_records += sign;
  }
  if (const DeletionVectorDescriptor* vector = block.Vector(row)) {
    totals->deleted_records += sign * vector->cardinality;
    totals->deletion_vectors += sign;
  }
}

void FileTableBuilder::Append(const AddView& add) {
  AppendView(add, static_cast<uint8_t>((add.data_change ? FileBlock::kDataChange : 0) |
                                       FileBlock::kExtendedMetadata | FileBlock::kHasSize));
}

void FileTableBuilder::Append(const RemoveFile& remove) {
  AddView view;
  std::vector<std::string_view> keys, values;
  std::vector<bool> nulls;
  for (const auto& [key, value] : remove.partition_values) {
    keys.push_back(key);
    values.push_back(value ? std::string_view(*value) : std::string_view());
    nulls.push_back(!value);
  }
  view.path = remove.path;
  view.partition_keys = &keys;
  view.partition_values = &values;
  view.partition_nulls = &nulls;
  view.size_bytes = remove.size_bytes.value_or(0);
  view.modification_time_ms = remove.deletion_timestamp_ms.value_or(FileBlock::kAbsent);
  // Statistics of a file that is gone serve nobody; checkpoints do not keep them either.
  const std::string tags = remove.tags.empty() ? std::string() : StringMapToJson(remove.tags);
  view.tags_json = tags;
  view.deletion_vector = remove.deletion_vector ? &*remove.deletion_vector : nullptr;
  view.base_row_id = remove.base_row_id;
  view.default_row_commit_version = remove.default_row_commit_version;
  AppendView(view, static_cast<uint8_t>(
                       (remove.data_change ? FileBlock::kDataChange : 0) |
                       (remove.extended_file_metadata ? FileBlock::kExtendedMetadata : 0) |
                       (remove.size_bytes ? FileBlock::kHasSize : 0)));
}

void FileTableBuilder::AppendView(const AddView& add, uint8_t flags) {
  const uint32_t row = total_rows();
  if (unique_) {
    if (index_.size() < 2 * (used_ + 1)) GrowIndex();
    const std::string_view path = CanonicalPath(add.path, &scratch_);
    const uint64_t hash = KeyHash(path, add.deletion_vector);
    IndexEntry& entry = index_[FindSlot(path, add.deletion_vector, hash)];
    if (entry.row_plus_1 == 0) {
      ++used_;
    } else {
      Kill(entry.row_plus_1 - 1);
    }
    entry = {row + 1, static_cast<uint32_t>(hash >> 32)};
    dead_.push_back(false);
  }
  open_.Append(add, flags);
  AddToTotals(open_.block(), open_.rows() - 1, 1, &totals_);
  if (open_.full()) sealed_.push_back(open_.Seal());
}

void FileTableBuilder::Kill(uint32_t row) {
  if (dead_[row]) return;
  dead_[row] = true;
  AddToTotals(block(row), Local(row), -1, &totals_);
}

size_t FileTableBuilder::FindSlot(std::string_view path, const DeletionVectorDescriptor* vector,
                                  uint64_t hash) const {
  const size_t mask = index_.size() - 1;
  const auto tag = static_cast<uint32_t>(hash >> 32);
  size_t i = hash & mask;
  for (; index_[i].row_plus_1 != 0; i = (i + 1) & mask) {
    if (index_[i].tag != tag) continue;
    const uint32_t row = index_[i].row_plus_1 - 1;
    if (SameVector(block(row).Vector(Local(row)), vector) &&
        CanonicalPath(block(row).Path(Local(row)), &other_scratch_) == path) {
      break;
    }
  }
  return i;
}

void FileTableBuilder::GrowIndex() {
  std::vector<IndexEntry> old = std::move(index_);
  index_.assign(std::max<size_t>(64, old.size() * 2), {});
  const size_t mask = index_.size() - 1;
  std::string scratch;
  for (const IndexEntry& entry : old) {
    if (entry.row_plus_1 == 0) continue;
    const uint32_t row = entry.row_plus_1 - 1;
    const uint64_t hash = KeyHash(CanonicalPath(block(row).Path(Local(row)), &scratch),
                                  block(row).Vector(Local(row)));
    size_t i = hash & mask;
    while (index_[i].row_plus_1 != 0) i = (i + 1) & mask;
    index_[i] = entry;
  }
}

bool FileTableBuilder::Contains(std::string_view path,
                                const DeletionVectorDescriptor* vector) const {
  if (used_ == 0) return false;
  path = CanonicalPath(path, &scratch_);
  const IndexEntry& entry = index_[FindSlot(path, vector, KeyHash(path, vector))];
  return entry.row_plus_1 != 0 && !dead_[entry.row_plus_1 - 1];
}

bool FileTableBuilder::Erase(std::string_view path, const DeletionVectorDescriptor* vector) {
  if (used_ == 0) return false;
  path = CanonicalPath(path, &scratch_);
  const IndexEntry& entry = index_[FindSlot(path, vector, KeyHash(path, vector))];
  if (entry.row_plus_1 == 0 || dead_[entry.row_plus_1 - 1]) return false;
  Kill(entry.row_plus_1 - 1);
  return true;
}

FileTable FileTableBuilder::Finish() {
  if (open_.rows()) sealed_.push_back(open_.Seal());
  std::vector<FileTable::Slot> slots;
  for (size_t i = 0; i < sealed_.size(); ++i) {
    FileTable::Slot slot;
    slot.block = std::move(sealed_[i]);
    const auto begin =
        dead_.begin() + static_cast<ptrdiff_t>(unique_ ? i * FileBlock::kMaxRows : 0);
    const uint32_t rows = slot.block->rows();
    if (unique_ && std::find(begin, begin + rows, true) != begin + rows) {
      auto live = std::make_shared<std::vector<uint16_t>>();
      for (uint32_t row = 0; row < rows; ++row) {
        if (!begin[row]) live->push_back(static_cast<uint16_t>(row));
      }
      slot.live = std::move(live);
    }
    slots.push_back(std::move(slot));
  }
  const FileTotals totals = totals_;
  *this = FileTableBuilder(unique_);
  return FileTable::FromSlots(std::move(slots), totals);
}

bool FileTableEditor::Erase(std::string_view path, const DeletionVectorDescriptor* vector) {
  path = CanonicalPath(path, &scratch_);
  const uint64_t hash = HashBytes(path);
  edited_.resize(slots_.size());
  // Newest first: what is removed or replaced is usually young.
  for (size_t i = slots_.size(); i-- > 0;) {
    FileTable::Slot& slot = slots_[i];
    bool erased = false;
    slot.block->ForEachMatch(path, hash, [&](uint32_t row) {
      if (!SameVector(slot.block->Vector(row), vector)) return false;
      const std::vector<uint16_t>* live = edited_[i] ? edited_[i].get() : slot.live.get();
      const auto row16 = static_cast<uint16_t>(row);
      if (live && !std::binary_search(live->begin(), live->end(), row16)) return false;
      if (!edited_[i]) {
        if (live) {
          edited_[i] = std::make_shared<std::vector<uint16_t>>(*live);
        } else {
          edited_[i] = std::make_shared<std::vector<uint16_t>>(slot.block->rows());
          std::iota(edited_[i]->begin(), edited_[i]->end(), uint16_t{0});
        }
        slot.live = edited_[i];
      }
      edited_[i]->erase(std::lower_bound(edited_[i]->begin(), edited_[i]->end(), row16));
      AddToTotals(*slot.block, row, -1, &totals_);
      return erased = true;
    });
    if (erased) return true;
  }
  return false;
}

void FileTableEditor::Concatenate(const FileTable& more) {
  slots_.insert(slots_.end(), more.slots().begin(), more.slots().end());
  const FileTotals& add = more.totals();
  totals_.files += add.files;
  totals_.size_bytes += add.size_bytes;
  totals_.records += add.records;
  totals_.files_without_records += add.files_without_records;
  totals_.deleted_records += add.deleted_records;
  totals_.deletion_vectors += add.deletion_vectors;
}

FileTable FileTableEditor::Finish() {
  edited_.clear();
  return FileTable::FromSlots(std::move(slots_), totals_);
}

}  // namespace tarn::delta
