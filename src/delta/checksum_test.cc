#include "delta/checksum.h"

#include "delta/log_fixture.h"
#include "delta/table_version.h"

namespace tarn::delta {
namespace {

class ChecksumTest : public LogFixture {};

TEST_F(ChecksumTest, WrittenOnceReadAndCompared) {
  Commit(0, Definition() + Add("a", 5) + SerializeAction(SetTransaction{"app", 2, {}}) + "\n");
  const auto first = Latest();
  ASSERT_TRUE(WriteChecksum(environment, "t", *first, "txn-1").ok());
  ASSERT_TRUE(WriteChecksum(environment, "t", *first, "txn-2").ok());
  auto read = ReadChecksum(environment, "t", Version(0));
  ASSERT_TRUE(read.ok() && *read) << read.status().ToString();
  EXPECT_EQ((**read).txn_id, "txn-1") << "never overwritten";
  EXPECT_EQ((**read).table_size_bytes, 5);
  EXPECT_TRUE(ValidateChecksum(**read, *first).ok());
  EXPECT_FALSE(*ReadChecksum(environment, "t", Version(1)));
  Commit(0, Definition() + Add("a", 6) + SerializeAction(SetTransaction{"app", 2, {}}) + "\n");
  const Status changed = ValidateChecksum(**read, **Fresh()->Latest());
  EXPECT_EQ(changed.code(), StatusCode::kCorruption);
  EXPECT_NE(changed.message().find("tableSizeBytes 5, the log gives 6"), std::string::npos)
      << changed.message();
  Put(ChecksumName(Version(0)), "{\"numFiles\":");
  EXPECT_EQ(ReadChecksum(environment, "t", Version(0)).status().code(), StatusCode::kCorruption);
}

// Nobody waits until a checksum is on the disk: a power cut may leave a name without bytes, some of
// the bytes, or zeros. None of these passes for a checksum, and none keeps the table from being
// read.
TEST_F(ChecksumTest, TornByAPowerCut) {
  Commit(0, Definition() + Add("a", 5));
  Commit(1, SerializeAction(SetTransaction{"app }", 2, {}}) + "\n" + Add("b", 6));
  PutCheckpoint(ClassicCheckpointName(Version(1)), Definition() + Add("a", 5) + Add("b", 6));
  const std::string name = ChecksumName(Version(1));
  const std::string whole = SerializeChecksum(*Latest(), "txn-1");
  std::vector<std::string> torn = {std::string(whole.size(), '\0'), std::string(1, '\0')};
  for (size_t size = 0; size + 2 < whole.size(); ++size) {
    torn.push_back(whole.substr(0, size));
    torn.push_back(whole.substr(0, size) + std::string(whole.size() - size, '\0'));
  }
  for (const std::string& bytes : torn) {
    Put(name, bytes);
    const auto read = ReadChecksum(environment, "t", Version(1));
    ASSERT_FALSE(read.ok() && *read) << bytes;
    TableEnvironment deferring = environment;
    deferring.defer_from_bytes = 1;
    const auto version = Table::At(deferring, "t")->LatestVersion();
    ASSERT_TRUE(version.ok()) << version.status().ToString();
    ASSERT_FALSE((*version)->IfLoaded());
    ASSERT_FALSE((*version)->num_files()) << "not from '" << bytes << "'";
    ASSERT_EQ((*(*version)->Full())->num_files(), 2);
  }
  Put(name, whole);
  TableEnvironment deferring = environment;
  deferring.defer_from_bytes = 1;
  EXPECT_EQ((*Table::At(deferring, "t")->LatestVersion())->num_files(), 2);
}

// The definition of one table is never joined with the files of another one of the same name.
TEST_F(ChecksumTest, TableMadeAnewBetweenDefinitionAndFiles) {
  Commit(0, Definition());
  Commit(1, Add("a", 5));
  PutCheckpoint(ClassicCheckpointName(Version(1)), Definition() + Add("a", 5));
  environment.defer_from_bytes = 1;
  const auto version = *Fresh()->LatestVersion();
  const auto id = Predicate::Compare(PredicateKind::kEqual, {"id"}, Value(Value::Rep(int64_t{1})));
  EXPECT_EQ((*version->Matching(id))->num_files(), 1);
  clock.Advance(1'000'000);
  Commit(1, Add("other", 77));
  EXPECT_EQ(version->Matching(id).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(version->Full().status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace tarn::delta
