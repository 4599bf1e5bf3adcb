#include "delta/transaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "delta/test_lake.h"

namespace tarn::delta {
namespace {

using testing::Append;
using testing::Begin;
using ::testing::ElementsAre;
using testing::Fault;
using ::testing::HasSubstr;
using testing::IdEquals;
using ::testing::IsEmpty;
using testing::MakeFile;
using testing::Paths;
using testing::TestLake;

DeletionVectorDescriptor Inline(std::initializer_list<uint64_t> rows, SeededRandom& random) {
  RowSet set;
  for (const uint64_t row : rows) set.Add(row);
  auto store = store::MakeMemoryStore();
  auto written = WriteDeletionVectors(*store, "t", {set}, random);
  EXPECT_TRUE(written.ok());
  return (*written)[0];
}

template <typename T>
std::optional<T> ActionOf(const std::shared_ptr<Table>& table, int64_t version) {
  const auto actions = table->ReadCommit(Version(version));
  EXPECT_TRUE(actions.ok()) << actions.status().ToString();
  for (const Action& action : *actions) {
    if (const T* found = std::get_if<T>(&action)) return *found;
  }
  return std::nullopt;
}

TEST(Transaction, CreatesAppendsRemoves) {
  TestLake lake;
  auto table = lake.Create();
  ASSERT_TRUE(Append(table, MakeFile("a.parquet", 1, 5)).ok());
  ASSERT_TRUE(Append(table, MakeFile("b.parquet", 6, 9)).ok());
  auto transaction = Begin(table);
  ASSERT_TRUE(transaction->RemoveDataFile(*transaction->base()->FindFile("a.parquet")).ok());
  const auto result = transaction->Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->version.value(), 3);
  EXPECT_THAT(Paths(*result->snapshot), ElementsAre("b.parquet"));
  const auto info = ActionOf<CommitInfo>(table, 1);
  EXPECT_TRUE(*info->is_blind_append);
  EXPECT_EQ(info->operation, "WRITE");
  EXPECT_EQ(*info->read_version, 0);
  EXPECT_FALSE(*ActionOf<CommitInfo>(table, 3)->is_blind_append);
  EXPECT_EQ(*ActionOf<RemoveFile>(table, 3)->size_bytes, 100);
}

TEST(Transaction, CreateOfAnExistingTableIsRefused) {
  TestLake lake;
  lake.Create();
  auto again = Transaction::Create(lake.Open(), TestLake::PlainMetadata());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->Commit().status().code(), StatusCode::kAlreadyExists);
}

TEST(Transaction, TwoCreatorsOneWins) {
  TestLake lake;
  auto first = Transaction::Create(lake.Open(), TestLake::PlainMetadata());
  auto second = Transaction::Create(lake.Open(), TestLake::PlainMetadata());
  lake.store->SetHook([&](const std::string& operation, const std::string&) {
    if (operation != "put") return Fault::kNone;
    lake.store->SetHook(nullptr);
    EXPECT_TRUE((*second)->Commit().ok());  // between the first one's check and its put
    return Fault::kNone;
  });
  EXPECT_EQ((*first)->Commit().status().code(), StatusCode::kAlreadyExists);
}

TEST(Transaction, BlindAppendsRebase) {
  TestLake lake;
  lake.Create();
  auto one = Begin(lake.Open());
  auto two = Begin(lake.Open());
  ASSERT_TRUE(one->AddDataFile(MakeFile("a", 1, 1)).ok());
  ASSERT_TRUE(two->AddDataFile(MakeFile("b", 1, 1)).ok());
  ASSERT_TRUE(one->Commit().ok());
  const auto result = two->Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->version.value(), 2);
  EXPECT_EQ(result->attempts, 2);
  EXPECT_THAT(Paths(*result->snapshot), ElementsAre("a", "b"));
}

TEST(Transaction, DeleteDeleteConflictsAndWritesNothing) {
  TestLake lake;
  auto table = lake.Create();
  ASSERT_TRUE(Append(table, MakeFile("a", 1, 1)).ok());
  auto one = Begin(lake.Open());
  auto two = Begin(lake.Open());
  ASSERT_TRUE(one->RemoveDataFile(FileIndex(0)).ok());
  ASSERT_TRUE(two->RemoveDataFile(FileIndex(0)).ok());
  ASSERT_TRUE(one->Commit().ok());
  const auto result = two->Commit();
  EXPECT_EQ(result.status().code(), StatusCode::kConflict);
  EXPECT_EQ(result.status().retry(), RetryClass::kAfterRefresh);
  EXPECT_THAT(result.status().message(), HasSubstr("version 2"));
  EXPECT_EQ((*table->Latest())->version().value(), 2);
}

TEST(Transaction, LostReplyIsResolvedByReadingBack) {
  TestLake lake;
  auto table = lake.Create();
  bool first = true;
  lake.store->SetHook([&](const std::string& operation, const std::string& key) {
    if (operation != "put" || key.find(".json") == std::string::npos || !first) return Fault::kNone;
    first = false;
    return Fault::kLostReply;
  });
  const auto result = Append(table, MakeFile("a", 1, 1));
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->version.value(), 1);
  EXPECT_THAT(Paths(**table->Latest()), ElementsAre("a"));
}

TEST(Transaction, LostRequestsAreRepeated) {
  TestLake lake;
  auto table = lake.Create();
  int failures = 3;
  lake.store->SetHook([&](const std::string& operation, const std::string& key) {
    if (operation != "put" || key.find(".json") == std::string::npos || failures == 0)
      return Fault::kNone;
    return --failures % 2 == 0 ? Fault::kLostRequest : Fault::kFailBefore;
  });
  ASSERT_TRUE(Append(table, MakeFile("a", 1, 1)).ok());
  EXPECT_THAT(Paths(**table->Latest()), ElementsAre("a"));
}

TEST(Transaction, OutcomeStaysUnknownWhenTheStoreIsGone) {
  TestLake lake;
  auto table = lake.Create();
  auto transaction = Begin(table);
  ASSERT_TRUE(transaction->AddDataFile(MakeFile("a", 1, 1)).ok());
  bool gone = false;
  lake.store->SetHook([&](const std::string& operation, const std::string& key) {
    if (operation == "put" && key.find(".json") != std::string::npos && !gone) {
      gone = true;
      return Fault::kLostReply;
    }
    return gone ? Fault::kFailBefore : Fault::kNone;
  });
  EXPECT_EQ(transaction->Commit().status().code(), StatusCode::kOutcomeUnknown);
  lake.store->SetHook(nullptr);
  EXPECT_THAT(Paths(**table->Latest()), ElementsAre("a"));
}

TEST(Transaction, ARequestThatMayStillArriveKeepsTheOutcomeUnknown) {
  TestLake lake;
  auto table = lake.Create();
  auto transaction = Begin(table);
  ASSERT_TRUE(transaction->AddDataFile(MakeFile("a", 1, 1)).ok());
  int puts = 0;
  lake.store->SetHook([&](const std::string& operation, const std::string&) {
    if (operation != "put") return Fault::kNone;
    return ++puts == 1 ? Fault::kLostRequest : Fault::kFailBefore;
  });
  EXPECT_EQ(transaction->Commit().status().code(), StatusCode::kOutcomeUnknown);

  auto refused = Begin(table);  // when every request was refused there is nothing in doubt
  ASSERT_TRUE(refused->AddDataFile(MakeFile("b", 1, 1)).ok());
  const auto result = refused->Commit();
  EXPECT_EQ(result.status().code(), StatusCode::kIo);
  EXPECT_EQ(result.status().retry(), RetryClass::kBackoff);
}

TEST(Transaction, CommitStandsWhenReadingBackFails) {
  TestLake lake;
  auto table = lake.Create();
  auto transaction = Begin(table);
  ASSERT_TRUE(transaction->AddDataFile(MakeFile("a", 1, 1)).ok());
  bool committed = false;
  lake.store->SetHook([&](const std::string& operation, const std::string& key) {
    const bool fail = committed;
    committed = committed || (operation == "put" && key.find(".json") != std::string::npos);
    return fail ? Fault::kFailBefore : Fault::kNone;
  });
  const auto result = transaction->Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->version.value(), 1);
  EXPECT_EQ(result->snapshot, nullptr);
}

TEST(Transaction, AppTransactionIsAppliedOnce) {
  TestLake lake;
  auto table = lake.Create();
  const auto write = [&](int64_t epoch, const std::string& path) {
    auto transaction = Begin(table);
    transaction->SetAppTransaction("ingest", epoch);
    EXPECT_TRUE(transaction->AddDataFile(MakeFile(path, 1, 1)).ok());
    return transaction->Commit();
  };
  EXPECT_FALSE(write(7, "a")->already_applied);
  EXPECT_TRUE(write(7, "b")->already_applied);
  EXPECT_TRUE(write(6, "c")->already_applied);
  EXPECT_FALSE(write(8, "d")->already_applied);
  EXPECT_THAT(Paths(**table->Latest()), ElementsAre("a", "d"));
  EXPECT_EQ((*table->Latest())->version().value(), 2);
}

TEST(Transaction, AppTransactionOfAZombieIsNoticedWhileRebasing) {
  TestLake lake;
  auto table = lake.Create();
  auto late = Begin(lake.Open());
  auto zombie = Begin(lake.Open());
  late->SetAppTransaction("ingest", 1);
  ASSERT_TRUE(late->AddDataFile(MakeFile("a", 1, 1)).ok());
  zombie->SetAppTransaction("ingest", 1);
  ASSERT_TRUE(zombie->AddDataFile(MakeFile("b", 1, 1)).ok());
  auto ahead = Begin(lake.Open());
  ahead->SetAppTransaction("ingest", 2);
  ASSERT_TRUE(ahead->AddDataFile(MakeFile("c", 1, 1)).ok());

  ASSERT_TRUE(late->Commit().ok());
  const auto result = zombie->Commit();
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->already_applied);
  EXPECT_EQ(ahead->Commit().status().code(), StatusCode::kConflict);  // it had not seen epoch 1
  EXPECT_THAT(Paths(**table->Latest()), ElementsAre("a"));
}

TEST(Transaction, AppendOnlyKeepsRows) {
  TestLake lake;
  auto table = lake.Create({{"delta.appendOnly", "true"}, {"delta.enableDeletionVectors", "true"}});
  ASSERT_TRUE(Append(table, MakeFile("a", 1, 4)).ok());
  auto transaction = Begin(table);
  EXPECT_EQ(transaction->RemoveDataFile(FileIndex(0)).code(), StatusCode::kConstraint);
  EXPECT_EQ(transaction->UpdateDeletionVector(FileIndex(0), Inline({1}, lake.random)).code(),
            StatusCode::kConstraint);
  EXPECT_TRUE(
      transaction->RemoveDataFile(FileIndex(0), /*data_change=*/false).ok());  // OPTIMIZE may
  EXPECT_EQ(
      Transaction::Replace(table, *table->Latest(), TestLake::PlainMetadata()).status().code(),
      StatusCode::kConstraint);
}

TEST(Transaction, DeletionVectorsNeedTheProperty) {
  TestLake lake;
  auto table = lake.Create();
  ASSERT_TRUE(Append(table, MakeFile("a", 1, 4)).ok());
  auto transaction = Begin(table);
  EXPECT_EQ(transaction->UpdateDeletionVector(FileIndex(0), Inline({1}, lake.random)).code(),
            StatusCode::kUnsupported);
}

TEST(Transaction, DeletionVectorReplacesTheLogicalFile) {
  TestLake lake;
  auto table = lake.Create({{"delta.enableDeletionVectors", "true"}});
  ASSERT_TRUE(Append(table, MakeFile("a", 1, 4)).ok());
  auto transaction = Begin(table);
  ASSERT_TRUE(transaction->UpdateDeletionVector(FileIndex(0), Inline({1, 2}, lake.random)).ok());
  const auto result = transaction->Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  ASSERT_EQ(result->snapshot->num_files(), 1u);
  const AddFile file = result->snapshot->File(FileIndex(0));
  EXPECT_EQ(file.deletion_vector->cardinality, 2);
  EXPECT_THAT(file.stats, HasSubstr("\"tightBounds\":false"));
  EXPECT_EQ(*result->snapshot->num_rows(), 2);

  auto rest = Begin(table);  // all rows: the file goes
  ASSERT_TRUE(rest->UpdateDeletionVector(FileIndex(0), Inline({0, 1, 2, 3}, lake.random)).ok());
  EXPECT_TRUE(rest->IsRemoved(FileIndex(0)));
  EXPECT_THAT(Paths(*rest->Commit()->snapshot), IsEmpty());
}

TEST(Transaction, StagingIsValidated) {
  TestLake lake;
  auto table = lake.Create({}, {"day"});
  auto transaction = Begin(table);
  EXPECT_EQ(transaction->AddDataFile(MakeFile("a", 1, 1)).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(
      transaction->AddDataFile(MakeFile("a", 1, 1, {{"day", "2024-01-01"}, {"x", "1"}})).code(),
      StatusCode::kInvalidArgument);
  ASSERT_TRUE(transaction->AddDataFile(MakeFile("a", 1, 1, {{"day", std::nullopt}})).ok());
  ASSERT_TRUE(transaction->AddDataFile(MakeFile("a", 1, 1, {{"day", std::nullopt}})).ok());
  EXPECT_THAT(transaction->Commit().status().message(), HasSubstr("twice"));
  EXPECT_EQ((*table->Latest())->version().value(), 0);
}

TEST(Transaction, ProtocolFollowsFeatures) {
  TestLake lake;
  auto table = lake.Create();
  EXPECT_EQ((*table->Latest())->protocol(), (Protocol{1, 2, std::nullopt, std::nullopt}));
  auto transaction = Begin(table);
  Metadata metadata = transaction->metadata();
  metadata.configuration["delta.enableDeletionVectors"] = "true";
  metadata.configuration["DELTA.APPENDONLY"] = "false";
  ASSERT_TRUE(transaction->SetMetadata(metadata).ok());
  const auto result = transaction->Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  const Protocol& protocol = result->snapshot->protocol();
  EXPECT_EQ(protocol.min_reader_version, 3);
  EXPECT_EQ(protocol.min_writer_version, 7);
  EXPECT_THAT(*protocol.reader_features, ElementsAre("deletionVectors"));
  EXPECT_THAT(*protocol.writer_features,
              ElementsAre("appendOnly", "invariants", "deletionVectors"));
  EXPECT_EQ(*result->snapshot->Property("delta.appendOnly"), "false");
}

TEST(Transaction, UnknownPropertyNamesTheNearest) {
  TestLake lake;
  const auto created =
      Transaction::Create(lake.Open(), TestLake::PlainMetadata({{"delta.apendOnly", "true"}}));
  EXPECT_THAT(created.status().message(), HasSubstr("delta.appendOnly"));
}

TEST(Transaction, ColumnMappingIsAssignedAndCannotBeUndone) {
  TestLake lake;
  auto table = lake.Create({{"delta.columnMapping.mode", "name"}});
  const SnapshotPtr snapshot = *table->Latest();
  EXPECT_EQ(*snapshot->Property("delta.columnMapping.maxColumnId"), "3");
  EXPECT_EQ(snapshot->schema().fields[0].FieldId(), 1);
  EXPECT_EQ(snapshot->schema().fields[0].PhysicalName(true).rfind("col-", 0), 0u);
  auto transaction = Begin(table);
  Metadata metadata = transaction->metadata();
  metadata.configuration["delta.columnMapping.mode"] = "none";
  EXPECT_EQ(transaction->SetMetadata(metadata).code(), StatusCode::kInvalidArgument);
}

TEST(Transaction, InCommitTimestampsGrowAcrossARebase) {
  TestLake lake;
  auto table = lake.Create({{"delta.enableInCommitTimestamps", "true"}});
  auto one = Begin(lake.Open());
  auto two = Begin(lake.Open());
  ASSERT_TRUE(one->AddDataFile(MakeFile("a", 1, 1)).ok());
  ASSERT_TRUE(two->AddDataFile(MakeFile("b", 1, 1)).ok());
  ASSERT_TRUE(one->Commit().ok());
  ASSERT_TRUE(two->Commit().ok());
  const int64_t t0 = *ActionOf<CommitInfo>(table, 0)->in_commit_timestamp_ms;
  EXPECT_EQ(*ActionOf<CommitInfo>(table, 1)->in_commit_timestamp_ms,
            t0 + 1);  // the clock stands still
  EXPECT_EQ(*ActionOf<CommitInfo>(table, 2)->in_commit_timestamp_ms, t0 + 2);
  EXPECT_EQ((*table->Latest())->timestamp_ms(), t0 + 2);
  EXPECT_EQ(table->ReadCommit(Version(2))->front().index(), Action(CommitInfo()).index());
}

TEST(Transaction, EnablingInCommitTimestampsRecordsWhere) {
  TestLake lake;
  auto table = lake.Create();
  auto transaction = Begin(lake.Open());
  Metadata metadata = transaction->metadata();
  metadata.configuration["delta.enableInCommitTimestamps"] = "true";
  ASSERT_TRUE(transaction->SetMetadata(metadata).ok());
  ASSERT_TRUE(Append(table, MakeFile("a", 1, 1)).ok());  // pushes the enablement to version 2
  const auto result = transaction->Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(*result->snapshot->Property("delta.inCommitTimestampEnablementVersion"), "2");
  EXPECT_EQ(*result->snapshot->Property("delta.inCommitTimestampEnablementTimestamp"),
            std::to_string(*ActionOf<CommitInfo>(table, 2)->in_commit_timestamp_ms));
  auto late = Begin(lake.Open());
  ASSERT_TRUE(late->AddDataFile(MakeFile("b", 1, 1)).ok());
  ASSERT_TRUE(late->Commit().ok());
  EXPECT_GT(*ActionOf<CommitInfo>(table, 3)->in_commit_timestamp_ms,
            *ActionOf<CommitInfo>(table, 2)->in_commit_timestamp_ms);
}

TEST(Transaction, AppendAdoptsConcurrentEnablementOfInCommitTimestamps) {
  TestLake lake;
  auto table = lake.Create({{"delta.feature.inCommitTimestamp", "supported"}});
  auto append = Begin(lake.Open());
  ASSERT_TRUE(append->AddDataFile(MakeFile("a", 1, 1)).ok());
  auto enable = Begin(lake.Open());
  Metadata metadata = enable->metadata();
  metadata.configuration["delta.enableInCommitTimestamps"] = "true";
  ASSERT_TRUE(enable->SetMetadata(metadata).ok());
  ASSERT_TRUE(enable->Commit().ok());
  const auto result = append->Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_GT(*ActionOf<CommitInfo>(table, 2)->in_commit_timestamp_ms,
            *ActionOf<CommitInfo>(table, 1)->in_commit_timestamp_ms);
}

TEST(Transaction, ReplaceRemovesAllAndKeepsTheId) {
  TestLake lake;
  auto table = lake.Create({}, {"day"});
  ASSERT_TRUE(Append(table, MakeFile("a", 1, 1, {{"day", "2024-01-01"}})).ok());
  const std::string id = (*table->Latest())->metadata().id;
  auto transaction = Transaction::Replace(table, *table->Latest(), TestLake::PlainMetadata());
  ASSERT_TRUE(transaction.ok()) << transaction.status().ToString();
  ASSERT_TRUE((*transaction)->AddDataFile(MakeFile("b", 1, 1)).ok());
  const auto result = (*transaction)->Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_THAT(Paths(*result->snapshot), ElementsAre("b"));
  EXPECT_EQ(result->snapshot->metadata().id, id);
  EXPECT_THAT(result->snapshot->metadata().partition_columns, IsEmpty());
}

TEST(Transaction, DropAndCreateBehindOurBackConflicts) {
  TestLake lake;
  auto table = lake.Create();
  ASSERT_TRUE(Append(table, MakeFile("a", 1, 1)).ok());
  auto transaction = Begin(lake.Open());
  ASSERT_TRUE(transaction->AddDataFile(MakeFile("b", 1, 1)).ok());
  const auto objects = lake.memory->List("t/");
  for (const auto& object : *objects) ASSERT_TRUE(lake.memory->Delete(object.key).ok());
  lake.Create();
  EXPECT_EQ(transaction->Commit().status().code(), StatusCode::kConflict);
  EXPECT_EQ((*lake.Open()->Latest())->version().value(), 0);
}

TEST(Transaction, UserDomainsUpgradeTheProtocolAndSystemOnesAreRefused) {
  TestLake lake;
  auto table = lake.Create();
  auto transaction = Begin(table);
  transaction->SetDomain({"tarn.position", "{\"offset\":1}", false});
  const auto result = transaction->Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->snapshot->Domain("tarn.position")->configuration, "{\"offset\":1}");
  auto bad = Begin(table);
  bad->SetDomain({"delta.rowTracking", "{}", false});
  EXPECT_EQ(bad->Commit().status().code(), StatusCode::kInvalidArgument);
}

TEST(Transaction, RowIdsAreFreshAcrossARebase) {
  TestLake lake;
  auto table =
      lake.Create({{"delta.enableRowTracking", "true"}, {"delta.enableDeletionVectors", "true"}});
  EXPECT_THAT(*(*table->Latest())->Property("delta.rowTracking.materializedRowIdColumnName"),
              HasSubstr("_row-id-col-"));
  auto one = Begin(lake.Open());
  auto two = Begin(lake.Open());
  ASSERT_TRUE(one->AddDataFile(MakeFile("a", 1, 10)).ok());
  ASSERT_TRUE(two->AddDataFile(MakeFile("b", 1, 5)).ok());
  ASSERT_TRUE(two->AddDataFile(MakeFile("c", 1, 2)).ok());
  ASSERT_TRUE(one->Commit().ok());
  ASSERT_TRUE(two->Commit().ok());
  const SnapshotPtr snapshot = *table->Latest();
  const auto file = [&](const char* path) { return snapshot->File(*snapshot->FindFile(path)); };
  EXPECT_EQ(*file("a").base_row_id, 0);
  EXPECT_EQ(*file("b").base_row_id, 10);
  EXPECT_EQ(*file("c").base_row_id, 15);
  EXPECT_EQ(*file("a").default_row_commit_version, 1);
  EXPECT_EQ(*file("c").default_row_commit_version, 2);
  EXPECT_EQ(snapshot->Domain("delta.rowTracking")->configuration, "{\"rowIdHighWaterMark\":16}");

  auto erase = Begin(table);  // a deletion vector keeps the ids of its file
  ASSERT_TRUE(
      erase->UpdateDeletionVector(*erase->base()->FindFile("b"), Inline({1}, lake.random)).ok());
  const auto result = erase->Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  const AddFile kept = result->snapshot->File(*result->snapshot->FindFile("b"));
  EXPECT_EQ(*kept.base_row_id, 10);
  EXPECT_EQ(*kept.default_row_commit_version, 2);
  EXPECT_EQ(result->snapshot->Domain("delta.rowTracking")->configuration,
            "{\"rowIdHighWaterMark\":16}");
}

TEST(Transaction, RowTrackingSwitchedOnLaterGivesEveryFileIds) {
  TestLake lake;
  auto table = lake.Create();
  ASSERT_TRUE(Append(table, MakeFile("a", 1, 10)).ok());
  ASSERT_TRUE(Append(table, MakeFile("b", 1, 5)).ok());
  const auto switched_on = [](const std::shared_ptr<Table>& handle) {
    auto transaction = Begin(handle);
    Metadata metadata = transaction->metadata();
    metadata.configuration["delta.enableRowTracking"] = "true";
    EXPECT_TRUE(transaction->SetMetadata(metadata).ok());
    return transaction;
  };
  auto late = switched_on(lake.Open());
  auto transaction = switched_on(table);
  const auto result = transaction->Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  const SnapshotPtr& snapshot = result->snapshot;
  ASSERT_EQ(snapshot->num_files(), 2u);
  std::set<int64_t> ids;
  for (uint32_t i = 0; i < 2; ++i) {
    const AddFile file = snapshot->File(FileIndex(i));
    ASSERT_TRUE(file.base_row_id.has_value()) << file.path;
    ids.insert(*file.base_row_id);
    EXPECT_EQ(*file.default_row_commit_version, 3);
  }
  EXPECT_EQ(ids.size(), 2u);
  EXPECT_EQ(snapshot->Domain("delta.rowTracking")->configuration, "{\"rowIdHighWaterMark\":14}");
  EXPECT_EQ(late->Commit().status().code(), StatusCode::kConflict);

  // A file that came meanwhile would be left without ids.
  auto other = lake.Open("u");
  auto created = Transaction::Create(other, TestLake::PlainMetadata());
  ASSERT_TRUE((*created)->Commit().ok());
  ASSERT_TRUE(Append(other, MakeFile("a", 1, 10)).ok());
  auto on = switched_on(other);
  ASSERT_TRUE(Append(lake.Open("u"), MakeFile("b", 1, 5)).ok());
  EXPECT_EQ(on->Commit().status().code(), StatusCode::kConflict);
}

TEST(Transaction, ClusteringDomainBringsItsFeatures) {
  TestLake lake;
  auto table = lake.Create();
  auto transaction = Begin(table);
  transaction->SetDomain({"delta.clustering", "{\"clusteringColumns\":[[\"id\"]]}", false});
  const auto result = transaction->Commit();
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_THAT(
      *result->snapshot->protocol().writer_features,
      ::testing::UnorderedElementsAre("appendOnly", "invariants", "clustering", "domainMetadata"));
}

}  // namespace
}  // namespace tarn::delta
