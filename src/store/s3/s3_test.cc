// Signing, credentials and lost replies without a server; the store contract against a real one
// (tests/s3 starts it and names it in TARN_S3_ENDPOINT).
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>

#include "store/s3/credentials.h"
#include "store/s3/s3_opener.h"
#include "store/s3/s3_store.h"
#include "store/s3/scripted_http.h"
#include "store/s3/signer.h"
#include "store/store_contract.h"

namespace tarn::store {
namespace {

using s3::Credentials;

std::string HeaderOf(const std::vector<std::pair<std::string, std::string>>& headers,
                     const std::string& name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

// Amazon S3 API Reference, "Signature Calculations for the Authorization Header", GET Object and
// PUT Object.
TEST(Signer, AmazonsOwnExamples) {
  const Credentials credentials{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                "", 0};
  s3::SigningInput input;
  input.method = "GET";
  input.host = "examplebucket.s3.amazonaws.com";
  input.path = "/test.txt";
  input.headers = {{"Range", "bytes=0-9"}};
  input.payload_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  input.region = "us-east-1";
  input.now_micros = *ParseTimestampUtc("2013-05-24T00:00:00Z");
  EXPECT_NE(HeaderOf(SignRequest(input, credentials), "Authorization")
                .find("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
            std::string::npos);
  input.method = "PUT";
  input.path = "/" + s3::UriEncode("test$file.text", true);
  input.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                   {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  input.payload_sha256 = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
  EXPECT_NE(HeaderOf(SignRequest(input, credentials), "Authorization")
                .find("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
            std::string::npos);
}

TEST(Signer, EncodesLikeS3) {
  EXPECT_EQ(s3::UriEncode("a b/ü+~", true), "a%20b/%C3%BC%2B~");
  EXPECT_EQ(s3::UriEncode("a/b", false), "a%2Fb");
  EXPECT_EQ(s3::CanonicalQuery({{"prefix", "a b"}, {"list-type", "2"}}),
            "list-type=2&prefix=a%20b");
}

s3::CredentialsEnvironment Variables(std::map<std::string, std::string> values,
                                     std::map<std::string, std::string> files = {}) {
  s3::CredentialsEnvironment out;
  out.variable = [values](const std::string& name) {
    const auto it = values.find(name);
    return it == values.end() ? std::string() : it->second;
  };
  out.read_file = [files](const std::string& path) -> Result<std::string> {
    const auto it = files.find(path);
    if (it == files.end()) return Status::NotFound(path);
    return it->second;
  };
  return out;
}

TEST(Options, AddressNamesBucketAndPrefix) {
  const auto none = Variables({});
  ASSERT_TRUE(s3::ResolveS3Options("s3://lake-bucket/a/b/", {}, none).ok());
  EXPECT_EQ(s3::ResolveS3Options("s3://lake-bucket/a/b/", {}, none)->prefix, "a/b");
  EXPECT_EQ(s3::ResolveS3Options("s3a://lake-bucket", {}, none)->bucket, "lake-bucket");
  EXPECT_EQ(s3::ResolveS3Options("s3://lake-bucket", {}, none)->region, "us-east-1");
  for (const char* bad : {"s3://", "s3://ab", "/tmp/lake", "s3://a b c/x", "s3://bucket/a//b"}) {
    EXPECT_EQ(s3::ResolveS3Options(bad, {}, none).status().code(), StatusCode::kInvalidArgument)
        << bad;
  }
}

TEST(Options, ComeFromConfigThenVariablesThenProfile) {
  const auto variables =
      Variables({{"HOME", "/home/x"}, {"AWS_PROFILE", "team"}, {"AWS_REGION", "eu-west-1"}},
                {{"/home/x/.aws/config",
                  "[profile team]\nregion = eu-north-1\nendpoint_url = http://127.0.0.1:9\n"}});
  s3::S3Config config;
  EXPECT_EQ(s3::ResolveS3Options("s3://lake", config, variables)->region, "eu-west-1");
  EXPECT_EQ(s3::ResolveS3Options("s3://lake", config, variables)->endpoint, "http://127.0.0.1:9");
  EXPECT_TRUE(s3::ResolveS3Options("s3://lake", config, variables)->path_style);
  config.region = "us-west-2";
  config.endpoint = "https://objects.example.org";
  EXPECT_EQ(s3::ResolveS3Options("s3://lake", config, variables)->region, "us-west-2");
  EXPECT_FALSE(s3::ResolveS3Options("s3://lake", config, variables)->path_style);
  config.path_style = true;
  EXPECT_TRUE(s3::ResolveS3Options("s3://lake", config, variables)->path_style);
}

TEST(Opener, OneStoreForOneAddress) {
  auto opener = *s3::MakeS3Opener({}, Variables({}));
  EXPECT_TRUE(opener->Handles("s3a://lake/x"));
  EXPECT_FALSE(opener->Handles("/lake"));
  EXPECT_EQ(*opener->Open("s3://lake/x/"), *opener->Open("s3a://lake/x"));
  EXPECT_EQ((*opener->Open("s3://lake/x"))->EnginePath("t/f"), "s3://lake/x/t/f");
  const auto place = opener->Locate("s3://lake/x/t/f");
  EXPECT_EQ(place->key, "x/t/f");
  EXPECT_EQ(place->store->EnginePath(place->key), "s3://lake/x/t/f");
  s3::S3Config half;
  half.keys.access_key_id = "env:X";
  EXPECT_EQ(s3::MakeS3Opener(half, Variables({})).status().code(), StatusCode::kInvalidArgument);
}

class ScriptedStore : public ::testing::Test {
 protected:
  void SetUp() override {
    http_ = std::make_shared<ScriptedHttp>();
    s3::S3Options options;
    options.bucket = "lake";
    options.endpoint = "http://127.0.0.1:1";
    options.path_style = true;
    s3::S3Environment environment;
    environment.http = http_;
    environment.credentials = s3::StaticCredentials({"a", "b", "", 0});
    environment.clock = &clock_;
    environment.random = &random_;
    store_ = s3::MakeS3Store(options, environment);
  }
  Status Create(const std::string& bytes) { return store_->Put("k", bytes, PutMode::kCreateOnly); }

  ManualClock clock_{1'790'000'000'000'000};
  SeededRandom random_{7};
  std::shared_ptr<ScriptedHttp> http_;
  std::shared_ptr<ObjectStore> store_;
};

TEST_F(ScriptedStore, ALostReplyIsOursWhenTheBytesAre) {
  http_->answers = {Lost(), Reply(200, "mine")};
  EXPECT_TRUE(Create("mine").ok());
  EXPECT_EQ(http_->seen.back(), "GET http://127.0.0.1:1/lake/k");
}

TEST_F(ScriptedStore, ALostReplyIsALostRaceWhenTheBytesAreNotOurs) {
  http_->answers = {Lost(), Reply(200, "theirs")};
  EXPECT_EQ(Create("mine").code(), StatusCode::kAlreadyExists);
}

TEST_F(ScriptedStore, ALostRequestIsSentAgain) {
  http_->answers = {Lost(), Reply(404), Reply(200)};
  EXPECT_TRUE(Create("mine").ok());
}

TEST_F(ScriptedStore, AnOwnPutSeenAgainAfterALostReplyIsOurs) {
  http_->answers = {Lost(), Reply(404), Reply(412), Reply(200, "mine")};
  EXPECT_TRUE(Create("mine").ok());
}

TEST_F(ScriptedStore, UnknownStaysUnknownWhenReadingBackFails) {
  http_->answers = {Lost(), Reply(403)};
  EXPECT_EQ(Create("mine").code(), StatusCode::kOutcomeUnknown);
}

TEST_F(ScriptedStore, ARefusedConditionIsALostRace) {
  http_->answers = {Reply(412)};
  EXPECT_EQ(Create("mine").code(), StatusCode::kAlreadyExists);
}

TEST_F(ScriptedStore, SlowDownIsRetriedAndWaitsAsAsked) {
  http_->answers = {Reply(503, "<Error><Code>SlowDown</Code></Error>", {{"retry-after", "3"}}),
                    Reply(200)};
  const int64_t before = clock_.NowMicros();
  EXPECT_TRUE(Create("mine").ok());
  EXPECT_GE(clock_.NowMicros() - before, 3'000'000);
}

TEST_F(ScriptedStore, AnInternalErrorOnAConditionalPutIsReadBack) {
  http_->answers = {Reply(500), Reply(200, "mine")};
  EXPECT_TRUE(Create("mine").ok());
}

TEST_F(ScriptedStore, RefusalsNameTheRemedy) {
  http_->answers = {Reply(403, "<Error><Code>AccessDenied</Code></Error>")};
  const Status status = store_->Get("k").status();
  EXPECT_EQ(status.code(), StatusCode::kPermission);
  EXPECT_NE(status.message().find("AccessDenied"), std::string::npos);
  EXPECT_NE(status.message().find("credentials"), std::string::npos);
}

TEST(Credentials, ExpiredTokensAreFetchedAnew) {
  ManualClock clock(1'790'000'000'000'000);
  auto http = std::make_shared<ScriptedHttp>();
  const auto answer = [](const std::string& key, const std::string& until) {
    return Reply(200, R"({"AccessKeyId":")" + key +
                          R"(","SecretAccessKey":"s","Token":"t","Expiration":")" + until + "\"}");
  };
  http->answers = {answer("first", FormatTimestampUtc(clock.NowMicros() + 3'600'000'000)),
                   answer("second", FormatTimestampUtc(clock.NowMicros() + 7'200'000'000))};
  s3::CredentialsEnvironment environment;
  environment.http = http;
  environment.clock = &clock;
  environment.variable = [](const std::string& name) {
    return std::string(name == "AWS_CONTAINER_CREDENTIALS_FULL_URI" ? "http://127.0.0.1:1/creds"
                                                                    : "");
  };
  environment.read_file = [](const std::string&) -> Result<std::string> {
    return Status::NotFound("none");
  };
  auto chain = s3::DefaultCredentialsChain(environment);
  EXPECT_EQ(chain->Get()->access_key_id, "first");
  EXPECT_EQ(chain->Get()->access_key_id, "first");
  clock.Advance(3'500'000'000);
  EXPECT_EQ(chain->Get()->access_key_id, "second");
}

TEST(Credentials, ProfilesAreReadByName) {
  const std::string ini =
      "[default]\naws_access_key_id = d\n# no\n[profile "
      "team]\naws_access_key_id=t\naws_secret_access_key = s = 1\n";
  EXPECT_EQ(s3::ReadProfile(ini, "team").size(), 2u);
  EXPECT_EQ(s3::ReadProfile(ini, "team")[1].second, "s = 1");
  EXPECT_EQ(s3::ReadProfile(ini, "default")[0].second, "d");
}

TEST(Credentials, SayWhereTheyWereLookedFor) {
  auto http = std::make_shared<ScriptedHttp>();
  s3::CredentialsEnvironment environment;
  environment.http = http;
  environment.variable = [](const std::string& name) {
    return std::string(name == "AWS_EC2_METADATA_DISABLED" ? "true" : "");
  };
  environment.read_file = [](const std::string& path) -> Result<std::string> {
    return Status::NotFound(path);
  };
  const Status status = s3::DefaultCredentialsChain(environment)->Get().status();
  EXPECT_EQ(status.code(), StatusCode::kPermission);
  for (const char* place : {"environment", "web identity", "profile", "container", "instance"}) {
    EXPECT_NE(status.message().find(place), std::string::npos) << place;
  }
}

// --- against a real server ---

std::unique_ptr<StoreUnderTest> MakeRealStore() {
  static int number = 0;
  static auto opener = *s3::MakeS3Opener(s3::S3Config());
  auto out = std::make_unique<StoreUnderTest>();
  out->store = *opener->Open("s3://tarn-contract/run-" + std::to_string(::getpid()) + "-" +
                             std::to_string(number++));
  return out;
}

// A parameterized suite cannot be skipped as a whole: without a server there are no instances of
// it.
std::vector<std::pair<const char*, Factory>> RealStores() {
  if (std::getenv("TARN_S3_ENDPOINT") == nullptr) return {};
  ::setenv("AWS_ENDPOINT_URL_S3", std::getenv("TARN_S3_ENDPOINT"), 1);
  return {{"s3", &MakeRealStore}};
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);
INSTANTIATE_TEST_SUITE_P(Real, StoreContract, ::testing::ValuesIn(RealStores()),
                         [](const auto& info) { return info.param.first; });

TEST(RealS3, LargeObjectsGoInParts) {
  if (std::getenv("TARN_S3_ENDPOINT") == nullptr)
    GTEST_SKIP() << "no S3 server here; tests/s3 runs this";
  auto made = MakeRealStore();
  std::string bytes(40'000'000, '\0');
  SeededRandom random(3);
  for (char& c : bytes) c = static_cast<char>(random.NextU64());
  auto writer = std::move(*made->store->OpenWriter("large", PutMode::kCreateOnly));
  for (size_t at = 0; at < bytes.size(); at += 1'000'003) {
    ASSERT_TRUE(writer->Append(std::string_view(bytes).substr(at, 1'000'003)).ok());
  }
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_TRUE(*made->store->Get("large") == bytes);
  EXPECT_EQ(*made->store->GetRange("large", 39'999'990, 100), bytes.substr(39'999'990));
  EXPECT_EQ(made->store->Put("large", bytes, PutMode::kCreateOnly).code(),
            StatusCode::kAlreadyExists);
}

TEST(RealS3, ListingsLongerThanAPageAreWhole) {
  if (std::getenv("TARN_S3_ENDPOINT") == nullptr)
    GTEST_SKIP() << "no S3 server here; tests/s3 runs this";
  auto made = MakeRealStore();
  for (int i = 0; i < 1100; ++i) {
    ASSERT_TRUE(
        made->store->Put("log/" + std::to_string(10'000 + i), "x", PutMode::kOverwrite).ok());
  }
  EXPECT_EQ(made->store->List("log/")->size(), 1100u);
  EXPECT_EQ(made->store->List("log/", "log/11050")->size(), 49u);
}

}  // namespace
}  // namespace tarn::store
