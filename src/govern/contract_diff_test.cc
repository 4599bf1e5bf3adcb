#include "govern/contract_diff.h"

#include <gtest/gtest.h>

#include "govern/contract_fixture.h"
#include "govern/contract_yaml.h"
#include "govern/value_order.h"

namespace tarn::govern {
namespace {

Contract Reference() {
  return ParseContracts(kReferenceContract, "events_v2.yaml").value().front();
}

std::string Said(const std::vector<ContractChange>& changes) {
  std::string out;
  for (const ContractChange& change : changes) {
    out += std::string(change.breaking ? "BREAKING " : "compatible ") + change.path + ": " +
           change.text + "\n";
  }
  return out;
}

std::string FieldDiff(const std::string& before, const std::string& after) {
  const auto parse = [](const std::string& field) {
    auto parsed = ParseContracts(
        "contract: {name: c, version: '1', schema: [{name: f, " + field + "}]}", "c.yml");
    EXPECT_TRUE(parsed.ok()) << parsed.status().message();
    return parsed->front();
  };
  return Said(DiffContracts(parse(before), parse(after)));
}

TEST(ContractDiff, TheSameIsNoChange) {
  EXPECT_EQ(Said(DiffContracts(Reference(), Reference())), "");
}

TEST(ContractDiff, ARenameIsBreaking) {
  Contract after = Reference();
  after.schema[1].name = "userId";
  EXPECT_EQ(Said(DiffContracts(Reference(), after)),
            "BREAKING user_id: is gone; renamed to 'userId'?\ncompatible userId: is new: string\n");
}

TEST(ContractDiff, StricterIsCompatibleLooserIsNot) {
  EXPECT_EQ(FieldDiff("type: int", "type: long"), "compatible f: type from int to long (wider)\n");
  EXPECT_EQ(FieldDiff("type: long", "type: int"), "BREAKING f: type from long to int\n");
  EXPECT_EQ(FieldDiff("type: 'decimal(10,2)'", "type: 'decimal(12,2)'"),
            "compatible f: type from decimal(10,2) to decimal(12,2) (wider)\n");
  EXPECT_EQ(FieldDiff("type: 'decimal(10,2)'", "type: 'decimal(10,3)'"),
            "BREAKING f: type from decimal(10,2) to decimal(10,3)\n");
  EXPECT_EQ(FieldDiff("type: string, nullable: false", "type: string"),
            "BREAKING f: may be null or absent now\n");
  EXPECT_EQ(FieldDiff("type: string", "type: string, nullable: false"),
            "compatible f: is always there now\n");
  EXPECT_EQ(
      FieldDiff("type: string, allowed_values: [a, b]", "type: string, allowed_values: [b, c]"),
      "BREAKING f: new allowed values: c\ncompatible f: values no longer sent: a\n");
  EXPECT_EQ(FieldDiff("type: int, maximum: 10", "type: int, maximum: 20"),
            "BREAKING f: maximum from 10 to 20\n");
  EXPECT_EQ(FieldDiff("type: int, minimum: 10", "type: int, minimum: 20"),
            "compatible f: minimum from 10 to 20\n");
  EXPECT_EQ(FieldDiff("type: string, max_length: 5", "type: string"),
            "BREAKING f: max_length from 5 to none\n");
  EXPECT_EQ(FieldDiff("type: string, unique: true", "type: string"),
            "BREAKING f: is no longer unique\n");
  EXPECT_EQ(FieldDiff("type: string", "type: string, pii: email"),
            "BREAKING f: is personal data now: email\n");
  EXPECT_EQ(FieldDiff("type: object, fields: [{name: a, type: int}]",
                      "type: object, fields: [{name: b, type: int}]"),
            "BREAKING f.a: is gone\ncompatible f.b: is new: int\n");
  EXPECT_EQ(FieldDiff("type: array, items: {type: int}", "type: array, items: {type: string}"),
            "BREAKING f[]: type from int to string\n");
}

TEST(ContractDiff, SlaAndPolicy) {
  Contract after = Reference();
  after.sla.max_delay_seconds = 600;
  after.sla.min_daily_volume = 600'000;
  after.policy.notice_days = 3;
  EXPECT_EQ(Said(DiffContracts(Reference(), after)),
            "BREAKING sla.max_delay_seconds: from 300 to 600\n"
            "compatible sla.min_daily_volume: from 500000 to 600000\n"
            "BREAKING breaking_change_policy.notice_days: from 14 to 3\n");
}

TEST(ContractDiff, PublishingNeedsVersionNoticeAndApproval) {
  Contract after = Reference();
  after.schema[1].name = "userId";
  const int64_t today = *ParseDate("2026-03-01");
  const auto changes = DiffContracts(Reference(), after);
  EXPECT_EQ(PublishObstacles(Reference(), after, changes, today),
            (std::vector<std::string>{
                "the version is still 2.0; raise it",
                "effective_date 2026-01-01 gives 0 days of notice, 14 are due",
                "approval of data-platform-team is missing (list it under approvals)"}));
  after.version = "3.0";
  after.effective_date = "2026-03-15";
  after.approvals = {"data-platform-team"};
  EXPECT_TRUE(PublishObstacles(Reference(), after, changes, today).empty());
  after.effective_date = "2026-03-14";
  EXPECT_EQ(PublishObstacles(Reference(), after, changes, today).size(), 1u);

  Contract stricter = Reference();
  stricter.version = "2.1";
  stricter.schema[2].allowed_values.pop_back();
  EXPECT_TRUE(
      PublishObstacles(Reference(), stricter, DiffContracts(Reference(), stricter), today).empty());
}

}  // namespace
}  // namespace tarn::govern
