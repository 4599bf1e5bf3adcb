#include "operate/lease.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/random.h"

namespace tarn::operate {
namespace {

constexpr int64_t kSecond = 1'000'000;

LeaseOptions Options(const std::string& holder) {
  LeaseOptions options;
  options.name = "orders";
  options.holder = holder;
  return options;
}

bool Acquired(Lease& lease) {
  const auto got = lease.TryAcquire();
  EXPECT_TRUE(got.ok()) << got.status().ToString();
  return got.ok() && *got;
}

TEST(Lease, OneHolderAtATimeAndTakeoverAfterSilence) {
  auto store = store::MakeMemoryStore();
  ManualClock clock(kSecond);
  Lease first(store, Options("first"), clock), second(store, Options("second"), clock);
  EXPECT_TRUE(Acquired(first));
  EXPECT_FALSE(Acquired(second));
  EXPECT_EQ(second.seen_holder(), "first");
  for (int i = 0; i < 20; ++i) {
    clock.Advance(2 * kSecond);
    EXPECT_TRUE(*first.Renew());
    EXPECT_FALSE(Acquired(second));
  }
  // Silent from here on.
  clock.Advance(8 * kSecond);
  EXPECT_LE(first.LeftMicros(), 0);
  EXPECT_FALSE(Acquired(second));
  clock.Advance(3 * kSecond);
  EXPECT_TRUE(Acquired(second));
  EXPECT_EQ(second.epoch(), 2);
  EXPECT_FALSE(*first.Renew());
  EXPECT_FALSE(Acquired(first));
}

TEST(Lease, AReleasedLeaseIsFreeAtOnce) {
  auto store = store::MakeMemoryStore();
  ManualClock clock(kSecond);
  Lease first(store, Options("first"), clock), second(store, Options("second"), clock);
  EXPECT_TRUE(Acquired(first));
  EXPECT_FALSE(Acquired(second));
  ASSERT_TRUE(first.Release().ok());
  EXPECT_TRUE(Acquired(second));
  ASSERT_TRUE(first.Release().ok());  // not his any more
  EXPECT_TRUE(*second.Renew());
  EXPECT_FALSE(Acquired(first));
}

TEST(Lease, TheHolderStopsTrustingItBeforeOthersMayTakeIt) {
  SeededRandom random(7);
  for (int round = 0; round < 500; ++round) {
    auto store = store::MakeMemoryStore();
    ManualClock clock(kSecond);
    Lease holder(store, Options("a"), clock), other(store, Options("b"), clock);
    ASSERT_TRUE(Acquired(holder));
    for (int step = 0; step < 40; ++step) {
      clock.Advance(static_cast<int64_t>(random.Uniform(4 * kSecond)));
      if (random.Uniform(3) == 0 && holder.LeftMicros() > 0) {
        ASSERT_TRUE(holder.Renew().ok());
      }
      if (Acquired(other)) {
        EXPECT_LE(holder.LeftMicros(), 0) << "round " << round;
        break;
      }
    }
  }
}

TEST(Lease, OfManyClaimantsOneWins) {
  for (int round = 0; round < 50; ++round) {
    auto store = store::MakeMemoryStore();
    std::atomic<int> winners{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        Lease lease(store, Options(std::to_string(i)));
        winners += Acquired(lease);
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(winners, 1);
  }
}

TEST(Lease, OldObjectsAreRemoved) {
  auto store = store::MakeMemoryStore();
  ManualClock clock(kSecond);
  for (int i = 0; i < 10; ++i) {
    Lease lease(store, Options("h" + std::to_string(i)), clock);
    ASSERT_TRUE(Acquired(lease));
    ASSERT_TRUE(lease.Release().ok());
  }
  EXPECT_LE(store->List("_tarn/leases/")->size(), 4u);
}

}  // namespace
}  // namespace tarn::operate
