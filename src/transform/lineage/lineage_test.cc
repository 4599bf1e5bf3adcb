// Runs every case of cases/*.lineage (README.md says how they are written).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "engine/engine.h"
#include "transform/lineage/tracer.h"

namespace tarn::transform {
namespace {

namespace fs = std::filesystem;
using govern::EdgeKind;
using govern::LineageColumn;
using govern::LineageEdge;

struct Case {
  std::string file, name, query;
  dialect::SqlDialect dialect = dialect::SqlDialect::kDuckdb;
  std::set<std::string> sanctioned, expected;
  std::string error;  // a part of the message
};

struct CaseFile {
  std::vector<std::string> tables;  // "src.users(id BIGINT, …)"
  std::vector<Case> cases;
};

fs::path CaseFolder() {
  const std::vector<const char*> roots = {std::getenv("TARN_ROOT"), ".", "../.."};
  for (const char* root : roots) {
    if (root == nullptr) continue;
    const fs::path folder = fs::path(root) / "src/transform/lineage/cases";
    if (fs::is_directory(folder)) return folder;
  }
  return {};
}

std::set<std::string> Words(const std::string& text) {
  std::istringstream stream(text);
  std::set<std::string> words;
  for (std::string word; stream >> word;) words.insert(word);
  return words;
}

CaseFile ReadCases(const fs::path& path) {
  CaseFile file;
  std::ifstream stream(path);
  bool expecting = false;
  for (std::string line; std::getline(stream, line);) {
    const auto rest = [&](const char* word) {
      const std::string prefix = word;
      return line.starts_with(prefix) ? line.substr(prefix.size()) : std::string();
    };
    if (line.starts_with("#")) continue;
    if (line.starts_with("table ")) {
      file.tables.push_back(rest("table "));
    } else if (line.starts_with("case: ")) {
      file.cases.push_back({path.filename().string(), rest("case: "), "", {}, {}, {}, ""});
      file.cases.back().dialect = dialect::SqlDialect::kDuckdb;
      expecting = false;
    } else if (file.cases.empty()) {
      continue;
    } else if (line == "dialect: spark") {
      file.cases.back().dialect = dialect::SqlDialect::kSpark;
    } else if (line.starts_with("sanctioned: ")) {
      file.cases.back().sanctioned = Words(rest("sanctioned: "));
    } else if (line.starts_with("error: ")) {
      file.cases.back().error = rest("error: ");
    } else if (line == "---") {
      expecting = true;
    } else if (expecting) {
      if (!line.empty()) file.cases.back().expected.insert(line);
    } else {
      file.cases.back().query += line + "\n";
    }
  }
  return file;
}

std::string EdgeText(const std::string& column, const LineageEdge& edge) {
  std::string text = column + " <- " + std::string(EdgeKindName(edge.kind));
  if (edge.masked) text += " masked";
  if (IsDirect(edge.kind) && !edge.value && !edge.masked) text += " told";
  if (!IsDirect(edge.kind) && edge.value) text += " value";
  return text + " " + edge.from.Text();
}

void Tell(const std::string& name, const LineageColumn& column, std::set<std::string>& lines) {
  for (const LineageEdge& edge : column.edges) lines.insert(EdgeText(name, edge));
  for (const auto& [field, inner] : column.fields) Tell(name + "." + field, inner, lines);
  if (column.edges.empty() && column.fields.empty()) lines.insert(name + " <- nothing");
}

std::set<std::string> Told(const govern::QueryLineage& lineage) {
  std::set<std::string> lines;
  for (const LineageColumn& column : lineage.columns) Tell(column.name, column, lines);
  for (const LineageEdge& edge : lineage.rows) lines.insert(EdgeText("*", edge));
  return lines;
}

std::string Joined(const std::set<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string Steps(const govern::QueryLineage& lineage) {
  std::string text;
  for (const LineageColumn& column : lineage.columns) {
    for (const LineageEdge& edge : AllEdges(column)) {
      text += column.name + " of " + edge.from.Text() + ":";
      for (const std::string& step : edge.steps) text += " -> " + step;
      text += "\n";
    }
  }
  return text;
}

class LineageCases : public ::testing::Test {
 protected:
  void SetUp() override {
    lake_ = fs::temp_directory_path() / ("tarn-lineage-" + std::to_string(::getpid()));
    engine::EngineOptions options;
    options.lake = lake_.string();
    options.create_lake = true;
    options.fsync = false;
    auto opened = engine::Engine::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    engine_ = std::move(*opened);
  }
  void TearDown() override {
    engine_.reset();
    fs::remove_all(lake_);
  }
  std::unique_ptr<LineageTracer> Tracer() {
    auto tracer = LineageTracer::Open(*engine_);
    EXPECT_TRUE(tracer.ok()) << tracer.status().message();
    return std::move(*tracer);
  }
  fs::path lake_;
  std::unique_ptr<engine::Engine> engine_;
};

// "src.users(id BIGINT, s STRUCT(a INT, b INT))" to columns; commas inside brackets do not count.
std::vector<engine::Column> Columns(const std::string& table) {
  std::vector<engine::Column> columns;
  const size_t open = table.find('(');
  std::string part;
  int depth = 0;
  for (size_t i = open + 1; i + 1 <= table.size(); ++i) {
    const char c = i + 1 == table.size() ? ',' : table[i];
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c != ',' || depth > 0) {
      part += c;
      continue;
    }
    const size_t begin = part.find_first_not_of(' ');
    const size_t space = part.find(' ', begin);
    engine::Column column;
    column.name = part.substr(begin, space - begin);
    column.type = part.substr(space + 1);
    columns.push_back(std::move(column));
    part.clear();
  }
  return columns;
}

TEST_F(LineageCases, EveryCaseGivesTheEdgesWrittenDown) {
  const fs::path folder = CaseFolder();
  ASSERT_FALSE(folder.empty()) << "src/transform/lineage/cases was not found; run in the tree";
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".lineage") continue;
    const CaseFile file = ReadCases(entry.path());
    auto tracer = Tracer();
    for (const std::string& table : file.tables) {
      const Status made = tracer->Define(table.substr(0, table.find('(')), Columns(table));
      ASSERT_TRUE(made.ok()) << made.message();
    }
    for (const Case& one : file.cases) {
      SCOPED_TRACE(one.file + ": " + one.name);
      ++count;
      tracer->SetSanctioned(one.sanctioned);
      const auto lineage = tracer->Trace(one.query, one.dialect, "query");
      if (!one.error.empty()) {
        ASSERT_FALSE(lineage.ok());
        EXPECT_THAT(lineage.status().message(), ::testing::HasSubstr(one.error));
        continue;
      }
      EXPECT_TRUE(lineage.ok()) << lineage.status().message();
      if (lineage.ok()) EXPECT_EQ(Joined(Told(*lineage)), Joined(one.expected)) << Steps(*lineage);
    }
  }
  RecordProperty("cases", static_cast<int>(count));
  EXPECT_GE(count, 60u);
}

TEST_F(LineageCases, TablesAndViewsOfTheLakeAreSeenThrough) {
  auto session = engine_->NewSession();
  ASSERT_TRUE(session.ok());
  ASSERT_TRUE((*session)
                  ->Query("CREATE TABLE bronze.people (id BIGINT, email STRING) USING DELTA; "
                          "CREATE VIEW silver.seen AS SELECT id, lower(email) AS mail "
                          "FROM bronze.people WHERE id > 1")
                  .ok());
  auto tracer = Tracer();
  const auto lineage =
      tracer->Trace("SELECT mail AS m, id FROM silver.seen", dialect::SqlDialect::kSpark, "query");
  ASSERT_TRUE(lineage.ok()) << lineage.status().message();
  EXPECT_EQ(Joined(Told(*lineage)),
            "* <- filter bronze.people.id\nid <- identity bronze.people.id\n"
            "m <- transformation bronze.people.email\n");
}

TEST_F(LineageCases, StepsSayHowAColumnWent) {
  auto tracer = Tracer();
  ASSERT_TRUE(tracer->Define("src.people", Columns("src.people(id BIGINT, email VARCHAR)")).ok());
  const auto lineage = tracer->Trace(
      "with __dbt__cte__clean as (select lower(email) as mail from src.people) "
      "select 'x' || mail as tag from __dbt__cte__clean",
      dialect::SqlDialect::kDuckdb, "query");
  ASSERT_TRUE(lineage.ok()) << lineage.status().message();
  ASSERT_EQ(lineage->columns[0].edges.size(), 1u);
  const std::vector<std::string> steps = {"lower(email)", "with clean", "('x' || mail)"};
  EXPECT_EQ(lineage->columns[0].edges[0].steps, steps);
}

TEST(EdgesAt, AFieldOfAWholeColumnIsThatFieldOfItsSource) {
  LineageColumn column;
  LineageEdge edge;
  edge.from = {"bronze.raw", "payload", {"after"}};
  column.edges.push_back(edge);
  EXPECT_EQ(EdgesAt(column, {"email"})[0].from.Text(), "bronze.raw.payload.after.email");
  column.edges[0].whole = false;
  EXPECT_EQ(EdgesAt(column, {"email"})[0].from.Text(), "bronze.raw.payload.after");
}

}  // namespace
}  // namespace tarn::transform
