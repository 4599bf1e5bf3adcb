// Streaming models of the dbt project beside lake.yml as streams of `tarn up`.
//
// What it is: each model with materialized='streaming' becomes a stream of kind `model` that looks
// for new upstream rows every half second (config `poll`) and is kept by one process at a time.
//
// What it does not do: other materializations, tests and hooks are run by `tarn dbt`.
//
// Errors: what the dbt project's files say wrong, with file and line.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/stream_config.h"

namespace tarn::app {

struct DbtFolder {
  std::string folder;
  std::string target;  // of profiles.yml; empty: its default
  std::string lake;
};

// One for each model; none when the project has no streaming model.
Result<std::vector<std::unique_ptr<StreamConfig>>> ReadModelStreams(const DbtFolder& dbt);

}  // namespace tarn::app
