// What tests of writing stand on: a lake in a temporary folder and one connection to it. For tests
// only.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "duck/extension.h"
#include "duckdb.hpp"

namespace tarn::duck {

namespace fs = std::filesystem;

class WriteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "tarn-write-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    db_ = std::make_unique<duckdb::DuckDB>(nullptr);
    RegisterTarnExtension(*db_->instance);
    con_ = std::make_unique<duckdb::Connection>(*db_);
    Run("ATTACH '" + root_ + "' AS lake (TYPE tarn, fsync false)");
    Run("USE lake.bronze");
    Run("SET TimeZone = 'UTC'");
  }
  void TearDown() override {
    con_.reset();
    db_.reset();
    fs::remove_all(root_);
  }

  void Run(const std::string& sql) {
    auto result = con_->Query(sql);
    ASSERT_FALSE(result->HasError()) << sql << "\n" << result->GetError();
  }
  // Rows as text: columns by '|', rows by ';'. Ends the test's usefulness on error.
  std::string Ask(const std::string& sql) {
    auto result = con_->Query(sql);
    if (result->HasError()) return "ERROR " + result->GetError();
    std::string out;
    for (size_t row = 0; row < result->RowCount(); ++row) {
      if (row > 0) out += ";";
      for (size_t column = 0; column < result->ColumnCount(); ++column) {
        if (column > 0) out += "|";
        out += result->GetValue(column, row).ToString();
      }
    }
    return out;
  }
  std::string Error(const std::string& sql) {
    auto result = con_->Query(sql);
    return result->HasError() ? result->GetError() : "";
  }
  // Data files (and only those) below a table's folder.
  size_t FilesOf(const std::string& table, const std::string& extension = ".parquet",
                 const std::string& below = "") {
    size_t count = 0;
    const fs::path folder = fs::path(root_) / table / below;
    if (!fs::exists(folder)) return 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().string().find("_delta_log") != std::string::npos) continue;
      if (entry.is_regular_file() && entry.path().extension() == extension) ++count;
    }
    return count;
  }
  std::string Commit(const std::string& table, int version) {
    char name[32];
    snprintf(name, sizeof name, "%020d.json", version);
    std::ifstream in(fs::path(root_) / table / "_delta_log" / name);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

  std::string root_;
  std::unique_ptr<duckdb::DuckDB> db_;
  std::unique_ptr<duckdb::Connection> con_;
};

}  // namespace tarn::duck
