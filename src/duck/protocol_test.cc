// Features of the protocol as SQL meets them: what other writers leave in the log, two writers of
// one identity column, row ids of files that have none.
#include <nlohmann/json.hpp>

#include "duck/duck_fixture.h"

namespace tarn::duck {
namespace {

using nlohmann::json;

class ProtocolTest : public DuckTest {
 protected:
  std::string LogOf(const std::string& table, int version) {
    char name[32];
    std::snprintf(name, sizeof name, "%020d.json", version);
    return "silver/" + table + "/_delta_log/" + name;
  }
  std::vector<json> Commit(const std::string& table, int version) {
    std::ifstream in(fs::path(root_) / LogOf(table, version));
    std::vector<json> actions;
    for (std::string line; std::getline(in, line);) actions.push_back(json::parse(line));
    return actions;
  }
  json Action(const std::string& table, int version, const char* kind) {
    for (const json& action : Commit(table, version)) {
      if (action.contains(kind)) return action[kind];
    }
    return json();
  }
  // The next commit of a table: its metaData as `change` leaves it.
  template <typename Change>
  void Rewrite(const std::string& table, int version, const Change& change) {
    json metadata = Action(table, 0, "metaData");
    json schema = json::parse(metadata["schemaString"].get<std::string>());
    change(metadata, schema);
    metadata["schemaString"] = schema.dump();
    Write(LogOf(table, version), json{{"metaData", metadata}}.dump() + "\n");
  }
};

TEST_F(ProtocolTest, FilesOfAShallowCloneAreReadWhereTheyLie) {
  Run("CREATE TABLE source (id BIGINT, v VARCHAR)");
  Run("INSERT INTO source VALUES (1, 'a'), (2, 'b')");
  Run("CREATE TABLE clone (id BIGINT, v VARCHAR)");
  json add = Action("source", 1, "add");
  add["path"] = "file://" + (fs::path(root_) / "silver/source").string() + "/" +
                add["path"].get<std::string>();
  Write(LogOf("clone", 1), json{{"add", add}}.dump() + "\n");
  EXPECT_EQ(Ask("SELECT * FROM clone ORDER BY id"), "1|a;2|b");
  Run("DELETE FROM clone WHERE id = 1");
  Run("INSERT INTO clone VALUES (3, 'c')");
  EXPECT_EQ(Ask("SELECT * FROM clone ORDER BY id"), "2|b;3|c");
  EXPECT_EQ(Ask("SELECT * FROM source ORDER BY id"), "1|a;2|b");
}

TEST_F(ProtocolTest, ColumnInvariantsAreEnforced) {
  Run("CREATE TABLE t (id BIGINT)");
  Rewrite("t", 1, [](json&, json& schema) {
    schema["fields"][0]["metadata"]["delta.invariants"] =
        R"({"expression":{"expression":"id > 3"}})";
  });
  EXPECT_NE(Error("INSERT INTO t VALUES (4), (3)").find("invariant of column 'id'"),
            std::string::npos);
  EXPECT_NE(Error("INSERT INTO t VALUES (NULL)").find("invariant of column 'id'"),
            std::string::npos);
  Run("INSERT INTO t VALUES (4)");
  EXPECT_EQ(Ask("SELECT * FROM t"), "4");
}

TEST_F(ProtocolTest, VoidColumnsAreNullAndNeverStored) {
  Run("CREATE TABLE t (id BIGINT)");
  Rewrite("t", 1, [](json&, json& schema) {
    schema["fields"].push_back(
        {{"name", "n"}, {"type", "void"}, {"nullable", true}, {"metadata", json::object()}});
  });
  Run("INSERT INTO t VALUES (1, NULL)");
  Run("INSERT INTO t (id) VALUES (2)");
  Run("UPDATE t SET id = 10 WHERE id = 1");
  EXPECT_EQ(Ask("SELECT id, n IS NULL FROM t ORDER BY id"), "2|true;10|true");
  const std::string file = Action("t", 2, "add")["path"];
  EXPECT_EQ(Ask("SELECT count(*) FROM parquet_schema('" + root_ + "/silver/t/" + file +
                "') WHERE name = 'n'"),
            "0");
}

TEST_F(ProtocolTest, DefaultsInWordsOfAnotherEngineAreNotTakenForNull) {
  Run("CREATE TABLE t (id BIGINT, v VARCHAR)");
  Rewrite("t", 1, [](json&, json& schema) {
    schema["fields"][1]["metadata"]["CURRENT_DEFAULT"] = "concat('a',";
  });
  const std::string error = Error("INSERT INTO t (id) VALUES (1)");
  EXPECT_NE(error.find("default of column 'v'"), std::string::npos) << error;
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "0");
}

TEST_F(ProtocolTest, GenerationExpressionsThatCannotBeEvaluatedAreRefused) {
  Run("CREATE TABLE t (id BIGINT, v VARCHAR)");
  Rewrite("t", 1, [](json&, json& schema) {
    schema["fields"][1]["metadata"]["delta.generationExpression"] = "their_function(id)";
  });
  const std::string error = Error("INSERT INTO t (id) VALUES (1)");
  EXPECT_NE(error.find("generated column 'v' (their_function(id)) of table silver.t"),
            std::string::npos)
      << error;
  EXPECT_EQ(Ask("SELECT count(*) FROM t"), "0");
}

TEST_F(ProtocolTest, TwoWritersOfOneIdentityColumnConflict) {
  Run("CREATE TABLE t (id BIGINT, v VARCHAR) WITH ('tarn.column.id.identity' = 'always 1 1')");
  duckdb::Connection other(*db_);
  AskOn(other, "USE lake.silver");
  Run("BEGIN");
  AskOn(other, "BEGIN");
  Run("INSERT INTO t (v) VALUES ('a'), ('b')");
  ASSERT_EQ(AskOn(other, "INSERT INTO t (v) VALUES ('c')"), "1");
  Run("COMMIT");
  EXPECT_NE(AskOn(other, "COMMIT").find("metadata"), std::string::npos);
  ASSERT_EQ(AskOn(other, "INSERT INTO t (v) VALUES ('c')"), "1");
  EXPECT_EQ(Ask("SELECT id, v FROM t ORDER BY id"), "1|a;2|b;3|c");
  const json schema = json::parse(Action("t", 2, "metaData")["schemaString"].get<std::string>());
  EXPECT_EQ(schema["fields"][0]["metadata"]["delta.identity.highWaterMark"], 3);
}

TEST_F(ProtocolTest, MarksBeyondTheFirstNumberGoOnFromThere) {
  Run("CREATE TABLE t (id BIGINT, v VARCHAR) WITH ('tarn.column.id.identity' = 'default 10 5')");
  Rewrite("t", 1, [](json&, json& schema) {
    schema["fields"][0]["metadata"]["delta.identity.highWaterMark"] = 27;
  });
  Run("INSERT INTO t (v) VALUES ('a'), ('b')");
  EXPECT_EQ(Ask("SELECT id FROM t ORDER BY id"), "30;35");
}

TEST_F(ProtocolTest, RowIdsOfFilesWithoutAnyAreNull) {
  Run("CREATE TABLE t (id BIGINT)");
  Run("CALL tarn_set_properties('silver.t', MAP {'delta.feature.rowTracking': 'supported'})");
  Run("INSERT INTO t VALUES (1), (2)");
  EXPECT_NE(Error("SELECT row_id FROM t"), "") << "supported is not switched on";
  Run("CALL tarn_set_properties('silver.t', MAP {'delta.enableRowTracking': 'true'})");
  EXPECT_EQ(Ask("SELECT row_id, row_commit_version, id FROM t ORDER BY id"), "0|2|1;1|2|2");
  Run("BEGIN");
  Run("INSERT INTO t VALUES (3)");
  EXPECT_EQ(Ask("SELECT row_id, id FROM t ORDER BY id"), "0|1;1|2;NULL|3");
  Run("UPDATE t SET id = 30 WHERE id = 3");
  Run("COMMIT");
  EXPECT_EQ(Ask("SELECT id, row_commit_version FROM t ORDER BY id"), "1|2;2|2;30|4");
  EXPECT_EQ(Ask("SELECT count(DISTINCT row_id) FROM t"), "3");
  const json info = Action("t", 4, "commitInfo");
  EXPECT_EQ(info["tags"]["delta.rowTracking.preserved"], "true");
}

TEST_F(ProtocolTest, RowTrackingSwitchedOnLaterReachesEveryRow) {
  Run("CREATE TABLE t (id BIGINT)");
  Run("INSERT INTO t SELECT * FROM range(10)");
  Run("INSERT INTO t SELECT * FROM range(10, 20)");
  Run("DELETE FROM t WHERE id % 7 = 0");
  Run("CALL tarn_set_properties('silver.t', MAP {'delta.enableRowTracking': 'true'})");
  EXPECT_EQ(Ask("SELECT count(*), count(DISTINCT row_id), min(row_commit_version) FROM t"),
            "17|17|4");
  const std::string before = Ask("SELECT id, row_id FROM t ORDER BY id");
  Run("CALL tarn_set_properties('silver.t', MAP {'delta.enableDeletionVectors': 'false'})");
  Run("UPDATE t SET id = id WHERE id = 3");
  EXPECT_EQ(Ask("SELECT id, row_id FROM t ORDER BY id"), before) << "copied rows keep their ids";
}

TEST_F(ProtocolTest, V2CheckpointsAreWrittenAndRead) {
  Run("CREATE TABLE t (id BIGINT) WITH ('delta.checkpointPolicy' = 'v2', "
      "'delta.checkpointInterval' = '3')");
  for (int i = 0; i < 7; ++i) Run("INSERT INTO t VALUES (" + std::to_string(i) + ")");
  const fs::path log = fs::path(root_) / "silver/t/_delta_log";
  int tops = 0;
  for (const auto& entry : fs::directory_iterator(log)) {
    const std::string name = entry.path().filename();
    if (name.find(".checkpoint.") == std::string::npos) continue;
    ++tops;
    EXPECT_TRUE(name.ends_with(".json")) << name;
  }
  EXPECT_EQ(tops, 2);
  EXPECT_FALSE(fs::is_empty(log / "_sidecars"));
  for (int version = 0; version < 6; ++version) fs::remove(fs::path(root_) / LogOf("t", version));
  Open();
  EXPECT_EQ(Ask("SELECT count(*), sum(id) FROM t"), "7|21");
}

TEST_F(ProtocolTest, VariantsAreWrittenAsTwoBinaryFields) {
  Run("CREATE TABLE t (id BIGINT, v VARIANT)");
  Run("INSERT INTO t VALUES (1, 5::VARIANT), (2, 'x'::VARIANT), (3, {'a': [1, 2]}::VARIANT), (4, "
      "NULL)");
  Run("UPDATE t SET id = 30 WHERE id = 3");
  EXPECT_EQ(Ask("SELECT id, v FROM t ORDER BY id"), "1|5;2|x;4|NULL;30|{'a': [1, 2]}");
  const std::string file = Action("t", 1, "add")["path"];
  EXPECT_EQ(Ask("SELECT name, type FROM parquet_schema('" + root_ + "/silver/t/" + file +
                "') WHERE name IN ('metadata', 'value', 'typed_value') ORDER BY name"),
            "metadata|BYTE_ARRAY;value|BYTE_ARRAY");
  EXPECT_NE(Error("CREATE TABLE bad (id BIGINT, s STRUCT(v VARIANT))")
                .find("column 's' holds a "
                      "VARIANT"),
            std::string::npos);
}

}  // namespace
}  // namespace tarn::duck
