#include "govern/contract_judge.h"

#include <gtest/gtest.h>

#include "govern/contract_fixture.h"
#include "govern/contract_yaml.h"

namespace tarn::govern {
namespace {

constexpr int64_t kNow = 1'767'225'700'000'000;  // 2026-01-01T00:01:40Z
constexpr const char* kGood = R"({"event_id":"e1","user_id":"u1","event_type":"click",)"
                              R"("occurred_at":"2026-01-01T00:00:00Z","platform":"WEB"})";

class Judging {
 public:
  explicit Judging(const std::string& yaml) {
    auto parsed = ParseContracts(yaml, "c.yml");
    EXPECT_TRUE(parsed.ok()) << parsed.status().message();
    judge = std::move(ContractJudge::Make(parsed->front()).value());
    counts = judge->NewCounts();
  }
  // "accepted", or "<action> <rule>: <reason>".
  std::string operator()(std::string_view payload) {
    const Verdict verdict = judge->Judge(payload, kNow, &counts);
    if (!verdict.broken) return "accepted";
    return std::string(EnforcementName(verdict.action)) + " " + judge->rules()[verdict.rule].name +
           ": " + verdict.reason;
  }
  int64_t Broken(const std::string& rule) const {
    for (size_t i = 0; i < judge->rules().size(); ++i) {
      if (judge->rules()[i].name == rule) return counts.broken[i];
    }
    return -1;
  }
  std::unique_ptr<ContractJudge> judge;
  ContractCounts counts;
};

std::string Schema(const std::string& fields) {
  return "contract:\n  name: c\n  version: '1'\n  schema:\n" + fields;
}

std::string With(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST(ContractJudge, TheIncidentOfTheReferenceIsImpossible) {
  Judging judge(kReferenceContract);
  EXPECT_EQ(judge(kGood), "accepted");
  EXPECT_EQ(judge(With(kGood, "user_id", "userId")),
            "dead_letter user_id.required: user_id is missing; the record has 'userId': was the "
            "field renamed?");
  EXPECT_EQ(judge.Broken("user_id.required"), 1);
  EXPECT_EQ(judge.Broken("additional"), 1);
  EXPECT_EQ(judge.counts.records, 2);
  EXPECT_EQ(judge.counts.dead_letters, 1);
  EXPECT_EQ(judge.counts.nulls[1], 1);
}

TEST(ContractJudge, DriftLandsWhereItShould) {
  Judging judge(kReferenceContract);
  EXPECT_EQ(judge(With(kGood, R"("u1")", "null")), "dead_letter user_id.required: user_id is null");
  EXPECT_EQ(judge(With(kGood, R"("u1")", "17")),
            "dead_letter user_id.type: user_id must be string, is 17");
  EXPECT_EQ(judge(With(kGood, R"("u1")", R"({"a":[1,"}"]})")),
            R"(dead_letter user_id.type: user_id must be string, is {"a":[1,"}"]})");
  EXPECT_EQ(judge(With(kGood, "WEB", "web")),
            "dead_letter platform.allowed: platform is none of the allowed values: web");
  EXPECT_EQ(judge(With(kGood, R"("platform":"WEB")", R"("platform":"WEB","x":1)")),
            "flag additional: the contract has no field 'x'");
  EXPECT_EQ(judge(With(kGood, R"("user_id":"u1")", R"("user_id":"u1","user_id":"u2")")),
            "dead_letter duplicate_key: the key 'user_id' stands twice");
  EXPECT_EQ(
      judge(With(kGood, "2026-01-01T00:00:00Z", "2026-02-30T00:00:00Z")),
      "dead_letter occurred_at.type: occurred_at must be timestamp, is '2026-02-30T00:00:00Z'");
  EXPECT_EQ(judge(With(kGood, "2026-01-01T", "2025-12-31T")),
            "flag event.delay: the event is 86500 s old, the SLA is 300 s");
  EXPECT_EQ(judge(""), "dead_letter json: the text ends inside a value at byte 0 of the record");
  EXPECT_EQ(judge("[1]"), "dead_letter json: the record is no JSON object");
  EXPECT_EQ(judge(std::string(kGood).substr(0, 30)),
            "dead_letter json: the text ends inside a value at byte 30 of the record");
  EXPECT_EQ(judge("{\"event_id\":\"\xff\"}"),
            "dead_letter json: invalid UTF-8 at byte 13 of the record");
  EXPECT_EQ(
      judge(With(kGood, R"("WEB")", std::string(2000, '[') + std::string(2000, ']'))).substr(0, 42),
      "dead_letter json: nested deeper than 1000 ");
  EXPECT_EQ(judge(With(kGood, "user_id", R"(user\u005fid)")), "accepted");
}

TEST(ContractJudge, NumbersKeepTheirDigits) {
  Judging judge(
      Schema("    - {name: id, type: long}\n    - {name: n, type: int, minimum: 0, maximum: 10}\n"
             "    - {name: d, type: 'decimal(5,2)'}\n    - {name: x, type: double, "
             "exclusive_minimum: true, minimum: 0}\n"));
  EXPECT_EQ(judge(R"({"id":9007199254740993})"), "accepted");
  EXPECT_EQ(judge(R"({"id":9223372036854775808})"),
            "dead_letter id.type: id must be long, is 9223372036854775808");
  EXPECT_EQ(judge(R"({"id":1.0})"), "dead_letter id.type: id must be long, is 1.0");
  EXPECT_EQ(judge(R"({"n":11})"), "dead_letter n.range: n is above 10: 11");
  EXPECT_EQ(judge(R"({"n":3000000000})"), "dead_letter n.type: n must be int, is 3000000000");
  EXPECT_EQ(judge(R"({"d":123.45})"), "accepted");
  EXPECT_EQ(judge(R"({"d":"123.45"})"), "accepted");
  EXPECT_EQ(judge(R"({"d":123.450})"), "accepted");
  EXPECT_EQ(judge(R"({"d":123.456})"), "dead_letter d.type: d must be decimal(5,2), is 123.456");
  EXPECT_EQ(judge(R"({"d":1234.5})"), "dead_letter d.type: d must be decimal(5,2), is 1234.5");
  EXPECT_EQ(judge(R"({"x":0})"), "dead_letter x.range: x is below 0: 0");
  EXPECT_EQ(judge(R"({"x":1e-300})"), "accepted");
}

TEST(ContractJudge, NestedValues) {
  Judging judge(Schema(R"(    - name: lines
      type: array
      min_length: 1
      items:
        type: object
        nullable: false
        fields: [{name: sku, type: string, nullable: false, pattern: '[a-z]+'}]
    - {name: tags, type: map, items: {type: string}}
)"));
  EXPECT_EQ(judge(R"({"lines":[{"sku":"a"},{"sku":"b"}],"tags":{"k":"v"}})"), "accepted");
  EXPECT_EQ(judge(R"({"lines":[]})"), "dead_letter lines.length: lines has 0 elements");
  EXPECT_EQ(judge(R"({"lines":[{"sku":"a"},{}]})"),
            "dead_letter lines[].sku.required: lines[].sku is missing");
  EXPECT_EQ(judge(R"({"lines":[null]})"), "dead_letter lines[].required: lines[] is null");
  EXPECT_EQ(judge(R"({"lines":[{"sku":"A"}]})"),
            "dead_letter lines[].sku.pattern: lines[].sku does not match [a-z]+: A");
  EXPECT_EQ(judge(R"({"tags":{"k":1}})"), "dead_letter tags{}.type: tags{} must be string, is 1");
}

TEST(ContractJudge, PersonalValuesAreNotRepeated) {
  Judging judge(Schema("    - {name: email, type: string, pii: email, pattern: '[^@]+@[^@]+'}\n"));
  EXPECT_EQ(judge(R"({"email":"secret"})"),
            "dead_letter email.pattern: email does not match [^@]+@[^@]+: a value");
}

TEST(ContractJudge, CopiesInABatchAreFlagged) {
  Judging judge(Schema("    - {name: id, type: string, unique: true}\n"));
  EXPECT_EQ(judge(R"({"id":"a"})"), "accepted");
  EXPECT_EQ(judge(R"({"id":"a"})"), "flag id.unique: id was in this batch already: a");
  judge.judge->BeginBatch();
  EXPECT_EQ(judge(R"({"id":"a"})"), "accepted");
}

TEST(ContractJudge, WorstActionWins) {
  Judging judge(Schema(
      "    - {name: a, type: int, on_break: flag}\n    - {name: b, type: int, on_break: stop}\n"
      "    - {name: c, type: int}\n"));
  EXPECT_EQ(judge(R"({"a":"x","b":"x","c":"x"})"), "stop b.type: b must be int, is 'x'");
  EXPECT_EQ(judge.Broken("a.type"), 1);
  EXPECT_EQ(judge.Broken("c.type"), 1);
  EXPECT_EQ(judge(R"({"a":"x"})"), "flag a.type: a must be int, is 'x'");
}

TEST(ContractJudge, DebeziumEnvelope) {
  Judging judge(
      "contract:\n  name: c\n  version: '1'\n  envelope: debezium\n  schema:\n    - {name: id, "
      "type: long, nullable: false}\n");
  EXPECT_EQ(judge(R"({"op":"c","before":null,"after":{"id":1}})"), "accepted");
  EXPECT_EQ(judge(R"({"schema":{},"payload":{"op":"u","after":{"id":1}}})"), "accepted");
  EXPECT_EQ(judge(R"({"op":"d","before":{"id":1},"after":null})"), "accepted");
  EXPECT_EQ(judge(""), "accepted");
  EXPECT_EQ(judge(R"({"op":"u","after":{}})"), "dead_letter id.required: id is missing");
  EXPECT_EQ(judge(R"({"op":"u","after":null})"), "dead_letter json: the record is no JSON object");
}

}  // namespace
}  // namespace tarn::govern
