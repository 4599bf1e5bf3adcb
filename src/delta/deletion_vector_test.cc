#include "delta/deletion_vector.h"

#include <gtest/gtest.h>

#include <set>

#include "base/hash.h"
#include "delta/roaring_format.h"
#include "delta/z85.h"

namespace tarn::delta {
namespace {

std::vector<uint64_t> Rows(const RowSet& set) {
  std::vector<uint64_t> out;
  set.ForEach([&](uint64_t row) { out.push_back(row); });
  return out;
}

RowSet Make(const std::vector<uint64_t>& rows) {
  RowSet set;
  set.AddMany(rows.data(), rows.size());
  return set;
}

DeletionVectorDescriptor SpecInline() {
  DeletionVectorDescriptor descriptor;
  descriptor.storage_type = 'i';
  descriptor.path_or_inline = "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L";
  descriptor.size_bytes = 40;
  descriptor.cardinality = 6;
  return descriptor;
}

TEST(DeletionVector, SpecificationExample) {
  auto store = store::MakeMemoryStore();
  const auto rows = ReadDeletionVector(*store, "t", SpecInline());
  ASSERT_TRUE(rows.ok()) << rows.status().ToString();
  EXPECT_EQ(Rows(*rows), (std::vector<uint64_t>{3, 4, 7, 11, 18, 29}));
}

TEST(DeletionVector, PortableLayoutOfTheSameRows) {
  // As other Delta readers hold it in their tests.
  EXPECT_EQ(EncodeZ85(Make({3, 4, 7, 11, 18, 29}).Serialize()),
            "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L");
}

TEST(DeletionVector, SpecificationExampleOfAPrefixedName) {
  auto store = store::MakeMemoryStore();
  DeletionVectorDescriptor descriptor;
  descriptor.path_or_inline = "ab^-aqEH.-t@S}K{vb[*k^";
  descriptor.size_bytes = 40;
  const auto rows = ReadDeletionVector(*store, "t", descriptor);
  EXPECT_EQ(rows.status().code(), StatusCode::kNotFound);
  EXPECT_NE(
      rows.status().message().find("t/ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"),
      std::string::npos)
      << rows.status().message();
}

TEST(Z85, HelloWorldAndBadText) {
  EXPECT_EQ(EncodeZ85("\x86\x4f\xd2\x6f\xb5\x59\xf7\x5b"), "HelloWorld");
  EXPECT_EQ(*DecodeZ85("HelloWorld"), "\x86\x4f\xd2\x6f\xb5\x59\xf7\x5b");
  EXPECT_FALSE(DecodeZ85("HelloWorl"));
  EXPECT_FALSE(DecodeZ85("Hello World"));
  EXPECT_FALSE(DecodeZ85("#####"));  // above 2^32
}

TEST(DeletionVector, ManyVectorsShareAFile) {
  auto store = store::MakeMemoryStore();
  SeededRandom random(1);
  std::vector<RowSet> sets;
  sets.push_back(Make({5}));  // inline
  std::vector<uint64_t> scattered;
  for (uint64_t i = 0; i < 5000; ++i) scattered.push_back(i * 37);
  sets.push_back(Make(scattered));
  std::vector<uint64_t> dense;
  for (uint64_t i = 0; i < 200'000; ++i) dense.push_back(i);
  sets.push_back(Make(dense));  // runs
  sets.push_back(Make({1, (5ull << 32) | 7, (5ull << 32) | 70'000, (1ull << 40) | 3}));
  const auto written = WriteDeletionVectors(*store, "t", sets, random);
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(store->List("")->size(), 1u);
  for (size_t i = 0; i < sets.size(); ++i) {
    const auto back = ReadDeletionVector(*store, "t", (*written)[i]);
    ASSERT_TRUE(back.ok()) << i << ": " << back.status().ToString();
    EXPECT_EQ(Rows(*back), Rows(sets[i]));
    EXPECT_EQ((*written)[i].cardinality, static_cast<int64_t>(sets[i].Cardinality()));
  }
  EXPECT_EQ((*written)[0].storage_type, 'i');
  EXPECT_EQ((*written)[1].storage_type, 'u');
  EXPECT_EQ(*(*written)[1].offset, 1);
  EXPECT_LT((*written)[2].size_bytes, 100);
}

TEST(DeletionVector, FramingIsBigEndianWithCrc) {
  auto store = store::MakeMemoryStore();
  SeededRandom random(1);
  std::vector<uint64_t> rows;
  for (uint64_t i = 0; i < 100; ++i) rows.push_back(i * i);
  const auto written = WriteDeletionVectors(*store, "", {Make(rows)}, random);
  const std::string bytes = *store->Get((*store->List(""))[0].key);
  const auto big = [&](size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
  };
  EXPECT_EQ(bytes[0], 1);
  const auto size = static_cast<uint32_t>((*written)[0].size_bytes);
  EXPECT_EQ(big(1), size);
  EXPECT_EQ(big(5 + size), Crc32(std::string_view(bytes).substr(5, size)));
  EXPECT_EQ(bytes.size(), 9 + size);
}

TEST(DeletionVector, SelectKeptEqualsTheDefinition) {
  SeededRandom random(7);
  for (int round = 0; round < 50; ++round) {
    std::set<uint64_t> deleted;
    const uint64_t start = round % 5 == 0 ? (1ull << 32) - 500 : random.Uniform(100'000);
    const uint64_t density = 1 + random.Uniform(20);
    for (uint64_t row = start; row < start + 2000; ++row) {
      if (random.Uniform(20) < density) deleted.insert(row);
    }
    const RowSet set = Make({deleted.begin(), deleted.end()});
    const uint64_t begin = start + random.Uniform(300) - std::min<uint64_t>(start, 100);
    std::vector<uint32_t> kept(1500);
    kept.resize(set.SelectKept(begin, 1500, kept.data()));
    std::vector<uint32_t> expected;
    for (uint32_t i = 0; i < 1500; ++i) {
      if (deleted.count(begin + i) == 0) expected.push_back(i);
    }
    EXPECT_EQ(kept, expected) << "round " << round;
  }
}

TEST(DeletionVector, SetOperations) {
  RowSet a = Make({1, 2, 1ull << 33});
  const RowSet b = Make({2, 3});
  EXPECT_TRUE(a.Intersects(b));
  EXPECT_FALSE(Make({1}).Intersects(b));
  const RowSet copy = a;
  a.UnionWith(b);
  EXPECT_EQ(Rows(a), (std::vector<uint64_t>{1, 2, 3, 1ull << 33}));
  EXPECT_EQ(copy.Cardinality(), 3u);
  EXPECT_TRUE(a.Contains(1ull << 33));
  EXPECT_FALSE(a.Contains(1ull << 34));
  EXPECT_EQ(RowSet::Deserialize(RowSet().Serialize())->Cardinality(), 0u);
}

TEST(DeletionVector, RandomSetsSurviveARoundTrip) {
  SeededRandom random(11);
  for (int round = 0; round < 60; ++round) {
    RowSet set;
    const int spans = 1 + static_cast<int>(random.Uniform(6));
    for (int s = 0; s < spans; ++s) {
      const uint64_t start =
          random.Uniform(4) == 0 ? random.Uniform(1ull << 62) : random.Uniform(300'000);
      const uint64_t step = 1 + random.Uniform(5);
      const uint64_t count = random.Uniform(20'000);
      for (uint64_t i = 0; i < count; ++i) set.Add(start + i * step);
    }
    const std::string bytes = set.Serialize();
    const auto back = RowSet::Deserialize(bytes);
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_EQ(back->Cardinality(), set.Cardinality());
    EXPECT_EQ(back->Serialize(), bytes);
  }
}

TEST(DeletionVector, DamageIsAnErrorNeverACrash) {
  SeededRandom random(13);
  RowSet set;
  for (uint64_t i = 0; i < 9000; ++i) set.Add(i * 3);       // a bitset
  for (uint64_t i = 100'000; i < 150'000; ++i) set.Add(i);  // runs
  for (uint64_t i = 0; i < 50; ++i) set.Add((1ull << 32) + i * 1000);
  const std::string good = set.Serialize();
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bad = good;
    const int edits = 1 + static_cast<int>(random.Uniform(3));
    for (int i = 0; i < edits; ++i) {
      const size_t limit = random.Uniform(2) == 0 ? 80 : bad.size();
      bad[random.Uniform(limit)] = static_cast<char>(random.NextU64());
    }
    if (random.Uniform(3) == 0) bad.resize(random.Uniform(bad.size()));
    const auto rows = RowSet::Deserialize(bad);
    if (!rows.ok()) {
      ++refused;
      EXPECT_EQ(rows.status().code(), StatusCode::kCorruption);
      continue;
    }
    uint64_t counted = 0;  // whatever was accepted is a sound set
    rows->ForEach([&](uint64_t row) { counted += rows->Contains(row) ? 1 : 0; });
    EXPECT_EQ(counted, rows->Cardinality());
  }
  EXPECT_GT(refused, 2000);
}

TEST(DeletionVector, FileDamageIsNamed) {
  auto store = store::MakeMemoryStore();
  SeededRandom random(1);
  std::vector<uint64_t> rows;
  for (uint64_t i = 0; i < 100; ++i) rows.push_back(i * i);
  auto written = WriteDeletionVectors(*store, "t", {Make(rows)}, random);
  const std::string key = (*store->List(""))[0].key;
  const std::string good = *store->Get(key);
  const auto read = [&](const std::string& bytes, const DeletionVectorDescriptor& descriptor) {
    EXPECT_TRUE(store->Put(key, bytes, store::PutMode::kOverwrite).ok());
    return ReadDeletionVector(*store, "t", descriptor).status();
  };
  std::string flipped = good;
  flipped[20] ^= 1;
  EXPECT_NE(read(flipped, (*written)[0]).message().find("checksum"), std::string::npos);
  EXPECT_EQ(read(good.substr(0, good.size() - 1), (*written)[0]).code(), StatusCode::kCorruption);
  DeletionVectorDescriptor wrong = (*written)[0];
  wrong.cardinality = 99;
  EXPECT_NE(read(good, wrong).message().find("100 rows"), std::string::npos);
  wrong = (*written)[0];
  wrong.size_bytes -= 1;
  EXPECT_EQ(read(good, wrong).code(), StatusCode::kCorruption);
  wrong.size_bytes = -1;
  EXPECT_EQ(read(good, wrong).code(), StatusCode::kCorruption);
  wrong = (*written)[0];
  wrong.storage_type = 'x';
  EXPECT_EQ(read(good, wrong).code(), StatusCode::kCorruption);
  EXPECT_TRUE(read(good, (*written)[0]).ok());
}

}  // namespace
}  // namespace tarn::delta
