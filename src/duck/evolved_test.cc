// Files older than the schema of their table: missing fields, narrower types, and filters on both.
#include <nlohmann/json.hpp>

#include "duck/duck_fixture.h"

namespace tarn::duck {
namespace {

class EvolvedTest : public DuckTest {
 protected:
  // A table whose files know less, and narrower, columns than its schema.
  void SetUp() override {
    DuckTest::SetUp();
    Run("CREATE TABLE t (id INTEGER, s STRUCT(a INTEGER, n STRUCT(x INTEGER)), l STRUCT(a "
        "INTEGER)[], m "
        "MAP(VARCHAR, STRUCT(a INTEGER)), w SMALLINT, f FLOAT, d DECIMAL(5,2), dt DATE, i INTEGER, "
        "j "
        "INTEGER)");
    Run("INSERT INTO t VALUES (1, {'a': 1, 'n': {'x': 7}}, [{'a': 1}, NULL, {'a': 2}], MAP {'k': "
        "{'a': "
        "5}}, 3, 1.5, 1.25, '2024-01-01', 7, 8), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "
        "NULL, "
        "NULL), (3, {'a': NULL, 'n': NULL}, [], MAP {}, -5, -0.5, -9.99, '1999-12-31', -1, -2)");
    using nlohmann::json;
    std::ifstream in(fs::path(root_) / "silver/t/_delta_log/00000000000000000000.json");
    std::string line;
    json metadata;
    while (std::getline(in, line)) {
      const json action = json::parse(line);
      if (action.contains("metaData")) metadata = action["metaData"];
    }
    json schema = json::parse(metadata["schemaString"].get<std::string>());
    const auto column = [&](const char* name) -> json& {
      for (auto& field : schema["fields"]) {
        if (field["name"] == name) return field;
      }
      throw std::runtime_error(name);
    };
    const auto field = [](const char* name, const char* type) {
      return json{{"name", name}, {"type", type}, {"nullable", true}, {"metadata", json::object()}};
    };
    auto& s_fields = column("s")["type"]["fields"];
    s_fields[1]["type"]["fields"].push_back(field("y", "long"));
    s_fields[1]["type"]["fields"][0]["type"] = "long";
    s_fields.insert(s_fields.begin(), field("z", "string"));
    column("l")["type"]["elementType"]["fields"].push_back(field("b", "string"));
    auto& m_fields = column("m")["type"]["valueType"]["fields"];
    m_fields.insert(m_fields.begin(), field("b", "integer"));
    column("w")["type"] = "long";
    column("f")["type"] = "double";
    column("d")["type"] = "decimal(12,4)";
    column("dt")["type"] = "timestamp_ntz";
    column("i")["type"] = "double";
    column("j")["type"] = "decimal(20,3)";
    metadata["schemaString"] = schema.dump();
    Write("silver/t/_delta_log/00000000000000000002.json",
          json{{"metaData", metadata}}.dump() + "\n");
  }
};

TEST_F(EvolvedTest, MissingFieldsAreNullAndWidenedOnesAreCast) {
  EXPECT_EQ(
      Ask("SELECT s, l, m FROM t ORDER BY id"),
      "{'z': NULL, 'a': 1, 'n': {'x': 7, 'y': NULL}}|[{'a': 1, 'b': NULL}, NULL, {'a': 2, 'b': "
      "NULL}]|{k={'b': NULL, 'a': 5}};NULL|NULL|NULL;{'z': NULL, 'a': NULL, 'n': NULL}|[]|{}");
  EXPECT_EQ(
      Ask("SELECT w, f, d, dt, i, j FROM t ORDER BY id"),
      "3|1.5|1.2500|2024-01-01 00:00:00|7.0|8.000;NULL|NULL|NULL|NULL|NULL|NULL;-5|-0.5|-9.9900|"
      "1999-12-31 00:00:00|-1.0|-2.000");
  EXPECT_EQ(Ask("SELECT s.z, s.n.y, s.n.x FROM t ORDER BY id"),
            "NULL|NULL|7;NULL|NULL|NULL;NULL|NULL|NULL");
}

TEST_F(EvolvedTest, FiltersOnThemKeepTheRightRows) {
  const auto ids = [&](const std::string& where) {
    return Ask("SELECT coalesce(string_agg(id, ',' ORDER BY id), '') FROM t WHERE " + where);
  };
  EXPECT_EQ(ids("s.n.x = 7"), "1");
  EXPECT_EQ(ids("s.z = 'q'"), "");
  EXPECT_EQ(ids("s.z IS NULL"), "1,2,3");
  EXPECT_EQ(ids("s.n.y IS NOT NULL"), "");
  EXPECT_EQ(ids("s IS NULL"), "2");
  EXPECT_EQ(ids("w = 3"), "1");
  EXPECT_EQ(ids("w > 100000"), "");
  EXPECT_EQ(ids("w < 100000"), "1,3");
  EXPECT_EQ(ids("f >= 1.5"), "1");
  EXPECT_EQ(ids("d = 1.25"), "1");
  EXPECT_EQ(ids("d > 1.2499"), "1");
  EXPECT_EQ(ids("dt < TIMESTAMP '2000-01-01'"), "3");
  EXPECT_EQ(ids("dt >= TIMESTAMP '2024-01-01 00:00:00.000001'"), "");
  EXPECT_EQ(ids("i IN (7.0, 9.5)"), "1");
  EXPECT_EQ(ids("j = 8"), "1");
  EXPECT_EQ(ids("j > -2.5"), "1,3");
  EXPECT_EQ(ids("j > 7.5"), "1");
  EXPECT_EQ(ids("j <= -1.6"), "3");
  EXPECT_EQ(ids("i < 6.6"), "3");
  EXPECT_EQ(ids("d BETWEEN 1.2499 AND 1.2501"), "1");
  EXPECT_EQ(ids("d IN (1.25, 1.2501)"), "1");
  EXPECT_EQ(ids("d IS NULL"), "2");
  EXPECT_EQ(ids("s.n.x < 8"), "1");
  Run("CREATE TEMP TABLE keys AS SELECT 1.2501::DECIMAL(12,4) AS d UNION ALL SELECT 1.2500");
  EXPECT_EQ(Ask("SELECT string_agg(id, ',') FROM t JOIN keys USING (d)"), "1");
  EXPECT_EQ(Ask("SELECT id FROM t ORDER BY d DESC NULLS LAST LIMIT 1"), "1");
}

}  // namespace
}  // namespace tarn::duck
