// What the client mends by itself, and what it says when it cannot: against a scripted server.
#include "store/s3/s3_client.h"

#include <gtest/gtest.h>

#include "store/s3/scripted_http.h"

namespace tarn::store::s3 {
namespace {

// Hands out "key-1" until told that it is refused, then "key-2", …, up to `last`.
class CountingKeys final : public CredentialsProvider {
 public:
  explicit CountingKeys(int last) : last_(last) {}
  Result<Credentials> Get() override {
    return Credentials{"key-" + std::to_string(current_), "secret", "", 0};
  }
  void Invalidate(const Credentials& refused) override {
    if (refused.access_key_id == "key-" + std::to_string(current_)) {
      current_ = std::min(last_, current_ + 1);
    }
  }

 private:
  int current_ = 1;
  int last_;
};

std::string Error(const std::string& code, const std::string& more = "") {
  return "<Error><Code>" + code + "</Code>" + more + "</Error>";
}

class ScriptedClient : public ::testing::Test {
 protected:
  void Start(int last_key = 1, int budget = 500) {
    http_ = std::make_shared<ScriptedHttp>();
    metrics_ = std::make_shared<RequestMetrics>();
    S3Options options;
    options.bucket = "lake";
    options.region = "here-1";
    options.endpoint = "http://127.0.0.1:1";
    options.path_style = true;
    S3Environment environment;
    environment.http = http_;
    environment.credentials = std::make_shared<CountingKeys>(last_key);
    environment.metrics = metrics_;
    environment.retry_budget = std::make_shared<net::RetryBudget>(budget);
    environment.clock = &clock_;
    environment.random = &random_;
    client_ = std::make_unique<S3Client>(options, environment);
    store_ = MakeS3Store(options, environment);
  }
  Status Get() {
    S3Request request;
    request.key = "k";
    return client_->Send(request).status();
  }
  std::string HeaderOfLast(const std::string& name) const {
    for (const auto& [key, value] : http_->requests.back().headers) {
      if (key == name) return value;
    }
    return "";
  }
  uint64_t Retries(RetryReason reason) const {
    uint64_t sum = 0;
    for (const auto& row : metrics_->Snapshot()) sum += row.retries[static_cast<size_t>(reason)];
    return sum;
  }

  ManualClock clock_{1'790'000'000'000'000};
  SeededRandom random_{7};
  std::shared_ptr<ScriptedHttp> http_;
  std::shared_ptr<RequestMetrics> metrics_;
  std::unique_ptr<S3Client> client_;
  std::shared_ptr<ObjectStore> store_;
};

TEST_F(ScriptedClient, ExpiredKeysAreFetchedAndTriedAgain) {
  Start(3);
  http_->answers = {Reply(400, Error("ExpiredToken")), Reply(403, Error("InvalidAccessKeyId")),
                    Reply(200)};
  EXPECT_TRUE(Get().ok());
  EXPECT_NE(HeaderOfLast("Authorization").find("key-3/"), std::string::npos);
  EXPECT_EQ(Retries(RetryReason::kCredentials), 2u);
}

TEST_F(ScriptedClient, KeysThatStayTheSameAreNotTriedAgain) {
  Start(1);
  http_->answers = {Reply(403, Error("SignatureDoesNotMatch", "<RequestId>R1</RequestId>"))};
  const Status status = Get();
  EXPECT_EQ(status.code(), StatusCode::kPermission);
  for (const char* part : {"s3://lake/k", "403 SignatureDoesNotMatch", "R1", "SECRET"}) {
    EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
  }
  EXPECT_EQ(http_->seen.size(), 1u);
}

TEST_F(ScriptedClient, AClockThatIsOffFollowsTheServers) {
  Start();
  // The server is an hour ahead of 2026-09-21T14:13:20Z.
  http_->answers = {
      Reply(403, Error("RequestTimeTooSkewed"), {{"date", "Mon, 21 Sep 2026 15:13:20 GMT"}}),
      Reply(200), Reply(200)};
  EXPECT_TRUE(Get().ok());
  EXPECT_EQ(HeaderOfLast("x-amz-date"), "20260921T151320Z");
  EXPECT_TRUE(Get().ok());
  EXPECT_EQ(HeaderOfLast("x-amz-date"), "20260921T151320Z");
  EXPECT_EQ(http_->seen.size(), 3u);
}

TEST_F(ScriptedClient, TheBucketsRegionIsLearnedOnce) {
  Start();
  http_->answers = {Reply(400, Error("AuthorizationHeaderMalformed", "<Region>there-2</Region>")),
                    Reply(200), Reply(200)};
  EXPECT_TRUE(Get().ok());
  EXPECT_NE(HeaderOfLast("Authorization").find("/there-2/s3/"), std::string::npos);
  EXPECT_TRUE(Get().ok());
  EXPECT_EQ(http_->seen.size(), 3u);
}

TEST_F(ScriptedClient, AStormUsesUpTheBudgetAndNoMore) {
  Start(1, 4 * net::RetryBudget::kRetryCost);
  for (int i = 0; i < 50; ++i) http_->answers.push_back(Reply(503, Error("SlowDown")));
  const Status first = Get();
  EXPECT_NE(first.message().find("503 SlowDown"), std::string::npos);
  EXPECT_EQ(first.retry(), RetryClass::kBackoff);
  EXPECT_EQ(http_->seen.size(), 5u);
  EXPECT_FALSE(Get().ok());
  EXPECT_EQ(http_->seen.size(), 6u);  // nothing left to retry with
  EXPECT_EQ(Retries(RetryReason::kThrottled), 4u);
  EXPECT_EQ(metrics_->Snapshot()[0].failures, 2u);
}

TEST_F(ScriptedClient, AttemptsAreBounded) {
  Start();
  for (int i = 0; i < 50; ++i) http_->answers.push_back(Lost());
  const Status status = Get();
  EXPECT_EQ(status.code(), StatusCode::kIo);
  EXPECT_NE(status.message().find("after 10 attempts"), std::string::npos) << status.message();
  EXPECT_EQ(http_->seen.size(), 10u);
}

TEST_F(ScriptedClient, LongRangesComeInPieces) {
  Start();
  const auto piece = [](const net::HttpRequest& request) -> Result<net::HttpResponse> {
    uint64_t from = 0, to = 0;
    for (const auto& [name, value] : request.headers) {
      if (name == "range") std::sscanf(value.c_str(), "bytes=%lu-%lu", &from, &to);
    }
    // An object of 10,000,000 bytes, each telling its place.
    if (from >= 10'000'000) return net::HttpResponse{416, {}, Error("InvalidRange")};
    std::string body;
    for (uint64_t i = from; i <= std::min<uint64_t>(to, 9'999'999); ++i) {
      body += static_cast<char>(i % 251);
    }
    return net::HttpResponse{206, {}, body};
  };
  http_->answers.assign(3, piece);
  const auto bytes = store_->GetRange("k", 100, 12'700'000 - 100);
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();
  EXPECT_EQ(bytes->size(), 10'000'000u - 100);
  for (uint64_t i = 0; i < bytes->size(); ++i) {
    ASSERT_EQ((*bytes)[i], static_cast<char>((i + 100) % 251)) << i;
  }
  EXPECT_EQ(http_->seen.size(), 3u);
}

class ScriptedUpload : public ScriptedClient {
 protected:
  // Starts an upload of two parts; what is left of the script is for its end.
  Status Upload(PutMode mode, std::vector<ScriptedHttp::Answer> end) {
    Start();
    http_->answers = {Reply(200,
                            "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                            "</InitiateMultipartUploadResult>"),
                      Reply(200, "", {{"etag", "1"}}), Reply(200, "", {{"etag", "2"}})};
    for (auto& answer : end) http_->answers.push_back(answer);
    auto writer = std::move(*store_->OpenWriter("k", mode));
    TARN_RETURN_IF_ERROR(writer->Append(std::string(9'000'000, 'x')));
    return writer->Finish();
  }
};

TEST_F(ScriptedUpload, AnErrorInsideA200IsTriedAgain) {
  EXPECT_TRUE(Upload(PutMode::kOverwrite, {Reply(200, Error("InternalError")), Reply(200)}).ok());
}

TEST_F(ScriptedUpload, AnEndWhoseReplyWasLostIsLookedUp) {
  EXPECT_TRUE(Upload(PutMode::kOverwrite, {Lost(), Reply(404, Error("NoSuchUpload")),
                                           Reply(200, "", {{"content-length", "9000000"}})})
                  .ok());
  EXPECT_EQ(http_->seen.back().substr(0, 4), "HEAD");
}

TEST_F(ScriptedUpload, AnEndWhoseReplyWasLostAndThatIsNotThereHasFailed) {
  const auto gone = [] {
    return std::vector<ScriptedHttp::Answer>{Lost(), Reply(404, Error("NoSuchUpload")), Reply(404),
                                             Reply(204)};
  };
  EXPECT_EQ(Upload(PutMode::kOverwrite, gone()).code(), StatusCode::kIo);
  EXPECT_EQ(Upload(PutMode::kCreateOnly, gone()).code(), StatusCode::kOutcomeUnknown);
}

TEST_F(ScriptedUpload, ALostRaceAtTheEndIsALostRaceAndIsEnded) {
  EXPECT_EQ(Upload(PutMode::kCreateOnly, {Reply(412), Reply(204)}).code(),
            StatusCode::kAlreadyExists);
  EXPECT_EQ(http_->seen.back().substr(0, 6), "DELETE");
}

TEST(RequestMetricsTest, QuantilesComeFromTheHistogram) {
  RequestMetrics metrics;
  for (int i = 0; i < 98; ++i) metrics.Attempt(RequestKind::kGet, 0, 10, 3'000);
  metrics.Attempt(RequestKind::kGet, 0, 10, 100'000);
  metrics.Attempt(RequestKind::kGet, 0, 10, 900'000);
  const auto rows = metrics.Snapshot();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].requests, 100u);
  EXPECT_EQ(rows[0].bytes_received, 1000u);
  EXPECT_EQ(rows[0].QuantileMillis(0.5), 4);
  EXPECT_EQ(rows[0].QuantileMillis(0.98), 128);
  EXPECT_EQ(rows[0].QuantileMillis(0.99), 901);
}

}  // namespace
}  // namespace tarn::store::s3
