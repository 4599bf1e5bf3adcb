// Rows to text: table, csv, json, ndjson, markdown.
//
// A RowWriter gets the columns once, then every row, then the end; it writes to a stream as it
// goes. Only the table form holds rows back, and of those a bounded number: widths come from the
// first kWidthSample rows.
//
// NULL is `NULL` in a table and in markdown, an empty field in csv (an empty string is `""`), null
// in json. Threads: one user at a time. Lifetime: the stream outlives the writer. Errors: none
// here; a stream that cannot be written turns bad, and the caller looks at it at the end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/status.h"

namespace tarn::cli {

enum class OutputFormat { kTable, kCsv, kJson, kNdjson, kMarkdown };
inline const std::vector<std::string> kOutputFormatNames = {"table", "csv", "json", "ndjson",
                                                            "markdown"};
// kInvalidArgument names the known ones.
Result<OutputFormat> ParseOutputFormat(const std::string& name);

struct ColumnHead {
  std::string name;
  std::string type;
  bool is_numeric = false;
};

// The row at hand.
class RowView {
 public:
  virtual ~RowView() = default;
  virtual bool IsNull(size_t column) const = 0;
  // As a person reads it. Undefined for null.
  virtual std::string Text(size_t column) const = 0;
  // As a JSON value; "null" for null.
  virtual std::string Json(size_t column) const = 0;
};

class RowWriter {
 public:
  virtual ~RowWriter() = default;
  virtual void Begin(const std::vector<ColumnHead>& columns) = 0;
  virtual void Row(const RowView& row) = 0;
  virtual void End() = 0;
};

struct RenderOptions {
  OutputFormat format = OutputFormat::kTable;
  // Table only. 0: as wide as the values; else values and columns are shortened to fit.
  size_t max_columns_wide = 0;
  // Table only. 0: all rows; else this many, and a line that says how many there were.
  uint64_t max_rows = 0;
};

std::unique_ptr<RowWriter> MakeRowWriter(const RenderOptions& options, std::ostream& out);

// A JSON string literal with its quotes; bytes that are not UTF-8 become U+FFFD.
std::string JsonString(std::string_view text);
// A field as RFC 4180 wants it.
std::string CsvField(std::string_view text);

// Rows known beforehand, for commands that build small tables themselves.
using TextRow = std::vector<std::optional<std::string>>;
void RenderTextRows(const RenderOptions& options, const std::vector<ColumnHead>& columns,
                    const std::vector<TextRow>& rows, std::ostream& out);

}  // namespace tarn::cli
