#include "transform/project/profile.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "transform/project/yaml.h"

namespace tarn::transform {
namespace {

namespace fs = std::filesystem;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string FindProfiles(const Project& project, const TargetOptions& options) {
  std::vector<std::string> folders;
  if (!options.profiles_dir.empty()) {
    folders = {options.profiles_dir};
  } else {
    if (const std::string set = Environment("DBT_PROFILES_DIR"); !set.empty())
      folders.push_back(set);
    folders.push_back(project.root);
    folders.push_back(fs::current_path().string());
    if (const std::string home = Environment("HOME"); !home.empty())
      folders.push_back(home + "/.dbt");
  }
  for (const std::string& folder : folders) {
    std::error_code error;
    if (fs::exists(folder + "/profiles.yml", error)) return folder + "/profiles.yml";
  }
  return "";
}

std::string Names(const Json& object) {
  std::string names;
  for (const auto& [key, value] : object.items()) {
    if (key != "config") names += (names.empty() ? "" : ", ") + key;
  }
  return names.empty() ? "none" : names;
}

Json WithoutSecrets(const Json& output) {
  Json safe = Json::object();
  for (const auto& [key, value] : output.items()) {
    const bool secret = key.find("password") != std::string::npos ||
                        key.find("token") != std::string::npos ||
                        key.find("secret") != std::string::npos || key == "pass";
    if (!secret) safe[key] = value;
  }
  return safe;
}

Result<std::string> LakeOf(const Project& project, const TargetOptions& options,
                           const Json& output) {
  if (!options.lake.empty()) return options.lake;
  if (const std::string lake = TextMember(output, "lake"); !lake.empty()) {
    return (fs::path(project.root) / lake).lexically_normal().string();
  }
  const std::string file = project.root + "/lake.yml";
  if (fs::exists(file)) {
    TARN_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
    TARN_ASSIGN_OR_RETURN(const Json tree, ParseYaml(text, file));
    const std::string lake = TextMember(tree, "lake");
    if (lake.empty()) return Status::InvalidArgument(file + ":1: 'lake' (a folder) is missing");
    return (fs::path(project.root) / lake).lexically_normal().string();
  }
  const std::string path = TextMember(output, "path");
  if (!path.empty() && path != ":memory:") {
    fs::path database = fs::path(path);
    if (database.is_relative()) database = fs::path(project.root) / database;
    return database.replace_extension(".lake").lexically_normal().string();
  }
  return project.root + "/lake";
}

std::string DialectOf(const Project& project, const std::string& type, const Json& output) {
  if (const std::string set = TextMember(output, "dialect"); !set.empty()) return set;
  if (!project.dialect.empty()) return project.dialect;
  return type == "databricks" || type == "spark" || type == "tarn" ? "spark" : "duckdb";
}

Result<Json> ReadOutput(const std::string& file, const std::string& profile,
                        const TargetOptions& options, const TextRenderer& render, Target* target) {
  TARN_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  TARN_ASSIGN_OR_RETURN(const Json tree, ParseYaml(text, file));
  Json entry = Member(tree, profile);
  if (!entry.is_object()) {
    return Status::InvalidArgument("Could not find profile named '" + profile + "' in " + file +
                                   "; there are: " + Names(tree));
  }
  target->name = options.target;
  if (target->name.empty()) {
    Json chosen = Member(entry, "target");
    if (chosen.is_string() && HasJinja(chosen.get<std::string>())) {
      TARN_ASSIGN_OR_RETURN(chosen, render(chosen.get<std::string>(), file));
    }
    target->name = chosen.is_null() ? "default" : PythonText(chosen);
  }
  const Json& outputs = Member(entry, "outputs");
  if (!Member(outputs, target->name).is_object()) {
    return Status::InvalidArgument(
        file + ":" + std::to_string(YamlLine(text, {profile, "outputs"})) + ": profile '" +
        profile + "' has no target named '" + target->name + "'; there are: " + Names(outputs));
  }
  Json output = Member(outputs, target->name);
  TARN_RETURN_IF_ERROR(RenderTree(output, render, file, [](const auto&) { return false; }));
  return output;
}

}  // namespace

Result<std::string> PeekProfileName(const std::string& folder) {
  const std::string file = folder + "/dbt_project.yml";
  auto text = ReadFile(file);
  if (!text.ok()) return std::string();
  TARN_ASSIGN_OR_RETURN(const Json tree, ParseYaml(*text, file));
  return TextMember(tree, "profile");
}

Result<Target> LoadTarget(const Project& project, const TargetOptions& options,
                          const TextRenderer& render) {
  Target target;
  target.profile_name = options.profile.empty() ? project.profile : options.profile;
  const std::string file = FindProfiles(project, options);
  Json output = Json::object();
  if (!file.empty() && !target.profile_name.empty()) {
    TARN_ASSIGN_OR_RETURN(output, ReadOutput(file, target.profile_name, options, render, &target));
  } else if (!options.profiles_dir.empty()) {
    return Status::NotFound("there is no profiles.yml in " + options.profiles_dir);
  } else if (options.lake.empty() && !fs::exists(project.root + "/lake.yml")) {
    return Status::NotFound("there is no profiles.yml for project '" + project.name +
                            "'; write one, or a lake.yml, or pass --lake FOLDER");
  } else {
    output["type"] = "tarn";
    if (!options.target.empty()) target.name = options.target;
  }
  target.type = TextMember(output, "type", "tarn");
  const std::vector<std::string> known = {"tarn", "duckdb", "databricks", "spark"};
  if (std::find(known.begin(), known.end(), target.type) == known.end()) {
    return Status::InvalidArgument(
        file + ": target '" + target.name + "' has type '" + target.type +
        "', which Tarn does not run; it runs tarn, duckdb, databricks and spark on the lake");
  }
  target.dialect = DialectOf(project, target.type, output);
  const char* schema = target.type == "duckdb" ? "main"
                       : target.type == "tarn" ? "silver"
                                               : "default";
  target.schema = TextMember(output, "schema", schema);
  const Json& threads = Member(output, "threads");
  target.threads = options.threads > 0           ? options.threads
                   : threads.is_number_integer() ? threads.get<int>()
                                                 : 1;
  TARN_ASSIGN_OR_RETURN(target.lake, LakeOf(project, options, output));
  target.output = WithoutSecrets(output);
  return target;
}

}  // namespace tarn::transform
