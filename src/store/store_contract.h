// The contract of ObjectStore as tests, run by every implementation: include this in a test file,
// then INSTANTIATE_TEST_SUITE_P(All, StoreContract, ...) with a name and a factory for each.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "store/object_store.h"

namespace tarn::store {

// A fresh, empty store; what it stands on goes with it.
struct StoreUnderTest {
  std::shared_ptr<ObjectStore> store;
  std::function<void()> clean_up;
  ~StoreUnderTest() {
    if (clean_up) clean_up();
  }
};
using Factory = std::unique_ptr<StoreUnderTest> (*)();

class StoreContract : public ::testing::TestWithParam<std::pair<const char*, Factory>> {
 protected:
  void SetUp() override { under_test_ = GetParam().second(); }
  ObjectStore& store() { return *under_test_->store; }
  std::unique_ptr<StoreUnderTest> under_test_;
};

inline std::vector<std::string> Keys(const std::vector<ObjectInfo>& infos) {
  std::vector<std::string> out;
  for (const auto& info : infos) out.push_back(info.key);
  return out;
}

TEST_P(StoreContract, PutThenGetReturnsTheBytes) {
  const std::string bytes("a\0b\xff", 4);
  ASSERT_TRUE(store().Put("t/_delta_log/0.json", bytes, PutMode::kOverwrite).ok());
  EXPECT_EQ(*store().Get("t/_delta_log/0.json"), bytes);
  const auto info = store().Head("t/_delta_log/0.json");
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->size_bytes, 4u);
  EXPECT_GT(info->modified_micros, 1'600'000'000'000'000);
}

TEST_P(StoreContract, AbsentKeysAreNotFound) {
  EXPECT_EQ(store().Get("no/such").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(store().Head("no/such").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(store().GetRange("no/such", 0, 1).status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(store().Delete("no/such").ok());
}

TEST_P(StoreContract, AFolderIsNotAnObject) {
  ASSERT_TRUE(store().Put("a/b/c", "x", PutMode::kOverwrite).ok());
  EXPECT_EQ(store().Get("a/b").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(store().Head("a/b").status().code(), StatusCode::kNotFound);
}

TEST_P(StoreContract, PutIfAbsentHasOneWinner) {
  ASSERT_TRUE(store().Put("k", "first", PutMode::kCreateOnly).ok());
  EXPECT_EQ(store().Put("k", "second", PutMode::kCreateOnly).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(*store().Get("k"), "first");
  ASSERT_TRUE(store().Put("k", "third", PutMode::kOverwrite).ok());
  EXPECT_EQ(*store().Get("k"), "third");
}

TEST_P(StoreContract, ExpendableObjectsAreWholeAndDoNotReplace) {
  ASSERT_TRUE(store().PutExpendable("a/checksum", "first").ok());
  EXPECT_EQ(*store().Get("a/checksum"), "first");
  EXPECT_EQ(store().PutExpendable("a/checksum", "second").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(*store().Get("a/checksum"), "first");
}

TEST_P(StoreContract, ConcurrentCreatorsHaveExactlyOneWinnerPerKey) {
  for (int key = 0; key < 20; ++key) {
    std::atomic<int> wins{0};
    std::vector<std::thread> threads;
    for (int writer = 0; writer < 8; ++writer) {
      threads.emplace_back([&, writer] {
        const std::string mine(1000, static_cast<char>('a' + writer));
        const Status status = store().Put("log/" + std::to_string(key), mine, PutMode::kCreateOnly);
        if (status.ok())
          ++wins;
        else
          EXPECT_EQ(status.code(), StatusCode::kAlreadyExists);
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wins.load(), 1);
    const std::string bytes = *store().Get("log/" + std::to_string(key));
    EXPECT_EQ(bytes, std::string(1000, bytes[0]));
  }
}

TEST_P(StoreContract, RangesAreCutAtTheEnd) {
  ASSERT_TRUE(store().Put("r", "0123456789", PutMode::kOverwrite).ok());
  EXPECT_EQ(*store().GetRange("r", 2, 3), "234");
  EXPECT_EQ(*store().GetRange("r", 8, 100), "89");
  EXPECT_EQ(*store().GetRange("r", 10, 1), "");
  EXPECT_FALSE(store().GetRange("r", 11, 1).ok());
}

TEST_P(StoreContract, AWriterShowsNothingUntilFinished) {
  {
    auto writer = store().OpenWriter("w/file", PutMode::kCreateOnly).value();
    ASSERT_TRUE(writer->Append("half").ok());
    EXPECT_EQ(store().Get("w/file").status().code(), StatusCode::kNotFound);
    EXPECT_TRUE(store().List("w/")->empty());
  }
  EXPECT_EQ(store().Get("w/file").status().code(), StatusCode::kNotFound);
  auto writer = store().OpenWriter("w/file", PutMode::kCreateOnly).value();
  ASSERT_TRUE(writer->Append("who").ok());
  ASSERT_TRUE(writer->Append("le").ok());
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_EQ(*store().Get("w/file"), "whole");
  auto late = store().OpenWriter("w/file", PutMode::kCreateOnly).value();
  ASSERT_TRUE(late->Append("late").ok());
  EXPECT_EQ(late->Finish().code(), StatusCode::kAlreadyExists);
}

TEST_P(StoreContract, ListsInByteOrderAfterAKey) {
  for (const char* key : {"t/b", "t/a", "t/a/x", "t/é", "t/a.json", "u/z", "tt"}) {
    ASSERT_TRUE(
        store().Put(std::string(key) == "t/a" ? "t/a0" : key, "1", PutMode::kOverwrite).ok());
  }
  EXPECT_EQ(Keys(*store().List("t/")),
            (std::vector<std::string>{"t/a.json", "t/a/x", "t/a0", "t/b", "t/é"}));
  EXPECT_EQ(Keys(*store().List("t/", "t/a/x")), (std::vector<std::string>{"t/a0", "t/b", "t/é"}));
  EXPECT_EQ(Keys(*store().List("t/", "t/a/x", 1)), (std::vector<std::string>{"t/a0"}));
  EXPECT_EQ(Keys(*store().List("t/a")), (std::vector<std::string>{"t/a.json", "t/a/x", "t/a0"}));
  EXPECT_TRUE(store().List("nothing/")->empty());
}

TEST_P(StoreContract, FoldersListTheirDirectContent) {
  for (const char* key : {"s/t1/_delta_log/0", "s/t2/x", "s/readme"}) {
    ASSERT_TRUE(store().Put(key, "1", PutMode::kOverwrite).ok());
  }
  const auto listing = store().ListFolder("s");
  ASSERT_TRUE(listing.ok());
  EXPECT_EQ(listing->folders, (std::vector<std::string>{"t1", "t2"}));
  EXPECT_EQ(listing->objects, (std::vector<std::string>{"readme"}));
  EXPECT_EQ(store().ListFolder("")->folders, (std::vector<std::string>{"s"}));
}

TEST_P(StoreContract, KeysAreLiteral) {
  for (const char* key : {"p=%20 x/ü\n'\"", "__HIVE_DEFAULT_PARTITION__/a b", "100%/#?&"}) {
    ASSERT_TRUE(store().Put(key, key, PutMode::kCreateOnly).ok()) << key;
    EXPECT_EQ(*store().Get(key), key);
  }
}

TEST_P(StoreContract, BadKeysAreRefused) {
  for (const char* key : {"", "/a", "a/", "a//b", "a/../b", "./a"}) {
    EXPECT_EQ(store().Put(key, "x", PutMode::kOverwrite).code(), StatusCode::kInvalidArgument)
        << key;
  }
}

TEST_P(StoreContract, ManyAreReadInTheOrderGiven) {
  std::vector<std::string> keys;
  for (int i = 0; i < 40; ++i) {
    keys.push_back("many/" + std::to_string(i));
    if (i != 17) ASSERT_TRUE(store().Put(keys.back(), keys.back(), PutMode::kOverwrite).ok());
  }
  const auto got = store().GetMany(keys);
  ASSERT_EQ(got.size(), keys.size());
  for (int i = 0; i < 40; ++i) {
    if (i == 17) {
      EXPECT_EQ(got[i].status().code(), StatusCode::kNotFound);
    } else {
      EXPECT_EQ(*got[i], keys[i]);
    }
  }
  EXPECT_TRUE(store().GetMany({}).empty());
}

TEST_P(StoreContract, ManyAreDeletedAndAbsentOnesDoNotMatter) {
  const std::vector<std::string> keys = {"gone/a", "gone/b <&>\"' ü%20+", "gone/never",
                                         "gone/c\x01"};
  for (const std::string& key : keys) {
    if (key != "gone/never") ASSERT_TRUE(store().Put(key, "1", PutMode::kOverwrite).ok()) << key;
  }
  ASSERT_TRUE(store().Put("gone/kept", "1", PutMode::kOverwrite).ok());
  ASSERT_TRUE(store().DeleteMany(keys).ok());
  EXPECT_EQ(Keys(*store().List("gone/")), (std::vector<std::string>{"gone/kept"}));
  EXPECT_TRUE(store().DeleteMany(keys).ok());
  EXPECT_TRUE(store().DeleteMany({}).ok());
}

TEST_P(StoreContract, ListingAndHeadAgreeOnWhatAnObjectIs) {
  ASSERT_TRUE(store().Put("same/x", "123", PutMode::kOverwrite).ok());
  const auto head = store().Head("same/x");
  const auto listed = store().List("same/");
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ(listed->front().size_bytes, head->size_bytes);
  EXPECT_EQ(listed->front().modified_micros, head->modified_micros);
  EXPECT_EQ(listed->front().tag, head->tag);
}

TEST_P(StoreContract, DeleteRemoves) {
  ASSERT_TRUE(store().Put("d/x", "1", PutMode::kOverwrite).ok());
  ASSERT_TRUE(store().Delete("d/x").ok());
  EXPECT_EQ(store().Get("d/x").status().code(), StatusCode::kNotFound);
}

}  // namespace tarn::store
