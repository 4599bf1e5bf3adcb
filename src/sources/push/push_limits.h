// How much may be sent to one stream: requests under way, bytes and records a second.
//
// The rates are token buckets that hold one second's worth (or one request, where that is more), so
// that a burst after a pause is let through and the mean is kept.
//
// Threads: safe.
#pragma once

#include <cstdint>
#include <mutex>

namespace tarn::sources::push {

struct LimitOptions {
  uint64_t bytes_per_second = 0;    // 0: no limit; of the body as received
  uint64_t records_per_second = 0;  // 0: no limit
  uint64_t max_in_flight = 256;     // requests
};

class PushLimits {
 public:
  explicit PushLimits(LimitOptions options) : options_(options) {}

  // A request wants in. False: too many are under way.
  bool Enter();
  void Leave();
  // Microseconds to wait until this much would be let through; 0: it is, and is counted.
  int64_t TakeBytes(uint64_t bytes, int64_t monotonic_micros);
  int64_t TakeRecords(uint64_t records, int64_t monotonic_micros);
  uint64_t in_flight() const;

 private:
  struct Bucket {
    double level = 0;
    int64_t at_micros = -1;
  };
  int64_t Take(uint64_t rate, uint64_t count, int64_t now, Bucket* bucket);

  LimitOptions options_;
  mutable std::mutex mutex_;
  uint64_t in_flight_ = 0;
  Bucket bytes_, records_;
};

}  // namespace tarn::sources::push
