#include "delta/stats.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "delta/value.h"

namespace tarn::delta {
namespace {

TEST(WideBounds, ReplacesOrAddsTheFlag) {
  EXPECT_EQ(WithWideBounds("{\"numRecords\":3}"), "{\"tightBounds\":false,\"numRecords\":3}");
  EXPECT_EQ(WithWideBounds("{\"tightBounds\": true ,\"a\":1}"), "{\"tightBounds\": false,\"a\":1}");
  EXPECT_EQ(WithWideBounds("{\"a\":1,\"tightBounds\":true}"), "{\"a\":1,\"tightBounds\":false}");
  EXPECT_EQ(WithWideBounds("{}"), "{\"tightBounds\":false}");
  EXPECT_EQ(WithWideBounds(""), "");
  EXPECT_EQ(WithWideBounds("[1]"), "[1]");
}

TEST(WideBounds, LooksAtTheOutermostObjectOnly) {
  const std::string nested =
      "{\"minValues\":{\"tightBounds\":true,\"x\":\"\\\"tightBounds\\\":true}\"},"
      "\"maxValues\":{\"d\":12345678901234567890.123456789}}";
  EXPECT_EQ(WithWideBounds(nested), "{\"tightBounds\":false," + nested.substr(1));
}

TEST(StringBounds, ShortTextsAreExact) {
  EXPECT_EQ(LowerBoundOf("abc", 32), "abc");
  EXPECT_EQ(UpperBoundOf("abc", 32), "abc");
  EXPECT_EQ(UpperBoundOf(std::string(32, 'x'), 32), std::string(32, 'x'));
  EXPECT_EQ(UpperBoundOf(std::string(40, 'x'), 32), std::string(32, 'x') + "\x7f");
}

TEST(StringBounds, HoldForRandomUnicode) {
  static const char* const kCharacters[] = {"a",
                                            "z",
                                            "\x7f",
                                            "\xc3\xa4",
                                            "\xe2\x82\xac",
                                            "\xef\xbf\xbf",
                                            "\xf0\x9f\x98\x80",
                                            "\xf4\x8f\xbf\xbf"};
  SeededRandom random(9);
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    const bool greedy = random.Uniform(4) == 0;
    for (uint64_t i = 0; i < random.Uniform(12); ++i)
      text += kCharacters[greedy ? 7 : random.Uniform(8)];
    const std::string low = LowerBoundOf(text, 4);
    const std::string high = UpperBoundOf(text, 4);
    EXPECT_LE(low, text);
    EXPECT_GE(high, text);
    EXPECT_TRUE(IsValidUtf8(low));
    EXPECT_TRUE(IsValidUtf8(high));
    EXPECT_EQ(text.rfind(low, 0), 0u);
  }
}

}  // namespace
}  // namespace tarn::delta
