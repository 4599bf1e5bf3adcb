#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "transform/project/blocks.h"
#include "transform/project/config.h"
#include "transform/project/parser.h"
#include "transform/project/selector.h"
#include "transform/project/yaml.h"

namespace tarn::transform {
namespace {

namespace fs = std::filesystem;

TEST(Yaml, ReadsScalarsAsPyYamlDoes) {
  const auto tree = ParseYaml(
      "a: yes\nb: 010\nc: 1_000\nd: 1e3\ne: 1.5e+3\nf: '1'\ng: ~\nh: 1:30\ni: 2026-01-01\n", "f");
  ASSERT_TRUE(tree.ok()) << tree.status().message();
  EXPECT_EQ(
      tree->dump(),
      R"({"a":true,"b":8,"c":1000,"d":"1e3","e":1500.0,"f":"1","g":null,"h":90,"i":"2026-01-01"})");
}

TEST(Yaml, AnchorsAndMerges) {
  const auto tree = ParseYaml("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\n", "f");
  ASSERT_TRUE(tree.ok());
  EXPECT_EQ((*tree)["y"]["a"], 1);
  EXPECT_EQ((*tree)["y"]["b"], 3);
}

TEST(Yaml, ErrorsNameFileAndLine) {
  const auto tree = ParseYaml("a: 1\nb: [1, 2\nc: 3\n", "models/schema.yml");
  ASSERT_FALSE(tree.ok());
  EXPECT_TRUE(tree.status().message().starts_with("models/schema.yml:3:"))
      << tree.status().message();
  EXPECT_EQ(YamlLine("a: 1\nb:\n  - c: 2\n    d: 3\n", {"b", "0", "d"}), 4u);
}

TEST(Config, AppendsMergesAndReplaces) {
  Json into = {{"tags", {"a"}}, {"meta", {{"x", 1}}}, {"materialized", "view"}};
  MergeConfig(
      into,
      {{"tags", "b"}, {"meta", {{"y", 2}}}, {"materialized", "table"}, {"pre_hook", "select 1"}});
  EXPECT_EQ(into["tags"], Json({"a", "b"}));
  EXPECT_EQ(into["meta"], Json({{"x", 1}, {"y", 2}}));
  EXPECT_EQ(into["materialized"], "table");
  EXPECT_EQ(into["pre-hook"][0]["sql"], "select 1");
}

TEST(Config, LevelsFollowThePathAndThePlus) {
  const Json block = Json::parse(R"({"+tags": ["root"], "shop": {"materialized": "table",
      "staging": {"+materialized": "view", "+meta": {"layer": "s"}}}})");
  const auto levels = ConfigLevels(block, {"shop", "staging", "stg_a"});
  ASSERT_EQ(levels.size(), 3u);
  EXPECT_EQ(levels[0]["tags"], Json({"root"}));
  EXPECT_EQ(levels[1]["materialized"], "table");
  EXPECT_EQ(levels[2]["materialized"], "view");
  EXPECT_EQ(levels[2]["meta"], Json({{"layer", "s"}}));
}

TEST(Blocks, AreCutOutBeforeJinjaSeesThem) {
  const auto blocks = FindTextBlocks(
      "{# {% docs no %} #}\n{% docs yes %}\nText {{ x\n{% enddocs %}", "docs", "a.md");
  ASSERT_TRUE(blocks.ok());
  ASSERT_EQ(blocks->size(), 1u);
  EXPECT_EQ((*blocks)[0].name, "yes");
  EXPECT_EQ((*blocks)[0].body, "\nText {{ x\n");
  EXPECT_FALSE(FindTextBlocks("{% docs open %}", "docs", "a.md").ok());
}

TEST(Selector, GlobsAreFnmatchs) {
  EXPECT_TRUE(GlobMatches("stg_*", "stg_orders"));
  EXPECT_TRUE(GlobMatches("a[0-9]?c", "a1bc"));
  EXPECT_FALSE(GlobMatches("a[!0-9]c", "a1c"));
  EXPECT_FALSE(GlobMatches("stg", "stg_orders"));
}

// A project of a few files in a folder of its own.
class ProjectTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("tarn-project-" + std::to_string(::getpid()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    Write("dbt_project.yml",
          "name: shop\nprofile: shop\nmodels:\n  shop:\n    +materialized: table\n");
    Write("profiles.yml", "shop: {target: dev, outputs: {dev: {type: duckdb, path: x.duckdb}}}\n");
    Write("models/a.sql", "select 1 as id");
    Write("models/b.sql",
          "{{ config(tags=['t'], materialized='view') }} select * from {{ ref('a') }}");
    Write("models/c.sql", "select * from {{ ref('b') }}");
    Write("models/schema.yml",
          "models:\n  - name: a\n    columns: [{name: id, tests: [unique, not_null]}]\n");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path) << text;
  }
  Result<std::unique_ptr<ParsedProject>> Parse() {
    ParseOptions options;
    options.project_dir = folder_.string();
    options.target.profiles_dir = folder_.string();
    return ParseProject(options);
  }
  std::string Failure() {
    const auto parsed = Parse();
    return parsed.ok() ? "" : parsed.status().message();
  }

  fs::path folder_;
};

TEST_F(ProjectTest, ParsesModelsTestsAndGraph) {
  const auto parsed = Parse();
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  const Manifest& manifest = (*parsed)->manifest;
  const Node* b = manifest.Find("model.shop.b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->Materialized(), "view");
  EXPECT_EQ(b->tags, std::vector<std::string>{"t"});
  EXPECT_EQ(b->depends_on_nodes, std::vector<std::string>{"model.shop.a"});
  EXPECT_EQ(manifest.Find("model.shop.a")->primary_key, std::vector<std::string>{"id"});
  // dbt's own hash of this test.
  EXPECT_NE(manifest.Find("test.shop.unique_a_id.f6a5f640da"), nullptr)
      << "generic tests must have dbt's unique_ids";
}

TEST_F(ProjectTest, SelectsAlongTheGraph) {
  const auto parsed = Parse();
  ASSERT_TRUE(parsed.ok());
  const NodeSelector selector((*parsed)->manifest, nullptr, nullptr);
  using Words = std::vector<std::string>;
  const auto names = [&](const Words& select, const Words& exclude = {}) {
    SelectionRequest request;
    request.select = select;
    request.exclude = exclude;
    std::set<std::string> found;
    const auto selected = selector.Select(request);
    EXPECT_TRUE(selected.ok()) << selected.status().message();
    if (!selected.ok()) return found;
    for (const Node* node : *selected) {
      if (node->type == ResourceType::kModel) found.insert(node->name);
    }
    return found;
  };
  using Names = std::set<std::string>;
  EXPECT_EQ(names({"b+"}), (Names{"b", "c"}));
  EXPECT_EQ(names({"+b"}), (Names{"a", "b"}));
  EXPECT_EQ(names({"1+c"}), (Names{"b", "c"}));
  EXPECT_EQ(names({"@a"}), (Names{"a", "b", "c"}));
  EXPECT_EQ(names({"tag:t"}), (Names{"b"}));
  EXPECT_EQ(names({"a+,+b"}), (Names{"a", "b"}));
  EXPECT_EQ(names({}, {"path:models/c.sql"}), (Names{"a", "b"}));
  EXPECT_EQ(names({"config.materialized:view", "c"}), (Names{"b", "c"}));
  SelectionRequest wrong;
  wrong.select = {"tga:x"};
  EXPECT_FALSE(selector.Select(wrong).ok());
}

TEST_F(ProjectTest, UnknownRefNamesPlaceAndNearest) {
  Write("models/c.sql", "select *\nfrom {{ ref('bb') }}");
  EXPECT_EQ(Failure(),
            "models/c.sql:2: Model 'model.shop.c' (models/c.sql) depends on a node named "
            "'bb' which was not found; did you mean 'b'?");
}

TEST_F(ProjectTest, CycleIsNamed) {
  Write("models/a.sql", "select * from {{ ref('c') }}");
  EXPECT_NE(Failure().find("Found a cycle: "), std::string::npos);
}

TEST_F(ProjectTest, MistypedKeyNamesLine) {
  Write("models/schema.yml", "models:\n  - name: a\n    colums:\n      - name: id\n");
  EXPECT_EQ(Failure(), "models/schema.yml:3: unknown key 'colums'; did you mean 'columns'?");
}

TEST_F(ProjectTest, DuplicateModelNamesBothFiles) {
  Write("models/sub/a.sql", "select 2 as id");
  const std::string failure = Failure();
  EXPECT_NE(failure.find("models/a.sql"), std::string::npos) << failure;
  EXPECT_NE(failure.find("models/sub/a.sql"), std::string::npos) << failure;
}

}  // namespace
}  // namespace tarn::transform
