// Statistics of many files as columns.
//
// The stats texts of one writer differ only in their values:
// {"numRecords":<>,"minValues":{"a":<>},…}. A StatsShape is the text around the values, kept once;
// StatsStore keeps the values of each position (slot) together, as one constant, a dictionary, or
// packed texts. The original text is rebuilt byte for byte, and one statistic of a million files is
// read without touching the others. A text that is not such an object is one slot of its own.
//
// Threads: shapes are immutable. StatsStore is built by one thread (Append, Seal), then immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tarn::delta {

struct StatsShape {
  // text = pieces[0] value[0] pieces[1] value[1] … pieces[n]
  std::vector<std::string> pieces;
  std::vector<std::vector<std::string>>
      paths;              // keys that lead to each value; empty for a raw text
  int records_slot = -1;  // slot of top-level numRecords
  size_t slots() const { return pieces.size() - 1; }
  bool raw() const { return paths.empty(); }
  int SlotOf(const std::vector<std::string>& path) const;  // -1 when absent
};

// Splits `text`; nullptr when it is not an object of objects and scalars. `values` get the value
// texts.
std::shared_ptr<const StatsShape> ParseStatsShape(std::string_view text,
                                                  std::vector<std::string_view>* values);
// True when `text` has exactly this shape; `values` are then filled.
bool MatchStatsShape(const StatsShape& shape, std::string_view text,
                     std::vector<std::string_view>* values);

class StatsStore {
 public:
  StatsStore();
  // Adds the statistics of the next row; empty when it has none. Returns numRecords, -1 when
  // absent.
  int64_t Append(std::string_view text);
  // Repacks by slot; no Append afterwards.
  void Seal();

  // --- after or before Seal ---
  std::string_view Text(uint32_t row, std::string* scratch) const;
  uint32_t ShapeOf(uint32_t row) const { return shape_of_row_[row]; }  // 0: no statistics
  uint32_t num_shapes() const { return static_cast<uint32_t>(groups_.size()); }
  const StatsShape& shape(uint32_t id) const { return *groups_[id].shape; }
  // The text of a value; in the store or put together in `scratch`.
  std::string_view Value(uint32_t row, uint32_t slot, std::string* scratch) const;
  size_t MemoryBytes() const;

 private:
  struct SlotColumn {
    enum class Form : uint8_t { kConstant, kFixed, kDictionary, kPacked } form = Form::kConstant;
    std::string bytes;                // kFixed: the differing bytes, row by row
    std::string pattern;              // kFixed: a whole text
    std::vector<uint16_t> positions;  // kFixed: where the differing bytes go
    std::vector<uint32_t> ends;       // kDictionary: of entries; kPacked: of rows
    std::vector<uint16_t> codes;      // kDictionary
    std::string_view Get(uint32_t ordinal, std::string* scratch) const;
  };
  // Rows of one shape.
  struct Group {
    std::shared_ptr<const StatsShape> shape;
    uint32_t rows = 0;
    // Before Seal, and for few rows after it: values row by row.
    std::string bytes;
    std::vector<uint32_t> ends;
    std::vector<SlotColumn> columns;  // after Seal of many rows
  };
  uint32_t GroupOf(std::string_view text);
  static void Repack(Group* group);
  static SlotColumn PackSlot(const Group& group, uint32_t slot);
  static void PackFixed(const Group& group, uint32_t slot, SlotColumn* column);
  static std::string_view RowValue(const Group& group, uint32_t ordinal, uint32_t slot);

  std::vector<Group> groups_;  // [0] is "no statistics"
  std::vector<uint16_t> shape_of_row_;
  std::vector<uint16_t> ordinal_of_row_;  // among the rows of its shape
  uint32_t last_group_ = 0;
  uint32_t raw_group_ = 0;                // 0 until one exists
  std::vector<std::string_view> values_;  // scratch of Append
};

}  // namespace tarn::delta
