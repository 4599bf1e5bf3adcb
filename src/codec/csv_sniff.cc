#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "codec/csv.h"

namespace tarn::codec {
namespace {

constexpr size_t kSampleRecords = 50;

std::vector<std::vector<std::string>> Sample(std::string_view head, char delimiter) {
  CsvOptions options;
  options.delimiter = delimiter;
  options.has_header = false;
  CsvSplitter splitter(options);
  splitter.Feed(head);
  std::vector<std::vector<std::string>> rows;
  SplitRecord record;
  const auto take = [&] {
    while (rows.size() < kSampleRecords && splitter.Next(&record)) {
      rows.push_back(ParseCsvRecord(record.bytes, delimiter));
    }
  };
  take();
  // The last record of a sample is usually cut; it counts only when there is nothing better.
  if (rows.size() < 2) {
    splitter.Finish();
    take();
  }
  return rows;
}

double DelimiterScore(const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty() || rows[0].size() < 2) return 0;
  const auto same = std::count_if(rows.begin(), rows.end(),
                                  [&](const auto& row) { return row.size() == rows[0].size(); });
  const double agreement = static_cast<double>(same) / static_cast<double>(rows.size());
  return static_cast<double>(rows[0].size() - 1) * std::pow(agreement, 3);
}

enum class ValueKind { kEmpty, kNumber, kDate, kBoolean, kText };

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool LooksLikeDate(const std::string& text) {
  if (text.size() < 6 || !IsDigit(text[0])) return false;
  const size_t first = text.find_first_not_of("0123456789");
  if (first == std::string::npos || first > 4) return false;
  const char mark = text[first];
  if (mark != '-' && mark != '/' && mark != '.') return false;
  const size_t second = text.find_first_not_of("0123456789", first + 1);
  return second != std::string::npos && second > first + 1 && text[second] == mark &&
         second + 1 < text.size() && IsDigit(text[second + 1]);
}

ValueKind KindOf(const std::string& text) {
  if (text.empty()) return ValueKind::kEmpty;
  if (LooksLikeDate(text)) return ValueKind::kDate;
  if (IsDigit(text[0]) || text[0] == '-' || text[0] == '+' || text[0] == '.') {
    char* end = nullptr;
    std::strtod(text.c_str(), &end);
    if (end != nullptr && *end == '\0') return ValueKind::kNumber;
  }
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower == "true" || lower == "false") return ValueKind::kBoolean;
  return ValueKind::kText;
}

bool FirstRowIsHeader(const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return true;
  std::set<std::string> names;
  for (const std::string& name : rows[0]) {
    if (!name.empty() && !names.insert(name).second) return false;
  }
  for (size_t column = 0; column < rows[0].size(); ++column) {
    const ValueKind first = KindOf(rows[0][column]);
    if (first == ValueKind::kText || first == ValueKind::kEmpty) continue;
    if (rows.size() == 1) return false;
    size_t same = 0;
    size_t filled = 0;
    for (size_t row = 1; row < rows.size(); ++row) {
      if (column >= rows[row].size()) continue;
      const ValueKind kind = KindOf(rows[row][column]);
      filled += kind != ValueKind::kEmpty;
      same += kind == first;
    }
    if (filled > 0 && same * 2 > filled) return false;
  }
  return true;
}

}  // namespace

CsvDialect SniffCsv(std::string_view head, std::optional<char> known_delimiter,
                    std::optional<bool> known_header) {
  CsvDialect dialect;
  std::vector<std::vector<std::string>> rows;
  if (known_delimiter) {
    dialect.delimiter = *known_delimiter;
    rows = Sample(head, dialect.delimiter);
  } else {
    double best = -1;
    for (const char candidate : {',', '\t', ';', '|'}) {
      auto sampled = Sample(head, candidate);
      const double score = DelimiterScore(sampled);
      if (score <= best) continue;
      best = score;
      dialect.delimiter = candidate;
      rows = std::move(sampled);
    }
  }
  dialect.has_header = known_header ? *known_header : FirstRowIsHeader(rows);
  return dialect;
}

}  // namespace tarn::codec
