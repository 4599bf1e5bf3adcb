#include "delta/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tarn::delta {
namespace {

template <typename T>
T Only(const std::string& line) {
  auto actions = ParseActions(line, "x.json");
  EXPECT_TRUE(actions.ok()) << actions.status().ToString();
  if (!actions.ok() || actions->size() != 1) {
    ADD_FAILURE() << "expected one action";
    return T{};
  }
  return std::get<T>(actions->front());
}

AddFile FullAdd() {
  AddFile add;
  add.path = "d=2024-01-01%20%25/part-\u00e9-1.parquet";
  add.partition_values = {{"d", "2024-01-01 %"}, {"e", std::nullopt}, {"f", ""}};
  add.size_bytes = 1'234'567'890'123;
  add.modification_time_ms = -5;
  add.data_change = false;
  add.stats = R"({"numRecords":3,"minValues":{"s":"a\"b\\\n\u0001\ud83d\ude00"}})";
  add.tags = {{"k", "v\t\""}};
  add.deletion_vector = DeletionVectorDescriptor{'u', "ab^-aqEH.-t@S}K{vb[*k^", 4, 40, 6};
  add.base_row_id = 7;
  add.default_row_commit_version = 8;
  add.clustering_provider = "liquid";
  return add;
}

TEST(JsonTest, AddSurvivesTheRoundTrip) {
  const AddFile in = FullAdd();
  const AddFile out = Only<AddFile>(SerializeAction(in));
  EXPECT_EQ(out.path, in.path);
  EXPECT_EQ(out.partition_values, in.partition_values);
  EXPECT_EQ(out.size_bytes, in.size_bytes);
  EXPECT_EQ(out.modification_time_ms, in.modification_time_ms);
  EXPECT_EQ(out.data_change, in.data_change);
  EXPECT_EQ(out.stats, in.stats);
  EXPECT_EQ(out.tags, in.tags);
  EXPECT_EQ(out.deletion_vector, in.deletion_vector);
  EXPECT_EQ(out.base_row_id, in.base_row_id);
  EXPECT_EQ(out.default_row_commit_version, in.default_row_commit_version);
  EXPECT_EQ(out.clustering_provider, in.clustering_provider);
}

TEST(JsonTest, WhatIsWrittenIsJsonToAnotherParser) {
  const auto json = nlohmann::json::parse(SerializeAction(FullAdd()));
  EXPECT_EQ(json["add"]["partitionValues"]["e"], nullptr);
  EXPECT_EQ(json["add"]["deletionVector"]["offset"], 4);
  EXPECT_EQ(json["add"]["stats"], FullAdd().stats);
}

TEST(JsonTest, RemoveTellsMissingFromGiven) {
  const auto bare = Only<RemoveFile>(R"({"remove":{"path":"a","dataChange":true}})");
  EXPECT_FALSE(bare.extended_file_metadata);
  EXPECT_FALSE(bare.size_bytes);
  EXPECT_FALSE(bare.deletion_timestamp_ms);
  RemoveFile full;
  full.path = "a";
  full.deletion_timestamp_ms = 5;
  full.size_bytes = 6;
  full.partition_values = {{"p", "1"}};
  full.stats = "{}";
  const auto again = Only<RemoveFile>(SerializeAction(full));
  EXPECT_TRUE(again.extended_file_metadata);
  EXPECT_EQ(again.size_bytes, 6);
  EXPECT_EQ(again.deletion_timestamp_ms, 5);
  EXPECT_EQ(again.partition_values, full.partition_values);
  EXPECT_EQ(again.stats, "{}");
}

TEST(JsonTest, ProtocolMetadataTxnDomainCdcSidecar) {
  Protocol protocol{3, 7, std::vector<std::string>{"deletionVectors"},
                    std::vector<std::string>{"deletionVectors", "appendOnly"}};
  EXPECT_EQ(Only<Protocol>(SerializeAction(protocol)), protocol);
  EXPECT_EQ(Only<Protocol>(SerializeAction(Protocol{})), Protocol{});

  Metadata metadata;
  metadata.id = "x";
  metadata.name = "n\u00e4me";
  metadata.schema_string = R"({"type":"struct","fields":[]})";
  metadata.partition_columns = {"a", "b"};
  metadata.configuration = {{"delta.appendOnly", "true"}};
  metadata.created_time_ms = 12;
  EXPECT_EQ(Only<Metadata>(SerializeAction(metadata)), metadata);

  const auto txn = Only<SetTransaction>(SerializeAction(SetTransaction{"app", -3, 9}));
  EXPECT_EQ(txn.app_id, "app");
  EXPECT_EQ(txn.version, -3);
  EXPECT_EQ(txn.last_updated_ms, 9);

  const auto domain = Only<DomainMetadata>(SerializeAction(DomainMetadata{"d", "{\"a\":1}", true}));
  EXPECT_EQ(domain.configuration, "{\"a\":1}");
  EXPECT_TRUE(domain.removed);

  const auto cdc =
      Only<AddCdcFile>(SerializeAction(AddCdcFile{"_change_data/c", {{"p", std::nullopt}}, 4, {}}));
  EXPECT_EQ(cdc.partition_values.at("p"), std::nullopt);
  EXPECT_EQ(cdc.size_bytes, 4);

  const auto sidecar = Only<Sidecar>(SerializeAction(Sidecar{"s.parquet", 1, 2, {{"k", "v"}}}));
  EXPECT_EQ(sidecar.path, "s.parquet");
  EXPECT_EQ(sidecar.tags.at("k"), "v");
  EXPECT_EQ(Only<CheckpointMetadata>(SerializeAction(CheckpointMetadata{11, {}})).version, 11);
}

TEST(JsonTest, CommitInfoKeepsWhatItDoesNotKnow) {
  const std::string line =
      R"({"commitInfo":{"timestamp":5,"operation":"WRITE","operationParameters":{)"
      R"("mode":"Append","n":3},)"
      R"("operationMetrics":{"numFiles":"1","x":2},"isBlindAppend":true,"clusterI)"
      R"(d":"q","big":123456789012345678901234567890}})";
  const auto info = Only<CommitInfo>(line);
  EXPECT_EQ(info.operation, "WRITE");
  EXPECT_EQ(info.operation_parameters.at("mode"), "\"Append\"");
  EXPECT_EQ(info.operation_parameters.at("n"), "3");
  EXPECT_EQ(info.operation_metrics.at("x"), "2");
  EXPECT_EQ(info.is_blind_append, true);
  EXPECT_NE(info.raw_json.find("clusterId"), std::string::npos);
  EXPECT_EQ(SerializeAction(info), "{\"commitInfo\":" + info.raw_json + "}");
}

TEST(JsonTest, CommitInfoOfOddTypesIsNoError) {
  const auto info = Only<CommitInfo>(R"({"commitInfo":{"timestamp":"yesterday","operation":7}})");
  EXPECT_FALSE(info.timestamp_ms);
  EXPECT_TRUE(info.operation.empty());
}

TEST(JsonTest, OperationParametersAreWrittenAsJsonOrAsText) {
  CommitInfo info;
  info.operation = "MERGE";
  info.operation_parameters = {{"mode", "\"Append\""}, {"predicate", "not json ["}};
  const auto json = nlohmann::json::parse(SerializeAction(info));
  EXPECT_EQ(json["commitInfo"]["operationParameters"]["mode"], "Append");
  EXPECT_EQ(json["commitInfo"]["operationParameters"]["predicate"], "not json [");
}

TEST(JsonTest, UnknownActionsFieldsNullsAndBlankLinesAreSkipped) {
  auto actions = ParseActions(
      "\n{\"future\":{\"a\":1}}\r\n"
      "{\"add\":null,\"remove\":{\"path\":\"a\",\"dataChange\":true,\"new\":[1,{}],\"tags\":null}}"
      "\n\n",
      "x.json");
  ASSERT_TRUE(actions.ok()) << actions.status().ToString();
  ASSERT_EQ(actions->size(), 1u);
  EXPECT_EQ(std::get<RemoveFile>((*actions)[0]).path, "a");
}

TEST(JsonTest, DamageNamesFileLineAndField) {
  const std::string good = R"({"txn":{"appId":"a","version":1}})";
  struct Case {
    std::string line, expect;
  } cases[] = {
      {R"({"add":{"path":"a","size":1)", "line 2"},
      {R"({"add":{"path":"a","size":"1"}})", "'size'"},
      {R"({"add":{"size":1}})", "'path'"},
      {R"({"add":{"path":"a"}})", "'size'"},
      {R"({"add":[]})", "'add'"},
      {R"({"protocol":{"minReaderVersion":1}})", "minWriterVersion"},
      {R"({"metaData":{"schemaString":7}})", "schemaString"},
      {R"([1])", "line 2"},
      {std::string("\0\0\0\0", 4), "line 2"},
      {"garbage", "line 2"},
      {R"({"add":{"path":"a","size":1}} trailing)", "line 2"},
      {"{\"add\":{\"path\":\"\xff\",\"size\":1}}", "line 2"},
  };
  for (const Case& c : cases) {
    auto actions = ParseActions(good + "\n" + c.line + "\n", "t/_delta_log/5.json");
    ASSERT_FALSE(actions.ok()) << c.line;
    EXPECT_EQ(actions.status().code(), StatusCode::kCorruption);
    EXPECT_NE(actions.status().message().find("t/_delta_log/5.json line 2"), std::string::npos)
        << actions.status().message();
    EXPECT_NE(actions.status().message().find(c.expect), std::string::npos)
        << actions.status().message();
  }
}

TEST(JsonTest, ReformattedEntriesAreReadWhenWhole) {
  const std::string pretty =
      "{\"txn\":{\"appId\":\"a\",\"version\":1}}\n{\n  \"txn\": {\n \"appId\": \"b}{\\\"\",\n "
      "\"version\": 2\n}\n}\n"
      "{\"txn\":{\"appId\":\"c\",\"version\":3}}{\"txn\":{\"appId\":\"d\",\"version\":4}}\n";
  auto actions = ParseActions(pretty, "x.json");
  ASSERT_TRUE(actions.ok()) << actions.status().ToString();
  ASSERT_EQ(actions->size(), 4u);
  EXPECT_EQ(std::get<SetTransaction>((*actions)[1]).app_id, "b}{\"");
  for (size_t cut = 40; cut < pretty.size() - 1; ++cut) {
    auto torn = ParseActions(pretty.substr(0, cut), "x.json");
    if (torn.ok()) {
      EXPECT_LT(torn->size(), 4u);
    }
  }
  EXPECT_FALSE(ParseActions(pretty.substr(0, pretty.size() - 3), "x.json").ok());
}

TEST(JsonTest, StringsAreAlwaysValidUtf8) {
  EXPECT_EQ(JsonQuote("a\"\\\x01\n\u00e9"), "\"a\\\"\\\\\\u0001\\n\u00e9\"");
  EXPECT_EQ(JsonQuote("x\xff\xc3y"), "\"x\xEF\xBF\xBD\xEF\xBF\xBDy\"");
  EXPECT_EQ(JsonQuote("\xed\xa0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(JsonQuote("\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"");
}

}  // namespace
}  // namespace tarn::delta
