#include "delta/vacuum_mark.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "delta/restore.h"
#include "delta/test_lake.h"

namespace tarn::delta {
namespace {

using testing::TestLake;

// Version 1 adds a file, version 2 takes it away: RESTORE to 1 brings it back.
struct MarkedLake : TestLake {
  std::shared_ptr<Table> table = Create();

  MarkedLake() {
    clock.Advance(Clock::System().NowMicros() - clock.NowMicros());
    EXPECT_TRUE(store->Put("t/a", "rows", store::PutMode::kCreateOnly).ok());
    EXPECT_TRUE(testing::Append(table, testing::MakeFile("a", 1, 5)).ok());
    auto transaction = testing::Begin(table);
    EXPECT_TRUE(transaction->RemoveDataFile(FileIndex(0)).ok());
    EXPECT_TRUE(transaction->Commit().ok());
  }
  Status RestoreTo(int64_t version) {
    const auto target = table->At(Version(version));
    return target.ok() ? Restore(table, *target, {}).status() : target.status();
  }
};

TEST(VacuumMarkTest, RestoreBringsNothingBackUnderAVacuum) {
  MarkedLake lake;
  const auto mark = MarkVacuum(*lake.table, INT64_MAX);
  ASSERT_TRUE(mark.ok()) << mark.status().ToString();
  const Status refused = lake.RestoreTo(1);
  EXPECT_EQ(refused.code(), StatusCode::kConflict) << refused.ToString();
  EXPECT_NE(refused.message().find(*mark), std::string::npos) << refused.message();
  EXPECT_TRUE(lake.RestoreTo(0).ok());  // needs no file that is gone from the newest version
  ASSERT_TRUE(UnmarkVacuum(*lake.table, *mark).ok());
  const Status restored = lake.RestoreTo(1);
  EXPECT_TRUE(restored.ok()) << restored.ToString();
}

TEST(VacuumMarkTest, WhatTheVacuumKeepsMayComeBack) {
  MarkedLake lake;
  ASSERT_TRUE(MarkVacuum(*lake.table, 0).ok());
  const Status restored = lake.RestoreTo(1);
  EXPECT_TRUE(restored.ok()) << restored.ToString();
}

TEST(VacuumMarkTest, TheMarkOfADeadVacuumExpires) {
  MarkedLake lake;
  const auto left = MarkVacuum(*lake.table, INT64_MAX);
  ASSERT_TRUE(left.ok());
  EXPECT_EQ(lake.RestoreTo(1).code(), StatusCode::kConflict);
  lake.clock.Advance(25LL * 3'600'000'000);
  const Status restored = lake.RestoreTo(1);
  EXPECT_TRUE(restored.ok()) << restored.ToString();
  // The next VACUUM takes it away with its own.
  const auto own = MarkVacuum(*lake.table, 0);
  ASSERT_TRUE(own.ok());
  ASSERT_TRUE(UnmarkVacuum(*lake.table, *own).ok());
  EXPECT_EQ(lake.store->Head(*left).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace tarn::delta
