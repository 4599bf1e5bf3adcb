#include "delta/properties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::delta {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

Metadata MakeMetadata(StringMap configuration, const std::string& fields = "") {
  Metadata metadata;
  metadata.schema_string =
      "{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,"
      "\"metadata\":{}}" +
      fields + "]}";
  metadata.configuration = std::move(configuration);
  return metadata;
}

Result<Protocol> Derive(const Metadata& metadata, std::optional<Protocol> current = std::nullopt,
                        std::vector<std::string> features = {}) {
  return DeriveProtocol(current, metadata, *ParseSchema(metadata.schema_string), features);
}

Protocol Features(std::vector<std::string> reader, std::vector<std::string> writer) {
  return Protocol{3, 7, std::move(reader), std::move(writer)};
}

constexpr char kGenerated[] = R"j(,{"name":"g","type":"long","nullable":true,)j"
                              R"j("metadata":{"delta.generationExpression":"id + 1"}})j";
constexpr char kNtz[] = R"j(,{"name":"n","type":"timestamp_ntz","nullable":true,"metadata":{}})j";

TEST(Properties, UnknownKeysNameTheNearest) {
  const Status status = ValidateProperties({{"delta.enableChangeDataFed", "true"}});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("'delta.enableChangeDataFeed'"));
  EXPECT_TRUE(ValidateProperties({{"owner", "me"}, {"spark.x", "1"}}).ok());
  EXPECT_TRUE(ValidateProperties({{"delta.constraints.positive", "id > 0"}}).ok());
  EXPECT_FALSE(ValidateProperties({{"delta.constraints.", "id > 0"}}).ok());
}

TEST(Properties, BadValuesSayWhatIsExpected) {
  const std::pair<const char*, const char*> kBad[] = {{"delta.appendOnly", "yes"},
                                                      {"delta.checkpointInterval", "0"},
                                                      {"delta.logRetentionDuration", "30"},
                                                      {"delta.columnMapping.mode", "names"},
                                                      {"delta.isolationLevel", "Snapshot"},
                                                      {"delta.dataSkippingNumIndexedCols", "-2"},
                                                      {"tarn.logCompactionInterval", "x"},
                                                      {"delta.feature.nope", "supported"},
                                                      {"delta.feature.deletionVectors", "maybe"}};
  for (const auto& [key, value] : kBad) {
    const Status status = ValidateProperties({{key, value}});
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << key;
    EXPECT_THAT(status.message(), HasSubstr(key));
    EXPECT_EQ(status.message().find('\n'), std::string::npos);
  }
}

TEST(Properties, KeysAndChoicesAreBroughtToTheirSpelling) {
  const auto out =
      NormalizeProperties({{"DELTA.appendonly", "TRUE"}, {"delta.columnmapping.mode", "NAME"}}, {});
  EXPECT_EQ(*out, (StringMap{{"delta.appendOnly", "TRUE"}, {"delta.columnMapping.mode", "name"}}));
  EXPECT_FALSE(
      NormalizeProperties({{"delta.appendOnly", "true"}, {"delta.appendonly", "false"}}, {}).ok());
  // What another writer left is kept as it is; changing it is checked.
  EXPECT_TRUE(NormalizeProperties({{"delta.vendor.x", "1"}}, {{"delta.vendor.x", "1"}}).ok());
  EXPECT_FALSE(NormalizeProperties({{"delta.vendor.x", "2"}}, {{"delta.vendor.x", "1"}}).ok());
}

TEST(Properties, Intervals) {
  EXPECT_EQ(*ParseInterval("interval 365 days"), 365LL * 86'400'000);
  EXPECT_EQ(*ParseInterval("168 hours"), 168LL * 3'600'000);
  EXPECT_EQ(*ParseInterval("INTERVAL 1 week"), 7LL * 86'400'000);
  EXPECT_EQ(*ParseInterval("interval '2' days 3 hours"), 51LL * 3'600'000);
  EXPECT_EQ(*ParseInterval("0 seconds"), 0);
  for (const char* bad : {"", "interval", "3", "days 3", "1 month", "2 years", "-1 days",
                          "1 fortnight", "9223372036854775807 weeks"}) {
    EXPECT_FALSE(ParseInterval(bad).ok()) << bad;
  }
}

TEST(Properties, TypedAccess) {
  const auto p = ParseProperties({{"delta.appendOnly", "True"},
                                  {"delta.checkpointInterval", "25"},
                                  {"delta.isolationLevel", "serializable"},
                                  {"delta.dataSkippingStatsColumns", "a, `b,c`.d ,e"},
                                  {"delta.constraints.one", "id > 1"}});
  ASSERT_TRUE(p.ok());
  EXPECT_TRUE(p->append_only);
  EXPECT_TRUE(p->serializable);
  EXPECT_EQ(p->checkpoint_interval, 25);
  EXPECT_THAT(p->stats_columns, ElementsAre("a", "b,c.d", "e"));
  EXPECT_EQ(p->check_constraints.front().first, "one");
  EXPECT_EQ(p->deleted_file_retention_ms, 7LL * 86'400'000);
}

TEST(Features, LeastProtocolOfANewTable) {
  EXPECT_EQ(*Derive(MakeMetadata({})), (Protocol{1, 2, std::nullopt, std::nullopt}));
  EXPECT_EQ(Derive(MakeMetadata({{"delta.constraints.c", "id > 0"}}))->min_writer_version, 3);
  EXPECT_EQ(Derive(MakeMetadata({{"delta.enableChangeDataFeed", "true"}}))->min_writer_version, 4);
  const auto mapping = Derive(MakeMetadata({{"delta.columnMapping.mode", "name"}}));
  EXPECT_EQ(*mapping, (Protocol{2, 5, std::nullopt, std::nullopt}));
  const auto ntz = Derive(MakeMetadata({}, kNtz));
  EXPECT_EQ(ntz->min_reader_version, 3);
  EXPECT_THAT(*ntz->reader_features, ElementsAre("timestampNtz"));
  const auto ict = Derive(MakeMetadata({{"delta.enableInCommitTimestamps", "true"}}));
  EXPECT_EQ(ict->min_reader_version, 1);  // a writer feature asks nothing of readers
  EXPECT_FALSE(ict->reader_features);
  const auto clustered = Derive(MakeMetadata({}), std::nullopt, {"clustering"});
  EXPECT_THAT(*clustered->writer_features,
              UnorderedElementsAre("appendOnly", "invariants", "clustering", "domainMetadata"));
}

TEST(Features, UpgradeKeepsWhatTheOldVersionImplied) {
  const auto upgraded = Derive(MakeMetadata({{"delta.enableDeletionVectors", "true"}}),
                               Protocol{2, 5, std::nullopt, std::nullopt});
  EXPECT_THAT(*upgraded->reader_features, UnorderedElementsAre("columnMapping", "deletionVectors"));
  EXPECT_THAT(*upgraded->writer_features,
              UnorderedElementsAre("appendOnly", "invariants", "checkConstraints", "changeDataFeed",
                                   "generatedColumns", "columnMapping", "deletionVectors"));
  const Protocol current = Features({"v2Checkpoint"}, {"v2Checkpoint", "unknownToUs"});
  EXPECT_EQ(*Derive(MakeMetadata({}), current), current);
  const Protocol preview = Features({"typeWidening-preview"}, {"typeWidening-preview"});
  EXPECT_EQ(*Derive(MakeMetadata({{"delta.enableTypeWidening", "true"}}), preview), preview);
}

TEST(Features, WhatIsNotWrittenIsRefusedByName) {
  EXPECT_THAT(Derive(MakeMetadata({{"delta.enableIcebergCompatV2", "true"}})).status().message(),
              HasSubstr("icebergCompatV2"));
  EXPECT_THAT(Derive(MakeMetadata({{"delta.feature.geospatial", "supported"}})).status().message(),
              HasSubstr("geospatial"));
  const Status unknown =
      CheckReadable(Features({"timeTravel9"}, {"timeTravel9"}), MakeMetadata({}));
  EXPECT_EQ(unknown.code(), StatusCode::kUnsupported);
  EXPECT_THAT(unknown.message(), HasSubstr("timeTravel9"));
  EXPECT_THAT(CheckWritable(Features({}, {"icebergCompatV1"}), MakeMetadata({})).message(),
              HasSubstr("icebergCompatV1"));
  EXPECT_TRUE(CheckReadable(Features({}, {"unknownWriterFeature"}), MakeMetadata({})).ok());
}

TEST(Features, OnlyUnusedWriterFeaturesAreDropped) {
  const Metadata metadata = MakeMetadata({{"delta.appendOnly", "true"}});
  const auto drop = [&](const Protocol& protocol, const char* feature) {
    return WithoutFeature(protocol, metadata, *ParseSchema(metadata.schema_string), feature);
  };
  const Protocol legacy{1, 4, std::nullopt, std::nullopt};
  EXPECT_THAT(
      *drop(legacy, "changeDataFeed")->writer_features,
      UnorderedElementsAre("appendOnly", "invariants", "checkConstraints", "generatedColumns"));
  EXPECT_FALSE(drop(legacy, "changeDataFeed")->reader_features);
  EXPECT_THAT(drop(legacy, "appendOnly").status().message(), HasSubstr("in use"));
  EXPECT_EQ(drop(legacy, "deletionVectors").status().code(), StatusCode::kInvalidArgument);
  const Protocol both = Features({"deletionVectors"}, {"deletionVectors", "inCommitTimestamp"});
  EXPECT_EQ(drop(both, "deletionVectors").status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(*drop(both, "inCommitTimestamp"), Features({"deletionVectors"}, {"deletionVectors"}));
}

TEST(Features, EveryLegacyFeatureIsWritten) {
  const Protocol legacy{2, 6, std::nullopt, std::nullopt};
  EXPECT_TRUE(CheckWritable(legacy, MakeMetadata({})).ok());
  EXPECT_TRUE(CheckWritable(legacy, MakeMetadata({}, kGenerated)).ok());
  EXPECT_TRUE(CheckWritable(Features({}, {"generatedColumns"}), MakeMetadata({})).ok());
  EXPECT_EQ(*Derive(MakeMetadata({}, kGenerated)), (Protocol{1, 4, std::nullopt, std::nullopt}));
}

TEST(Features, EveryGeneralReaderFeatureButTheCatalogsIsRead) {
  for (const FeatureInfo& feature : KnownFeatures()) {
    if (!feature.general || std::string(feature.name) == "catalogManaged") continue;
    EXPECT_TRUE(feature.tarn_reads) << feature.name;
  }
}

TEST(Features, VersionsBeyondOursAndBrokenProtocols) {
  EXPECT_EQ(CheckReadable(Protocol{4, 7, {}, {}}, MakeMetadata({})).code(),
            StatusCode::kUnsupported);
  EXPECT_EQ(CheckWritable(Protocol{1, 8, {}, {}}, MakeMetadata({})).code(),
            StatusCode::kUnsupported);
  EXPECT_EQ(CheckReadable(Protocol{3, 7, std::nullopt, std::nullopt}, MakeMetadata({})).code(),
            StatusCode::kCorruption);
  Metadata orc = MakeMetadata({});
  orc.format_provider = "orc";
  EXPECT_EQ(CheckReadable(Protocol{1, 2, {}, {}}, orc).code(), StatusCode::kUnsupported);
}

TEST(Features, TypeChangesThatReadersCannotFollowAreRefused) {
  const auto field = [](const std::string& from, const std::string& to) {
    return ",{\"name\":\"w\",\"type\":\"long\",\"nullable\":true,\"metadata\":{\"delta."
           "typeChanges\":[{\"fromType\":\"" +
           from + "\",\"toType\":\"" + to + "\"}]}}";
  };
  const Protocol protocol = Features({"typeWidening"}, {"typeWidening"});
  EXPECT_TRUE(CheckReadable(protocol, MakeMetadata({}, field("integer", "long"))).ok());
  EXPECT_TRUE(
      CheckReadable(protocol, MakeMetadata({}, field("decimal(5,2)", "decimal(10,4)"))).ok());
  EXPECT_EQ(CheckReadable(protocol, MakeMetadata({}, field("string", "long"))).code(),
            StatusCode::kUnsupported);
}

TEST(Features, SupportByNameAndByVersion) {
  EXPECT_TRUE(ProtocolSupports(Protocol{1, 2, {}, {}}, "appendOnly"));
  EXPECT_FALSE(ProtocolSupports(Protocol{1, 2, {}, {}}, "checkConstraints"));
  EXPECT_FALSE(ProtocolSupports(Protocol{1, 5, {}, {}}, "columnMapping"));
  EXPECT_TRUE(ProtocolSupports(Protocol{2, 5, {}, {}}, "columnMapping"));
  EXPECT_FALSE(ProtocolSupports(Features({}, {}), "appendOnly"));
  EXPECT_TRUE(ProtocolSupports(
      Protocol{2, 7, std::nullopt, std::vector<std::string>{"columnMapping"}}, "columnMapping"));
}

TEST(Features, RegistryIsSound) {
  std::set<std::string> names;
  for (const FeatureInfo& info : KnownFeatures()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(info.tarn_reads || !info.tarn_writes) << info.name;
    EXPECT_TRUE(info.kind == FeatureKind::kReaderWriter || info.legacy_reader == 0) << info.name;
  }
}

}  // namespace
}  // namespace tarn::delta
