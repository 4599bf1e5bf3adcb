#include "net/http_server.h"

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <thread>

namespace tarn::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;

class Responder::Target {
 public:
  virtual ~Target() = default;
  virtual void Deliver(ServerReply reply) = 0;
};

namespace {

// One request's way back to its connection; what is dropped unanswered answers 500.
class OneReply final : public Responder::Target {
 public:
  explicit OneReply(std::function<void(ServerReply)> deliver) : deliver_(std::move(deliver)) {}
  ~OneReply() override { Deliver({500, "the request was not answered\n", "text/plain", {}}); }
  void Deliver(ServerReply reply) override {
    if (!done_.exchange(true)) deliver_(std::move(reply));
  }

 private:
  std::function<void(ServerReply)> deliver_;
  std::atomic<bool> done_{false};
};

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::map<std::string, std::string> ParseQuery(std::string_view query) {
  std::map<std::string, std::string> out;
  for (size_t begin = 0; begin < query.size();) {
    const size_t end = std::min(query.find('&', begin), query.size());
    const std::string_view item = query.substr(begin, end - begin);
    const size_t equals = std::min(item.find('='), item.size());
    const std::string_view value = equals < item.size() ? item.substr(equals + 1) : "";
    if (!item.empty())
      out[PercentDecode(item.substr(0, equals), true)] = PercentDecode(value, true);
    begin = end + 1;
  }
  return out;
}

ServerRequest ToRequest(http::request<http::string_body>& message, const std::string& peer) {
  ServerRequest out;
  out.method = std::string(message.method_string());
  out.target = std::string(message.target());
  const size_t question = std::min(out.target.find('?'), out.target.size());
  out.path = PercentDecode(std::string_view(out.target).substr(0, question), false);
  if (question < out.target.size()) {
    out.query = ParseQuery(std::string_view(out.target).substr(question + 1));
  }
  for (const auto& field : message) {
    out.headers[Lower(std::string_view(field.name_string().data(), field.name_string().size()))] =
        std::string(field.value());
  }
  out.body = std::move(message.body());
  out.peer = peer;
  return out;
}

// What sessions share with the server.
struct Shared {
  HttpServerOptions options;
  HttpServer::Handler handler;
  std::atomic<size_t> connections{0};
  std::atomic<size_t> in_flight{0};
  std::atomic<bool> stopping{false};
  // Late replies pass here: once closed, the threads and soon their queue are gone.
  std::shared_mutex gate;
  bool closed = false;
  // Sessions that wait for their reply; nothing else holds them meanwhile.
  std::mutex held_mutex;
  std::set<std::shared_ptr<void>> held;
};

template <typename Stream>
class Session : public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(Stream stream, std::shared_ptr<Shared> shared)
      : stream_(std::move(stream)), shared_(std::move(shared)) {
    ++shared_->connections;
    error_code error;
    const auto remote = Lowest().socket().remote_endpoint(error);
    if (!error) peer_ = remote.address().to_string() + ":" + std::to_string(remote.port());
  }
  ~Session() { --shared_->connections; }

  void Run() {
    asio::dispatch(stream_.get_executor(), [self = this->shared_from_this()] { self->Begin(); });
  }

 private:
  static constexpr bool kTls = !std::is_same_v<Stream, beast::tcp_stream>;
  beast::tcp_stream& Lowest() { return beast::get_lowest_layer(stream_); }
  template <typename Member>
  auto Bind(Member member) {
    return beast::bind_front_handler(member, this->shared_from_this());
  }

  void Begin() {
    if constexpr (kTls) {
      Lowest().expires_after(milliseconds(shared_->options.read_timeout_ms));
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](error_code error) {
                                if (!error) self->Read();
                              });
    } else {
      Read();
    }
  }

  void Read() {
    if (shared_->stopping) return;
    parser_.emplace();
    parser_->header_limit(shared_->options.max_header_bytes);
    parser_->body_limit(shared_->options.max_body_bytes);
    Lowest().expires_after(milliseconds(shared_->options.idle_timeout_ms));
    http::async_read_header(stream_, buffer_, *parser_, Bind(&Session::OnHeader));
  }

  void OnHeader(error_code error, size_t) {
    if (error) return Refuse(error);
    const auto length = parser_->content_length();
    if (length && *length > shared_->options.max_body_bytes) {
      return Refuse(http::error::body_limit);
    }
    Lowest().expires_after(milliseconds(shared_->options.read_timeout_ms));
    if (beast::iequals(parser_->get()[http::field::expect], "100-continue")) {
      continue_.emplace(http::status::continue_, 11);
      http::async_write(stream_, *continue_,
                        [self = this->shared_from_this()](error_code failed, size_t) {
                          if (!failed) self->ReadBody();
                        });
      return;
    }
    ReadBody();
  }

  void ReadBody() { http::async_read(stream_, buffer_, *parser_, Bind(&Session::OnRequest)); }

  void OnRequest(error_code error, size_t) {
    if (error) return Refuse(error);
    auto message = parser_->release();
    keep_alive_ = message.keep_alive();
    is_head_ = message.method() == http::verb::head;
    Lowest().expires_never();
    ++shared_->in_flight;
    const uint64_t number = ++request_number_;
    Arm(number);
    waiting_ = true;
    {
      std::lock_guard lock(shared_->held_mutex);
      shared_->held.insert(this->shared_from_this());
    }
    auto target = std::make_shared<OneReply>(
        [weak = this->weak_from_this(), shared = shared_, number](ServerReply reply) {
          const std::shared_lock open(shared->gate);
          if (shared->closed) return;
          if (const auto self = weak.lock()) {
            asio::post(self->stream_.get_executor(),
                       [self, number, reply = std::move(reply)]() mutable {
                         self->Answer(number, std::move(reply));
                       });
          }
        });
    shared_->handler(ToRequest(message, peer_), Responder(std::move(target)));
  }

  void Arm(uint64_t number) {
    timer_.emplace(stream_.get_executor(), milliseconds(shared_->options.reply_timeout_ms));
    timer_->async_wait([weak = this->weak_from_this(), number](error_code error) {
      const auto self = weak.lock();
      if (!error && self) {
        self->Answer(number, {503, "the request took too long\n", "text/plain", {}});
      }
    });
  }

  void Answer(uint64_t number, ServerReply reply) {
    if (number != request_number_ || !waiting_) return;  // too late
    const auto self = this->shared_from_this();
    waiting_ = false;
    {
      std::lock_guard lock(shared_->held_mutex);
      shared_->held.erase(self);
    }
    timer_.reset();
    --shared_->in_flight;
    Write(std::move(reply));
  }

  void Refuse(error_code error) {
    ServerReply reply;
    if (error == http::error::body_limit) {
      reply = {
          413,
          "the body is larger than " + std::to_string(shared_->options.max_body_bytes) + " bytes\n",
          "text/plain",
          {}};
    } else if (error == http::error::header_limit) {
      reply = {431, "the headers are too large\n", "text/plain", {}};
    } else if (error == beast::error::timeout || error == http::error::end_of_stream ||
               error.category() != make_error_code(http::error::bad_method).category()) {
      return Close();  // gone, or silent
    } else {
      reply = {400, "the request cannot be read: " + error.message() + "\n", "text/plain", {}};
    }
    keep_alive_ = false;
    Write(std::move(reply));
  }

  void Write(ServerReply reply) {
    response_.emplace(static_cast<http::status>(reply.status), 11);
    response_->set(http::field::content_type, reply.content_type);
    for (const auto& [name, value] : reply.headers) response_->set(name, value);
    const bool keep = keep_alive_ && !shared_->stopping;
    response_->keep_alive(keep);
    response_->content_length(reply.body.size());
    if (!is_head_) response_->body() = std::move(reply.body);
    serializer_.emplace(*response_);
    Lowest().expires_after(milliseconds(shared_->options.read_timeout_ms));
    http::async_write(stream_, *serializer_,
                      [self = this->shared_from_this(), keep](error_code error, size_t) {
                        if (error || !keep) return self->Close();
                        self->response_.reset();
                        self->Read();
                      });
  }

  void Close() {
    error_code ignored;
    Lowest().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    Lowest().close();
  }

  Stream stream_;
  std::shared_ptr<Shared> shared_;
  std::string peer_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::empty_body>> continue_;
  std::optional<http::response<http::string_body>> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  std::optional<asio::steady_timer> timer_;
  uint64_t request_number_ = 0;
  bool waiting_ = false;
  bool keep_alive_ = false;
  bool is_head_ = false;
};

class BeastServer final : public HttpServer {
 public:
  BeastServer(const HttpServerOptions& options, Handler handler)
      : io_(std::max(options.threads, 1)), acceptor_(asio::make_strand(io_)) {
    shared_ = std::make_shared<Shared>();
    shared_->options = options;
    shared_->handler = std::move(handler);
  }
  ~BeastServer() override { Stop(0); }

  Status Listen() {
    const HttpServerOptions& options = shared_->options;
    if (!options.certificate_file.empty() || !options.key_file.empty()) {
      TARN_RETURN_IF_ERROR(LoadCertificate());
    }
    error_code error;
    const auto address = asio::ip::make_address(options.address, error);
    if (error) return Status::InvalidArgument("'" + options.address + "' is no IP address");
    const asio::ip::tcp::endpoint endpoint(address, options.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return Status::Io("cannot listen on " + options.address + ":" + std::to_string(options.port) +
                        ": " + error.message());
    }
    port_ = acceptor_.local_endpoint().port();
    Accept();
    for (int i = 0; i < std::max(options.threads, 1); ++i) {
      threads_.emplace_back([this] { io_.run(); });
    }
    return Status::Ok();
  }

  uint16_t port() const override { return port_; }

  void Stop(int64_t grace_ms) override {
    if (threads_.empty()) return;
    shared_->stopping = true;
    asio::post(acceptor_.get_executor(), [this] {
      error_code ignored;
      acceptor_.close(ignored);
    });
    const auto until = std::chrono::steady_clock::now() + milliseconds(grace_ms);
    while (shared_->in_flight > 0 && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(milliseconds(5));
    }
    io_.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    {
      const std::unique_lock closing(shared_->gate);
      shared_->closed = true;
    }
    std::lock_guard lock(shared_->held_mutex);
    shared_->held.clear();
  }

 private:
  Status LoadCertificate() {
    tls_.emplace(asio::ssl::context::tls_server);
    error_code error;
    tls_->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                          asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                          asio::ssl::context::no_tlsv1_1,
                      error);
    if (!error) {
      tls_->use_certificate_chain_file(shared_->options.certificate_file, error);
    }
    if (error) {
      return Status::InvalidArgument("certificate " + shared_->options.certificate_file +
                                     " cannot be used: " + error.message());
    }
    tls_->use_private_key_file(shared_->options.key_file, asio::ssl::context::pem, error);
    if (error) {
      return Status::InvalidArgument("key " + shared_->options.key_file +
                                     " cannot be used: " + error.message());
    }
    return Status::Ok();
  }

  void Accept() {
    acceptor_.async_accept(asio::make_strand(io_),
                           [this](error_code error, asio::ip::tcp::socket socket) {
                             if (shared_->stopping) return;
                             if (!error) Take(std::move(socket));
                             if (acceptor_.is_open()) Accept();
                           });
  }

  void Take(asio::ip::tcp::socket socket) {
    error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    if (shared_->connections >= shared_->options.max_connections) {
      static constexpr std::string_view kBusy =
          "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      socket.non_blocking(true, ignored);
      (void)socket.write_some(asio::buffer(kBusy), ignored);
      return;
    }
    if (tls_) {
      using Tls = beast::ssl_stream<beast::tcp_stream>;
      std::make_shared<Session<Tls>>(Tls(beast::tcp_stream(std::move(socket)), *tls_), shared_)
          ->Run();
    } else {
      std::make_shared<Session<beast::tcp_stream>>(beast::tcp_stream(std::move(socket)), shared_)
          ->Run();
    }
  }

  std::optional<asio::ssl::context> tls_;
  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_;
  std::shared_ptr<Shared> shared_;
  std::vector<std::thread> threads_;
  uint16_t port_ = 0;
};

}  // namespace

const std::string& ServerRequest::Header(const std::string& name) const {
  static const std::string kNone;
  const auto found = headers.find(name);
  return found == headers.end() ? kNone : found->second;
}

Responder::Responder(std::shared_ptr<Target> target) : target_(std::move(target)) {}
void Responder::operator()(ServerReply reply) const { target_->Deliver(std::move(reply)); }

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                      Handler handler) {
  auto server = std::make_unique<BeastServer>(options, std::move(handler));
  TARN_RETURN_IF_ERROR(server->Listen());
  return std::unique_ptr<HttpServer>(std::move(server));
}

std::string PercentDecode(std::string_view text, bool plus_is_space) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
        digit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i] == '+' && plus_is_space ? ' ' : text[i]);
    }
  }
  return out;
}

}  // namespace tarn::net
