#include "delta/value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace tarn::delta {
namespace {

using Order = std::strong_ordering;

Value Int(int64_t n) { return Value(Value::Rep(n)); }
Value Dbl(double d) { return Value(Value::Rep(d)); }
Value Str(std::string s) { return Value(Value::Rep(std::move(s))); }
Value Dec(const std::string& text) { return Value(Value::Rep(*ParseDecimalText(text))); }

DataTypePtr Type(TypeKind kind) { return DataType::Primitive(kind); }

std::string RoundTrip(const std::string& text, const DataType& type) {
  const auto value = ParsePartitionValue(text, type);
  if (!value.ok()) return "error: " + value.status().message();
  const auto back = SerializePartitionValue(*value, type);
  if (!back.ok()) return "error: " + back.status().message();
  return back->value_or("NULL");
}

TEST(Value, NumbersCompareByValueAcrossKinds) {
  EXPECT_EQ(CompareValues(Int(3), Dec("3.00")), Order::equal);
  EXPECT_EQ(CompareValues(Int(3), Dbl(3.5)), Order::less);
  EXPECT_EQ(CompareValues(Dbl(-0.0), Dbl(0.0)), Order::equal);
  EXPECT_EQ(CompareValues(Dbl(-0.0), Int(0)), Order::equal);
  EXPECT_EQ(CompareValues(Dbl(9007199254740992.0), Int(9007199254740993)), Order::less);
  EXPECT_EQ(CompareValues(Int(INT64_MAX), Dbl(9223372036854775808.0)), Order::less);
  EXPECT_EQ(CompareValues(Dec("0.5"), Dbl(0.5)), Order::equal);
  EXPECT_EQ(CompareValues(Dec("0.1"), Dbl(0.1)), Order::less);  // the double is a little more
  EXPECT_EQ(CompareValues(Dec("-2.25"), Dbl(-2.25)), Order::equal);
  EXPECT_EQ(CompareValues(Dec("1"), Dbl(1e300)), Order::less);
  EXPECT_EQ(CompareValues(Dec("1"), Dbl(-std::numeric_limits<double>::infinity())), Order::greater);
  EXPECT_FALSE(CompareValues(Dbl(NAN), Dbl(1)));
  EXPECT_FALSE(CompareValues(Dec("1"), Dbl(NAN)));
}

TEST(Value, DecimalsCompareExactlyAt38Digits) {
  EXPECT_EQ(CompareValues(Dec("99999999999999999999999999999999999999"),
                          Dec("99999999999999999999999999999999999998")),
            Order::greater);
  EXPECT_EQ(CompareValues(Dec("12345678901234567890.123456789012345678"),
                          Dec("12345678901234567890.12345678901234567")),
            Order::greater);
  EXPECT_EQ(CompareValues(Dec("99999999999999999999999999999999999999"),
                          Dec("0.99999999999999999999999999999999999999")),
            Order::greater);
  EXPECT_EQ(CompareValues(Dec("-1.5"), Dec("-1.50")), Order::equal);
  EXPECT_EQ(CompareValues(Dec("-1.5"), Dec("-1.49")), Order::less);
}

TEST(Value, OtherKindsCompareWithinTheirKindOnly) {
  EXPECT_EQ(CompareValues(Str("a"), Str("\xc3\xa4")), Order::less);  // bytes are unsigned
  EXPECT_EQ(CompareValues(Str(""), Str("a")), Order::less);
  EXPECT_FALSE(CompareValues(Str("1"), Int(1)));
  EXPECT_FALSE(CompareValues(Value(DateValue{1}), Value(TimestampValue{1})));
  EXPECT_FALSE(CompareValues(Value(), Int(1)));
  EXPECT_EQ(CompareValues(Value(true), Value(false)), Order::greater);
}

TEST(PartitionValue, RoundTrips) {
  const struct {
    TypeKind kind;
    const char* in;
    const char* out;
  } kCases[] = {
      {TypeKind::kString, "a b/\xc3\xa4=%", "a b/\xc3\xa4=%"},
      {TypeKind::kString, "", "NULL"},
      {TypeKind::kLong, "-9223372036854775808", "-9223372036854775808"},
      {TypeKind::kInteger, "+7", "7"},
      {TypeKind::kByte, "-128", "-128"},
      {TypeKind::kDouble, "1.5E10", "1.5e+10"},
      {TypeKind::kDouble, "NaN", "NaN"},
      {TypeKind::kDouble, "-Infinity", "-Infinity"},
      {TypeKind::kDouble, "0.1", "0.1"},
      {TypeKind::kFloat, "0.1", "0.1"},
      {TypeKind::kBoolean, "TRUE", "true"},
      {TypeKind::kDate, "1970-01-01", "1970-01-01"},
      {TypeKind::kDate, "0001-01-01", "0001-01-01"},
      {TypeKind::kDate, "2024-2-9", "2024-02-09"},
      {TypeKind::kTimestamp, "1970-01-01 00:00:00", "1970-01-01T00:00:00.000000Z"},
      {TypeKind::kTimestamp, "2024-06-01 12:30:45.123456", "2024-06-01T12:30:45.123456Z"},
      {TypeKind::kTimestamp, "2024-06-01T12:30:45.5+02:00", "2024-06-01T10:30:45.500000Z"},
      {TypeKind::kTimestamp, "1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
      {TypeKind::kTimestampNtz, "2024-06-01 12:30:45.1", "2024-06-01 12:30:45.100000"},
      {TypeKind::kBinary, "\x01\x02", "\x01\x02"},
      {TypeKind::kBinary, "\\u0041\\u0001", "A\x01"},
  };
  for (const auto& c : kCases) EXPECT_EQ(RoundTrip(c.in, *Type(c.kind)), c.out) << c.in;
  EXPECT_TRUE(ParsePartitionValue(std::nullopt, *Type(TypeKind::kLong))->is_null());
}

TEST(PartitionValue, Decimals) {
  const auto wide = DataType::Decimal(38, 0);
  EXPECT_EQ(RoundTrip("-99999999999999999999999999999999999999", *wide),
            "-99999999999999999999999999999999999999");
  const auto scaled = DataType::Decimal(38, 38);
  EXPECT_EQ(RoundTrip("0.00000000000000000000000000000000000001", *scaled),
            "0.00000000000000000000000000000000000001");
  const auto money = DataType::Decimal(10, 2);
  EXPECT_EQ(RoundTrip("12", *money), "12.00");
  EXPECT_EQ(RoundTrip("-0.05", *money), "-0.05");
  EXPECT_EQ(RoundTrip("1.2E3", *money), "1200.00");
  EXPECT_EQ(RoundTrip("1.230", *money), "1.23");
  EXPECT_EQ(ParsePartitionValue("1.234", *money).status().code(), StatusCode::kCorruption);
  EXPECT_EQ(SerializePartitionValue(Dec("123456789.00"), *money).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(PartitionValue, BadTextIsCorruption) {
  const std::pair<TypeKind, const char*> kCases[] = {
      {TypeKind::kLong, "1x"},        {TypeKind::kLong, "9223372036854775808"},
      {TypeKind::kByte, "128"},       {TypeKind::kDate, "2024-13-01"},
      {TypeKind::kDate, "yesterday"}, {TypeKind::kTimestamp, "2024-01-01T25:00:00Z"},
      {TypeKind::kTimestamp, "noon"}, {TypeKind::kBoolean, "yes"},
      {TypeKind::kDouble, "1.5.2"}};
  for (const auto& [kind, text] : kCases) {
    const auto value = ParsePartitionValue(text, *Type(kind));
    EXPECT_EQ(value.status().code(), StatusCode::kCorruption) << text;
  }
}

TEST(PartitionValue, WrongKindsAndAmbiguousBinariesAreRefused) {
  EXPECT_EQ(SerializePartitionValue(Int(300), *Type(TypeKind::kByte)).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(SerializePartitionValue(Str("1"), *Type(TypeKind::kLong)).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(SerializePartitionValue(Str("\xff\xfe"), *Type(TypeKind::kBinary)).status().code(),
            StatusCode::kUnsupported);
  EXPECT_EQ(SerializePartitionValue(Str("\\u0041"), *Type(TypeKind::kBinary)).status().code(),
            StatusCode::kUnsupported);
  EXPECT_FALSE(SerializePartitionValue(Str("\xff"), *Type(TypeKind::kString)).ok());
}

TEST(DecimalText, RandomNumbersRoundTrip) {
  SeededRandom random(3);
  for (int i = 0; i < 2000; ++i) {
    DecimalValue value;
    value.scale = static_cast<int>(random.Uniform(39));
    const int digits = 1 + static_cast<int>(random.Uniform(38));
    for (int d = 0; d < digits; ++d)
      value.unscaled = value.unscaled * 10 + static_cast<int>(random.Uniform(10));
    if (random.Uniform(2) == 0) value.unscaled = -value.unscaled;
    const auto back = ParseDecimalText(FormatDecimal(value));
    ASSERT_TRUE(back) << FormatDecimal(value);
    EXPECT_TRUE(back->unscaled == value.unscaled) << FormatDecimal(value);
    EXPECT_EQ(back->scale, value.scale);
  }
}

TEST(Utf8, AcceptsOnlyShortestForms) {
  EXPECT_TRUE(IsValidUtf8("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
  EXPECT_FALSE(IsValidUtf8("\xc0\x80"));
  EXPECT_FALSE(IsValidUtf8("\xed\xa0\x80"));
  EXPECT_FALSE(IsValidUtf8("\xf4\x90\x80\x80"));
  EXPECT_FALSE(IsValidUtf8("\xe2\x82"));
}

}  // namespace
}  // namespace tarn::delta
