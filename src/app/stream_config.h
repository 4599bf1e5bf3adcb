// StreamConfig: one file of sources/: a kind, its options, and the job they make.
//
// The table of kinds is in stream_config.cc; a new kind is a class and a line there.
//
// Threads: one user at a time. Lifetime: a job outlives neither its config nor the context.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/http_routes.h"
#include "app/option_set.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"
#include "govern/contract.h"
#include "operate/supervisor.h"

namespace tarn::app {

// What streams are given to work with.
struct StreamContext {
  engine::Engine& engine;
  std::shared_ptr<store::ObjectStore> store;  // the lake
  Log& log;
  HttpRoutes& routes;  // for streams that are pushed to
  std::string instance;
  std::string pipeline_version;
  Clock& clock;
  std::vector<govern::Contract> contracts;  // of the project's contracts/
  // Runs in every session that models get; empty: nothing.
  std::function<Status(engine::Session&)> session_setup;
};

class StreamConfig {
 public:
  virtual ~StreamConfig() = default;
  virtual OptionSet Options() = 0;
  // Checks the options together; called once after they were read.
  virtual Status Check() = 0;
  // kInvalidArgument when the options cannot work with this lake.
  virtual Result<operate::StreamJob> MakeJob(StreamContext& context) = 0;

  std::string name;  // of the file without its ending, unless `stream:` says otherwise
  std::string kind;
};

std::vector<std::string> StreamKinds();
// Null for a kind that is not there.
std::unique_ptr<StreamConfig> MakeStreamConfig(const std::string& kind);

// Reads one file. `path` is for messages too. Errors: kInvalidArgument with file and line.
Result<std::unique_ptr<StreamConfig>> ReadStreamFile(const std::string& path);

std::unique_ptr<StreamConfig> MakeKafkaStream();
std::unique_ptr<StreamConfig> MakeFilesStream();
std::unique_ptr<StreamConfig> MakePushStream();

}  // namespace tarn::app
