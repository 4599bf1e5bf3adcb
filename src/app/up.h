// Up: the composition root of `tarn up`: a project becomes an engine, streams under a supervisor
// and an HTTP server.
//
// Threads: called on one; blocks until the stop is requested. Errors: what keeps it from starting;
// once it runs, streams fail and recover on their own.
#pragma once

#include <functional>
#include <ostream>
#include <stop_token>
#include <string>

#include "app/project.h"
#include "base/status.h"

namespace tarn::app {

struct UpOptions {
  std::string instance;  // empty: <host>-<pid>
  std::string pipeline_version;
  bool fsync = true;
  // Runs in every session that models get: where the command line gives them more functions.
  std::function<Status(engine::Session&)> session_setup;
};

// `log` receives the log lines.
Status RunUp(Project& project, const UpOptions& options, std::ostream& log, std::stop_token stop);

}  // namespace tarn::app
