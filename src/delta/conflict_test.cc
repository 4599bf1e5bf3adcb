#include "delta/conflict.h"

#include <gtest/gtest.h>

#include "delta/test_lake.h"

namespace tarn::delta {
namespace {

using testing::Append;
using testing::Begin;
using testing::IdEquals;
using testing::MakeFile;
using testing::TestLake;

using Conflicts = std::optional<ConflictKind>;

// Files a (1..10), b (11..20), c (21..30); deletion vectors allowed.
class ConflictTest : public ::testing::Test {
 protected:
  void SetUp() override {
    table_ = lake_.Create({{"delta.enableDeletionVectors", "true"}});
    for (const auto& [path, low] : {std::pair("a", 1), std::pair("b", 11), std::pair("c", 21)}) {
      ASSERT_TRUE(Append(table_, MakeFile(path, low, low + 9)).ok());
    }
    base_ = *table_->Latest();
  }

  Conflicts Check(Footprint footprint, const std::vector<Action>& winner) {
    footprint.base = base_;
    ConflictChecker checker(std::move(footprint));
    const auto conflict = checker.Check(Version(base_->version().value() + 1), winner);
    EXPECT_TRUE(conflict.ok()) << conflict.status().ToString();
    if (!conflict.ok() || !*conflict) return std::nullopt;
    EXPECT_FALSE((*conflict)->reason.empty());
    return (*conflict)->kind;
  }

  static CommitInfo Info(bool blind) {
    CommitInfo info;
    info.operation = "WRITE";
    info.is_blind_append = blind;
    return info;
  }
  static std::vector<Action> BlindAppend(int64_t low = 1, int64_t high = 100) {
    return {Info(true), MakeFile("new", low, high)};
  }
  // An UPDATE: one file out, another with like rows in.
  static std::vector<Action> Rewrite(const std::string& path, int64_t low, int64_t high) {
    RemoveFile remove;
    remove.path = path;
    return {Info(false), remove, MakeFile("new-" + path, low, high)};
  }
  static std::vector<Action> VectorUpdate(const std::string& path) {
    RemoveFile remove;
    remove.path = path;
    AddFile add = MakeFile(path, 1, 10);
    add.deletion_vector = DeletionVectorDescriptor{'i', "x", std::nullopt, 1, 1};
    return {Info(false), remove, add};
  }
  static Footprint Blind() {
    Footprint out;
    out.blind_append = true;
    return out;
  }
  static Footprint Reads(Predicate predicate,
                         IsolationLevel level = IsolationLevel::kWriteSerializable) {
    Footprint out;
    out.isolation = level;
    out.read_predicates.push_back(std::move(predicate));
    return out;
  }
  static Footprint ReadsAll(IsolationLevel level = IsolationLevel::kWriteSerializable) {
    Footprint out;
    out.isolation = level;
    out.read_whole_table = true;
    return out;
  }

  TestLake lake_;
  std::shared_ptr<Table> table_;
  SnapshotPtr base_;
};

constexpr auto kSerializable = IsolationLevel::kSerializable;
constexpr auto kSnapshot = IsolationLevel::kSnapshot;
constexpr auto kAppend = ConflictKind::kConcurrentAppend;
constexpr auto kDeleteRead = ConflictKind::kConcurrentDeleteRead;
constexpr auto kDeleteDelete = ConflictKind::kConcurrentDeleteDelete;
constexpr auto kMetadata = ConflictKind::kMetadataChanged;
constexpr auto kProtocol = ConflictKind::kProtocolChanged;
constexpr auto kTransaction = ConflictKind::kConcurrentTransaction;
constexpr Conflicts kFine = std::nullopt;

TEST_F(ConflictTest, BlindAppendsBesideData) {
  EXPECT_EQ(Check(Blind(), BlindAppend()), kFine);
  EXPECT_EQ(Check(Blind(), Rewrite("a", 1, 10)), kFine);
  EXPECT_EQ(Check(Blind(), VectorUpdate("a")), kFine);
  Footprint serializable = Blind();
  serializable.isolation = kSerializable;
  EXPECT_EQ(Check(serializable, BlindAppend()), kFine);
}

TEST_F(ConflictTest, BlindAppendsSeenByReaders) {
  EXPECT_EQ(Check(ReadsAll(), BlindAppend()),
            kFine);  // WriteSerializable orders us before the append
  EXPECT_EQ(Check(ReadsAll(kSerializable), BlindAppend()), kAppend);
  EXPECT_EQ(Check(ReadsAll(kSnapshot), BlindAppend()), kFine);
  Footprint alters = ReadsAll();
  alters.changes_metadata = true;
  EXPECT_EQ(Check(alters, BlindAppend()), kAppend);
  std::vector<Action> unsaid = BlindAppend();
  unsaid.erase(unsaid.begin());  // a writer that does not say is taken to have read
  EXPECT_EQ(Check(ReadsAll(), unsaid), kAppend);
}

TEST_F(ConflictTest, AppendsConflictOnlyWithPredicatesTheyMayMatch) {
  EXPECT_EQ(Check(Reads(IdEquals(50), kSerializable), BlindAppend(1, 100)), kAppend);
  EXPECT_EQ(Check(Reads(IdEquals(500), kSerializable), BlindAppend(1, 100)), kFine);
  EXPECT_EQ(Check(Reads(Predicate::Unknown(), kSerializable), BlindAppend(1, 100)), kAppend);
  EXPECT_EQ(Check(Reads(Predicate::Compare(PredicateKind::kEqual, {"id"}, Value()), kSerializable),
                  BlindAppend()),
            kFine);
  EXPECT_EQ(Check(Reads(IdEquals(25)), {Info(false), MakeFile("n", 20, 30)}), kAppend);
  EXPECT_EQ(Check(Reads(IdEquals(15)), {Info(false), MakeFile("n", 20, 30)}), kFine);
}

TEST_F(ConflictTest, RemovedFilesThatWereRead) {
  EXPECT_EQ(Check(Reads(IdEquals(5)), Rewrite("a", 100, 110)), kDeleteRead);
  EXPECT_EQ(Check(Reads(IdEquals(5)), Rewrite("b", 100, 110)), kFine);
  EXPECT_EQ(Check(Reads(IdEquals(5)), VectorUpdate("a")), kAppend);  // Spark tells the append first
  EXPECT_EQ(Check(Reads(IdEquals(5), kSnapshot), Rewrite("a", 100, 110)), kDeleteRead);
  Footprint file;
  file.read_paths = {"b"};
  EXPECT_EQ(Check(file, Rewrite("b", 1, 2)), kDeleteRead);
  EXPECT_EQ(Check(file, Rewrite("c", 1, 2)), kFine);
  RemoveFile remove;
  remove.path = "c";
  EXPECT_EQ(Check(ReadsAll(), {Info(false), remove}), kDeleteRead);
}

TEST_F(ConflictTest, TheSameFileChangedTwice) {
  Footprint removes;
  removes.removed_paths = {"b"};
  EXPECT_EQ(Check(removes, Rewrite("b", 1, 2)), kDeleteDelete);
  EXPECT_EQ(Check(removes, VectorUpdate("b")), kDeleteDelete);
  EXPECT_EQ(Check(removes, Rewrite("c", 1, 2)), kFine);
  removes.isolation = kSnapshot;  // OPTIMIZE beside DELETE
  EXPECT_EQ(Check(removes, VectorUpdate("b")), kDeleteDelete);
  EXPECT_EQ(Check(removes, BlindAppend()), kFine);
  Footprint spelled;
  spelled.removed_paths = {"x y"};
  RemoveFile remove;
  remove.path = "x%20y";
  EXPECT_EQ(Check(spelled, {Info(false), remove}), kDeleteDelete);
}

TEST_F(ConflictTest, Metadata) {
  Metadata changed = base_->metadata();
  changed.configuration["owner"] = "me";
  EXPECT_EQ(Check(Blind(), {Info(false), changed}), kMetadata);
  EXPECT_EQ(Check(Blind(), {Info(false), base_->metadata()}), kFine);  // rewritten, not changed
  Footprint alters = Blind();
  alters.changes_metadata = true;
  EXPECT_EQ(Check(alters, {Info(false), base_->metadata()}), kMetadata);
  Metadata schema = base_->metadata();
  schema.schema_string = R"({"type":"struct","fields":[]})";
  EXPECT_EQ(Check(Blind(), {Info(false), schema}), kMetadata);
  Metadata unset = base_->metadata();
  unset.configuration.clear();
  EXPECT_EQ(Check(Blind(), {Info(false), unset}), kMetadata);
}

TEST_F(ConflictTest, Protocol) {
  Protocol harmless = base_->protocol();
  harmless.writer_features->push_back("domainMetadata");
  EXPECT_EQ(Check(Blind(), {Info(false), harmless}), kFine);
  Protocol constraint = base_->protocol();
  constraint.writer_features->push_back("checkConstraints");
  EXPECT_EQ(Check(Blind(), {Info(false), constraint}), kProtocol);
  Protocol dropped = base_->protocol();
  std::erase(*dropped.writer_features, "appendOnly");
  EXPECT_EQ(Check(Blind(), {Info(false), dropped}), kProtocol);
  Footprint upgrades = Blind();
  upgrades.changes_protocol = true;
  EXPECT_EQ(Check(upgrades, {Info(false), harmless}), kProtocol);

  Protocol foreign = base_->protocol();
  foreign.writer_features->push_back("icebergCompatV2");
  Footprint footprint = Blind();
  footprint.base = base_;
  EXPECT_EQ(ConflictChecker(footprint).Check(Version(9), {foreign}).status().code(),
            StatusCode::kUnsupported);
}

TEST_F(ConflictTest, PropertiesThatCanBeAdopted) {
  Protocol protocol = base_->protocol();
  protocol.writer_features->push_back("inCommitTimestamp");
  Metadata metadata = base_->metadata();
  metadata.configuration["delta.enableInCommitTimestamps"] = "true";
  metadata.configuration["delta.inCommitTimestampEnablementVersion"] = "4";
  Footprint footprint = Blind();
  footprint.base = base_;
  ConflictChecker checker(footprint);
  const auto conflict = checker.Check(Version(4), {Info(false), protocol, metadata});
  ASSERT_TRUE(conflict.ok());
  EXPECT_FALSE(*conflict);
  EXPECT_EQ(checker.metadata(), metadata);
  EXPECT_EQ(checker.protocol(), protocol);
}

TEST_F(ConflictTest, DomainsAndApplications) {
  Footprint footprint = Blind();
  footprint.domains = {"tarn.position"};
  footprint.app_ids = {"app"};
  EXPECT_EQ(Check(footprint, {Info(true), DomainMetadata{"tarn.position", "{}", false}}),
            kTransaction);
  EXPECT_EQ(Check(footprint, {Info(true), DomainMetadata{"tarn.other", "{}", false}}), kFine);
  EXPECT_EQ(Check(footprint, {Info(true), SetTransaction{"app", 1, std::nullopt}}), kTransaction);
  EXPECT_EQ(Check(footprint, {Info(true), SetTransaction{"another", 1, std::nullopt}}), kFine);
}

TEST(ConflictOfPartitions, OnlyWithinTheSamePartition) {
  TestLake lake;
  auto table = lake.Create({}, {"day"});
  ASSERT_TRUE(Append(table, MakeFile("a", 1, 9, {{"day", "2024-01-01"}})).ok());
  ASSERT_TRUE(Append(table, MakeFile("b", 1, 9, {{"day", "2024-01-02"}})).ok());
  const auto rewrite = [&](const std::string& path, const std::string& day) {
    auto transaction = Begin(lake.Open());
    transaction->ReadWhere(
        Predicate::Compare(PredicateKind::kEqual, {"day"}, Value(DateValue{*ParseDateText(day)})));
    EXPECT_TRUE(transaction->RemoveDataFile(*transaction->base()->FindFile(path)).ok());
    EXPECT_TRUE(transaction->AddDataFile(MakeFile(path + path, 1, 9, {{"day", day}})).ok());
    return transaction;
  };
  auto one = rewrite("a", "2024-01-01");
  auto two = rewrite("b", "2024-01-02");
  auto three = rewrite("b", "2024-01-02");
  EXPECT_TRUE(one->Commit().ok());
  EXPECT_TRUE(two->Commit().ok());
  EXPECT_EQ(three->Commit().status().code(), StatusCode::kConflict);
}

}  // namespace
}  // namespace tarn::delta
