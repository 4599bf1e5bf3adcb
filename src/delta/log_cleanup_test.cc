#include "delta/log_cleanup.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "delta/log.h"
#include "delta/symlink_manifest.h"
#include "delta/table_check.h"
#include "delta/test_lake.h"

namespace tarn::delta {
namespace {

using testing::TestLake;

constexpr int64_t kDayMicros = 86'400'000'000;

// The memory store stamps files with the real time; this lake's clock runs days ahead of it.
struct OldLake : TestLake {
  std::shared_ptr<Table> table;

  explicit OldLake(const StringMap& properties = {}) {
    clock.Advance(Clock::System().NowMicros() - clock.NowMicros());
    table = Create(properties);
    for (int i = 1; i <= 12; ++i) {
      EXPECT_TRUE(testing::Append(table, testing::MakeFile("f" + std::to_string(i), i, i)).ok());
    }
    clock.Advance(40 * kDayMicros);
  }
  void Put(const std::string& name) {
    EXPECT_TRUE(store->Put("t/_delta_log/" + name, "{}", store::PutMode::kOverwrite).ok());
  }
  std::vector<std::string> Log() {
    std::vector<std::string> out;
    const auto objects = memory->List("t/_delta_log/");
    for (const auto& object : *objects) out.push_back(object.key.substr(13));
    return out;
  }
  Result<int64_t> Clean() {
    TableEnvironment environment = table->environment();
    return CleanUpLog(environment, "t", **table->Latest());
  }
};

TEST(LogCleanupTest, NothingGoesWithoutACheckpointThatStandsForIt) {
  OldLake lake;
  const auto before = lake.Log();
  ASSERT_EQ(*lake.Clean(), 0);
  EXPECT_EQ(lake.Log(), before);
}

TEST(LogCleanupTest, KeepsTheCheckpointItsCommitAndAllBehind) {
  OldLake lake;
  lake.Put("00000000000000000005.checkpoint.parquet");
  lake.Put("00000000000000000010.checkpoint.parquet");
  lake.Put("00000000000000000001.00000000000000000004.compacted.json");
  ASSERT_GT(*lake.Clean(), 0);
  const auto left = lake.Log();
  EXPECT_EQ(left.front(), "00000000000000000010.checkpoint.parquet");
  const auto listing = ListLog(*lake.store, "t");
  ASSERT_TRUE(listing.ok());
  EXPECT_EQ(listing->commits.begin()->first, Version(10));
  EXPECT_EQ(listing->commits.rbegin()->first, Version(12));
  EXPECT_EQ(*lake.Clean(), 0);  // a second run finds nothing
}

TEST(LogCleanupTest, YoungLogsAndTablesThatSayNoAreLeftAlone) {
  OldLake off(StringMap{{"delta.enableExpiredLogCleanup", "false"}});
  off.Put("00000000000000000010.checkpoint.parquet");
  EXPECT_EQ(*off.Clean(), 0);
  OldLake longer(StringMap{{"delta.logRetentionDuration", "interval 60 days"}});
  longer.Put("00000000000000000010.checkpoint.parquet");
  EXPECT_EQ(*longer.Clean(), 0);
}

TEST(LogCleanupTest, SidecarsOfARemainingCheckpointStay) {
  OldLake lake;
  const std::string uuid = "80a083e8-7026-4e79-81be-64bd76c43a11";
  ASSERT_TRUE(lake.store
                  ->Put("t/_delta_log/00000000000000000010.checkpoint." + uuid + ".json",
                        "{\"checkpointMetadata\":{\"version\":10}}\n"
                        "{\"sidecar\":{\"path\":\"kept.parquet\",\"sizeInBytes\":2,"
                        "\"modificationTime\":1}}\n",
                        store::PutMode::kOverwrite)
                  .ok());
  lake.Put("_sidecars/kept.parquet");
  lake.Put("_sidecars/orphan.parquet");
  ASSERT_GT(*lake.Clean(), 0);
  EXPECT_TRUE(lake.store->Head("t/_delta_log/_sidecars/kept.parquet").ok());
  EXPECT_FALSE(lake.store->Head("t/_delta_log/_sidecars/orphan.parquet").ok());
}

// --- tarn table check, without an engine ---

struct CheckLake : TestLake {
  std::shared_ptr<Table> table = Create();

  void AddFile(const std::string& path, size_t bytes) {
    auto file = testing::MakeFile(path, 1, 10);
    file.size_bytes = static_cast<int64_t>(bytes);
    ASSERT_TRUE(store->Put("t/" + path, std::string(bytes, 'x'), store::PutMode::kOverwrite).ok());
    ASSERT_TRUE(testing::Append(table, file).ok());
  }
  std::vector<std::string> Kinds(bool repair = false) {
    CheckOptions options;
    options.repair = repair;
    const auto outcome = CheckTable(table, options);
    EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
    std::vector<std::string> out;
    if (!outcome.ok()) return out;
    for (const auto& finding : outcome->findings) {
      out.push_back(finding.kind + (finding.repaired ? " repaired" : ""));
    }
    return out;
  }
};

TEST(TableCheckTest, FindsLostFilesAndTakesThemOutOfTheLog) {
  CheckLake lake;
  lake.AddFile("a", 100);
  lake.AddFile("b", 100);
  lake.AddFile("c", 100);
  EXPECT_TRUE(lake.Kinds().empty());
  ASSERT_TRUE(lake.store->Delete("t/a").ok());
  ASSERT_TRUE(lake.store->Put("t/b", "short", store::PutMode::kOverwrite).ok());
  EXPECT_EQ(lake.Kinds(), (std::vector<std::string>{"missing_file", "wrong_size"}));
  EXPECT_EQ(lake.Kinds(true),
            (std::vector<std::string>{"missing_file repaired", "wrong_size repaired"}));
  EXPECT_TRUE(lake.Kinds().empty());
  EXPECT_EQ(testing::Paths(**lake.table->Latest()), std::vector<std::string>{"c"});
  EXPECT_EQ((*lake.table->History(1))[0].info.operation, "FSCK");
}

TEST(TableCheckTest, FindsGapsBadHintsAndBadChecksums) {
  CheckLake lake;
  lake.AddFile("a", 100);
  lake.AddFile("b", 100);
  const std::string log = "t/_delta_log/";
  ASSERT_TRUE(
      lake.store
          ->Put(log + "_last_checkpoint", "{\"version\":1,\"size\":3}", store::PutMode::kOverwrite)
          .ok());
  ASSERT_TRUE(lake.store
                  ->Put(log + ChecksumName(Version(2)), "{\"tableSizeBytes\":7}",
                        store::PutMode::kOverwrite)
                  .ok());
  EXPECT_EQ(lake.Kinds(), (std::vector<std::string>{"_last_checkpoint", "checksum"}));
  EXPECT_EQ(lake.Kinds(true),
            (std::vector<std::string>{"_last_checkpoint repaired", "checksum repaired"}));
  EXPECT_TRUE(lake.Kinds().empty());
  ASSERT_TRUE(lake.store->Delete(log + CommitName(Version(1))).ok());
  lake.table->Invalidate();
  EXPECT_EQ(lake.Kinds(), (std::vector<std::string>{"gap", "version"}));
}

}  // namespace
}  // namespace tarn::delta
