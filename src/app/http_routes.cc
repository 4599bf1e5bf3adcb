#include "app/http_routes.h"

namespace tarn::app {

void HttpRoutes::Handle(net::ServerRequest request, net::Responder respond) const {
  const net::HttpServer::Handler* best = nullptr;
  size_t length = 0;
  for (const auto& [path, handler] : routes_) {
    const bool below = path.ends_with('/') && request.path.starts_with(path);
    if ((below || request.path == path) && path.size() >= length) {
      best = &handler;
      length = path.size();
    }
  }
  if (best != nullptr) return (*best)(std::move(request), std::move(respond));
  respond({404, "nothing is at " + request.path + "\n", "text/plain; charset=utf-8", {}});
}

}  // namespace tarn::app
