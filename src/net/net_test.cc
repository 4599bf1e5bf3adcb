#include <gtest/gtest.h>

#include "net/http_client.h"
#include "net/retry.h"

namespace tarn::net {
namespace {

TEST(Backoff, StopsAfterItsAttemptsAndItsTime) {
  ManualClock clock(0);
  SeededRandom random(1);
  RetryPolicy policy;
  policy.max_attempts = 4;
  Backoff by_attempts(policy, clock, random);
  EXPECT_TRUE(by_attempts.Wait());
  EXPECT_TRUE(by_attempts.Wait());
  EXPECT_TRUE(by_attempts.Wait());
  EXPECT_FALSE(by_attempts.Wait());
  policy.max_attempts = 1000;
  policy.total_micros = 20'000'000;
  Backoff by_time(policy, clock, random);
  const int64_t start = clock.MonotonicMicros();
  while (by_time.Wait()) {
  }
  EXPECT_LE(clock.MonotonicMicros() - start, policy.total_micros);
  EXPECT_GT(by_time.attempts(), 4);
}

TEST(Backoff, WaitsAtLeastWhatTheServerAsks) {
  ManualClock clock(0);
  SeededRandom random(1);
  Backoff backoff(RetryPolicy{}, clock, random);
  ASSERT_TRUE(backoff.Wait(2'000'000));
  EXPECT_GE(clock.MonotonicMicros(), 2'000'000);
}

TEST(HttpClient, ARefusedConnectionSentNothing) {
  HttpRequest request;
  request.url = "http://127.0.0.1:1/x";  // nothing listens on port 1
  const auto response = MakeHttpClient()->Send(request);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.status().retry(), RetryClass::kBackoff);
  EXPECT_NE(response.status().message().find("127.0.0.1:1/x"), std::string::npos);
}

}  // namespace
}  // namespace tarn::net
