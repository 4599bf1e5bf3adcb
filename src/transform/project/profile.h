// Target: which lake, schema and dialect a project runs against.
//
// What it is: the output of profiles.yml that was chosen, or, without a profiles.yml, one made from
// lake.yml or --lake. Types: tarn; duckdb, databricks and spark are taken as they are and mean the
// lake too, so that a project runs unchanged.
//
// What it does not do: it opens nothing. Passwords and tokens in other keys are kept out of
// messages and of `target` in templates.
//
// Threads: plain data. Errors: kNotFound and kInvalidArgument naming file, profile and what exists.
#pragma once

#include <string>

#include "base/status.h"
#include "transform/project/json.h"
#include "transform/project/project_file.h"

namespace tarn::transform {

struct TargetOptions {
  std::string profiles_dir;  // empty: the project's folder, then the environment, then ~/.dbt
  std::string profile;       // empty: what the project names
  std::string target;        // empty: the profile's default
  std::string lake;          // empty: the profile, lake.yml, or beside the profile's database file
  int threads = 0;           // 0: the profile
};

struct Target {
  std::string profile_name;
  std::string name = "dev";     // "target_name"
  std::string type = "duckdb";  // adapter type as macros see it
  std::string database = "lake";
  std::string schema = "main";
  std::string lake;  // folder
  std::string dialect = "duckdb";
  int threads = 1;
  Json output = Json::object();  // the entry of profiles.yml, secrets left out
};

Result<Target> LoadTarget(const Project& project, const TargetOptions& options,
                          const TextRenderer& render);

// `profile:` of the project file, before the project is rendered with the target.
Result<std::string> PeekProfileName(const std::string& folder);

}  // namespace tarn::transform
