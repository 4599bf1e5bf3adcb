// ObjectStore on S3 and what speaks its protocol.
//
// Keys live below `prefix` of one bucket. Puts below `multipart_threshold_bytes` are one request,
// larger uploads go in parts, several at once; long ranges are read in pieces, several at once.
// put-if-absent is `If-None-Match: *`; when the reply to one is lost the object is read back and
// compared, so callers see kAlreadyExists or OK, and kOutcomeUnknown only when the store cannot be
// read either.
//
// What it does not do: no versions, no encryption keys, no storage classes, no caching.
//
// Threads: safe. Errors: as object_store.h; kPermission for 401/403, with the server's own code.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "net/http_client.h"
#include "net/retry.h"
#include "store/object_store.h"
#include "store/request_metrics.h"
#include "store/s3/credentials.h"

namespace tarn::store::s3 {

struct S3Options {
  std::string bucket;
  std::string prefix;  // "" or "a/b", no slash at either end
  std::string region = "us-east-1";
  std::string endpoint;     // "http://127.0.0.1:7070"; empty: AWS's for the region
  bool path_style = false;  // <endpoint>/<bucket>/<key> instead of <bucket>.<endpoint>/<key>
  uint64_t multipart_threshold_bytes = 8u << 20;
  uint64_t part_bytes = 8u << 20;         // grows for objects beyond 10,000 parts
  int parallel_parts = 4;                 // of one upload
  uint64_t range_piece_bytes = 4u << 20;  // a longer range is read in pieces of about this size
  int parallel_reads = 8;                 // of one range, or of one GetMany
  net::RetryPolicy retry;
};

// How many parts all uploads of an opener may have on the wire at once; it bounds their memory.
// Threads: safe.
class UploadSlots {
 public:
  explicit UploadSlots(int slots) : free_(slots) {}
  void Acquire();
  void Release();
  // Uploads that are open: many of them cut smaller parts.
  std::atomic<int> open_uploads{0};

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int free_;
};

// What stores share; everything may be null but http and credentials.
struct S3Environment {
  std::shared_ptr<net::HttpClient> http;
  std::shared_ptr<CredentialsProvider> credentials;
  std::shared_ptr<RequestMetrics> metrics;
  std::shared_ptr<net::RetryBudget> retry_budget;
  std::shared_ptr<UploadSlots> upload_slots;
  Clock* clock = &Clock::System();
  Random* random = &Random::System();
};
// No I/O: a wrong bucket or key shows at the first call.
std::shared_ptr<ObjectStore> MakeS3Store(S3Options options, S3Environment environment);

}  // namespace tarn::store::s3
