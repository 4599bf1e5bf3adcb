// Runs tests/sql/cases/**/*.test (sqllogictest with a few words of our own; README.md) against a
// fresh lake each, and prints TAP: one line per file, the first failure of a file as a diagnostic.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <regex>
#include <sstream>

#include "engine/engine.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

struct Line {
  std::string text;
  int number = 0;
};

// A record: its header line, the SQL below it, and what comes after "----".
struct Record {
  std::vector<std::string> words;
  std::string header;
  int line = 0;
  std::string sql;
  std::vector<std::string> expected;
  bool has_expected = false;
};

std::vector<std::string> Words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

// Replaces ${name} for loops and for the lake's own folder.
std::string Expand(std::string text, const std::map<std::string, std::string>& variables) {
  for (const auto& [name, value] : variables) {
    const std::string mark = "${" + name + "}";
    for (size_t at = text.find(mark); at != std::string::npos;
         at = text.find(mark, at + value.size())) {
      text.replace(at, mark.size(), value);
    }
  }
  return text;
}

class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class CaseRun {
 public:
  explicit CaseRun(const fs::path& file) : file_(file) {
    std::string pattern = (fs::temp_directory_path() / "tarn-sql-XXXXXX").string();
    lake_ = ::mkdtemp(pattern.data());
    variables_["LAKE"] = lake_.string();
    if (const char* shared = std::getenv("TARN_SHARED_DATA")) variables_["SHARED"] = shared;
  }
  ~CaseRun() {
    sessions_.clear();
    engine_.reset();
    std::error_code ignored;
    fs::remove_all(lake_, ignored);
  }

  // Empty when every record held, else "line N: what".
  std::string Run() {
    try {
      std::ifstream in(file_);
      std::vector<Line> lines;
      int number = 0;
      for (std::string text; std::getline(in, text);) lines.push_back({text, ++number});
      Open();
      RunLines(lines, 0, lines.size());
      if (records_ == 0) return "no record was run";
      return "";
    } catch (const Failure& failure) {
      return failure.what();
    }
  }
  const std::string& skipped() const { return skipped_; }

 private:
  [[noreturn]] void Fail(int line, const std::string& what) {
    throw Failure("line " + std::to_string(line) + ": " + what);
  }

  void Open() {
    engine::EngineOptions options;
    options.lake = lake_.string();
    options.create_lake = true;
    options.threads = 2;
    options.fsync = false;
    options.dialect = dialect_;
    auto engine = engine::Engine::Open(options);
    if (!engine.ok()) throw Failure("cannot open the lake: " + engine.status().ToString());
    engine_ = std::move(*engine);
  }

  engine::Session& CurrentSession() {
    auto& session = sessions_[session_name_];
    if (!session) {
      auto made = engine_->NewSession();
      if (!made.ok()) throw Failure("cannot make a session: " + made.status().ToString());
      session = std::move(*made);
    }
    session->SetDialect(dialect_);
    return *session;
  }

  void RunLines(const std::vector<Line>& lines, size_t begin, size_t end) {
    for (size_t i = begin; i < end && skipped_.empty();) {
      const std::string text = Expand(lines[i].text, variables_);
      const auto words = Words(text);
      if (words.empty() || words[0][0] == '#') {
        ++i;
      } else if (words[0] == "loop") {
        i = RunLoop(lines, i, end, words);
      } else {
        Record record;
        i = ReadRecord(lines, i, end, &record);
        RunRecord(record);
      }
    }
  }

  size_t RunLoop(const std::vector<Line>& lines, size_t at, size_t end,
                 const std::vector<std::string>& words) {
    if (words.size() != 4) Fail(lines[at].number, "write: loop NAME FROM TO");
    size_t close = at + 1;
    for (int depth = 1; close < end; ++close) {
      const auto inner = Words(lines[close].text);
      if (!inner.empty() && inner[0] == "loop") ++depth;
      if (!inner.empty() && inner[0] == "endloop" && --depth == 0) break;
    }
    if (close == end) Fail(lines[at].number, "loop without endloop");
    for (long n = std::stol(words[2]); n < std::stol(words[3]); ++n) {
      variables_[words[1]] = std::to_string(n);
      RunLines(lines, at + 1, close);
    }
    variables_.erase(words[1]);
    return close + 1;
  }

  size_t ReadRecord(const std::vector<Line>& lines, size_t i, size_t end, Record* record) {
    record->header = Expand(lines[i].text, variables_);
    record->words = Words(record->header);
    record->line = lines[i].number;
    ++i;
    for (; i < end && !lines[i].text.empty() && lines[i].text != "----"; ++i) {
      record->sql += Expand(lines[i].text, variables_) + "\n";
    }
    if (i < end && lines[i].text == "----") {
      record->has_expected = true;
      for (++i; i < end && !lines[i].text.empty(); ++i) {
        record->expected.push_back(Expand(lines[i].text, variables_));
      }
    }
    return i;
  }

  void RunRecord(const Record& record) {
    const std::string& what = record.words[0];
    if (what == "dialect") {
      const auto dialect = dialect::ParseSqlDialect(record.words.at(1));
      if (!dialect.ok()) Fail(record.line, dialect.status().message());
      dialect_ = *dialect;
    } else if (what == "session") {
      session_name_ = record.words.at(1);
    } else if (what == "restart") {
      sessions_.clear();
      engine_.reset();
      Open();
    } else if (what == "require-shared-data") {
      if (variables_.count("SHARED") == 0 || !fs::exists(variables_["SHARED"])) {
        skipped_ = "TARN_SHARED_DATA is absent";
      }
    } else if (what == "statement") {
      RunStatement(record);
      ++records_;
    } else if (what == "query") {
      RunQuery(record);
      ++records_;
    } else {
      Fail(record.line, "unknown word '" + what + "'");
    }
  }

  void RunStatement(const Record& record) {
    if (record.words.size() < 2) Fail(record.line, "write: statement ok|error|count N");
    std::optional<int64_t> changed;
    const Status status =
        CurrentSession().Run(record.sql, "", [&](engine::QueryResult& result) -> Status {
          changed = result.rows_changed();
          return engine::ReadAll(result).status();
        });
    if (record.words[1] == "error") {
      if (status.ok()) Fail(record.line, "an error was expected, it succeeded: " + record.sql);
      const std::string message = status.ToString();
      for (const std::string& part : record.expected) {
        if (!Matches(message, part)) {
          Fail(record.line, "the error does not say '" + part + "' but: " + message);
        }
      }
      return;
    }
    if (!status.ok()) Fail(record.line, status.ToString() + "\n# in: " + record.sql);
    if (record.words[1] == "count" && changed != std::stoll(record.words.at(2))) {
      Fail(record.line, "rows changed: " + (changed ? std::to_string(*changed) : "none") +
                            ", expected " + record.words.at(2));
    }
  }

  // "<REGEX>:…" is a regular expression, anything else a substring.
  static bool Matches(const std::string& text, const std::string& pattern) {
    constexpr std::string_view kRegex = "<REGEX>:";
    if (pattern.rfind(kRegex, 0) == 0) {
      const std::regex regex(pattern.substr(kRegex.size()), std::regex::icase);
      return std::regex_search(text, regex);
    }
    return text.find(pattern) != std::string::npos;
  }

  void RunQuery(const Record& record) {
    auto rows = CurrentSession().Query(record.sql);
    if (!rows.ok()) Fail(record.line, rows.status().ToString() + "\n# in: " + record.sql);
    const size_t columns = record.words.size() > 1 ? record.words[1].size() : 0;
    if (rows->columns.size() != columns) {
      Fail(record.line, "columns: " + std::to_string(rows->columns.size()) + ", expected " +
                            std::to_string(columns));
    }
    std::vector<std::string> actual;
    for (const auto& row : rows->rows) {
      std::string line;
      for (size_t i = 0; i < row.size(); ++i) {
        if (i > 0) line += '\t';
        line += !row[i] ? "NULL" : row[i]->empty() ? "(empty)" : OneLine(*row[i]);
      }
      actual.push_back(line);
    }
    std::vector<std::string> expected = record.expected;
    if (record.words.size() > 2 && record.words[2] == "rowsort") {
      std::sort(actual.begin(), actual.end());
      std::sort(expected.begin(), expected.end());
    }
    CompareRows(record, actual, expected);
  }

  static std::string OneLine(std::string text) {
    for (size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at)) {
      text.replace(at, 1, "\\n");
    }
    return text;
  }

  void CompareRows(const Record& record, const std::vector<std::string>& actual,
                   const std::vector<std::string>& expected) {
    bool same = actual.size() == expected.size();
    for (size_t i = 0; same && i < actual.size(); ++i) {
      same = actual[i] == expected[i] ||
             (expected[i].rfind("<REGEX>:", 0) == 0 && Matches(actual[i], expected[i]));
    }
    if (same) return;
    std::string what = "rows differ\n# in: " + record.sql + "# got:\n";
    for (const auto& row : actual) what += "#   " + row + "\n";
    what += "# expected:\n";
    for (const auto& row : expected) what += "#   " + row + "\n";
    Fail(record.line, what);
  }

  fs::path file_;
  fs::path lake_;
  std::map<std::string, std::string> variables_;
  std::unique_ptr<engine::Engine> engine_;
  std::map<std::string, std::unique_ptr<engine::Session>> sessions_;
  std::string session_name_ = "main";
  dialect::SqlDialect dialect_ = dialect::SqlDialect::kSpark;
  std::string skipped_;
  int records_ = 0;
};

std::vector<fs::path> FindCases(const fs::path& folder, const std::string& filter) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".test" &&
        entry.path().string().find(filter) != std::string::npos) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

int RunAll(const fs::path& folder, const std::string& filter) {
  const auto files = FindCases(folder, filter);
  std::printf("1..%zu\n", files.size());
  int failed = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    CaseRun run(files[i]);
    const std::string why = run.Run();
    const std::string name = fs::relative(files[i], folder).string();
    if (!why.empty()) {
      ++failed;
      std::printf("not ok %zu - %s\n# %s\n", i + 1, name.c_str(), why.c_str());
    } else if (!run.skipped().empty()) {
      std::printf("ok %zu - %s # SKIP %s\n", i + 1, name.c_str(), run.skipped().c_str());
    } else {
      std::printf("ok %zu - %s\n", i + 1, name.c_str());
    }
    std::fflush(stdout);
  }
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace tarn

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: sql_suite FOLDER [PART-OF-A-FILE-NAME]\n");
    return 2;
  }
  return tarn::RunAll(argv[1], argc > 2 ? argv[2] : "");
}
