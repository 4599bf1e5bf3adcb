// HttpServer: HTTP/1.1 over TCP or TLS; requests come whole, replies may be given later.
//
// What it is: accepts connections on one address, reads requests with bounded headers and bodies,
// and calls the handler with each. The handler answers through the Responder, at once or from any
// thread later (after a commit, say); meanwhile the connection waits and takes no second request.
//
// What it does not do: no routing, no authentication, no compression, no HTTP/2, no request bodies
// larger than memory. A handler must not block for long: it runs on one of the few I/O threads.
//
// Threads: Start, Stop and the destructor from one thread; handlers run concurrently on the
// server's own threads; a Responder is safe to call from any thread, once. Lifetime: handlers and
// what they hold are called until Stop returns; a Responder may outlive the server (the reply is
// dropped then).
//
// Errors: Start gives kIo when the address cannot be bound (named), kInvalidArgument for a bad
// certificate. Broken requests are answered 400, too large bodies 413, too large headers 431, too
// many connections 503; a request not read within the timeout is 408.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace tarn::net {

struct ServerRequest {
  std::string method;                          // "GET"
  std::string target;                          // as sent: "/v1/streams/orders?x=1"
  std::string path;                            // the part before '?', percent-decoded
  std::map<std::string, std::string> query;    // decoded; the last of a repeated name
  std::map<std::string, std::string> headers;  // names in lower case; the last of a repeated name
  std::string body;
  std::string peer;  // "127.0.0.1:50412"

  // Value of a header (name in lower case) or "".
  const std::string& Header(const std::string& name) const;
};

struct ServerReply {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;
};

// Give it exactly one reply. When the last copy goes without one, the client gets 500.
class Responder {
 public:
  class Target;
  explicit Responder(std::shared_ptr<Target> target);
  // Later calls do nothing.
  void operator()(ServerReply reply) const;

 private:
  std::shared_ptr<Target> target_;
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;  // 0: any free one; see port()
  uint64_t max_body_bytes = 16ull << 20;
  uint32_t max_header_bytes = 64u << 10;
  int64_t read_timeout_ms = 30'000;   // for one request to arrive once it began
  int64_t idle_timeout_ms = 60'000;   // between two requests of a connection
  int64_t reply_timeout_ms = 60'000;  // for the handler; then 503, and a late reply is dropped
  size_t max_connections = 1'000;
  int threads = 2;
  std::string certificate_file, key_file;  // PEM; both set: TLS 1.2 and newer
};

class HttpServer {
 public:
  using Handler = std::function<void(ServerRequest request, Responder respond)>;

  static Result<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                   Handler handler);
  virtual ~HttpServer() = default;  // stops
  virtual uint16_t port() const = 0;
  // No new connections and requests; those under way get up to `grace_ms` to be answered.
  virtual void Stop(int64_t grace_ms = 2'000) = 0;
};

// "%41+b" -> "A+b" (no plus decoding), for paths; `plus_is_space` for queries. Bad escapes stay.
std::string PercentDecode(std::string_view text, bool plus_is_space);

}  // namespace tarn::net
