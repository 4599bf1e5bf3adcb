#include "delta/schema.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace tarn::delta {
namespace {

constexpr const char* kNested =
    R"JSON({"type":"struct","fields":[)JSON"
    R"JSON({"name":"a","type":"integer","nullable":false,"metadata":{"comment)JSON"
    R"JSON(":"x \"y\"","n":5,)JSON"
    R"JSON("o":{"p":[1,2]}}},)JSON"
    R"JSON({"name":"b","type":{"type":"struct","fields":[{"name":"d","type":"decimal(38,18)",)JSON"
    R"JSON("nullable":false,"metadata":{}}]},"nullable":true,"metadata":{}},)JSON"
    R"JSON({"name":"c","type":{"type":"array","elementType":"timestamp_ntz",")JSON"
    R"JSON(containsNull":false},)JSON"
    R"JSON("nullable":true,"metadata":{}},)JSON"
    R"JSON({"name":"f","type":{"type":"map","keyType":"string","valueType":{"type":"array",)JSON"
    R"JSON("elementType":"variant","containsNull":true},"valueContainsNull":false},)JSON"
    R"JSON("nullable":true,"metadata":{}}]})JSON";

TEST(SchemaTest, RoundTripIsExact) {
  auto schema = ParseSchema(kNested);
  ASSERT_TRUE(schema.ok()) << schema.status().ToString();
  EXPECT_EQ(SerializeSchema(*schema), kNested);
  EXPECT_EQ(schema->fields[1].type->ToString(), "struct<d:decimal(38,18)>");
  EXPECT_EQ(schema->fields[3].type->ToString(), "map<string,array<variant>>");
  EXPECT_EQ(schema->fields[0].StringMetadata("comment"), "x \"y\"");
  EXPECT_EQ(schema->fields[0].metadata.at("o"), R"({"p":[1,2]})");
  EXPECT_FALSE(schema->fields[0].nullable);
}

TEST(SchemaTest, EveryPrimitiveName) {
  for (const char* name :
       {"string", "long", "integer", "short", "byte", "float", "double", "boolean", "binary",
        "date", "timestamp", "timestamp_ntz", "variant", "void", "decimal(1,0)"}) {
    const std::string json = std::string(R"({"type":"struct","fields":[{"name":"x","type":")") +
                             name + R"(","nullable":true,"metadata":{}}]})";
    auto schema = ParseSchema(json);
    ASSERT_TRUE(schema.ok()) << name;
    EXPECT_EQ(SerializeSchema(*schema), json);
  }
}

TEST(SchemaTest, BadSchemasNameTheColumn) {
  const auto error = [](const std::string& type) {
    auto schema = ParseSchema(R"({"type":"struct","fields":[{"name":"x","type":)" + type + "}]}");
    EXPECT_FALSE(schema.ok()) << type;
    return schema.ok() ? Status::Ok() : schema.status();
  };
  EXPECT_EQ(error("\"geometry(OGC:CRS84)\"").code(), StatusCode::kUnsupported);
  EXPECT_NE(error("\"geometry(OGC:CRS84)\"").message().find("'x'"), std::string::npos);
  EXPECT_EQ(error("\"decimal(39,0)\"").code(), StatusCode::kCorruption);
  EXPECT_EQ(error("\"decimal(5,6)\"").code(), StatusCode::kCorruption);
  EXPECT_EQ(error("7").code(), StatusCode::kCorruption);
  EXPECT_NE(error(R"({"type":"array"})").message().find("elementType"), std::string::npos);
  EXPECT_EQ(ParseSchema("{").status().code(), StatusCode::kCorruption);
  EXPECT_EQ(ParseSchema("[]").status().code(), StatusCode::kCorruption);
  EXPECT_EQ(ParseSchema("").status().code(), StatusCode::kCorruption);
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += R"({"type":"array","elementType":)";
  EXPECT_FALSE(error(deep).ok());
}

TEST(SchemaTest, FindIgnoresCaseButPrefersExact) {
  Schema schema;
  schema.fields.emplace_back().name = "Ab";
  schema.fields[0].type = DataType::Primitive(TypeKind::kLong);
  EXPECT_EQ(schema.Find("aB"), &schema.fields[0]);
  EXPECT_EQ(schema.Find("abc"), nullptr);
}

TEST(SchemaTest, ValidateForWrite) {
  const auto field = [](std::string name, DataTypePtr type) {
    StructField f;
    f.name = std::move(name);
    f.type = std::move(type);
    return f;
  };
  const auto lng = DataType::Primitive(TypeKind::kLong);
  const auto nothing = DataType::Primitive(TypeKind::kVoid);
  const auto check = [](std::vector<StructField> fields, ColumnMappingMode mode) {
    return ValidateSchemaForWrite(Schema{std::move(fields)}, mode);
  };
  EXPECT_TRUE(check({field("a", lng), field("v", nothing)}, ColumnMappingMode::kNone).ok());
  EXPECT_FALSE(check({field("a", lng), field("A", lng)}, ColumnMappingMode::kName).ok());
  EXPECT_FALSE(check({field("s", DataType::Struct({field("x", lng), field("X", lng)}))},
                     ColumnMappingMode::kNone)
                   .ok());
  EXPECT_FALSE(check({field("a b", lng)}, ColumnMappingMode::kNone).ok());
  EXPECT_TRUE(check({field("a b", lng)}, ColumnMappingMode::kName).ok());
  EXPECT_FALSE(check({field("l", DataType::Array(DataType::Struct({field("a,b", lng)}), true))},
                     ColumnMappingMode::kNone)
                   .ok());
  EXPECT_FALSE(check({field("l", DataType::Array(nothing, true))}, ColumnMappingMode::kNone).ok());
  EXPECT_FALSE(
      check({field("m", DataType::Map(lng, DataType::Struct({field("v", nothing)}), true))},
            ColumnMappingMode::kName)
          .ok());
  EXPECT_FALSE(check({field("", lng)}, ColumnMappingMode::kName).ok());
}

TEST(SchemaTest, AssignColumnMappingReachesEveryField) {
  auto schema =
      ParseSchema(R"({"type":"struct","fields":[)"
                  R"({"name":"a","type":"long","nullable":true,"metadata":{"delta.columnMappi)"
                  R"(ng.id":41,"delta.columnMapping.physicalName":"col-a"}},)"
                  R"({"name":"s","type":{"type":"array","elementType":{"type":"struct","field)"
                  R"(s":[{"name":"x","type":"long","nullable":true,"metadata":{}}]},"contains)"
                  R"(Null":true},"nullable":true,"metadata":{}},)"
                  R"({"name":"m","type":{"type":"map","keyType":{"type":"struct","fields":[{")"
                  R"(name":"k","type":"long","nullable":true,"metadata":{}}]},"valueType":"lo)"
                  R"(ng","valueContainsNull":true},"nullable":true,"metadata":{}}]})");
  ASSERT_TRUE(schema.ok());
  auto max = AssignColumnMapping(&*schema, 7, false);
  ASSERT_TRUE(max.ok());
  EXPECT_EQ(*max, 45);
  EXPECT_EQ(schema->fields[0].FieldId(), 41);
  EXPECT_EQ(schema->fields[0].PhysicalName(true), "col-a");
  const StructField& x = schema->fields[1].type->element->fields[0];
  const StructField& k = schema->fields[2].type->key->fields[0];
  std::set<int32_t> ids = {41, *schema->fields[1].FieldId(), *x.FieldId(),
                           *schema->fields[2].FieldId(), *k.FieldId()};
  EXPECT_EQ(ids.size(), 5u);
  EXPECT_TRUE(x.PhysicalName(true).starts_with("col-"));
  EXPECT_NE(x.PhysicalName(true), k.PhysicalName(true));
  EXPECT_EQ(x.PhysicalName(false), "x");
  // Again: nothing new is given out.
  const std::string before = SerializeSchema(*schema);
  EXPECT_EQ(*AssignColumnMapping(&*schema, *max, false), 45);
  EXPECT_EQ(SerializeSchema(*schema), before);
  // What was assigned survives the log.
  EXPECT_EQ(ParseSchema(before)->fields[1].PhysicalName(true),
            schema->fields[1].PhysicalName(true));
}

TEST(SchemaTest, KeepNamesGivesLogicalNames) {
  auto schema =
      ParseSchema(R"({"type":"struct","fields":[{"name":"a \"q","type":"long","nullable":true)"
                  R"(,"metadata":{}}]})");
  ASSERT_TRUE(AssignColumnMapping(&*schema, 0, true).ok());
  EXPECT_EQ(schema->fields[0].PhysicalName(true), "a \"q");
  EXPECT_EQ(ParseSchema(SerializeSchema(*schema))->fields[0].PhysicalName(true), "a \"q");
}

TEST(SchemaTest, PhysicalNameFollowsChangedMetadata) {
  StructField field;
  field.name = "a";
  field.metadata["delta.columnMapping.physicalName"] = "\"one\"";
  EXPECT_EQ(field.PhysicalName(true), "one");
  field.metadata["delta.columnMapping.physicalName"] = "\"two\"";
  EXPECT_EQ(field.PhysicalName(true), "two");
}

TEST(SchemaTest, ParsedSchemaIsReadByManyThreads) {
  auto schema =
      ParseSchema(R"({"type":"struct","fields":[{"name":"a","type":"long","nullable":true,"me)"
                  R"(tadata":{"delta.columnMapping.physicalName":"p"}}]})");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) ASSERT_EQ(schema->fields[0].PhysicalName(true), "p");
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(SchemaTest, SameTypeLooksInside) {
  auto a = ParseSchema(kNested), b = ParseSchema(kNested);
  EXPECT_TRUE(SameType(*DataType::Struct(a->fields), *DataType::Struct(b->fields)));
  EXPECT_FALSE(SameType(*a->fields[0].type, *a->fields[1].type));
  EXPECT_FALSE(SameType(*DataType::Decimal(5, 2), *DataType::Decimal(5, 1)));
  EXPECT_FALSE(SameType(*DataType::Array(a->fields[0].type, true),
                        *DataType::Array(a->fields[0].type, false)));
}

}  // namespace
}  // namespace tarn::delta
