#include <gtest/gtest.h>

#include "transform/run/compiler.h"
#include "transform/run/materialize.h"
#include "transform/run/microbatch.h"
#include "transform/run/node_runner.h"
#include "transform/run/seed.h"

namespace tarn::transform {
namespace {

TEST(Compiler, CtesGoIntoTheQuerysOwnWith) {
  EXPECT_EQ(InjectCtes("select 1", {" a as (x)"}), "with a as (x)select 1");
  EXPECT_EQ(InjectCtes("-- c\nWITH b as (y) select 1", {" a as (x)"}),
            "-- c\nWITH a as (x), b as (y) select 1");
  EXPECT_EQ(InjectCtes("with recursive b as (y) select 1", {" a as (x)"}),
            "with recursive a as (x), b as (y) select 1");
  EXPECT_EQ(InjectCtes("select 1", {}), "select 1");
}

TEST(Compiler, ErrorsPointAtTheModelsOwnLine) {
  Node node;
  node.original_file_path = "models/a.sql";
  node.raw_code = "{% set x = 1 %}\n{{ macro() }}\nselect\n  nonsense\nfrom t";
  node.compiled_code = "\nline one\nline two\nselect\n  nonsense\nfrom t";
  EXPECT_EQ(SourceLineOf(node, 5), 4u);
  EXPECT_EQ(ExplainSqlError(node, "compiled:6:3: no such column"),
            "models/a.sql:4: no such column");
}

TEST(Seed, TypesAreAgates) {
  const auto csv = ParseCsv(
      "a,b,c,d,e,f,g\n1,1.5,2026-01-02,2026-01-02 03:04:05,true,x,\n"
      "\"1,000\",2,,,False,\"1\n2\",null\n",
      "s.csv", ',');
  ASSERT_TRUE(csv.ok()) << csv.status().message();
  std::string types;
  for (const SeedColumn& column : InferTypes(*csv)) types += column.type + " ";
  EXPECT_EQ(types, "integer float8 date timestamp boolean text integer ");
  EXPECT_EQ(csv->rows[1][5], "1\n2");
  EXPECT_FALSE(ParseCsv("a,b\n1\n", "s.csv", ',').ok());
  EXPECT_FALSE(ParseCsv("a\n\"1\n", "s.csv", ',').ok());
}

TEST(Microbatch, BatchesAreAligned) {
  const auto time = [](const char* text) { return *ParseBatchTimestamp(text); };
  const auto batches = BatchesBetween("month", time("2026-01-15"), time("2026-03-02"));
  ASSERT_TRUE(batches.ok());
  ASSERT_EQ(batches->size(), 3u);
  EXPECT_EQ(BatchTimestamp((*batches)[0].start_micros), "2026-01-01 00:00:00");
  EXPECT_EQ(BatchTimestamp((*batches)[2].end_micros), "2026-04-01 00:00:00");
  EXPECT_EQ(BatchTimestamp(ShiftBatch("day", time("2026-01-01T05:00:00"), -1)),
            "2025-12-31 00:00:00");
  EXPECT_FALSE(BatchesBetween("week", 0, 1).ok());
}

TEST(Tests, SeverityAndThresholds) {
  Node node;
  node.config = {{"severity", "warn"}, {"warn_if", ">1"}, {"error_if", ">5"}};
  NodeResult result;
  JudgeTest(node, 6, true, true, result);
  EXPECT_EQ(result.status, NodeStatus::kWarn);
  node.config["severity"] = "error";
  JudgeTest(node, 6, true, true, result);
  EXPECT_EQ(result.status, NodeStatus::kFail);
  EXPECT_EQ(result.message, "Got 6 results, configured to fail if >5");
  JudgeTest(node, 3, true, false, result);
  EXPECT_EQ(result.status, NodeStatus::kWarn);
  EXPECT_EQ(result.failures, 3);
  JudgeTest(node, 1, false, false, result);
  EXPECT_EQ(result.status, NodeStatus::kPass);
  EXPECT_EQ(result.failures, 0);  // rows under the threshold are no failures
}

TEST(Partitions, AreNamesListsOrMappings) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(ColumnNames(Json("a, b")), (Names{"a", "b"}));
  EXPECT_EQ(ColumnNames(Json({"a", "b"})), (Names{"a", "b"}));
  EXPECT_EQ(ColumnNames(Json({{"field", "day"}, {"data_type", "date"}})), (Names{"day"}));
}

}  // namespace
}  // namespace tarn::transform
