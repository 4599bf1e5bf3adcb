// How many requests reads take, and that the bytes are right whatever comes from which cache.
#include "duck/remote_reader.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "duck/store_glob.h"

namespace tarn::duck {
namespace {

// A memory store that counts ranged reads.
class CountingStore final : public store::ObjectStore {
 public:
  Result<std::string> Get(const std::string& key) override { return inner_->Get(key); }
  Result<std::string> GetRange(const std::string& key, uint64_t offset, uint64_t length) override {
    ++reads;
    bytes += length;
    return inner_->GetRange(key, offset, length);
  }
  Result<store::ObjectInfo> Head(const std::string& key) override { return inner_->Head(key); }
  Status Put(const std::string& key, std::string_view data, store::PutMode mode) override {
    return inner_->Put(key, data, mode);
  }
  Result<std::unique_ptr<store::ObjectWriter>> OpenWriter(const std::string& key,
                                                          store::PutMode mode) override {
    return inner_->OpenWriter(key, mode);
  }
  Status Delete(const std::string& key) override { return inner_->Delete(key); }
  Result<std::vector<store::ObjectInfo>> List(const std::string& prefix,
                                              const std::string& start_after,
                                              size_t limit) override {
    return inner_->List(prefix, start_after, limit);
  }
  Result<Listing> ListFolder(const std::string& folder) override {
    return inner_->ListFolder(folder);
  }
  std::string EnginePath(const std::string&) const override { return ""; }
  std::string Describe() const override { return "memory"; }

  int reads = 0;
  uint64_t bytes = 0;

 private:
  std::shared_ptr<store::ObjectStore> inner_ = store::MakeMemoryStore();
};

class RemoteReaderTest : public ::testing::Test {
 protected:
  RemoteReader Open(uint64_t size, const std::string& version = "v") {
    content_.assign(size, '\0');
    SeededRandom random(size);
    for (char& c : content_) c = static_cast<char>(random.NextU64());
    EXPECT_TRUE(store_.Put("f", content_, store::PutMode::kOverwrite).ok());
    return RemoteReader(store_, "f", "s3://b/f", size, version, tails_);
  }
  void Read(RemoteReader& reader, uint64_t offset, uint64_t count) {
    std::string out(count, '\0');
    const Status status = reader.ReadAt(offset, count, out.data());
    ASSERT_TRUE(status.ok()) << status.message();
    ASSERT_TRUE(out == content_.substr(offset, count)) << offset << "+" << count;
  }

  CountingStore store_;
  TailCache tails_{1 << 20};
  std::string content_;
};

TEST_F(RemoteReaderTest, ASmallFileIsOneRequest) {
  auto reader = Open(300'000);
  Read(reader, 299'992, 8);
  Read(reader, 4, 1000);
  Read(reader, 0, 300'000);
  EXPECT_EQ(store_.reads, 1);
}

TEST_F(RemoteReaderTest, FootersAreKeptForTheNextReader) {
  auto reader = Open(5'000'000);
  Read(reader, 5'000'000 - 16'384, 16'384);
  Read(reader, 5'000'000 - 60'000, 40'000);
  EXPECT_EQ(store_.reads, 1);
  RemoteReader next(store_, "f", "s3://b/f", 5'000'000, "v", tails_);
  Read(next, 5'000'000 - 8, 8);
  EXPECT_EQ(store_.reads, 1);
  RemoteReader changed(store_, "f", "s3://b/f", 5'000'000, "w", tails_);
  Read(changed, 5'000'000 - 8, 8);
  EXPECT_EQ(store_.reads, 2);
}

TEST_F(RemoteReaderTest, NeighbouringReadsShareRequestsInBothDirections) {
  auto reader = Open(20'000'000);
  for (uint64_t at = 0; at < 4'000'000; at += 50'000) Read(reader, at, 20'000);
  EXPECT_LT(store_.reads, 10);
  store_.reads = 0;
  for (uint64_t at = 18'000'000; at > 14'000'000; at -= 50'000) Read(reader, at, 20'000);
  EXPECT_LT(store_.reads, 10);
}

TEST_F(RemoteReaderTest, ScatteredReadsFetchWhatTheyAskFor) {
  auto reader = Open(50'000'000);
  for (uint64_t at = 1'000'000; at < 40'000'000; at += 7'000'000) Read(reader, at, 10'000);
  EXPECT_EQ(store_.reads, 6);
  EXPECT_EQ(store_.bytes, 60'000u);
}

TEST_F(RemoteReaderTest, RandomReadsAreRight) {
  auto reader = Open(3'000'001);
  SeededRandom random(5);
  for (int i = 0; i < 2000; ++i) {
    const uint64_t offset = random.Uniform(content_.size());
    Read(reader, offset, random.Uniform(std::min<uint64_t>(200'000, content_.size() - offset)) + 1);
  }
}

TEST_F(RemoteReaderTest, BeyondTheEndIsDamage) {
  auto reader = Open(1000);
  char buffer[16];
  EXPECT_EQ(reader.ReadAt(990, 16, buffer).code(), StatusCode::kCorruption);
  // The log says more bytes than there are.
  RemoteReader longer(store_, "f", "s3://b/f", 2000, "x", tails_);
  const Status status = longer.ReadAt(1500, 8, buffer);
  EXPECT_EQ(status.code(), StatusCode::kCorruption) << status.message();
}

TEST(TailCacheTest, TheLeastRecentlyUsedGoesFirst) {
  TailCache cache(250);
  for (const char* path : {"a", "b"}) cache.Put(path, "v", {0, std::string(100, 'x')});
  EXPECT_NE(cache.Find("a", "v"), nullptr);
  cache.Put("c", "v", {0, std::string(100, 'x')});
  EXPECT_NE(cache.Find("a", "v"), nullptr);
  EXPECT_EQ(cache.Find("b", "v"), nullptr);
  EXPECT_EQ(cache.Find("a", "other"), nullptr);
}

TEST(StoreGlob, MarksMatchWithinNamesAndTwoStarsAcross) {
  EXPECT_TRUE(GlobMatchesKey("a/*.parquet", "a/x.parquet"));
  EXPECT_FALSE(GlobMatchesKey("a/*.parquet", "a/b/x.parquet"));
  EXPECT_TRUE(GlobMatchesKey("a/**/*.parquet", "a/b/c/x.parquet"));
  EXPECT_TRUE(GlobMatchesKey("a/**/*.parquet", "a/x.parquet"));
  EXPECT_TRUE(GlobMatchesKey("a/**", "a/b/c"));
  EXPECT_TRUE(GlobMatchesKey("a/p=[0-9]/?", "a/p=1/x"));
  EXPECT_FALSE(GlobMatchesKey("a/p=[!0-9]/?", "a/p=1/x"));
}

TEST(StoreGlob, LiteralKeysAndPatterns) {
  auto store = store::MakeMemoryStore();
  for (const char* key : {"d/1.csv", "d/2.csv", "d/2.txt", "e/1.csv"}) {
    ASSERT_TRUE(store->Put(key, "x", store::PutMode::kOverwrite).ok());
  }
  EXPECT_EQ(GlobObjects(*store, "d/*.csv")->size(), 2u);
  EXPECT_EQ(GlobObjects(*store, "d/1.csv")->size(), 1u);
  EXPECT_EQ(GlobObjects(*store, "d/3.csv")->size(), 0u);
  EXPECT_EQ(GlobObjects(*store, "*/1.csv")->size(), 2u);
}

}  // namespace
}  // namespace tarn::duck
