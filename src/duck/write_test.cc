// Writing through SQL, against a lake in a temporary folder.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "duck/extension.h"
#include "duckdb.hpp"

namespace tarn::duck {
namespace {

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

TEST_F(WriteTest, InsertsAndReadsBack) {
  Run("CREATE TABLE t (id INTEGER, name VARCHAR)");
  Run("INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, 'ü✓')");
  EXPECT_EQ(Ask("SELECT * FROM t ORDER BY id"), "1|a;2|NULL;3|ü✓");
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "3");
  Run("INSERT INTO t (name) VALUES ('only name')");
  EXPECT_EQ(Ask("SELECT * FROM t WHERE id IS NULL"), "NULL|only name");
  EXPECT_EQ(FilesOf("bronze/t"), 2u);
}

TEST_F(WriteTest, EveryTypeComesBackAsItWent) {
  Run("CREATE TABLE t (a TINYINT, b SMALLINT, c INTEGER, d BIGINT, e FLOAT, f DOUBLE, g "
      "DECIMAL(38,10), "
      "h DECIMAL(5,2), i BOOLEAN, j BLOB, k DATE, l TIMESTAMP WITH TIME ZONE, m TIMESTAMP, n "
      "VARCHAR, "
      "o INTEGER[], p STRUCT(x INTEGER, y STRUCT(z VARCHAR)), q MAP(VARCHAR, INTEGER[]))");
  const std::string row =
      "SELECT -128, -32768, -2147483648, -9223372036854775808, 1.5, -0.1, "
      "-1234567890123456789012345678.0123456789, 999.99, true, '\\x00\\xFF'::BLOB, DATE "
      "'0001-01-01', "
      "TIMESTAMPTZ '2024-03-10 02:30:00.123456+00', TIMESTAMP '9999-12-31 23:59:59.999999', 'naïve "
      "🦆', "
      "[1, NULL, 3], {'x': 1, 'y': {'z': 'deep'}}, MAP {'k': [1, 2], 'empty': []}";
  Run("INSERT INTO t " + row);
  Run("INSERT INTO t SELECT " +
      std::string("NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ") +
      "NULL, NULL, NULL, NULL, NULL, NULL, NULL");
  EXPECT_EQ(Ask("SELECT * FROM t WHERE a IS NOT NULL"), Ask("SELECT * FROM (" + row + ")"));
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE a IS NULL AND p IS NULL AND q IS NULL AND g IS NULL"),
            "1");
}

TEST_F(WriteTest, TypeMismatchIsRefused) {
  Run("CREATE TABLE t (id INTEGER, d DATE)");
  EXPECT_NE(Error("INSERT INTO t VALUES ('not a number', NULL)"), "");
  EXPECT_NE(Error("INSERT INTO t VALUES (1, 'yesterday')"), "");
  EXPECT_NE(Error("INSERT INTO t VALUES (3000000000, NULL)"), "");
  EXPECT_NE(Error("INSERT INTO t VALUES (1, DATE '2024-01-01', 3)"), "");
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "0");
  EXPECT_EQ(FilesOf("bronze/t"), 0u);
}

TEST_F(WriteTest, ManyRowsOnManyThreads) {
  Run("SET threads = 4");
  Run("CREATE TABLE t AS SELECT range AS id, range % 7 AS k, md5(range::VARCHAR) AS h FROM "
      "range(500000)");
  EXPECT_EQ(Ask("SELECT count(*), sum(id), count(DISTINCT h), min(k), max(k) FROM t"),
            "500000|124999750000|500000|0|6");
  Run("INSERT INTO t SELECT id + 500000, k, h FROM t");
  EXPECT_EQ(Ask("SELECT count(*), sum(id), count(DISTINCT id) FROM t"),
            "1000000|499999500000|1000000");
}

TEST_F(WriteTest, PartitionsOfEveryKind) {
  Run("CREATE TABLE t (v INTEGER, p VARCHAR, d DATE, ts TIMESTAMP WITH TIME ZONE, n DECIMAL(10,2), "
      "b BOOLEAN) "
      "PARTITIONED BY (p, d, ts, n, b)");
  Run("INSERT INTO t VALUES "
      "(1, 'a/b=c %?#\"', DATE '2024-02-29', TIMESTAMPTZ '2024-01-01 00:00:00.000001+00', 1.50, "
      "true), "
      "(2, 'ünï ✓', NULL, NULL, -0.01, false), "
      "(3, NULL, DATE '1969-12-31', NULL, NULL, NULL), "
      "(4, '', DATE '1969-12-31', NULL, NULL, NULL), "
      "(5, '__HIVE_DEFAULT_PARTITION__', NULL, NULL, NULL, NULL), "
      "(6, repeat('long', 100), NULL, NULL, NULL, NULL), "
      "(7, E'tab\tnew\nline', NULL, NULL, NULL, NULL)");
  EXPECT_EQ(Ask("SELECT v, p, d, ts, n, b FROM t WHERE v <= 3 ORDER BY v"),
            "1|a/b=c %?#\"|2024-02-29|2024-01-01 00:00:00.000001+00|1.50|true;"
            "2|ünï ✓|NULL|NULL|-0.01|false;3|NULL|1969-12-31|NULL|NULL|NULL");
  // Delta keeps no empty strings in partition columns: they are null.
  EXPECT_EQ(Ask("SELECT v FROM t WHERE p IS NULL ORDER BY v"), "3;4");
  EXPECT_EQ(Ask("SELECT v FROM t WHERE p = '__HIVE_DEFAULT_PARTITION__'"), "5");
  EXPECT_EQ(Ask("SELECT v FROM t WHERE p = repeat('long', 100)"), "6");
  EXPECT_EQ(Ask("SELECT v FROM t WHERE p = E'tab\tnew\nline'"), "7");
  EXPECT_EQ(Ask("SELECT v FROM t WHERE p = 'a/b=c %?#\"' AND ts = TIMESTAMPTZ '2024-01-01 "
                "00:00:00.000001+00'"),
            "1");
}

TEST_F(WriteTest, ManyPartitions) {
  Run("CREATE TABLE t (id BIGINT, k INTEGER) PARTITIONED BY (k)");
  Run("INSERT INTO t SELECT range, range % 250 FROM range(200000)");
  EXPECT_EQ(Ask("SELECT count(*), sum(id), count(DISTINCT k) FROM t"), "200000|19999900000|250");
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE k = 17"), "800");
}

TEST_F(WriteTest, StatisticsSkipFiles) {
  Run("CREATE TABLE t (id INTEGER, s STRUCT(a INTEGER, b VARCHAR), x DOUBLE)");
  Run("INSERT INTO t SELECT range, {'a': range, 'b': 'v' || range}, 1.5 FROM range(10)");
  Run("INSERT INTO t SELECT range, {'a': range, 'b': NULL}, 'NaN'::DOUBLE FROM range(100, 110)");
  Run("INSERT INTO t VALUES (1000, NULL, NULL)");
  const std::string log = Commit("bronze/t", 1) + Commit("bronze/t", 2) + Commit("bronze/t", 3);
  EXPECT_NE(log.find("\\\"numRecords\\\":10"), std::string::npos) << log;
  EXPECT_NE(log.find("\\\"s\\\":{\\\"a\\\":109}"), std::string::npos) << log;
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE s.a = 105"), "1");
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE s.a IS NULL"), "1");
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE s.b IS NULL"), "11");
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE x > 1e300"), "10");
  EXPECT_EQ(Ask("SELECT max(id) FROM t"), "1000");
}

TEST_F(WriteTest, DeletesWithVectors) {
  Run("CREATE TABLE t AS SELECT range AS id, 'x' || range AS s FROM range(200000)");
  EXPECT_EQ(Ask("DELETE FROM t WHERE id % 10 = 3"), "20000");
  EXPECT_EQ(Ask("SELECT count(*), sum(id) FROM t"), "180000|17999940000");
  EXPECT_EQ(FilesOf("bronze/t"), 1u);
  EXPECT_EQ(FilesOf("bronze/t", ".bin"), 1u);
  // A vector over a vector.
  EXPECT_EQ(Ask("DELETE FROM t WHERE id % 10 IN (3, 4)"), "20000");
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "160000");
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE id % 10 = 4"), "0");
  EXPECT_EQ(Ask("DELETE FROM t WHERE id = 999999"), "0");
  // Whatever is left goes with the file.
  EXPECT_EQ(Ask("DELETE FROM t WHERE id >= 0"), "160000");
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "0");
  EXPECT_NE(Commit("bronze/t", 3).find("\"remove\""), std::string::npos);
  EXPECT_EQ(Commit("bronze/t", 3).find("\"add\""), std::string::npos);
}

TEST_F(WriteTest, DeleteOfWholeFilesReadsNothing) {
  Run("CREATE TABLE t (id INTEGER, k INTEGER) PARTITIONED BY (k)");
  Run("INSERT INTO t SELECT range, range % 3 FROM range(30)");
  EXPECT_EQ(Ask("DELETE FROM t WHERE k = 1"), "10");
  EXPECT_EQ(FilesOf("bronze/t", ".bin"), 0u);
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "20");
  const std::string plan = Ask("EXPLAIN DELETE FROM t WHERE k = 2");
  EXPECT_NE(plan.find("Files dropped unread"), std::string::npos) << plan;
  EXPECT_EQ(Ask("DELETE FROM t WHERE k = 2 AND id < 10"), "3");
  EXPECT_EQ(Ask("DELETE FROM t"), "17");
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "0");
}

TEST_F(WriteTest, CopyOnWriteWhereVectorsAreOff) {
  Run("CREATE TABLE t (id INTEGER, k INTEGER, s STRUCT(a INTEGER)) PARTITIONED BY (k) "
      "WITH ('delta.enableDeletionVectors' = 'false')");
  Run("INSERT INTO t SELECT range, range % 2, {'a': range} FROM range(100)");
  EXPECT_EQ(Ask("DELETE FROM t WHERE id < 10"), "10");
  EXPECT_EQ(FilesOf("bronze/t", ".bin"), 0u);
  EXPECT_EQ(Ask("SELECT count(*), sum(id), sum(s.a), min(id) FROM t"), "90|4905|4905|10");
  EXPECT_EQ(Ask("UPDATE t SET s = {'a': -1} WHERE id = 50"), "1");
  EXPECT_EQ(Ask("SELECT k, s.a FROM t WHERE id = 50"), "0|-1");
  EXPECT_EQ(Ask("SELECT count(*), count(DISTINCT id) FROM t"), "90|90");
}

TEST_F(WriteTest, Updates) {
  Run("CREATE TABLE t (id INTEGER, k INTEGER, v VARCHAR) PARTITIONED BY (k)");
  Run("INSERT INTO t SELECT range, range % 4, 'v' || range FROM range(100)");
  EXPECT_EQ(Ask("UPDATE t SET v = v || '!' WHERE id < 3"), "3");
  EXPECT_EQ(Ask("SELECT v FROM t WHERE id < 4 ORDER BY id"), "v0!;v1!;v2!;v3");
  // Moves rows to another partition.
  EXPECT_EQ(Ask("UPDATE t SET k = 9, id = id + 1000 WHERE k = 1"), "25");
  EXPECT_EQ(Ask("SELECT count(*), min(id) FROM t WHERE k = 9"), "25|1001");
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE k = 1"), "0");
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "100");
  EXPECT_EQ(Ask("UPDATE t SET v = NULL, k = NULL WHERE id = 4"), "1");
  EXPECT_EQ(Ask("SELECT id, v FROM t WHERE k IS NULL"), "4|NULL");
  EXPECT_EQ(Ask("UPDATE t SET id = id"), "100");
  EXPECT_EQ(Ask("SELECT count(DISTINCT id), count(*) FROM t"), "100|100");
  // Another table decides; two of its rows for one target row are an error.
  Run("CREATE TABLE src AS SELECT * FROM (VALUES (0, 'A'), (2, 'B')) s(id, nv)");
  EXPECT_EQ(Ask("UPDATE t SET v = src.nv FROM src WHERE t.id = src.id"), "2");
  EXPECT_EQ(Ask("SELECT v FROM t WHERE id IN (0, 2) ORDER BY id"), "A;B");
  Run("INSERT INTO src VALUES (0, 'C')");
  EXPECT_NE(
      Error("UPDATE t SET v = src.nv FROM src WHERE t.id = src.id").find("several source rows"),
      std::string::npos);
  EXPECT_EQ(Ask("SELECT v FROM t WHERE id IN (0, 2) ORDER BY id"), "A;B");
}

TEST_F(WriteTest, MergeWithEveryClause) {
  Run("CREATE TABLE t (id INTEGER, v VARCHAR, n INTEGER)");
  Run("INSERT INTO t SELECT range, 'old', range FROM range(10)");
  Run("CREATE TABLE s AS SELECT * FROM (VALUES (1, 'upd', false), (2, 'del', true), (3, 'keep', "
      "false), "
      "(20, 'new', false), (21, 'skip', true), (NULL, 'null', false)) s(id, v, gone)");
  EXPECT_EQ(Ask("MERGE INTO t USING s ON t.id = s.id "
                "WHEN MATCHED AND s.gone THEN DELETE "
                "WHEN MATCHED AND s.v = 'keep' THEN DO NOTHING "
                "WHEN MATCHED THEN UPDATE SET v = s.v, n = t.n + 100 "
                "WHEN NOT MATCHED AND s.gone THEN DO NOTHING "
                "WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v) "
                "WHEN NOT MATCHED BY SOURCE AND t.id = 9 THEN DELETE "
                "WHEN NOT MATCHED BY SOURCE AND t.id = 8 THEN UPDATE SET v = 'orphan'"),
            "6");
  EXPECT_EQ(Ask("SELECT * FROM t ORDER BY id NULLS LAST"),
            "0|old|0;1|upd|101;3|old|3;4|old|4;5|old|5;6|old|6;7|old|7;8|orphan|8;20|new|NULL;NULL|"
            "null|NULL");
  const std::string log = Commit("bronze/t", 2);
  EXPECT_NE(log.find("\"MERGE\""), std::string::npos);
  EXPECT_NE(log.find("\"numTargetRowsInserted\":\"2\""), std::string::npos) << log;
  EXPECT_NE(log.find("\"numTargetRowsUpdated\":\"2\""), std::string::npos) << log;
  EXPECT_NE(log.find("\"numTargetRowsDeleted\":\"2\""), std::string::npos) << log;
}

TEST_F(WriteTest, MergeStar) {
  Run("CREATE TABLE t (id INTEGER, v VARCHAR)");
  Run("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
  EXPECT_EQ(
      Ask("MERGE INTO t USING (SELECT 2 AS id, 'B' AS v UNION ALL SELECT 3, 'C') s ON t.id = s.id "
          "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"),
      "2");
  EXPECT_EQ(Ask("SELECT * FROM t ORDER BY id"), "1|a;2|B;3|C");
}

TEST_F(WriteTest, MergeRefusesAmbiguousSource) {
  Run("CREATE TABLE t (id INTEGER, v VARCHAR)");
  Run("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
  const std::string source = "(VALUES (1, 'x'), (1, 'y')) s(id, v)";
  EXPECT_NE(Error("MERGE INTO t USING (SELECT * FROM " + source +
                  ") s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v")
                .find("several source rows"),
            std::string::npos);
  EXPECT_NE(Error("MERGE INTO t USING (SELECT * FROM " + source +
                  ") s ON t.id = s.id WHEN MATCHED AND s.v = 'x' THEN DELETE "
                  "WHEN MATCHED THEN UPDATE SET v = s.v"),
            "");
  EXPECT_EQ(Ask("SELECT * FROM t ORDER BY id"), "1|a;2|b");
  EXPECT_EQ(FilesOf("bronze/t"), 1u) << "a failed statement leaves no files";
  // Only one of the two wants the row.
  EXPECT_EQ(Ask("MERGE INTO t USING (SELECT * FROM " + source +
                ") s ON t.id = s.id WHEN MATCHED AND s.v = 'y' THEN UPDATE SET v = s.v"),
            "1");
  // Deleting a row twice is deleting it.
  Run("MERGE INTO t USING (SELECT * FROM " + source +
      ") s ON t.id = s.id WHEN MATCHED THEN DELETE");
  EXPECT_EQ(Ask("SELECT * FROM t ORDER BY id"), "2|b");
}

TEST_F(WriteTest, LargeMerge) {
  Run("CREATE TABLE t AS SELECT range AS id, 0 AS v, range % 10 AS k FROM range(300000)");
  EXPECT_EQ(Ask("MERGE INTO t USING (SELECT range * 3 AS id FROM range(150000)) s ON t.id = s.id "
                "WHEN MATCHED THEN UPDATE SET v = v + 1 "
                "WHEN NOT MATCHED THEN INSERT VALUES (s.id, -1, 0)"),
            "150000");
  EXPECT_EQ(Ask("SELECT count(*), count(DISTINCT id), count(*) FILTER (v = 1), count(*) FILTER (v "
                "= -1) FROM t"),
            "350000|350000|100000|50000");
}

TEST_F(WriteTest, ChangeDataOfUpdateDeleteMerge) {
  Run("CREATE TABLE t (id INTEGER, v VARCHAR, k INTEGER) PARTITIONED BY (k) "
      "WITH ('delta.enableChangeDataFeed' = 'true')");
  Run("INSERT INTO t SELECT range, 'v' || range, range % 2 FROM range(6)");
  EXPECT_EQ(FilesOf("bronze/t", ".parquet", "_change_data"), 0u) << "a plain INSERT needs none";
  const auto changes = [&](const std::string& columns) {
    const std::string files = root_ + "/bronze/t/_change_data/**/*.parquet";
    return Ask("SELECT " + columns + " FROM read_parquet('" + files +
               "', hive_partitioning = true) ORDER BY id, _change_type, v");
  };
  Run("UPDATE t SET v = 'new' WHERE id = 1");
  EXPECT_EQ(changes("id, v, _change_type"), "1|new|update_postimage;1|v1|update_preimage");
  fs::remove_all(fs::path(root_) / "bronze/t/_change_data");
  Run("DELETE FROM t WHERE id IN (0, 3)");
  EXPECT_EQ(changes("id, v, _change_type, k"), "0|v0|delete|0;3|v3|delete|1");
  fs::remove_all(fs::path(root_) / "bronze/t/_change_data");
  Run("MERGE INTO t USING (VALUES (1, 'm'), (2, NULL), (9, 'ins')) s(id, v) ON t.id = s.id "
      "WHEN MATCHED AND s.v IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET v = s.v "
      "WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v, 1)");
  EXPECT_EQ(changes("id, v, _change_type"),
            "1|m|update_postimage;1|new|update_preimage;2|v2|delete;9|ins|insert");
  EXPECT_NE(Commit("bronze/t", 4).find("\"cdc\""), std::string::npos);
  EXPECT_EQ(Ask("SELECT id, v FROM t ORDER BY id"), "1|m;4|v4;5|v5;9|ins");
}

TEST_F(WriteTest, ConstraintsHold) {
  Run("CREATE TABLE t (id INTEGER NOT NULL, v INTEGER, s STRUCT(a INTEGER))");
  Run("INSERT INTO t VALUES (1, 10, NULL)");
  EXPECT_NE(Error("INSERT INTO t VALUES (NULL, 1, NULL)").find("'id' is NULL"), std::string::npos)
      << Error("INSERT INTO t VALUES (NULL, 1, NULL)");
  EXPECT_NE(Error("UPDATE t SET id = NULL"), "");
  Run("CALL tarn_add_constraint('bronze.t', 'positive', 'v > 0')");
  const std::string error = Error("INSERT INTO t VALUES (2, 5, NULL), (3, -7, NULL)");
  EXPECT_NE(error.find("positive"), std::string::npos) << error;
  EXPECT_NE(error.find("v = -7"), std::string::npos) << error;
  EXPECT_NE(error.find("bronze.t"), std::string::npos) << error;
  EXPECT_NE(Error("INSERT INTO t VALUES (2, NULL, NULL)"), "") << "NULL is not TRUE";
  EXPECT_NE(Error("UPDATE t SET v = -1"), "");
  EXPECT_NE(
      Error("MERGE INTO t USING (SELECT 5 AS id) s ON t.id = s.id WHEN NOT MATCHED THEN INSERT "
            "VALUES (s.id, 0, NULL)"),
      "");
  EXPECT_EQ(Ask("SELECT * FROM t"), "1|10|NULL");
  EXPECT_NE(Error("CALL tarn_add_constraint('bronze.t', 'small', 'v < 5')").find("v = 10"),
            std::string::npos);
  EXPECT_NE(Error("CALL tarn_add_constraint('bronze.t', 'POSITIVE', 'v > 1')"), "");
  EXPECT_NE(Error("CALL tarn_add_constraint('bronze.t', 'broken', 'nothere > 1')"), "");
  Run("CALL tarn_drop_constraint('bronze.t', 'positive', false)");
  EXPECT_NE(Error("CALL tarn_drop_constraint('bronze.t', 'positive', false)"), "");
  Run("CALL tarn_drop_constraint('bronze.t', 'positive', true)");
  Run("INSERT INTO t VALUES (2, -5, NULL)");
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "2");
  EXPECT_EQ(FilesOf("bronze/t"), 2u) << "refused statements leave no files";
}

TEST_F(WriteTest, OverwritesInOneCommit) {
  Run("CREATE TABLE t (id INTEGER, k INTEGER) PARTITIONED BY (k)");
  Run("INSERT INTO t SELECT range, range % 3 FROM range(30)");
  const auto overwrite = [&](const std::string& predicate, const std::string& query) {
    Run("BEGIN");
    Run("CALL tarn_begin_overwrite('bronze.t', " + predicate + ")");
    const std::string result = Ask("INSERT INTO t " + query);
    if (result.rfind("ERROR", 0) == 0) {
      Run("ROLLBACK");
    } else {
      Run("COMMIT");
    }
    return result;
  };
  EXPECT_EQ(overwrite("'k = 1'", "VALUES (100, 1), (101, 1)"), "2");
  EXPECT_EQ(Ask("SELECT k, count(*) FROM t GROUP BY k ORDER BY k"), "0|10;1|2;2|10");
  EXPECT_NE(Commit("bronze/t", 2).find("\"Overwrite\""), std::string::npos);
  EXPECT_EQ(Commit("bronze/t", 3), "");
  // Rows must be of the replaced range.
  EXPECT_EQ(overwrite("'k = 1'", "VALUES (102, 2)").rfind("ERROR", 0), 0u);
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "22");
  // Part of a file.
  EXPECT_EQ(overwrite("'id BETWEEN 3 AND 8'", "SELECT 5, 0"), "1");
  EXPECT_EQ(Ask("SELECT id FROM t WHERE id < 12 ORDER BY id"), "0;2;5;9;11");
  // Everything, from the table itself.
  EXPECT_EQ(overwrite("NULL", "SELECT id + 1000, 5 FROM t WHERE id < 3"), "2");
  EXPECT_EQ(Ask("SELECT id, k FROM t ORDER BY id"), "1000|5;1002|5");
  EXPECT_NE(Error("CALL tarn_begin_overwrite('bronze.t', NULL)").find("transaction"),
            std::string::npos);
}

TEST_F(WriteTest, CreateOrReplaceAs) {
  Run("CREATE TABLE t AS SELECT 1 AS a");
  Run("CREATE OR REPLACE TABLE t AS SELECT a + 1 AS a, 'x' AS b FROM t");
  EXPECT_EQ(Ask("SELECT * FROM t"), "2|x");
  EXPECT_NE(Commit("bronze/t", 0).find("CREATE TABLE AS SELECT"), std::string::npos);
  EXPECT_NE(Commit("bronze/t", 1).find("CREATE OR REPLACE TABLE AS SELECT"), std::string::npos);
  EXPECT_EQ(Commit("bronze/t", 2), "");
  Run("CREATE TABLE IF NOT EXISTS t AS SELECT 99 AS a");
  EXPECT_EQ(Ask("SELECT a FROM t"), "2");
  EXPECT_NE(Error("CREATE TABLE t AS SELECT 1"), "");
  Run("CREATE TABLE u AS SELECT 1::UTINYINT AS a, 2::UINTEGER AS b, 3::USMALLINT AS c");
  EXPECT_EQ(Ask("SELECT typeof(a), typeof(b), typeof(c) FROM u"), "SMALLINT|BIGINT|INTEGER");
  EXPECT_NE(Error("CREATE TABLE v AS SELECT 1::HUGEINT AS a"), "");
}

TEST_F(WriteTest, TransactionOfSeveralStatementsIsOneCommit) {
  Run("CREATE TABLE t AS SELECT range AS id, 'base' AS v FROM range(10)");
  Run("BEGIN");
  Run("INSERT INTO t SELECT range, 'added' FROM range(10, 20)");
  EXPECT_EQ(Ask("DELETE FROM t WHERE id IN (3, 13)"), "2");
  EXPECT_EQ(Ask("UPDATE t SET v = 'changed' WHERE id IN (4, 14)"), "2");
  EXPECT_EQ(Ask("DELETE FROM t WHERE id IN (3, 4, 13, 14)"), "2");
  EXPECT_EQ(Ask("SELECT count(*), sum(id) FROM t"), "16|156");
  Run("COMMIT");
  EXPECT_EQ(Ask("SELECT count(*), sum(id), count(DISTINCT v) FROM t"), "16|156|2");
  EXPECT_NE(Commit("bronze/t", 1), "");
  EXPECT_EQ(Commit("bronze/t", 2), "");
}

TEST_F(WriteTest, InsertThenDeleteAllInOneTransaction) {
  Run("CREATE TABLE t (id INTEGER)");
  Run("BEGIN");
  Run("INSERT INTO t SELECT range FROM range(100)");
  EXPECT_EQ(Ask("DELETE FROM t"), "100");
  Run("INSERT INTO t VALUES (7)");
  Run("COMMIT");
  EXPECT_EQ(Ask("SELECT * FROM t"), "7");
}

TEST_F(WriteTest, RollbackLeavesNothing) {
  Run("CREATE TABLE t AS SELECT range AS id FROM range(100)");
  const size_t files = FilesOf("bronze/t");
  Run("BEGIN");
  Run("INSERT INTO t SELECT range FROM range(1000)");
  Run("DELETE FROM t WHERE id % 2 = 0");
  Run("CREATE TABLE other AS SELECT 1 AS x");
  Run("ROLLBACK");
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "100");
  EXPECT_EQ(FilesOf("bronze/t"), files);
  EXPECT_EQ(FilesOf("bronze/t", ".bin"), 0u);
  EXPECT_EQ(FilesOf("bronze/other"), 0u);
  EXPECT_EQ(Commit("bronze/t", 1), "");
}

TEST_F(WriteTest, FailingStatementLeavesNothing) {
  Run("CREATE TABLE t (id INTEGER)");
  EXPECT_NE(
      Error("INSERT INTO t SELECT CASE WHEN range = 400000 THEN error('boom') ELSE range END FROM "
            "range(500000)"),
      "");
  EXPECT_EQ(FilesOf("bronze/t"), 0u);
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "0");
}

TEST_F(WriteTest, ColumnMappingNames) {
  Run("CREATE TABLE t (\"my id\" INTEGER, s STRUCT(\"a b\" INTEGER, c VARCHAR), m MAP(VARCHAR, "
      "STRUCT(z INTEGER)), "
      "p VARCHAR) PARTITIONED BY (p) WITH ('delta.columnMapping.mode' = 'name')");
  Run("INSERT INTO t VALUES (1, {'a b': 2, 'c': 'x'}, MAP {'k': {'z': 9}}, 'p/1'), (2, NULL, NULL, "
      "NULL)");
  EXPECT_EQ(Ask("SELECT \"my id\", s.\"a b\", m['k'].z, p FROM t ORDER BY 1"),
            "1|2|9|p/1;2|NULL|NULL|NULL");
  Run("UPDATE t SET s = {'a b': 5, 'c': NULL} WHERE \"my id\" = 2");
  Run("DELETE FROM t WHERE p = 'p/1'");
  EXPECT_EQ(Ask("SELECT \"my id\", s.\"a b\", p FROM t"), "2|5|NULL");
}

TEST_F(WriteTest, CodecAndProperties) {
  Run("CREATE TABLE t (id INTEGER) WITH ('delta.parquet.compression.codec' = 'zstd')");
  Run("INSERT INTO t SELECT range FROM range(1000)");
  EXPECT_EQ(
      Ask("SELECT DISTINCT compression FROM parquet_metadata('" + root_ + "/bronze/t/*.parquet')"),
      "ZSTD");
  Run("CALL tarn_set_properties('bronze.t', MAP {'delta.appendOnly': 'true', 'owner': 'me'})");
  EXPECT_NE(Error("DELETE FROM t WHERE id = 1").find("append-only"), std::string::npos);
  EXPECT_NE(Error("CALL tarn_set_properties('bronze.t', MAP {'delta.apendOnly': 'true'})"), "");
  Run("CALL tarn_unset_properties('bronze.t', ['delta.appendOnly'], false)");
  EXPECT_NE(Error("CALL tarn_unset_properties('bronze.t', ['nothere'], false)"), "");
  Run("CALL tarn_unset_properties('bronze.t', ['nothere'], true)");
  EXPECT_EQ(Ask("DELETE FROM t WHERE id = 1"), "1");
  Run("CALL tarn_set_comment('bronze.t', NULL, 'a table')");
  Run("CALL tarn_set_comment('bronze.t', 'id', 'it''s the key')");
  EXPECT_NE(Error("CALL tarn_set_comment('bronze.t', 'nope', 'x')"), "");
}

TEST_F(WriteTest, CheckpointsRoundTrip) {
  Run("CREATE TABLE t (id INTEGER, k VARCHAR) PARTITIONED BY (k) WITH ('delta.checkpointInterval' "
      "= '3', "
      "'delta.constraints.c' = 'id >= 0')");
  for (int i = 0; i < 7; ++i) {
    Run("INSERT INTO t SELECT range, 'part " + std::to_string(i) + "' FROM range(" +
        std::to_string(i + 1) + ")");
  }
  Run("DELETE FROM t WHERE id = 0 AND k = 'part 5'");
  Run("DELETE FROM t WHERE k = 'part 6'");
  size_t checkpoints = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(root_) / "bronze/t/_delta_log")) {
    if (entry.path().string().find(".checkpoint.parquet") != std::string::npos) ++checkpoints;
  }
  EXPECT_EQ(checkpoints, 3u);
  const std::string before = Ask("SELECT k, count(*), sum(id) FROM t GROUP BY k ORDER BY k");
  // Another process: only checkpoint and later commits.
  duckdb::DuckDB other(nullptr);
  RegisterTarnExtension(*other.instance);
  duckdb::Connection con(other);
  ASSERT_FALSE(con.Query("ATTACH '" + root_ + "' AS lake (TYPE tarn, fsync false)")->HasError());
  auto again = con.Query("SELECT k, count(*), sum(id) FROM lake.bronze.t GROUP BY k ORDER BY k");
  ASSERT_FALSE(again->HasError()) << again->GetError();
  std::string text;
  for (size_t row = 0; row < again->RowCount(); ++row) {
    if (row > 0) text += ";";
    text += again->GetValue(0, row).ToString() + "|" + again->GetValue(1, row).ToString() + "|" +
            again->GetValue(2, row).ToString();
  }
  EXPECT_EQ(text, before);
}

TEST_F(WriteTest, PreparedStatementsRunAgain) {
  Run("CREATE TABLE t (id INTEGER, v VARCHAR)");
  auto insert = con_->Prepare("INSERT INTO t VALUES ($1, $2)");
  ASSERT_FALSE(insert->HasError()) << insert->GetError();
  for (int i = 0; i < 5; ++i) {
    auto result = insert->Execute(i, "v" + std::to_string(i));
    ASSERT_FALSE(result->HasError()) << result->GetError();
  }
  auto remove = con_->Prepare("DELETE FROM t WHERE id = $1");
  for (int i = 1; i < 3; ++i) {
    auto result = remove->Execute(i);
    ASSERT_FALSE(result->HasError()) << result->GetError();
  }
  EXPECT_EQ(Ask("SELECT id, v FROM t ORDER BY id"), "0|v0;3|v3;4|v4");
}

TEST_F(WriteTest, ChangeDataOfATransactionIsComplete) {
  Run("CREATE TABLE t (id INTEGER, v INTEGER) WITH ('delta.enableChangeDataFeed' = 'true')");
  Run("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)");
  Run("BEGIN");
  Run("INSERT INTO t VALUES (4, 4)");
  Run("UPDATE t SET v = 10 WHERE id = 1");
  Run("DELETE FROM t WHERE id = 3");
  Run("COMMIT");
  EXPECT_EQ(Ask("SELECT id, v, _change_type FROM read_parquet('" + root_ +
                "/bronze/t/_change_data/*.parquet') ORDER BY ALL"),
            "1|1|update_preimage;1|10|update_postimage;3|3|delete;4|4|insert");
  EXPECT_EQ(Ask("SELECT * FROM t ORDER BY id"), "1|10;2|2;4|4");
}

TEST_F(WriteTest, ChangeDataWithCopyOnWrite) {
  Run("CREATE TABLE t (id INTEGER, v INTEGER) WITH ('delta.enableChangeDataFeed' = 'true', "
      "'delta.enableDeletionVectors' = 'false')");
  Run("INSERT INTO t SELECT range, range FROM range(10)");
  Run("DELETE FROM t WHERE id < 2");
  EXPECT_EQ(Ask("SELECT id, v, _change_type FROM read_parquet('" + root_ +
                "/bronze/t/_change_data/*.parquet') ORDER BY ALL"),
            "0|0|delete;1|1|delete");
  EXPECT_EQ(Ask("SELECT count(*), min(id) FROM t"), "8|2");
}

TEST_F(WriteTest, TwoWritersOfOneRowConflict) {
  Run("CREATE TABLE t (id INTEGER, v INTEGER, k INTEGER) PARTITIONED BY (k)");
  Run("INSERT INTO t SELECT range, 0, range % 2 FROM range(100)");
  duckdb::Connection other(*db_);
  ASSERT_FALSE(other.Query("USE lake.bronze")->HasError());
  const auto both = [&](const std::string& mine, const std::string& theirs) {
    Run("BEGIN");
    Run(mine);
    auto result = other.Query(theirs);
    EXPECT_FALSE(result->HasError()) << result->GetError();
    auto commit = con_->Query("COMMIT");
    if (!commit->HasError()) return std::string("ok");
    EXPECT_EQ(commit->GetErrorType(), duckdb::ExceptionType::TRANSACTION) << commit->GetError();
    con_->Query("ROLLBACK");
    return std::string("conflict");
  };
  EXPECT_EQ(both("UPDATE t SET v = 1 WHERE id = 4", "UPDATE t SET v = 2 WHERE id = 4"), "conflict");
  EXPECT_EQ(Ask("SELECT v FROM t WHERE id = 4"), "2");
  EXPECT_EQ(both("UPDATE t SET v = 3 WHERE k = 0 AND id = 6",
                 "UPDATE t SET v = 4 WHERE k = 1 AND id = 7"),
            "ok");
  EXPECT_EQ(Ask("SELECT v FROM t WHERE id IN (6, 7) ORDER BY id"), "3;4");
  EXPECT_EQ(both("DELETE FROM t WHERE k = 0 AND id = 10", "INSERT INTO t VALUES (1000, 0, 0)"),
            "ok");
  EXPECT_EQ(both("INSERT INTO t VALUES (1001, 0, 0)", "DELETE FROM t WHERE id = 12"), "ok");
  EXPECT_EQ(Ask("SELECT count(*), count(DISTINCT id) FROM t"), "100|100");
}

TEST_F(WriteTest, ReadsOfTheChangedTableConflict) {
  Run("CREATE TABLE t (id INTEGER, v INTEGER)");
  Run("INSERT INTO t VALUES (1, 1)");
  duckdb::Connection other(*db_);
  ASSERT_FALSE(other.Query("USE lake.bronze")->HasError());
  Run("BEGIN");
  Run("MERGE INTO t USING (SELECT 5 AS id) s ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES "
      "(s.id, 0)");
  auto result = other.Query(
      "MERGE INTO t USING (SELECT 5 AS id) s ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES "
      "(s.id, 9)");
  ASSERT_FALSE(result->HasError()) << result->GetError();
  EXPECT_NE(Error("COMMIT"), "") << "the key would be there twice";
  con_->Query("ROLLBACK");
  EXPECT_EQ(Ask("SELECT id, v FROM t ORDER BY id"), "1|1;5|9");
}

TEST_F(WriteTest, AnInsertThatReadsItsTableIsNotBlind) {
  Run("CREATE TABLE t (id INTEGER)");
  Run("INSERT INTO t VALUES (1)");
  // Answered from statistics: no scan is left in the plan.
  Run("INSERT INTO t SELECT max(id) + 1 FROM t");
  EXPECT_NE(Commit("bronze/t", 1).find("\"isBlindAppend\":true"), std::string::npos);
  EXPECT_NE(Commit("bronze/t", 2).find("\"isBlindAppend\":false"), std::string::npos);
  EXPECT_EQ(Ask("SELECT * FROM t ORDER BY id"), "1;2");
}

TEST_F(WriteTest, MergeWithNullKeysAndUnicode) {
  Run("CREATE TABLE t (k VARCHAR, v INTEGER)");
  Run("INSERT INTO t VALUES (NULL, 0), ('ключ 🗝', 1), ('', 2)");
  EXPECT_EQ(Ask("MERGE INTO t USING (VALUES (NULL, 10), ('ключ 🗝', 11), ('', 12)) s(k, v) "
                "ON t.k IS NOT DISTINCT FROM s.k WHEN MATCHED THEN UPDATE SET v = s.v"),
            "3");
  EXPECT_EQ(Ask("SELECT v FROM t ORDER BY v"), "10;11;12");
  EXPECT_EQ(
      Ask("MERGE INTO t USING (VALUES (NULL, 20)) s(k, v) ON t.k = s.k WHEN MATCHED THEN DELETE "
          "WHEN NOT MATCHED THEN INSERT *"),
      "1");
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE k IS NULL"), "2");
}

TEST_F(WriteTest, MergeIntoEmptyAndFromItself) {
  Run("CREATE TABLE t (id INTEGER, v INTEGER)");
  EXPECT_EQ(Ask("MERGE INTO t USING (SELECT range::INTEGER AS id FROM range(5)) s ON t.id = s.id "
                "WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.id, 0)"),
            "5");
  EXPECT_EQ(Ask("MERGE INTO t USING t s ON t.id = s.id + 1 WHEN MATCHED THEN UPDATE SET v = s.id "
                "WHEN NOT MATCHED THEN INSERT VALUES (100, 100)"),
            "5");
  EXPECT_EQ(Ask("SELECT * FROM t ORDER BY id"), "0|0;1|0;2|1;3|2;4|3;100|100");
  EXPECT_EQ(Ask("MERGE INTO t USING (SELECT 1 AS id WHERE false) s ON t.id = s.id WHEN NOT MATCHED "
                "BY SOURCE "
                "AND t.id = 100 THEN DELETE"),
            "1");
}

TEST_F(WriteTest, WideRowsAreCutIntoRowGroups) {
  Run("CREATE TABLE t (id INTEGER, b VARCHAR)");
  Run("INSERT INTO t SELECT range, repeat(md5(range::VARCHAR), 2000) FROM range(5000)");
  EXPECT_EQ(Ask("SELECT count(*), sum(length(b)) FROM t"), "5000|320000000");
  EXPECT_GE(std::stoi(Ask("SELECT count(DISTINCT row_group_id) FROM parquet_metadata('" + root_ +
                          "/bronze/t/*.parquet')")),
            2);
}

TEST_F(WriteTest, FilesRotateAtTheTargetSize) {
  Run("CREATE TABLE t (id BIGINT, h VARCHAR, k INTEGER) PARTITIONED BY (k) WITH "
      "('delta.targetFileSize' = '1mb')");
  Run("SET partitioned_write_flush_threshold = 20000");
  Run("INSERT INTO t SELECT range, md5(range::VARCHAR) || md5((range + 1)::VARCHAR), 0 FROM "
      "range(400000)");
  EXPECT_GE(FilesOf("bronze/t"), 3u);
  EXPECT_EQ(Ask("SELECT count(*), sum(id) FROM t"), "400000|79999800000");
}

TEST_F(WriteTest, WideRowsOfManyPartitions) {
  Run("SET memory_limit = '500MB'");
  Run("CREATE TABLE t (id INTEGER, b VARCHAR, k INTEGER) PARTITIONED BY (k)");
  Run("INSERT INTO t SELECT range, repeat(md5(range::VARCHAR), 1000), range % 5 FROM range(15000)");
  EXPECT_EQ(Ask("SELECT count(*), sum(length(b)) FROM t"), "15000|480000000");
}

TEST_F(WriteTest, InfinityIsRefused) {
  Run("CREATE TABLE t (d DATE, ts TIMESTAMP, v VARCHAR)");
  EXPECT_NE(Error("INSERT INTO t VALUES ('infinity', NULL, NULL)").find("'d'"), std::string::npos);
  EXPECT_NE(Error("INSERT INTO t VALUES (NULL, '-infinity', NULL)").find("'ts'"),
            std::string::npos);
  Run("INSERT INTO t VALUES (NULL, NULL, 'infinity')");
  EXPECT_EQ(FilesOf("bronze/t"), 1u);
}

TEST_F(WriteTest, FilesWithoutStatisticsAreRewritten) {
  Run("CREATE TABLE t (id INTEGER)");
  Run("INSERT INTO t SELECT range FROM range(100)");
  const fs::path log = fs::path(root_) / "bronze/t/_delta_log/00000000000000000001.json";
  std::string text = Commit("bronze/t", 1);
  const size_t begin = text.find(",\"stats\":");
  ASSERT_NE(begin, std::string::npos);
  text.erase(begin, text.rfind("\"}}") + 1 - begin);
  std::ofstream(log, std::ios::trunc) << text;
  duckdb::DuckDB other(nullptr);
  RegisterTarnExtension(*other.instance);
  duckdb::Connection con(other);
  ASSERT_FALSE(con.Query("ATTACH '" + root_ + "' AS lake (TYPE tarn, fsync false)")->HasError());
  auto result = con.Query("DELETE FROM lake.bronze.t WHERE id < 40");
  ASSERT_FALSE(result->HasError()) << result->GetError();
  EXPECT_EQ(result->GetValue(0, 0).ToString(), "40");
  result = con.Query("SELECT count(*), min(id) FROM lake.bronze.t");
  EXPECT_EQ(result->GetValue(0, 0).ToString() + "|" + result->GetValue(1, 0).ToString(), "60|40");
  EXPECT_EQ(FilesOf("bronze/t", ".bin"), 0u);
}

TEST_F(WriteTest, RowsOfFilesThatLackAColumn) {
  for (const std::string vectors : {"true", "false"}) {
    Run("CREATE OR REPLACE TABLE t (id INTEGER, s STRUCT(a INTEGER)) WITH "
        "('delta.enableDeletionVectors' = '" +
        vectors + "')");
    Run("INSERT INTO t SELECT range, {'a': range} FROM range(10)");
    Run("ALTER TABLE t ADD COLUMN later VARCHAR");
    EXPECT_EQ(Ask("UPDATE t SET id = id + 100 WHERE id < 3"), "3");
    EXPECT_EQ(Ask("UPDATE t SET later = 'x' WHERE id = 5"), "1");
    EXPECT_EQ(Ask("DELETE FROM t WHERE id = 6"), "1");
    EXPECT_EQ(Ask("SELECT count(*), sum(s.a), count(later), sum(id) FROM t"), "9|39|1|339");
  }
}

TEST_F(WriteTest, OverwriteOfAFeedTableWritesItsChanges) {
  Run("CREATE TABLE t (id INTEGER) WITH ('delta.enableChangeDataFeed' = 'true')");
  Run("INSERT INTO t VALUES (1), (2)");
  Run("BEGIN");
  Run("CALL tarn_begin_overwrite('bronze.t', NULL)");
  Run("INSERT INTO t VALUES (2), (3)");
  Run("COMMIT");
  EXPECT_EQ(Ask("SELECT id, _change_type FROM read_parquet('" + root_ +
                "/bronze/t/_change_data/*.parquet') ORDER BY ALL"),
            "1|delete;2|delete;2|insert;3|insert");
}

}  // namespace
}  // namespace tarn::duck
