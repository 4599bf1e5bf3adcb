#include "app/up.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "app/lake_store.h"
#include "net/http_server.h"

namespace tarn::app {
namespace {

constexpr int64_t kNapMicros = 50'000;

std::string InstanceName() {
  char host[256] = "localhost";
  (void)gethostname(host, sizeof(host) - 1);
  std::string name = host;
  for (char& c : name) {
    if (c == '/' || c == ' ') c = '_';
  }
  return name + "-" + std::to_string(getpid());
}

Result<net::HttpServerOptions> HttpOptions(const ProjectOptions& project) {
  net::HttpServerOptions options;
  const size_t colon = project.http.rfind(':');
  char* end = nullptr;
  const long port =
      colon == std::string::npos ? -1 : std::strtol(project.http.c_str() + colon + 1, &end, 10);
  if (port < 0 || port > 65535 || *end != '\0' || colon + 1 == project.http.size()) {
    return Status::InvalidArgument("http: '" + project.http +
                                   "' is no address; write 127.0.0.1:8080");
  }
  options.address = project.http.substr(0, colon);
  options.port = static_cast<uint16_t>(port);
  options.certificate_file = project.http_certificate;
  options.key_file = project.http_key;
  return options;
}

net::ServerReply Healthz(const operate::ProcessStatus& status, int64_t now) {
  nlohmann::ordered_json problems = nlohmann::ordered_json::object();
  for (const auto& stream : status.streams) {
    const std::string problem = operate::HealthProblem(stream, now);
    if (!problem.empty()) problems[stream.name] = problem;
  }
  const nlohmann::ordered_json body = {{"healthy", problems.empty()}, {"problems", problems}};
  return {problems.empty() ? 200 : 503,
          body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n",
          "application/json",
          {}};
}

void AddPages(HttpRoutes& routes, const operate::Supervisor& supervisor, Clock& clock) {
  routes.Add("/metrics", [&](net::ServerRequest, net::Responder respond) {
    respond({200,
             operate::ToPrometheus(supervisor.Snapshot(), clock.NowMicros()),
             "text/plain; version=0.0.4; charset=utf-8",
             {}});
  });
  routes.Add("/healthz", [&](net::ServerRequest, net::Responder respond) {
    respond(Healthz(supervisor.Snapshot(), clock.NowMicros()));
  });
  routes.Add("/v1/status", [&](net::ServerRequest, net::Responder respond) {
    respond({200, operate::ToJson(supervisor.Snapshot()) + "\n", "application/json", {}});
  });
}

Result<std::unique_ptr<engine::Engine>> OpenEngine(const ProjectOptions& project, bool fsync) {
  engine::EngineOptions options;
  options.lake = project.lake;
  options.create_lake = true;
  options.memory_limit_bytes = project.memory_bytes;
  options.threads = static_cast<int>(project.threads);
  options.fsync = fsync;
  return engine::Engine::Open(options);
}

}  // namespace

Status RunUp(Project& project, const UpOptions& options, std::ostream& out, std::stop_token stop) {
  Clock& clock = Clock::System();
  Log log(out, project.options.log == "text" ? LogFormat::kText : LogFormat::kJson, clock);
  TARN_ASSIGN_OR_RETURN(const auto engine, OpenEngine(project.options, options.fsync));
  TARN_ASSIGN_OR_RETURN(auto store,
                        OpenLakeStore(project.options.lake, /*create=*/true, options.fsync));
  const std::string instance = options.instance.empty() ? InstanceName() : options.instance;
  HttpRoutes routes;
  StreamContext context{*engine,
                        store,
                        log,
                        routes,
                        instance,
                        options.pipeline_version,
                        clock,
                        project.contracts,
                        options.session_setup};
  std::vector<operate::StreamJob> jobs;
  for (const auto& stream : project.streams) {
    auto job = stream->MakeJob(context);
    if (!job.ok()) return job.status().WithContext("stream " + stream->name);
    jobs.push_back(std::move(*job));
  }
  operate::SupervisorOptions supervising;
  supervising.instance = instance;
  supervising.lease_ttl_micros = project.options.lease_ttl_micros;
  operate::Supervisor supervisor(store, supervising, log, clock);
  std::unique_ptr<net::HttpServer> server;
  if (!project.options.http.empty()) {
    AddPages(routes, supervisor, clock);
    TARN_ASSIGN_OR_RETURN(const auto http, HttpOptions(project.options));
    TARN_ASSIGN_OR_RETURN(server, net::HttpServer::Start(http, [&routes](net::ServerRequest request,
                                                                         net::Responder respond) {
                            routes.Handle(std::move(request), std::move(respond));
                          }));
  }
  log.Info("up", {{"instance", instance},
                  {"lake", project.options.lake},
                  {"streams", std::to_string(jobs.size())},
                  {"http_port", server ? std::to_string(server->port()) : "none"}});
  supervisor.Start(std::move(jobs));
  while (!stop.stop_requested()) clock.SleepMicros(kNapMicros);
  log.Info("stopping");
  supervisor.Stop();
  if (server) server->Stop();
  log.Info("stopped");
  return Status::Ok();
}

}  // namespace tarn::app
