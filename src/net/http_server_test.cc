// The server against Tarn's own client (libcurl) and against raw bytes.
#include "net/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "net/http_client.h"

namespace tarn::net {
namespace {

std::unique_ptr<HttpServer> StartOrDie(HttpServer::Handler handler,
                                       HttpServerOptions options = {}) {
  auto server = HttpServer::Start(options, std::move(handler));
  EXPECT_TRUE(server.ok()) << server.status().ToString();
  return std::move(*server);
}

HttpResponse Send(HttpServer& server, const std::string& method, const std::string& target,
                  std::string_view body = "",
                  std::vector<std::pair<std::string, std::string>> headers = {}) {
  HttpRequest request;
  request.method = method;
  request.url = "http://127.0.0.1:" + std::to_string(server.port()) + target;
  request.body = body;
  request.headers = std::move(headers);
  auto response = MakeHttpClient()->Send(request);
  EXPECT_TRUE(response.ok()) << response.status().ToString();
  return response.ok() ? *response : HttpResponse();
}

// Sends bytes as they are and reads until the server closes.
std::string Raw(HttpServer& server, const std::string& bytes) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
  std::string out;
  char buffer[4096];
  for (ssize_t n; (n = ::recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
    out.append(buffer, static_cast<size_t>(n));
  }
  ::close(fd);
  return out;
}

TEST(HttpServer, GivesTheRequestAndTheReply) {
  auto server = StartOrDie([](ServerRequest request, Responder respond) {
    ServerReply reply;
    reply.status = 201;
    reply.headers.emplace_back("X-Seen", request.Header("x-one") + "," + request.query["a b"]);
    reply.body = request.method + " " + request.path + " " + request.body;
    respond(std::move(reply));
  });
  const auto response =
      Send(*server, "POST", "/v1/%C3%BC?a+b=%31", std::string("x\0y", 3), {{"X-One", "1"}});
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, std::string("POST /v1/ü x\0y", 15));
  EXPECT_EQ(response.Header("x-seen"), "1,1");
}

TEST(HttpServer, AnswersLaterFromAnotherThreadAndManyAtOnce) {
  std::mutex mutex;
  std::vector<Responder> waiting;
  auto server = StartOrDie([&](ServerRequest, Responder respond) {
    std::lock_guard lock(mutex);
    waiting.push_back(std::move(respond));
  });
  std::vector<std::future<int>> replies;
  for (int i = 0; i < 20; ++i) {
    replies.push_back(
        std::async(std::launch::async, [&] { return Send(*server, "POST", "/", "body").status; }));
  }
  for (size_t seen = 0; seen < 20;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::lock_guard lock(mutex);
    seen = waiting.size();
  }
  for (Responder& respond : waiting) respond({202, "", "text/plain", {}});
  for (auto& reply : replies) EXPECT_EQ(reply.get(), 202);
}

TEST(HttpServer, KeepsLimits) {
  HttpServerOptions options;
  options.max_body_bytes = 1000;
  options.reply_timeout_ms = 100;
  std::vector<Responder> never;
  auto server = StartOrDie(
      [&](ServerRequest request, Responder respond) {
        if (request.path == "/never") return never.push_back(std::move(respond));
        if (request.path == "/dropped") return;
        respond({200, "ok", "text/plain", {}});
      },
      options);
  EXPECT_EQ(Send(*server, "POST", "/", std::string(1000, 'x')).status, 200);
  EXPECT_EQ(Send(*server, "POST", "/", std::string(1001, 'x')).status, 413);
  EXPECT_EQ(Send(*server, "GET", "/never").status, 503);
  EXPECT_EQ(Send(*server, "GET", "/dropped").status, 500);
  EXPECT_THAT(Raw(*server, "nonsense\r\n\r\n"), ::testing::HasSubstr("400 Bad Request"));
  EXPECT_THAT(Raw(*server, "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n"),
              ::testing::HasSubstr(" 431 "));
  // Chunks add up to more than is allowed.
  std::string chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 3; ++i) chunked += "1f4\r\n" + std::string(500, 'y') + "\r\n";
  EXPECT_THAT(Raw(*server, chunked + "0\r\n\r\n"), ::testing::HasSubstr(" 413 "));
}

TEST(HttpServer, StopsWhileRequestsAreUnderWay) {
  std::promise<Responder> held;
  auto server =
      StartOrDie([&](ServerRequest, Responder respond) { held.set_value(std::move(respond)); });
  auto reply = std::async(std::launch::async, [&] {
    HttpRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(server->port()) + "/";
    return MakeHttpClient()->Send(request).ok();
  });
  Responder late = held.get_future().get();
  server->Stop(50);
  server.reset();
  late({200, "too late", "text/plain", {}});  // harmless
  EXPECT_FALSE(reply.get());
}

TEST(HttpServer, SaysWhyItCannotListen) {
  auto first = StartOrDie([](ServerRequest, Responder) {});
  HttpServerOptions options;
  options.port = first->port();
  const auto second = HttpServer::Start(options, [](ServerRequest, Responder) {});
  EXPECT_THAT(second.status().message(), ::testing::HasSubstr(std::to_string(first->port())));
  options.address = "nowhere";
  EXPECT_EQ(HttpServer::Start(options, [](ServerRequest, Responder) {}).status().code(),
            StatusCode::kInvalidArgument);
  options = {};
  options.certificate_file = "/absent.pem";
  options.key_file = "/absent.key";
  EXPECT_THAT(HttpServer::Start(options, [](ServerRequest, Responder) {}).status().message(),
              ::testing::HasSubstr("/absent.pem"));
}

}  // namespace
}  // namespace tarn::net
