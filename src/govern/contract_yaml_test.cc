#include "govern/contract_yaml.h"

#include <gtest/gtest.h>

#include "govern/contract_fixture.h"
#include "govern/value_order.h"

namespace tarn::govern {
namespace {

std::string FaultOf(const std::string& yaml) {
  const auto parsed = ParseContracts(yaml, "c.yml");
  return parsed.ok() ? "" : parsed.status().message();
}

std::string WithField(const std::string& lines) {
  return "contract:\n  name: c\n  version: '1'\n  schema:\n    - name: f\n" + lines;
}

TEST(ContractYaml, ReadsTheReferenceAsWritten) {
  const auto parsed = ParseContracts(kReferenceContract, "events_v2.yaml");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  const Contract& contract = parsed->front();
  EXPECT_EQ(contract.name, "user_interaction_events");
  EXPECT_EQ(contract.version, "2.0");
  EXPECT_EQ(contract.effective_date, "2026-01-01");
  ASSERT_EQ(contract.schema.size(), 5u);
  EXPECT_EQ(contract.schema[2].allowed_values.size(), 5u);
  EXPECT_EQ(contract.schema[3].type, FieldType::kTimestamp);
  EXPECT_FALSE(contract.schema[4].nullable);
  EXPECT_EQ(contract.sla.max_delay_seconds, 300);
  EXPECT_EQ(contract.sla.min_daily_volume, 500'000);
  EXPECT_EQ(contract.sla.max_null_rate_pct, 0.1);
  EXPECT_EQ(contract.policy.notice_days, 14);
  EXPECT_EQ(contract.policy.approval_required_from, std::vector<std::string>{"data-platform-team"});
  EXPECT_TRUE(contract.policy.migration_support);
  EXPECT_EQ(contract.enforcement, Enforcement::kDeadLetter);
}

TEST(ContractYaml, BothFormsHaveOneMeaning) {
  const std::string rich = R"(contract:
  name: orders
  version: '3'
  owner: shop
  effective_date: '2026-05-01'
  streams: [bronze.orders]
  event_time: placed_at
  envelope: debezium
  enforcement: stop
  additional_fields: dead_letter
  approvals: [data-platform-team]
  schema:
    - {name: id, type: long, nullable: false, primary_key: true}
    - {name: email, type: string, pii: email, pattern: '[^@]+@[^@]+', max_length: 200}
    - {name: amount, type: 'decimal(12,2)', minimum: '0', exclusive_minimum: true, on_break: flag}
    - {name: placed_at, type: timestamp, format: epoch_millis, nullable: false}
    - {name: quantity, type: int, maximum: '1000', max_null_rate_pct: 5}
    - name: lines
      type: array
      min_length: 1
      items:
        type: object
        nullable: false
        fields: [{name: sku, type: string, nullable: false, allowed_values: ['a "quoted" one', b]}]
  sla: {max_delay_seconds: 60, min_daily_volume: 10, max_null_rate_pct: 0.5}
  breaking_change_policy: {notice_days: 7, approval_required_from: [a, b], migration_support: true}
)";
  const auto parsed = ParseContracts(rich, "rich.yml");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  const auto again = ParseContracts(WriteShortForm(parsed->front()), "again.yml");
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->front(), parsed->front());
  const auto standard = ParseContracts(WriteOdcs(parsed->front()), "odcs.yml");
  ASSERT_TRUE(standard.ok()) << standard.status().message() << WriteOdcs(parsed->front());
  EXPECT_EQ(standard->front(), parsed->front()) << WriteOdcs(parsed->front());
}

TEST(ContractYaml, ReadsOdcsOfOthers) {
  const auto parsed = ParseContracts(R"(version: 1.1.0
apiVersion: v3.0.2
kind: DataContract
id: 53581432-6c55-4ba2-a65f-72344a91553a
name: seller_payments
status: active
dataProduct: my quantum
description: {purpose: Views built on top of the seller tables., limitations: none}
team: [{username: ceastwood, role: Data Scientist}, {username: mhopper, role: owner}]
schema:
  - name: tbl
    physicalName: tbl_1
    properties:
      - name: txn_ref_dt
        logicalType: date
        physicalType: date
        required: true
      - name: rcvr_id
        primaryKey: true
        logicalType: string
        physicalType: varchar(18)
        classification: restricted
      - name: amount
        logicalType: number
        physicalType: decimal(18,2)
        logicalTypeOptions: {minimum: 0}
        quality: [{rule: nullCheck, mustBe: 0}, {type: sql, query: 'SELECT 1', mustBe: 1}]
slaProperties:
  - {property: latency, value: 4, unit: d, element: tab1.txn_ref_dt}
  - {property: generalAvailability, value: '2022-05-12T09:30:10-08:00'}
)",
                                     "payments.yml");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  const Contract& contract = parsed->front();
  EXPECT_EQ(contract.name, "seller_payments");
  EXPECT_EQ(contract.owner, "mhopper");
  EXPECT_EQ(contract.sla.max_delay_seconds, 4 * 86'400);
  ASSERT_EQ(contract.schema.size(), 3u);
  EXPECT_EQ(contract.schema[1].pii, "restricted");
  EXPECT_TRUE(contract.schema[1].primary_key);
  EXPECT_EQ(TypeText(contract.schema[2]), "decimal(18,2)");
  EXPECT_FALSE(contract.schema[2].nullable);
  EXPECT_EQ(contract.schema[2].minimum, "0");
}

TEST(ContractYaml, FaultsNameThePlaceAndTheRemedy) {
  EXPECT_EQ(FaultOf("contract:\n  name: c\n  verion: '1'\n"),
            "c.yml:3:3: contract has no key 'verion'; did you mean 'version'?");
  EXPECT_EQ(FaultOf(WithField("      type: strng\n")),
            "c.yml:6:13: unknown type 'strng'; did you mean 'string'?");
  EXPECT_EQ(FaultOf(WithField("      type: string\n      nullabel: true\n")),
            "c.yml:7:7: a field has no key 'nullabel'; did you mean 'nullable'?");
  EXPECT_EQ(FaultOf(WithField("      type: string\n      minimum: 1\n")),
            "c.yml:5:7: 'minimum' needs a number, a date or a time, but field 'f' is string");
  EXPECT_EQ(FaultOf(WithField(
                "      type: int\n      minimum: 9\n      maximum: 10\n      pattern: x\n")),
            "c.yml:5:7: 'pattern' needs a string, but field 'f' is int");
  EXPECT_EQ(FaultOf(WithField("      type: int\n      minimum: 10\n      maximum: 9\n")),
            "c.yml:5:7: field 'f': minimum is above maximum");
  EXPECT_EQ(FaultOf(WithField("      type: string\n      pattern: '('\n")),
            "c.yml:5:7: pattern of field 'f' cannot be read: missing ): (");
  EXPECT_EQ(FaultOf(WithField("      type: date\n      maximum: 2026-02-30\n")),
            "c.yml:5:7: 'maximum' of field 'f' is no date: '2026-02-30'");
  EXPECT_EQ(FaultOf(WithField("      type: string\n    - name: f\n")),
            "c.yml:7:7: field 'f' is named twice");
  EXPECT_EQ(FaultOf(WithField("      type: string\n  enforcement: drop\n")),
            "c.yml:7:16: 'drop' is none of flag, dead_letter, stop");
  EXPECT_EQ(FaultOf(WithField("      type: string\n  event_time: f\n")),
            "c.yml:7:15: event_time 'f' is string, not a timestamp");
  EXPECT_EQ(FaultOf("contract:\n  name: c\n  version: '1'\n"),
            "c.yml:2:3: contract 'c' has no schema: nothing would be promised");
  EXPECT_EQ(FaultOf("apiVersion: v2.2.0\nkind: DataContract\n"),
            "c.yml:1:13: apiVersion 'v2.2.0' is not read; v3.x is");
  EXPECT_NE(FaultOf("contract: [\n"), "");
  EXPECT_NE(FaultOf("- a\n"), "");
  EXPECT_NE(FaultOf(""), "");
}

TEST(ValueOrder, NumbersCompareExactly) {
  Field number;
  number.type = FieldType::kDecimal;
  const auto value = [&](const char* text) { return *OrderedValue(number, text); };
  EXPECT_LT(value("9007199254740992"), value("9007199254740993"));
  EXPECT_EQ(value("1e2"), value("100.0"));
  EXPECT_EQ(value("12.5e-1"), value("1.25"));
  EXPECT_EQ(value("-0"), value("0.000"));
  EXPECT_LT(value("-2"), value("-1.5"));
  EXPECT_LT(value("0.1"), value("0.11"));
  for (const char* bad : {"", "-", "1e", "1x", "NaN", "1e999999", "."}) {
    EXPECT_FALSE(OrderedValue(number, bad)) << bad;
  }
}

TEST(ValueOrder, DatesAndTimes) {
  EXPECT_EQ(ParseDate("1970-01-02"), 1);
  EXPECT_TRUE(ParseDate("2024-02-29"));
  for (const char* bad :
       {"2023-02-29", "2026-13-01", "2026-00-01", "2026-1-1", "2026-01-01x", "20260101", ""}) {
    EXPECT_FALSE(ParseDate(bad)) << bad;
  }
  EXPECT_EQ(ParseIsoTime("1970-01-01T00:00:01.5Z")->micros, 1'500'000);
  EXPECT_EQ(ParseIsoTime("1970-01-01 02:00:00+02:00")->micros, 0);
  EXPECT_FALSE(ParseIsoTime("1970-01-01T00:00:00")->has_zone);
  EXPECT_EQ(ParseIsoTime("1970-01-01T00:00:00.123456789Z")->micros, 123'456);
  for (const char* bad : {"1970-01-01T", "1970-01-01T25:00Z", "1970-01-01T00:00:00.Z",
                          "1970-01-01T00:00:00+2", "1970-01-01T00:00:00ZZ", "yesterday"}) {
    EXPECT_FALSE(ParseIsoTime(bad)) << bad;
  }
}

TEST(ContractLint, SaysWhatIsUnwise) {
  const auto parsed = ParseContracts(kReferenceContract, "events_v2.yaml");
  const auto hints = LintContract(parsed->front());
  ASSERT_EQ(hints.size(), 2u);
  EXPECT_EQ(hints[0], "contract: no streams, so no table is judged by it unless a source names it");
  EXPECT_EQ(hints[1], "schema: no unique field, copies cannot be told from new records");
}

}  // namespace
}  // namespace tarn::govern
