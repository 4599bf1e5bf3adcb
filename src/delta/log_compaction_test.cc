#include "delta/log_compaction.h"

#include "delta/json.h"
#include "delta/test_lake.h"

namespace tarn::delta {
namespace {

using testing::Append;
using testing::Begin;
using testing::MakeFile;
using testing::Paths;
using testing::TestLake;

std::vector<std::string> CompactedFiles(TestLake& lake) {
  std::vector<std::string> out;
  const auto objects = lake.memory->List("t/_delta_log/", "", 0);
  EXPECT_TRUE(objects.ok());
  for (const auto& object : *objects) {
    if (object.key.ends_with(".compacted.json")) out.push_back(object.key);
  }
  return out;
}

TEST(LogCompactionTest, TheNewestOfReconcilingActionsStays) {
  AddFile a = MakeFile("a", 1, 2);
  AddFile b = MakeFile("b", 3, 4);
  RemoveFile gone;
  gone.path = "a";
  AddFile with_vector = b;
  with_vector.deletion_vector = DeletionVectorDescriptor{'i', "x", std::nullopt, 1, 1};
  RemoveFile without;
  without.path = "b";
  const auto actions =
      Reconcile({{CommitInfo{}, a, b, SetTransaction{"app", 1, std::nullopt},
                  DomainMetadata{"d", "1", false}},
                 {CommitInfo{}, gone, without, with_vector, SetTransaction{"app", 2, std::nullopt},
                  DomainMetadata{"d", "", true}}});
  EXPECT_EQ(SerializeActions(actions),
            SerializeActions({gone, without, with_vector, SetTransaction{"app", 2, std::nullopt},
                              DomainMetadata{"d", "", true}}));
}

TEST(LogCompactionTest, ReadersFindTheSameState) {
  TestLake lake;
  auto table =
      lake.Create({{"delta.checkpointInterval", "100"}, {"tarn.logCompactionInterval", "4"}});
  for (int i = 1; i <= 10; ++i) {
    ASSERT_TRUE(Append(table, MakeFile("f" + std::to_string(i), i, i)).ok());
    if (i == 5) {
      auto transaction = Begin(table);
      ASSERT_TRUE(transaction->RemoveDataFile(FileIndex(0)).ok());
      ASSERT_TRUE(transaction->Commit().ok());
    }
  }
  EXPECT_EQ(CompactedFiles(lake),
            (std::vector<std::string>{
                "t/_delta_log/00000000000000000000.00000000000000000003.compacted.json",
                "t/_delta_log/00000000000000000004.00000000000000000007.compacted.json",
                "t/_delta_log/00000000000000000008.00000000000000000011.compacted.json"}));
  const auto before = Paths(**table->Latest());
  auto fresh = lake.Open();
  int commits_read = 0;
  lake.store->SetHook([&](const std::string& operation, const std::string& key) {
    if (operation == "get" && key.ends_with(".json") && !key.ends_with(".compacted.json")) {
      ++commits_read;
    }
    return testing::Fault::kNone;
  });
  const auto latest = fresh->Latest();
  ASSERT_TRUE(latest.ok()) << latest.status().ToString();
  auto after = Paths(**latest);
  auto sorted = before;
  std::sort(sorted.begin(), sorted.end());
  std::sort(after.begin(), after.end());
  EXPECT_EQ(after, sorted);
  EXPECT_EQ(after.size(), 9u);
  EXPECT_LE(commits_read, 2) << "the compacted files stand for their commits";
}

TEST(LogCompactionTest, AFailureNeverFailsTheCommit) {
  TestLake lake;
  auto table =
      lake.Create({{"delta.checkpointInterval", "100"}, {"tarn.logCompactionInterval", "2"}});
  lake.store->SetHook([](const std::string& operation, const std::string& key) {
    return operation == "put" && key.ends_with(".compacted.json") ? testing::Fault::kFailBefore
                                                                  : testing::Fault::kNone;
  });
  ASSERT_TRUE(Append(table, MakeFile("f", 1, 1)).ok());
  EXPECT_TRUE(CompactedFiles(lake).empty());
  EXPECT_EQ((*table->Latest())->version(), Version(1));
  EXPECT_EQ(WriteCompacted(*table, Version(1), Version(1)).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tarn::delta
