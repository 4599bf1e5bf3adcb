#include "dialect/statement.h"

#include <gtest/gtest.h>

#include <random>

#include "dialect/statement_cases.h"
#include "dialect/type_names.h"

namespace tarn::dialect {
namespace {

std::string OneLine(std::string text) {
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

std::string Translated(std::string_view sql, SqlDialect dialect,
                       const TranslateContext& context = {}) {
  const auto result = TranslateText(sql, dialect, context, nullptr);
  if (!result.ok()) return "error: " + result.status().message();
  std::string lines;
  for (const auto& statement : *result)
    lines += (lines.empty() ? "" : "\n") + OneLine(statement.sql);
  return lines;
}

std::string Spark(std::string_view sql) { return Translated(sql, SqlDialect::kSpark); }

TEST(StatementTest, SparkStatementsBecomeDuckdbStatements) {
  for (const StatementCase& c : kSparkCases) EXPECT_EQ(Spark(c.source), c.expected) << c.source;
}

TEST(StatementTest, DuckdbStatementsPassAndDeltaStatementsAreTranslated) {
  for (const StatementCase& c : kDuckdbCases) {
    EXPECT_EQ(Translated(c.source, SqlDialect::kDuckdb), c.expected) << c.source;
  }
}

TEST(StatementTest, MalformedTextNamesThePlace) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"SELECT (1", "line 1, column 8: the ( that opens here is never closed"},
      {"SELECT 1)", "line 1, column 9: this ) closes nothing"},
      {"SELECT (1]", "line 1, column 10: this ] does not close the ( before it"},
      {"SELECT 1;\n  SELECT 'x", "line 2, column 10: the string that begins here has no closing '"},
      {"CREATE TABLE t (a INT,)", "line 1, column 23: expected a column name but found ')'"},
      {"CREATE TABLE t (a)", "line 1, column 18: expected a type but found ')'"},
      {"CREATE TABLE t (a NOSUCH)", "line 1, column 19: expected a type but found 'NOSUCH'"},
      {"CREATE TABLE t",
       "line 1, column 15: expected ( and columns, or AS and a query but found the end of the "
       "statement"},
      {"CREATE TABLE t (a MAP<INT>)", "line 1, column 26: expected , but found '>'"},
      {"CREATE TABLE t (a INT) TBLPROPERTIES ('a' = )",
       "line 1, column 45: expected a property value but found ')'"},
      {"CREATE TABLE t (a INT) TBLPROPERTIES ('a'='1', 'a'='2')",
       "line 1, column 48: property a is given twice"},
      {"MERGE INTO t USING s WHEN MATCHED THEN DELETE",
       "line 1, column 46: expected ON and a condition but found the end of the statement"},
      {"MERGE INTO t USING s ON a = b",
       "line 1, column 30: expected WHEN MATCHED or WHEN NOT MATCHED but found the end "
       "of the statement"},
      {"MERGE INTO t USING s ON a = b WHEN MATCHED THEN INSERT *",
       "line 1, column 49: INSERT belongs to WHEN NOT MATCHED; use UPDATE or DELETE here"},
      {"UPDATE t SET a", "line 1, column 15: expected = but found the end of the statement"},
      {"SELECT * FROM t VERSION AS OF x",
       "line 1, column 31: expected a version number but found 'x'"},
      {"SELECT * FROM t TIMESTAMP AS OF",
       "line 1, column 32: expected a value but found the end of the statement"},
      {"VACUUM t RETAIN 7 DAYS", "line 1, column 19: expected HOUR but found 'DAYS'"},
      {"SELECT * FROM a.",
       "line 1, column 17: expected a name after the dot but found the end of the statement"},
      {"SELECT INTERVAL '1' YEAR TO SECOND",
       "line 1, column 17: this value does not fit YEAR TO SECOND"},
      {"INSERT INTO t PARTITION (d = 1) SELECT 2",
       "line 1, column 13: INSERT with a PARTITION value needs a column list: "
       "write the other columns in parentheses after PARTITION (…)"},
      {"INSERT OVERWRITE t",
       "line 1, column 19: expected a query or VALUES but found the end of the statement"},
      {"SHOW NOTHING",
       "line 1, column 6: expected TABLES, VIEWS, SCHEMAS, TBLPROPERTIES, COLUMNS, CREATE TABLE or "
       "PARTITIONS but found 'NOTHING'"}};
  for (const auto& [sql, message] : cases)
    EXPECT_EQ(Spark(sql), "error: " + std::string(message)) << sql;
}

TEST(StatementTest, RefusesWithTheRemedy) {
  for (std::string_view sql :
       {"GRANT SELECT ON TABLE t TO `a@b`", "REVOKE SELECT ON t FROM x",
        "CREATE TABLE t (a INT) USING PARQUET", "CREATE TABLE t (a INT) LOCATION '/x'",
        "CREATE TABLE t (a INT PRIMARY KEY)", "REFRESH TABLE t",
        "ALTER TABLE t ADD COLUMN a BIGINT GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE t ADD COLUMN a BIGINT DEFAULT 1", "ALTER TABLE silver.t RENAME TO gold.t",
        "UPDATE t SET a.b = 1", "SET spark.sql.ansi.enabled = false",
        "MERGE WITH SCHEMA EVOLUTION INTO t USING s ON a", "DELETE FROM delta.`/x`",
        "ALTER TABLE t ADD COLUMN a INT NOT NULL"}) {
    const auto result = TranslateText(sql, SqlDialect::kSpark, {}, nullptr);
    ASSERT_FALSE(result.ok()) << sql;
    EXPECT_EQ(result.status().code(), StatusCode::kUnsupported)
        << sql << ": " << result.status().message();
    EXPECT_EQ(result.status().message().find('\n'), std::string::npos);
  }
}

TEST(StatementTest, ErrorsCountFromTheOriginOfTheText) {
  TranslateContext context;
  context.source_name = "models/a.sql";
  context.origin = {7, 4};
  auto message = [&](std::string_view sql) {
    return TranslateText(sql, SqlDialect::kSpark, context, nullptr).status().message();
  };
  EXPECT_EQ(message("SELECT )"), "models/a.sql:7:11: this ) closes nothing");
  EXPECT_EQ(message("SELECT\n )"), "models/a.sql:8:2: this ) closes nothing");
}

TEST(StatementTest, ColumnsOfTheTargetSpellOutTheStar) {
  TranslateContext context;
  context.columns_of =
      [](const std::vector<std::string>& table) -> Result<std::vector<std::string>> {
    if (table != std::vector<std::string>{"silver", "t"}) return Status::NotFound("no table");
    return std::vector<std::string>{"id", "Order", "d"};
  };
  EXPECT_EQ(Translated("MERGE INTO catalog.silver.t x USING s ON x.id = s.id WHEN MATCHED THEN "
                       "UPDATE SET * WHEN NOT "
                       "MATCHED THEN INSERT *",
                       SqlDialect::kSpark, context),
            "MERGE INTO lake.silver.t AS x USING s ON (x.id = s.id) WHEN MATCHED THEN UPDATE SET "
            "id = s.id, \"Order\" = "
            "s.\"Order\", d = s.d WHEN NOT MATCHED THEN INSERT (id, \"Order\", d) VALUES (s.id, "
            "s.\"Order\", s.d)");
  EXPECT_EQ(
      Translated("INSERT INTO silver.t PARTITION (d = 1) SELECT 2, 3", SqlDialect::kSpark, context),
      "INSERT INTO silver.t (id, \"Order\", d) SELECT source_rows.*, 1 AS d FROM (SELECT 2, 3) AS "
      "source_rows");
}

TEST(StatementTest, OneSourceStatementHasOneIndexAndPlace) {
  const auto result =
      TranslateText(" SELECT 1;\nINSERT OVERWRITE t SELECT 2", SqlDialect::kSpark, {}, nullptr);
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->size(), 3u);
  EXPECT_EQ((*result)[0].source_index, 0u);
  EXPECT_EQ((*result)[0].source_offset, 1u);
  EXPECT_TRUE((*result)[0].is_query);
  EXPECT_EQ((*result)[1].source_index, 1u);
  EXPECT_EQ((*result)[2].source_index, 1u);
  EXPECT_EQ((*result)[2].source_offset, 11u);
  EXPECT_EQ((*result)[2].source_length, 27u);
  EXPECT_FALSE((*result)[2].is_query);
}

TEST(StatementTest, PlacesOfTheSqlLeadBackToTheSource) {
  const std::string_view source = "SELECT `a b` <=> x,\n  bad_name FROM t";
  const auto result = TranslateText(source, SqlDialect::kSpark, {}, nullptr);
  ASSERT_TRUE(result.ok());
  const TranslatedStatement& statement = result->front();
  EXPECT_EQ(SourceOffsetOf(statement, statement.sql.find("bad_name")), source.find("bad_name"));
  EXPECT_EQ(SourceOffsetOf(statement, statement.sql.find(" x,") + 1), source.find("x,"));
  EXPECT_EQ(SourceOffsetOf(statement, 100000), source.find(" t") + 1);
  const auto plain = TranslateText("SELECT a,\n b FROM system.t", SqlDialect::kDuckdb, {}, nullptr);
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->front().sql, "SELECT a,\n b FROM lake.system.t");
  EXPECT_EQ(SourceOffsetOf(plain->front(), 11), 11u);
  EXPECT_EQ(SourceOffsetOf(plain->front(), plain->front().sql.size() - 1), 25u);
}

TEST(StatementTest, ExpressionsAlone) {
  EXPECT_EQ(*TranslateExpressionText("`a b` <=> \"x\"", SqlDialect::kSpark, {}),
            "\"a b\" IS NOT DISTINCT FROM 'x'");
  EXPECT_FALSE(TranslateExpressionText("", SqlDialect::kSpark, {}).ok());
  EXPECT_FALSE(TranslateExpressionText("(a", SqlDialect::kSpark, {}).ok());
}

TEST(StatementTest, TypesHaveSparkNames) {
  EXPECT_EQ(SparkTypeName("MAP(VARCHAR, BIGINT[])"), "map<string,array<bigint>>");
  EXPECT_EQ(SparkTypeName("STRUCT(a INTEGER, \"b c\" TIMESTAMP WITH TIME ZONE)[]"),
            "array<struct<a:int,b c:timestamp>>");
  EXPECT_EQ(SparkTypeName("DECIMAL(10,2)"), "decimal(10,2)");
  EXPECT_EQ(SparkTypeName("TIMESTAMP"), "timestamp_ntz");
  EXPECT_EQ(SparkTypeName("UHUGEINT"), "uhugeint");
  for (std::string_view odd : {"", "STRUCT(", "MAP(,)", "[[", ")", "STRUCT(a", "A(B(C"})
    (void)SparkTypeName(odd);
}

// Statements cut, doubled and shuffled at random: an answer or an error with a place, never a
// crash.
TEST(StatementTest, DamagedStatementsGiveErrorsOnly) {
  std::mt19937 random(7);
  const auto damaged = [&](std::string text) {
    const std::string_view pieces[] = {"(",
                                       ")",
                                       "'",
                                       "`",
                                       ",",
                                       " AS ",
                                       " OF ",
                                       " SET ",
                                       ".",
                                       "<",
                                       ">",
                                       " WHEN MATCHED ",
                                       " INTERVAL 1 ",
                                       " VALUES ",
                                       " LATERAL VIEW ",
                                       "[",
                                       "@v1",
                                       " FROM "};
    for (size_t edits = 1 + random() % 4; edits > 0 && !text.empty(); --edits) {
      const size_t at = random() % text.size();
      switch (random() % 4) {
        case 0: text.erase(at, 1 + random() % 10); break;
        case 1: text.insert(at, pieces[random() % std::size(pieces)]); break;
        case 2: text.resize(at); break;
        default: text.insert(at, text.substr(random() % text.size(), random() % 20)); break;
      }
    }
    return text;
  };
  for (int round = 0; round < 60; ++round) {
    for (const StatementCase& c : kSparkCases) {
      const std::string sql = damaged(std::string(c.source));
      for (SqlDialect dialect : {SqlDialect::kSpark, SqlDialect::kDuckdb}) {
        const auto result = TranslateText(sql, dialect, {}, nullptr);
        EXPECT_TRUE(result.ok() || result.status().message().substr(0, 5) == "line ") << sql;
      }
    }
  }
}

TEST(StatementTest, DeepNestingIsRefusedOrRead) {
  const std::string deep(5000, '(');
  EXPECT_FALSE(TranslateText("SELECT " + deep, SqlDialect::kSpark, {}, nullptr).ok());
  std::string type;
  for (int i = 0; i < 5000; ++i) type += "ARRAY<";
  EXPECT_FALSE(TranslateText("CREATE TABLE t (a " + type, SqlDialect::kSpark, {}, nullptr).ok());
}

}  // namespace
}  // namespace tarn::dialect
