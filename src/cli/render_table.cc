#include "cli/render_table.h"

#include <algorithm>
#include <numeric>

#include "cli/text_width.h"

namespace tarn::cli {
namespace {

constexpr size_t kWidthSample = 1000;  // rows held back to find the widths
constexpr size_t kNarrowest = 6;       // no column is cut below this before others are left out
constexpr size_t kBorder = 3;          // " │ "

std::string Repeat(std::string_view piece, size_t count) {
  std::string text;
  text.reserve(piece.size() * count);
  for (size_t i = 0; i < count; ++i) text += piece;
  return text;
}

// Digits in groups of three: 1,234,567.
std::string Grouped(uint64_t value) {
  std::string text = std::to_string(value);
  for (size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

class TableWriter final : public RowWriter {
 public:
  TableWriter(const RenderOptions& options, std::ostream& out) : options_(options), out_(out) {}

  void Begin(const std::vector<ColumnHead>& columns) override {
    columns_ = columns;
    for (ColumnHead& column : columns_) column.name = OneLine(column.name);
  }

  void Row(const RowView& row) override {
    ++row_count_;
    if (options_.max_rows != 0 && row_count_ > options_.max_rows) return;
    std::vector<std::string> cells(columns_.size());
    for (size_t c = 0; c < cells.size(); ++c) {
      cells[c] = row.IsNull(c) ? "NULL" : OneLine(row.Text(c));
    }
    if (laid_out_) {
      PrintRow(cells);
      return;
    }
    held_.push_back(std::move(cells));
    if (held_.size() == kWidthSample) Flush();
  }

  void End() override {
    if (!laid_out_) Flush();
    if (shown_ < columns_.size()) {
      out_ << "… " << columns_.size() - shown_ << " more columns: ";
      for (size_t c = shown_; c < columns_.size(); ++c) {
        out_ << (c == shown_ ? "" : ", ") << columns_[c].name;
      }
      out_ << "\n";
    }
    const bool cut = options_.max_rows != 0 && row_count_ > options_.max_rows;
    out_ << "(" << Grouped(row_count_) << (row_count_ == 1 ? " row" : " rows");
    if (cut) out_ << ", the first " << Grouped(options_.max_rows) << " shown";
    out_ << ")\n";
  }

 private:
  void Flush() {
    LayOut();
    laid_out_ = true;
    std::vector<std::string> names;
    for (const ColumnHead& column : columns_) names.push_back(column.name);
    PrintRow(names);
    for (size_t c = 0; c < shown_; ++c) {
      out_ << (c == 0 ? "" : "┼") << Repeat("─", widths_[c] + 2);
    }
    out_ << "\n";
    for (const auto& cells : held_) PrintRow(cells);
    held_.clear();
  }

  void LayOut() {
    widths_.assign(columns_.size(), 1);
    for (size_t c = 0; c < columns_.size(); ++c) {
      widths_[c] = std::max<size_t>(1, DisplayWidth(columns_[c].name));
      for (const auto& cells : held_) widths_[c] = std::max(widths_[c], DisplayWidth(cells[c]));
    }
    shown_ = columns_.size();
    if (options_.max_columns_wide == 0) return;
    const auto total = [&] {
      return std::accumulate(widths_.begin(), widths_.begin() + shown_, size_t{0}) + 2 +
             (shown_ - 1) * kBorder;
    };
    // The widest column gives way first; when all are narrow, the last ones are left out and named.
    while (shown_ > 0 && total() > options_.max_columns_wide) {
      auto widest = std::max_element(widths_.begin(), widths_.begin() + shown_);
      if (*widest > kNarrowest) {
        const size_t excess = total() - options_.max_columns_wide;
        const auto second = SecondWidest(widest);
        *widest = std::max({kNarrowest, second, *widest - std::min(*widest, excess)});
        if (*widest == second && second > kNarrowest) --*widest;
      } else if (shown_ > 1) {
        --shown_;
      } else {
        return;
      }
    }
  }

  size_t SecondWidest(std::vector<size_t>::iterator widest) const {
    size_t second = kNarrowest;
    for (size_t c = 0; c < shown_; ++c) {
      if (widths_.begin() + c != widest) second = std::max(second, widths_[c]);
    }
    return std::min(second, *widest);
  }

  void PrintRow(const std::vector<std::string>& cells) {
    std::string line;
    for (size_t c = 0; c < shown_; ++c) {
      const bool last = c + 1 == shown_;
      const std::string text =
          options_.max_columns_wide == 0 ? cells[c] : FitWidth(cells[c], widths_[c]);
      const size_t width = DisplayWidth(text);
      const std::string padding(widths_[c] > width ? widths_[c] - width : 0, ' ');
      line += " ";
      if (columns_[c].is_numeric) line += padding;
      line += text;
      if (!columns_[c].is_numeric && !last) line += padding;
      if (!last) line += " │";
    }
    out_ << line << "\n";
  }

  const RenderOptions options_;
  std::ostream& out_;
  std::vector<ColumnHead> columns_;
  std::vector<size_t> widths_;
  std::vector<std::vector<std::string>> held_;
  size_t shown_ = 0;
  bool laid_out_ = false;
  uint64_t row_count_ = 0;
};

}  // namespace

std::unique_ptr<RowWriter> MakeTableWriter(const RenderOptions& options, std::ostream& out) {
  return std::make_unique<TableWriter>(options, out);
}

}  // namespace tarn::cli
