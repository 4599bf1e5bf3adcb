#include "cli/render.h"

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "base/nearest.h"
#include "cli/render_table.h"
#include "cli/text_width.h"

namespace tarn::cli {
namespace {

class CsvWriter final : public RowWriter {
 public:
  explicit CsvWriter(std::ostream& out) : out_(out) {}
  void Begin(const std::vector<ColumnHead>& columns) override {
    count_ = columns.size();
    for (size_t c = 0; c < count_; ++c) out_ << (c ? "," : "") << CsvField(columns[c].name);
    out_ << "\r\n";
  }
  void Row(const RowView& row) override {
    for (size_t c = 0; c < count_; ++c) {
      if (c != 0) out_ << ',';
      if (!row.IsNull(c)) out_ << CsvField(row.Text(c));
    }
    out_ << "\r\n";
  }
  void End() override {}

 private:
  std::ostream& out_;
  size_t count_ = 0;
};

// One object per line, or an array of them.
class JsonWriter final : public RowWriter {
 public:
  JsonWriter(std::ostream& out, bool as_array) : out_(out), as_array_(as_array) {}
  void Begin(const std::vector<ColumnHead>& columns) override {
    for (const ColumnHead& column : columns) keys_.push_back(JsonString(column.name) + ": ");
    if (as_array_) out_ << "[";
  }
  void Row(const RowView& row) override {
    if (as_array_) out_ << (rows_ == 0 ? "\n  " : ",\n  ");
    ++rows_;
    out_ << "{";
    for (size_t c = 0; c < keys_.size(); ++c) {
      out_ << (c ? ", " : "") << keys_[c] << (row.IsNull(c) ? "null" : row.Json(c));
    }
    out_ << (as_array_ ? "}" : "}\n");
  }
  void End() override {
    if (as_array_) out_ << (rows_ == 0 ? "]\n" : "\n]\n");
  }

 private:
  std::ostream& out_;
  const bool as_array_;
  std::vector<std::string> keys_;
  uint64_t rows_ = 0;
};

std::string MarkdownCell(std::string_view text) {
  std::string cell;
  for (char c : OneLine(text)) {
    if (c == '|' || c == '\\') cell += '\\';
    cell += c;
  }
  return cell;
}

class MarkdownWriter final : public RowWriter {
 public:
  explicit MarkdownWriter(std::ostream& out) : out_(out) {}
  void Begin(const std::vector<ColumnHead>& columns) override {
    count_ = columns.size();
    for (const ColumnHead& column : columns) out_ << "| " << MarkdownCell(column.name) << " ";
    out_ << "|\n";
    for (const ColumnHead& column : columns) out_ << (column.is_numeric ? "|--:" : "|---");
    out_ << "|\n";
  }
  void Row(const RowView& row) override {
    for (size_t c = 0; c < count_; ++c) {
      out_ << "| " << (row.IsNull(c) ? "NULL" : MarkdownCell(row.Text(c))) << " ";
    }
    out_ << "|\n";
  }
  void End() override {}

 private:
  std::ostream& out_;
  size_t count_ = 0;
};

class TextRowView final : public RowView {
 public:
  TextRowView(const std::vector<ColumnHead>& columns, const TextRow& row)
      : columns_(columns), row_(row) {}
  bool IsNull(size_t column) const override { return !row_[column].has_value(); }
  std::string Text(size_t column) const override { return *row_[column]; }
  std::string Json(size_t column) const override {
    return columns_[column].is_numeric ? *row_[column] : JsonString(*row_[column]);
  }

 private:
  const std::vector<ColumnHead>& columns_;
  const TextRow& row_;
};

}  // namespace

Result<OutputFormat> ParseOutputFormat(const std::string& name) {
  const auto it = std::find(kOutputFormatNames.begin(), kOutputFormatNames.end(), name);
  if (it != kOutputFormatNames.end()) {
    return static_cast<OutputFormat>(it - kOutputFormatNames.begin());
  }
  std::string message = "unknown format '" + name + "'; known: table, csv, json, ndjson, markdown";
  if (auto nearest = Nearest(name, kOutputFormatNames)) {
    message += "; did you mean '" + *nearest + "'?";
  }
  return Status::InvalidArgument(message);
}

std::unique_ptr<RowWriter> MakeRowWriter(const RenderOptions& options, std::ostream& out) {
  switch (options.format) {
    case OutputFormat::kTable: return MakeTableWriter(options, out);
    case OutputFormat::kCsv: return std::make_unique<CsvWriter>(out);
    case OutputFormat::kJson: return std::make_unique<JsonWriter>(out, true);
    case OutputFormat::kNdjson: return std::make_unique<JsonWriter>(out, false);
    case OutputFormat::kMarkdown: return std::make_unique<MarkdownWriter>(out);
  }
  return nullptr;
}

std::string JsonString(std::string_view text) {
  std::string json = "\"";
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    const uint32_t code_point = NextCodePoint(text, &i);
    if (code_point == '"' || code_point == '\\') {
      json += '\\';
      json += static_cast<char>(code_point);
    } else if (code_point == '\n') {
      json += "\\n";
    } else if (code_point == '\t') {
      json += "\\t";
    } else if (code_point == '\r') {
      json += "\\r";
    } else if (code_point < 0x20 || code_point == 0x7F) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", code_point);
      json += escape;
    } else if (code_point == 0xFFFD) {
      json += "\xEF\xBF\xBD";
    } else {
      json.append(text.substr(start, i - start));
    }
  }
  return json + "\"";
}

std::string CsvField(std::string_view text) {
  // An empty string keeps its quotes, so that it is not read as NULL.
  const bool quote = text.empty() || text.find_first_of(",\"\r\n") != text.npos ||
                     text.front() == ' ' || text.back() == ' ';
  if (!quote) return std::string(text);
  std::string field = "\"";
  for (char c : text) {
    if (c == '"') field += '"';
    field += c;
  }
  return field + "\"";
}

void RenderTextRows(const RenderOptions& options, const std::vector<ColumnHead>& columns,
                    const std::vector<TextRow>& rows, std::ostream& out) {
  auto writer = MakeRowWriter(options, out);
  writer->Begin(columns);
  for (const TextRow& row : rows) writer->Row(TextRowView(columns, row));
  writer->End();
}

}  // namespace tarn::cli
