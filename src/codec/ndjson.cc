#include <algorithm>

#include "codec/json_splitter.h"

namespace tarn::codec {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsWhite(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

NdjsonSplitter::NdjsonSplitter(JsonOptions options, SplitState resume)
    : options_(options),
      buffer_(resume.byte_offset),
      mark_checked_(resume.byte_offset != 0),
      line_(resume.line),
      line_end_(LineEndFromName(resume.mode)) {}

SplitState NdjsonSplitter::state() const {
  return {skipping_ ? skip_offset_ : buffer_.offset(), line_, std::string(LineEndName(line_end_))};
}

bool NdjsonSplitter::SkipMark() {
  const std::string_view bytes = buffer_.view();
  const size_t known = std::min(bytes.size(), kByteOrderMark.size());
  const bool may_be = bytes.substr(0, known) == kByteOrderMark.substr(0, known);
  if (may_be && known < kByteOrderMark.size() && !finished_) return false;
  if (may_be && known == kByteOrderMark.size()) buffer_.Consume(known);
  mark_checked_ = true;
  return true;
}

bool NdjsonSplitter::Next(SplitRecord* record) {
  if (!mark_checked_ && !SkipMark()) return false;
  for (;;) {
    if (skipping_) return ContinueSkip(record);
    // Two bytes beyond the limit, so that a line of exactly the limit may still end in CRLF.
    const size_t bound = options_.limits.max_record_bytes + 2;
    const std::string_view bytes = buffer_.view().substr(0, bound);
    const bool whole = finished_ && bytes.size() == buffer_.size();
    size_t pending = 0;
    if (const auto end = FindLineBreak(bytes, scan_, line_end_, whole, &pending)) {
      if (line_end_ == LineEnd::kUnknown) line_end_ = end->kind;
      if (TakeLine(*end, record)) return true;
      continue;
    }
    scan_ = pending;
    if (bytes.size() == bound) {
      StartSkip(pending);
      continue;
    }
    if (!whole || bytes.empty()) return false;
    const bool lone_cr = line_end_ == LineEnd::kCrLf && bytes.back() == '\r';
    return TakeLine({bytes.size() - (lone_cr ? 1 : 0), lone_cr ? 1u : 0u, line_end_}, record);
  }
}

bool NdjsonSplitter::TakeLine(const LineBreak& end, SplitRecord* record) {
  const std::string_view line = buffer_.view().substr(0, end.at);
  const bool blank = IsWhite(line);
  if (!blank) {
    *record = SplitRecord{line, end.at, buffer_.offset(), line_, "", ""};
    CheckLine(end.length == 0, record);
  }
  blank_lines_ += blank && end.length > 0;
  if (end.length > 0) ++line_;
  buffer_.Consume(end.at + end.length);
  scan_ = 0;
  return !blank;
}

void NdjsonSplitter::CheckLine(bool cut_off, SplitRecord* record) const {
  if (record->size > options_.limits.max_record_bytes) {
    record->rule = "record.too_long";
    record->reason = "the line has " + std::to_string(record->size) + " bytes; the limit is " +
                     std::to_string(options_.limits.max_record_bytes);
  } else if (auto fault = CheckJson(record->bytes, options_.max_depth)) {
    record->rule = std::move(fault->rule);
    record->reason = std::move(fault->reason);
    if (cut_off && record->rule == "json.cut_off") {
      record->reason = "the file ends inside this record and without a line end";
    }
  } else if (record->bytes[record->bytes.find_first_not_of(" \t\r\n")] != '{') {
    record->rule = "json.not_object";
    record->reason = "a JSON value, but not an object";
  }
  if (!record->good()) record->bytes = record->bytes.substr(0, options_.limits.keep_bad_bytes);
}

void NdjsonSplitter::StartSkip(size_t passed) {
  if (passed > 0 && buffer_[passed - 1] == '\r') --passed;  // half of a line end, perhaps
  skipping_ = true;
  skip_head_ = buffer_.view().substr(0, std::min<size_t>(passed, options_.limits.keep_bad_bytes));
  skip_size_ = passed;
  skip_offset_ = buffer_.offset();
  buffer_.Consume(passed);
  scan_ = 0;
}

bool NdjsonSplitter::ContinueSkip(SplitRecord* record) {
  const std::string_view bytes = buffer_.view();
  size_t pending = 0;
  const auto found = FindLineBreak(bytes, 0, line_end_, finished_, &pending);
  if (!found && !finished_ && pending > 0 && bytes[pending - 1] == '\r') --pending;
  const size_t passed = found ? found->at : pending;
  if (skip_head_.size() < options_.limits.keep_bad_bytes) {
    const size_t room = options_.limits.keep_bad_bytes - skip_head_.size();
    skip_head_.append(bytes.substr(0, std::min(passed, room)));
  }
  skip_size_ += passed;
  buffer_.Consume(passed);
  if (!found && !finished_) return false;
  *record = SplitRecord{skip_head_, skip_size_, skip_offset_, line_, "record.too_long", ""};
  record->reason = "the line has " + std::to_string(skip_size_) + " bytes; the limit is " +
                   std::to_string(options_.limits.max_record_bytes);
  if (found) {
    if (line_end_ == LineEnd::kUnknown) line_end_ = found->kind;
    buffer_.Consume(found->length);
    ++line_;
  }
  skipping_ = false;
  return true;
}

}  // namespace tarn::codec
