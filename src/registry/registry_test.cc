#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "registry/schema_frame.h"
#include "registry/schema_registry.h"

namespace tarn::registry {
namespace {

using std::string_literals::operator""s;

TEST(SchemaFrame, ReadsEveryFormAndRefusesWhatIsCutOff) {
  auto frame = *ReadSchemaFrame("\0\0\0\x01\x02rest"s, std::nullopt);
  EXPECT_EQ(frame->id, 258);
  EXPECT_EQ(frame->payload_at, 5u);
  EXPECT_EQ(frame->Text(), "258");
  frame = *ReadSchemaFrame("\x01"s + "0123456789abcdef" + "rest", std::nullopt);
  EXPECT_EQ(frame->guid, "30313233-3435-3637-3839-616263646566");
  EXPECT_EQ(frame->payload_at, 17u);
  frame = *ReadSchemaFrame("\0\0\0\0\x05"s, "\x01"s + "0123456789abcdef");
  EXPECT_EQ(frame->guid, "30313233-3435-3637-3839-616263646566");
  EXPECT_EQ(frame->payload_at, 0u);
  EXPECT_FALSE(ReadSchemaFrame("{\"a\":1}", std::nullopt)->has_value());
  EXPECT_FALSE(ReadSchemaFrame("", std::nullopt)->has_value());
  for (const std::string& cut : {"\0"s, "\0\0\0\0"s, "\x01"s,
                                 "\x01"
                                 "0123456789abcde"s}) {
    EXPECT_FALSE(ReadSchemaFrame(cut, std::nullopt).ok()) << cut.size();
  }
  EXPECT_FALSE(ReadSchemaFrame("x", "").ok());
  EXPECT_FALSE(ReadSchemaFrame("x", "\x02"s + "0123456789abcdef").ok());
  EXPECT_FALSE(ReadSchemaFrame("x", "\x01short").ok());
}

TEST(SchemaFrame, MessageIndex) {
  size_t at = 0;
  EXPECT_THAT(*ReadMessageIndex("\0x"s, &at), ::testing::ElementsAre(0));
  EXPECT_EQ(at, 1u);
  at = 0;
  EXPECT_THAT(*ReadMessageIndex("\x04\x02\x00x"s, &at), ::testing::ElementsAre(1, 0));
  EXPECT_EQ(at, 3u);
  for (const std::string& bad :
       {""s, "\x04\x02"s, "\x01"s, "\x02\x01"s, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"s}) {
    at = 0;
    EXPECT_FALSE(ReadMessageIndex(bad, &at).ok()) << bad.size();
  }
}

// Answers from a table, counts, and can be away.
class FakeRegistry final : public net::HttpClient {
 public:
  Result<net::HttpResponse> Send(const net::HttpRequest& request) override {
    ++requests;
    last = request;
    last_body = std::string(request.body);
    if (away) return Status::Io("connection refused", RetryClass::kBackoff);
    net::HttpResponse response;
    const auto found = answers.find(request.url.substr(std::string("http://r").size()));
    response.status = found == answers.end() ? 404 : status;
    if (found != answers.end()) response.body = found->second;
    return response;
  }
  std::map<std::string, std::string> answers;
  int requests = 0;
  int status = 200;
  bool away = false;
  net::HttpRequest last;
  std::string last_body;
};

TEST(SchemaRegistry, KeepsWhatItFoundWhileTheRegistryIsAway) {
  auto fake = std::make_shared<FakeRegistry>();
  fake->answers["/schemas/ids/1"] = R"({"schema":"\"string\""})";
  fake->answers["/subjects/a%2Fb-value/versions/latest"] =
      R"({"subject":"a/b-value","version":3,"id":1,"schema":"\"string\""})";
  auto store = store::MakeMemoryStore();
  RegistryOptions options;
  options.url = "http://r/";
  options.store = store;
  {
    SchemaRegistry registry(options, fake);
    EXPECT_EQ(registry.ById(1)->text, "\"string\"");
    EXPECT_EQ(registry.ById(1)->type, "AVRO");
    EXPECT_EQ(fake->requests, 1);
    EXPECT_EQ(registry.BySubject("a/b-value", "latest")->version, 3);
    fake->away = true;
    EXPECT_EQ(registry.BySubject("a/b-value", "latest")->version, 3);
  }
  // Another process, the registry still away.
  SchemaRegistry registry(options, fake);
  EXPECT_EQ(registry.ById(1)->text, "\"string\"");
  EXPECT_EQ(registry.BySubject("a/b-value", "latest")->id, 1);
  EXPECT_EQ(registry.ById(2).status().retry(), RetryClass::kBackoff);
}

TEST(SchemaRegistry, AnUnknownIdIsAskedAgainLater) {
  auto fake = std::make_shared<FakeRegistry>();
  ManualClock clock(0);
  RegistryOptions options;
  options.url = "http://r";
  SchemaRegistry registry(options, fake, clock);
  EXPECT_EQ(registry.ById(7).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(registry.ById(7).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(fake->requests, 1);
  fake->answers["/schemas/ids/7"] = R"({"schema":"{}","schemaType":"JSON"})";
  clock.Advance(11'000'000);
  EXPECT_EQ(registry.ById(7)->type, "JSON");
}

TEST(SchemaRegistry, ErrorsAndCredentials) {
  auto fake = std::make_shared<FakeRegistry>();
  fake->answers["/schemas/ids/1"] = "no json";
  RegistryOptions options;
  options.url = "http://r";
  options.user = "me";
  options.password = "pass";
  SchemaRegistry registry(options, fake);
  EXPECT_EQ(registry.ById(1).status().code(), StatusCode::kCorruption);
  EXPECT_THAT(fake->last.headers,
              ::testing::Contains(::testing::Pair("Authorization", "Basic bWU6cGFzcw==")));
  fake->status = 401;
  const Status refused = registry.ById(1).status();
  EXPECT_EQ(refused.code(), StatusCode::kPermission);
  EXPECT_THAT(refused.message(), ::testing::Not(::testing::HasSubstr("pass")));
  fake->status = 500;
  EXPECT_EQ(registry.ById(1).status().retry(), RetryClass::kBackoff);
  options.token = "tok";
  SchemaRegistry bearer(options, fake);
  (void)bearer.ById(1);
  EXPECT_THAT(fake->last.headers,
              ::testing::Contains(::testing::Pair("Authorization", "Bearer tok")));
}

TEST(SchemaRegistry, ReferencesAndCompatibility) {
  auto fake = std::make_shared<FakeRegistry>();
  fake->answers["/subjects/a/versions/1"] =
      R"({"schema":"A","references":[{"name":"b","subject":"b","version":2}]})";
  fake->answers["/subjects/b/versions/2"] = R"({"schema":"B"})";
  fake->answers["/subjects/loop/versions/1"] =
      R"({"schema":"L","references":[{"name":"l","subject":"loop","version":1}]})";
  fake->answers["/compatibility/subjects/s/versions/latest"] = R"({"is_compatible":false})";
  RegistryOptions options;
  options.url = "http://r";
  SchemaRegistry registry(options, fake);
  Schema schema;
  schema.text = "S";
  schema.references = {{"a", "a", 1}, {"b", "b", 2}};
  const auto all = registry.Resolve(schema);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].schema.text, "B");
  EXPECT_EQ((*all)[1].schema.text, "A");
  schema.references = {{"l", "loop", 1}};
  EXPECT_EQ(registry.Resolve(schema).status().code(), StatusCode::kCorruption);
  EXPECT_FALSE(*registry.IsCompatible("s", schema));
  EXPECT_EQ(nlohmann::json::parse(fake->last_body)["schema"], "S");
  fake->away = true;
  EXPECT_FALSE(*registry.IsCompatible("s", schema));
}

}  // namespace
}  // namespace tarn::registry
