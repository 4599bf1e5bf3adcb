// For tests: a lake in a temporary folder, one DuckDB over it, SQL in and text out.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "duck/extension.h"
#include "duckdb.hpp"

namespace tarn::duck {

namespace fs = std::filesystem;

class DuckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "tarn-duck-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    Open();
  }
  void TearDown() override {
    con_.reset();
    db_.reset();
    fs::remove_all(root_);
  }
  void Open() {
    con_.reset();
    db_ = std::make_unique<duckdb::DuckDB>(nullptr);
    RegisterTarnExtension(*db_->instance);
    con_ = std::make_unique<duckdb::Connection>(*db_);
    Run("ATTACH '" + root_ + "' AS lake (TYPE tarn, fsync false)");
    Run("USE lake.silver");
    Run("SET TimeZone = 'UTC'");
  }
  void Run(const std::string& sql) {
    auto result = con_->Query(sql);
    ASSERT_FALSE(result->HasError()) << sql << "\n" << result->GetError();
  }
  static std::string Text(duckdb::MaterializedQueryResult& result) {
    if (result.HasError()) return "ERROR " + result.GetError();
    std::string out;
    for (size_t row = 0; row < result.RowCount(); ++row) {
      if (row > 0) out += ";";
      for (size_t column = 0; column < result.ColumnCount(); ++column) {
        if (column > 0) out += "|";
        out += result.GetValue(column, row).ToString();
      }
    }
    return out;
  }
  std::string Ask(const std::string& sql) { return Text(*con_->Query(sql)); }
  std::string AskOn(duckdb::Connection& con, const std::string& sql) {
    return Text(*con.Query(sql));
  }
  std::string Error(const std::string& sql) {
    auto result = con_->Query(sql);
    return result->HasError() ? result->GetError() : "";
  }
  // "read/total" of the only Delta scan of the query.
  std::string FilesRead(const std::string& sql) {
    auto result = con_->Query("EXPLAIN (ANALYZE, FORMAT json) " + sql);
    if (result->HasError()) return result->GetError();
    const std::string plan = result->GetValue(1, 0).ToString();
    const auto number = [&](const std::string& key) {
      const auto at = plan.find("\"" + key + "\": \"");
      if (at == std::string::npos) return std::string("?");
      const auto begin = at + key.size() + 5;
      return plan.substr(begin, plan.find('"', begin) - begin);
    };
    return number("Files Read") + "/" + number("Files Total");
  }
  void Write(const std::string& key, const std::string& text) {
    fs::create_directories((fs::path(root_) / key).parent_path());
    std::ofstream(fs::path(root_) / key) << text;
  }

  std::string root_;
  std::unique_ptr<duckdb::DuckDB> db_;
  std::unique_ptr<duckdb::Connection> con_;
};

}  // namespace tarn::duck
