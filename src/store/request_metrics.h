// RequestMetrics: what a store that is reached over a network has been asked, and how that went.
//
// Counts since the process started, by kind of request: how many, how often again and why, bytes,
// and how long one attempt took. A retry counts as a request of its own.
//
// What it does not do: no time series, no names of objects, no export; readers take a snapshot.
//
// Threads: safe; recording takes one short lock.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace tarn::store {

enum class RequestKind {
  kGet,
  kHead,
  kPut,
  kPutIfAbsent,
  kList,
  kDelete,
  kCreateUpload,
  kUploadPart,
  kCompleteUpload,
  kAbortUpload,
};
inline constexpr size_t kRequestKinds = 10;
const char* RequestKindName(RequestKind kind);  // "put_if_absent"

// Why an attempt was, or would have been, repeated.
enum class RetryReason {
  kThrottled,    // the server asks to slow down (503, 429)
  kServerError,  // 500, 502, 504
  kConnection,   // refused, reset, cut off
  kTimeout,      // no byte for too long
  kCredentials,  // expired or rotated keys, a clock that is off, another region
};
inline constexpr size_t kRetryReasons = 5;
const char* RetryReasonName(RetryReason reason);

class RequestMetrics {
 public:
  // Attempts that took at most 1, 2, 4 … 2^14 ms; the last bucket is everything above.
  static constexpr size_t kBuckets = 16;
  static int64_t BucketLimitMillis(size_t bucket);  // INT64_MAX for the last

  struct Row {
    RequestKind kind = RequestKind::kGet;
    uint64_t requests = 0;
    uint64_t failures = 0;  // given up: the caller saw an error
    std::array<uint64_t, kRetryReasons> retries{};
    uint64_t bytes_sent = 0;
    uint64_t bytes_received = 0;
    int64_t longest_micros = 0;
    std::array<uint64_t, kBuckets> latency{};
    // Upper bound, in ms, of the bucket below which `share` (0..1) of the attempts lie.
    int64_t QuantileMillis(double share) const;
  };

  void Attempt(RequestKind kind, uint64_t sent, uint64_t received, int64_t micros);
  void Retry(RequestKind kind, RetryReason reason);
  void Failure(RequestKind kind);
  // A row for each kind that was asked at least once.
  std::vector<Row> Snapshot() const;

 private:
  mutable std::mutex mutex_;
  std::array<Row, kRequestKinds> rows_{};
};

}  // namespace tarn::store
