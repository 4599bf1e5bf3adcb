#include "transform/run/seed.h"

#include <algorithm>
#include <cctype>
#include <regex>

#include "dialect/lexer.h"
#include "transform/run/compiler.h"

namespace tarn::transform {
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string Stripped(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool IsNull(const std::string& value) {
  const std::string lower = Lower(Stripped(value));
  return lower.empty() || lower == "null";
}

bool Digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// What agate's Number reads: sign, digits with commas between them, fraction, exponent.
bool ReadNumber(const std::string& value, bool* has_fraction) {
  std::string text = Stripped(value);
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.erase(0, 1);
  if (!text.empty() && text.back() == '%') text.pop_back();
  text.erase(std::remove(text.begin(), text.end(), ','), text.end());
  const size_t exponent = text.find_first_of("eE");
  if (exponent != std::string::npos) {
    std::string power = text.substr(exponent + 1);
    if (!power.empty() && (power[0] == '-' || power[0] == '+')) power.erase(0, 1);
    if (!Digits(power)) return false;
    text.resize(exponent);
  }
  const size_t dot = text.find('.');
  if (dot == std::string::npos) return Digits(text);
  const std::string whole = text.substr(0, dot), fraction = text.substr(dot + 1);
  if ((!whole.empty() && !Digits(whole)) || (!fraction.empty() && !Digits(fraction))) return false;
  if (whole.empty() && fraction.empty()) return false;
  if (fraction.find_first_not_of('0') != std::string::npos) *has_fraction = true;
  return true;
}

bool IsDate(const std::string& value) {
  static const std::regex pattern(R"(\d{4}-\d{1,2}-\d{1,2})");
  if (!std::regex_match(value, pattern)) return false;
  int year = 0, month = 0, day = 0;
  if (std::sscanf(value.c_str(), "%d-%d-%d", &year, &month, &day) != 3) return false;
  static const int kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1 || day > kDays[month - 1]) return false;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month != 2 || day < 29 || leap;
}

bool IsTimestamp(const std::string& value) {
  static const std::regex pattern(
      R"(\d{4}-?\d{2}-?\d{2}[T ]\d{2}(:?\d{2}(:?\d{2}([.,]\d+)?)?)?(Z|[+-]\d{2}(:?\d{2})?)?)");
  return std::regex_match(value, pattern);
}

// One column's verdict over its values.
struct Verdict {
  bool number = true, date = true, timestamp = true, boolean = true, fraction = false, any = false;
  void See(const std::string& raw) {
    if (IsNull(raw)) return;
    any = true;
    const std::string value = Stripped(raw);
    if (number) number = ReadNumber(value, &fraction);
    if (date) date = IsDate(value);
    if (timestamp) timestamp = IsTimestamp(value);
    if (boolean) {
      const std::string lower = Lower(value);
      boolean = lower == "true" || lower == "false";
    }
  }
  const char* Type() const {
    if (!any) return "integer";  // agate's first type takes a column without values
    if (number) return fraction ? "float8" : "integer";
    if (date) return "date";
    if (timestamp) return "timestamp";
    if (boolean) return "boolean";
    return "text";
  }
};

}  // namespace

Result<CsvFile> ReadCsv(const std::string& path, const std::string& shown, char delimiter) {
  TARN_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  return ParseCsv(std::move(text), shown, delimiter);
}

Result<CsvFile> ParseCsv(std::string text, const std::string& shown, char delimiter) {
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  CsvFile csv;
  std::vector<std::string> row;
  std::string field;
  size_t line = 1, row_line = 1;
  bool quoted = false, any = false;
  const auto end_row = [&]() -> Status {
    row.push_back(std::move(field));
    field.clear();
    const bool blank = row.size() == 1 && row[0].empty();
    if (!blank) {
      if (csv.header.empty()) {
        csv.header = std::move(row);
      } else if (row.size() != csv.header.size()) {
        return Status::InvalidArgument(shown + ":" + std::to_string(row_line) + ": row has " +
                                       std::to_string(row.size()) + " values, the header " +
                                       std::to_string(csv.header.size()));
      } else {
        csv.rows.push_back(std::move(row));
      }
    }
    row.clear();
    any = false;
    return Status::Ok();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
        field += '"';
        ++i;
      } else if (c == '"') {
        quoted = false;
      } else {
        field += c;
        if (c == '\n') ++line;
      }
    } else if (c == '"' && field.empty()) {
      quoted = true;
      any = true;
    } else if (c == delimiter) {
      row.push_back(std::move(field));
      field.clear();
      any = true;
    } else if (c == '\n') {
      TARN_RETURN_IF_ERROR(end_row());
      row_line = ++line;
    } else if (c != '\r' || i + 1 >= text.size() || text[i + 1] != '\n') {
      field += c;
      any = true;
    }
  }
  if (quoted) {
    return Status::InvalidArgument(shown + ":" + std::to_string(row_line) +
                                   ": a quote is not closed");
  }
  if (any || !row.empty()) TARN_RETURN_IF_ERROR(end_row());
  if (csv.header.empty()) return Status::InvalidArgument(shown + ":1: the file has no header");
  return csv;
}

std::vector<SeedColumn> InferTypes(const CsvFile& csv) {
  std::vector<SeedColumn> columns;
  for (size_t i = 0; i < csv.header.size(); ++i) {
    Verdict verdict;
    for (const auto& row : csv.rows) {
      verdict.See(row[i]);
      if (!verdict.number && !verdict.date && !verdict.timestamp && !verdict.boolean) break;
    }
    columns.push_back({csv.header[i], verdict.Type()});
  }
  return columns;
}

Result<std::string> SeedQuery(const Node& node, size_t* row_count) {
  const std::string path = node.root_path + "/" + node.original_file_path;
  const std::string delimiter = TextMember(node.config, "delimiter", ",");
  const char mark = delimiter == "\\t" ? '\t' : delimiter.empty() ? ',' : delimiter[0];
  TARN_ASSIGN_OR_RETURN(const CsvFile csv, ReadCsv(path, node.original_file_path, mark));
  *row_count = csv.rows.size();
  const Json& overrides = Member(node.config, "column_types");
  const bool fast = BoolMember(node.config, "fast", true);
  std::string select, names;
  for (const SeedColumn& column : InferTypes(csv)) {
    const std::string type = TextMember(overrides, column.name, column.type);
    const std::string name = QuoteName(column.name, '"');
    const std::string lower = Lower(type);
    std::string value = name;
    // 1e3 and 1,000 are integers to agate, not to a cast.
    if (lower == "integer" || lower == "float8") value = "replace(trim(" + name + "), ',', '')";
    select += (select.empty() ? "" : ", ") +
              (fast ? name : ("cast(" + value) + " as " + type + ") as " + name);
    names += (names.empty() ? "" : ", ") + dialect::QuoteString(column.name) + ": " +
             dialect::QuoteString(fast ? type : "VARCHAR");
  }
  std::string options = ", header = true, delim = " + dialect::QuoteString(std::string(1, mark));
  // As dbt-duckdb loads them: COPY … FROM, which finds out how the file quotes and writes dates.
  // With `fast: false` it inserts what agate read.
  options += fast ? ", auto_detect = true"
                  : ", quote = '\"', escape = '\"', auto_detect = false, null_padding = false";
  return "select " + select + " from read_csv(" + dialect::QuoteString(path) + options +
         ", columns = {" + names + "})";
}

Result<engine::Rows> ReadSeed(const Node& node, Warehouse& warehouse) {
  size_t rows = 0;
  TARN_ASSIGN_OR_RETURN(const std::string query, SeedQuery(node, &rows));
  return warehouse.session().QueryDuckdb(query);
}

}  // namespace tarn::transform
