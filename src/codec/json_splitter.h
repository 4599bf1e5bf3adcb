// JSON files -> one record per object.
//
// NdjsonSplitter: one JSON object per line (NDJSON, JSON Lines). The record is the line without its
// line end, checked; lines of white space are no records; a bad line costs only itself.
//
// JsonSplitter: the elements of one top-level array, or values written one after the other
// (pretty-printed or not), streamed element by element. The record is the element's exact bytes,
// without the white space and commas around it. Line numbers count LF.
//
// Rules of bad records: those of CheckJson (json_text.h) and
//   json.not_object   a valid value that is no object
//   json.cut_off      the input ends inside a value, or before the array's closing bracket (then
//   without bytes) json.syntax       also: text between two elements, or behind the array; extra
//   and missing commas between
//                     elements are passed over
//   json.unclosed     an element that does not close before the next one begins
//   record.too_long   more than max_record_bytes
// An element that never closes (JsonSplitter) would swallow the rest: when the input ends or the
// limit is reached inside it, splitting starts again at the next line that opens an object in the
// column where the element itself began; without such a line all of the rest is one bad record.
#pragma once

#include <string>
#include <string_view>

#include "codec/json_text.h"
#include "codec/record_splitter.h"

namespace tarn::codec {

struct JsonOptions {
  size_t max_depth = kMaxJsonDepth;
  SplitLimits limits;
};

class NdjsonSplitter final : public RecordSplitter {
 public:
  explicit NdjsonSplitter(JsonOptions options, SplitState resume = {});
  void Feed(std::string_view chunk) override { buffer_.Feed(chunk); }
  void Finish() override { finished_ = true; }
  bool Next(SplitRecord* record) override;
  SplitState state() const override;
  uint64_t blank_lines() const override { return blank_lines_; }

 private:
  bool SkipMark();
  bool TakeLine(const LineBreak& end, SplitRecord* record);
  void StartSkip(size_t passed);
  bool ContinueSkip(SplitRecord* record);
  void CheckLine(bool cut_off, SplitRecord* record) const;

  JsonOptions options_;
  SplitBuffer buffer_;
  bool finished_ = false;
  bool mark_checked_;
  int64_t line_;
  LineEnd line_end_;
  size_t scan_ = 0;
  uint64_t blank_lines_ = 0;
  bool skipping_ = false;
  std::string skip_head_;
  uint64_t skip_size_ = 0;
  int64_t skip_offset_ = 0;
};

class JsonSplitter final : public RecordSplitter {
 public:
  enum class Layout { kArray, kConcatenated };
  JsonSplitter(Layout layout, JsonOptions options, SplitState resume = {});
  void Feed(std::string_view chunk) override { buffer_.Feed(chunk); }
  void Finish() override { finished_ = true; }
  bool Next(SplitRecord* record) override;
  SplitState state() const override;

 private:
  // Between records: before the array, behind its '[', before an element, behind one, behind the
  // array. Inside: in a value, in text that is no value.
  enum class Place { kStart, kFirst, kElement, kBehind, kDone, kValue, kGarbage };
  enum class Step { kContinue, kNeedMore, kRecord, kEnd };

  static const char* PlaceName(Place place);
  Step StepBetween();
  Step StepValue(SplitRecord* record);
  Step StepGarbage(SplitRecord* record);
  Step AtEndOfInput(SplitRecord* record);
  bool SkipMark();
  void StartValue();
  void StartGarbage(std::string reason);
  bool ScanValue(size_t limit);
  bool Resynchronize(SplitRecord* record);
  void FinishValue(SplitRecord* record);
  void EmitPassed(const char* rule, std::string reason, SplitRecord* record);
  void Pass(size_t count);
  void PassIntoHead(size_t count);
  Place Behind() const { return layout_ == Layout::kArray ? Place::kBehind : Place::kElement; }

  Layout layout_;
  JsonOptions options_;
  SplitBuffer buffer_;
  bool finished_ = false;
  bool mark_checked_;
  int64_t line_;
  Place place_;
  std::string line_text_;  // white space between the last LF and the place; "x" when there is more

  // The value or garbage under way. Indexes count from the buffer's first unconsumed byte.
  Place between_ = Place::kStart;  // the place before it
  int64_t start_offset_ = 0;
  int64_t start_line_ = 1;
  std::string indent_;  // line_text_ in front of it
  size_t scan_ = 0;
  size_t depth_ = 0;
  bool container_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  // Garbage and too long values are consumed as they are scanned; only their beginning is kept.
  bool passing_ = false;
  std::string head_;
  uint64_t size_ = 0;
  std::string reason_;
};

}  // namespace tarn::codec
