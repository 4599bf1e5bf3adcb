// Every table of the shared collection (delta/INVENTORY.md) is read and judged: right, refused as
// it should be, or wrong. Wrong must be 0.
//
// Right means: exactly the rows of the table's expected files (at each version that has some), else
// the row count the inventory gives; and COUNT(*) from the log equals the rows that are there. Each
// comparison is made in two session time zones.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "duck/extension.h"
#include "duckdb.hpp"

namespace tarn::duck {
namespace {

namespace fs = std::filesystem;

struct SharedTable {
  std::string name;  // "<collection>/<table>"
  std::string path;
  std::optional<int64_t> rows;
  std::vector<std::pair<std::optional<int64_t>, std::string>> expected;  // version, Parquet glob
};

// Tables nobody can read whole, and what the refusal has to name.
const std::map<std::string, std::string>& Refusals() {
  static const std::map<std::string, std::string> refusals = {
      {"delta-rs/simple_table_features", "reader version 5"},
      {"kernel-rs-data/table-with-geo", "geospatial"},
      {"kernel-rs-golden/checkpoint/delta", "is gone"},
      {"kernel-rs-golden/delete-re-add-same-file-different-transactions/delta", "is gone"},
      {"kernel-rs-golden/log-replay-special-characters-b/delta", "is gone"},
      {"kernel-rs-golden/deltalog-state-reconstruction-from-checkpoint-missing-metadata/delta",
       "no column"},
      {"kernel-rs-golden/deltalog-state-reconstruction-without-metadata/delta", "no metaData"},
      {"kernel-rs-golden/versions-not-contiguous/delta", "missing from its log"},
  };
  return refusals;
}

// Row counts for tables that delta-rs, the inventory's oracle, could not read.
const std::map<std::string, int64_t>& KnownRows() {
  static const std::map<std::string, int64_t> rows = {
      // The file is removed again under another spelling of its path.
      {"kernel-rs-golden/canonicalized-paths-normal-a/delta", 0},
      {"kernel-rs-golden/canonicalized-paths-special-b/delta", 0},
      // The same rows as duckdb-delta/unshredded-variant, shredded; compared below.
      {"delta-rs/spark-shredded-variant-preview-delta", 102},
  };
  return rows;
}

// Of these the collection holds the log only: the count comes from the log, reading names the
// missing file.
const std::set<std::string>& LogOnly() {
  static const std::set<std::string> names = {
      "delta-rs/checkpoints_vacuumed",
      "delta-rs/spark-variant-stable-feature-checkpoint",
      "delta-rs/with_checkpoint_no_last_checkpoint",
      "kernel-rs-data/app-txn-with-last-updated",
      "kernel-rs-data/with_checkpoint_no_last_checkpoint",
  };
  return names;
}

// Partition timestamps without a zone mean the session's; these tables were written in one zone.
const std::map<std::string, std::string>& OnlyZone() {
  static const std::map<std::string, std::string> zones = {
      {"kernel-rs-golden/data-reader-partition-values/delta", "America/Los_Angeles"},
      {"kernel-rs-golden/kernel-timestamp-timestamp_millis/delta", "UTC"},
  };
  return zones;
}

fs::path SharedDelta() {
  if (const char* shared = getenv("TARN_SHARED_DATA")) return fs::path(shared) / "delta";
  return fs::path(__FILE__).parent_path() / "../../../shared/data/delta";
}

bool HasParquet(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".parquet") return true;
  }
  return false;
}

void FindExpected(const fs::path& folder, SharedTable* table) {
  const fs::path expected = folder / "expected";
  if (!fs::is_directory(expected)) return;
  if (HasParquet(expected)) {
    table->expected.emplace_back(std::nullopt, (expected / "*.parquet").string());
  }
  for (const auto& entry : fs::directory_iterator(expected)) {
    const std::string name = entry.path().filename();
    if (!entry.is_directory() || !HasParquet(entry.path())) continue;
    const std::string glob = (entry.path() / "*.parquet").string();
    if (name == "latest") table->expected.emplace_back(std::nullopt, glob);
    if (name.size() > 1 && name[0] == 'v' && isdigit(static_cast<unsigned char>(name[1]))) {
      table->expected.emplace_back(std::stoll(name.substr(1)), glob);
    }
  }
}

std::vector<SharedTable> ReadInventory(const fs::path& root) {
  std::vector<SharedTable> tables;
  std::ifstream in(root / "INVENTORY.md");
  const std::regex section("^## (\\S+):.*");
  const std::regex row("^- `([^`]+)` .*");
  const std::regex oracle(".*oracle (\\d+) rows @v.*");
  std::string line;
  std::string collection;
  std::smatch match;
  while (std::getline(in, line)) {
    if (std::regex_match(line, match, section)) collection = match[1];
    if (!std::regex_match(line, match, row)) continue;
    SharedTable table;
    const std::string folder = match[1];
    table.name = collection + "/" + folder;
    table.path = (root / collection / folder).string();
    if (std::regex_match(line, match, oracle)) table.rows = std::stoll(match[1]);
    fs::path parent = table.path;
    if (parent.filename() == "delta") parent = parent.parent_path();
    FindExpected(parent, &table);
    tables.push_back(std::move(table));
  }
  return tables;
}

class SharedTables : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(SharedDelta() / "INVENTORY.md")) {
      GTEST_SKIP() << "no shared data at " << SharedDelta().string() << " (TARN_SHARED_DATA)";
    }
    db_ = std::make_unique<duckdb::DuckDB>(nullptr);
    RegisterTarnExtension(*db_->instance);
    con_ = std::make_unique<duckdb::Connection>(*db_);
  }

  // A number, or the error's text.
  std::string Number(const std::string& sql) {
    auto result = con_->Query(sql);
    if (result->HasError()) return "error: " + result->GetError();
    return result->GetValue(0, 0).ToString();
  }

  // "" when right, else what is wrong; `refused` receives the error of a table that cannot be read.
  std::string Judge(const SharedTable& table, std::string* refused) {
    const std::string scan = "delta_scan('" + table.path + "')";
    std::string rows = Number("SELECT count(h) FROM (SELECT hash(t) h FROM " + scan + " t)");
    const std::string counted = Number("SELECT count(*) FROM " + scan);
    if (LogOnly().count(table.name) && rows.find("is gone") != std::string::npos) rows = counted;
    if (rows.rfind("error: ", 0) == 0) {
      *refused = rows;
      return "";
    }
    if (counted != rows) return "COUNT(*) says " + counted + ", the files hold " + rows;
    const auto known = KnownRows().find(table.name);
    const auto wanted = known != KnownRows().end() ? std::optional(known->second) : table.rows;
    if (wanted && std::to_string(*wanted) != rows) {
      return rows + " rows instead of " + std::to_string(*wanted);
    }
    for (const auto& [version, glob] : table.expected) {
      const std::string wrong = Compare(table, version, glob);
      if (!wrong.empty()) return wrong;
    }
    if (!wanted && table.expected.empty()) return "nothing to compare with";
    return "";
  }

  std::string Compare(const SharedTable& table, const std::optional<int64_t>& version,
                      const std::string& glob) {
    const std::string ours =
        "SELECT * FROM delta_scan('" + table.path + "'" +
        (version ? ", version => " + std::to_string(*version) : std::string()) + ")";
    const std::string theirs =
        "SELECT * FROM read_parquet('" + glob + "', hive_partitioning = false)";
    const std::string at = version ? " at version " + std::to_string(*version) : "";
    const std::string extra =
        Number("SELECT count(*) FROM (" + ours + " EXCEPT ALL " + theirs + ")");
    const std::string missing =
        Number("SELECT count(*) FROM (" + theirs + " EXCEPT ALL " + ours + ")");
    if (extra == "0" && missing == "0") return "";
    return "rows" + at + " differ: " + extra + " too many, " + missing + " missing";
  }

  std::unique_ptr<duckdb::DuckDB> db_;
  std::unique_ptr<duckdb::Connection> con_;
};

TEST_F(SharedTables, NoneIsReadWrong) {
  const auto tables = ReadInventory(SharedDelta());
  ASSERT_GT(tables.size(), 100u) << "the inventory could not be read";
  int right = 0;
  int refused_count = 0;
  std::vector<std::string> wrong;
  for (const auto& table : tables) {
    std::vector<std::string> zones = {"UTC", "America/New_York"};
    const auto only = OnlyZone().find(table.name);
    if (only != OnlyZone().end()) zones = {only->second};
    std::string problem;
    std::string refused;
    for (const auto& zone : zones) {
      if (!problem.empty() || !refused.empty()) break;
      ASSERT_FALSE(con_->Query("SET TimeZone = '" + zone + "'")->HasError());
      problem = Judge(table, &refused);
      if (!problem.empty()) problem += " (zone " + zone + ")";
    }
    const auto refusal = Refusals().find(table.name);
    if (!refused.empty() && refusal != Refusals().end() &&
        refused.find(refusal->second) != std::string::npos) {
      ++refused_count;
      printf("refused  %s: %s\n", table.name.c_str(), refused.c_str());
      continue;
    }
    if (!refused.empty()) problem = refused;
    if (refused.empty() && refusal != Refusals().end()) {
      problem = "was read, but should be refused (" + refusal->second + ")";
    }
    if (problem.empty()) {
      ++right;
      printf("right    %s\n", table.name.c_str());
    } else {
      wrong.push_back(table.name + ": " + problem);
      printf("WRONG    %s\n", wrong.back().c_str());
    }
  }
  printf("shared tables: %d right, %d refused as they should be, %zu wrong\n", right, refused_count,
         wrong.size());
  EXPECT_TRUE(wrong.empty()) << wrong.size() << " tables, the first: " << wrong[0];
  EXPECT_EQ(static_cast<size_t>(right + refused_count) + wrong.size(), tables.size());
}

TEST_F(SharedTables, ShreddedVariantsHoldTheSameRows) {
  const std::string root = SharedDelta().string();
  const std::string shredded =
      "SELECT * FROM delta_scan('" + root + "/delta-rs/spark-shredded-variant-preview-delta')";
  const std::string plain =
      "SELECT * FROM delta_scan('" + root + "/duckdb-delta/unshredded-variant')";
  EXPECT_EQ(Number("SELECT count(*) FROM (" + shredded + " EXCEPT ALL " + plain + ")"), "0");
  EXPECT_EQ(Number("SELECT count(*) FROM (" + plain + " EXCEPT ALL " + shredded + ")"), "0");
}

}  // namespace
}  // namespace tarn::duck
