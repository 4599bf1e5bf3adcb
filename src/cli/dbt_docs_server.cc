#include "cli/dbt_docs_server.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "net/http_server.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src "
    "'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

bool IsArtifact(const std::string& path) {
  return path == "/manifest.json" || path == "/catalog.json" || path == "/run_results.json";
}

// "127.0.0.1:8080", "localhost:8080", "[::1]:8080": another name could be another site's.
bool NamesThisMachine(const std::string& host) {
  const std::string name = host.substr(0, host.rfind(':'));
  return name == "127.0.0.1" || name == "localhost" || name == "[::1]";
}

net::ServerReply Text(int status, const std::string& text) {
  net::ServerReply reply;
  reply.status = status;
  reply.body = text + "\n";
  return reply;
}

net::ServerReply Answer(const std::string& folder, const net::ServerRequest& request) {
  if (!NamesThisMachine(request.Header("host"))) {
    return Text(403, "this page answers to 127.0.0.1 and localhost only");
  }
  if (request.method != "GET" && request.method != "HEAD") return Text(405, "GET only");
  net::ServerReply reply;
  reply.headers = {{"Cache-Control", "no-store"},
                   {"X-Content-Type-Options", "nosniff"},
                   {"Content-Security-Policy", kPolicy}};
  if (request.path == "/" || request.path == "/index.html") {
    reply.content_type = "text/html; charset=utf-8";
    reply.body = kDocsPage;
    return reply;
  }
  if (!IsArtifact(request.path))
    return Text(404,
                "there are /, /manifest.json, /catalog.json and "
                "/run_results.json");
  std::ifstream file(folder + request.path, std::ios::binary);
  if (!file) return Text(404, request.path.substr(1) + " is not in " + folder);
  std::ostringstream content;
  content << file.rdbuf();
  reply.content_type = "application/json";
  reply.body = std::move(content).str();
  return reply;
}

class Server final : public DocsServer {
 public:
  explicit Server(std::unique_ptr<net::HttpServer> server) : server_(std::move(server)) {}
  ~Server() override { server_->Stop(); }
  uint16_t port() const override { return server_->port(); }

 private:
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace

Result<std::unique_ptr<DocsServer>> DocsServer::Start(const std::string& target_folder,
                                                      uint16_t port) {
  for (const char* name : {"manifest.json", "catalog.json"}) {
    if (fs::exists(fs::path(target_folder) / name)) continue;
    return Status::NotFound("there is no " + std::string(name) + " in " + target_folder +
                            "; run `tarn dbt docs generate` first");
  }
  net::HttpServerOptions options;
  options.port = port;
  TARN_ASSIGN_OR_RETURN(auto server,
                        net::HttpServer::Start(options, [target_folder](net::ServerRequest request,
                                                                        net::Responder respond) {
                          respond(Answer(target_folder, request));
                        }));
  return std::unique_ptr<DocsServer>(std::make_unique<Server>(std::move(server)));
}

}  // namespace tarn::cli
