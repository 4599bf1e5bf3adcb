// The partial parse: what comes from the cache must be, byte for byte, what a fresh parse gives.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "transform/project/manifest_cache.h"
#include "transform/project/node_codec.h"
#include "transform/run/artifacts.h"

namespace tarn::transform {
namespace {

namespace fs = std::filesystem;

class ManifestCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("tarn-cache-" + std::to_string(::getpid()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    Write("dbt_project.yml",
          "name: shop\nprofile: shop\nvars: {limit: 3}\non-run-start: \"select 1\"\n"
          "models:\n  shop:\n    +materialized: table\n");
    Write("profiles.yml",
          "shop: {target: dev, outputs: {dev: {type: duckdb, path: x.duckdb, schema: \"{{ "
          "env_var('TARN_TEST_SCHEMA', 'main') }}\"}, prod: {type: duckdb, path: y.duckdb}}}\n");
    Write("packages.yml", "packages: [{local: helpers}]\n");
    Write("helpers/dbt_project.yml", "name: helpers\n");
    Write("helpers/macros/twice.sql", "{% macro twice(x) %}{{ x }} * 2{% endmacro %}");
    Write("helpers/models/helper.sql", "select 0 as zero");
    Write("macros/m.sql", "{% macro tag_of() %}{{ return('one') }}{% endmacro %}");
    Write("models/a.sql", "select 1 as id");
    Write("models/b.sql",
          "{{ config(tags=[tag_of(), env_var('TARN_TEST_TAG', 'none')], limit=var('limit')) }} "
          "select {{ helpers.twice('id') }} as id from {{ ref('a') }}");
    Write("models/c.sql", "{{ config(enabled=not flags.FULL_REFRESH) }} select 1 as one");
    Write("models/schema.yml",
          "models:\n  - name: a\n    description: \"{{ doc('about') }}\"\n"
          "    columns: [{name: id, tests: [unique, {accepted_values: {values: [1, 2.5, 'x']}}]}]\n"
          "    config: {meta: {owner: \"{{ env_var('TARN_TEST_OWNER', 'me') }}\"}}\n"
          "sources: [{name: raw, tables: [{name: t, freshness: {warn_after: {count: 1, period: "
          "day}}}]}]\n"
          "exposures: [{name: e, type: dashboard, depends_on: [\"ref('b')\"], owner: {email: "
          "x@y.z}}]\n");
    Write("models/about.md", "{% docs about %}Prose — ünïcode{% enddocs %}");
    Write("seeds/s.csv", "id\n1\n");
  }
  void TearDown() override {
    for (const char* name : {"TARN_TEST_TAG", "TARN_TEST_OWNER", "TARN_TEST_SCHEMA"}) {
      ::unsetenv(name);
    }
    fs::remove_all(folder_);
  }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path, std::ios::binary | std::ios::trunc) << text;
  }

  // How one parse went: the manifest without what tells runs apart, or the error.
  struct Parsed {
    std::string text;
    bool from_cache = false;
  };
  Parsed Parse(bool partial, const std::function<void(ParseOptions&)>& change = {}) {
    ParseOptions options;
    options.project_dir = folder_.string();
    options.target.profiles_dir = folder_.string();
    options.partial_parse = partial;
    if (!partial) options.target_path = "fresh";  // leaves the other's file alone
    options.invocation.flags = Json{{"FULL_REFRESH", false}, {"WHICH", "parse"}};
    if (change) change(options);
    const auto project = ParseProject(options);
    if (!project.ok()) return {project.status().message(), false};
    std::string text = ManifestText(**project);
    return {text.substr(text.find("\"nodes\":")), (*project)->from_cache};
  }
  std::string CacheFile() const { return (folder_ / "target/partial_parse.tarn").string(); }

  fs::path folder_;
};

TEST_F(ManifestCacheTest, TakesWhatDidNotChange) {
  const Parsed first = Parse(true), second = Parse(true), fresh = Parse(false);
  EXPECT_FALSE(first.from_cache);
  EXPECT_TRUE(second.from_cache);
  EXPECT_FALSE(fresh.from_cache);
  EXPECT_NE(first.text.find("model.shop.b"), std::string::npos) << first.text;
  EXPECT_EQ(first.text, second.text);
  EXPECT_EQ(first.text, fresh.text);
  ::setenv("TARN_TEST_UNREAD", "1", 1);
  EXPECT_TRUE(Parse(true).from_cache) << "nothing reads this variable";
  ::unsetenv("TARN_TEST_UNREAD");
  EXPECT_TRUE(Parse(true, [](ParseOptions& o) { o.invocation.flags["WHICH"] = "run"; }).from_cache);
  EXPECT_TRUE(Parse(true, [](ParseOptions& o) { o.target.lake = "/elsewhere"; }).from_cache);
}

TEST_F(ManifestCacheTest, EachKindOfChangeIsSeen) {
  const auto write = [this](const char* path, const char* text) {
    return [this, path, text] { Write(path, text); };
  };
  const std::vector<std::pair<const char*, std::function<void()>>> changes = {
      {"a model", write("models/a.sql", "select 2 as id")},
      {"a macro", write("macros/m.sql", "{% macro tag_of() %}{{ return('two') }}{% endmacro %}")},
      {"a new model", write("models/d.sql", "select * from {{ ref('b') }}")},
      {"a model that is gone", [this] { fs::remove(folder_ / "models/d.sql"); }},
      {"a model that moved",
       [this] {
         fs::create_directories(folder_ / "models/sub");
         fs::rename(folder_ / "models/c.sql", folder_ / "models/sub/c.sql");
       }},
      {"docs", write("models/about.md", "{% docs about %}Other prose{% enddocs %}")},
      {"a schema file", write("models/more.yml", "models: [{name: b, description: more}]\n")},
      {"the same size, another text",
       write("models/more.yml", "models: [{name: b, description: less}]\n")},
      {"a seed", write("seeds/s.csv", "id\n2\n")},
      {"a macro of a package",
       write("helpers/macros/twice.sql", "{% macro twice(x) %}{{ x }} + {{ x }}{% endmacro %}")},
      {"a model of a package", write("helpers/models/helper.sql", "select 1 as zero")},
      {"vars in dbt_project.yml",
       write("dbt_project.yml", "name: shop\nprofile: shop\nvars: {limit: 4}\n")},
      {"configs in dbt_project.yml",
       write("dbt_project.yml",
             "name: shop\nprofile: shop\nvars: {limit: 4}\nmodels: {shop: {+tags: [x]}}\n")},
      {"the profile's schema by the environment", [] { ::setenv("TARN_TEST_SCHEMA", "other", 1); }},
      {"an environment variable in a model", [] { ::setenv("TARN_TEST_TAG", "set", 1); }},
      {"the same, empty", [] { ::setenv("TARN_TEST_TAG", "", 1); }},
      {"the same, unset", [] { ::unsetenv("TARN_TEST_TAG"); }},
      {"an environment variable in YAML", [] { ::setenv("TARN_TEST_OWNER", "you", 1); }},
      {"the profile", write("profiles.yml",
                            "shop: {target: dev, outputs: {dev: {type: duckdb, path: x.duckdb, "
                            "schema: third}}}\n")},
      {"the profile's type", write("profiles.yml",
                                   "shop: {target: dev, outputs: {dev: {type: "
                                   "databricks, path: x, schema: third}}}\n")},
      {"a package that is gone", write("packages.yml", "packages: []\n")},
  };
  Parse(true);
  for (const auto& [what, change] : changes) {
    ASSERT_TRUE(Parse(true).from_cache || what == std::string("a package that is gone"))
        << "before: " << what;
    change();
    const Parsed next = Parse(true), fresh = Parse(false);
    EXPECT_FALSE(next.from_cache) << what;
    EXPECT_EQ(next.text, fresh.text) << what;
    EXPECT_EQ(Parse(true).text, fresh.text) << what;
  }
}

TEST_F(ManifestCacheTest, CommandLinesAreSeen) {
  const std::vector<std::pair<const char*, std::function<void(ParseOptions&)>>> changes = {
      {"--vars",
       [](ParseOptions& o) {
         o.invocation.vars = Json{{"limit", 9}};
       }},
      {"--target", [](ParseOptions& o) { o.target.target = "prod"; }},
      {"a flag a model reads", [](ParseOptions& o) { o.invocation.flags["FULL_REFRESH"] = true; }}};
  for (const auto& [what, change] : changes) {
    Parse(true);
    ASSERT_TRUE(Parse(true).from_cache);
    const Parsed next = Parse(true, change);
    EXPECT_FALSE(next.from_cache) << what;
    EXPECT_EQ(next.text, Parse(false, change).text) << what;
    EXPECT_TRUE(Parse(true, change).from_cache) << what;
    EXPECT_FALSE(Parse(true).from_cache) << "back from " << what;
  }
}

TEST_F(ManifestCacheTest, WhatChangesByItselfIsNeverTaken) {
  for (const char* text :
       {"{{ config(meta={'at': run_started_at}) }} select 1", "select '{{ invocation_id }}'",
        "select '{{ modules.datetime.datetime.now() }}'", "select {{ [1, 2] | random }}",
        "select {{ [1, 2]|random }}", "{% set f = invocation_args_dict %} select 1"}) {
    Write("models/t.sql", text);
    Parse(true);
    EXPECT_FALSE(Parse(true).from_cache) << text;
  }
  Write("models/t.sql", "select random(), '{{ modules.re.sub('a', 'b', 'c') }}'");
  Parse(true);
  EXPECT_TRUE(Parse(true).from_cache);
}

TEST_F(ManifestCacheTest, ADamagedFileIsNone) {
  const std::string right = Parse(true).text;
  std::ifstream in(CacheFile(), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  ASSERT_GT(bytes.size(), 1000u);
  std::mt19937 random(7);
  for (int i = 0; i < 60; ++i) {
    std::string damaged = bytes;
    if (i % 3 == 0) {
      damaged.resize(random() % bytes.size());
    } else {
      damaged[random() % bytes.size()] ^= static_cast<char>(1 + random() % 255);
    }
    std::ofstream(CacheFile(), std::ios::binary | std::ios::trunc) << damaged;
    const Parsed parsed = Parse(true);
    EXPECT_FALSE(parsed.from_cache);
    ASSERT_EQ(parsed.text, right);
  }
  // The decoder itself, behind the checksum.
  Manifest manifest;
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = bytes.substr(bytes.find("}}") + 2);
    damaged[random() % damaged.size()] ^= static_cast<char>(1 + random() % 255);
    damaged.resize(damaged.size() - random() % 3);
    Manifest out;
    (void)DecodeManifest(damaged, &out);  // whatever it says, it reads nothing beyond
  }
  // A folder where the file cannot be written costs the parse, nothing else.
  fs::remove_all(folder_ / "target");
  Write("target", "a file where the folder should be");
  EXPECT_EQ(Parse(true).text, right);
  EXPECT_FALSE(Parse(true).from_cache);
}

// Random edits of all kinds, broken ones included; after each, and again without one.
TEST_F(ManifestCacheTest, RandomEditsGiveWhatAFreshParseGives) {
  std::mt19937 random(20260101);
  const auto pick = [&](std::initializer_list<const char*> list) {
    return std::string(*(list.begin() + random() % list.size()));
  };
  const auto edit = [&] {
    const std::string name = pick({"a", "b", "c", "d", "e"});
    const std::string number = std::to_string(random() % 3);
    switch (random() % 11) {
      case 0: Write("models/" + name + ".sql", "select " + number + " as id"); break;
      case 1:
        Write("models/" + name + ".sql", "{{ config(tags=['" + number +
                                             "']) }} select * from {{ ref('" +
                                             pick({"a", "b", "s"}) + "') }}");
        break;
      case 2: fs::remove(folder_ / ("models/" + name + ".sql")); break;
      case 3:
        Write("macros/m.sql",
              "{% macro tag_of() %}{{ return('" + number + "') }}{% endmacro %}\n" +
                  pick({"", "{% macro generate_schema_name(n, node) %}x{{ n }}{% endmacro %}",
                        "{% macro open() %}"}));
        break;
      case 4:
        Write("models/schema.yml", "models:\n  - name: " + name + "\n    description: d" + number +
                                       "\n    columns: [{name: id, tests: [not_null]}]\n");
        break;
      case 5: ::setenv("TARN_TEST_TAG", number.c_str(), 1); break;
      case 6: ::unsetenv("TARN_TEST_TAG"); break;
      case 7:
        Write("dbt_project.yml", "name: shop\nprofile: shop\nvars: {limit: " + number +
                                     "}\nmodels: {+schema: s" + number + "}\n");
        break;
      case 8:
        Write("models/" + name + ".sql",
              "select {{ helpers.twice(env_var('TARN_TEST_TAG', '" + number + "')) }} as id");
        break;
      case 9: Write("models/about.md", "{% docs about %}" + number + "{% enddocs %}"); break;
      default: Write("seeds/s.csv", "id\n" + number + "\n");
    }
  };
  int taken = 0;
  for (int step = 0; step < 150; ++step) {
    for (size_t edits = random() % 3; edits > 0; --edits) edit();
    const Parsed partial = Parse(true), fresh = Parse(false);
    ASSERT_EQ(partial.text, fresh.text) << "step " << step;
    taken += partial.from_cache ? 1 : 0;
  }
  EXPECT_GT(taken, 20) << "the cache was hardly ever used: the test shows nothing";
}

}  // namespace
}  // namespace tarn::transform
