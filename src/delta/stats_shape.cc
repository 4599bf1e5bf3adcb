#include "delta/stats_shape.h"

#include <charconv>
#include <cstring>

#include "delta/json_read.h"
#include "delta/path_key.h"

namespace tarn::delta {
namespace {

// Rows of a shape from which packing by slot pays.
constexpr uint32_t kPackFrom = 64;
// Distinct shapes in one block before the rest is kept as raw text.
constexpr size_t kMaxShapes = 256;
constexpr int kMaxDepth = 64;
// Texts of one length up to this are kept by the bytes that differ.
constexpr size_t kMaxFixedWidth = 256;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Index behind the string that starts at `i` (a quote), or npos.
size_t SkipString(std::string_view text, size_t i) {
  for (++i; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

// Index behind the value that starts at `i`: string, array (as one value) or bare token; npos when
// there is none. Objects are not values here.
size_t SkipValue(std::string_view text, size_t i) {
  if (i >= text.size()) return std::string_view::npos;
  if (text[i] == '"') return SkipString(text, i);
  if (text[i] == '[') {
    int depth = 0;
    while (i < text.size()) {
      if (text[i] == '"') {
        i = SkipString(text, i);
        if (i == std::string_view::npos) return i;
        continue;
      }
      if (text[i] == '[' || text[i] == '{') ++depth;
      if (text[i] == ']' || text[i] == '}') --depth;
      ++i;
      if (depth == 0) return i;
    }
    return std::string_view::npos;
  }
  const size_t begin = i;
  while (i < text.size() && text[i] != ',' && text[i] != '}' && text[i] != ']' && text[i] != '{' &&
         text[i] != '"' && !IsSpace(text[i])) {
    ++i;
  }
  return i == begin ? std::string_view::npos : i;
}

class ShapeParser {
 public:
  ShapeParser(std::string_view text, StatsShape* shape, std::vector<std::string_view>* values)
      : text_(text), shape_(*shape), values_(*values) {}

  bool Parse() {
    SkipSpaces();
    if (!Object(0)) return false;
    SkipSpaces();
    if (i_ != text_.size()) return false;
    shape_.pieces.emplace_back(text_.substr(piece_));
    return true;
  }

 private:
  void SkipSpaces() {
    while (i_ < text_.size() && IsSpace(text_[i_])) ++i_;
  }
  bool Take(char c) {
    SkipSpaces();
    if (i_ >= text_.size() || text_[i_] != c) return false;
    ++i_;
    return true;
  }

  bool Object(int depth) {
    if (depth > kMaxDepth || !Take('{')) return false;
    if (Take('}')) return true;
    do {
      SkipSpaces();
      if (i_ >= text_.size() || text_[i_] != '"') return false;
      const size_t end = SkipString(text_, i_);
      if (end == std::string_view::npos) return false;
      if (!PushKey(text_.substr(i_, end - i_))) return false;
      i_ = end;
      if (!Take(':')) return false;
      SkipSpaces();
      if (i_ < text_.size() && text_[i_] == '{') {
        if (!Object(depth + 1)) return false;
      } else if (!Value()) {
        return false;
      }
      path_.pop_back();
    } while (Take(','));
    return Take('}');
  }

  bool PushKey(std::string_view quoted) {
    if (quoted.find('\\') == std::string_view::npos) {
      path_.emplace_back(quoted.substr(1, quoted.size() - 2));
      return true;
    }
    simdjson::dom::parser parser;
    json_read::Element element;
    std::string_view key;
    if (!json_read::ParseDocument(parser, quoted.data(), quoted.size(), false, &element).ok() ||
        element.get_string().get(key)) {
      return false;
    }
    path_.emplace_back(key);
    return true;
  }

  bool Value() {
    const size_t end = SkipValue(text_, i_);
    if (end == std::string_view::npos) return false;
    shape_.pieces.emplace_back(text_.substr(piece_, i_ - piece_));
    values_.push_back(text_.substr(i_, end - i_));
    if (path_.size() == 1 && path_[0] == "numRecords") {
      shape_.records_slot = static_cast<int>(shape_.paths.size());
    }
    shape_.paths.push_back(path_);
    i_ = piece_ = end;
    return true;
  }

  std::string_view text_;
  StatsShape& shape_;
  std::vector<std::string_view>& values_;
  std::vector<std::string> path_;
  size_t i_ = 0;
  size_t piece_ = 0;  // start of the piece being read
};

int64_t ParseRecords(std::string_view text) {
  int64_t number;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && number >= 0 ? number : -1;
}

std::shared_ptr<const StatsShape> RawShape() {
  static const auto shape = [] {
    auto raw = std::make_shared<StatsShape>();
    raw->pieces = {"", ""};
    return std::shared_ptr<const StatsShape>(raw);
  }();
  return shape;
}

// Distinct values of a column, in order of appearance; gives up beyond `limit`.
class ValueDictionary {
 public:
  ValueDictionary(uint32_t rows, uint32_t limit) : limit_(limit) {
    size_t capacity = 64;
    while (capacity < 3 * static_cast<size_t>(limit)) capacity *= 2;
    slots_.assign(capacity, 0);
    codes_.reserve(rows);
  }
  bool Add(std::string_view value) {
    const size_t mask = slots_.size() - 1;
    for (size_t i = HashBytes(value) & mask;; i = (i + 1) & mask) {
      if (slots_[i] == 0) {
        if (entries_.size() >= limit_) return false;
        entries_.push_back(value);
        slots_[i] = static_cast<uint16_t>(entries_.size());
      } else if (entries_[slots_[i] - 1] != value) {
        continue;
      }
      codes_.push_back(static_cast<uint16_t>(slots_[i] - 1));
      return true;
    }
  }
  const std::vector<std::string_view>& entries() const { return entries_; }
  std::vector<uint16_t> TakeCodes() { return std::move(codes_); }

 private:
  uint32_t limit_;
  std::vector<uint16_t> slots_;  // entry + 1
  std::vector<std::string_view> entries_;
  std::vector<uint16_t> codes_;
};

}  // namespace

int StatsShape::SlotOf(const std::vector<std::string>& path) const {
  for (size_t i = 0; i < paths.size(); ++i) {
    if (paths[i] == path) return static_cast<int>(i);
  }
  return -1;
}

std::shared_ptr<const StatsShape> ParseStatsShape(std::string_view text,
                                                  std::vector<std::string_view>* values) {
  values->clear();
  auto shape = std::make_shared<StatsShape>();
  if (!ShapeParser(text, shape.get(), values).Parse() || shape->paths.empty()) return nullptr;
  return shape;
}

bool MatchStatsShape(const StatsShape& shape, std::string_view text,
                     std::vector<std::string_view>* values) {
  values->clear();
  size_t i = 0;
  const size_t slots = shape.slots();
  for (size_t slot = 0; slot < slots; ++slot) {
    const std::string& piece = shape.pieces[slot];
    if (text.compare(i, piece.size(), piece) != 0) return false;
    i += piece.size();
    const size_t end = SkipValue(text, i);
    if (end == std::string_view::npos) return false;
    values->push_back(text.substr(i, end - i));
    i = end;
  }
  return text.substr(i) == shape.pieces[slots];
}

StatsStore::StatsStore() { groups_.emplace_back().shape = RawShape(); }

uint32_t StatsStore::GroupOf(std::string_view text) {
  if (last_group_ && !groups_[last_group_].shape->raw() &&
      MatchStatsShape(*groups_[last_group_].shape, text, &values_)) {
    return last_group_;
  }
  for (uint32_t id = 1; id < groups_.size(); ++id) {
    if (id == last_group_ || groups_[id].shape->raw()) continue;
    if (MatchStatsShape(*groups_[id].shape, text, &values_)) return id;
  }
  std::shared_ptr<const StatsShape> shape;
  if (groups_.size() < kMaxShapes) shape = ParseStatsShape(text, &values_);
  if (shape) {
    groups_.emplace_back().shape = std::move(shape);
    return static_cast<uint32_t>(groups_.size() - 1);
  }
  values_.assign(1, text);
  if (!raw_group_) {
    groups_.emplace_back().shape = RawShape();
    raw_group_ = static_cast<uint32_t>(groups_.size() - 1);
  }
  return raw_group_;
}

int64_t StatsStore::Append(std::string_view text) {
  if (text.empty()) {
    shape_of_row_.push_back(0);
    ordinal_of_row_.push_back(0);
    return -1;
  }
  const uint32_t id = GroupOf(text);
  last_group_ = id;
  Group& group = groups_[id];
  shape_of_row_.push_back(static_cast<uint16_t>(id));
  ordinal_of_row_.push_back(static_cast<uint16_t>(group.rows++));
  for (std::string_view value : values_) {
    group.bytes.append(value);
    group.ends.push_back(static_cast<uint32_t>(group.bytes.size()));
  }
  if (group.shape->records_slot >= 0) return ParseRecords(values_[group.shape->records_slot]);
  if (!group.shape->raw()) return -1;
  simdjson::dom::parser parser;
  json_read::Element element;
  int64_t records = -1;
  if (!json_read::ParseDocument(parser, text.data(), text.size(), false, &element).ok() ||
      element["numRecords"].get_int64().get(records)) {
    return -1;
  }
  return records;
}

std::string_view StatsStore::RowValue(const Group& group, uint32_t ordinal, uint32_t slot) {
  const size_t at = ordinal * group.shape->slots() + slot;
  const uint32_t begin = at ? group.ends[at - 1] : 0;
  return std::string_view(group.bytes).substr(begin, group.ends[at] - begin);
}

std::string_view StatsStore::SlotColumn::Get(uint32_t ordinal, std::string* scratch) const {
  const std::string_view all(bytes);
  switch (form) {
    case Form::kConstant: return all;
    case Form::kFixed: {
      const char* differing = bytes.data() + static_cast<size_t>(ordinal) * positions.size();
      scratch->assign(pattern);
      for (const uint16_t position : positions) (*scratch)[position] = *differing++;
      return *scratch;
    }
    case Form::kDictionary: ordinal = codes[ordinal]; break;
    case Form::kPacked: break;
  }
  const uint32_t begin = ordinal ? ends[ordinal - 1] : 0;
  return all.substr(begin, ends[ordinal] - begin);
}

std::string_view StatsStore::Value(uint32_t row, uint32_t slot, std::string* scratch) const {
  const Group& group = groups_[shape_of_row_[row]];
  const uint32_t ordinal = ordinal_of_row_[row];
  return group.columns.empty() ? RowValue(group, ordinal, slot)
                               : group.columns[slot].Get(ordinal, scratch);
}

void StatsStore::PackFixed(const Group& group, uint32_t slot, SlotColumn* column) {
  column->form = SlotColumn::Form::kFixed;
  column->pattern = RowValue(group, 0, slot);
  const size_t width = column->pattern.size();
  std::vector<char> differs(width, 0);
  for (uint32_t i = 1; i < group.rows; ++i) {
    const std::string_view value = RowValue(group, i, slot);
    for (size_t k = 0; k < width; ++k) {
      differs[k] = static_cast<char>(differs[k] | (value[k] != column->pattern[k]));
    }
  }
  for (size_t k = 0; k < width; ++k) {
    if (differs[k]) column->positions.push_back(static_cast<uint16_t>(k));
  }
  column->positions.shrink_to_fit();
  column->bytes.reserve(group.rows * column->positions.size());
  for (uint32_t i = 0; i < group.rows; ++i) {
    const std::string_view value = RowValue(group, i, slot);
    for (const uint16_t position : column->positions) column->bytes.push_back(value[position]);
  }
}

StatsStore::SlotColumn StatsStore::PackSlot(const Group& group, uint32_t slot) {
  SlotColumn column;
  const std::string_view first = RowValue(group, 0, slot);
  bool constant = true, fixed = true;
  size_t total = 0;
  for (uint32_t i = 0; i < group.rows; ++i) {
    const std::string_view value = RowValue(group, i, slot);
    total += value.size();
    fixed = fixed && value.size() == first.size();
    constant = constant && fixed && value == first;
  }
  if (constant) {
    column.bytes = first;
    return column;
  }
  ValueDictionary dictionary(group.rows, group.rows / 4);
  bool small = true;
  for (uint32_t i = 0; small && i < group.rows; ++i)
    small = dictionary.Add(RowValue(group, i, slot));
  if (small) {
    column.form = SlotColumn::Form::kDictionary;
    for (std::string_view entry : dictionary.entries()) {
      column.bytes.append(entry);
      column.ends.push_back(static_cast<uint32_t>(column.bytes.size()));
    }
    column.codes = dictionary.TakeCodes();
    column.bytes.shrink_to_fit();
    column.ends.shrink_to_fit();
    return column;
  }
  if (fixed && first.size() <= kMaxFixedWidth) {
    PackFixed(group, slot, &column);
    return column;
  }
  column.form = SlotColumn::Form::kPacked;
  column.bytes.reserve(total);
  column.ends.reserve(group.rows);
  for (uint32_t i = 0; i < group.rows; ++i) {
    column.bytes.append(RowValue(group, i, slot));
    column.ends.push_back(static_cast<uint32_t>(column.bytes.size()));
  }
  return column;
}

void StatsStore::Repack(Group* group) {
  const uint32_t slots = static_cast<uint32_t>(group->shape->slots());
  std::vector<SlotColumn> columns;
  columns.reserve(slots);
  for (uint32_t slot = 0; slot < slots; ++slot) columns.push_back(PackSlot(*group, slot));
  group->columns = std::move(columns);
  std::string().swap(group->bytes);  // assignment would keep the memory
  std::vector<uint32_t>().swap(group->ends);
}

void StatsStore::Seal() {
  for (Group& group : groups_) {
    if (group.rows >= kPackFrom) {
      Repack(&group);
    } else {
      group.bytes.shrink_to_fit();
      group.ends.shrink_to_fit();
    }
  }
  shape_of_row_.shrink_to_fit();
  ordinal_of_row_.shrink_to_fit();
  values_ = {};
}

std::string_view StatsStore::Text(uint32_t row, std::string* scratch) const {
  const uint32_t id = shape_of_row_[row];
  if (id == 0) return {};
  const StatsShape& shape = *groups_[id].shape;
  std::string value;
  scratch->clear();
  for (uint32_t slot = 0; slot < shape.slots(); ++slot) {
    scratch->append(shape.pieces[slot]).append(Value(row, slot, &value));
  }
  scratch->append(shape.pieces.back());
  return *scratch;
}

size_t StatsStore::MemoryBytes() const {
  size_t total = shape_of_row_.capacity() * 4;
  for (const Group& group : groups_) {
    total += group.bytes.capacity() + group.ends.capacity() * 4;
    for (const SlotColumn& column : group.columns) {
      total += sizeof(column) + column.bytes.capacity() + column.pattern.capacity() +
               column.ends.capacity() * 4 + column.codes.capacity() * 2 +
               column.positions.capacity() * 2;
    }
  }
  return total;
}

}  // namespace tarn::delta
