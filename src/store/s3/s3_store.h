// ObjectStore on S3 and what speaks its protocol.
//
// Keys live below `prefix` of one bucket. Puts below `multipart_threshold_bytes` are one request,
// larger uploads go in parts, several at once. put-if-absent is `If-None-Match: *`; when the reply
// to one is lost the object is read back and compared, so callers see kAlreadyExists or OK, and
// kOutcomeUnknown only when the store cannot be read either.
//
// What it does not do: no versions, no encryption keys, no storage classes, no caching.
//
// Threads: safe. Errors: as object_store.h; kPermission for 401/403, with the server's own code.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "net/http_client.h"
#include "net/retry.h"
#include "store/object_store.h"
#include "store/s3/credentials.h"

namespace tarn::store::s3 {

struct S3Options {
  std::string bucket;
  std::string prefix;  // "" or "a/b", no slash at either end
  std::string region = "us-east-1";
  std::string endpoint;     // "http://127.0.0.1:7070"; empty: AWS's for the region
  bool path_style = false;  // <endpoint>/<bucket>/<key> instead of <bucket>.<endpoint>/<key>
  uint64_t multipart_threshold_bytes = 16u << 20;
  uint64_t part_bytes = 8u << 20;  // grows for objects beyond 10,000 parts
  int parallel_parts = 4;
  net::RetryPolicy retry;
};

// Reads "s3://bucket/prefix" and, from the environment, AWS_REGION, AWS_DEFAULT_REGION,
// AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and AWS_S3_FORCE_PATH_STYLE. An endpoint that is an IP
// address or has a port is path style.
Result<S3Options> ParseS3Url(const std::string& url);

// Counts since the store was made.
struct S3Metrics {
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> retries{0};
  std::atomic<uint64_t> errors{0};
  std::atomic<uint64_t> bytes_sent{0};
  std::atomic<uint64_t> bytes_received{0};
};

struct S3Environment {
  std::shared_ptr<net::HttpClient> http;
  std::shared_ptr<CredentialsProvider> credentials;
  std::shared_ptr<S3Metrics> metrics;  // may be null
  Clock* clock = &Clock::System();
  Random* random = &Random::System();
};
// No I/O: a wrong bucket or key shows at the first call.
std::shared_ptr<ObjectStore> MakeS3Store(S3Options options, S3Environment environment);
// With the default HTTP client and credentials chain.
Result<std::shared_ptr<ObjectStore>> OpenS3Store(const std::string& url);

}  // namespace tarn::store::s3
