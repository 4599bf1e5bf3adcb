// AWS Signature Version 4 for S3: a request's headers -> its Authorization header.
//
// Pure functions. Source: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API
// Reference.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarn::store::s3 {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;   // empty for long-lived keys
  int64_t expires_micros = 0;  // 0: never
};

struct SigningInput {
  std::string method;
  std::string host;  // as in the Host header, with a port that is not the scheme's own
  std::string path;  // percent-encoded, begins with '/'
  std::vector<std::pair<std::string, std::string>> query;    // not encoded
  std::vector<std::pair<std::string, std::string>> headers;  // further headers to sign, any case
  std::string payload_sha256;                                // hex, or "UNSIGNED-PAYLOAD"
  std::string region;
  std::string service = "s3";
  int64_t now_micros = 0;
};

// Percent-encoding of RFC 3986 unreserved characters; '/' is kept when `keep_slash`.
std::string UriEncode(std::string_view text, bool keep_slash);
// "a=b&c=d", sorted and encoded as the signature wants it; also fit for the URL.
std::string CanonicalQuery(std::vector<std::pair<std::string, std::string>> query);
// Every header to send besides Host: x-amz-date, x-amz-content-sha256, x-amz-security-token, the
// given ones, Authorization.
std::vector<std::pair<std::string, std::string>> SignRequest(const SigningInput& input,
                                                             const Credentials& credentials);

}  // namespace tarn::store::s3
