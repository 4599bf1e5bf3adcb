#include "codec/protobuf.h"

#include <gtest/gtest.h>

namespace tarn::codec {
namespace {

constexpr const char* kOrder = R"(syntax = "proto3";
import "google/protobuf/timestamp.proto";
import "shop/money.proto";
message Other { int32 a = 1; }
message Order {
  message Line { string sku = 1; uint32 quantity = 2; }
  enum State { NEW = 0; PAID = 1; }
  int64 id = 1;
  State state = 2;
  repeated Line lines = 3;
  map<string, int64> tags = 4;
  optional string coupon = 5;
  bytes seal = 6;
  google.protobuf.Timestamp at = 7;
  shop.Money total = 8;
  double rate = 9;
}
)";
constexpr const char* kMoney =
    "syntax = \"proto3\"; package shop; message Money { string currency = 1; int64 cents = 2; }";

std::shared_ptr<const ProtobufSchema> Order() {
  return *ProtobufSchema::Parse(kOrder, {{"shop/money.proto", kMoney}});
}

TEST(Protobuf, EveryKindOfField) {
  const std::string bytes(
      "\x08\x81\x80\x80\x80\x80\x80\x80\x10"  // id 2^53+1
      "\x10\x01"                              // PAID
      "\x1a\x05\x0a\x01\x61\x10\x02"          // line a, 2
      "\x22\x05\x0a\x01k\x10\x07"             // tags k: 7
      "\x32\x02\xff\x00"                      // seal
      "\x3a\x02\x08\x01"                      // at: 1 s
      "\x42\x07\x0a\x03\x45UR\x10\x05",       // total
      9 + 2 + 7 + 7 + 4 + 4 + 9);
  const auto json = Order()->ToJson(bytes, {1});
  ASSERT_TRUE(json.ok()) << json.status().message();
  EXPECT_EQ(
      *json,
      "{\"id\":9007199254740993,\"state\":\"PAID\",\"lines\":[{\"sku\":\"a\",\"quantity\":2}],"
      "\"tags\":{\"k\":7},\"coupon\":null,\"seal\":\"/wA=\",\"at\":\"1970-01-01T00:00:01.000000Z\","
      "\"total\":{\"currency\":\"EUR\",\"cents\":5},\"rate\":0}");
}

TEST(Protobuf, NestedMessageByIndex) {
  EXPECT_EQ(*Order()->ToJson(std::string_view("\x0a\x01x", 3), {1, 0}),
            "{\"sku\":\"x\",\"quantity\":0}");
  EXPECT_EQ(*Order()->ToJson("", {0}), "{\"a\":0}");
}

TEST(Protobuf, WhatDoesNotFitIsRefused) {
  EXPECT_FALSE(Order()->ToJson("", {2}).ok());
  EXPECT_FALSE(Order()->ToJson("", {}).ok());
  EXPECT_FALSE(Order()->ToJson("", {1, 0, 0}).ok());
  EXPECT_FALSE(Order()->ToJson("\x0a\x7f", {0}).ok());
  EXPECT_EQ(ProtobufSchema::Parse("message {").status().message().find("line 1"),
            std::string("the Protobuf schema registered.proto cannot be read: ").size());
  EXPECT_FALSE(ProtobufSchema::Parse(kOrder).ok()) << "an import is missing";
}

}  // namespace
}  // namespace tarn::codec
