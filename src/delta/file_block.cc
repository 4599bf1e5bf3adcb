#include "delta/file_block.h"

#include <bit>

namespace tarn::delta {
namespace {

// Sets element `row` of a column that stays empty while every value is `absent`.
template <typename T>
void SetSparse(std::vector<T>* column, uint32_t row, T value, T absent) {
  if (column->empty() && value == absent) return;
  column->resize(row, absent);
  column->push_back(value);
}

// Columns that started late or stopped early get their absent values.
template <typename T>
void FillSparse(std::vector<T>* column, uint32_t rows, T absent) {
  if (!column->empty()) column->resize(rows, absent);
  column->shrink_to_fit();
}

}  // namespace

void FileBlock::Texts::Set(uint32_t row, std::string_view text) {
  if (ends.empty() && text.empty()) return;
  ends.resize(row, static_cast<uint32_t>(bytes.size()));
  bytes.append(text);
  ends.push_back(static_cast<uint32_t>(bytes.size()));
}

void FileBlock::Texts::Shrink() {
  bytes.shrink_to_fit();
  ends.shrink_to_fit();
}

int FileBlock::FindPartitionColumn(std::string_view name) const {
  for (size_t i = 0; i < partition_.size(); ++i) {
    if (partition_[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

void FileBlock::BuildIndex() const {
  std::call_once(index_once_, [this] {
    const uint32_t count = rows();
    std::vector<IndexEntry> index(std::bit_ceil(std::max<size_t>(4, count * size_t{2})));
    const size_t mask = index.size() - 1;
    std::string scratch;
    for (uint32_t row = 0; row < count; ++row) {
      const uint64_t hash = HashBytes(CanonicalPath(Path(row), &scratch));
      size_t i = hash & mask;
      while (index[i].row_plus_1 != 0) i = (i + 1) & mask;
      index[i] = {static_cast<uint16_t>(row + 1), static_cast<uint16_t>(hash >> 48)};
    }
    index_ = std::move(index);
  });
}

AddView FileBlock::View(uint32_t row, Scratch* scratch) const {
  AddView view;
  view.path = Path(row);
  scratch->keys.clear();
  scratch->values.clear();
  scratch->nulls.clear();
  for (const Partition& column : partition_) {
    const uint16_t code = column.codes[row];
    if (code == 0) continue;
    scratch->keys.push_back(column.name);
    scratch->values.push_back(code == 1 ? std::string_view() : column.values[code - 2]);
    scratch->nulls.push_back(code == 1);
  }
  view.partition_keys = &scratch->keys;
  view.partition_values = &scratch->values;
  view.partition_nulls = &scratch->nulls;
  view.size_bytes = sizes_[row];
  view.modification_time_ms = times_[row];
  view.data_change = flags_[row] & kDataChange;
  view.stats = stats_.Text(row, &scratch->stats);
  view.tags_json = TagsJson(row);
  view.deletion_vector = Vector(row);
  if (BaseRowId(row) != kAbsent) view.base_row_id = BaseRowId(row);
  if (CommitVersion(row) != kAbsent) view.default_row_commit_version = CommitVersion(row);
  view.clustering_provider = ClusteringProvider(row);
  return view;
}

size_t FileBlock::MemoryBytes() const {
  size_t total = sizeof(*this) + stats_.MemoryBytes() + 3 * rows() * sizeof(IndexEntry);
  for (const Texts* texts : {&paths_, &tags_, &providers_}) {
    total += texts->bytes.capacity() + texts->ends.capacity() * 4;
  }
  for (const auto* column : {&sizes_, &times_, &records_, &base_row_ids_, &commit_versions_}) {
    total += column->capacity() * 8;
  }
  total += flags_.capacity() + vector_of_row_.capacity() * 4 +
           vectors_.capacity() * sizeof(DeletionVectorDescriptor);
  for (const Partition& column : partition_) {
    total += column.codes.capacity() * 2;
    for (const std::string& value : column.values) total += sizeof(value) + value.capacity();
  }
  return total;
}

FileBlockBuilder::FileBlockBuilder() : block_(std::make_shared<FileBlock>()) {}

uint16_t FileBlockBuilder::Encode(size_t column, std::string_view value) {
  auto& values = block_->partition_[column].values;
  auto [entry, fresh] = dictionaries_[column].try_emplace(std::string(value),
                                                          static_cast<uint16_t>(values.size() + 2));
  if (fresh) values.emplace_back(value);
  return entry->second;
}

void FileBlockBuilder::AppendPartition(const AddView& add, uint32_t row) {
  const size_t count = add.partition_keys ? add.partition_keys->size() : 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string_view key = (*add.partition_keys)[i];
    int column = block_->FindPartitionColumn(key);
    if (column < 0) {
      column = static_cast<int>(block_->partition_.size());
      block_->partition_.emplace_back().name = key;
      dictionaries_.emplace_back();
    }
    auto& codes = block_->partition_[column].codes;
    if (codes.size() > row) continue;  // a key given twice: the first counts
    codes.resize(row, 0);
    codes.push_back((*add.partition_nulls)[i] ? 1 : Encode(column, (*add.partition_values)[i]));
  }
  for (auto& column : block_->partition_) column.codes.resize(row + 1, 0);
}

void FileBlockBuilder::Append(const AddView& add, uint8_t flags) {
  FileBlock& block = *block_;
  const uint32_t row = block.rows();
  block.paths_.Set(row, add.path);
  block.sizes_.push_back(add.size_bytes);
  block.times_.push_back(add.modification_time_ms);
  block.flags_.push_back(flags);
  block.records_.push_back(block.stats_.Append(add.stats));
  if (add.deletion_vector) {
    block.vectors_.push_back(*add.deletion_vector);
    SetSparse<uint32_t>(&block.vector_of_row_, row, static_cast<uint32_t>(block.vectors_.size()),
                        0);
  } else {
    SetSparse<uint32_t>(&block.vector_of_row_, row, 0, 0);
  }
  SetSparse(&block.base_row_ids_, row, add.base_row_id.value_or(FileBlock::kAbsent),
            FileBlock::kAbsent);
  SetSparse(&block.commit_versions_, row,
            add.default_row_commit_version.value_or(FileBlock::kAbsent), FileBlock::kAbsent);
  block.tags_.Set(row, add.tags_json);
  block.providers_.Set(row, add.clustering_provider);
  AppendPartition(add, row);
}

std::shared_ptr<const FileBlock> FileBlockBuilder::Seal() {
  std::shared_ptr<FileBlock> block = std::move(block_);
  block_ = std::make_shared<FileBlock>();
  dictionaries_.clear();
  const uint32_t rows = block->rows();
  for (auto* texts : {&block->paths_, &block->tags_, &block->providers_}) texts->Shrink();
  for (auto* column : {&block->sizes_, &block->times_, &block->records_}) column->shrink_to_fit();
  block->flags_.shrink_to_fit();
  FillSparse<uint32_t>(&block->vector_of_row_, rows, 0);
  FillSparse(&block->base_row_ids_, rows, FileBlock::kAbsent);
  FillSparse(&block->commit_versions_, rows, FileBlock::kAbsent);
  block->vectors_.shrink_to_fit();
  for (auto& column : block->partition_) column.codes.shrink_to_fit();
  block->stats_.Seal();
  return block;
}

}  // namespace tarn::delta
