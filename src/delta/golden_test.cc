// Tables written by other engines (shared test data): the version and, where statistics tell it,
// the row count that another reader found; every version checksum a writer left must agree with the
// replayed state.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>

#include "delta/checksum.h"
#include "delta/log.h"
#include "delta/table.h"

namespace tarn::delta {
namespace {

namespace fs = std::filesystem;

fs::path SharedTables() {
  const char* set = std::getenv("TARN_SHARED_DATA");
  if (set) return fs::path(set) / "delta";
  // The repository's root is the first folder above this file's that has src/delta.
  fs::path here = fs::path(__FILE__).parent_path();
  return here.parent_path().parent_path() / ".." / "shared" / "data" / "delta";
}

struct Expected {
  int64_t rows = 0;
  int64_t version = 0;
};

// "- `name` — … — oracle 8 rows @v1" below "## group: …".
std::map<std::string, Expected> ReadInventory(const fs::path& folder) {
  std::map<std::string, Expected> expected;
  std::ifstream in(folder / "INVENTORY.md");
  const std::regex heading("^## ([^:]+):.*"), row("^- `([^`]+)`.*oracle (\\d+) rows @v(\\d+).*");
  std::string line, group;
  std::smatch match;
  while (std::getline(in, line)) {
    if (std::regex_match(line, match, heading)) group = match[1];
    if (std::regex_match(line, match, row)) {
      expected[group + "/" + match[1].str()] = {std::stoll(match[2]), std::stoll(match[3])};
    }
  }
  return expected;
}

class GoldenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = SharedTables();
    if (!fs::exists(folder_ / "INVENTORY.md")) {
      GTEST_SKIP() << "no shared test data at " << folder_ << "; set TARN_SHARED_DATA";
    }
    inventory_ = ReadInventory(folder_);
    ASSERT_GT(inventory_.size(), 100u);
  }
  std::shared_ptr<Table> Open(const std::string& name) {
    auto store = store::OpenLocalStore((folder_ / name).string());
    if (!store.ok()) return nullptr;
    TableEnvironment environment;
    environment.store = *store;
    return Table::At(environment, "");
  }
  fs::path folder_;
  std::map<std::string, Expected> inventory_;
};

TEST_F(GoldenTest, VersionAndRowsAgreeWithTheOracle) {
  int right = 0, counted = 0, need_parquet = 0;
  for (const auto& [name, expected] : inventory_) {
    auto table = Open(name);
    if (!table) continue;
    auto snapshot = table->Latest();
    if (!snapshot.ok()) {
      // Without a Parquet reader a cleaned-up log cannot be replayed; anything else is a failure.
      const bool parquet =
          snapshot.status().message().find("no Parquet reader") != std::string::npos;
      EXPECT_TRUE(parquet) << name << ": " << snapshot.status().ToString();
      ++need_parquet;
      continue;
    }
    EXPECT_EQ((*snapshot)->version().value(), expected.version) << name;
    ++right;
    if ((*snapshot)->num_rows()) {
      EXPECT_EQ(*(*snapshot)->num_rows(), expected.rows) << name;
      ++counted;
    }
  }
  std::printf("golden tables: %d right (%d with row counts), %d need Parquet checkpoints\n", right,
              counted, need_parquet);
  EXPECT_GT(counted, 60);
}

TEST_F(GoldenTest, EveryVersionChecksumAgrees) {
  int checked = 0, unreadable = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    if (entry.path().filename() != "_delta_log") continue;
    const std::string name = fs::relative(entry.path().parent_path(), folder_).string();
    auto table = Open(name);
    for (const auto& file : fs::directory_iterator(entry.path())) {
      const auto parsed = ParseLogFileName(file.path().filename().string());
      if (!parsed || parsed->kind != LogFileKind::kChecksum) continue;
      auto snapshot = table->At(parsed->version);
      if (!snapshot.ok()) {
        ++unreadable;
        continue;
      }
      auto checksum = ReadChecksum(table->environment(), "", parsed->version);
      ASSERT_TRUE(checksum.ok() && *checksum) << name << checksum.status().ToString();
      const Status same = ValidateChecksum(**checksum, **snapshot);
      EXPECT_TRUE(same.ok()) << name << ": " << same.ToString();
      // What we would have written says the same.
      auto ours = ParseChecksum(SerializeChecksum(**snapshot, "x"), "ours");
      ASSERT_TRUE(ours.ok()) << ours.status().ToString();
      EXPECT_TRUE(ValidateChecksum(*ours, **snapshot).ok());
      ++checked;
    }
  }
  std::printf("golden checksums: %d agree, %d versions not readable here\n", checked, unreadable);
  EXPECT_GT(checked, 50);
}

TEST_F(GoldenTest, DeletionVectorKeyCases) {
  auto table = Open("kernel-rs-golden/log-replay-dv-key-cases/delta");
  ASSERT_TRUE(table);
  auto snapshot = table->Latest();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().ToString();
  EXPECT_EQ((*snapshot)->num_rows(), 47);
  EXPECT_EQ((*snapshot)->num_files(), 1u);
}

}  // namespace
}  // namespace tarn::delta
