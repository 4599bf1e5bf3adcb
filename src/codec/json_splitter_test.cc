#include "codec/json_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/splitting_for_test.h"

namespace tarn::codec {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Brief(const std::vector<Taken>& taken) {
  std::vector<std::string> out;
  for (const Taken& t : taken) out.push_back(t.rule.empty() ? t.bytes : t.rule + ":" + t.bytes);
  return out;
}

std::vector<Taken> Lines(const std::string& text, JsonOptions options = {}) {
  NdjsonSplitter splitter(options);
  return Split(splitter, text);
}

std::vector<Taken> Values(JsonSplitter::Layout layout, const std::string& text,
                          JsonOptions options = {}) {
  JsonSplitter splitter(layout, options);
  return Split(splitter, text);
}

std::vector<Taken> Array(const std::string& text, JsonOptions options = {}) {
  return Values(JsonSplitter::Layout::kArray, text, options);
}

std::string RuleOf(const std::string& text) {
  const auto fault = CheckJson(text);
  return fault ? fault->rule : "";
}

TEST(CheckJson, AcceptsWhatTheStandardAccepts) {
  for (const char* text : {"{}", "[]", "null", " -0.5e+10 ", "\"\\u00e4\\ud83d\\ude00\"",
                           R"({"a":[1,{"b":null}],"a":2})", "123456789012345678901234567890.5",
                           "1e999", "[ [ ] , { } ]", "\"\xF0\x9F\x98\x80\""}) {
    EXPECT_EQ(RuleOf(text), "") << text;
  }
}

TEST(CheckJson, RefusesTheRestWithARule) {
  const std::vector<std::pair<std::string, std::string>> cases = {{"", "json.cut_off"},
                                                                  {"{\"a\":1", "json.cut_off"},
                                                                  {"\"abc", "json.cut_off"},
                                                                  {"{'a':1}", "json.syntax"},
                                                                  {"{\"a\" 1}", "json.syntax"},
                                                                  {"[1,]", "json.syntax"},
                                                                  {"{\"a\":1,}", "json.syntax"},
                                                                  {"01", "json.syntax"},
                                                                  {"1.", "json.cut_off"},
                                                                  {"NaN", "json.syntax"},
                                                                  {"\"a\nb\"", "json.syntax"},
                                                                  {"\"\\x\"", "json.syntax"},
                                                                  {"{} {}", "json.syntax"},
                                                                  {"[1}", "json.syntax"},
                                                                  {"\"\\ud800\"", "json.surrogate"},
                                                                  {"\"\\udc00\"", "json.surrogate"},
                                                                  {"\"\xFF\"", "json.utf8"},
                                                                  {"\"\xC0\x80\"", "json.utf8"},
                                                                  {"\"\xED\xA0\x80\"", "json.utf8"},
                                                                  {"tru", "json.syntax"},
                                                                  {"\"\\u12g4\"", "json.syntax"}};
  for (const auto& [text, rule] : cases) EXPECT_EQ(RuleOf(text), rule) << text;
}

TEST(CheckJson, DepthIsLimitedAndTheStackIsNot) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(RuleOf(nested(kMaxJsonDepth)), "");
  EXPECT_EQ(RuleOf(nested(kMaxJsonDepth + 1)), "json.depth");
  EXPECT_FALSE(CheckJson(nested(2'000'000), 5'000'000).has_value());
}

TEST(TopLevelField, ReadsOneValue) {
  const std::string object =
      R"({"x":{"id":"inner"},"id":"a\"\u00e4\ud83d\ude00","n":-1.50,"z":null,"t":true,)"
      R"("id":"second","l":[1,2]})";
  EXPECT_EQ(TopLevelField(object, "id"), "a\"\xC3\xA4\xF0\x9F\x98\x80");
  EXPECT_EQ(TopLevelField(object, "n"), "-1.50");
  EXPECT_EQ(TopLevelField(object, "t"), "true");
  EXPECT_EQ(TopLevelField(object, "l"), "[1,2]");
  EXPECT_EQ(TopLevelField(object, "z"), std::nullopt);
  EXPECT_EQ(TopLevelField(object, "y"), std::nullopt);
  EXPECT_EQ(TopLevelField("[1]", "y"), std::nullopt);
  EXPECT_EQ(TopLevelField("{}", "y"), std::nullopt);
}

TEST(JsonString, EscapesAndRepairs) {
  EXPECT_EQ(JsonString("a\"\\\n\xFF\xC3\xA4"), "\"a\\\"\\\\\\u000a\xEF\xBF\xBD\xC3\xA4\"");
}

TEST(FindInvalidUtf8, FindsTheFirstBadByte) {
  EXPECT_EQ(FindInvalidUtf8("plain ascii text, longer than a word"), std::string_view::npos);
  EXPECT_EQ(FindInvalidUtf8("0123456789\xE2\x82"), 10u);
  EXPECT_EQ(FindInvalidUtf8("\xF4\x90\x80\x80"), 0u);
}

TEST(NdjsonSplitter, ABadLineCostsOnlyItself) {
  const auto taken = Lines("{\"a\":1}\n\nnot json\r\n  {\"b\":2} \n[1]\n{\"c\"");
  EXPECT_THAT(Brief(taken), ElementsAre("{\"a\":1}", "json.syntax:not json", "  {\"b\":2} ",
                                        "json.not_object:[1]", "json.cut_off:{\"c\""));
  EXPECT_EQ(taken[1].line, 3);
  EXPECT_EQ(taken[1].byte_offset, 9);
  EXPECT_EQ(taken[4].reason, "the file ends inside this record and without a line end");
  EXPECT_THAT(Brief(Lines("{\"a\":1}\r{\"b\":1}\r{}")),
              ElementsAre("{\"a\":1}", "{\"b\":1}", "{}"));
}

TEST(NdjsonSplitter, ALineOverTheLimitIsPassedOver) {
  JsonOptions options;
  options.limits.max_record_bytes = 10;
  options.limits.keep_bad_bytes = 6;
  const auto taken =
      Lines("{\"a\":1}\n{\"a\":\"" + std::string(50, 'x') + "\"}\r\n{\"b\":123}x\n", options);
  ASSERT_EQ(taken.size(), 3u);
  EXPECT_EQ(taken[1].rule, "record.too_long");
  EXPECT_EQ(taken[1].size, 58u);
  EXPECT_EQ(taken[1].bytes, "{\"a\":\"");
  EXPECT_EQ(taken[2].rule, "json.syntax");
}

TEST(JsonSplitter, ElementsOfAnArray) {
  const auto taken = Array("[\n  {\"a\": [1, \"]\"]},\n  {\"b\": \"\\\"}\"}, 5\n]\n");
  EXPECT_THAT(Brief(taken),
              ElementsAre("{\"a\": [1, \"]\"]}", "{\"b\": \"\\\"}\"}", "json.not_object:5"));
  EXPECT_EQ(taken[1].byte_offset, 23);
  EXPECT_EQ(taken[1].line, 3);
  EXPECT_TRUE(Array("[]").empty());
  EXPECT_TRUE(Array(" \n").empty());
}

TEST(JsonSplitter, ValuesOneAfterTheOther) {
  EXPECT_THAT(
      Brief(Values(JsonSplitter::Layout::kConcatenated, "{\n \"a\": 1\n}\n{\"b\":2}{\"c\":3}")),
      ElementsAre("{\n \"a\": 1\n}", "{\"b\":2}", "{\"c\":3}"));
}

TEST(JsonSplitter, ATruncatedArrayIsNoticed) {
  EXPECT_THAT(Brief(Array("[{\"a\":1},{\"b\":")), ElementsAre("{\"a\":1}", "json.cut_off:{\"b\":"));
  EXPECT_THAT(Brief(Array("[{\"a\":1}")), ElementsAre("{\"a\":1}", "json.cut_off:"));
  EXPECT_THAT(Brief(Array("[{\"a\":1}] tail")), ElementsAre("{\"a\":1}", "json.syntax:tail"));
  EXPECT_THAT(Brief(Array("{\"a\":1}")), ElementsAre("json.syntax:{\"a\":1}"));
}

TEST(JsonSplitter, AnUnclosedElementCostsItself) {
  EXPECT_THAT(Brief(Array("[\n {\"a\":{\"x\":1,\n {\"b\":2},\n {\"c\":3}\n]")),
              ElementsAre("json.unclosed:{\"a\":{\"x\":1,", "{\"b\":2}", "{\"c\":3}"));
  EXPECT_THAT(
      Brief(Array("[{\"a\":oops},{\"b\":2} junk,{\"c\":3}]")),
      ElementsAre("json.syntax:{\"a\":oops}", "{\"b\":2}", "json.syntax:junk", "{\"c\":3}"));
}

TEST(JsonSplitter, AValueOverTheLimitIsPassedOver) {
  JsonOptions options;
  options.limits.max_record_bytes = 9;
  options.limits.keep_bad_bytes = 5;
  const auto taken =
      Array("[{\"a\":1},{\"a\":\"" + std::string(30, '}') + "\"},{\"b\":12}]", options);
  ASSERT_EQ(taken.size(), 3u);
  EXPECT_EQ(taken[1].rule, "record.too_long");
  EXPECT_EQ(taken[1].size, 38u);
  EXPECT_EQ(taken[1].bytes, "{\"a\":");
  EXPECT_EQ(taken[2].bytes, "{\"b\":12}");
}

TEST(JsonSplitterProperty, LawsHoldForAnyText) {
  static const std::vector<std::string> kPieces = {
      "{\"a\":1}", ",",  "\n", " ",    "[",  "]", "{",
      "}",         "\"", "x",  "\n {", "\\", "1", ",\n {\"b\":2}"};
  for (uint64_t seed = 1; seed <= 5000; ++seed) {
    SeededRandom random(seed);
    std::string text = seed % 2 != 0 ? "[" : "";
    for (uint64_t i = random.Uniform(40); i > 0; --i)
      text += kPieces[random.Uniform(kPieces.size())];
    JsonOptions options;
    options.limits.max_record_bytes = seed % 3 != 0 ? 1000 : 9;
    const auto layout =
        seed % 4 < 2 ? JsonSplitter::Layout::kArray : JsonSplitter::Layout::kConcatenated;
    const auto expect = [&](bool held, const std::string& what) {
      EXPECT_TRUE(held) << what << " seed " << seed << " text " << ::testing::PrintToString(text);
    };
    CheckSplitterLaws(
        text, seed, " \r\n\t,[]",
        [&](SplitState state) { return std::make_unique<JsonSplitter>(layout, options, state); },
        expect);
    CheckSplitterLaws(
        text, seed, " \r\n\t",
        [&](SplitState state) { return std::make_unique<NdjsonSplitter>(options, state); }, expect);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace tarn::codec
