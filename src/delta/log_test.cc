// File names of the log and the canonical form behind the hint's checksum.
#include "delta/log.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace tarn::delta {
namespace {

TEST(LogNameTest, Names) {
  const auto kind = [](const std::string& name) {
    auto parsed = ParseLogFileName(name);
    return parsed ? static_cast<int>(parsed->kind) : -1;
  };
  const std::string v = "00000000000000000012";
  EXPECT_EQ(kind(v + ".json"), static_cast<int>(LogFileKind::kCommit));
  EXPECT_EQ(kind(v + ".crc"), static_cast<int>(LogFileKind::kChecksum));
  EXPECT_EQ(kind(v + ".checkpoint.parquet"), static_cast<int>(LogFileKind::kCheckpoint));
  EXPECT_EQ(kind(v + ".00000000000000000015.compacted.json"),
            static_cast<int>(LogFileKind::kCompacted));
  for (const std::string& other :
       {v + ".json.tmp", std::string("12.json"), v + ".00000000000000000012.compacted.json",
        v + ".checkpoint", v + ".checkpoint.0000000003.0000000002.parquet",
        v + ".checkpoint.a.b.parquet", v, std::string("_last_checkpoint"),
        std::string(".") + v + ".json.crc", v + ".3a0d65cd.json",
        std::string("99999999999999999999.json")}) {
    EXPECT_EQ(kind(other), -1) << other;
  }
  auto part = ParseLogFileName(v + ".checkpoint.0000000002.0000000003.parquet");
  EXPECT_EQ(part->part, 2);
  EXPECT_EQ(part->parts, 3);
  auto v2 = ParseLogFileName(v + ".checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json");
  EXPECT_TRUE(v2->json);
  EXPECT_EQ(v2->unique, "80a083e8-7026-4e79-81be-64bd76c43a11");
}

TEST(LogNameTest, CanonicalJsonOfTheProtocol) {
  const std::string json =
      R"({"k0":"'v 0'", "checksum": "adsaskfljadfkjadfkj", "k1":{"k2": 2, "k3": [)"
      R"("v3", [1, 2], {"k4": "v4", "k5": ["v5", "v6", "v7"]}]}})";
  const auto canonical = CanonicalJson(json);
  ASSERT_TRUE(canonical);
  EXPECT_EQ(*canonical,
            R"("k0"="%27v%200%27","k1"+"k2"=2,"k1"+"k3"+0="v3","k1"+"k3"+1+0=1,"k1"+"k3"+1+1=2,)"
            R"("k1"+"k3"+2+"k4"="v4","k1"+"k3"+2+"k5"+0="v5","k1"+"k3"+2+"k5"+1="v6","k)"
            R"(1"+"k3"+2+"k5"+2="v7")");
  EXPECT_EQ(Md5Hex(*canonical), "6a92d155a59bf2eecbd4b4ec7fd1f875");
  EXPECT_FALSE(CanonicalJson(R"({"a":1,"a":2})"));
}

}  // namespace
}  // namespace tarn::delta
