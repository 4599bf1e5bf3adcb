#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "codec/byte_stream.h"
#include "sources/push/push_auth.h"
#include "sources/push/push_body.h"
#include "sources/push/push_door.h"
#include "sources/push/push_limits.h"

namespace tarn::sources::push {
namespace {

struct Read {
  std::unique_ptr<PushRequest> request = std::make_unique<PushRequest>();
  std::optional<PushFault> fault;
};

Read ReadBody(const std::string& type, const std::string& body, HeaderMap headers = {},
              const BodyOptions& options = {}) {
  Read out;
  if (!type.empty()) headers["content-type"] = type;
  out.fault = ReadPushBody(headers, body, options, out.request.get());
  return out;
}

TEST(PushBody, LinesKeepTheirBytesAndPlaces) {
  const auto read = ReadBody("application/x-ndjson; charset=UTF-8",
                             "{\"a\": 1}\r\n\r\nbroken\n  {\"b\":2.0}\n[1]");
  ASSERT_FALSE(read.fault);
  const auto& request = *read.request;
  ASSERT_EQ(request.records.size(), 2u);
  EXPECT_EQ(request.records[0].payload, "{\"a\": 1}");
  EXPECT_EQ(request.records[1].payload, "  {\"b\":2.0}");
  EXPECT_THAT(request.indexes, testing::ElementsAre(0, 2));
  ASSERT_EQ(request.bad.size(), 2u);
  EXPECT_EQ(request.bad[0].why.index, 1u);
  EXPECT_EQ(request.bad[0].payload, "broken");
  EXPECT_EQ(request.bad[0].line, 3);
  EXPECT_EQ(request.bad[1].why.rule, "json.not_object");
  EXPECT_EQ(request.count, 4u);
}

TEST(PushBody, AnArrayIsItsElements) {
  const auto read = ReadBody("application/json", " [ {\"a\":[1,2]} , 7, {\"a\":\"]\"}]\n");
  ASSERT_FALSE(read.fault);
  ASSERT_EQ(read.request->records.size(), 2u);
  EXPECT_EQ(read.request->records[1].payload, "{\"a\":\"]\"}");
  ASSERT_EQ(read.request->bad.size(), 1u);
  EXPECT_EQ(read.request->bad[0].why.index, 1u);
}

TEST(PushBody, WhatIsUnreadableAsAWholeIsAFault) {
  EXPECT_EQ(ReadBody("application/json", "[{}").fault->status, 400);
  EXPECT_EQ(ReadBody("application/json", "\"text\"").fault->code, "body.form");
  EXPECT_EQ(ReadBody("application/json", "").fault->code, "body.empty");
  EXPECT_EQ(ReadBody("text/csv", "a").fault->status, 415);
  EXPECT_EQ(ReadBody("", "{}").fault->status, 415);
  EXPECT_EQ(ReadBody("application/json; charset=latin1", "{}").fault->status, 415);
  EXPECT_EQ(ReadBody("application/json", "{}", {{"content-encoding", "br"}}).fault->status, 415);
  EXPECT_EQ(ReadBody("application/json", "{}", {{"content-encoding", "gzip"}}).fault->status, 400);
  BodyOptions small;
  small.max_inflated_bytes = 4;
  EXPECT_EQ(ReadBody("application/json", "{\"a\":1}", {}, small).fault->status, 413);
}

TEST(PushBody, EventsHaveTheirAttributesAsHeaders) {
  const std::string event =
      R"({"specversion":"1.0","id":"1","source":"\u002Fs","type":"t","seq":7,"data":{"id":"x"},)"
      R"("time":"2026-01-02T03:04:05Z","partitionkey":"p","subject":"s"})";
  const auto read = ReadBody("application/cloudevents+json", " " + event);
  ASSERT_FALSE(read.fault);
  ASSERT_EQ(read.request->records.size(), 1u);
  const Record& record = read.request->records[0];
  EXPECT_EQ(record.payload, event);
  EXPECT_EQ(record.key, "p");
  EXPECT_EQ(record.event_time_micros, *ParseTimestampUtc("2026-01-02T03:04:05Z"));
  EXPECT_THAT(record.headers, testing::Contains(Record::Header("ce_source", "/s")));
  EXPECT_THAT(record.headers, testing::Contains(Record::Header("ce_seq", "7")));
  EXPECT_THAT(record.headers,
              testing::Contains(Record::Header("content-type", "application/cloudevents+json")));
  EXPECT_EQ(ReadBody("application/cloudevents+json", "[" + event + "]").fault->code, "body.form");
  EXPECT_EQ(ReadBody("application/cloudevents-batch+json", event).fault->code, "body.form");
}

TEST(PushBody, AnEventWithoutItsAttributesIsBad) {
  const auto read =
      ReadBody("application/cloudevents-batch+json",
               R"([{"specversion":"1.0","id":"1","source":"s"},)"
               R"({"specversion":"1.0","id":"1","source":"s","type":"t","time":"?"}])");
  ASSERT_FALSE(read.fault);
  ASSERT_EQ(read.request->bad.size(), 2u);
  EXPECT_EQ(read.request->bad[0].why.reason, "the event has no attribute type");
  EXPECT_EQ(read.request->bad[1].why.rule, "cloudevents.attribute");
}

TEST(PushBody, BinaryEvents) {
  const HeaderMap headers = {{"ce-specversion", "1.0"},   {"ce-id", "1"},
                             {"ce-source", "s"},          {"ce-type", "t"},
                             {"ce-subject", "%e2%82%ac"}, {"content-type", "image/png"}};
  PushRequest request;
  ASSERT_FALSE(ReadPushBody(headers, std::string("\x00\xff", 2), {}, &request));
  ASSERT_EQ(request.records.size(), 1u);
  EXPECT_EQ(request.records[0].payload, std::string_view("\x00\xff", 2));
  EXPECT_EQ(request.records[0].key, "€");
  PushRequest without;
  ASSERT_FALSE(ReadPushBody(headers, "", {}, &without));
  EXPECT_TRUE(without.records.at(0).is_tombstone);
}

// The digests were made with another implementation (Python's hmac).
TEST(PushAuth, Stripe) {
  AuthOptions options;
  options.stripe_secret = "whsec_test_secret";
  const auto auth = PushAuth::Make(options);
  ASSERT_TRUE(auth.ok());
  constexpr int64_t kAt = 1'492'774'577'000'000;
  const auto check = [&](const std::string& signature, const std::string& body, int64_t now) {
    const HeaderMap headers = {{"stripe-signature", signature}};
    const auto fault = auth->Check({"POST", "/", headers, body}, now);
    return fault ? fault->code : "";
  };
  const std::string good =
      "t=1492774577,v1=799c4ba7bb339f3c8601adfd112f0e477c930a268be1243d341abb8286501c2f";
  const std::string body = "{\"id\":\"evt_1\"}";
  EXPECT_EQ(check(good, body, kAt), "");
  EXPECT_EQ(check("t=1492774577,v1=00,v0=1," + good.substr(13), body, kAt + 299'000'000), "");
  EXPECT_EQ(check(good, body + " ", kAt), "signature.wrong");
  EXPECT_EQ(check(good, body, kAt + 301'000'000), "signature.old");
  EXPECT_EQ(check(good, body, kAt - 301'000'000), "signature.old");
  EXPECT_EQ(check("v1=00", body, kAt), "signature.form");
  EXPECT_EQ(check("t=99999999999999999999,v1=0", body, kAt), "signature.form");
  EXPECT_EQ(auth->Check({"POST", "/", {}, body}, kAt)->code, "signature.missing");
}

TEST(PushAuth, Hubspot) {
  AuthOptions options;
  options.hubspot_secret = "client secret";
  EXPECT_FALSE(PushAuth::Make(options).ok());
  options.hubspot_url = "https://in.example.com/v1/streams/crm";
  const auto auth = PushAuth::Make(options);
  ASSERT_TRUE(auth.ok());
  const HeaderMap headers = {
      {"x-hubspot-signature-v3", "eLEL3PMRorjbr0H8qKroGPtc0Abpwt/bCM+dpgx+LH8="},
      {"x-hubspot-request-timestamp", "1492774577000"}};
  const std::string body = "[{\"eventId\":1}]";
  constexpr int64_t kAt = 1'492'774'577'000'000;
  EXPECT_FALSE(auth->Check({"POST", "/v1/streams/crm?a=1%3a2", headers, body}, kAt));
  EXPECT_EQ(auth->Check({"PUT", "/v1/streams/crm?a=1%3a2", headers, body}, kAt)->code,
            "signature.wrong");
  EXPECT_EQ(auth->Check({"POST", "/v1/streams/crm?a=1%3a2", headers, body}, kAt * 2)->code,
            "signature.old");
}

TEST(PushAuth, TokensAreKnownByKeyedDigests) {
  AuthOptions options;
  options.keys = {{"k1", "key"}};
  options.tokens = {"k1:646b8eac0c4ae4178299c9bd924e2bf073dfb07e024901a8c864f65b9462bf0d"};
  options.token = "plain";
  const auto auth = PushAuth::Make(options);
  ASSERT_TRUE(auth.ok());
  const auto check = [&](const std::string& header) {
    const HeaderMap headers = {{"authorization", header}};
    const auto fault = auth->Check({"POST", "/", headers, ""}, 0);
    return fault ? fault->code : "";
  };
  EXPECT_EQ(check("Bearer token"), "");
  EXPECT_EQ(check("bearer  plain"), "");
  EXPECT_EQ(check("Bearer tokem"), "token.unknown");
  EXPECT_EQ(check("Bearer "), "token.unknown");
  EXPECT_EQ(check("Basic token"), "token.missing");
  options.tokens = {"k2:" + options.tokens[0].substr(3)};
  EXPECT_FALSE(PushAuth::Make(options).ok());
  options.tokens = {"k1:abc"};
  EXPECT_FALSE(PushAuth::Make(options).ok());
  EXPECT_FALSE(PushAuth::Make({}).ok());
  AuthOptions open;
  open.anonymous = true;
  EXPECT_TRUE(PushAuth::Make(open).ok());
  open.token = "x";
  EXPECT_FALSE(PushAuth::Make(open).ok());
}

TEST(PushLimits, TheMeanIsKept) {
  PushLimits limits({0, 10, 2});
  int64_t now = 5'000'000;
  EXPECT_EQ(limits.TakeBytes(UINT32_MAX, now), 0);
  EXPECT_EQ(limits.TakeRecords(10, now), 0);
  EXPECT_EQ(limits.TakeRecords(1, now), 100'000);
  EXPECT_EQ(limits.TakeRecords(1, now + 100'000), 0);
  // One larger than a second's worth passes when nothing is owed, and is paid for afterwards.
  now += 10'000'000;
  EXPECT_EQ(limits.TakeRecords(30, now), 0);
  EXPECT_EQ(limits.TakeRecords(10, now + 1'000'000), 2'000'000);
  EXPECT_EQ(limits.TakeRecords(10, now + 3'000'000), 0);
  EXPECT_TRUE(limits.Enter() && limits.Enter());
  EXPECT_FALSE(limits.Enter());
  limits.Leave();
  EXPECT_TRUE(limits.Enter());
}

}  // namespace
}  // namespace tarn::sources::push
