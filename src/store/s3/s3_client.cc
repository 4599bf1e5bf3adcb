#include "store/s3/s3_client.h"

#include <cstdlib>
#include <pugixml.hpp>

#include "base/hash.h"

namespace tarn::store::s3 {
namespace {

bool IsReply(const net::HttpResponse& response) {
  const int status = response.status;
  return response.succeeded() || status == 404 || status == 409 || status == 412 || status == 416;
}

// The server says: not now.
bool IsTransient(int status) {
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

bool IsExpired(const net::HttpResponse& response) {
  if (response.status != 400 && response.status != 403) return false;
  const std::string code = ErrorCode(response.body);
  return code == "ExpiredToken" || code == "TokenRefreshRequired" || code == "InvalidToken";
}

}  // namespace

std::string ErrorCode(const std::string& body) {
  pugi::xml_document document;
  if (!document.load_buffer(body.data(), body.size())) return "";
  return document.child("Error").child_value("Code");
}

S3Client::S3Client(S3Options options, S3Environment environment)
    : options_(std::move(options)), environment_(std::move(environment)) {
  std::string endpoint = options_.endpoint;
  if (endpoint.empty()) endpoint = "https://s3." + options_.region + ".amazonaws.com";
  const size_t colon = endpoint.find("://");
  scheme_ = colon == std::string::npos ? "https" : endpoint.substr(0, colon);
  host_ = colon == std::string::npos ? endpoint : endpoint.substr(colon + 3);
  while (!host_.empty() && host_.back() == '/') host_.pop_back();
  if (!options_.path_style) host_ = options_.bucket + "." + host_;
}

std::string S3Client::Describe() const {
  return "s3://" + options_.bucket + (options_.prefix.empty() ? "" : "/" + options_.prefix);
}

Result<net::HttpResponse> S3Client::Attempt(const S3Request& request) {
  TARN_ASSIGN_OR_RETURN(const Credentials credentials, environment_.credentials->Get());
  SigningInput input;
  input.method = request.method;
  input.host = host_;
  input.path = options_.path_style ? "/" + UriEncode(options_.bucket, true) : "";
  input.path += "/" + UriEncode(request.key, true);
  if (request.key.empty() && options_.path_style) input.path.pop_back();
  input.query = request.query;
  input.headers = request.headers;
  // TLS protects the bytes; without it the signature has to cover them.
  input.payload_sha256 =
      scheme_ == "https" && !request.body.empty() ? "UNSIGNED-PAYLOAD" : Sha256Hex(request.body);
  input.region = options_.region;
  input.now_micros = environment_.clock->NowMicros();
  net::HttpRequest http;
  http.method = request.method;
  http.url = scheme_ + "://" + host_ + input.path;
  if (!request.query.empty()) http.url += "?" + CanonicalQuery(request.query);
  http.headers = SignRequest(input, credentials);
  http.body = request.body;
  return environment_.http->Send(http);
}

void S3Client::Count(const S3Request& request, const Result<net::HttpResponse>& response,
                     bool retry) {
  if (!environment_.metrics) return;
  S3Metrics& metrics = *environment_.metrics;
  ++metrics.requests;
  if (retry) ++metrics.retries;
  metrics.bytes_sent += request.body.size();
  if (response.ok()) metrics.bytes_received += response->body.size();
  if (!response.ok() || !IsReply(*response)) ++metrics.errors;
}

Result<S3Reply> S3Client::Send(const S3Request& request) {
  net::Backoff backoff(options_.retry, *environment_.clock, *environment_.random);
  bool ambiguous = false;
  bool refreshed = false;
  while (true) {
    auto response = Attempt(request);
    Count(request, response, backoff.attempts() > 1);
    int64_t wait_micros = 0;
    if (response.ok()) {
      if (IsReply(*response)) return S3Reply{std::move(*response), ambiguous};
      if (IsExpired(*response) && !refreshed) {
        refreshed = true;
        environment_.credentials->Invalidate();
        continue;
      }
      if (!IsTransient(response->status)) return ErrorOf(*response, request);
      // 500 and 504 can come after the work was done; 503 and 429 before it.
      if (response->status == 500 || response->status == 502 || response->status == 504)
        ambiguous = true;
      wait_micros = std::atoll(response->Header("retry-after").c_str()) * 1'000'000;
    } else if (response.status().retry() == RetryClass::kOutcomeUnknown) {
      ambiguous = true;
    } else if (response.status().retry() != RetryClass::kBackoff) {
      return response.status();
    }
    if (ambiguous && !request.idempotent) {
      return Status::OutcomeUnknown(request.method + " " + Describe() + "/" + request.key +
                                    ": the reply was lost");
    }
    if (!backoff.Wait(wait_micros)) {
      const Status last = response.ok() ? ErrorOf(*response, request) : response.status();
      const std::string tried = " after " + std::to_string(backoff.attempts()) + " attempts";
      return Status(last.code() == StatusCode::kOutcomeUnknown ? StatusCode::kIo : last.code(),
                    last.message() + tried, RetryClass::kBackoff);
    }
  }
}

Status S3Client::ErrorOf(const net::HttpResponse& response, const S3Request& request) const {
  const std::string code = ErrorCode(response.body);
  const std::string what = request.method + " s3://" + options_.bucket + "/" + request.key + ": " +
                           std::to_string(response.status) + (code.empty() ? "" : " " + code);
  switch (response.status) {
    case 401:
    case 403: return Status::Permission(what + "; check the credentials and the bucket's policy");
    case 404:
      return Status::NotFound(
          what + (code == "NoSuchBucket" ? "; create the bucket or check its name" : ""));
    case 301:
    case 307:
      return Status::InvalidArgument(what + "; the bucket is in another region, set AWS_REGION");
    case 409: return Status::Io(what, RetryClass::kBackoff);
    case 412: return Status::AlreadyExists(what);
    default:
      return Status::Io(what,
                        IsTransient(response.status) ? RetryClass::kBackoff : RetryClass::kNo);
  }
}

}  // namespace tarn::store::s3
