// Log clean-up by somebody else, at the worst moments: each was found by the simulation.
#include <gtest/gtest.h>

#include "delta/checkpoint.h"
#include "delta/log.h"
#include "delta/log_fixture.h"
#include "delta/test_lake.h"

namespace tarn::delta {
namespace {

using testing::Append;
using testing::Begin;
using testing::MakeFile;
using testing::TestLake;

class CleanUpRace : public ::testing::Test {
 protected:
  std::shared_ptr<Table> Open() {
    TableEnvironment environment;
    environment.store = lake.store;
    environment.checkpoint_format = std::make_shared<FakeCheckpointFormat>();
    environment.clock = &lake.clock;
    environment.random = &lake.random;
    return Table::At(environment, "t");
  }
  void AppendMany(int count) {
    auto table = Open();
    for (int i = 0; i < count; ++i)
      ASSERT_TRUE(Append(table, MakeFile("f" + std::to_string(++files), 1, 1)).ok());
  }
  // A checkpoint of the newest version; everything before it goes, oldest first.
  void CleanUp() {
    auto table = Open();
    const auto latest = table->Latest();
    ASSERT_TRUE(latest.ok());
    ASSERT_TRUE(table->WriteCheckpoint(*latest).ok());
    for (Version version(0); version < (*latest)->version(); version = version.Next())
      ASSERT_TRUE(lake.memory->Delete(table->LogKey(CommitName(version))).ok());
  }
  // Runs `act` once, before the first call of that kind on that commit.
  void Before(const std::string& operation, int64_t version, std::function<void()> act) {
    const std::string name = CommitName(Version(version));
    lake.store->SetHook(
        [this, operation, name, act](const std::string& called, const std::string& key) {
          if (called == operation && key.ends_with(name)) {
            lake.store->SetHook({});
            act();
          }
          return testing::Fault::kNone;
        });
  }

  TestLake lake;
  int files = 0;
};

TEST_F(CleanUpRace, RefreshSurvivesThatTheCommitItJustReadIsGone) {
  lake.Create();
  auto table = Open();
  ASSERT_TRUE(table->Latest().ok());
  AppendMany(1);
  // Read version 1, found no version 2; then time passes before version 1 is looked at.
  Before("head", 1, [&] {
    AppendMany(3);
    CleanUp();
  });
  const auto latest = table->Latest();
  ASSERT_TRUE(latest.ok()) << latest.status().ToString();
  EXPECT_EQ((*latest)->version(), Version(4));
  EXPECT_EQ((*latest)->num_files(), 4u);
}

TEST_F(CleanUpRace, ATransactionDoesNotCommitIntoTheGap) {
  lake.Create();
  auto transaction = Begin(Open());
  AppendMany(4);
  CleanUp();
  ASSERT_TRUE(transaction->AddDataFile(MakeFile("late", 1, 1)).ok());
  const auto result = transaction->Commit();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kConflict) << result.status().ToString();
  EXPECT_NE(result.status().message().find("cleaned up"), std::string::npos);
  const auto gap = lake.memory->Get("t/_delta_log/" + CommitName(Version(1)));
  EXPECT_EQ(gap.status().code(), StatusCode::kNotFound);
}

TEST_F(CleanUpRace, ACommitThatFellIntoTheGapIsNotAcknowledged) {
  lake.Create();
  auto transaction = Begin(Open());
  ASSERT_TRUE(transaction->AddDataFile(MakeFile("late", 1, 1)).ok());
  // The log is as expected when it is looked at, and cleaned up before the put arrives.
  Before("put", 1, [&] {
    AppendMany(4);
    CleanUp();
  });
  const auto result = transaction->Commit();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kConflict) << result.status().ToString();
  const auto latest = Open()->Latest();
  ASSERT_TRUE(latest.ok()) << latest.status().ToString();
  EXPECT_EQ((*latest)->version(), Version(4));
  EXPECT_FALSE((*latest)->FindFile("late"));
}

TEST_F(CleanUpRace, ALostReplyWhoseCommitIsGoneIsNoConflict) {
  lake.Create();
  auto transaction = Begin(Open());
  ASSERT_TRUE(transaction->AddDataFile(MakeFile("late", 1, 1)).ok());
  bool lost = false;
  const std::string name = CommitName(Version(1));
  lake.store->SetHook([&](const std::string& called, const std::string& key) {
    if (called == "put" && key.ends_with(name) && !lost) {
      lost = true;
      return testing::Fault::kLostReply;
    }
    if (called == "get" && key.ends_with(name) && lost) {
      lake.store->SetHook({});
      AppendMany(3);
      CleanUp();
    }
    return testing::Fault::kNone;
  });
  const auto result = transaction->Commit();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kOutcomeUnknown) << result.status().ToString();
  EXPECT_TRUE((*Open()->Latest())->FindFile("late"));
}

TEST_F(CleanUpRace, ALostRaceWhoseWinnerIsGoneIsAConflict) {
  lake.Create();
  auto transaction = Begin(Open());
  ASSERT_TRUE(transaction->AddDataFile(MakeFile("late", 1, 1)).ok());
  AppendMany(1);
  Before("get", 1, [&] {
    AppendMany(3);
    CleanUp();
  });
  const auto result = transaction->Commit();
  ASSERT_FALSE(result.ok());
  EXPECT_FALSE((*Open()->Latest())->FindFile("late"));
}

TEST_F(CleanUpRace, ACommitRightAboveACheckpointWithoutItsJsonStands) {
  lake.Create();
  AppendMany(3);
  CleanUp();
  ASSERT_TRUE(lake.memory->Delete("t/_delta_log/" + CommitName(Version(3))).ok());
  auto transaction = Begin(Open());
  ASSERT_TRUE(transaction->AddDataFile(MakeFile("next", 1, 1)).ok());
  const auto result = transaction->Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->version, Version(4));
}

TEST_F(CleanUpRace, OpeningLooksAgainAsLongAsTheLogChanges) {
  lake.Create();
  AppendMany(2);
  // Twice in a row, what a list named is gone when it is asked for.
  int cleanups = 0;
  lake.store->SetHook([&](const std::string& called, const std::string& key) {
    const bool reads_state = called == "get" && !key.ends_with("_last_checkpoint");
    if (reads_state && cleanups < 3) {
      ++cleanups;
      const auto listing = ListLog(*lake.memory, "t");
      const Version last = listing->LastVersion();
      // The newest commit stays; the one below it, which the reader needs, makes way for a
      // checkpoint above.
      std::string adds = FakeCheckpointFormat::kMark;
      adds += SerializeAction(Protocol{}) + "\n";
      Metadata metadata = TestLake::PlainMetadata();
      metadata.id = "id";
      adds += SerializeAction(metadata) + "\n";
      const std::string folder = "t/_delta_log/";
      const Version next = last.Next();
      const std::string entry = SerializeAction(CommitInfo{}) + "\n";
      EXPECT_TRUE(
          lake.memory->Put(folder + CommitName(next), entry, store::PutMode::kCreateOnly).ok());
      EXPECT_TRUE(
          lake.memory->Put(folder + ClassicCheckpointName(next), adds, store::PutMode::kOverwrite)
              .ok());
      for (const auto& [version, file] : listing->commits)
        EXPECT_TRUE(lake.memory->Delete(folder + file.name).ok());
      for (const auto& checkpoint : listing->checkpoints)
        EXPECT_TRUE(lake.memory->Delete(folder + checkpoint.names.front()).ok());
    }
    return testing::Fault::kNone;
  });
  const auto latest = Open()->Latest();
  ASSERT_TRUE(latest.ok()) << latest.status().ToString();
  EXPECT_EQ((*latest)->version(), Version(5));
  EXPECT_EQ(cleanups, 3);
}

}  // namespace
}  // namespace tarn::delta
