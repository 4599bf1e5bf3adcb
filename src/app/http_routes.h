// HttpRoutes: which handler answers which path of the process's HTTP server.
//
// Threads: Add before the server starts; Handle from any thread after that.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "net/http_server.h"

namespace tarn::app {

class HttpRoutes {
 public:
  // `path` "/metrics" matches exactly, "/v1/streams/" everything below it; the longest match wins.
  void Add(std::string path, net::HttpServer::Handler handler) {
    routes_.emplace_back(std::move(path), std::move(handler));
  }
  // 404 when nothing matches.
  void Handle(net::ServerRequest request, net::Responder respond) const;

 private:
  std::vector<std::pair<std::string, net::HttpServer::Handler>> routes_;
};

}  // namespace tarn::app
