#include "sources/push/push_limits.h"

#include <algorithm>
#include <cmath>

namespace tarn::sources::push {

bool PushLimits::Enter() {
  const std::lock_guard lock(mutex_);
  if (in_flight_ >= options_.max_in_flight) return false;
  ++in_flight_;
  return true;
}

void PushLimits::Leave() {
  const std::lock_guard lock(mutex_);
  --in_flight_;
}

uint64_t PushLimits::in_flight() const {
  const std::lock_guard lock(mutex_);
  return in_flight_;
}

int64_t PushLimits::TakeBytes(uint64_t bytes, int64_t monotonic_micros) {
  const std::lock_guard lock(mutex_);
  return Take(options_.bytes_per_second, bytes, monotonic_micros, &bytes_);
}

int64_t PushLimits::TakeRecords(uint64_t records, int64_t monotonic_micros) {
  const std::lock_guard lock(mutex_);
  return Take(options_.records_per_second, records, monotonic_micros, &records_);
}

int64_t PushLimits::Take(uint64_t rate, uint64_t count, int64_t now, Bucket* bucket) {
  if (rate == 0) return 0;
  const double per_second = static_cast<double>(rate);
  if (bucket->at_micros < 0) {
    bucket->level = per_second;
  } else {
    bucket->level += per_second * static_cast<double>(now - bucket->at_micros) / 1e6;
  }
  bucket->level = std::min(bucket->level, per_second);
  bucket->at_micros = now;
  // One that is larger than the bucket passes when it is full, and leaves a debt.
  const double wanted = std::min(static_cast<double>(count), per_second);
  if (bucket->level < wanted) {
    return std::max<int64_t>(
        1, static_cast<int64_t>(std::ceil((wanted - bucket->level) / per_second * 1e6)));
  }
  bucket->level -= static_cast<double>(count);
  return 0;
}

}  // namespace tarn::sources::push
