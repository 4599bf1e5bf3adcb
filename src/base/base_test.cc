#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/status.h"
#include "base/strong_id.h"

namespace tarn {
namespace {

Result<int> Half(int n) {
  if (n % 2 != 0) return Status::InvalidArgument("odd");
  return n / 2;
}

Result<int> Quarter(int n) {
  TARN_ASSIGN_OR_RETURN(int half, Half(n));
  return Half(half);
}

TEST(Status, CarriesCodeRetryAndContext) {
  EXPECT_TRUE(Status().ok());
  const Status conflict = Status::Conflict("version 7 exists").WithContext("silver.events");
  EXPECT_EQ(conflict.ToString(), "conflict: silver.events: version 7 exists");
  EXPECT_EQ(conflict.retry(), RetryClass::kAfterRefresh);
}

TEST(Result, PropagatesTheFirstFailure) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status().code(), StatusCode::kInvalidArgument);
}

TEST(Clock, FormatsAndParsesUtc) {
  EXPECT_EQ(FormatTimestampUtc(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(*ParseTimestampUtc("1970-01-02"), 86'400'000'000);
  EXPECT_EQ(*ParseTimestampUtc("1970-01-01 00:00:01.5"), 1'500'000);
  EXPECT_EQ(*ParseTimestampUtc("1970-01-01T02:00:00+02:00"), 0);
  EXPECT_FALSE(ParseTimestampUtc("yesterday").ok());
  EXPECT_EQ(FormatDate(DaysFromCivil(2024, 2, 29)), "2024-02-29");
}

TEST(Random, SeedReplaysAndUuidHasItsVersion) {
  SeededRandom a(7);
  SeededRandom b(7);
  EXPECT_EQ(a.NextU64(), b.NextU64());
  const std::string uuid = MakeUuid(a);
  EXPECT_EQ(uuid.size(), 36u);
  EXPECT_EQ(uuid[14], '4');
}

TEST(Hash, KnownVectors) {
  EXPECT_EQ(Md5Hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HmacSha256Hex("key", "The quick brown fox jumps over the lazy dog"),
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
  EXPECT_EQ(Crc32("123456789"), 0xcbf43926u);
}

}  // namespace
}  // namespace tarn
