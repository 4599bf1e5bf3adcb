// HttpClient: one request, one whole response.
//
// What it does not do: no retries (retry.h decides), no redirects, no cookies, no signing, no
// streaming: bodies are in memory, callers bound them by asking for ranges.
//
// Threads: implementations are safe for concurrent Send calls. Connections are kept and used again.
//
// Errors: a response of any status is a success here. kIo with kBackoff: nothing was sent (name
// lookup, connect). kOutcomeUnknown: the request may have reached the server, its reply did not
// arrive.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace tarn::net {

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // percent-encoded as it goes on the wire
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view body;  // must outlive the call
  int64_t connect_timeout_ms = 5'000;
  int64_t idle_timeout_ms = 30'000;  // no byte in either direction for this long ends the request
  bool* timed_out = nullptr;         // if given: set to whether a timeout was what ended Send
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool succeeded() const { return status >= 200 && status < 300; }
  // Value of a header (name in lower case) or "".
  const std::string& Header(const std::string& name) const;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual Result<HttpResponse> Send(const HttpRequest& request) = 0;
};

struct HttpClientOptions {
  std::string ca_file;  // PEM bundle; empty: the system's
  int max_idle_connections = 32;
};
std::shared_ptr<HttpClient> MakeHttpClient(const HttpClientOptions& options = {});

}  // namespace tarn::net
