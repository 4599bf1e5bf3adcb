// The rewrite inside whole statements: every place an expression can stand in, NULL order, names of
// columns. What single expressions give is the differential test's business (tests/differential).
#include "dialect/expression_rewrite.h"

#include <gtest/gtest.h>

#include "dialect/dialect.h"
#include "dialect/functions.h"
#include "duckdb.hpp"
#include "duckdb/parser/parser.hpp"

namespace tarn::dialect {
namespace {

class RewriteTest : public testing::Test {
 protected:
  RewriteTest() : connection_(database_) {
    RegisterSparkFunctions(*database_.instance);
    connection_.Query("SET TimeZone = 'UTC'");
  }

  duckdb::unique_ptr<duckdb::QueryResult> Run(const std::string& sql) {
    TranslateContext context;
    context.catalog = "memory";
    auto translated = Translate(sql, SqlDialect::kSpark, context);
    EXPECT_TRUE(translated.ok()) << translated.status().message();
    duckdb::unique_ptr<duckdb::QueryResult> result;
    for (auto& one : translated.value()) {
      duckdb::Parser parser;
      parser.ParseQuery(one.sql);
      if (one.rewrite_expressions) RewriteSparkExpressions(*parser.statements.at(0));
      result = connection_.Query(std::move(parser.statements.at(0)));
    }
    return result;
  }

  // Rows as "a|b;c|d".
  std::string Rows(const std::string& sql) {
    auto result = Run(sql);
    if (result->HasError()) return "ERROR " + result->GetError();
    auto& rows = result->Cast<duckdb::MaterializedQueryResult>();
    std::string text;
    for (duckdb::idx_t r = 0; r < rows.RowCount(); r++) {
      if (r > 0) text += ";";
      for (duckdb::idx_t c = 0; c < rows.ColumnCount(); c++) {
        text += (c > 0 ? "|" : "") + rows.GetValue(c, r).ToString();
      }
    }
    return text;
  }

  std::string Names(const std::string& sql) {
    auto result = Run(sql);
    std::string text;
    for (auto& name : result->names) text += (text.empty() ? "" : "|") + name;
    return text;
  }

  duckdb::DuckDB database_;
  duckdb::Connection connection_;
};

TEST_F(RewriteTest, SubqueriesCtesAndJoins) {
  EXPECT_EQ(Rows("WITH a AS (SELECT split('x,y', ',')[1] AS v) SELECT v FROM a"), "y");
  EXPECT_EQ(Rows("SELECT (SELECT 7 / 2)"), "3.5");
  EXPECT_EQ(Rows("SELECT 1 WHERE 3 IN (SELECT 6 / 2)"), "1");
  EXPECT_EQ(Rows("SELECT a.i FROM (SELECT 1 AS i) a JOIN (SELECT '1' AS s) b ON a.i = b.s"), "1");
  EXPECT_EQ(Rows("SELECT x FROM (SELECT 1 / 2 AS x UNION ALL SELECT 3 / 2 AS x) ORDER BY x DESC"),
            "1.5;0.5");
  EXPECT_EQ(Rows("SELECT i FROM VALUES (1), (2) AS t(i) WHERE EXISTS (SELECT 1 WHERE t.i / 2 = 1)"),
            "2");
}

TEST_F(RewriteTest, NullsComeFirstAscendingAndLastDescending) {
  const std::string from = " FROM VALUES (2), (NULL), (1) AS t(i) ";
  EXPECT_EQ(Rows("SELECT i" + from + "ORDER BY i"), "NULL;1;2");
  EXPECT_EQ(Rows("SELECT i" + from + "ORDER BY i DESC"), "2;1;NULL");
  EXPECT_EQ(Rows("SELECT i" + from + "ORDER BY i ASC NULLS LAST"), "1;2;NULL");
  EXPECT_EQ(Rows("SELECT i, row_number() OVER (ORDER BY i) AS n" + from + "ORDER BY n"),
            "NULL|1;1|2;2|3");
}

TEST_F(RewriteTest, GroupingByAnExpressionOfTheSelectList) {
  const std::string from = " FROM VALUES (1, 'a'), (2, 'b'), (3, 'a') AS t(i, s) ";
  EXPECT_EQ(Rows("SELECT i % 2, count(*)" + from + "GROUP BY i % 2 ORDER BY 1"), "0|1;1|2");
  EXPECT_EQ(
      Rows("SELECT upper(s) AS u, sum(i) / count(*) AS m" + from + "GROUP BY upper(s) ORDER BY u"),
      "A|2.0;B|2.0");
  EXPECT_EQ(Rows("SELECT s, max(i) AS m" + from + "GROUP BY 1 HAVING max(i) / 2 > 1 ORDER BY 1"),
            "a|3");
  EXPECT_EQ(Rows("SELECT transform(array(i), x -> x + 1) AS a, count(*)" + from +
                 "GROUP BY transform(array(i), x -> x + 1) ORDER BY a LIMIT 1"),
            "[2]|1");
}

TEST_F(RewriteTest, ChangesOfTables) {
  Run("CREATE TABLE t (i INT, s STRING)");
  Run("INSERT INTO t SELECT 7 DIV 2, concat('a', NULL) UNION ALL SELECT 1, 'x'");
  EXPECT_EQ(Rows("SELECT i, s FROM t ORDER BY i"), "1|x;3|NULL");
  Run("UPDATE t SET s = split('p,q', ',')[0] WHERE i / 2 = 1.5");
  EXPECT_EQ(Rows("SELECT i, s FROM t ORDER BY i"), "1|x;3|p");
  Run("DELETE FROM t WHERE s = 'x' AND i = '1'");
  EXPECT_EQ(Rows("SELECT i, s FROM t"), "3|p");
  Run("MERGE INTO t USING (SELECT 3 AS i, 'a,b' AS s UNION ALL SELECT 4 AS i, 'c,d' AS s) AS n ON "
      "t.i = n.i "
      "WHEN MATCHED THEN UPDATE SET s = split(n.s, ',')[1] "
      "WHEN NOT MATCHED THEN INSERT (i, s) VALUES (n.i, split(n.s, ',')[0])");
  EXPECT_EQ(Rows("SELECT i, s FROM t ORDER BY i"), "3|b;4|c");
}

TEST_F(RewriteTest, ViewsKeepTheirMeaning) {
  Run("CREATE VIEW masked AS SELECT concat('****@', split('ann@example.com', '@')[1]) AS email");
  EXPECT_EQ(Rows("SELECT email FROM masked"), "****@example.com");
  // The same view read by the other dialect.
  EXPECT_EQ(connection_.Query("SELECT email FROM masked")->GetValue(0, 0).ToString(),
            "****@example.com");
}

TEST_F(RewriteTest, ColumnsWithoutAliasHaveSparksNames) {
  EXPECT_EQ(Names("SELECT 1, a + b, upper(s), count(*) OVER (), CAST(a AS STRING), s AS z FROM "
                  "VALUES (1, 2, 'x') "
                  "AS t(a, b, s)")
                .substr(0, 22),
            "1|(a + b)|upper(s)|cou");
  EXPECT_EQ(Names("SELECT count(*), sum(DISTINCT a) FROM VALUES (1) AS t(a)"),
            "count(1)|sum(DISTINCT a)");
}

TEST_F(RewriteTest, ErrorsInsteadOfSilentNulls) {
  for (auto sql : {"SELECT 1 / 0", "SELECT CAST('x' AS INT)", "SELECT array(1)[3]",
                   "SELECT 2147483647 + 1", "SELECT to_date('nonsense', 'yyyy-MM-dd')"}) {
    EXPECT_TRUE(Run(sql)->HasError()) << sql;
  }
  EXPECT_EQ(Rows("SELECT try_divide(1, 0), try_cast('x' AS INT), try_element_at(array(1), 3)"),
            "NULL|NULL|NULL");
}

TEST_F(RewriteTest, PredicatesReachTheScan) {
  // What Spark and DuckDB agree on must not hide behind a function: the filter is pushed into the
  // scan.
  Run("CREATE TABLE d (day DATE, n INT)");
  Run("INSERT INTO d VALUES (DATE '2024-01-09', 5), (DATE '2023-01-01', 9), (NULL, NULL)");
  auto plan = Rows("EXPLAIN SELECT n FROM d WHERE day >= DATE_SUB(DATE '2024-01-10', 3) AND n = 5");
  EXPECT_NE(plan.find("n=5"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("spark_"), std::string::npos) << plan;
}

TEST_F(RewriteTest, PreparedStatementsBindWhenTheValuesAreKnown) {
  duckdb::Parser parser;
  parser.ParseQuery("SELECT $1 / 2 AS half");
  RewriteSparkExpressions(*parser.statements[0]);
  auto prepared = connection_.Prepare(std::move(parser.statements[0]));
  ASSERT_FALSE(prepared->HasError()) << prepared->GetError();
  duckdb::vector<duckdb::Value> values = {duckdb::Value::INTEGER(7)};
  auto result = prepared->Execute(values, false);
  ASSERT_FALSE(result->HasError()) << result->GetError();
  EXPECT_EQ(result->Cast<duckdb::MaterializedQueryResult>().GetValue(0, 0).ToString(), "3.5");
}

TEST_F(RewriteTest, AZoneAppliesToTheWholeSession) {
  connection_.Query("SET TimeZone = 'Europe/Berlin'");
  EXPECT_EQ(Rows("SELECT CAST(TIMESTAMP '2024-07-01 00:00:00Z' AS STRING)"), "2024-07-01 02:00:00");
  // A time that comes twice is the earlier one, a time that does not exist moves forward.
  EXPECT_EQ(Rows("SELECT unix_timestamp('2024-10-27 02:30:00')"), "1729989000");
  EXPECT_EQ(Rows("SELECT CAST(TIMESTAMP '2024-03-31 02:30:00' AS STRING)"), "2024-03-31 03:30:00");
}

}  // namespace
}  // namespace tarn::dialect
