#include "codec/avro.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace tarn::codec {
namespace {

using std::string_literals::operator""s;

std::string Decoded(const std::string& schema, const std::string& bytes) {
  const auto parsed = AvroSchema::Parse(schema);
  if (!parsed.ok()) return "schema: " + parsed.status().message();
  const auto json = (*parsed)->ToJson(bytes);
  return json.ok() ? *json : "value: " + json.status().message();
}

TEST(Avro, Primitives) {
  EXPECT_EQ(Decoded("\"null\"", ""), "null");
  EXPECT_EQ(Decoded("\"boolean\"", "\x01"), "true");
  EXPECT_EQ(Decoded("\"int\"", "\x01"), "-1");
  EXPECT_EQ(Decoded("\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
            "-9223372036854775808");
  EXPECT_EQ(Decoded("\"string\"", "\x04\xc3\xbc"), "\"ü\"");
  EXPECT_EQ(Decoded("\"bytes\"",
                    "\x06"
                    "abc"),
            "\"YWJj\"");
  EXPECT_EQ(Decoded("\"double\"", "\0\0\0\0\0\0\xf8\x7f"s), "\"NaN\"");
  EXPECT_EQ(Decoded("\"float\"", "\0\0\xc0\x3f"s), "1.5");
}

TEST(Avro, RecordsUnionsArraysMapsAndEnums) {
  const std::string schema = R"({"type":"record","name":"R","namespace":"n","fields":[
      {"name":"id","type":"long"},{"name":"tags","type":{"type":"array","items":"string"}},
      {"name":"kind","type":{"type":"enum","name":"K","symbols":["A","B"]}},
      {"name":"again","type":["null","K"]},{"name":"m","type":{"type":"map","values":"int"}},
      {"name":"next","type":["null","n.R"]}]})";
  const std::string leaf =
      "\x02"
      "\0"
      "\0"
      "\0"
      "\0"
      "\0"s;
  EXPECT_EQ(Decoded(schema, leaf),
            R"({"id":1,"tags":[],"kind":"A","again":null,"m":{},"next":null})");
  const std::string full =
      "\x54"
      "\x04\x02x\x02y\x00"
      "\x02"
      "\x02\x02"
      "\x01\x06\x02k\x06\x00"
      "\x02"s +
      leaf;
  EXPECT_EQ(Decoded(schema, full),
            R"({"id":42,"tags":["x","y"],"kind":"B","again":"B","m":{"k":3},"next":)"
            R"({"id":1,"tags":[],"kind":"A","again":null,"m":{},"next":null}})");
}

TEST(Avro, LogicalTypes) {
  const auto decimal = [](const char* bytes, int scale) {
    const std::string text(bytes);
    return Decoded(R"({"type":"bytes","logicalType":"decimal","precision":20,"scale":)" +
                       std::to_string(scale) + "}",
                   std::string(1, static_cast<char>(text.size() * 2)) + text);
  };
  EXPECT_EQ(decimal("\x30\x39", 2), "123.45");
  EXPECT_EQ(decimal("\xff", 2), "-0.01");
  EXPECT_EQ(decimal("\x80", 0), "-128");
  EXPECT_EQ(decimal("", 1), "0.0");
  EXPECT_EQ(Decoded(R"({"type":"int","logicalType":"date"})", "\x02"), "\"1970-01-02\"");
  EXPECT_EQ(Decoded(R"({"type":"long","logicalType":"timestamp-millis"})", "\xd0\x0f"),
            "\"1970-01-01T00:00:01.000000Z\"");
  EXPECT_EQ(Decoded(R"({"type":"string","logicalType":"uuid"})", "\x02x"), "\"x\"");
}

TEST(Avro, WhatDoesNotFitIsNamed) {
  EXPECT_THAT(Decoded("\"int\"", ""), ::testing::HasSubstr("cut off at byte 0"));
  EXPECT_THAT(Decoded("\"int\"", "\x02\x02"), ::testing::HasSubstr("bytes left over at byte 1"));
  EXPECT_THAT(Decoded("\"string\"",
                      "\x08"
                      "ab"),
              ::testing::HasSubstr("cut off"));
  EXPECT_THAT(Decoded("\"string\"", "\x01"), ::testing::HasSubstr("negative length"));
  EXPECT_THAT(Decoded("\"string\"", "\x02\xff"), ::testing::HasSubstr("not UTF-8"));
  EXPECT_THAT(Decoded("\"boolean\"", "\x02"), ::testing::HasSubstr("neither"));
  EXPECT_THAT(Decoded(R"(["null","int"])", "\x04"), ::testing::HasSubstr("branch 2"));
  EXPECT_THAT(Decoded("\"int\"", "\xff\xff\xff\xff\xff\x01"), ::testing::HasSubstr("does not fit"));
  // Items without bytes: the count is no promise of memory.
  EXPECT_THAT(Decoded(R"({"type":"array","items":"null"})", "\xfe\xff\xff\xff\xff\xff\x01"),
              ::testing::HasSubstr("more than"));
  for (const char* bad : {"", "{", "\"no\"", "{\"type\":\"record\"}", "7", R"({"type":"array"})",
                          R"({"type":"record","name":"R","fields":[{"name":"a"}]})"}) {
    EXPECT_THAT(Decoded(bad, ""), ::testing::StartsWith("schema: ")) << bad;
  }
}

TEST(Avro, ReferencesAndDepth) {
  const auto schema =
      AvroSchema::Parse(R"({"type":"record","name":"B","fields":[{"name":"a","type":"A"}]})",
                        {R"({"type":"record","name":"A","fields":[{"name":"x","type":"int"}]})"});
  ASSERT_TRUE(schema.ok()) << schema.status().ToString();
  EXPECT_EQ(*(*schema)->ToJson("\x04"), R"({"a":{"x":2}})");
  const std::string list =
      R"({"type":"record","name":"L","fields":[{"name":"n","type":["null","L"]}]})";
  EXPECT_THAT(Decoded(list, std::string(100'000, '\x02')), ::testing::HasSubstr("too deep"));
}

TEST(Avro, AnyBytesEndInAValueOrAnError) {
  const auto schema = *AvroSchema::Parse(R"({"type":"record","name":"R","fields":[
      {"name":"a","type":{"type":"array","items":["null","string","R"]}},
      {"name":"m","type":{"type":"map","values":
          {"type":"bytes","logicalType":"decimal","scale":3}}},
      {"name":"d","type":"double"}]})");
  SeededRandom random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes;
    for (uint64_t n = random.Uniform(40); n > 0; --n)
      bytes.push_back(static_cast<char>(random.Uniform(i % 2 ? 256 : 8)));
    (void)schema->ToJson(bytes);
  }
}

}  // namespace
}  // namespace tarn::codec
