// `tarn up` and `tarn status`.
#include <unistd.h>

#include <chrono>
#include <iomanip>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "app/lake_store.h"
#include "app/up.h"
#include "cli/command.h"
#include "cli/lake_options.h"
#include "cli/pii_key.h"
#include "cli/stop_signal.h"
#include "cli/version.h"
#include "operate/supervisor.h"
#include "store/object_store.h"

namespace tarn::cli {
namespace {

struct UpArguments {
  std::string project = ".";
  std::string lake, http, instance, pii_key;
  bool no_fsync = false;
  bool check = false;
  bool options_help = false, json_schema = false;
};

int PrintOptions(const UpArguments& arguments, Streams& streams) {
  app::ProjectOptions lake;
  if (arguments.json_schema) {
    nlohmann::ordered_json out;
    out["lake.yml"] = nlohmann::ordered_json::parse(app::LakeFileOptions(&lake).JsonSchema());
    for (const std::string& kind : app::StreamKinds()) {
      out["sources/" + kind] =
          nlohmann::ordered_json::parse(app::MakeStreamConfig(kind)->Options().JsonSchema());
    }
    streams.out << out.dump(2) << "\n";
    return kExitOk;
  }
  streams.out << "lake.yml: " << app::LakeFileOptions(&lake).Help();
  for (const std::string& kind : app::StreamKinds()) {
    streams.out << "\nsources/*.yml, kind: " << kind << ": "
                << app::MakeStreamConfig(kind)->Options().Help();
  }
  return kExitOk;
}

int RunUpCommand(UpArguments& arguments, Streams& streams) {
  if (arguments.options_help || arguments.json_schema) return PrintOptions(arguments, streams);
  auto project = app::ReadProject(arguments.project);
  if (!project.ok()) return ReportUsage(streams, project.status());
  if (!arguments.lake.empty()) project->options.lake = arguments.lake;
  if (!arguments.http.empty()) project->options.http = arguments.http;
  if (arguments.check) {
    streams.out << project->streams.size() << " streams, lake " << project->options.lake << "\n";
    return kExitOk;
  }
  app::UpOptions options;
  options.instance = arguments.instance;
  options.pipeline_version = std::string("tarn-") + kTarnVersion;
  options.fsync = !arguments.no_fsync;
  if (!arguments.pii_key.empty()) {
    options.session_setup = [key = arguments.pii_key](engine::Session& session) {
      return DefinePiiToken(session, key);
    };
  }
  SignalStop stop;
  const Status status = app::RunUp(*project, options, streams.err, stop.token());
  return status.ok() ? kExitOk : ReportError(streams, status);
}

struct StatusArguments {
  std::string project, lake, format = "table";
  bool watch = false;
};

std::string Ago(int64_t micros, int64_t now) {
  if (micros == 0) return "-";
  const int64_t seconds = (now - micros) / 1'000'000;
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7'200) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds / 3'600) + " h";
}

std::string Fixed(double value) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(value < 10 ? 1 : 0) << value;
  return out.str();
}

struct StreamRow {
  std::string instance;
  operate::StreamStatus status;
};

// The streams of all processes; those that run elsewhere are left out where they run.
std::vector<StreamRow> RowsOf(const std::vector<operate::ProcessStatus>& processes) {
  std::map<std::string, bool> running;
  for (const auto& process : processes) {
    for (const auto& stream : process.streams) {
      if (stream.state == operate::StreamState::kRunning) running[stream.name] = true;
    }
  }
  std::vector<StreamRow> rows;
  for (const auto& process : processes) {
    for (const auto& stream : process.streams) {
      const bool elsewhere = stream.state == operate::StreamState::kElsewhere;
      if (elsewhere && running[stream.name]) continue;
      rows.push_back({process.instance, stream});
    }
  }
  std::sort(rows.begin(), rows.end(), [](const StreamRow& a, const StreamRow& b) {
    return std::pair(a.status.name, a.instance) < std::pair(b.status.name, b.instance);
  });
  return rows;
}

std::string TableOf(const std::vector<StreamRow>& rows, int64_t now) {
  std::vector<std::vector<std::string>> cells = {{"stream", "state", "into", "rows", "rows/s",
                                                  "behind", "lag", "last commit", "dead", "process",
                                                  "error"}};
  for (const auto& [instance, status] : rows) {
    const std::string problem = operate::HealthProblem(status, now);
    cells.push_back({status.name, operate::StreamStateName(status.state), status.target,
                     std::to_string(status.rows), Fixed(status.rows_per_second),
                     status.lag_records < 0 ? "-" : std::to_string(status.lag_records),
                     status.batch_lag_micros < 0
                         ? "-"
                         : Fixed(static_cast<double>(status.batch_lag_micros) / 1e6) + " s",
                     Ago(status.last_commit_micros, now), std::to_string(status.dead_letters),
                     instance, status.error.empty() ? problem : status.error});
  }
  std::vector<size_t> widths(cells[0].size());
  for (const auto& row : cells) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : cells) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

Status PrintStatus(store::ObjectStore& store, const StatusArguments& arguments, Streams& streams) {
  const int64_t now = Clock::System().NowMicros();
  TARN_ASSIGN_OR_RETURN(const auto processes, operate::ReadStatuses(store, now));
  if (arguments.format == "json") {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const auto& process : processes) {
      out.push_back(nlohmann::ordered_json::parse(operate::ToJson(process)));
    }
    streams.out << out.dump() << "\n";
    return Status::Ok();
  }
  if (arguments.watch && streams.out_is_terminal) streams.out << "\x1b[H\x1b[2J";
  if (processes.empty()) {
    streams.out << "no process runs streams on this lake; start one with tarn up\n";
  } else {
    streams.out << TableOf(RowsOf(processes), now);
  }
  streams.out << std::flush;
  return Status::Ok();
}

int RunStatus(StatusArguments& arguments, Streams& streams) {
  LakeOptions lake;
  lake.lake = arguments.lake;
  std::string folder = LakeFolder(lake);
  if (!arguments.project.empty()) {
    auto project = app::ReadProject(arguments.project);
    if (!project.ok()) return ReportUsage(streams, project.status());
    if (arguments.lake.empty()) folder = project->options.lake;
  }
  auto store = app::OpenLakeStore(folder, /*create=*/false, /*fsync=*/true);
  if (!store.ok()) return ReportError(streams, store.status());
  SignalStop stop;
  do {
    const Status printed = PrintStatus(**store, arguments, streams);
    if (!printed.ok()) return ReportError(streams, printed);
    for (int i = 0; arguments.watch && i < 20 && !stop.token().stop_requested(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  } while (arguments.watch && !stop.token().stop_requested());
  return kExitOk;
}

}  // namespace

void RegisterUp(CLI::App& app, Invocation& invocation) {
  auto* up = app.add_subcommand("up", "run a project's streams until told to stop");
  auto arguments = std::make_shared<UpArguments>();
  up->add_option("project", arguments->project, "folder with lake.yml and sources/*.yml")
      ->capture_default_str()
      ->type_name("DIR");
  up->add_option("--lake", arguments->lake, "instead of the lake that lake.yml names")
      ->type_name("DIR");
  up->add_option("--http", arguments->http, "address of /metrics and /healthz, e.g. 127.0.0.1:8080")
      ->type_name("HOST:PORT");
  up->add_option("--instance", arguments->instance,
                 "name of this process on the lake (default: host-pid)");
  up->add_option("--pii-key", arguments->pii_key,
                 "ID=env:NAME or ID=file:PATH: gives streaming models pii_token(value)");
  up->add_flag("--no-fsync", arguments->no_fsync,
               "do not wait for the disk: commits may vanish in a power cut");
  up->add_flag("--check", arguments->check, "read the project and start nothing");
  up->add_flag("--options", arguments->options_help, "print the options of the project's files");
  up->add_flag("--json-schema", arguments->json_schema, "the same as JSON schemas");
  up->footer(std::string("Several processes on one lake share the work; a dead one's streams go on "
                         "elsewhere within 15 s.\nLog lines go to standard error.\n") +
             kExitCodesHelp);
  up->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments] {
      return RunUpCommand(*arguments, invocation.streams);
    };
  });

  auto* status = app.add_subcommand("status", "the streams that run on a lake");
  auto shown = std::make_shared<StatusArguments>();
  status->add_option("--lake", shown->lake, "folder of the lake (default: $TARN_LAKE, else ./lake)")
      ->type_name("DIR");
  status->add_option("--project", shown->project, "the lake of this project")->type_name("DIR");
  status->add_flag("--watch", shown->watch, "stay and show it every second, until Ctrl-C");
  status->add_option("--format", shown->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  status->footer(kExitCodesHelp);
  status->callback([&invocation, shown] {
    invocation.run = [&invocation, shown] { return RunStatus(*shown, invocation.streams); };
  });
}

}  // namespace tarn::cli
