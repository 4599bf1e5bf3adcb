#include "delta/file_table.h"

#include <algorithm>

#include "delta/file_block.h"
#include "delta/file_table_builder.h"
#include "delta/json.h"
#include "delta/json_read.h"

namespace tarn::delta {
namespace {

// The last blocks are merged when at least this many of them together are at least twice the
// largest: then a file is copied at most once per doubling of its block, in practice once per
// factor of eight.
constexpr size_t kMergeCount = 8;

void CopyLive(const FileTable::Slot& slot, FileBlockBuilder* out) {
  FileBlock::Scratch scratch;
  const uint32_t count = slot.live_count();
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t row = slot.live ? (*slot.live)[i] : i;
    out->Append(slot.block->View(row, &scratch), slot.block->Flags(row));
  }
}

// One slot with the live rows of slots [begin, end).
FileTable::Slot Merge(const std::vector<FileTable::Slot>& slots, size_t begin, size_t end) {
  FileBlockBuilder builder;
  for (size_t i = begin; i < end; ++i) CopyLive(slots[i], &builder);
  FileTable::Slot merged;
  merged.block = builder.Seal();
  return merged;
}

void MergeTail(std::vector<FileTable::Slot>* slots) {
  for (size_t begin = slots->size(), total = 0, largest = 0; begin-- > 0;) {
    const size_t count = (*slots)[begin].live_count();
    total += count;
    largest = std::max(largest, count);
    if (total > FileBlock::kMaxRows) return;
    if (slots->size() - begin < kMergeCount || largest * 2 > total) continue;
    FileTable::Slot merged = Merge(*slots, begin, slots->size());
    slots->resize(begin);
    slots->push_back(std::move(merged));
    begin = slots->size();
    total = largest = 0;
  }
}

}  // namespace

uint32_t FileTable::Slot::live_count() const {
  return live ? static_cast<uint32_t>(live->size()) : block->rows();
}

FileTable FileTable::FromSlots(std::vector<Slot> slots, const FileTotals& totals) {
  std::erase_if(slots, [](const Slot& slot) { return slot.live_count() == 0; });
  for (size_t i = 0; i < slots.size(); ++i) {
    // A block that lost more than half of its rows is rewritten, so that dead rows stay bounded.
    if (slots[i].live_count() * 2 < slots[i].block->rows()) slots[i] = Merge(slots, i, i + 1);
  }
  MergeTail(&slots);
  FileTable table;
  uint32_t first = 0;
  for (Slot& slot : slots) {
    slot.first = first;
    first += slot.live_count();
  }
  table.slots_ = std::move(slots);
  table.size_ = first;
  table.totals_ = totals;
  return table;
}

FileTable::Place FileTable::At(FileIndex index) const {
  TARN_CHECK(index.value() < size_);
  auto after = std::upper_bound(slots_.begin(), slots_.end(), index.value(),
                                [](uint32_t i, const Slot& slot) { return i < slot.first; });
  const Slot& slot = *std::prev(after);
  const uint32_t i = index.value() - slot.first;
  return {&slot, slot.live ? (*slot.live)[i] : i};
}

uint64_t FileTable::MemoryBytes() const {
  uint64_t bytes = 0;
  for (const Slot& slot : slots_) {
    bytes += slot.block->MemoryBytes() + (slot.live ? slot.live->capacity() * sizeof(uint16_t) : 0);
  }
  return bytes;
}

std::string_view FileTable::Path(FileIndex index) const {
  const Place place = At(index);
  return place.slot->block->Path(place.row);
}

int64_t FileTable::SizeBytes(FileIndex index) const {
  const Place place = At(index);
  return place.slot->block->SizeBytes(place.row);
}

int64_t FileTable::ModificationTimeMs(FileIndex index) const {
  const Place place = At(index);
  return place.slot->block->TimeMs(place.row);
}

std::optional<std::string_view> FileTable::PartitionValue(FileIndex index,
                                                          std::string_view name) const {
  const Place place = At(index);
  const FileBlock& block = *place.slot->block;
  const int column = block.FindPartitionColumn(name);
  if (column < 0) return std::nullopt;
  return block.PartitionText(column, block.PartitionCode(column, place.row));
}

std::string_view FileTable::Stats(FileIndex index, std::string* scratch) const {
  const Place place = At(index);
  return place.slot->block->stats().Text(place.row, scratch);
}

const DeletionVectorDescriptor* FileTable::DeletionVector(FileIndex index) const {
  const Place place = At(index);
  return place.slot->block->Vector(place.row);
}

std::optional<int64_t> FileTable::NumRecords(FileIndex index) const {
  const Place place = At(index);
  const int64_t records = place.slot->block->Records(place.row);
  return records < 0 ? std::nullopt : std::optional<int64_t>(records);
}

std::optional<int64_t> FileTable::BaseRowId(FileIndex index) const {
  const Place place = At(index);
  const int64_t id = place.slot->block->BaseRowId(place.row);
  return id == FileBlock::kAbsent ? std::nullopt : std::optional<int64_t>(id);
}

AddFile FileTable::ToAddFile(FileIndex index) const {
  const Place place = At(index);
  FileBlock::Scratch scratch;
  return delta::ToAddFile(place.slot->block->View(place.row, &scratch));
}

RemoveFile FileTable::ToRemoveFile(FileIndex index) const {
  const Place place = At(index);
  FileBlock::Scratch scratch;
  AddFile add = delta::ToAddFile(place.slot->block->View(place.row, &scratch));
  const uint8_t flags = place.slot->block->Flags(place.row);
  RemoveFile remove;
  remove.path = std::move(add.path);
  if (add.modification_time_ms != FileBlock::kAbsent) {
    remove.deletion_timestamp_ms = add.modification_time_ms;
  }
  remove.data_change = add.data_change;
  remove.extended_file_metadata = flags & FileBlock::kExtendedMetadata;
  remove.partition_values = std::move(add.partition_values);
  if (flags & FileBlock::kHasSize) remove.size_bytes = add.size_bytes;
  remove.tags = std::move(add.tags);
  remove.deletion_vector = std::move(add.deletion_vector);
  remove.base_row_id = add.base_row_id;
  remove.default_row_commit_version = add.default_row_commit_version;
  return remove;
}

std::optional<FileIndex> FileTable::Find(std::string_view path) const {
  std::string scratch;
  path = CanonicalPath(path, &scratch);
  const uint64_t hash = HashBytes(path);
  std::optional<FileIndex> found;
  for (size_t i = slots_.size(); i-- > 0 && !found;) {
    const Slot& slot = slots_[i];
    slot.block->ForEachMatch(path, hash, [&](uint32_t row) {
      uint32_t position = row;
      if (slot.live) {
        const auto at = std::lower_bound(slot.live->begin(), slot.live->end(), row);
        if (at == slot.live->end() || *at != row) return false;
        position = static_cast<uint32_t>(at - slot.live->begin());
      }
      found = FileIndex(slot.first + position);
      return true;
    });
  }
  return found;
}

std::optional<FileIndex> FileTable::Find(std::string_view path,
                                         const DeletionVectorDescriptor* vector) const {
  // A snapshot holds a path once (PROTOCOL.md, "Action Reconciliation"), so the path decides.
  const std::optional<FileIndex> found = Find(path);
  if (!found || !SameVector(DeletionVector(*found), vector)) return std::nullopt;
  return found;
}

FileTable::Run FileTable::run(size_t i) const {
  const Slot& slot = slots_[i];
  Run run;
  run.first = FileIndex(slot.first);
  run.count = slot.live_count();
  run.block = slot.block.get();
  run.rows = slot.live ? slot.live->data() : nullptr;
  return run;
}

StatsColumn::StatsColumn(const FileTable& files, std::vector<std::string> path)
    : files_(files), path_(std::move(path)) {}

std::optional<std::string_view> StatsColumn::Read(FileIndex index) {
  const auto& slots = files_.slots();
  auto after =
      std::upper_bound(slots.begin(), slots.end(), index.value(),
                       [](uint32_t i, const FileTable::Slot& slot) { return i < slot.first; });
  const FileTable::Slot& slot = *std::prev(after);
  const uint32_t i = index.value() - slot.first;
  return Read(*slot.block, slot.live ? (*slot.live)[i] : i);
}

std::optional<std::string_view> StatsColumn::Read(const FileBlock& block, uint32_t row) {
  constexpr int kRaw = -2;
  const StatsStore& stats = block.stats();
  if (block_ != &block) {
    block_ = &block;
    slot_of_shape_.clear();
    for (uint32_t id = 0; id < stats.num_shapes(); ++id) {
      slot_of_shape_.push_back(stats.shape(id).raw() ? kRaw : stats.shape(id).SlotOf(path_));
    }
  }
  const uint32_t shape = stats.ShapeOf(row);
  const int slot = shape ? slot_of_shape_[shape] : -1;
  if (slot == -1) return std::nullopt;
  if (slot != kRaw) {
    const std::string_view value = stats.Value(row, static_cast<uint32_t>(slot), &scratch_);
    if (value == "null") return std::nullopt;
    return value;
  }
  simdjson::dom::parser parser;
  json_read::Element element;
  std::string raw;
  const std::string_view text = stats.Value(row, 0, &raw);
  if (!json_read::ParseDocument(parser, text.data(), text.size(), false, &element).ok()) {
    return std::nullopt;
  }
  for (const std::string& key : path_) {
    if (element[key].get(element)) return std::nullopt;
  }
  if (element.is_null() || element.is_object()) return std::nullopt;
  scratch_ = json_read::Minify(element);
  return scratch_;
}

PartitionColumn::PartitionColumn(const FileBlock& block, std::string_view physical_name)
    : block_(block), column_(block.FindPartitionColumn(physical_name)) {}

uint32_t PartitionColumn::size() const { return column_ < 0 ? 1 : block_.partition_codes(column_); }

std::optional<std::string_view> PartitionColumn::Value(uint32_t code) const {
  return column_ < 0 ? std::nullopt : block_.PartitionText(column_, code);
}

uint32_t PartitionColumn::Code(uint32_t row) const {
  return column_ < 0 ? 0 : block_.PartitionCode(column_, row);
}

}  // namespace tarn::delta
