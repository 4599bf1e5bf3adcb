#include "delta/checksum.h"

#include "delta/log_fixture.h"

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

}  // namespace
}  // namespace tarn::delta
