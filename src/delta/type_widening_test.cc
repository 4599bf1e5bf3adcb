#include "delta/type_widening.h"

#include <gtest/gtest.h>

namespace tarn::delta {
namespace {

DataTypePtr Type(TypeKind kind) { return DataType::Primitive(kind); }

TEST(TypeWideningTest, WhatTheProtocolAllows) {
  const std::vector<std::pair<DataTypePtr, DataTypePtr>> allowed = {
      {Type(TypeKind::kByte), Type(TypeKind::kShort)},
      {Type(TypeKind::kByte), Type(TypeKind::kLong)},
      {Type(TypeKind::kInteger), Type(TypeKind::kLong)},
      {Type(TypeKind::kInteger), Type(TypeKind::kDouble)},
      {Type(TypeKind::kFloat), Type(TypeKind::kDouble)},
      {Type(TypeKind::kDate), Type(TypeKind::kTimestampNtz)},
      {DataType::Decimal(5, 2), DataType::Decimal(7, 4)},
      {DataType::Decimal(5, 2), DataType::Decimal(6, 2)},
      {Type(TypeKind::kInteger), DataType::Decimal(12, 2)},
      {Type(TypeKind::kLong), DataType::Decimal(20, 0)},
  };
  for (const auto& [from, to] : allowed) {
    EXPECT_TRUE(CanWiden(*from, *to)) << from->ToString() << " " << to->ToString();
    EXPECT_FALSE(CanWiden(*to, *from)) << to->ToString() << " " << from->ToString();
    EXPECT_FALSE(CanWiden(*from, *from)) << from->ToString();
  }
  const std::vector<std::pair<DataTypePtr, DataTypePtr>> refused = {
      {Type(TypeKind::kLong), Type(TypeKind::kDouble)},
      {Type(TypeKind::kLong), DataType::Decimal(19, 0)},
      {Type(TypeKind::kInteger), DataType::Decimal(11, 2)},
      {Type(TypeKind::kInteger), Type(TypeKind::kFloat)},
      {Type(TypeKind::kDate), Type(TypeKind::kTimestamp)},
      {DataType::Decimal(5, 2), DataType::Decimal(6, 4)},
      {DataType::Decimal(5, 2), DataType::Decimal(9, 1)},
      {Type(TypeKind::kInteger), Type(TypeKind::kString)},
      {Type(TypeKind::kBoolean), Type(TypeKind::kInteger)},
  };
  for (const auto& [from, to] : refused) {
    EXPECT_FALSE(CanWiden(*from, *to)) << from->ToString() << " " << to->ToString();
  }
}

TEST(TypeWideningTest, ChangesAreRememberedInOrder) {
  StructField field;
  field.name = "n";
  field.type = Type(TypeKind::kByte);
  ASSERT_TRUE(WidenField(&field, Type(TypeKind::kInteger)).ok());
  ASSERT_TRUE(WidenField(&field, Type(TypeKind::kLong)).ok());
  EXPECT_EQ(field.type->ToString(), "long");
  EXPECT_EQ(field.metadata["delta.typeChanges"],
            R"([{"fromType":"byte","toType":"integer"},{"fromType":"integer","toType":"long"}])");
  const Status status = WidenField(&field, Type(TypeKind::kDouble));
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_EQ(field.type->ToString(), "long") << "a refused change leaves the field as it was";
  EXPECT_TRUE(CheckTypeChanges(Schema{{field}}).ok());
}

TEST(TypeWideningTest, UnknownChangesAreRefusedByName) {
  StructField inner;
  inner.name = "deep";
  inner.type = Type(TypeKind::kDouble);
  inner.metadata["delta.typeChanges"] = R"([{"fromType":"long","toType":"double"}])";
  StructField outer;
  outer.name = "a";
  outer.type = DataType::Array(DataType::Struct({inner}), true);
  const Status status = CheckTypeChanges(Schema{{outer}});
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_NE(status.message().find("column deep was widened from long to double"), std::string::npos)
      << status.message();
  outer.metadata["delta.typeChanges"] = "{}";
  EXPECT_EQ(CheckTypeChanges(Schema{{outer}}).code(), StatusCode::kCorruption);
}

}  // namespace
}  // namespace tarn::delta
