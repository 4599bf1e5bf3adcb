// Backoff: how long to wait before trying again, with jitter, bounded in attempts and in time.
//
// Threads: one owner. It decides nothing about whether an operation may be repeated: callers do.
#pragma once

#include <cstdint>
#include <mutex>

#include "base/clock.h"
#include "base/random.h"

namespace tarn::net {

struct RetryPolicy {
  int max_attempts = 10;
  int64_t first_delay_micros = 100'000;
  int64_t max_delay_micros = 10'000'000;
  int64_t total_micros = 120'000'000;  // no new attempt after this much time
};

class Backoff {
 public:
  Backoff(const RetryPolicy& policy, Clock& clock, Random& random);
  // Waits a random time up to the current ceiling and doubles that; false when the policy is used
  // up. `at_least_micros`: what the server asked for (Retry-After).
  bool Wait(int64_t at_least_micros = 0);
  int attempts() const { return attempts_; }

 private:
  RetryPolicy policy_;
  Clock& clock_;
  Random& random_;
  int64_t started_micros_;
  int64_t ceiling_micros_;
  int attempts_ = 1;
};

// What many requests may retry together, so that a server in trouble is not asked ever more often:
// a retry takes from the budget, a success gives a part of it back. With the budget used up a
// request fails with what it got last.
//
// Threads: safe.
class RetryBudget {
 public:
  explicit RetryBudget(int capacity = 500) : capacity_(capacity), left_(capacity) {}
  static constexpr int kRetryCost = 5;
  static constexpr int kSuccessRefund = 1;
  // False when there is nothing left to take.
  bool TakeForRetry();
  void Refund();

 private:
  std::mutex mutex_;
  int capacity_;
  int left_;
};

}  // namespace tarn::net
