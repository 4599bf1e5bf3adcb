#include "store/s3/s3_client.h"

#include <cstdio>
#include <cstdlib>
#include <pugixml.hpp>

#include "base/hash.h"

namespace tarn::store::s3 {
namespace {

// Waits before the first attempt after "slow down" are longer: it is load that has to go away.
constexpr int64_t kThrottledPauseMicros = 500'000;
constexpr int kMaxCredentialRefreshes = 3;
constexpr int64_t kWorthSkewMicros = 60LL * 1'000'000;

bool IsReply(const net::HttpResponse& response) {
  const int status = response.status;
  return response.succeeded() || status == 404 || status == 409 || status == 412 || status == 416;
}

// The server says: not now.
bool IsTransient(int status) {
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

// Codes that new credentials may cure. A HEAD has no body to tell; a refusal may be any of them.
bool MayBeExpired(const net::HttpResponse& response, const std::string& code, bool has_body) {
  if (response.status != 400 && response.status != 401 && response.status != 403) return false;
  if (code.empty()) return !has_body;
  return code == "ExpiredToken" || code == "TokenRefreshRequired" || code == "InvalidToken" ||
         code == "InvalidAccessKeyId" || code == "SignatureDoesNotMatch" ||
         code == "ExpiredTokenException";
}

bool SameKeys(const Credentials& a, const Credentials& b) {
  return a.access_key_id == b.access_key_id && a.secret_access_key == b.secret_access_key &&
         a.session_token == b.session_token;
}

std::string Remedy(int status, const std::string& code, const std::string& region) {
  if (code == "InvalidAccessKeyId") {
    return "the server does not know this access key; check AWS_ACCESS_KEY_ID or the profile, and "
           "the endpoint";
  }
  if (code == "SignatureDoesNotMatch") {
    return "the secret access key does not belong to the access key; check "
           "AWS_SECRET_ACCESS_KEY or the profile";
  }
  if (code == "ExpiredToken" || code == "InvalidToken" || code == "TokenRefreshRequired") {
    return "the session token has run out; get a new one and set AWS_SESSION_TOKEN";
  }
  if (code == "RequestTimeTooSkewed") return "this machine's clock is off; set it";
  if (code == "NoSuchBucket") return "create the bucket, or check its name and the endpoint";
  if (status == 301 || status == 307 || code == "AuthorizationHeaderMalformed") {
    return "the bucket is in another region" + (region.empty() ? "" : ", " + region) +
           "; set AWS_REGION";
  }
  if (code == "AccessDenied") {
    return "the credentials may not do this; check the policies of the user and of the bucket";
  }
  if (status == 401 || status == 403) return "check the credentials and the bucket's policy";
  return "";
}

}  // namespace

ErrorBody ParseErrorBody(const std::string& body) {
  ErrorBody out;
  pugi::xml_document document;
  if (body.empty() || !document.load_buffer(body.data(), body.size())) return out;
  const auto error = document.child("Error");
  out.code = error.child_value("Code");
  out.message = error.child_value("Message");
  out.region = error.child_value("Region");
  out.request_id = error.child_value("RequestId");
  return out;
}

std::string ErrorCode(const std::string& body) { return ParseErrorBody(body).code; }

int64_t ParseHttpDate(const std::string& text) {
  static const std::string kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  char month[4] = "";
  int day = 0;
  int year = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (std::sscanf(text.c_str(), "%*[^,], %d %3s %d %d:%d:%d", &day, month, &year, &hour, &minute,
                  &second) != 6) {
    return 0;
  }
  const size_t at = kMonths.find(month);
  if (at == std::string::npos) return 0;
  const int64_t days =
      DaysFromCivil(year, static_cast<unsigned>(at / 3 + 1), static_cast<unsigned>(day));
  return ((days * 24 + hour) * 60 + minute) * 60'000'000LL + second * 1'000'000LL;
}

struct S3Client::Progress {
  bool ambiguous = false;
  int credential_refreshes = 0;
  bool region_taken = false;
  bool time_taken = false;
  std::optional<Credentials> refused;
  RetryReason reason = RetryReason::kConnection;
  int64_t wait_micros = 0;  // at least
};

S3Client::S3Client(S3Options options, S3Environment environment)
    : options_(std::move(options)),
      environment_(std::move(environment)),
      region_(options_.region),
      clock_offset_micros_(0) {
  const std::string& endpoint = options_.endpoint;
  const size_t colon = endpoint.find("://");
  scheme_ = colon == std::string::npos ? "https" : endpoint.substr(0, colon);
  endpoint_host_ = colon == std::string::npos ? endpoint : endpoint.substr(colon + 3);
  while (!endpoint_host_.empty() && endpoint_host_.back() == '/') endpoint_host_.pop_back();
}

std::string S3Client::Describe() const {
  return "s3://" + options_.bucket + (options_.prefix.empty() ? "" : "/" + options_.prefix);
}

std::string S3Client::Region() const {
  std::lock_guard lock(mutex_);
  return region_;
}

std::string S3Client::Host(const std::string& region) const {
  const std::string host =
      endpoint_host_.empty() ? "s3." + region + ".amazonaws.com" : endpoint_host_;
  return options_.path_style ? host : options_.bucket + "." + host;
}

Result<net::HttpResponse> S3Client::Attempt(const S3Request& request,
                                            const Credentials& credentials, bool* timed_out) {
  SigningInput input;
  input.region = Region();
  input.method = request.method;
  input.host = Host(input.region);
  input.path = options_.path_style ? "/" + UriEncode(options_.bucket, true) : "";
  input.path += "/" + UriEncode(request.key, true);
  if (request.key.empty() && options_.path_style) input.path.pop_back();
  input.query = request.query;
  input.headers = request.headers;
  // TLS protects the bytes; without it the signature has to cover them.
  input.payload_sha256 =
      scheme_ == "https" && !request.body.empty() ? "UNSIGNED-PAYLOAD" : Sha256Hex(request.body);
  input.now_micros = environment_.clock->NowMicros() + clock_offset_micros_;
  net::HttpRequest http;
  http.method = request.method;
  http.url = scheme_ + "://" + input.host + input.path;
  if (!request.query.empty()) http.url += "?" + CanonicalQuery(request.query);
  http.headers = SignRequest(input, credentials);
  http.body = request.body;
  http.timed_out = timed_out;
  const int64_t started = environment_.clock->MonotonicMicros();
  auto response = environment_.http->Send(http);
  if (environment_.metrics) {
    environment_.metrics->Attempt(request.kind, request.body.size(),
                                  response.ok() ? response->body.size() : 0,
                                  environment_.clock->MonotonicMicros() - started);
  }
  return response;
}

S3Client::Next S3Client::Judge(const S3Request& request, const Result<net::HttpResponse>& response,
                               const Credentials& used, bool timed_out, Progress* progress) {
  progress->wait_micros = 0;
  if (!response.ok()) {
    const Status status = response.status();
    if (status.retry() == RetryClass::kOutcomeUnknown) {
      progress->ambiguous = true;
    } else if (status.retry() != RetryClass::kBackoff) {
      return Next::kDone;
    }
    progress->reason = timed_out ? RetryReason::kTimeout : RetryReason::kConnection;
    return Next::kLater;
  }
  if (IsReply(*response)) return Next::kDone;
  const int status = response->status;
  if (!IsTransient(status)) return JudgeRefusal(*response, request, used, progress);
  const bool throttled = status == 503 || status == 429;
  progress->reason = throttled ? RetryReason::kThrottled : RetryReason::kServerError;
  // 500 and 504 can come after the work was done; 503 and 429 before it.
  if (!throttled) progress->ambiguous = true;
  progress->wait_micros = std::atoll(response->Header("retry-after").c_str()) * 1'000'000;
  if (throttled && progress->wait_micros == 0) {
    progress->wait_micros =
        static_cast<int64_t>(environment_.random->Uniform(kThrottledPauseMicros));
  }
  return Next::kLater;
}

S3Client::Next S3Client::JudgeRefusal(const net::HttpResponse& response, const S3Request& request,
                                      const Credentials& used, Progress* progress) {
  progress->reason = RetryReason::kCredentials;
  const std::string code = ErrorCode(response.body);
  if (!progress->time_taken &&
      (code == "RequestTimeTooSkewed" || (code.empty() && response.status == 403)) &&
      TakeServerTime(response)) {
    progress->time_taken = true;
    return Next::kNow;
  }
  if (!progress->region_taken && TakeRegion(response)) {
    progress->region_taken = true;
    return Next::kNow;
  }
  if (MayBeExpired(response, code, request.method != "HEAD") &&
      progress->credential_refreshes < kMaxCredentialRefreshes) {
    ++progress->credential_refreshes;
    progress->refused = used;
    environment_.credentials->Invalidate(used);
    return Next::kNow;
  }
  return Next::kDone;
}

bool S3Client::TakeRegion(const net::HttpResponse& response) {
  std::string region = response.Header("x-amz-bucket-region");
  if (region.empty()) region = ParseErrorBody(response.body).region;
  if (region.empty()) return false;
  std::lock_guard lock(mutex_);
  if (region == region_) return false;
  region_ = region;
  return true;
}

bool S3Client::TakeServerTime(const net::HttpResponse& response) {
  const int64_t server = ParseHttpDate(response.Header("date"));
  if (server == 0) return false;
  const int64_t offset = server - environment_.clock->NowMicros();
  const int64_t known = clock_offset_micros_;
  if (std::abs(offset - known) < kWorthSkewMicros) return false;
  clock_offset_micros_ = offset;
  return true;
}

Result<S3Reply> S3Client::Send(const S3Request& request) {
  net::Backoff backoff(options_.retry, *environment_.clock, *environment_.random);
  Progress progress;
  const auto give_up = [&](Status status) -> Result<S3Reply> {
    if (environment_.metrics) environment_.metrics->Failure(request.kind);
    return status;
  };
  Status last;
  while (true) {
    auto credentials = environment_.credentials->Get();
    if (!credentials.ok()) return give_up(credentials.status().WithContext(Describe()));
    // Nothing newer is to be had: what the server said about these stands.
    if (progress.refused && SameKeys(*progress.refused, *credentials)) return give_up(last);
    progress.refused.reset();
    bool timed_out = false;
    auto response = Attempt(request, *credentials, &timed_out);
    const Next next = Judge(request, response, *credentials, timed_out, &progress);
    if (next == Next::kDone && response.ok() && IsReply(*response)) {
      if (environment_.retry_budget) environment_.retry_budget->Refund();
      return S3Reply{std::move(*response), progress.ambiguous};
    }
    last = response.ok() ? ErrorOf(*response, request) : response.status();
    if (next == Next::kDone) return give_up(last);
    if (next == Next::kLater) {
      if (progress.ambiguous && !request.idempotent) {
        return Status::OutcomeUnknown(request.method + " s3://" + options_.bucket + "/" +
                                      request.key + ": the reply was lost");
      }
      const bool allowed = !environment_.retry_budget || environment_.retry_budget->TakeForRetry();
      if (!allowed || !backoff.Wait(progress.wait_micros)) {
        const std::string tried =
            allowed ? " after " + std::to_string(backoff.attempts()) + " attempts; try again later"
                    : "; too many requests fail, no more are sent for now";
        return give_up(
            Status(last.code() == StatusCode::kOutcomeUnknown ? StatusCode::kIo : last.code(),
                   last.message() + tried, RetryClass::kBackoff));
      }
    }
    if (environment_.metrics) environment_.metrics->Retry(request.kind, progress.reason);
  }
}

Status S3Client::ErrorOf(const net::HttpResponse& response, const S3Request& request) const {
  const ErrorBody error = ParseErrorBody(response.body);
  std::string what = request.method + " s3://" + options_.bucket +
                     (request.key.empty() ? "" : "/" + request.key) + ": " +
                     std::to_string(response.status);
  if (!error.code.empty()) what += " " + error.code;
  std::string id = response.Header("x-amz-request-id");
  if (id.empty()) id = error.request_id;
  if (!id.empty()) what += " (request " + id + ")";
  std::string region = response.Header("x-amz-bucket-region");
  if (region.empty()) region = error.region;
  const std::string remedy = Remedy(response.status, error.code, region);
  if (!remedy.empty()) {
    what += "; " + remedy;
  } else if (!error.message.empty()) {
    what += ": " + error.message;
  }
  switch (response.status) {
    case 401:
    case 403: return Status::Permission(what);
    case 404: return Status::NotFound(what);
    case 301:
    case 307: return Status::InvalidArgument(what);
    case 409: return Status::Io(what, RetryClass::kBackoff);
    case 412: return Status::AlreadyExists(what);
    case 400:
      if (!remedy.empty()) return Status::Permission(what);
      [[fallthrough]];
    default:
      return Status::Io(what,
                        IsTransient(response.status) ? RetryClass::kBackoff : RetryClass::kNo);
  }
}

}  // namespace tarn::store::s3
