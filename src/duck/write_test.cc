// Rows in: INSERT, CREATE TABLE AS, overwrites, constraints, properties, transactions.
#include "duck/write_fixture.h"

namespace tarn::duck {
namespace {

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
  Run("CREATE TABLE v AS SELECT sum(range) * 10000000000000000000 AS a, "
      "18446744073709551615::UBIGINT AS b, "
      "'00000000-0000-0000-0000-000000000001'::UUID AS c FROM range(10)");
  EXPECT_EQ(Ask("SELECT typeof(a), a, typeof(b), b, typeof(c) FROM v"),
            "DECIMAL(38,0)|450000000000000000000|DECIMAL(20,0)|18446744073709551615|VARCHAR");
  Run("INSERT INTO v SELECT 1::HUGEINT, 2::UBIGINT, uuid()");
  // More digits than Delta has are an error, and nothing is written.
  EXPECT_NE(Error("INSERT INTO v SELECT 100000000000000000000000000000000000000::HUGEINT, 1, 'x'"),
            "");
  EXPECT_EQ(Ask("SELECT count(*) FROM v"), "2");
  EXPECT_NE(Error("CREATE TABLE w AS SELECT INTERVAL 1 DAY AS a"), "");
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
  const std::string version = Ask("SELECT max(version) FROM delta_history('bronze.t')");
  Run("CALL tarn_set_comment('bronze.t', NULL, 'a table')");
  Run("CALL tarn_set_comment('bronze.t', 'id', 'it''s the key')");
  EXPECT_EQ(Ask("SELECT max(version) FROM delta_history('bronze.t')"), version) << "said already";
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

TEST_F(WriteTest, AnInsertThatReadsItsTableIsNotBlind) {
  Run("CREATE TABLE t (id INTEGER)");
  Run("INSERT INTO t VALUES (1)");
  // Answered from statistics: no scan is left in the plan.
  Run("INSERT INTO t SELECT max(id) + 1 FROM t");
  EXPECT_NE(Commit("bronze/t", 1).find("\"isBlindAppend\":true"), std::string::npos);
  EXPECT_NE(Commit("bronze/t", 2).find("\"isBlindAppend\":false"), std::string::npos);
  EXPECT_EQ(Ask("SELECT * FROM t ORDER BY id"), "1;2");
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

// Rows of 250 partitions come in turn, twice as many as files may be open: each gets one file.
TEST_F(WriteTest, RowsAreGatheredByPartition) {
  Run("CREATE TABLE t (id BIGINT, k INTEGER, s VARCHAR) PARTITIONED BY (k, s)");
  Run("SET partitioned_write_flush_threshold = 10000");
  Run("INSERT INTO t SELECT range, CASE WHEN range % 125 < 120 THEN range % 125 END, "
      "CASE WHEN range % 2 = 0 THEN 'even' END FROM range(400000)");
  EXPECT_EQ(FilesOf("bronze/t"), 242u);
  EXPECT_EQ(Ask("SELECT count(*), sum(id), count(DISTINCT id) FROM t"),
            "400000|79999800000|400000");
  EXPECT_EQ(Ask("SELECT count(*), sum(id) FROM t WHERE k = 7 AND s IS NULL"), "1600|319811200");
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE k IS NULL"), "16000");
}

// More partitions than are buffered one by one, rows wider than the memory allowed.
TEST_F(WriteTest, ThousandsOfPartitionsInLittleMemory) {
  Run("SET memory_limit = '200MB'");
  Run("SET threads = 2");
  Run("CREATE TABLE t (id BIGINT, b VARCHAR, k VARCHAR) PARTITIONED BY (k) WITH "
      "('delta.enableChangeDataFeed' = 'true')");
  Run("INSERT INTO t SELECT range, repeat(md5(range::VARCHAR), 40), 'k' || range % 1500 FROM "
      "range(300000)");
  EXPECT_EQ(FilesOf("bronze/t"), 1500u);
  EXPECT_EQ(Ask("SELECT count(*), sum(length(b)), count(DISTINCT k) FROM t"),
            "300000|384000000|1500");
  Run("UPDATE t SET b = 'u' WHERE id < 3000");
  EXPECT_EQ(Ask("SELECT count(*), sum(id) FROM t WHERE b = 'u'"), "3000|4498500");
  EXPECT_EQ(FilesOf("bronze/t", ".parquet", "_change_data"), 1500u);
}

// So many that buckets are spread again by further bits of the hash.
TEST_F(WriteTest, FiveThousandPartitionsGetOneFileEach) {
  Run("CREATE TABLE t (id BIGINT, k INTEGER) PARTITIONED BY (k)");
  Run("INSERT INTO t SELECT range, nullif(range % 5000, 4999) FROM range(50000)");
  EXPECT_EQ(FilesOf("bronze/t"), 5000u);
  EXPECT_EQ(Ask("SELECT count(*), sum(id), count(DISTINCT id), count(DISTINCT k) FROM t"),
            "50000|1249975000|50000|4999");
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE id % 5000 IS DISTINCT FROM coalesce(k, 4999)"), "0");
}

// (1, 2) and (3, -2539529385689456101) have one hash.
TEST_F(WriteTest, PartitionsOfEqualHashesAreToldApart) {
  ASSERT_EQ(Ask("SELECT hash(1::BIGINT, 2::BIGINT) = hash(3::BIGINT, -2539529385689456101)"),
            "true");
  Run("CREATE TABLE t (id BIGINT, a BIGINT, b BIGINT) PARTITIONED BY (a, b)");
  Run("INSERT INTO t SELECT range, CASE range % 500 WHEN 0 THEN 1 WHEN 1 THEN 3 ELSE range % 500 "
      "END, "
      "CASE range % 500 WHEN 0 THEN 2 WHEN 1 THEN -2539529385689456101 ELSE 0 END FROM "
      "range(100000)");
  EXPECT_EQ(FilesOf("bronze/t"), 500u);
  EXPECT_EQ(Ask("SELECT count(*), sum(id % 500) FROM t WHERE a = 1 AND b = 2"), "200|0");
  EXPECT_EQ(Ask("SELECT count(*), sum(id % 500) FROM t WHERE a = 3 AND b < 0"), "200|200");
  EXPECT_EQ(Ask("SELECT count(*), sum(id) FROM t"), "100000|4999950000");
}

TEST_F(WriteTest, ReturningIsRefused) {
  Run("CREATE TABLE t (id BIGINT)");
  Run("INSERT INTO t VALUES (1)");
  for (const char* statement :
       {"INSERT INTO t VALUES (2) RETURNING id", "UPDATE t SET id = 2 RETURNING id",
        "DELETE FROM t RETURNING id",
        "MERGE INTO t USING (SELECT 1 AS id) s ON t.id = s.id WHEN MATCHED THEN DELETE RETURNING "
        "id"}) {
    EXPECT_NE(Error(statement).find("RETURNING is not supported on Delta tables; SELECT the rows"),
              std::string::npos)
        << statement;
  }
  EXPECT_EQ(Ask("SELECT * FROM t"), "1");
}

TEST_F(WriteTest, InfinityIsRefused) {
  Run("CREATE TABLE t (d DATE, ts TIMESTAMP, v VARCHAR)");
  EXPECT_NE(Error("INSERT INTO t VALUES ('infinity', NULL, NULL)").find("'d'"), std::string::npos);
  EXPECT_NE(Error("INSERT INTO t VALUES (NULL, '-infinity', NULL)").find("'ts'"),
            std::string::npos);
  Run("INSERT INTO t VALUES (NULL, NULL, 'infinity')");
  EXPECT_EQ(FilesOf("bronze/t"), 1u);
}

}  // namespace
}  // namespace tarn::duck
