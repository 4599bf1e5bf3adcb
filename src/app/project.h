// Project: the folder with lake.yml, sources/*.yml, contracts/*.yml and the dbt project with its
// streaming models, read and checked as a whole.
//
// Threads: plain values. Errors: kNotFound for an absent folder or lake.yml; kInvalidArgument with
// file, line and remedy for what cannot be meant. Everything is read before anything starts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/stream_config.h"

namespace tarn::app {

struct ProjectOptions {
  std::string lake = "lake";  // relative to the project folder
  std::string http;           // "127.0.0.1:8080"; empty: no HTTP server
  std::string http_certificate, http_key;
  uint64_t memory_bytes = 0;
  uint64_t threads = 0;
  int64_t lease_ttl_micros = 10'000'000;
  std::string log = "json";
  std::string dbt;  // folder of the dbt project; empty: none
  std::string dbt_target;
};

// Of lake.yml, bound to `options`.
OptionSet LakeFileOptions(ProjectOptions* options);

struct Project {
  ProjectOptions options;
  std::vector<std::unique_ptr<StreamConfig>> streams;
  std::vector<govern::Contract> contracts;  // contracts/*.yml
};
Result<Project> ReadProject(const std::string& folder);

}  // namespace tarn::app
