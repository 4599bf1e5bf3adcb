// S3Client: signed requests with retries, the layer below S3Store. Internal to this folder.
//
// What is mended on the way: credentials the server calls expired are fetched anew, a clock that is
// off is measured against the server's, a bucket in another region is asked there.
//
// Threads: safe.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/s3/s3_store.h"

namespace tarn::store::s3 {

struct S3Request {
  RequestKind kind = RequestKind::kGet;
  std::string method = "GET";
  std::string key;  // full key in the bucket; "" for the bucket
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;  // signed as well
  std::string_view body;
  // May be sent again when the outcome of an attempt is unknown. Conditional puts are not.
  bool idempotent = true;
};

struct S3Reply {
  net::HttpResponse http;
  bool ambiguous = false;  // an earlier attempt may have been carried out
};

class S3Client {
 public:
  S3Client(S3Options options, S3Environment environment);
  // Any 2xx, 404, 409, 412 and 416 are replies; other statuses become errors after retries. A
  // request that is not idempotent and whose outcome is unknown gives kOutcomeUnknown.
  Result<S3Reply> Send(const S3Request& request);
  // An error that names key and bucket for a status that the caller did not expect.
  Status ErrorOf(const net::HttpResponse& response, const S3Request& request) const;
  const S3Options& options() const { return options_; }
  const S3Environment& environment() const { return environment_; }
  std::string Describe() const;

 private:
  struct Progress;  // of one Send
  enum class Next { kDone, kNow, kLater };

  Result<net::HttpResponse> Attempt(const S3Request& request, const Credentials& credentials,
                                    bool* timed_out);
  // What follows from an attempt: it is the result, or it is repeated at once, or after a pause.
  Next Judge(const S3Request& request, const Result<net::HttpResponse>& response,
             const Credentials& used, bool timed_out, Progress* progress);
  Next JudgeRefusal(const net::HttpResponse& response, const S3Request& request,
                    const Credentials& used, Progress* progress);
  // Learns the bucket's region from a refusal; false when there is nothing new in it.
  bool TakeRegion(const net::HttpResponse& response);
  bool TakeServerTime(const net::HttpResponse& response);
  std::string Region() const;
  std::string Host(const std::string& region) const;

  S3Options options_;
  S3Environment environment_;
  std::string scheme_;
  std::string endpoint_host_;  // "" for AWS's own
  mutable std::mutex mutex_;
  std::string region_;                        // guarded by mutex_
  std::atomic<int64_t> clock_offset_micros_;  // the server's clock minus ours
};

// The fields of <Error>; "" when the body is no such document.
struct ErrorBody {
  std::string code;
  std::string message;
  std::string region;
  std::string request_id;
};
ErrorBody ParseErrorBody(const std::string& body);
std::string ErrorCode(const std::string& body);

// "Mon, 23 Nov 2026 13:05:07 GMT" -> microseconds; 0 when it is something else.
int64_t ParseHttpDate(const std::string& text);

}  // namespace tarn::store::s3
