#include "app/project.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "app/model_streams.h"
#include "govern/contract_yaml.h"

namespace tarn::app {
namespace {

namespace fs = std::filesystem;

Status ReadLakeFile(const fs::path& path, ProjectOptions* options) {
  try {
    const YAML::Node node = YAML::LoadFile(path.string());
    if (node.IsNull()) return Status::Ok();
    return LakeFileOptions(options).Read(node, path.string());
  } catch (const YAML::BadFile&) {
    return Status::NotFound(path.string() + " is not there; it says where the lake is");
  } catch (const YAML::Exception& error) {
    return Status::InvalidArgument(path.string() + ":" + std::to_string(error.mark.line + 1) +
                                   ": " + error.msg);
  }
}

Status AddModels(const fs::path& root, Project* project) {
  ProjectOptions& options = project->options;
  std::error_code error;
  if (options.dbt.empty() && !fs::exists(root / "dbt_project.yml", error)) return Status::Ok();
  const std::string folder = (root / options.dbt).lexically_normal().string();
  TARN_ASSIGN_OR_RETURN(auto models, ReadModelStreams({folder, options.dbt_target, options.lake}));
  for (auto& model : models) project->streams.push_back(std::move(model));
  return Status::Ok();
}

}  // namespace

OptionSet LakeFileOptions(ProjectOptions* options) {
  OptionSet out("Where the lake is and how its processes run.");
  out.Text("lake", &options->lake, "folder of the lake, relative to this file");
  out.Text("http", &options->http, "address of /metrics, /healthz and /v1, e.g. 127.0.0.1:8080");
  out.Text("http_certificate", &options->http_certificate, "PEM file; with http_key: TLS");
  out.Text("http_key", &options->http_key, "PEM file");
  out.Size("memory", &options->memory_bytes, "limit of the engine's memory (default: 80 %)");
  out.Count("threads", &options->threads, "of the engine (default: all cores)");
  out.Duration("lease", &options->lease_ttl_micros, "how long a silent process keeps its streams");
  out.Text("log", &options->log, "json or text");
  out.Text("dbt", &options->dbt,
           "folder of the dbt project whose streaming models run (default: this one, when it is)");
  out.Text("dbt_target", &options->dbt_target, "of its profile (default: the profile's)");
  return out;
}

Result<Project> ReadProject(const std::string& folder) {
  Project project;
  const fs::path root(folder);
  TARN_RETURN_IF_ERROR(ReadLakeFile(root / "lake.yml", &project.options));
  if (project.options.log != "json" && project.options.log != "text") {
    return Status::InvalidArgument((root / "lake.yml").string() + ": log: is to be json or text");
  }
  // A URL stays as it is; a folder is found from where the file is.
  if (project.options.lake.find("://") == std::string::npos) {
    project.options.lake = (root / project.options.lake).lexically_normal().string();
  }
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root / "sources", error)) {
    const std::string ending = entry.path().extension().string();
    if (ending == ".yml" || ending == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::map<std::string, std::string> names;
  for (const fs::path& file : files) {
    TARN_ASSIGN_OR_RETURN(auto stream, ReadStreamFile(file.string()));
    const auto [known, added] = names.emplace(stream->name, file.string());
    if (!added) {
      return Status::InvalidArgument(file.string() + ": stream '" + stream->name + "' is in " +
                                     known->second + " too; streams have different names");
    }
    project.streams.push_back(std::move(stream));
  }
  TARN_RETURN_IF_ERROR(AddModels(root, &project));
  if (project.streams.empty()) {
    return Status::NotFound("no streams are in " + (root / "sources").string() +
                            "; write a sources/NAME.yml");
  }
  if (fs::is_directory(root / "contracts", error)) {
    TARN_ASSIGN_OR_RETURN(project.contracts, govern::LoadContracts((root / "contracts").string()));
  }
  return project;
}

}  // namespace tarn::app
