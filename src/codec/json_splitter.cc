#include "codec/json_splitter.h"

#include <algorithm>
#include <cstring>

namespace tarn::codec {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kSpace = " \t\r\n";
constexpr size_t kLongestIndent = 1024;

bool StartsScalar(char c) {
  return c == '"' || c == '-' || c == '+' || c == '.' || (c >= '0' && c <= '9') ||
         (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

JsonSplitter::JsonSplitter(Layout layout, JsonOptions options, SplitState resume)
    : layout_(layout),
      options_(options),
      buffer_(resume.byte_offset),
      mark_checked_(resume.byte_offset != 0),
      line_(resume.line),
      place_(layout == Layout::kArray ? Place::kStart : Place::kElement) {
  std::string mode = resume.mode;
  // A bar says that the place is the beginning of a line; otherwise something stands before it
  // there.
  const bool fresh_line = resume.at_start() || (!mode.empty() && mode.back() == '|');
  if (!fresh_line) line_text_ = "x";
  if (!mode.empty() && mode.back() == '|') mode.pop_back();
  for (const Place place :
       {Place::kStart, Place::kFirst, Place::kElement, Place::kBehind, Place::kDone}) {
    if (mode == PlaceName(place)) place_ = place;
  }
}

const char* JsonSplitter::PlaceName(Place place) {
  switch (place) {
    case Place::kStart: return "start";
    case Place::kFirst: return "first";
    case Place::kElement: return "element";
    case Place::kBehind: return "behind";
    case Place::kDone: return "done";
    case Place::kValue:
    case Place::kGarbage: break;
  }
  return "";
}

SplitState JsonSplitter::state() const {
  const bool inside = place_ == Place::kValue || place_ == Place::kGarbage;
  const bool fresh_line = (inside ? indent_ : line_text_).empty();
  std::string mode = PlaceName(inside ? between_ : place_);
  if (fresh_line) mode += '|';
  if (inside) return {start_offset_, start_line_, mode};
  return {buffer_.offset(), line_, mode};
}

bool JsonSplitter::SkipMark() {
  const std::string_view bytes = buffer_.view();
  const size_t known = std::min(bytes.size(), kByteOrderMark.size());
  const bool may_be = bytes.substr(0, known) == kByteOrderMark.substr(0, known);
  if (may_be && known < kByteOrderMark.size() && !finished_) return false;
  if (may_be && known == kByteOrderMark.size()) buffer_.Consume(known);
  mark_checked_ = true;
  return true;
}

bool JsonSplitter::Next(SplitRecord* record) {
  if (!mark_checked_ && !SkipMark()) return false;
  for (;;) {
    Step step = Step::kContinue;
    switch (place_) {
      case Place::kValue: step = StepValue(record); break;
      case Place::kGarbage: step = StepGarbage(record); break;
      default: step = StepBetween(); break;
    }
    if (step == Step::kNeedMore) {
      if (!finished_) return false;
      step = AtEndOfInput(record);
    }
    if (step == Step::kRecord) return true;
    if (step == Step::kEnd) return false;
  }
}

void JsonSplitter::Pass(size_t count) {
  const std::string_view bytes = buffer_.view().substr(0, count);
  const size_t last = bytes.rfind('\n');
  if (last != std::string_view::npos) {
    line_ += CountLineBreaks(bytes, LineEnd::kLf);
    line_text_.clear();
  }
  const std::string_view tail = last == std::string_view::npos ? bytes : bytes.substr(last + 1);
  if (tail.find_first_not_of(kSpace) != std::string_view::npos ||
      line_text_.size() + tail.size() > kLongestIndent) {
    line_text_ = "x";
  } else {
    line_text_.append(tail);
  }
  buffer_.Consume(count);
}

void JsonSplitter::PassIntoHead(size_t count) {
  if (head_.size() < options_.limits.keep_bad_bytes) {
    const size_t room = options_.limits.keep_bad_bytes - head_.size();
    head_.append(buffer_.view().substr(0, std::min(count, room)));
  }
  size_ += count;
  Pass(count);
}

JsonSplitter::Step JsonSplitter::StepBetween() {
  const std::string_view bytes = buffer_.view();
  const size_t space = std::min(bytes.find_first_not_of(kSpace), bytes.size());
  if (space > 0) {
    Pass(space);
    return Step::kContinue;
  }
  if (bytes.empty()) return Step::kNeedMore;
  const char c = bytes[0];
  const bool array = layout_ == Layout::kArray;
  if (place_ == Place::kDone) {
    StartGarbage("text behind the array's closing bracket");
  } else if (place_ == Place::kStart) {
    if (c == '[') {
      Pass(1);
      place_ = Place::kFirst;
    } else {
      StartGarbage("the file does not begin with '['");
    }
  } else if (array && c == ']') {
    Pass(1);
    place_ = Place::kDone;
  } else if (c == ',') {
    Pass(1);
    place_ = Place::kElement;
  } else if (c == '{' || (place_ != Place::kBehind && (c == '[' || StartsScalar(c)))) {
    StartValue();
  } else {
    StartGarbage("text that is no JSON value");
  }
  return Step::kContinue;
}

void JsonSplitter::StartValue() {
  between_ = place_;
  start_offset_ = buffer_.offset();
  start_line_ = line_;
  indent_ = line_text_;
  scan_ = 0;
  depth_ = 0;
  container_ = buffer_[0] == '{' || buffer_[0] == '[';
  in_string_ = false;
  escaped_ = false;
  passing_ = false;
  head_.clear();
  size_ = 0;
  place_ = Place::kValue;
}

void JsonSplitter::StartGarbage(std::string reason) {
  StartValue();
  passing_ = true;
  reason_ = std::move(reason);
  place_ = Place::kGarbage;
}

// Advances scan_ to the value's end (true) or to `limit` (false).
bool JsonSplitter::ScanValue(size_t limit) {
  const std::string_view bytes = buffer_.view();
  for (; scan_ < limit; ++scan_) {
    const char c = bytes[scan_];
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
      continue;
    }
    if (!container_ && (std::strchr(",]}{[ \t\r\n", c) != nullptr && c != '\0')) return true;
    if (c == '"') {
      in_string_ = true;
    } else if (container_ && (c == '{' || c == '[')) {
      ++depth_;
    } else if (container_ && (c == '}' || c == ']') && --depth_ == 0) {
      ++scan_;
      return true;
    }
  }
  return false;
}

JsonSplitter::Step JsonSplitter::StepValue(SplitRecord* record) {
  if (passing_) {
    const bool done = ScanValue(buffer_.size());
    PassIntoHead(scan_);
    scan_ = 0;
    if (!done) return Step::kNeedMore;
    EmitPassed("record.too_long",
               "the value has " + std::to_string(size_) + " bytes; the limit is " +
                   std::to_string(options_.limits.max_record_bytes),
               record);
    return Step::kRecord;
  }
  const size_t bound = options_.limits.max_record_bytes + 1;
  const size_t limit = std::min<size_t>(buffer_.size(), bound);
  if (ScanValue(limit) && scan_ < bound) {
    FinishValue(record);
    return Step::kRecord;
  }
  if (limit < bound) return Step::kNeedMore;
  if (Resynchronize(record)) return Step::kRecord;
  passing_ = true;
  const bool done = scan_ > 0 && container_ && depth_ == 0;
  PassIntoHead(scan_);
  scan_ = 0;
  if (!done) return Step::kContinue;
  EmitPassed("record.too_long",
             "the value has " + std::to_string(size_) + " bytes; the limit is " +
                 std::to_string(options_.limits.max_record_bytes),
             record);
  return Step::kRecord;
}

JsonSplitter::Step JsonSplitter::StepGarbage(SplitRecord* record) {
  const std::string_view bytes = buffer_.view();
  const bool to_the_end = between_ == Place::kDone || between_ == Place::kStart;
  const char* stops = layout_ == Layout::kArray ? ",{]" : "{[";
  // The first byte is garbage whatever it is; otherwise a stray stop would never be passed.
  const size_t from = size_ == 0 ? 1 : 0;
  const size_t stop =
      to_the_end || bytes.size() < from ? std::string_view::npos : bytes.find_first_of(stops, from);
  if (stop == std::string_view::npos) {
    PassIntoHead(bytes.size());
    return Step::kNeedMore;
  }
  PassIntoHead(stop);
  EmitPassed("json.syntax", reason_, record);
  return Step::kRecord;
}

void JsonSplitter::EmitPassed(const char* rule, std::string reason, SplitRecord* record) {
  *record = SplitRecord{head_, size_, start_offset_, start_line_, rule, std::move(reason)};
  line_text_ = "x";
  place_ = between_ == Place::kDone || between_ == Place::kStart ? Place::kDone : Behind();
}

void JsonSplitter::FinishValue(SplitRecord* record) {
  const std::string_view bytes = buffer_.view().substr(0, scan_);
  *record = SplitRecord{bytes, bytes.size(), start_offset_, start_line_, "", ""};
  if (auto fault = CheckJson(bytes, options_.max_depth)) {
    record->rule = std::move(fault->rule);
    record->reason = std::move(fault->reason);
  } else if (bytes[0] != '{') {
    record->rule = "json.not_object";
    record->reason = "a JSON value, but not an object";
  }
  if (!record->good()) record->bytes = bytes.substr(0, options_.limits.keep_bad_bytes);
  Pass(scan_);
  line_text_ = "x";
  place_ = Behind();
}

// The value under way does not close: gives up on it at the next line that opens an object in its
// column.
bool JsonSplitter::Resynchronize(SplitRecord* record) {
  if (buffer_[0] != '{' || indent_.substr(0, 1) == "x") return false;
  const std::string_view bytes = buffer_.view().substr(0, scan_);
  const size_t next = bytes.find("\n" + indent_ + "{", 1);
  if (next == std::string_view::npos) return false;
  *record = SplitRecord{bytes.substr(0, std::min<size_t>(next, options_.limits.keep_bad_bytes)),
                        next,
                        start_offset_,
                        start_line_,
                        "json.unclosed",
                        "an object opens here and does not close before the next one begins"};
  Pass(next + 1);
  place_ = Place::kElement;
  return true;
}

JsonSplitter::Step JsonSplitter::AtEndOfInput(SplitRecord* record) {
  switch (place_) {
    case Place::kValue: break;
    case Place::kGarbage: EmitPassed("json.syntax", reason_, record); return Step::kRecord;
    case Place::kFirst:
    case Place::kElement:
    case Place::kBehind:
      if (layout_ == Layout::kConcatenated) return Step::kEnd;
      *record = SplitRecord{{},
                            0,
                            buffer_.offset(),
                            line_,
                            "json.cut_off",
                            "the file ends before the array's closing bracket"};
      place_ = Place::kDone;
      return Step::kRecord;
    case Place::kStart:
    case Place::kDone: return Step::kEnd;
  }
  if (!container_ && !in_string_ && !passing_) {
    FinishValue(record);
    return Step::kRecord;
  }
  if (!passing_ && Resynchronize(record)) return Step::kRecord;
  PassIntoHead(buffer_.size());
  EmitPassed("json.cut_off", "the file ends inside this value", record);
  // In an array the missing bracket is the same fault, not a second one.
  if (layout_ == Layout::kArray) place_ = Place::kDone;
  return Step::kRecord;
}

}  // namespace tarn::codec
