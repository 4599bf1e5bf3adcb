// Every text the translation makes is DuckDB 1.5.6 SQL, and what its grammar has no words for
// arrives.
#include <gtest/gtest.h>

#include "dialect/dialect.h"
#include "dialect/statement_cases.h"
#include "duckdb.hpp"
#include "duckdb/parser/parsed_data/create_table_info.hpp"
#include "duckdb/parser/parsed_data/create_view_info.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/parser/statement/create_statement.hpp"

namespace tarn::dialect {
namespace {

duckdb::unique_ptr<duckdb::SQLStatement> Parse(const TranslatedStatement& statement) {
  duckdb::Parser parser;
  try {
    parser.ParseQuery(statement.sql);
  } catch (const std::exception& exception) {
    ADD_FAILURE() << statement.sql << "\n" << duckdb::ErrorData(exception).RawMessage();
    return nullptr;
  }
  EXPECT_EQ(parser.statements.size(), 1u) << statement.sql;
  return std::move(parser.statements.front());
}

TEST(StatementParseTest, EverythingMadeIsOneDuckdbStatement) {
  auto check = [](std::string_view sql, SqlDialect dialect) {
    const auto result = Translate(sql, dialect);
    ASSERT_TRUE(result.ok()) << result.status().message();
    for (const TranslatedStatement& statement : *result) {
      auto parsed = Parse(statement);
      if (!parsed) continue;
      CompleteStatement(*parsed, sql);
      if (dialect == SqlDialect::kSpark && statement.rewrite_expressions)
        RewriteSparkExpressions(*parsed);
    }
  };
  for (const StatementCase& c : kSparkCases) check(c.source, SqlDialect::kSpark);
  for (const StatementCase& c : kDuckdbCases) check(c.source, SqlDialect::kDuckdb);
}

TEST(StatementParseTest, CommentsAndSpellingsReachTheTable) {
  const auto result = Translate(
      "CREATE TABLE t (userId INT COMMENT 'who', b STRING) COMMENT 'it''s' TBLPROPERTIES "
      "('delta.appendOnly'='true', "
      "'quality.Owner'='x', 'low'='y')",
      SqlDialect::kSpark);
  ASSERT_TRUE(result.ok());
  auto parsed = Parse(result->front());
  CompleteStatement(*parsed, "");
  auto& table = parsed->Cast<duckdb::CreateStatement>().info->Cast<duckdb::CreateTableInfo>();
  EXPECT_EQ(table.comment.ToString(), "it's");
  EXPECT_EQ(table.columns.GetColumn("userid").Comment().ToString(), "who");
  EXPECT_TRUE(table.columns.GetColumn("b").Comment().IsNull());
  std::vector<std::string> names;
  for (const auto& option : table.options) names.push_back(option.first);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"delta.appendOnly", "low", "quality.Owner"}));
}

TEST(StatementParseTest, AViewKeepsTheTextItWasWrittenAs) {
  const std::string source = "CREATE VIEW v AS SELECT `a` FROM t";
  const auto result = Translate(source, SqlDialect::kSpark);
  ASSERT_TRUE(result.ok());
  auto parsed = Parse(result->front());
  CompleteStatement(*parsed, source);
  EXPECT_EQ(parsed->Cast<duckdb::CreateStatement>().info->sql, source);
}

// The statements of the translation that DuckDB alone can run give what they should.
class RunTest : public ::testing::Test {
 protected:
  RunTest() : database_(nullptr), connection_(database_) {
    RegisterDialect(*database_.instance);
    Run("CREATE SCHEMA silver; CREATE TABLE silver.t (id BIGINT NOT NULL, tags VARCHAR[], m "
        "MAP(VARCHAR, INTEGER))");
    Run("INSERT INTO silver.t VALUES (1, ['a', 'b'], MAP {'k': 1}), (2, NULL, NULL)");
  }
  std::string Run(const std::string& sql) {
    auto result = connection_.Query(sql);
    if (result->HasError()) return "error: " + result->GetError();
    std::string text;
    for (duckdb::idx_t row = 0; row < result->RowCount(); ++row) {
      for (duckdb::idx_t column = 0; column < result->ColumnCount(); ++column) {
        text += (column ? "|" : "") + result->GetValue(column, row).ToString();
      }
      text += "\n";
    }
    return text;
  }
  std::string Spark(const std::string& sql) {
    TranslateContext context;
    context.catalog = "memory";
    const auto result = Translate(sql, SqlDialect::kSpark, context);
    if (!result.ok()) return "error: " + result.status().message();
    std::string last;
    for (const TranslatedStatement& statement : *result) {
      auto parsed = Parse(statement);
      CompleteStatement(*parsed, sql);
      if (statement.rewrite_expressions) RewriteSparkExpressions(*parsed);
      auto found = connection_.Query(std::move(parsed));
      if (found->HasError()) return "error: " + found->GetError();
      last.clear();
      for (auto& row : *found) {
        for (duckdb::idx_t i = 0; i < found->ColumnCount(); ++i) {
          last += (i ? "|" : "") + row.GetValue<duckdb::Value>(i).ToString();
        }
        last += "\n";
      }
    }
    return last;
  }

  duckdb::DuckDB database_;
  duckdb::Connection connection_;
};

TEST_F(RunTest, DescribeAndShow) {
  EXPECT_EQ(Spark("DESCRIBE silver.t"),
            "id|bigint|NULL\ntags|array<string>|NULL\nm|map<string,int>|NULL\n");
  EXPECT_EQ(Spark("DESCRIBE TABLE silver.t ID"), "col_name|id\ndata_type|bigint\ncomment|NULL\n");
  Run("COMMENT ON COLUMN silver.t.id IS 'the key'; CREATE VIEW silver.v AS SELECT 1 AS one");
  EXPECT_EQ(Spark("DESCRIBE silver.t").substr(0, 18), "id|bigint|the key\n");
  EXPECT_EQ(Spark("DESCRIBE silver.v"), "one|int|NULL\n");
  EXPECT_NE(Spark("DESCRIBE silver.nosuch").find("nosuch"), std::string::npos);
  EXPECT_EQ(Spark("SHOW TABLES IN silver LIKE 'T*|x'"), "silver|t|false\n");
  EXPECT_EQ(Spark("SHOW TABLES IN silver LIKE 'x*'"), "");
  EXPECT_NE(Spark("SHOW TABLES IN nosuch").find("schema 'nosuch' does not exist"),
            std::string::npos);
  EXPECT_EQ(Spark("SHOW SCHEMAS LIKE 's*'"), "silver\n");
  EXPECT_EQ(Spark("SHOW COLUMNS IN t IN silver"), "id\ntags\nm\n");
  EXPECT_EQ(Spark("DESCRIBE QUERY SELECT 1 AS a"), "a|int|NULL\n");
}

TEST_F(RunTest, LateralViewsAndInlineTables) {
  EXPECT_EQ(Spark("SELECT id, c FROM silver.t LATERAL VIEW explode(tags) x AS c ORDER BY c"),
            "1|a\n1|b\n");
  EXPECT_EQ(Spark("SELECT id, p, c FROM silver.t LATERAL VIEW OUTER posexplode(tags) x AS p, c "
                  "ORDER BY id, p"),
            "1|0|a\n1|1|b\n2|NULL|NULL\n");
  EXPECT_EQ(Spark("SELECT id, k, v FROM silver.t LATERAL VIEW explode(m) x AS k, v"), "1|k|1\n");
  EXPECT_EQ(Spark("SELECT col1, col2 FROM VALUES (1, 'x'), (2, 'y')"), "1|x\n2|y\n");
  EXPECT_EQ(Spark("SELECT t.a + 1 FROM (VALUES 1, 2) AS t(a)"), "2\n3\n");
  EXPECT_EQ(Spark("SELECT id FROM range(2, 4)"), "2\n3\n");
  EXPECT_EQ(Spark("SELECT * EXCEPT (tags, m) FROM silver.t WHERE id <=> 1"), "1\n");
}

TEST_F(RunTest, LiteralsAndOperators) {
  EXPECT_EQ(Spark(R"(SELECT "it's", 'a\tb', r'\d', 'x' 'y', 10L, -9223372036854775808L, X'41')"),
            "it's|a\tb|\\d|xy|10|-9223372036854775808|A\n");
  EXPECT_EQ(
      Spark("SELECT 7 DIV 2, 'ab1' RLIKE '[0-9]', 'ab' NOT RLIKE '^b', NULL <=> NULL, !false"),
      "3|true|true|true|true\n");
  EXPECT_EQ(
      Spark("SELECT DATE '2024-01-31' + INTERVAL '1-1' YEAR TO MONTH, INT('7') + 1, STRING(5)"),
      "2025-02-28|8|5\n");
  EXPECT_EQ(Spark("SELECT extract(YEAR FROM DATE '2024-01-31'), substring('abc' FROM 2), trim(BOTH "
                  "'x' FROM 'xax')"),
            "2024|bc|a\n");
  EXPECT_EQ(Spark("SELECT offset, end FROM (SELECT 1 AS offset, 2 AS end)"), "1|2\n");
}

TEST_F(RunTest, MergeAndUpdateWithQualifiedColumns) {
  Run("CREATE TABLE silver.a (id INTEGER, v VARCHAR); INSERT INTO silver.a VALUES (1, 'x'), (2, "
      "'y'), (3, 'z')");
  EXPECT_EQ(Spark("MERGE INTO silver.a AS t USING (SELECT 1 AS id, 'X' AS v UNION ALL SELECT 4, "
                  "'n') s ON t.id = s.id "
                  "WHEN MATCHED THEN UPDATE SET t.v = s.v WHEN NOT MATCHED THEN INSERT * "
                  "WHEN NOT MATCHED BY SOURCE AND t.id = 2 THEN DELETE"),
            "3\n");
  EXPECT_EQ(Spark("UPDATE silver.a SET a.v = 'u' WHERE id = 3"), "1\n");
  EXPECT_EQ(Run("SELECT * FROM silver.a ORDER BY id"), "1|X\n3|u\n4|n\n");
}

}  // namespace
}  // namespace tarn::dialect
