// S3Client: signed requests with retries, the layer below S3Store. Internal to this folder.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/s3/s3_store.h"

namespace tarn::store::s3 {

struct S3Request {
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
  std::string Describe() const;

 private:
  Result<net::HttpResponse> Attempt(const S3Request& request);
  void Count(const S3Request& request, const Result<net::HttpResponse>& response, bool retry);

  S3Options options_;
  S3Environment environment_;
  std::string scheme_;
  std::string host_;
};

// <Error><Code>…: "" when the body is no such document.
std::string ErrorCode(const std::string& body);

}  // namespace tarn::store::s3
