// CSV (RFC 4180 and what people really send): bytes -> records, records -> fields.
//
// What is read: fields separated by one delimiter; a field that starts with the quote may hold
// delimiters, line ends and doubled quotes; LF, CRLF or bare CR line ends, told apart per file
// (record_splitter.h); an optional UTF-8 byte order mark; the last line end may be missing. A quote
// inside an unquoted field is data. Any encoding whose delimiter, quote and line ends are ASCII
// bytes passes through: bytes are not interpreted.
//
// What is a bad record (rule):
//   csv.field_count      not as many fields as the header (without one: as the first record)
//   csv.cut_off          the input ends inside it: too few fields or an open quote, and no line end
//   csv.quote            text between a closing quote and the next delimiter
//   csv.unclosed_quote   a quoted field that never closes (until the end, or within
//   max_record_bytes) record.too_long      more than max_record_bytes
// A bad quote costs only the line in which the quoted field opened: splitting starts again behind
// that line, so a stray quote does not swallow the good records below it. The price: a quoted field
// with line ends that is longer than max_record_bytes comes out line by line.
//
// Blank lines are no records, except in a file of one column.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/record_splitter.h"

namespace tarn::codec {

struct CsvOptions {
  char delimiter = ',';
  char quote = '"';        // '\0': quoting is off
  bool has_header = true;  // the first record names the fields and is not returned by Next
  SplitLimits limits;
};

class CsvSplitter final : public RecordSplitter {
 public:
  // `resume`: a state() of an earlier splitter with the same options; the header is then not
  // expected again.
  explicit CsvSplitter(CsvOptions options, SplitState resume = {});

  void Feed(std::string_view chunk) override { buffer_.Feed(chunk); }
  void Finish() override { finished_ = true; }
  bool Next(SplitRecord* record) override;
  SplitState state() const override;
  uint64_t blank_lines() const override { return blank_lines_; }

  // The header's exact bytes without mark and line end; empty before it was seen or without one.
  const std::string& header() const { return header_; }
  // Set when the first record is no usable header (bad quoting, too long); the file cannot be read
  // then.
  const std::string& header_error() const { return header_error_; }
  // Fields of a record; 0 before the first.
  size_t field_count() const { return expected_fields_; }
  LineEnd line_end() const { return line_end_; }

 private:
  enum class Place { kFieldStart, kUnquoted, kQuoted, kAfterQuote, kRawTail, kSkip };
  enum class Step { kContinue, kNeedMore, kRecordEnd, kBadQuote, kTooLong };

  bool NextRaw(SplitRecord* record);
  bool SkipMark();
  Step Scan(LineBreak* end);
  Step ScanUnquoted(std::string_view bytes, LineBreak* end);
  Step ScanAfterQuote(std::string_view bytes, LineBreak* end);
  Step ScanRawTail(std::string_view bytes, LineBreak* end);
  Step AtLineEnd(LineBreak* end);
  bool IsBlank(const LineBreak& end) const;
  bool AtEndOfInput(SplitRecord* record);
  bool CutAtOpeningLine(const char* rule, std::string reason, bool whole, SplitRecord* record);
  void StartSkip();
  bool ContinueSkip(SplitRecord* record);
  void Emit(const LineBreak& end, SplitRecord* record);
  void CheckFields(bool cut_off, SplitRecord* record);
  void ResetScan();

  CsvOptions options_;
  bool special_[256] = {};
  SplitBuffer buffer_;
  bool finished_ = false;
  bool mark_checked_ = false;
  int64_t line_ = 1;
  LineEnd line_end_ = LineEnd::kUnknown;
  size_t expected_fields_ = 0;
  bool header_pending_;
  std::string header_;
  std::string header_error_;
  uint64_t blank_lines_ = 0;

  // The record under way; indexes count from the buffer's first unconsumed byte.
  Place place_ = Place::kFieldStart;
  size_t scan_ = 0;
  size_t fields_ = 1;
  size_t quote_open_ = 0;
  bool quoted_seen_ = false;
  const char* tail_rule_ = nullptr;  // kRawTail: why the record is bad already

  // A record being passed over (kSkip).
  std::string skip_head_;
  uint64_t skip_size_ = 0;
  int64_t skip_offset_ = 0;
  int64_t skip_line_ = 0;
  std::string skip_rule_;
};

// The fields of one record's bytes, unquoted. Follows the splitter's grammar; malformed quoting is
// read as literally as possible (text after a closing quote is appended), so it never fails.
std::vector<std::string> ParseCsvRecord(std::string_view record, char delimiter = ',',
                                        char quote = '"');

struct CsvDialect {
  char delimiter = ',';
  bool has_header = true;
};
// Guesses from the beginning of a file; `known_delimiter` and `known_header` are taken as given.
// Delimiter: of comma, semicolon, tab and pipe the one that cuts the first records into the most
// fields of an equal number. Header: yes, unless the first record repeats a name or holds a number,
// date or boolean in a column where the records below hold the same kind.
CsvDialect SniffCsv(std::string_view head, std::optional<char> known_delimiter,
                    std::optional<bool> known_header);

}  // namespace tarn::codec
