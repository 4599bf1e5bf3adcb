#include "codec/csv.h"

#include <algorithm>
#include <cstring>

namespace tarn::codec {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string Quoted(char c) {
  if (c == '\t') return "tab";
  return std::string("'") + c + "'";
}

}  // namespace

CsvSplitter::CsvSplitter(CsvOptions options, SplitState resume)
    : options_(options),
      buffer_(resume.byte_offset),
      mark_checked_(resume.byte_offset != 0),
      line_(resume.line),
      header_pending_(options.has_header && resume.at_start()) {
  special_[static_cast<unsigned char>(options.delimiter)] = true;
  special_[static_cast<unsigned char>('\n')] = true;
  special_[static_cast<unsigned char>('\r')] = true;
  // mode is "<line end>:<fields>".
  if (const size_t colon = resume.mode.find(':'); colon != std::string::npos) {
    line_end_ = LineEndFromName(std::string_view(resume.mode).substr(0, colon));
    expected_fields_ = std::strtoull(resume.mode.c_str() + colon + 1, nullptr, 10);
  }
}

SplitState CsvSplitter::state() const {
  if (header_pending_) return {};
  const std::string mode =
      std::string(LineEndName(line_end_)) + ":" + std::to_string(expected_fields_);
  if (place_ == Place::kSkip) return {skip_offset_, skip_line_, mode};
  return {buffer_.offset(), line_, mode};
}

bool CsvSplitter::Next(SplitRecord* record) {
  while (NextRaw(record)) {
    if (!header_pending_) return true;
    header_pending_ = false;
    if (record->good()) {
      header_ = record->bytes;
    } else {
      header_error_ = record->reason;
    }
  }
  return false;
}

bool CsvSplitter::NextRaw(SplitRecord* record) {
  if (!mark_checked_ && !SkipMark()) return false;
  for (;;) {
    if (place_ == Place::kSkip) return ContinueSkip(record);
    LineBreak end;
    switch (Scan(&end)) {
      case Step::kRecordEnd:
        if (line_end_ == LineEnd::kUnknown) line_end_ = end.kind;
        if (IsBlank(end)) {
          buffer_.Consume(end.at + end.length);
          ++line_;
          ++blank_lines_;
          ResetScan();
          continue;
        }
        Emit(end, record);
        return true;
      case Step::kBadQuote:
        if (CutAtOpeningLine("csv.quote", "text follows a closing quote", false, record)) {
          return true;
        }
        place_ = Place::kRawTail;
        tail_rule_ = "csv.quote";
        continue;
      case Step::kTooLong:
        if ((place_ == Place::kQuoted || place_ == Place::kAfterQuote) &&
            CutAtOpeningLine("csv.unclosed_quote",
                             "a quoted field opens here and does not close within " +
                                 std::to_string(options_.limits.max_record_bytes) + " bytes",
                             false, record)) {
          return true;
        }
        StartSkip();
        continue;
      case Step::kNeedMore:
      case Step::kContinue: break;
    }
    return finished_ && AtEndOfInput(record);
  }
}

bool CsvSplitter::SkipMark() {
  const std::string_view bytes = buffer_.view();
  const size_t known = std::min(bytes.size(), kByteOrderMark.size());
  if (bytes.substr(0, known) != kByteOrderMark.substr(0, known)) {
    mark_checked_ = true;
  } else if (known == kByteOrderMark.size()) {
    buffer_.Consume(known);
    mark_checked_ = true;
  } else if (finished_) {
    mark_checked_ = true;
  }
  return mark_checked_;
}

// Two bytes beyond the limit are looked at, so that a record of exactly the limit may still end in
// CRLF.
CsvSplitter::Step CsvSplitter::Scan(LineBreak* end) {
  const size_t bound = options_.limits.max_record_bytes + 2;
  const size_t limit = std::min<size_t>(buffer_.size(), bound);
  const std::string_view bytes = buffer_.view().substr(0, limit);
  while (scan_ < limit) {
    Step step = Step::kContinue;
    switch (place_) {
      case Place::kFieldStart:
        if (options_.quote != '\0' && bytes[scan_] == options_.quote) {
          place_ = Place::kQuoted;
          quoted_seen_ = true;
          quote_open_ = scan_++;
          break;
        }
        place_ = Place::kUnquoted;
        [[fallthrough]];
      case Place::kUnquoted: step = ScanUnquoted(bytes, end); break;
      case Place::kQuoted: {
        const void* hit = std::memchr(bytes.data() + scan_, options_.quote, limit - scan_);
        if (hit == nullptr) {
          scan_ = limit;
        } else {
          scan_ = static_cast<size_t>(static_cast<const char*>(hit) - bytes.data()) + 1;
          place_ = Place::kAfterQuote;
        }
        break;
      }
      case Place::kAfterQuote: step = ScanAfterQuote(bytes, end); break;
      case Place::kRawTail: step = ScanRawTail(bytes, end); break;
      case Place::kSkip: break;
    }
    if (step != Step::kContinue) return step;
  }
  return limit == bound ? Step::kTooLong : Step::kNeedMore;
}

CsvSplitter::Step CsvSplitter::ScanUnquoted(std::string_view bytes, LineBreak* end) {
  const char* at = bytes.data() + scan_;
  const char* stop = bytes.data() + bytes.size();
  while (at < stop && !special_[static_cast<unsigned char>(*at)]) ++at;
  scan_ = static_cast<size_t>(at - bytes.data());
  if (at == stop) return Step::kContinue;
  if (*at == options_.delimiter) {
    ++fields_;
    ++scan_;
    place_ = Place::kFieldStart;
    return Step::kContinue;
  }
  const Step step = AtLineEnd(end);
  if (step == Step::kContinue) ++scan_;  // this CR or LF is data here
  return step;
}

CsvSplitter::Step CsvSplitter::ScanAfterQuote(std::string_view bytes, LineBreak* end) {
  const char c = bytes[scan_];
  if (c == options_.quote) {  // a doubled quote
    ++scan_;
    place_ = Place::kQuoted;
    return Step::kContinue;
  }
  if (c == options_.delimiter) {
    ++fields_;
    ++scan_;
    place_ = Place::kFieldStart;
    return Step::kContinue;
  }
  if (c != '\r' && c != '\n') return Step::kBadQuote;
  if (c == '\r' && (line_end_ == LineEnd::kLf || line_end_ == LineEnd::kCrLf)) {
    if (scan_ + 1 < buffer_.size()) {
      if (buffer_[scan_ + 1] != '\n') return Step::kBadQuote;
      *end = {scan_, 2, line_end_};
      return Step::kRecordEnd;
    }
    if (!finished_) return Step::kNeedMore;
    *end = {scan_, 1, line_end_};
    return Step::kRecordEnd;
  }
  const Step step = AtLineEnd(end);
  return step == Step::kContinue ? Step::kBadQuote : step;
}

CsvSplitter::Step CsvSplitter::ScanRawTail(std::string_view bytes, LineBreak* end) {
  size_t pending = 0;
  const bool whole = finished_ && bytes.size() == buffer_.size();
  const auto found = FindLineBreak(bytes, scan_, line_end_, whole, &pending);
  if (found) {
    *end = *found;
    return Step::kRecordEnd;
  }
  const bool waits = pending < bytes.size();
  scan_ = pending;
  if (!waits) return Step::kContinue;
  const bool at_bound = bytes.size() == options_.limits.max_record_bytes + 2;
  return at_bound ? Step::kTooLong : Step::kNeedMore;
}

// The byte at scan_ is CR or LF outside quotes. kContinue: it is data in this file.
CsvSplitter::Step CsvSplitter::AtLineEnd(LineBreak* end) {
  if (buffer_[scan_] == '\n') {
    if (line_end_ == LineEnd::kCr) return Step::kContinue;
    const bool after_cr = scan_ > 0 && buffer_[scan_ - 1] == '\r';
    *end = {after_cr ? scan_ - 1 : scan_, after_cr ? 2u : 1u,
            line_end_ == LineEnd::kUnknown ? LineEnd::kLf : line_end_};
    return Step::kRecordEnd;
  }
  if (line_end_ == LineEnd::kLf || line_end_ == LineEnd::kCrLf) return Step::kContinue;
  if (scan_ + 1 >= buffer_.size() && !finished_) return Step::kNeedMore;
  const bool with_lf = scan_ + 1 < buffer_.size() && buffer_[scan_ + 1] == '\n';
  const LineEnd kind = line_end_ == LineEnd::kUnknown && with_lf ? LineEnd::kCrLf : LineEnd::kCr;
  *end = {scan_, with_lf ? 2u : 1u, kind};
  return Step::kRecordEnd;
}

bool CsvSplitter::IsBlank(const LineBreak& end) const {
  return end.at == 0 && !quoted_seen_ && expected_fields_ != 1;
}

void CsvSplitter::ResetScan() {
  place_ = Place::kFieldStart;
  scan_ = 0;
  fields_ = 1;
  quote_open_ = 0;
  quoted_seen_ = false;
  tail_rule_ = nullptr;
}

void CsvSplitter::Emit(const LineBreak& end, SplitRecord* record) {
  *record = SplitRecord{};
  record->bytes = buffer_.view().substr(0, end.at);
  record->size = end.at;
  record->byte_offset = buffer_.offset();
  record->line = line_;
  if (end.at > options_.limits.max_record_bytes) {
    record->rule = "record.too_long";
    record->reason = "the record has " + std::to_string(end.at) + " bytes; the limit is " +
                     std::to_string(options_.limits.max_record_bytes);
  } else if (tail_rule_ != nullptr) {
    record->rule = tail_rule_;
    record->reason = "text follows a closing quote";
  } else {
    CheckFields(end.length == 0, record);
  }
  if (!record->good()) {
    record->bytes = record->bytes.substr(0, options_.limits.keep_bad_bytes);
  }
  if (quoted_seen_) line_ += CountLineBreaks(buffer_.view().substr(0, end.at), line_end_);
  if (end.length > 0) ++line_;
  buffer_.Consume(end.at + end.length);
  ResetScan();
}

void CsvSplitter::CheckFields(bool cut_off, SplitRecord* record) {
  if (expected_fields_ == 0) {
    expected_fields_ = fields_;
    return;
  }
  if (fields_ == expected_fields_) return;
  const std::string count = std::to_string(fields_) + " of " + std::to_string(expected_fields_);
  if (cut_off && fields_ < expected_fields_) {
    record->rule = "csv.cut_off";
    record->reason = "the file ends inside this record: " + count + " fields and no line end";
    return;
  }
  record->rule = "csv.field_count";
  record->reason = std::to_string(fields_) + " fields where " + std::to_string(expected_fields_) +
                   " are expected (delimiter " + Quoted(options_.delimiter) + ")";
}

bool CsvSplitter::AtEndOfInput(SplitRecord* record) {
  const size_t size = buffer_.size();
  if (size == 0) return false;
  if (place_ == Place::kQuoted) {
    if (CutAtOpeningLine("csv.unclosed_quote",
                         "a quoted field opens here and does not close before the file ends", true,
                         record)) {
      return true;
    }
    Emit({size, 0, line_end_}, record);
    record->rule = "csv.cut_off";
    record->reason = "the file ends inside a quoted field";
    record->bytes = record->bytes.substr(0, options_.limits.keep_bad_bytes);
    return true;
  }
  // A CRLF file cut between CR and LF: the CR is the line end's, not the field's.
  const bool lone_cr = line_end_ == LineEnd::kCrLf && buffer_[size - 1] == '\r';
  const LineBreak end{lone_cr ? size - 1 : size, lone_cr ? 1u : 0u, line_end_};
  if (IsBlank(end)) {
    buffer_.Consume(size);
    ResetScan();
    return false;
  }
  Emit(end, record);
  return true;
}

bool CsvSplitter::CutAtOpeningLine(const char* rule, std::string reason, bool whole,
                                   SplitRecord* record) {
  size_t pending = 0;
  const auto cut =
      FindLineBreak(buffer_.view().substr(0, scan_), quote_open_, line_end_, whole, &pending);
  if (!cut) return false;
  if (line_end_ == LineEnd::kUnknown) line_end_ = cut->kind;
  const size_t expected = expected_fields_;
  Emit(*cut, record);
  expected_fields_ = expected;  // a malformed first record says nothing about the others
  record->bytes = record->bytes.substr(0, options_.limits.keep_bad_bytes);
  record->rule = rule;
  record->reason = std::move(reason);
  return true;
}

void CsvSplitter::StartSkip() {
  size_t cut = scan_;
  // The CR may be half of the line end that is looked for next.
  if (cut > 0 && buffer_[cut - 1] == '\r') --cut;
  const std::string_view passed = buffer_.view().substr(0, cut);
  skip_head_ = passed.substr(0, options_.limits.keep_bad_bytes);
  skip_size_ = cut;
  skip_offset_ = buffer_.offset();
  skip_line_ = line_;
  skip_rule_ = tail_rule_ != nullptr ? tail_rule_ : "record.too_long";
  if (quoted_seen_) line_ += CountLineBreaks(passed, line_end_);
  buffer_.Consume(cut);
  ResetScan();
  place_ = Place::kSkip;
}

bool CsvSplitter::ContinueSkip(SplitRecord* record) {
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
  if (found) {
    if (line_end_ == LineEnd::kUnknown) line_end_ = found->kind;
    buffer_.Consume(found->length);
    ++line_;
  }
  *record = SplitRecord{skip_head_, skip_size_, skip_offset_, skip_line_, skip_rule_, ""};
  record->reason = "the record has " + std::to_string(skip_size_) + " bytes; the limit is " +
                   std::to_string(options_.limits.max_record_bytes);
  ResetScan();
  return true;
}

std::vector<std::string> ParseCsvRecord(std::string_view record, char delimiter, char quote) {
  std::vector<std::string> fields;
  size_t at = 0;
  for (;;) {
    std::string field;
    if (at < record.size() && record[at] == quote && quote != '\0') {
      ++at;
      while (at < record.size()) {
        const size_t hit = std::min(record.find(quote, at), record.size());
        field.append(record.substr(at, hit - at));
        at = hit + 1;
        if (at >= record.size() || record[at] != quote) break;
        field.push_back(quote);
        ++at;
      }
      at = std::min(at, record.size());
    }
    const size_t end = std::min(record.find(delimiter, at), record.size());
    field.append(record.substr(at, end - at));
    fields.push_back(std::move(field));
    if (end == record.size()) return fields;
    at = end + 1;
  }
}

}  // namespace tarn::codec
