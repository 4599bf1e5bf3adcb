#include "app/option_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "app/stream_config.h"

namespace tarn::app {
namespace {

struct Bound {
  std::string text = "t", secret, inner;
  bool flag = true;
  uint64_t count = 5, size = 64 << 20;
  int64_t micros = 1'000'000;
  OptionSet::Texts list;
  std::vector<int32_t> numbers;
  OptionSet::TextMap map;

  OptionSet Options() {
    OptionSet section("");
    section.Text("inner", &inner, "inside").Required();
    OptionSet options("Everything.");
    options.Text("text", &text, "a text");
    options.Secret("secret", &secret, "a secret");
    options.Flag("flag", &flag, "a flag");
    options.Count("count", &count, "a count");
    options.Size("size", &size, "a size");
    options.Duration("wait", &micros, "a duration");
    options.List("list", &list, "a list");
    options.Numbers("numbers", &numbers, "numbers");
    options.Map("map", &map, "a map");
    options.Section("section", section, "a section");
    return options;
  }
};

std::string ErrorOf(const std::string& yaml) {
  Bound bound;
  return bound.Options().Read(YAML::Load(yaml), "f.yml").message();
}

TEST(OptionSet, ReadsEveryKind) {
  setenv("TARN_TEST_SECRET", "s3cret", 1);
  Bound bound;
  const Status read = bound.Options().Read(
      YAML::Load("text: x\nsecret: env:TARN_TEST_SECRET\nflag: no\ncount: 7\nsize: 2KB\n"
                 "wait: 1.5s\nlist: [a, b]\nnumbers: [0, 3]\n"
                 "map: {sasl.password: env:TARN_TEST_SECRET, plain: v}\nsection: {inner: i}\n"),
      "f.yml");
  ASSERT_TRUE(read.ok()) << read.ToString();
  EXPECT_EQ(bound.text + bound.secret + bound.inner, "xs3creti");
  EXPECT_FALSE(bound.flag);
  EXPECT_EQ(bound.count, 7u);
  EXPECT_EQ(bound.size, 2048u);
  EXPECT_EQ(bound.micros, 1'500'000);
  EXPECT_THAT(bound.list, ::testing::ElementsAre("a", "b"));
  EXPECT_THAT(bound.numbers, ::testing::ElementsAre(0, 3));
  EXPECT_EQ(bound.map["sasl.password"], "s3cret");
}

TEST(OptionSet, NamesPlaceKeyAndRemedy) {
  EXPECT_EQ(ErrorOf("text: x\ncuont: 7\n"),
            "f.yml:2: unknown option 'cuont'; did you mean 'count'?");
  EXPECT_THAT(ErrorOf("count: -1\n"), ::testing::HasSubstr("f.yml:1: count: is to be a number"));
  EXPECT_THAT(ErrorOf("flag: maybe\n"), ::testing::HasSubstr("true or false"));
  EXPECT_THAT(ErrorOf("size: big\n"), ::testing::HasSubstr("'big' is no size"));
  EXPECT_THAT(ErrorOf("wait: 3 apples\n"), ::testing::HasSubstr("no duration"));
  EXPECT_THAT(ErrorOf("list: {a: b}\n"), ::testing::HasSubstr("a list"));
  EXPECT_THAT(ErrorOf("section: {}\n"), ::testing::HasSubstr("'inner' is missing"));
  EXPECT_THAT(ErrorOf("[a]"), ::testing::HasSubstr("a mapping"));
  EXPECT_THAT(ErrorOf("text: a\ntext: b\n"), ::testing::HasSubstr("given twice"));
  const std::string secret = ErrorOf("secret: hunter2\n");
  EXPECT_THAT(secret, ::testing::HasSubstr("env:NAME"));
  EXPECT_THAT(secret, ::testing::Not(::testing::HasSubstr("hunter2")));
  EXPECT_THAT(ErrorOf("map: {ssl.key.password: hunter2}\n"),
              ::testing::Not(::testing::HasSubstr("hunter2")));
}

TEST(OptionSet, HelpAndSchemaSayTheSame) {
  for (const std::string& kind : StreamKinds()) {
    const auto config = MakeStreamConfig(kind);
    const OptionSet options = config->Options();
    const auto schema = nlohmann::json::parse(options.JsonSchema());
    EXPECT_EQ(schema["additionalProperties"], false);
    for (const auto& [name, property] : schema["properties"].items()) {
      EXPECT_THAT(options.Help(), ::testing::HasSubstr("  " + name + " ")) << kind;
      EXPECT_FALSE(property["description"].get<std::string>().empty()) << kind << " " << name;
    }
  }
}

}  // namespace
}  // namespace tarn::app
