// Rows changed and taken out: DELETE, UPDATE, MERGE, change data, conflicts.
#include "duck/write_fixture.h"

namespace tarn::duck {
namespace {

class RowChangeTest : public WriteTest {};

TEST_F(RowChangeTest, DeletesWithVectors) {
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

TEST_F(RowChangeTest, DeleteOfWholeFilesReadsNothing) {
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

TEST_F(RowChangeTest, CopyOnWriteWhereVectorsAreOff) {
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

TEST_F(RowChangeTest, Updates) {
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

TEST_F(RowChangeTest, MergeWithEveryClause) {
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

TEST_F(RowChangeTest, MergeStar) {
  Run("CREATE TABLE t (id INTEGER, v VARCHAR)");
  Run("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
  EXPECT_EQ(
      Ask("MERGE INTO t USING (SELECT 2 AS id, 'B' AS v UNION ALL SELECT 3, 'C') s ON t.id = s.id "
          "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"),
      "2");
  EXPECT_EQ(Ask("SELECT * FROM t ORDER BY id"), "1|a;2|B;3|C");
}

TEST_F(RowChangeTest, MergeRefusesAmbiguousSource) {
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

TEST_F(RowChangeTest, LargeMerge) {
  Run("CREATE TABLE t AS SELECT range AS id, 0 AS v, range % 10 AS k FROM range(300000)");
  EXPECT_EQ(Ask("MERGE INTO t USING (SELECT range * 3 AS id FROM range(150000)) s ON t.id = s.id "
                "WHEN MATCHED THEN UPDATE SET v = v + 1 "
                "WHEN NOT MATCHED THEN INSERT VALUES (s.id, -1, 0)"),
            "150000");
  EXPECT_EQ(Ask("SELECT count(*), count(DISTINCT id), count(*) FILTER (v = 1), count(*) FILTER (v "
                "= -1) FROM t"),
            "350000|350000|100000|50000");
}

TEST_F(RowChangeTest, ChangeDataOfUpdateDeleteMerge) {
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

TEST_F(RowChangeTest, InsertThenDeleteAllInOneTransaction) {
  Run("CREATE TABLE t (id INTEGER)");
  Run("BEGIN");
  Run("INSERT INTO t SELECT range FROM range(100)");
  EXPECT_EQ(Ask("DELETE FROM t"), "100");
  Run("INSERT INTO t VALUES (7)");
  Run("COMMIT");
  EXPECT_EQ(Ask("SELECT * FROM t"), "7");
}

TEST_F(RowChangeTest, ChangeDataOfATransactionIsComplete) {
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

TEST_F(RowChangeTest, ChangeDataWithCopyOnWrite) {
  Run("CREATE TABLE t (id INTEGER, v INTEGER) WITH ('delta.enableChangeDataFeed' = 'true', "
      "'delta.enableDeletionVectors' = 'false')");
  Run("INSERT INTO t SELECT range, range FROM range(10)");
  Run("DELETE FROM t WHERE id < 2");
  EXPECT_EQ(Ask("SELECT id, v, _change_type FROM read_parquet('" + root_ +
                "/bronze/t/_change_data/*.parquet') ORDER BY ALL"),
            "0|0|delete;1|1|delete");
  EXPECT_EQ(Ask("SELECT count(*), min(id) FROM t"), "8|2");
}

TEST_F(RowChangeTest, TwoWritersOfOneRowConflict) {
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

TEST_F(RowChangeTest, ReadsOfTheChangedTableConflict) {
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

TEST_F(RowChangeTest, MergeWithNullKeysAndUnicode) {
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

TEST_F(RowChangeTest, MergeIntoEmptyAndFromItself) {
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

TEST_F(RowChangeTest, FilesWithoutStatisticsAreRewritten) {
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

TEST_F(RowChangeTest, RowsOfFilesThatLackAColumn) {
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

TEST_F(RowChangeTest, OverwriteOfAFeedTableWritesItsChanges) {
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
