#include "cli/sql_shell.h"

#include <editline/readline.h>
#include <setjmp.h>
#include <signal.h>
#include <strings.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <sstream>
#include <vector>

#include "base/nearest.h"
#include "dialect/dialect.h"

namespace tarn::cli {
namespace {

constexpr int kHistoryLength = 5000;
constexpr const char* kDotCommands[] = {".dialect", ".format", ".help",  ".quit",
                                        ".schemas", ".tables", ".timing"};
constexpr const char* kKeywords[] = {
    "ALTER",     "AND",         "ANTI",     "AS",      "BETWEEN",  "BY",
    "CASE",      "CAST",        "COLUMN",   "CREATE",  "CROSS",    "CURRENT",
    "DELETE",    "DESC",        "DESCRIBE", "DETAIL",  "DISTINCT", "DROP",
    "ELSE",      "END",         "EXISTS",   "EXPLAIN", "EXTENDED", "FROM",
    "FULL",      "GROUP",       "HAVING",   "HISTORY", "IN",       "INNER",
    "INSERT",    "INTERVAL",    "INTO",     "IS",      "JOIN",     "LEFT",
    "LIKE",      "LIMIT",       "MATCHED",  "MERGE",   "NOT",      "NULL",
    "OF",        "ON",          "OR",       "ORDER",   "OVER",     "OVERWRITE",
    "PARTITION", "PARTITIONED", "REPLACE",  "RIGHT",   "SCHEMA",   "SELECT",
    "SEMI",      "SET",         "SHOW",     "TABLE",   "TABLES",   "TBLPROPERTIES",
    "THEN",      "TIMESTAMP",   "UNION",    "UNSET",   "UPDATE",   "USING",
    "VALUES",    "VERSION",     "VIEW",     "WHEN",    "WHERE",    "WITH"};

// Readline's callbacks are C functions without an argument of ours, and a signal handler even less.
struct ShellState {
  engine::Session* session = nullptr;
  std::vector<std::string> names;  // schemas, schema.table, columns; empty: to be read
  std::vector<std::string> matches;
  size_t next_match = 0;
};
ShellState g_shell;
sigjmp_buf g_prompt;
volatile sig_atomic_t g_at_prompt = 0;

extern "C" void OnPromptInterrupt(int) {
  if (g_at_prompt != 0) {
    g_at_prompt = 0;
    siglongjmp(g_prompt, 1);
  }
}

void LoadNames() {
  auto rows = g_shell.session->QueryDuckdb(
      "SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'lake' "
      "UNION SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = "
      "'lake' "
      "UNION SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE database_name = "
      "'lake' "
      "AND NOT internal "
      "UNION SELECT column_name FROM duckdb_columns() WHERE database_name = 'lake'");
  if (!rows.ok()) return;  // completion is a convenience: a lake that cannot be listed has none
  for (const auto& row : rows->rows) {
    if (row[0]) g_shell.names.push_back(*row[0]);
  }
}

void CollectMatches(const char* text) {
  g_shell.matches.clear();
  g_shell.next_match = 0;
  const size_t length = std::strlen(text);
  const auto consider = [&](const std::string& word) {
    if (strncasecmp(word.c_str(), text, length) == 0) g_shell.matches.push_back(word);
  };
  if (text[0] == '.') {
    for (const char* word : kDotCommands) consider(word);
    return;
  }
  for (const char* word : kKeywords) {
    std::string keyword = word;
    // Completion keeps the case a user types in.
    if (length > 0 && std::islower(static_cast<unsigned char>(text[0])) != 0) {
      for (char& c : keyword) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    consider(keyword);
  }
  if (g_shell.names.empty()) LoadNames();
  for (const std::string& name : g_shell.names) consider(name);
}

extern "C" char* NextMatch(const char* text, int state) {
  if (state == 0) CollectMatches(text);
  if (g_shell.next_match >= g_shell.matches.size()) return nullptr;
  return strdup(g_shell.matches[g_shell.next_match++].c_str());
}

extern "C" char** Complete(const char* text, int, int) {
  rl_attempted_completion_over = 1;  // never complete file names
  return rl_completion_matches(text, NextMatch);
}

// One line, nullopt at the end of input. `*interrupted` when Ctrl-C ended it.
//
// The jump leaves readline with a signal's frame on top, as shells on this library do; nothing with
// a destructor lives between the two ends of it.
char* ReadLine(const char* prompt, bool* interrupted) {
  struct sigaction action {
  }, previous{};
  action.sa_handler = OnPromptInterrupt;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &previous);
  char* volatile line = nullptr;
  *interrupted = false;
  if (sigsetjmp(g_prompt, 1) == 0) {
    g_at_prompt = 1;
    line = readline(prompt);
  } else {
    *interrupted = true;
  }
  g_at_prompt = 0;
  sigaction(SIGINT, &previous, nullptr);
  return line;
}

class Shell {
 public:
  Shell(engine::Session& session, std::string lake, SqlOutput output, Streams& streams)
      : session_(session), lake_(std::move(lake)), output_(output), streams_(streams) {}

  Status Run() {
    g_shell = ShellState{&session_, {}, {}, 0};
    // Its handlers would stay installed over our jump and call each other for ever at the next
    // Ctrl-C.
    rl_catch_signals = 0;
    rl_initialize();
    rl_readline_name = const_cast<char*>("tarn");
    rl_attempted_completion_function = Complete;
    rl_completer_word_break_characters = const_cast<char*>(" \t\n,;()=<>+-*/'\"`");
    history_path_ = HistoryPath();
    using_history();
    stifle_history(kHistoryLength);
    if (!history_path_.empty()) read_history(history_path_.c_str());
    streams_.out << "Tarn on " << lake_ << ", " << dialect::SqlDialectName(session_.dialect())
                 << " dialect. Statements end with ';'. .help for more, Ctrl-D to leave.\n";
    while (!quit_ && Step()) {
    }
    g_shell = ShellState{};
    return Status::Ok();
  }

 private:
  // Reads one line and does what it completes; false at the end of input.
  bool Step() {
    streams_.out.flush();
    bool interrupted = false;
    std::unique_ptr<char, decltype(&std::free)> line(
        ReadLine(pending_.empty() ? "tarn> " : "  ... ", &interrupted), std::free);
    if (interrupted) {
      pending_.clear();
      streams_.out << "\n";
      return true;
    }
    if (line == nullptr) {
      streams_.out << "\n";
      return false;
    }
    if (pending_.empty() && line.get()[0] == '.') {
      Remember(line.get());
      RunDotCommand(line.get());
      return true;
    }
    pending_ += pending_.empty() ? line.get() : std::string("\n") + line.get();
    switch (dialect::ClassifyInput(pending_, session_.dialect())) {
      case dialect::InputState::kEmpty: pending_.clear(); break;
      case dialect::InputState::kIncomplete: break;
      case dialect::InputState::kComplete: RunPending(); break;
    }
    return true;
  }

  void RunPending() {
    const std::string script = std::move(pending_);
    pending_.clear();
    Remember(script);
    const Status status = RunScript(session_, script, "", output_, streams_);
    if (!status.ok()) ReportError(streams_, status);
    g_shell.names.clear();  // the statement may have changed what there is to complete
  }

  void Remember(const std::string& entry) {
    add_history(entry.c_str());
    if (history_path_.empty()) return;
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(history_path_).parent_path(),
                                        ignored);
    const mode_t before = umask(077);  // statements can hold what others should not read
    write_history(history_path_.c_str());
    umask(before);
  }

  void RunDotCommand(const std::string& line) {
    std::istringstream words(line);
    std::string command, argument;
    words >> command >> argument;
    if (command == ".quit" || command == ".exit") {
      quit_ = true;
    } else if (command == ".help") {
      Help();
    } else if (command == ".format") {
      auto format = ParseOutputFormat(argument);
      if (format.ok()) {
        output_.format = *format;
      } else {
        ReportError(streams_, format.status());
      }
    } else if (command == ".dialect") {
      auto dialect = dialect::ParseSqlDialect(argument);
      if (dialect.ok()) {
        session_.SetDialect(*dialect);
      } else {
        ReportError(streams_, dialect.status());
      }
    } else if (command == ".timing") {
      output_.timing = argument != "off";
    } else if (command == ".tables") {
      List(
          "SELECT schema_name AS schema, table_name AS \"table\" FROM duckdb_tables() "
          "WHERE database_name = 'lake' ORDER BY ALL");
    } else if (command == ".schemas") {
      List(
          "SELECT schema_name AS schema FROM duckdb_schemas() WHERE database_name = 'lake' ORDER "
          "BY 1");
    } else {
      std::string message = "unknown command '" + command + "'";
      const std::vector<std::string> known(std::begin(kDotCommands), std::end(kDotCommands));
      if (auto nearest = Nearest(command, known)) message += "; did you mean '" + *nearest + "'?";
      ReportError(streams_, Status::InvalidArgument(message + " Try: .help"));
    }
  }

  void List(const std::string& duckdb_sql) {
    auto rows = session_.QueryDuckdb(duckdb_sql);
    if (!rows.ok()) {
      ReportError(streams_, rows.status());
      return;
    }
    std::vector<ColumnHead> heads;
    for (const auto& column : rows->columns)
      heads.push_back({column.name, column.type, column.is_numeric});
    RenderTextRows({}, heads, rows->rows, streams_.out);
  }

  void Help() {
    streams_.out << ".tables             tables of the lake\n"
                    ".schemas            schemas of the lake\n"
                    ".format FORMAT      table, csv, json, ndjson or markdown\n"
                    ".dialect DIALECT    spark or duckdb\n"
                    ".timing on|off      time of each statement\n"
                    ".quit               leave (also Ctrl-D)\n"
                    "Ctrl-C cancels the running statement, or drops what is being typed.\n";
  }

  engine::Session& session_;
  const std::string lake_;
  SqlOutput output_;
  Streams& streams_;
  std::string pending_;
  std::string history_path_;
  bool quit_ = false;
};

}  // namespace

std::string HistoryPath() {
  const auto from = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
  };
  if (const std::string path = from("TARN_HISTORY"); !path.empty()) return path;
  if (const std::string state = from("XDG_STATE_HOME"); !state.empty())
    return state + "/tarn/history";
  if (const std::string home = from("HOME"); !home.empty())
    return home + "/.local/state/tarn/history";
  return "";
}

Status RunShell(engine::Session& session, const std::string& lake, SqlOutput output,
                Streams& streams) {
  return Shell(session, lake, output, streams).Run();
}

}  // namespace tarn::cli
