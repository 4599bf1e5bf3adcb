// The catalog, reading and transactions through SQL, against a lake in a temporary folder.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "duck/duck_fixture.h"
#include "duck/extension.h"
#include "duck/lake_transaction.h"
#include "duckdb.hpp"

namespace tarn::duck {
namespace {

// --- schemas, tables, views by path ---

TEST_F(DuckTest, SchemasAreFolders) {
  const std::string names =
      "SELECT string_agg(schema_name, ',' ORDER BY schema_name) FROM duckdb_schemas() WHERE "
      "database_name = 'lake'";
  EXPECT_EQ(Ask(names), "bronze,gold,silver,system");
  Run("CREATE SCHEMA staging");
  Run("CREATE SCHEMA IF NOT EXISTS staging");
  EXPECT_NE(Error("CREATE SCHEMA Staging").find("exists already"), std::string::npos);
  EXPECT_NE(Error("CREATE SCHEMA \"_x\"").find("cannot be a schema"), std::string::npos);
  EXPECT_NE(Error("CREATE SCHEMA \"a/b\"").find("cannot be a schema"), std::string::npos);
  Open();  // another process sees the empty schema
  EXPECT_EQ(Ask(names), "bronze,gold,silver,staging,system");
  Run("CREATE TABLE staging.t AS SELECT 1 AS a");
  EXPECT_NE(Error("DROP SCHEMA staging").find("still holds 't'"), std::string::npos);
  Run("DROP SCHEMA staging CASCADE");
  EXPECT_EQ(Ask(names), "bronze,gold,silver,system");
  EXPECT_FALSE(fs::exists(fs::path(root_) / "staging"));
  EXPECT_NE(Error("DROP SCHEMA gold").find("part of every lake"), std::string::npos);
  EXPECT_NE(Error("SELECT * FROM nowhere.t").find("nowhere"), std::string::npos);
}

TEST_F(DuckTest, ASchemaCreatedInARolledBackTransactionIsNotThere) {
  Run("BEGIN");
  Run("CREATE SCHEMA s");
  Run("CREATE TABLE s.t (a INTEGER)");
  Run("CREATE VIEW s.v AS SELECT a FROM s.t");
  EXPECT_EQ(Ask("SELECT count(*) FROM s.v"), "0");
  Run("ROLLBACK");
  EXPECT_NE(Error("SELECT * FROM s.t"), "");
  EXPECT_FALSE(fs::exists(fs::path(root_) / "s"));
}

TEST_F(DuckTest, NamesAreFoundInAnyCase) {
  Run("CREATE TABLE Events (Id INTEGER, \"Größe\" INTEGER)");
  Run("INSERT INTO EVENTS VALUES (1, 2)");
  EXPECT_EQ(Ask("SELECT ID, \"größe\" FROM lake.SILVER.events"), "1|2");
  EXPECT_TRUE(fs::exists(fs::path(root_) / "silver/Events/_delta_log"));
  EXPECT_NE(Error("CREATE TABLE events (a INTEGER)").find("exists already"), std::string::npos);
}

TEST_F(DuckTest, AnotherProcessesTablesAreSeenAtOnce) {
  duckdb::DuckDB other(nullptr);
  RegisterTarnExtension(*other.instance);
  duckdb::Connection writer(other);
  ASSERT_FALSE(writer.Query("ATTACH '" + root_ + "' AS lake (TYPE tarn, fsync false)")->HasError());
  EXPECT_NE(Error("SELECT * FROM t"), "");
  ASSERT_FALSE(writer.Query("CREATE TABLE lake.silver.t AS SELECT 1 AS a")->HasError());
  EXPECT_EQ(Ask("SELECT a FROM t"), "1");
  ASSERT_FALSE(writer.Query("INSERT INTO lake.silver.t VALUES (2)")->HasError());
  EXPECT_EQ(Ask("SELECT count(*), sum(a) FROM t"), "2|3");
  ASSERT_FALSE(writer.Query("DROP TABLE lake.silver.t")->HasError());
  EXPECT_NE(Error("SELECT * FROM t"), "");
  ASSERT_FALSE(writer.Query("CREATE TABLE lake.silver.t AS SELECT 'new' AS b")->HasError());
  EXPECT_EQ(Ask("SELECT b FROM t"), "new");
}

TEST_F(DuckTest, OneDamagedTableDoesNotHideTheOthers) {
  Run("CREATE TABLE good (a INTEGER)");
  Write("silver/bad/_delta_log/00000000000000000000.json", "{broken\n");
  EXPECT_EQ(Ask("SELECT table_name, comment IS NULL FROM duckdb_tables() ORDER BY 1"),
            "bad|false;good|true");
  EXPECT_EQ(Ask("SELECT count(*) FROM good"), "0");
  EXPECT_NE(Error("SELECT * FROM bad").find("00000000000000000000.json"), std::string::npos);
  // A folder without a log is no table.
  fs::create_directories(fs::path(root_) / "silver/empty");
  EXPECT_EQ(Ask("SELECT count(*) FROM duckdb_tables()"), "2");
}

TEST_F(DuckTest, DescribesTables) {
  Run("CREATE TABLE t (id BIGINT NOT NULL, d DECIMAL(38,4), n STRUCT(x INTEGER, y VARCHAR[])) WITH "
      "('delta.logRetentionDuration' = 'interval 365 days', team = 'growth')");
  Run("COMMENT ON TABLE t IS 'what happened'");
  Run("COMMENT ON COLUMN t.id IS 'the \"key\"'");
  Open();
  EXPECT_EQ(Ask("SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE "
                "table_name = 't' ORDER BY ordinal_position"),
            "id|BIGINT|NO;d|DECIMAL(38,4)|YES;n|STRUCT(x INTEGER, y VARCHAR[])|YES");
  EXPECT_EQ(Ask("SELECT comment FROM duckdb_tables() WHERE table_name = 't'"), "what happened");
  EXPECT_EQ(Ask("SELECT comment FROM duckdb_columns() WHERE column_name = 'id'"), "the \"key\"");
  EXPECT_EQ(Ask("SELECT value FROM delta_properties('t') WHERE key IN ('team', "
                "'delta.enableDeletionVectors', 'delta.logRetentionDuration') ORDER BY key"),
            "true;interval 365 days;growth");
  EXPECT_EQ(Ask("SELECT format, name, description, numFiles, minReaderVersion FROM "
                "delta_detail('silver.t')"),
            "delta|silver.t|what happened|0|3");
}

TEST_F(DuckTest, RefusesWhatDeltaCannotHold) {
  EXPECT_NE(Error("CREATE TABLE t (a INTERVAL)").find("cast it to VARCHAR"), std::string::npos);
  EXPECT_NE(Error("CREATE TABLE t (a INTEGER PRIMARY KEY)").find("no PRIMARY KEY"),
            std::string::npos);
  EXPECT_NE(Error("CREATE TABLE t (a INTEGER) PARTITIONED BY (b)").find("'b'"), std::string::npos);
  EXPECT_NE(Error("CREATE TABLE t (a INTEGER) PARTITIONED BY (a)").find("all of its columns"),
            std::string::npos);
  EXPECT_NE(Error("CREATE TABLE t (a INTEGER, b INTEGER) PARTITIONED BY (a + 1)").find("a column"),
            std::string::npos);
  EXPECT_NE(Error("CREATE TABLE t (a INTEGER) WITH ('delta.apendOnly' = 'true')")
                .find("delta.appendOnly"),
            std::string::npos);
  EXPECT_NE(Error("CREATE INDEX i ON t (a)"), "");
  EXPECT_NE(Error("CREATE SEQUENCE s").find("a sequence"), std::string::npos);
  EXPECT_FALSE(fs::exists(fs::path(root_) / "silver/t"));
}

TEST_F(DuckTest, ViewsSurviveAndFollowTheirTables) {
  Run("CREATE TABLE t AS SELECT 1 AS a, 'x' AS b");
  Run("CREATE VIEW v (p, q) AS SELECT a + 1, b FROM t");
  EXPECT_EQ(Ask("SELECT p, q FROM v"), "2|x");
  EXPECT_NE(Error("CREATE VIEW v AS SELECT 1").find("CREATE OR REPLACE VIEW"), std::string::npos);
  EXPECT_NE(Error("CREATE VIEW t AS SELECT 1").find("is a table"), std::string::npos);
  EXPECT_NE(Error("CREATE TABLE v (a INTEGER)").find("is a view"), std::string::npos);
  Run("SET tarn_dialect = 'spark'");
  Run("CREATE OR REPLACE VIEW v AS SELECT b AS \"naïve 'name'\" FROM t");
  Open();
  EXPECT_EQ(Ask("SELECT * FROM silver.V"), "x");
  std::ifstream file(fs::path(root_) / "silver/v.view.json");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(text.find("\"dialect\": \"spark\""), std::string::npos) << text;
  Run("ALTER VIEW v RENAME TO w");
  EXPECT_EQ(Ask("SELECT view_name FROM duckdb_views() WHERE database_name = 'lake'"), "w");
  EXPECT_NE(Error("DROP TABLE w").find("DROP VIEW"), std::string::npos);
  EXPECT_NE(Error("SELECT * FROM w AT (VERSION => 0)").find("is a view"), std::string::npos);
  Run("DROP VIEW w");
  EXPECT_NE(Error("SELECT * FROM w"), "");
  Run("DROP VIEW IF EXISTS w");
  Write("silver/broken.view.json", "{");
  EXPECT_NE(Error("SELECT * FROM broken").find("silver/broken.view.json"), std::string::npos);
  EXPECT_EQ(Ask("SELECT count(*) FROM duckdb_tables() WHERE table_name = 't'"), "1");
}

TEST_F(DuckTest, NamesInAViewMeanWhatTheyMeantThen) {
  Run("CREATE TABLE t AS SELECT 'silver' AS w");
  Run("CREATE TABLE gold.t AS SELECT 'gold' AS w");
  Run("USE lake.gold");
  Run("CREATE VIEW silver.v AS WITH c AS (SELECT w FROM t), t2 AS (SELECT w FROM c) SELECT t2.w, "
      "(SELECT "
      "count(*) FROM t AS x WHERE x.w = t2.w) AS n FROM t2 JOIN lake.silver.t AS s ON s.w <> t2.w");
  EXPECT_EQ(Ask("SELECT * FROM silver.v"), "gold|1");
  Run("USE lake.bronze");
  EXPECT_EQ(Ask("SELECT * FROM silver.v"), "gold|1");
  Run("USE memory");
  Run("DETACH lake");
  Run("ATTACH '" + root_ + "' AS pond (TYPE tarn, fsync false)");
  EXPECT_EQ(Ask("SELECT * FROM pond.silver.v"), "gold|1");
  Run("USE pond.silver");
  Run("CREATE TEMP TABLE private AS SELECT 1 AS a");
  EXPECT_NE(Error("CREATE VIEW w AS SELECT * FROM private").find("temporary"), std::string::npos);
}

TEST_F(DuckTest, DropLeavesNothingAndComesBackEmpty) {
  Run("CREATE TABLE t AS SELECT range AS a FROM range(10)");
  Run("DROP TABLE t");
  EXPECT_FALSE(fs::exists(fs::path(root_) / "silver/t"));
  EXPECT_TRUE(fs::is_empty(fs::path(root_) / ".trash"));
  Run("DROP TABLE IF EXISTS t");
  EXPECT_NE(Error("DROP TABLE t"), "");
  Run("CREATE TABLE t (b VARCHAR)");
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "0");
  EXPECT_EQ(Ask("SELECT count(*) FROM delta_history('t')"), "1");
  // DROP and CREATE in one transaction: one commit, the history goes on.
  Run("INSERT INTO t VALUES ('x')");
  Run("BEGIN");
  Run("DROP TABLE t");
  EXPECT_NE(Error("SELECT * FROM t"), "");
  Run("ROLLBACK");
  EXPECT_EQ(Ask("SELECT b FROM t"), "x");
  Run("BEGIN");
  Run("DROP TABLE t");
  Run("CREATE TABLE t (c INTEGER)");
  Run("COMMIT");
  EXPECT_EQ(Ask("SELECT count(c) FROM t"), "0");
}

// --- ALTER ---

TEST_F(DuckTest, RenamedAndDroppedColumnsKeepTheirFiles) {
  Run("CREATE TABLE t (a INTEGER, b VARCHAR, p VARCHAR) PARTITIONED BY (p)");
  Run("INSERT INTO t VALUES (1, 'one', 'x'), (2, 'two', NULL)");
  Run("ALTER TABLE t RENAME COLUMN b TO c");
  EXPECT_EQ(Ask("SELECT a, c, p FROM t ORDER BY a"), "1|one|x;2|two|NULL");
  Run("ALTER TABLE t RENAME COLUMN p TO part");
  EXPECT_EQ(Ask("SELECT a FROM t WHERE part = 'x'"), "1");
  EXPECT_EQ(FilesRead("SELECT a FROM t WHERE part = 'x'"), "1/2");
  Run("ALTER TABLE t DROP COLUMN c");
  Run("ALTER TABLE t ADD COLUMN c VARCHAR");
  EXPECT_EQ(Ask("SELECT a, c FROM t ORDER BY a"), "1|NULL;2|NULL");
  Run("INSERT INTO t (a, part, c) VALUES (3, 'y', 'new')");
  Open();
  EXPECT_EQ(Ask("SELECT a, c, part FROM t ORDER BY a"), "1|NULL|x;2|NULL|NULL;3|new|y");
  EXPECT_NE(Error("ALTER TABLE t DROP COLUMN part").find("partitioned by"), std::string::npos);
  EXPECT_NE(Error("ALTER TABLE t RENAME COLUMN a TO C").find("already"), std::string::npos);
  EXPECT_NE(Error("ALTER TABLE t RENAME COLUMN zz TO y").find("'zz'"), std::string::npos);
  Run("ALTER TABLE t ADD COLUMN IF NOT EXISTS c VARCHAR");
  Run("ALTER TABLE t DROP COLUMN IF EXISTS zz");
}

TEST_F(DuckTest, DroppedAndAddedInOneTransactionIsANewColumn) {
  Run("CREATE TABLE t (a INTEGER, b INTEGER)");
  Run("INSERT INTO t VALUES (1, 42)");
  Run("BEGIN");
  Run("ALTER TABLE t DROP COLUMN b");
  Run("ALTER TABLE t ADD COLUMN b INTEGER");
  EXPECT_EQ(Ask("SELECT a, b FROM t"), "1|NULL");
  Run("COMMIT");
  EXPECT_EQ(Ask("SELECT a, b FROM t"), "1|NULL");
  EXPECT_EQ(Ask("SELECT count(*) FROM delta_history('t')"), "3");
}

TEST_F(DuckTest, NotNullIsCheckedBeforeItIsSet) {
  Run("CREATE TABLE t (a INTEGER)");
  Run("INSERT INTO t VALUES (1), (NULL)");
  EXPECT_NE(Error("ALTER TABLE t ALTER a SET NOT NULL").find("holds 1 NULL"), std::string::npos);
  Run("DELETE FROM t WHERE a IS NULL");
  Run("ALTER TABLE t ALTER a SET NOT NULL");
  EXPECT_NE(Error("INSERT INTO t VALUES (NULL)"), "");
  Run("ALTER TABLE t ALTER a DROP NOT NULL");
  Run("INSERT INTO t VALUES (NULL)");
  EXPECT_NE(Error("ALTER TABLE t ALTER a TYPE BIGINT").find("delta.enableTypeWidening"),
            std::string::npos);
  EXPECT_NE(Error("ALTER TABLE t RENAME TO u").find("cannot be renamed"), std::string::npos);
}

TEST_F(DuckTest, ColumnsInConstraintsStay) {
  Run("CREATE TABLE t (a INTEGER, ab INTEGER, CHECK (a > 0))");
  EXPECT_NE(Error("ALTER TABLE t RENAME COLUMN a TO z").find("check_1"), std::string::npos);
  EXPECT_NE(Error("ALTER TABLE t DROP COLUMN a").find("check_1"), std::string::npos);
  Run("ALTER TABLE t DROP COLUMN ab");
}

// --- skipping ---

TEST_F(DuckTest, SkipsFilesByPartitionAndStatistics) {
  Run("CREATE TABLE t (p INTEGER, v BIGINT, s VARCHAR, d DATE, n STRUCT(x INTEGER)) PARTITIONED BY "
      "(p)");
  for (int i = 0; i < 8; ++i) {
    const std::string n = std::to_string(i);
    Run("INSERT INTO t SELECT " + n + ", range + " + n + "00, 'k" + n +
        "' || range, DATE "
        "'2024-01-01' + " +
        n + ", {'x': " + n + "} FROM range(10)");
  }
  EXPECT_EQ(FilesRead("SELECT * FROM t"), "8/8");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE p = 3"), "1/8");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE p IN (1, 2)"), "2/8");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE v >= 600"), "2/8");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE v BETWEEN 95 AND 105"), "1/8");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE s LIKE 'k5%'"), "1/8");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE d = DATE '2024-01-03'"), "1/8");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE n.x = 7"), "1/8");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE v = 5 OR p = 7"), "2/8");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE NOT (p <> 4)"), "1/8");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE p = 1 AND v = 5"), "0/8");
  EXPECT_EQ(Ask("SELECT count(*), sum(v) FROM t WHERE v >= 600"), "20|13090");
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE v % 2 = 0"), "40");
}

TEST_F(DuckTest, SkipsFilesByTheKeysOfAJoin) {
  Run("CREATE TABLE facts (k INTEGER, v INTEGER)");
  for (int i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i);
    Run("INSERT INTO facts SELECT " + n + "000 + range, range FROM range(1000)");
  }
  Run("CREATE TEMP TABLE wanted AS SELECT 3005 AS k UNION ALL SELECT 3900");
  const std::string join = "SELECT sum(v) FROM facts JOIN wanted USING (k)";
  EXPECT_EQ(Ask(join), "905");
  EXPECT_EQ(FilesRead(join), "1/6");
}

TEST_F(DuckTest, CountsWithoutReading) {
  Run("CREATE TABLE t AS SELECT range AS a, -range AS b FROM range(1000)");
  Run("DELETE FROM t WHERE a < 10");
  const std::string plan = Ask("EXPLAIN SELECT count(*) FROM t");
  EXPECT_EQ(plan.find("TABLE_SCAN"), std::string::npos) << plan;
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "990");
  EXPECT_EQ(Ask("SELECT min(a), max(a), min(b) FROM t"), "10|999|-999");
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE a = 5"), "0");
  EXPECT_EQ(Ask("SELECT count(*) FROM t AT (VERSION => 0)"), "1000");
  EXPECT_EQ(Ask("SELECT min(a), max(b) FROM t AT (VERSION => 0)"), "0|0");
  Run("BEGIN");
  Run("INSERT INTO t VALUES (-5, 0)");
  EXPECT_EQ(Ask("SELECT count(*), min(a) FROM t"), "991|-5");
  Run("ROLLBACK");
}

// --- time travel ---

TEST_F(DuckTest, TravelsByVersionAndTimestamp) {
  Run("CREATE TABLE t (a INTEGER)");
  Run("INSERT INTO t VALUES (1)");
  Run("ALTER TABLE t ADD COLUMN b INTEGER");
  Run("INSERT INTO t VALUES (2, 3)");
  EXPECT_EQ(Ask("SELECT * FROM t AT (VERSION => 1)"), "1");
  EXPECT_EQ(Ask("SELECT count(*) FROM t AT (VERSION => 0)"), "0");
  EXPECT_EQ(Ask("SELECT x.a FROM (FROM t AT (VERSION => 1)) x JOIN t USING (a)"), "1");
  EXPECT_EQ(Ask("SELECT count(*) FROM delta_scan('" + root_ + "/silver/t', version => 1)"), "1");
  const std::string when =
      Ask("SELECT timestamp::VARCHAR FROM delta_history('t') WHERE version = 1");
  EXPECT_EQ(Ask("SELECT count(*) FROM t AT (TIMESTAMP => TIMESTAMPTZ '" + when + "')"), "1");
  EXPECT_NE(Error("SELECT * FROM t AT (VERSION => 9)").find("versions 0 to 3"), std::string::npos);
  EXPECT_NE(Error("SELECT * FROM t AT (TIMESTAMP => TIMESTAMPTZ '1999-01-01 00:00:00+00')"), "");
  EXPECT_NE(Error("SELECT * FROM delta_scan('" + root_ + "/nowhere')").find("no folder"),
            std::string::npos);
  EXPECT_NE(Error("SELECT * FROM delta_scan('s3://bucket/t')").find("local"), std::string::npos);
}

// --- errors ---

TEST_F(DuckTest, AMissingDataFileIsNamed) {
  Run("CREATE TABLE t AS SELECT 1 AS a");
  fs::path data;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(root_) / "silver/t")) {
    if (entry.path().extension() == ".parquet") data = entry.path();
  }
  fs::rename(data, data.string() + ".away");
  const std::string gone = Error("SELECT * FROM t");
  EXPECT_NE(gone.find(data.filename().string()), std::string::npos) << gone;
  EXPECT_NE(gone.find("silver.t"), std::string::npos) << gone;
  EXPECT_NE(gone.find("is gone"), std::string::npos) << gone;
  std::ofstream(data) << "not parquet";
  EXPECT_NE(Error("SELECT * FROM t").find("cannot be read"), std::string::npos);
}

TEST_F(DuckTest, AttachSaysWhatIsWrong) {
  EXPECT_NE(Error("ATTACH '" + root_ + "/none' AS x (TYPE tarn)").find("none"), std::string::npos);
  EXPECT_NE(Error("ATTACH '" + root_ + "' AS x (TYPE tarn, fsinc true)").find("fsync"),
            std::string::npos);
  Run("CREATE TABLE t AS SELECT 1 AS a");
  Run("ATTACH '" + root_ + "/silver/..' AS ro (TYPE tarn, READ_ONLY)");
  EXPECT_EQ(Ask("SELECT a FROM ro.silver.t"), "1");
  EXPECT_NE(Error("INSERT INTO ro.silver.t VALUES (2)").find("read-only"), std::string::npos);
  EXPECT_NE(Error("DROP TABLE ro.silver.t").find("read-only"), std::string::npos);
}

// --- transactions ---

TEST_F(DuckTest, ATransactionReadsOneSnapshot) {
  Run("CREATE TABLE t AS SELECT 1 AS a");
  duckdb::Connection other(*db_);
  Run("BEGIN");
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "1");
  ASSERT_FALSE(other.Query("INSERT INTO lake.silver.t VALUES (2)")->HasError());
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "1");
  EXPECT_EQ(AskOn(other, "SELECT count(*) FROM lake.silver.t"), "2");
  Run("COMMIT");
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "2");
}

TEST_F(DuckTest, OwnWritesAreReadBeforeTheCommit) {
  Run("CREATE TABLE t AS SELECT range AS a FROM range(5)");
  duckdb::Connection other(*db_);
  Run("BEGIN");
  Run("INSERT INTO t VALUES (10), (11)");
  Run("DELETE FROM t WHERE a IN (0, 10)");
  Run("UPDATE t SET a = a + 100 WHERE a IN (1, 11)");
  EXPECT_EQ(Ask("SELECT string_agg(a, ',' ORDER BY a) FROM t"), "2,3,4,101,111");
  EXPECT_EQ(AskOn(other, "SELECT count(*) FROM lake.silver.t"), "5");
  Run("COMMIT");
  EXPECT_EQ(AskOn(other, "SELECT string_agg(a, ',' ORDER BY a) FROM lake.silver.t"),
            "2,3,4,101,111");
  EXPECT_EQ(Ask("SELECT count(*) FROM delta_history('t')"), "2");
}

TEST_F(DuckTest, SeveralTablesCommitOneByOne) {
  Run("CREATE TABLE a (x INTEGER)");
  Run("CREATE TABLE b (x INTEGER)");
  Run("BEGIN");
  Run("INSERT INTO a VALUES (1)");
  Run("DELETE FROM b WHERE x = 1");
  Run("INSERT INTO b VALUES (2)");
  Run("COMMIT");
  EXPECT_EQ(Ask("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)"), "1|1");
}

TEST_F(DuckTest, AConflictLeavesNothingBehind) {
  Run("CREATE TABLE t AS SELECT range AS a FROM range(10)");
  duckdb::Connection other(*db_);
  Run("BEGIN");
  Run("DELETE FROM t WHERE a = 3");
  ASSERT_FALSE(other.Query("UPDATE lake.silver.t SET a = 33 WHERE a = 3")->HasError());
  const std::string error = Error("COMMIT");
  EXPECT_NE(error.find("silver.t"), std::string::npos) << error;
  EXPECT_EQ(Ask("SELECT count(*), count(*) FILTER (a = 33) FROM t"), "10|1");
}

TEST_F(DuckTest, CommitsCarryWhatTheEngineAdds) {
  Run("CREATE TABLE t (a INTEGER)");
  auto state = LakeSessionState::Get(*con_->context);
  CommitAnnotations annotations;
  annotations.app_transaction = {"stream-1", 7};
  annotations.user_metadata = "from a test";
  annotations.domains.push_back({"tarn.position", "{\"offset\":42}", false});
  state->Annotate("silver.T", annotations);
  Run("INSERT INTO t VALUES (1)");
  ASSERT_EQ(state->LastCommits().size(), 1u);
  EXPECT_EQ(state->LastCommits()[0].version.value(), 1);
  EXPECT_FALSE(state->LastCommits()[0].already_applied);
  EXPECT_EQ(Ask("SELECT userMetadata FROM delta_history('t') WHERE version = 1"), "from a test");
  // The same batch again: committed before, so nothing is written.
  state->Annotate("silver.t", annotations);
  Run("INSERT INTO t VALUES (1)");
  ASSERT_EQ(state->LastCommits().size(), 1u);
  EXPECT_TRUE(state->LastCommits()[0].already_applied);
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "1");
}

TEST_F(DuckTest, ManyConnectionsAppendAndRead) {
  Run("CREATE TABLE t (w INTEGER, i INTEGER)");
  constexpr int kWriters = 4;
  constexpr int kAppends = 10;
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      duckdb::Connection con(*db_);
      for (int i = 0; i < kAppends; ++i) {
        auto result = con.Query("INSERT INTO lake.silver.t VALUES (" + std::to_string(w) + ", " +
                                std::to_string(i) + ")");
        if (result->HasError()) ++failures;
        if (con.Query("SELECT count(*) FROM lake.silver.t")->HasError()) ++failures;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(Ask("SELECT count(*), count(DISTINCT (w, i)) FROM t"), "40|40");
  EXPECT_EQ(Ask("SELECT max(version) FROM delta_history('t')"), "40");
}

TEST_F(DuckTest, PathsWithSpacesPercentAndUnicode) {
  Run("CREATE TABLE \"my tàble %20\" (p VARCHAR, v INTEGER) PARTITIONED BY (p)");
  Run("INSERT INTO \"my tàble %20\" VALUES ('a b', 1), ('a%20b', 2), ('x/y=z', 3), ('ü#?', 4), "
      "('', "
      "5), (NULL, 6)");
  EXPECT_EQ(Ask("SELECT v FROM \"my tàble %20\" WHERE p = 'a%20b'"), "2");
  EXPECT_EQ(Ask("SELECT v FROM \"my tàble %20\" WHERE p = 'x/y=z'"), "3");
  EXPECT_EQ(Ask("SELECT v FROM \"my tàble %20\" WHERE p = 'ü#?'"), "4");
  EXPECT_EQ(Ask("SELECT count(*) FROM \"my tàble %20\" WHERE p IS NULL"), "2");  // '' is null there
}

}  // namespace
}  // namespace tarn::duck
