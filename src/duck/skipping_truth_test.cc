// Every condition that files are skipped by, against the same rows copied out of the lake, where
// nothing is skipped: values that statistics say little or nothing of, in several zones, from logs
// read whole and in part.
#include <sstream>

#include "duck/duck_fixture.h"

namespace tarn::duck {
namespace {

class SkippingTruthTest : public DuckTest {
 protected:
  void OpenDeferring() {
    con_.reset();
    db_ = std::make_unique<duckdb::DuckDB>(nullptr);
    RegisterTarnExtension(*db_->instance);
    ExtensionState::Get(*db_->instance).DeferFromBytes(1);
    con_ = std::make_unique<duckdb::Connection>(*db_);
    Run("ATTACH '" + root_ + "' AS lake (TYPE tarn, fsync false)");
    Run("USE lake.silver");
  }

  // Takes the statistics out of one commit.
  void ForgetStatistics(const std::string& table, int version) {
    char name[40];
    snprintf(name, sizeof name, "%020d.json", version);
    const fs::path path = fs::path(root_) / table / "_delta_log" / name;
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    std::string json = text.str();
    size_t edits = 0;
    for (const std::string section : {"numRecords", "minValues", "maxValues", "nullCount"}) {
      const auto at = json.find(section);
      ASSERT_NE(at, std::string::npos) << section;
      json.replace(at, 3, "was");
      ++edits;
    }
    ASSERT_EQ(edits, 4u);
    std::ofstream(path) << json;
  }

  static std::string Question(const std::string& table, const std::string& condition) {
    return "SELECT count(*), sum(id), min(id), max(id), min(d), max(d), min(p), max(p), "
           "bit_xor(hash(id, s)) FROM " +
           table + " WHERE " + condition;
  }
  static std::string Count(const std::string& table, const std::string& condition) {
    return "SELECT count(*) FROM " + table + " WHERE " + condition;
  }
  void Compare(const std::vector<std::string>& conditions, const std::string& where) {
    for (const std::string& condition : conditions) {
      const std::string expected = Ask(Question("memory.main.same", condition));
      EXPECT_EQ(expected.find("ERROR"), std::string::npos) << condition << "\n" << expected;
      EXPECT_EQ(Ask(Question("t", condition)), expected) << where << " " << condition;
      EXPECT_EQ(Ask(Count("t", condition)), Ask(Count("memory.main.same", condition)))
          << where << " " << condition;
    }
  }

  void MakeTable() {
    Run("CREATE TABLE t (id BIGINT, p INTEGER, s VARCHAR, f DOUBLE, ts TIMESTAMPTZ, wall "
        "TIMESTAMP, d DATE, st STRUCT(a BIGINT, b VARCHAR), m DECIMAL(10, 2)) PARTITIONED BY (p) "
        "WITH ('delta.checkpointInterval' = '4')");
    const std::string tail = ", {'a': 5, 'b': 'x'}, 1.25)";
    const auto times = [](const std::string& ts) {
      return "TIMESTAMPTZ '" + ts + "+00', TIMESTAMP '" + ts + "', CAST(TIMESTAMP '" + ts +
             "' AS DATE)";
    };
    // The hours in which clocks change, turns of years, and parts of milliseconds.
    int id = 0;
    for (const std::string ts :
         {"2026-03-08 06:59:59.999999", "2026-03-08 07:00:00", "2026-03-08 10:00:00.000001",
          "2026-11-01 05:30:00", "2026-11-01 06:30:00", "2026-03-29 00:59:59.9999",
          "2025-12-31 23:59:59.999999", "2026-01-01 00:00:00", "2025-12-31 09:59:59.999",
          "2026-01-01 12:00:00.000999", "1969-12-31 23:59:59.999999", "1883-11-18 17:00:00",
          "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "2024-02-29 12:00:00"}) {
      ++id;
      Run("INSERT INTO t VALUES (" + std::to_string(id) + ", " + std::to_string(id % 3) + ", 'k" +
          std::to_string(id) + "', " + std::to_string(id) + ".5, " + times(ts) + tail);
    }
    const std::string now = times("2026-06-01 00:00:00");
    // Nulls: all, some, of the partition, of a struct and of its field.
    Run("INSERT INTO t (id) VALUES (50), (51)");
    Run("INSERT INTO t VALUES (52, 1, NULL, 1, " + now + ", NULL, NULL), (53, 1, 'k1', NULL, " +
        now + ", {'a': NULL, 'b': 'y'}, 2)");
    // NaN and infinities.
    for (const std::string f : {"'NaN'", "'Infinity'", "'-Infinity'", "'-0.0'"}) {
      Run("INSERT INTO t VALUES (" + std::to_string(++id + 60) + ", 2, 'f', " + f + "::DOUBLE, " +
          now + tail);
    }
    Run("INSERT INTO t VALUES (90, 2, 'f', 'NaN', " + now + tail + ", (91, 2, 'f', 3, " + now +
        tail);
    // Texts that statistics cut: of one prefix, at the end of Unicode, with quotes.
    for (const std::string text :
         {"repeat('a', 40) || 'x'", "repeat('a', 40) || 'y'", "repeat('a', 32)",
          "repeat(chr(1114111), 40)", "repeat('é', 31) || '😀z'", "'a'', ''b'", "''", "'1'"}) {
      Run("INSERT INTO t VALUES (" + std::to_string(++id + 100) + ", 0, " + text + ", 7, " + now +
          tail);
    }
    // No statistics, though the values are as the others'.
    Run("INSERT INTO t VALUES (200, 1, 'k3', 3.5, " + times("2026-03-08 07:30:00") + tail);
    const std::string version = Ask("SELECT max(version) FROM delta_history('t')");
    ForgetStatistics("silver/t", std::stoi(version));
    Open();
    // Deletion vectors: the rows that made the bounds are gone.
    Run("INSERT INTO t SELECT 300 + r, 5, 'v' || r, r, " + now +
        ", {'a': r, 'b': 'z'}, r FROM range(20) r(r)");
    Run("DELETE FROM t WHERE id IN (300, 301, 319)");
    // A column that most files lack.
    Run("ALTER TABLE t ADD COLUMN late BIGINT");
    Run("INSERT INTO t VALUES (400, 1, 'k1', 1, " + now +
        ", {'a': 1, 'b': 'x'}, 1, 10), (401, "
        "1, 'k1', 1, " +
        now + ", {'a': 1, 'b': 'x'}, 1, NULL)");
    Run("INSERT INTO t VALUES (402, 7, 'k1', 1, " + now + ", {'a': 1, 'b': 'x'}, 1, 11)");
  }
  void CopyOut() { Run("CREATE OR REPLACE TABLE memory.main.same AS SELECT * FROM t"); }
};

std::vector<std::string> NumberConditions() {
  return {
      "p = 1",
      "p <> 1",
      "p IS NULL",
      "p IS NOT NULL",
      "p IN (0, 7)",
      "p NOT IN (0, 7)",
      "NOT (p = 5)",
      "p > 1 OR p IS NULL",
      "p = 5 AND id >= 300",
      "p = 5 AND id < 319",
      "p IS DISTINCT FROM 1",
      "p IS NOT DISTINCT FROM NULL",
      "p = 99",
      "f = 'NaN'::DOUBLE",
      "f <> 'NaN'::DOUBLE",
      "f > 1e308",
      "f >= 3",
      "f < 3",
      "f <= 3",
      "NOT (f > 3)",
      "f = 0",
      "f < 0",
      "f IS NULL",
      "f = 'Infinity'::DOUBLE",
      "f IN (7, 3)",
      "f BETWEEN 3 AND 8",
      "p = 2 AND f >= 3",
      "p = 2 AND NOT (f <= 3)",
  };
}

std::vector<std::string> TextConditions() {
  return {
      "s = repeat('a', 32)",
      "s > repeat('a', 32)",
      "s <= repeat('a', 32)",
      "s = repeat('a', 40) || 'y'",
      "s >= repeat('a', 40) || 'y'",
      "s < repeat('a', 40) || 'y'",
      "s LIKE 'aaaa%'",
      "s LIKE 'k1%'",
      "NOT (s LIKE 'k%')",
      "s > 'zzzz'",
      "s >= chr(1114111)",
      "s = repeat(chr(1114111), 40)",
      "s LIKE 'éé%'",
      "s = ''",
      "s <> ''",
      "s IS NULL",
      "s IN ('a'', ''b')",
      "s IN ('a', 'b')",
      "s IN ('a', 'b') AND s IN ('a'', ''b')",
      "s IN ('a'', ''b', 'k1') AND s IN ('a', 'b', 'k1')",
      "s = '1'",
      "s = 'k3'",
      "s <> 'k3'",
  };
}

std::vector<std::string> NestedAndLateConditions() {
  return {"st.a = 5",
          "st.a IS NULL",
          "st.a IS NOT NULL",
          "st IS NULL",
          "st.b = 'y'",
          "st.a > 17",
          "st.a >= 2 AND p = 5",
          "NOT (st.a = 5)",
          "m = 1.25",
          "m > 1.5",
          "m <= 1.249",
          "m IS NULL",
          "late = 10",
          "late IS NULL",
          "late IS NOT NULL",
          "late > 10",
          "NOT (late = 10)",
          "late = 10 OR p = 1",
          "id >= 0",
          "id > 300",
          "id < 301",
          "id = 319",
          "id IN (1, 200, 318)",
          "id BETWEEN 302 AND 318",
          "id > 40000000000",
          "id IS NOT NULL",
          "p = 1 AND s = 'k1' AND late IS NULL"};
}

std::vector<std::string> PlainConditions() {
  std::vector<std::string> out = NumberConditions();
  for (const auto& more : {TextConditions(), NestedAndLateConditions()}) {
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

std::vector<std::string> TimeConditions() {
  std::vector<std::string> out = {"ts IS NULL", "d IS NULL", "wall IS NOT NULL",
                                  "NOT (CAST(ts AS DATE) IS NULL)"};
  const std::vector<std::string> operators = {"=", "<>", "<", "<=", ">", ">="};
  for (const std::string& op : operators) {
    for (const std::string day : {"2026-03-08", "2025-12-31", "1969-12-31", "0001-01-01"}) {
      for (const std::string column : {"ts", "wall"}) {
        out.push_back("CAST(" + column + " AS DATE) " + op + " DATE '" + day + "'");
      }
      out.push_back("NOT (CAST(ts AS DATE) " + op + " DATE '" + day + "')");
      out.push_back("d " + op + " DATE '" + day + "'");
    }
    for (const std::string year : {"2025", "2026", "1", "9999", "10000"}) {
      for (const std::string column : {"ts", "wall", "d"}) {
        out.push_back("year(" + column + ") " + op + " " + year);
      }
      out.push_back("NOT (year(ts) " + op + " " + year + ")");
    }
    for (const std::string time : {"2026-03-08 07:00:00", "2025-12-31 23:59:59.999999",
                                   "2026-03-08 10:00:00.000001", "1969-12-31 23:59:59.9995"}) {
      out.push_back("ts " + op + " TIMESTAMPTZ '" + time + "+00'");
      out.push_back("wall " + op + " TIMESTAMP '" + time + "'");
    }
  }
  return out;
}

const std::vector<std::string>& Zones() {
  static const std::vector<std::string> zones = {"UTC", "America/New_York", "Pacific/Kiritimati",
                                                 "Asia/Manila", "Asia/Kolkata"};
  return zones;
}

TEST_F(SkippingTruthTest, LogsReadWhole) {
  MakeTable();
  CopyOut();
  Compare(PlainConditions(), "whole");
  for (const char* zone : {"UTC", "America/New_York", "Pacific/Kiritimati"}) {
    Run("SET TimeZone = '" + std::string(zone) + "'");
    Compare(TimeConditions(), zone);
  }
}

TEST_F(SkippingTruthTest, LogsReadInPart) {
  MakeTable();
  auto conditions = PlainConditions();
  for (const std::string more :
       {"CAST(ts AS DATE) = DATE '2026-03-08'", "year(ts) = 2025", "year(d) < 2000"}) {
    conditions.push_back(more);
  }
  Run("SET TimeZone = 'America/New_York'");
  CopyOut();
  std::vector<std::pair<std::string, std::string>> expected;
  for (const std::string& condition : conditions) {
    expected.emplace_back(Ask(Question("memory.main.same", condition)),
                          Ask(Count("memory.main.same", condition)));
  }
  for (size_t i = 0; i < conditions.size(); ++i) {
    OpenDeferring();
    Run("SET TimeZone = 'America/New_York'");
    EXPECT_EQ(Ask(Question("t", conditions[i])), expected[i].first) << conditions[i];
    EXPECT_EQ(Ask(Count("t", conditions[i])), expected[i].second) << conditions[i];
  }
}

TEST_F(SkippingTruthTest, DeletesOfWholeFiles) {
  const std::vector<std::string> conditions = {"p = 5",
                                               "p <> 1",
                                               "f >= 3",
                                               "s <= repeat('a', 40)",
                                               "late IS NULL",
                                               "NOT (f <= 3)",
                                               "year(d) <= 2025",
                                               "CAST(ts AS DATE) < DATE '2026-01-01'",
                                               "st.a IS NULL",
                                               "id > 250",
                                               "s IN ('a'', ''b', 'k1') AND s IN ('a', 'b', 'k1')"};
  MakeTable();
  CopyOut();
  for (const std::string& condition : conditions) {
    Run("BEGIN");
    Run("DELETE FROM t WHERE " + condition);
    const std::string rest = Ask(Question("t", "true"));
    Run("ROLLBACK");
    EXPECT_EQ(rest, Ask(Question("memory.main.same", "(" + condition + ") IS NOT TRUE")))
        << condition;
  }
}

TEST_F(SkippingTruthTest, GeneratedDaysAndYearsOfAnyZone) {
  Run("CREATE TABLE t (id BIGINT, s VARCHAR, d DATE, ts TIMESTAMPTZ, p INTEGER, day DATE "
      "GENERATED ALWAYS AS (CAST(ts AS DATE))) PARTITIONED BY (day)");
  Run("CREATE TABLE y (id BIGINT, ts TIMESTAMP, year BIGINT GENERATED ALWAYS AS (year(ts))) "
      "PARTITIONED BY (year)");
  int id = 0;
  for (const std::string& zone : Zones()) {
    Run("SET TimeZone = '" + zone + "'");
    for (const std::string ts : {"2026-03-08 06:59:59.999999", "2026-03-08 23:30:00",
                                 "2025-12-31 23:59:59.999999", "1969-12-31 12:00:00"}) {
      Run("INSERT INTO t (id, ts) VALUES (" + std::to_string(++id) + ", TIMESTAMPTZ '" + ts +
          "+00')");
      Run("INSERT INTO y (id, ts) VALUES (" + std::to_string(id) + ", TIMESTAMP '" + ts + "')");
    }
  }
  Run("INSERT INTO t (id) VALUES (100)");
  Run("INSERT INTO y (id) VALUES (100)");
  CopyOut();
  Run("CREATE TABLE memory.main.years AS SELECT * FROM y");
  for (const std::string& zone : Zones()) {
    Run("SET TimeZone = '" + zone + "'");
    for (const std::string op : {"=", "<", "<=", ">", ">=", "<>"}) {
      for (const std::string ts : {"2026-03-08 06:59:59.999999", "2026-03-09 00:00:00",
                                   "2025-12-31 23:59:59.999999", "1970-01-01 00:00:00"}) {
        Compare({"ts " + op + " TIMESTAMPTZ '" + ts + "+00'"}, zone);
        const std::string condition = " WHERE ts " + op + " TIMESTAMP '" + ts + "'";
        EXPECT_EQ(Ask("SELECT count(*), sum(id) FROM y" + condition),
                  Ask("SELECT count(*), sum(id) FROM memory.main.years" + condition))
            << condition;
      }
    }
  }
}

}  // namespace
}  // namespace tarn::duck
