// Spark against Tarn: every expression of expressions/*.txt is run through the dialect and compared
// with the answer a real Spark gave (golden/*.tsv). A difference fails the test unless
// explained.tsv names the expression and the reason. An explanation for an expression that is right
// fails too, so that the list never goes stale.
//
//   differential_test [--show] [file ...]     --show prints every wrong expression (default: the
//   first 40)
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "dialect/dialect.h"
#include "dialect/expression_rewrite.h"
#include "dialect/function_text.h"
#include "dialect/function_types.h"
#include "dialect/functions.h"
#include "duckdb.hpp"
#include "duckdb/parser/parser.hpp"

namespace tarn::dialect {
namespace {

using duckdb::LogicalTypeId;
using duckdb::Value;

std::string Quote(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += std::string("\\") + c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      char buffer[8];
      std::snprintf(buffer, sizeof(buffer), "\\u%04x", c);
      out += buffer;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string Number(double value, int digits) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  char buffer[64];
  std::snprintf(buffer, sizeof(buffer), "%.*g", digits, value);
  return buffer;
}

std::string Moment(int64_t micros) {
  const int64_t days = FloorDiv(micros, kMicrosPerDay);
  const int64_t time = micros - days * kMicrosPerDay;
  char buffer[64];
  std::snprintf(buffer, sizeof(buffer), "T%02d:%02d:%02d.%06d", static_cast<int>(time / 3600000000),
                static_cast<int>(time / 60000000 % 60), static_cast<int>(time / 1000000 % 60),
                static_cast<int>(time % 1000000));
  return DateText(days) + buffer;
}

std::string Hex(const std::string& bytes) {
  std::string out = "X'";
  for (unsigned char c : bytes) {
    char buffer[4];
    std::snprintf(buffer, sizeof(buffer), "%02x", c);
    out += buffer;
  }
  return out + "'";
}

std::string Render(const Value& value) {
  if (value.IsNull()) return "NULL";
  switch (value.type().id()) {
    case LogicalTypeId::DOUBLE: return Number(value.GetValue<double>(), 14);
    case LogicalTypeId::FLOAT: return Number(value.GetValue<float>(), 7);
    case LogicalTypeId::VARCHAR: return Quote(duckdb::StringValue::Get(value));
    case LogicalTypeId::BLOB: return Hex(duckdb::StringValue::Get(value));
    case LogicalTypeId::DECIMAL: return ValueText(value, dialect::Zone("UTC", {{INT64_MIN, 0}}));
    case LogicalTypeId::DATE: return DateText(duckdb::DateValue::Get(value).days);
    case LogicalTypeId::TIMESTAMP: return Moment(value.GetValueUnsafe<int64_t>());
    case LogicalTypeId::TIMESTAMP_TZ: return Moment(value.GetValueUnsafe<int64_t>()) + "Z";
    case LogicalTypeId::INTERVAL: {
      const auto interval = duckdb::IntervalValue::Get(value);
      return "interval " + std::to_string(interval.months) + " " +
             std::to_string(interval.days * kMicrosPerDay + interval.micros);
    }
    case LogicalTypeId::LIST: {
      std::string out = "[";
      for (auto& child : duckdb::ListValue::GetChildren(value)) {
        out += (out.size() > 1 ? ", " : "") + Render(child);
      }
      return out + "]";
    }
    case LogicalTypeId::MAP: {
      std::string out = "{";
      for (auto& entry : duckdb::MapValue::GetChildren(value)) {
        auto& pair = duckdb::StructValue::GetChildren(entry);
        out += (out.size() > 1 ? ", " : "") + Render(pair[0]) + ": " + Render(pair[1]);
      }
      return out + "}";
    }
    case LogicalTypeId::STRUCT: {
      std::string out = "(";
      auto& children = duckdb::StructValue::GetChildren(value);
      for (size_t i = 0; i < children.size(); i++) {
        out += (i > 0 ? ", " : "") + duckdb::StructType::GetChildName(value.type(), i) + ": " +
               Render(children[i]);
      }
      return out + ")";
    }
    default: return value.ToString();
  }
}

struct Answer {
  std::string type;
  std::string value;
  std::string detail;  // the error text
};

class Session {
 public:
  Session() : connection_(database_) { RegisterSparkFunctions(*database_.instance); }

  void Zone(const std::string& zone) { connection_.Query("SET TimeZone = '" + zone + "'"); }

  Answer Run(const std::string& expression, const std::string& source) {
    try {
      const bool whole = expression.starts_with("SELECT ") || expression.starts_with("WITH ");
      const auto sql =
          whole ? expression
                : "SELECT " + expression + " AS v" + (source.empty() ? "" : " FROM " + source);
      auto translated = Translate(sql, SqlDialect::kSpark);
      if (!translated.ok()) return {"ERROR", "", translated.status().message()};
      duckdb::Parser parser;
      parser.ParseQuery(translated.value().at(0).sql);
      auto statement = std::move(parser.statements.at(0));
      RewriteSparkExpressions(*statement);
      auto result = connection_.Query(std::move(statement));
      if (result->HasError()) return {"ERROR", "", result->GetError()};
      auto& rows = result->Cast<duckdb::MaterializedQueryResult>();
      std::vector<std::string> values;
      for (duckdb::idx_t row = 0; row < rows.RowCount(); row++)
        values.push_back(Render(rows.GetValue(0, row)));
      if (expression.find(" OVER ") != std::string::npos) std::sort(values.begin(), values.end());
      std::string text;
      for (auto& value : values) text += (text.empty() ? "" : " ; ") + value;
      return {SparkTypeName(result->types[0]), values.empty() ? "NO ROWS" : text, ""};
    } catch (const std::exception& error) {
      return {"ERROR", "", duckdb::ErrorData(error).Message()};
    }
  }

 private:
  duckdb::DuckDB database_;
  duckdb::Connection connection_;
};

std::vector<std::string> Lines(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> Columns(const std::string& line) {
  std::vector<std::string> columns(1);
  for (char c : line) {
    if (c == '\t') {
      columns.emplace_back();
    } else {
      columns.back() += c;
    }
  }
  return columns;
}

// An untyped NULL has no type in DuckDB's results, where Spark says void.
std::string WithoutVoid(std::string type) {
  for (size_t at; (at = type.find("void")) != std::string::npos;) type.replace(at, 4, "int");
  return type;
}

bool Same(const std::vector<std::string>& wanted, const Answer& got) {
  if (wanted[1] == "ERROR" || got.type == "ERROR") return wanted[1] == got.type;
  return WithoutVoid(wanted[1]) == WithoutVoid(got.type) && wanted[2] == got.value;
}

struct Totals {
  int right = 0;
  int explained = 0;
  int wrong = 0;
};

struct Suite {
  std::filesystem::path home;
  std::map<std::string, std::string> reasons;  // file <tab> expression -> reason
  bool show = false;
  int shown = 0;
  Totals totals;

  void Judge(const std::string& file, const std::vector<std::string>& wanted, const Answer& got) {
    const bool same = Same(wanted, got);
    const bool explained = reasons.erase(file + "\t" + wanted[0]) > 0;
    if (same && !explained) {
      totals.right++;
      return;
    }
    if (!same && explained) {
      totals.explained++;
      return;
    }
    totals.wrong++;
    if (!show && ++shown > 40) return;
    if (same) {
      std::cout << file << ": right, but explained.tsv explains it: " << wanted[0] << "\n";
      return;
    }
    std::cout << file << ": " << wanted[0] << "\n   Spark " << wanted[1] << "  " << wanted[2]
              << "\n   Tarn  " << got.type << "  " << (got.type == "ERROR" ? got.detail : got.value)
              << "\n";
  }

  void RunFile(const std::string& file) {
    Session session;
    session.Zone("UTC");
    std::string source;
    const auto golden = Lines(home / "golden" / (file + ".tsv"));
    size_t next = 0;
    for (auto& line : Lines(home / "expressions" / (file + ".txt"))) {
      if (line[0] == '#') continue;
      if (line.rfind("@zone ", 0) == 0) {
        session.Zone(line.substr(6));
      } else if (line.rfind("@from ", 0) == 0) {
        source = line.substr(6);
      } else {
        const auto wanted = Columns(next < golden.size() ? golden[next++] : "");
        if (wanted.size() != 3 || wanted[0] != line) {
          throw std::runtime_error("golden/" + file + ".tsv has no answer for '" + line +
                                   "' at its place; run record.sh " + file);
        }
        Judge(file, wanted, session.Run(line, source));
      }
    }
  }
};

int Main(int argc, char** argv) {
  Suite suite;
  suite.home = DIFFERENTIAL_HOME;
  std::vector<std::string> files;
  for (int i = 1; i < argc; i++) {
    if (std::string(argv[i]) == "--show") {
      suite.show = true;
    } else {
      files.push_back(argv[i]);
    }
  }
  const bool all = files.empty();
  if (all) {
    for (auto& entry : std::filesystem::directory_iterator(suite.home / "expressions")) {
      if (entry.path().extension() == ".txt") files.push_back(entry.path().stem().string());
    }
    std::sort(files.begin(), files.end());
  }
  if (std::filesystem::exists(suite.home / "explained.tsv")) {
    for (auto& line : Lines(suite.home / "explained.tsv")) {
      if (line[0] == '#') continue;
      auto columns = Columns(line);
      if (columns.size() != 3)
        throw std::runtime_error("explained.tsv: three columns wanted: " + line);
      suite.reasons[columns[0] + "\t" + columns[1]] = columns[2];
    }
  }
  for (auto& file : files) {
    const auto before = suite.totals;
    suite.RunFile(file);
    std::printf("%-12s right %4d  explained %3d  wrong %3d\n", file.c_str(),
                suite.totals.right - before.right, suite.totals.explained - before.explained,
                suite.totals.wrong - before.wrong);
  }
  int stale = 0;
  for (auto& [key, reason] : suite.reasons) {
    if (all && ++stale <= 20)
      std::cout << "explained.tsv explains what no file asks: " << key << "\n";
  }
  std::printf("right %d / explained %d / wrong %d\n", suite.totals.right, suite.totals.explained,
              suite.totals.wrong);
  return suite.totals.wrong == 0 && stale == 0 ? 0 : 1;
}

}  // namespace
}  // namespace tarn::dialect

int main(int argc, char** argv) {
  try {
    return tarn::dialect::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "differential_test: " << error.what() << "\n";
    return 2;
  }
}
