#include "net/retry.h"

#include <algorithm>

namespace tarn::net {

Backoff::Backoff(const RetryPolicy& policy, Clock& clock, Random& random)
    : policy_(policy),
      clock_(clock),
      random_(random),
      started_micros_(clock.MonotonicMicros()),
      ceiling_micros_(policy.first_delay_micros) {}

bool Backoff::Wait(int64_t at_least_micros) {
  if (attempts_ >= policy_.max_attempts) return false;
  const int64_t jittered =
      static_cast<int64_t>(random_.Uniform(static_cast<uint64_t>(ceiling_micros_) + 1));
  const int64_t delay = std::max(jittered, std::min(at_least_micros, policy_.max_delay_micros));
  if (clock_.MonotonicMicros() - started_micros_ + delay > policy_.total_micros) return false;
  clock_.SleepMicros(delay);
  ceiling_micros_ = std::min(ceiling_micros_ * 2, policy_.max_delay_micros);
  ++attempts_;
  return true;
}

bool RetryBudget::TakeForRetry() {
  std::lock_guard lock(mutex_);
  if (left_ < kRetryCost) return false;
  left_ -= kRetryCost;
  return true;
}

void RetryBudget::Refund() {
  std::lock_guard lock(mutex_);
  left_ = std::min(capacity_, left_ + kSuccessRefund);
}

}  // namespace tarn::net
