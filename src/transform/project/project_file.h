// Project: one dbt_project.yml and the folder it stands in.
//
// What it is: the root project or a package, with paths, variables and the config blocks by kind of
// node. Texts with Jinja in them are rendered while the file is read.
//
// What it does not do: it does not look into the folders it names (parser.h does).
//
// Threads: immutable after Load. Errors: kNotFound without the file, kInvalidArgument with file and
// line for what is wrong in it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "transform/project/json.h"
#include "transform/project/node.h"

namespace tarn::transform {

// Renders one text of a YAML file to a value; only called for texts with Jinja in them.
using TextRenderer = std::function<Result<Json>(const std::string& text, const std::string& place)>;

// Every text of `tree` with a Jinja tag in it, rendered; `skip` tells which paths stay as they are.
Status RenderTree(Json& tree, const TextRenderer& render, const std::string& file,
                  const std::function<bool(const std::vector<std::string>& path)>& skip,
                  std::vector<std::string> path = {});
bool HasJinja(std::string_view text);

struct Project {
  std::string name;
  std::string version;
  std::string profile;
  std::string root;  // absolute folder
  std::vector<std::string> model_paths, seed_paths, test_paths, analysis_paths, macro_paths,
      snapshot_paths, docs_paths, asset_paths;
  std::string target_path = "target";
  std::string log_path = "logs";
  std::string packages_path = "dbt_packages";
  std::vector<std::string> clean_targets;
  std::vector<std::string> on_run_start, on_run_end;
  Json vars = Json::object();
  Json dispatch = Json::array();
  Json quoting = Json::object();
  Json flags = Json::object();
  Json query_comment;
  Json raw = Json::object();  // the whole file, rendered
  std::string dialect;  // key `tarn: {dialect: …}` or `+dialect`; empty: by the target's type

  // `models:`, `seeds:`, `data_tests:` … for this kind; null when absent.
  const Json& ConfigBlock(ResourceType type) const;
  // Names that packages are searched in for adapter.dispatch of this namespace; empty: not set.
  std::vector<std::string> DispatchOrder(const std::string& name_space) const;
};

Result<Project> LoadProject(const std::string& folder, const TextRenderer& render);

// packages.yml and dependencies.yml: what `deps` would fetch.
struct PackageSpec {
  std::string local;    // a folder, relative to the project
  std::string name;     // hub: "dbt-labs/dbt_utils"; git: the address; tarball: the address
  std::string kind;     // "local", "package", "git", "tarball"
  std::string version;  // as text, for messages
};
Result<std::vector<PackageSpec>> LoadPackageSpecs(const Project& project,
                                                  const TextRenderer& render);

// The folders of all packages there are: local ones where they stand, others below packages_path.
// Errors: kNotFound naming a package that packages.yml asks for and nothing holds, with the remedy.
Result<std::vector<Project>> LoadPackages(const Project& root, const TextRenderer& render);

// A whole file; kNotFound with the path and the reason.
Result<std::string> ReadFile(const std::string& path);

}  // namespace tarn::transform
