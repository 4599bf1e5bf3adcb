#include "transform/run/compiler.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "transform/project/test_arguments.h"
#include "transform/run/seed.h"

namespace tarn::transform {
namespace {

namespace fs = std::filesystem;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Past blanks and comments.
size_t SkipBlanks(const std::string& sql, size_t at) {
  for (;;) {
    while (at < sql.size() && IsBlank(sql[at])) ++at;
    if (sql.compare(at, 2, "--") == 0) {
      at = std::min(sql.find('\n', at), sql.size());
    } else if (sql.compare(at, 2, "/*") == 0) {
      const size_t end = sql.find("*/", at + 2);
      at = end == std::string::npos ? sql.size() : end + 2;
    } else {
      return at;
    }
  }
}

// Length of `word` at `at`, whatever its case, when it ends there; else 0.
size_t SeesWord(const std::string& sql, size_t at, std::string_view word) {
  if (sql.size() < at + word.size()) return 0;
  for (size_t i = 0; i < word.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(sql[at + i])) != word[i]) return 0;
  }
  const size_t end = at + word.size();
  const bool ends =
      end == sql.size() || (!std::isalnum(static_cast<unsigned char>(sql[end])) && sql[end] != '_');
  return ends ? word.size() : 0;
}

std::string PlaceOf(const RunContext& context, const Node& node) {
  return node.package_name == context.project.root.name
             ? node.original_file_path
             : node.package_name + "://" + node.original_file_path;
}

std::string Trimmed(const std::string& line) {
  const size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return "";
  return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  size_t at = 0;
  while (at <= text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(Trimmed(text.substr(at, end - at)));
    at = end + 1;
  }
  return lines;
}

// The ephemeral models `scope` used and those they use, each after what it needs.
Status CollectCtes(RunScope& scope, std::vector<std::string>& done,
                   std::vector<std::string>& ctes) {
  for (const std::string& id : scope.ephemerals) {
    if (std::find(done.begin(), done.end(), id) != done.end()) continue;
    Node* node = scope.context.project.manifest.Find(id);
    RunScope inner(scope.context, *node, scope.warehouse);
    inner.window = scope.window;
    const std::string place = PlaceOf(scope.context, *node);
    TARN_ASSIGN_OR_RETURN(const std::string sql, inner.Render(node->raw_code, place));
    TARN_RETURN_IF_ERROR(CollectCtes(inner, done, ctes));
    done.push_back(id);
    ctes.push_back(" " + EphemeralName(*node) + " as (\n" + sql + "\n)");
    const std::lock_guard<std::mutex> guard(scope.context.CompileLock(id));
    if (!node->compiled) {
      node->compiled_code = sql;
      node->compiled = true;
    }
  }
  return Status::Ok();
}

Status PrepareTest(RunScope& scope) {
  Node& node = scope.node;
  if (!node.test_metadata) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(
      scope.test_kwargs,
      TestKeywords(*scope.context.project.names, *scope.context.project.macros, *node.test_metadata,
                   scope, node.original_file_path, jinja::UndefinedMode::kLenient));
  scope.has_test_kwargs = true;
  return Status::Ok();
}

}  // namespace

std::string EphemeralName(const Node& node) { return "__dbt__cte__" + node.name; }

std::string InjectCtes(const std::string& sql, const std::vector<std::string>& ctes) {
  if (ctes.empty()) return sql;
  std::string joined;
  for (const std::string& cte : ctes) joined += (joined.empty() ? "" : ", ") + cte;
  const size_t at = SkipBlanks(sql, 0);
  if (const size_t length = SeesWord(sql, at, "with"); length > 0) {
    size_t after = at + length;
    const size_t next = SkipBlanks(sql, after);
    if (const size_t recursive = SeesWord(sql, next, "recursive"); recursive > 0) {
      after = next + recursive;
    }
    return sql.substr(0, after) + joined + "," + sql.substr(after);
  }
  return sql.substr(0, at) + "with" + joined + sql.substr(at);
}

std::string CompiledPath(const Node& node) {
  std::string path = "compiled/" + node.package_name + "/" + node.original_file_path;
  if (node.test_metadata) path += "/" + node.path;
  if (node.type == ResourceType::kSnapshot) path += "/" + node.name + ".sql";
  return path;
}

Status WriteTarget(const RunContext& context, const std::string& relative,
                   const std::string& text) {
  const fs::path path = fs::path(context.project.target_folder) / relative;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file.is_open()) {
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (fs::is_regular_file(path.parent_path())) {
      fs::remove(path.parent_path());
      fs::create_directories(path.parent_path(), error);
    }
    file.open(path, std::ios::binary | std::ios::trunc);
  }
  file << text;
  file.close();
  if (!file) return Status::Io("file " + path.string() + " cannot be written; is the disk full?");
  return Status::Ok();
}

Status CompileNode(RunScope& scope) {
  Node& node = scope.node;
  scope.warehouse.SetDialect(scope.context.DialectOf(node));
  if (node.type == ResourceType::kSeed || IsIdle(node.type)) return Status::Ok();
  TARN_RETURN_IF_ERROR(PrepareTest(scope));
  jinja::Error error;
  auto rendered = scope.Render(node.raw_code, PlaceOf(scope.context, node), &error);
  if (!rendered.ok()) {
    if (error.line > 0 && node.raw_code_line > 1 && error.file == PlaceOf(scope.context, node)) {
      error.line += static_cast<int>(node.raw_code_line) - 1;
    }
    return error.line > 0 ? Status(rendered.status().code(), error.Describe()) : rendered.status();
  }
  std::vector<std::string> done, ctes;
  TARN_RETURN_IF_ERROR(CollectCtes(scope, done, ctes));
  node.compiled_code = InjectCtes(*rendered, ctes);
  node.compiled = true;
  Json extra = Json::array();
  for (size_t i = 0; i < done.size(); ++i) extra.push_back({{"id", done[i]}, {"sql", ctes[i]}});
  node.extra["extra_ctes"] = std::move(extra);
  const std::string path = CompiledPath(node);
  node.extra["compiled_path"] = scope.context.project.root.target_path + "/" + path;
  if (!scope.context.options.write_files) return Status::Ok();
  return WriteTarget(scope.context, path, node.compiled_code);
}

size_t SourceLineOf(const Node& node, size_t compiled_line) {
  const std::vector<std::string> compiled = Lines(node.compiled_code);
  const std::vector<std::string> raw = Lines(node.raw_code);
  if (compiled_line == 0 || compiled_line > compiled.size()) return 0;
  const std::string& wanted = compiled[compiled_line - 1];
  // Lines without Jinja stand in both. The nth of the same lines in one is the nth in the other.
  const auto occurrences = std::count(raw.begin(), raw.end(), wanted);
  if (!wanted.empty() && occurrences > 0) {
    const auto nth =
        std::count(compiled.begin(),
                   compiled.begin() + static_cast<std::ptrdiff_t>(compiled_line - 1), wanted);
    std::ptrdiff_t seen = 0;
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != wanted) continue;
      if (seen++ == std::min<std::ptrdiff_t>(nth, occurrences - 1)) return i + node.raw_code_line;
    }
  }
  // A line with Jinja in it: count from the nearest line before it that stands in both.
  for (size_t back = 1; back < compiled_line; ++back) {
    const std::string& before = compiled[compiled_line - 1 - back];
    if (before.empty() || std::count(raw.begin(), raw.end(), before) != 1) continue;
    const auto at = std::find(raw.begin(), raw.end(), before) - raw.begin();
    const size_t line = static_cast<size_t>(at) + back;
    return std::min(line, raw.size() - 1) + node.raw_code_line;
  }
  return raw.size() == compiled.size() ? compiled_line + node.raw_code_line - 1 : 0;
}

}  // namespace tarn::transform
