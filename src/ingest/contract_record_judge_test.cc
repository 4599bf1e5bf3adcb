#include "ingest/contract_record_judge.h"

#include <gtest/gtest.h>

namespace tarn::ingest {
namespace {

govern::Contract Users(const std::string& table, govern::Enforcement enforcement) {
  govern::Contract contract;
  contract.name = "users";
  contract.version = "1.0";
  contract.streams = {table};
  contract.enforcement = enforcement;
  govern::Field id;
  id.name = "user_id";
  id.type = govern::FieldType::kString;
  id.nullable = false;
  contract.schema = {id};
  return contract;
}

sources::Batch Records(const std::vector<std::pair<const char*, const char*>>& records) {
  sources::Batch batch;
  std::string_view topic;
  for (const auto& [name, payload] : records) {
    sources::Record& record = batch.records.emplace_back();
    if (topic != name) topic = batch.arena.Copy(name);
    record.topic = topic;
    record.offset = static_cast<int64_t>(batch.records.size()) - 1;
    record.is_tombstone = payload == nullptr;
    if (payload != nullptr) record.payload = batch.arena.Copy(payload);
  }
  return batch;
}

struct Fixture {
  explicit Fixture(std::vector<govern::Contract> contracts, RecordJudge* before = nullptr) {
    ContractJudgeOptions options;
    options.contracts = std::move(contracts);
    options.table_of = [](std::string_view topic) { return "bronze." + std::string(topic); };
    options.before = before;
    options.on_table = [this](const std::string& table) {
      tables.push_back(table);
      return Status::Ok();
    };
    judge = std::move(*ContractRecordJudge::Make(std::move(options)));
  }
  std::vector<std::string> tables;
  std::unique_ptr<ContractRecordJudge> judge;
};

TEST(ContractRecordJudge, CountsAndRefusesPerTopic) {
  Fixture fixture({Users("bronze.a", govern::Enforcement::kDeadLetter), [] {
                     auto other = Users("bronze.b", govern::Enforcement::kFlag);
                     other.name = "others";
                     return other;
                   }()});
  auto batch = Records({{"a", "{\"user_id\":\"x\"}"},
                        {"a", "{\"userId\":\"x\"}"},
                        {"b", "{\"userId\":\"x\"}"},
                        {"c", "no JSON at all"},
                        {"a", nullptr},
                        {"a", ""}});
  std::vector<Refusal> refusals;
  ASSERT_TRUE(fixture.judge->Judge(&batch, &refusals).ok());
  ASSERT_EQ(refusals.size(), 2u);
  EXPECT_EQ(refusals[0].record, 1u);
  EXPECT_EQ(refusals[0].rule, "contract.user_id.required");
  EXPECT_NE(refusals[0].reason.find("users 1.0: "), std::string::npos);
  EXPECT_NE(refusals[0].reason.find("was the field renamed?"), std::string::npos);
  EXPECT_EQ(refusals[1].record, 5u);
  EXPECT_EQ(refusals[1].rule, "contract.json");
  EXPECT_EQ(fixture.tables, (std::vector<std::string>{"bronze.a", "bronze.b"}));

  const JudgeAccount a = fixture.judge->AccountOf("a");
  ASSERT_EQ(a.contracts.size(), 1u);
  EXPECT_EQ(a.contracts[0].judged, 3);
  EXPECT_EQ(a.contracts[0].dead_letters, 2);
  EXPECT_EQ(a.contracts[0].rules.at("user_id.required"),
            (std::pair<int64_t, std::string>{1, "dead_letter"}));
  EXPECT_EQ(a.contracts[0].nulls.at("user_id"), 1);
  const JudgeAccount b = fixture.judge->AccountOf("b");
  ASSERT_EQ(b.contracts.size(), 1u);
  EXPECT_EQ(b.contracts[0].flagged, 1);
  EXPECT_TRUE(fixture.judge->AccountOf("c").empty());

  // The next batch counts from nothing.
  auto next = Records({{"a", "{\"user_id\":\"x\"}"}});
  refusals.clear();
  ASSERT_TRUE(fixture.judge->Judge(&next, &refusals).ok());
  EXPECT_TRUE(refusals.empty());
  EXPECT_EQ(fixture.judge->AccountOf("a").contracts[0].judged, 1);
  EXPECT_TRUE(fixture.judge->AccountOf("b").empty());
}

TEST(ContractRecordJudge, TheWorstOfSeveralAndWhatIsNotInForce) {
  auto flag = Users("bronze.a", govern::Enforcement::kFlag);
  auto stop = Users("bronze.a", govern::Enforcement::kStop);
  stop.name = "strict";
  auto later = Users("bronze.a", govern::Enforcement::kStop);
  later.name = "later";
  later.effective_date = "2999-01-01";
  for (const bool strict : {false, true}) {
    Fixture fixture(strict ? std::vector{flag, later, stop} : std::vector{flag, later});
    auto batch = Records({{"a", "{}"}});
    std::vector<Refusal> refusals;
    ASSERT_TRUE(fixture.judge->Judge(&batch, &refusals).ok());
    ASSERT_EQ(refusals.size(), strict ? 1u : 0u);
    if (strict) {
      EXPECT_TRUE(refusals[0].stops);
    }
    EXPECT_EQ(fixture.judge->AccountOf("a").contracts.size(), strict ? 2u : 1u);
  }
}

// Refuses every record whose payload begins with '!'.
class Registry final : public RecordJudge {
 public:
  Status Judge(sources::Batch* batch, std::vector<Refusal>* refusals) override {
    for (size_t i = 0; i < batch->records.size(); ++i) {
      if (batch->records[i].payload.starts_with('!')) refusals->push_back({i, "registry.x", "x"});
    }
    return Status::Ok();
  }
};

TEST(ContractRecordJudge, WhatTheJudgeInFrontRefusedIsNotJudged) {
  Registry registry;
  Fixture fixture({Users("bronze.a", govern::Enforcement::kDeadLetter)}, &registry);
  auto batch = Records({{"a", "!"}, {"a", "{}"}, {"a", "!"}});
  std::vector<Refusal> refusals;
  ASSERT_TRUE(fixture.judge->Judge(&batch, &refusals).ok());
  ASSERT_EQ(refusals.size(), 3u);
  EXPECT_EQ(refusals[0].rule, "registry.x");
  EXPECT_EQ(refusals[1].rule, "contract.user_id.required");
  EXPECT_EQ(refusals[2].record, 2u);
  EXPECT_EQ(fixture.judge->AccountOf("a").contracts[0].judged, 1);
}

TEST(JudgeAccount, AddsUpAndReadsBack) {
  JudgeAccount account, more;
  account.contracts = {{"c", "1", 10, 1, 2, {{"x.required", {2, "dead_letter"}}}, {{"x", 2}}, 5}};
  more.contracts = {{"c", "1", 5, 0, 1, {{"x.required", {1, "dead_letter"}}}, {{"y", 1}}, 9},
                    {"d", "2", 1, 0, 0, {}, {}, 0}};
  account.Add(more);
  const auto read = ParseAccount(AccountText(account));
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->contracts.size(), 2u);
  EXPECT_EQ(read->contracts[0].judged, 15);
  EXPECT_EQ(read->contracts[0].dead_letters, 3);
  EXPECT_EQ(read->contracts[0].rules.at("x.required").first, 3);
  EXPECT_EQ(read->contracts[0].nulls, (std::map<std::string, int64_t>{{"x", 2}, {"y", 1}}));
  EXPECT_EQ(read->contracts[0].max_delay_micros, 9);
  for (const char* other : {"", "text", "{}", "{\"tarn\":1}", "{\"tarn\":{\"contracts\":[1]}}",
                            "{\"tarn\":{\"contracts\":[{\"rules\":{\"a\":1}}]}}"}) {
    EXPECT_FALSE(ParseAccount(other).has_value()) << other;
  }
}

}  // namespace
}  // namespace tarn::ingest
