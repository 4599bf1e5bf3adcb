// Files that a query does not read, and logs that it does not read whole: every test counts files.
#include <algorithm>
#include <sstream>

#include "delta/file_table.h"
#include "duck/duck_fixture.h"

namespace tarn::duck {
namespace {

class SkippingTest : public DuckTest {
 protected:
  size_t RemoveDataFiles(const std::string& table) {
    size_t removed = 0;
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(root_) / table)) {
      const bool log = entry.path().string().find("_delta_log") != std::string::npos;
      if (!log && entry.path().extension() == ".parquet") files.push_back(entry.path());
    }
    for (const auto& file : files) removed += fs::remove(file);
    return removed;
  }
  std::shared_ptr<delta::Table> TableOf(const std::string& name) {
    return *ExtensionState::Get(*db_->instance).TableAtPath(root_ + "/" + name);
  }
  bool IsCached(const std::string& name) { return TableOf(name)->CachedBytes() > 0; }
};

// One file per day of January 2026, noon and evening of the day.
constexpr const char* kDays =
    "SELECT i, make_timestamptz(2026, 1, i, 12, 0, 0) AS ts, make_timestamp(2026, 1, i, 12, 0, 0) "
    "AS "
    "wall FROM (SELECT CAST(";

TEST_F(SkippingTest, DaysAndYearsOfTimestamps) {
  Run("CREATE TABLE t (i BIGINT, ts TIMESTAMPTZ, wall TIMESTAMP)");
  for (int day = 1; day <= 9; ++day) {
    Run("INSERT INTO t " + std::string(kDays) + std::to_string(day) + " AS BIGINT) AS i)");
  }
  Run("INSERT INTO t VALUES (100, TIMESTAMPTZ '2024-06-01 00:00:00+00', TIMESTAMP '2024-06-01')");
  EXPECT_EQ(FilesRead("SELECT * FROM t"), "10/10");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE CAST(wall AS DATE) = DATE '2026-01-04'"), "1/10");
  // A day on either side: the zone of the session may be any.
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE CAST(ts AS DATE) = DATE '2026-01-04'"), "3/10");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE year(wall) = 2024"), "1/10");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE year(ts) < 2025"), "1/10");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE NOT year(ts) >= 2025"), "1/10");
  for (const char* zone : {"UTC", "Pacific/Kiritimati", "America/Los_Angeles", "Asia/Kolkata"}) {
    Run(std::string("SET TimeZone = '") + zone + "'");
    for (const std::string condition :
         {"CAST(ts AS DATE) = DATE '2026-01-04'", "CAST(ts AS DATE) <> DATE '2026-01-04'",
          "CAST(ts AS DATE) > DATE '2026-01-07'", "NOT (CAST(ts AS DATE) <= DATE '2026-01-03')",
          "year(ts) = 2026", "NOT year(ts) = 2026", "CAST(wall AS DATE) < DATE '2026-01-03'"}) {
      EXPECT_EQ(Ask("SELECT count(*), sum(i) FROM t WHERE " + condition),
                Ask("SELECT count(*), sum(i) FROM (SELECT * FROM t LIMIT 1000) WHERE " + condition))
          << zone << " " << condition;
    }
  }
}

TEST_F(SkippingTest, NestedInLikeAndJoins) {
  Run("CREATE TABLE t (k BIGINT, s STRUCT(a VARCHAR, b STRUCT(c BIGINT)))");
  for (int i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i);
    Run("INSERT INTO t SELECT " + n + " * 100 + r, {'a': 'x" + n + "-' || r, 'b': {'c': " + n +
        " * 10}} FROM range(100) r(r)");
  }
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE s.b.c = 30"), "1/6");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE s.b.c IN (0, 50)"), "2/6");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE s.a LIKE 'x4-%'"), "1/6");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE k IN (5, 505)"), "2/6");
  Run("CREATE TEMP TABLE keys AS SELECT 310 AS k UNION ALL SELECT 320");
  EXPECT_EQ(FilesRead("SELECT count(*) FROM t JOIN keys USING (k)"), "1/6");
}

TEST_F(SkippingTest, MergeReadsOnlyFilesOfItsKeys) {
  Run("CREATE TABLE t (k BIGINT, v BIGINT)");
  for (int i = 0; i < 6; ++i) {
    Run("INSERT INTO t SELECT r, 0 FROM range(" + std::to_string(i * 100) + ", " +
        std::to_string(i * 100 + 100) + ") r(r)");
  }
  Run("CREATE TEMP TABLE changes AS SELECT * FROM (VALUES (310, 7), (390, 8)) x(k, v)");
  EXPECT_EQ(
      FilesRead("MERGE INTO t USING changes s ON t.k = s.k WHEN MATCHED THEN UPDATE SET v = s.v "
                "WHEN NOT MATCHED THEN INSERT VALUES (s.k, s.v)"),
      "1/6");
  EXPECT_EQ(Ask("SELECT count(*), sum(v) FROM t"), "600|15");
  // The file of the keys has a vector, the rows a new file; no other file changed.
  EXPECT_EQ(Ask("SELECT count(*), sum(deleted_records) FROM delta_files('t')"), "7|2");
}

TEST_F(SkippingTest, CountsOfPartitionsReadNothing) {
  Run("CREATE TABLE t (p INTEGER, d DATE, v BIGINT) PARTITIONED BY (p, d)");
  Run("INSERT INTO t SELECT r % 4, DATE '2026-01-01' + CAST(r % 2 AS INTEGER), r FROM range(100) "
      "r(r)");
  Run("INSERT INTO t VALUES (NULL, DATE '2026-01-01', -5)");
  const auto answers = [&] {
    std::string out;
    for (const std::string condition :
         {"p = 3", "p IN (1, 2)", "p > 1", "p <> 2", "p IS NULL", "p IS NOT NULL",
          "d = DATE '2026-01-02'", "p = 1 AND d = DATE '2026-01-02'", "p = 77", "p < 2 OR p = 3"}) {
      out += Ask("SELECT count(*) FROM t WHERE " + condition) + "; ";
    }
    return out + Ask("SELECT min(v), max(v), count(*) FROM t WHERE p = 3") + "; " +
           Ask("SELECT min(d), max(p) FROM t WHERE p >= 2") + "; " +
           Ask("SELECT count(*) FROM t WHERE v >= -5");
  };
  const std::string expected = "25; 50; 50; 75; 1; 100; 50; 25; 0; 75; 3|99|25; 2026-01-01|3; 101";
  EXPECT_EQ(answers(), expected);
  // A condition that a file meets in part is still applied.
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE p = 3 AND v < 50"), "12");
  EXPECT_EQ(Ask("SELECT sum(v) FROM t WHERE p = 1"), Ask("SELECT sum(v) FROM t WHERE p + 0 = 1"));
  EXPECT_GT(RemoveDataFiles("silver/t"), 0u);
  EXPECT_EQ(answers(), expected);
}

TEST_F(SkippingTest, ChangesByPartitionTouchOnlyTheirs) {
  Run("CREATE TABLE t (p INTEGER, v BIGINT) PARTITIONED BY (p)");
  Run("INSERT INTO t SELECT r % 4, r FROM range(100) r(r)");
  EXPECT_EQ(Ask("DELETE FROM t WHERE p = 3"), "25");
  EXPECT_EQ(Ask("SELECT count(*), min(p), max(p) FROM t"), "75|0|2");
  EXPECT_EQ(Ask("UPDATE t SET v = -1 WHERE p = 1"), "25");
  EXPECT_EQ(Ask("SELECT count(*), sum(CASE WHEN v = -1 THEN 1 ELSE 0 END) FROM t"), "75|25");
  EXPECT_EQ(Ask("DELETE FROM t WHERE p = 1 AND v = -1"), "25");
  EXPECT_EQ(Ask("SELECT count(*), count(DISTINCT p) FROM t"), "50|2");
  Run("BEGIN");
  Run("INSERT INTO t VALUES (0, 1000)");
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE p = 0"), "26");
  EXPECT_EQ(Ask("DELETE FROM t WHERE p = 0"), "26");
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "25");
  Run("COMMIT");
  EXPECT_EQ(Ask("SELECT count(*), min(p) FROM t"), "25|2");
}

TEST_F(SkippingTest, GeneratedPartitionColumns) {
  Run("CREATE TABLE t (ts TIMESTAMPTZ, day DATE) PARTITIONED BY (day)");
  for (int day = 1; day <= 8; ++day) {
    const std::string d = std::to_string(day);
    Run("INSERT INTO t SELECT make_timestamptz(2026, 1, " + d + ", 12, 0, 0), DATE '2026-01-0" + d +
        "'");
  }
  // Statistics of ts taken away, the column said to be generated.
  const fs::path log = fs::path(root_) / "silver/t/_delta_log";
  for (const auto& entry : fs::directory_iterator(log)) {
    if (entry.path().extension() != ".json") {
      fs::remove(entry.path());
      continue;
    }
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    std::string json = text.str();
    const std::string plain =
        R"(\"name\":\"day\",\"type\":\"date\",\"nullable\":true,\"metadata\":{)";
    const std::pair<std::string, std::string> edits[] = {
        {plain, plain + R"(\"delta.generationExpression\":\"CAST(ts AS DATE)\")"},
        {"minValues", "minIgnored"},
        {"maxValues", "maxIgnored"}};
    for (const auto& [from, to] : edits) {
      for (size_t at = json.find(from); at != std::string::npos; at = json.find(from, at + 1)) {
        json.replace(at, from.size(), to);
      }
    }
    std::ofstream(entry.path()) << json;
  }
  Open();
  EXPECT_EQ(FilesRead("SELECT * FROM t"), "8/8");
  // A day on either side: the writer's zone is not known.
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE ts = TIMESTAMPTZ '2026-01-04 12:00:00+00'"), "3/8");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE ts >= TIMESTAMPTZ '2026-01-07 00:00:00+00'"), "3/8");
  EXPECT_EQ(FilesRead("SELECT * FROM t WHERE ts BETWEEN TIMESTAMPTZ '2026-01-01 00:00:00+00' AND "
                      "TIMESTAMPTZ '2026-01-02 00:00:00+00'"),
            "3/8");
  EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE ts >= TIMESTAMPTZ '2026-01-07 00:00:00+00'"), "2");
}

// --- logs that are not read whole ---

class LargeLogTest : public SkippingTest {
 protected:
  void MakeTable() {
    Run("CREATE TABLE t (p DATE, name VARCHAR, v BIGINT) PARTITIONED BY (p, name) WITH "
        "('delta.checkpointInterval' = '5')");
    for (int i = 0; i < 11; ++i) {
      Run("INSERT INTO t SELECT DATE '2026-01-01' + CAST(r % 3 AS INTEGER), CASE WHEN r % 4 = 0 "
          "THEN "
          "NULL ELSE 'n' || r % 4 END, " +
          std::to_string(i * 100) + " + r FROM range(12) r(r)");
    }
    Run("DELETE FROM t WHERE v = 1001");
    Run("DELETE FROM t WHERE v BETWEEN 500 AND 505");
  }
  // A new process that reads no checkpoint whole.
  void OpenDeferring() {
    con_.reset();
    db_ = std::make_unique<duckdb::DuckDB>(nullptr);
    RegisterTarnExtension(*db_->instance);
    ExtensionState::Get(*db_->instance).DeferFromBytes(1);
    con_ = std::make_unique<duckdb::Connection>(*db_);
    Run("ATTACH '" + root_ + "' AS lake (TYPE tarn, fsync false)");
    Run("USE lake.silver");
    Run("SET TimeZone = 'UTC'");
  }
};

TEST_F(LargeLogTest, ConditionsReadOnlyWhatTheyNeed) {
  MakeTable();
  for (const std::string condition :
       {"p = DATE '2026-01-02'", "name = 'n1'", "name IS NULL", "name IN ('n1', 'n3')",
        "p > DATE '2026-01-02'", "v >= 1000", "v = 304 AND name IS NULL", "p = DATE '2030-01-01'",
        "name = 'n1' OR v < 50", "NOT (name = 'n2')", "name LIKE 'n%' AND v IN (1, 205, 1007)"}) {
    const std::string query = "SELECT count(*), sum(v) FROM t WHERE " + condition;
    Open();
    const std::string expected = Ask(query);
    const std::string files = FilesRead("SELECT * FROM t WHERE " + condition);
    OpenDeferring();
    EXPECT_EQ(FilesRead("SELECT * FROM t WHERE " + condition), files) << condition;
    EXPECT_FALSE(IsCached("silver/t")) << condition;
    EXPECT_EQ(Ask(query), expected) << condition;
  }
}

TEST_F(LargeLogTest, ChangesStillFindTheirFiles) {
  MakeTable();
  OpenDeferring();
  EXPECT_EQ(Ask("SELECT DISTINCT name FROM t WHERE name = 'n1'"), "n1");
  EXPECT_EQ(Ask("DELETE FROM t WHERE name = 'n1' AND v < 100"), "3");
  OpenDeferring();
  EXPECT_EQ(Ask("UPDATE t SET v = v + 5000 WHERE p = DATE '2026-01-01' AND name = 'n3'"), "10");
  OpenDeferring();
  EXPECT_EQ(Ask("SELECT count(*), count(*) FILTER (v >= 5000) FROM t WHERE p <= DATE '2026-01-03'"),
            "122|10");
  OpenDeferring();
  Run("CREATE TEMP TABLE s AS SELECT 1002 AS v, 'n2' AS name");
  EXPECT_EQ(Ask("MERGE INTO t USING s ON t.name = s.name AND t.v = s.v WHEN MATCHED THEN DELETE"),
            "1");
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "121");
}

TEST_F(LargeLogTest, WhoComesAgainGetsTheWholeState) {
  MakeTable();
  OpenDeferring();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask("SELECT count(*) FROM t WHERE name = 'n1'"), "30");
  EXPECT_TRUE(IsCached("silver/t"));
}

TEST_F(LargeLogTest, SnapshotsAreKeptWithinABudget) {
  for (const std::string name : {"a", "b", "c"}) {
    Run("CREATE TABLE " + name + " AS SELECT 1 AS x");
  }
  for (const std::string name : {"a", "b", "c"}) Ask("SELECT * FROM " + name);
  EXPECT_TRUE(IsCached("silver/a") && IsCached("silver/b") && IsCached("silver/c"));
  Run("SET tarn_snapshot_cache = 1");
  EXPECT_EQ(Ask("SELECT x FROM b"), "1");
  EXPECT_TRUE(IsCached("silver/b"));
  EXPECT_FALSE(IsCached("silver/a") || IsCached("silver/c"));
  EXPECT_EQ(Ask("SELECT count(*) FROM a JOIN c USING (x)"), "1");
}

}  // namespace
}  // namespace tarn::duck
