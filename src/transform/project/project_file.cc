#include "transform/project/project_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/nearest.h"
#include "transform/project/yaml.h"

namespace tarn::transform {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 48> kKnownKeys = {"name",
                                                         "version",
                                                         "config-version",
                                                         "profile",
                                                         "project-root",
                                                         "model-paths",
                                                         "source-paths",
                                                         "macro-paths",
                                                         "test-paths",
                                                         "seed-paths",
                                                         "data-paths",
                                                         "analysis-paths",
                                                         "snapshot-paths",
                                                         "docs-paths",
                                                         "asset-paths",
                                                         "function-paths",
                                                         "target-path",
                                                         "log-path",
                                                         "packages-install-path",
                                                         "modules-path",
                                                         "clean-targets",
                                                         "require-dbt-version",
                                                         "on-run-start",
                                                         "on-run-end",
                                                         "vars",
                                                         "models",
                                                         "seeds",
                                                         "snapshots",
                                                         "tests",
                                                         "data_tests",
                                                         "unit_tests",
                                                         "sources",
                                                         "exposures",
                                                         "metrics",
                                                         "semantic-models",
                                                         "saved-queries",
                                                         "functions",
                                                         "dispatch",
                                                         "quoting",
                                                         "flags",
                                                         "query-comment",
                                                         "restrict-access",
                                                         "dbt-cloud",
                                                         "packages",
                                                         "analyses",
                                                         "semantic_models",
                                                         "saved_queries",
                                                         "tarn"};

std::vector<std::string> Paths(const Json& raw, std::initializer_list<const char*> keys,
                               std::vector<std::string> fallback) {
  for (const char* key : keys) {
    if (HasMember(raw, key) && !Member(raw, key).is_null()) return TextList(Member(raw, key));
  }
  return fallback;
}

Status CheckKeys(const Json& raw, const std::string& text, const std::string& file) {
  for (const auto& [key, value] : raw.items()) {
    if (std::find(kKnownKeys.begin(), kKnownKeys.end(), key) != kKnownKeys.end()) continue;
    const auto nearest = Nearest(key, {kKnownKeys.begin(), kKnownKeys.end()});
    if (!nearest) continue;  // keys of other tools
    return Status::InvalidArgument(file + ":" + std::to_string(YamlLine(text, {key})) +
                                   ": unknown key '" + key + "'; did you mean '" + *nearest + "'?");
  }
  return Status::Ok();
}

bool KeptAsText(const std::vector<std::string>& path) {
  static const std::set<std::string> whole = {"on-run-start", "on-run-end", "vars",
                                              "query-comment"};
  if (!path.empty() && whole.contains(path.front())) return true;
  return std::any_of(path.begin(), path.end(), [](const std::string& key) {
    return key == "+pre-hook" || key == "+post-hook" || key == "pre-hook" || key == "post-hook" ||
           key == "+pre_hook" || key == "+post_hook";
  });
}

void FillPaths(Project& project) {
  const Json& raw = project.raw;
  project.model_paths = Paths(raw, {"model-paths", "source-paths"}, {"models"});
  project.seed_paths = Paths(raw, {"seed-paths", "data-paths"}, {"seeds"});
  project.test_paths = Paths(raw, {"test-paths"}, {"tests"});
  project.analysis_paths = Paths(raw, {"analysis-paths"}, {"analyses"});
  project.macro_paths = Paths(raw, {"macro-paths"}, {"macros"});
  project.snapshot_paths = Paths(raw, {"snapshot-paths"}, {"snapshots"});
  project.docs_paths = Paths(raw, {"docs-paths"}, {});
  project.asset_paths = Paths(raw, {"asset-paths"}, {});
  project.target_path = TextMember(raw, "target-path", "target");
  project.log_path = TextMember(raw, "log-path", "logs");
  project.packages_path =
      TextMember(raw, "packages-install-path", TextMember(raw, "modules-path", "dbt_packages"));
  project.clean_targets = Paths(raw, {"clean-targets"}, {project.target_path});
}

}  // namespace

bool HasJinja(std::string_view text) {
  return text.find("{{") != std::string_view::npos || text.find("{%") != std::string_view::npos ||
         text.find("{#") != std::string_view::npos;
}

Status RenderTree(Json& tree, const TextRenderer& render, const std::string& file,
                  const std::function<bool(const std::vector<std::string>& path)>& skip,
                  std::vector<std::string> path) {
  if (skip(path)) return Status::Ok();
  if (tree.is_string()) {
    const auto& text = tree.get_ref<const std::string&>();
    if (!HasJinja(text)) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(Json value, render(text, file));
    tree = std::move(value);
  } else if (tree.is_object()) {
    for (auto it = tree.begin(); it != tree.end(); ++it) {
      path.push_back(it.key());
      TARN_RETURN_IF_ERROR(RenderTree(it.value(), render, file, skip, path));
      path.pop_back();
    }
  } else if (tree.is_array()) {
    for (size_t i = 0; i < tree.size(); ++i) {
      path.push_back(std::to_string(i));
      TARN_RETURN_IF_ERROR(RenderTree(tree[i], render, file, skip, path));
      path.pop_back();
    }
  }
  return Status::Ok();
}

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) {
    return Status::NotFound("file " + path + " cannot be read: " + std::strerror(errno));
  }
  std::string text;
  file.seekg(0, std::ios::end);
  const auto size = file.tellg();
  if (size > 0) text.resize(static_cast<size_t>(size));
  file.seekg(0);
  if (!text.empty() && !file.read(text.data(), size)) {
    return Status::Io("file " + path + " cannot be read");
  }
  return text;
}

const Json& Project::ConfigBlock(ResourceType type) const {
  switch (type) {
    case ResourceType::kModel:
    case ResourceType::kAnalysis:
    case ResourceType::kOperation: return Member(raw, "models");
    case ResourceType::kSeed: return Member(raw, "seeds");
    case ResourceType::kSnapshot: return Member(raw, "snapshots");
    case ResourceType::kSource: return Member(raw, "sources");
    case ResourceType::kTest:
      return HasMember(raw, "data_tests") ? Member(raw, "data_tests") : Member(raw, "tests");
    case ResourceType::kUnitTest: return Member(raw, "unit_tests");
    case ResourceType::kExposure: return Member(raw, "exposures");
    case ResourceType::kMetric: return Member(raw, "metrics");
    case ResourceType::kSemanticModel: return Member(raw, "semantic-models");
    case ResourceType::kSavedQuery: return Member(raw, "saved-queries");
    case ResourceType::kGroup: break;
  }
  return Member(raw, "");
}

std::vector<std::string> Project::DispatchOrder(const std::string& name_space) const {
  if (!dispatch.is_array()) return {};
  for (const Json& entry : dispatch) {
    if (TextMember(entry, "macro_namespace") == name_space) {
      return TextList(Member(entry, "search_order"));
    }
  }
  return {};
}

Result<Project> LoadProject(const std::string& folder, const TextRenderer& render) {
  Project project;
  std::error_code error;
  project.root = fs::weakly_canonical(folder, error).string();
  if (error) project.root = folder;
  const std::string file = (fs::path(folder) / "dbt_project.yml").string();
  auto text = ReadFile(file);
  if (!text.ok()) {
    return Status::NotFound("No dbt_project.yml found at expected path " + file +
                            "; run in the project's folder or pass --project-dir");
  }
  TARN_ASSIGN_OR_RETURN(project.raw, ParseYaml(*text, file));
  if (!project.raw.is_object() || TextMember(project.raw, "name").empty()) {
    return Status::InvalidArgument(file + ":1: a project needs a 'name'");
  }
  TARN_RETURN_IF_ERROR(CheckKeys(project.raw, *text, file));
  TARN_RETURN_IF_ERROR(RenderTree(project.raw, render, file, KeptAsText));
  const Json& raw = project.raw;
  project.name = TextMember(raw, "name");
  project.version = TextMember(raw, "version");
  project.profile = TextMember(raw, "profile");
  FillPaths(project);
  project.on_run_start = TextList(Member(raw, "on-run-start"));
  project.on_run_end = TextList(Member(raw, "on-run-end"));
  if (Member(raw, "vars").is_object()) project.vars = Member(raw, "vars");
  if (Member(raw, "dispatch").is_array()) project.dispatch = Member(raw, "dispatch");
  if (Member(raw, "quoting").is_object()) project.quoting = Member(raw, "quoting");
  if (Member(raw, "flags").is_object()) project.flags = Member(raw, "flags");
  project.query_comment = Member(raw, "query-comment");
  project.dialect = TextMember(Member(raw, "tarn"), "dialect");
  return project;
}

Result<std::vector<PackageSpec>> LoadPackageSpecs(const Project& project,
                                                  const TextRenderer& render) {
  std::vector<PackageSpec> specs;
  for (const char* name : {"packages.yml", "dependencies.yml"}) {
    const std::string file = (fs::path(project.root) / name).string();
    if (!fs::exists(file)) continue;
    TARN_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
    TARN_ASSIGN_OR_RETURN(Json tree, ParseYaml(text, file));
    TARN_RETURN_IF_ERROR(RenderTree(tree, render, file, [](const auto&) { return false; }));
    const Json& list = Member(tree, "packages");
    if (!list.is_array()) continue;
    for (const Json& entry : list) {
      PackageSpec spec;
      for (const char* kind : {"local", "package", "git", "tarball"}) {
        if (!HasMember(entry, kind)) continue;
        spec.kind = kind;
        spec.name = TextMember(entry, kind);
        if (spec.kind == "local") spec.local = spec.name;
        if (spec.kind == "tarball") spec.name = TextMember(entry, "name", spec.name);
      }
      spec.version = Member(entry, "version").is_null() ? TextMember(entry, "revision")
                                                        : PythonText(Member(entry, "version"));
      specs.push_back(std::move(spec));
    }
  }
  return specs;
}

Result<std::vector<Project>> LoadPackages(const Project& root, const TextRenderer& render) {
  std::vector<Project> packages;
  std::set<std::string> seen{root.name};
  const fs::path installed = fs::path(root.root) / root.packages_path;
  std::vector<std::string> folders;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(installed, error)) {
    if (fs::exists(entry.path() / "dbt_project.yml")) folders.push_back(entry.path().string());
  }
  std::sort(folders.begin(), folders.end());
  TARN_ASSIGN_OR_RETURN(const auto specs, LoadPackageSpecs(root, render));
  for (const PackageSpec& spec : specs) {
    if (spec.kind != "local") continue;
    const std::string folder = (fs::path(root.root) / spec.local).string();
    if (!fs::exists(folder + "/dbt_project.yml")) {
      return Status::NotFound("package " + spec.local + " in " + root.root +
                              "/packages.yml: there is no dbt_project.yml in " + folder);
    }
    folders.push_back(folder);
  }
  for (size_t i = 0; i < folders.size(); ++i) {
    TARN_ASSIGN_OR_RETURN(Project package, LoadProject(folders[i], render));
    if (!seen.insert(package.name).second) continue;
    // Local packages of a local package.
    TARN_ASSIGN_OR_RETURN(const auto inner, LoadPackageSpecs(package, render));
    for (const PackageSpec& spec : inner) {
      const std::string folder = (fs::path(package.root) / spec.local).string();
      if (spec.kind == "local" && fs::exists(folder + "/dbt_project.yml"))
        folders.push_back(folder);
    }
    packages.push_back(std::move(package));
  }
  for (const PackageSpec& spec : specs) {
    if (spec.kind != "package") continue;
    const std::string name = spec.name.substr(spec.name.find('/') + 1);
    const bool there = seen.contains(name) || fs::exists(installed / name);
    if (there) continue;
    return Status::NotFound("package " + spec.name + " (packages.yml of " + root.name +
                            ") is not in " + installed.string() +
                            "; run `tarn dbt deps` to see where to put it");
  }
  return packages;
}

}  // namespace tarn::transform
