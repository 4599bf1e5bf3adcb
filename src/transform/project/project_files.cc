#include "transform/project/project_files.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/hash.h"

namespace tarn::transform {
namespace {

namespace fs = std::filesystem;

struct Rule {
  FileKind kind;
  std::vector<std::string> extensions;
};

void Collect(const Project& project, const std::vector<std::string>& folders, const Rule& rule,
             std::set<std::string>& seen, std::vector<SourceFile>& files) {
  for (const std::string& folder : folders) {
    const fs::path base = (fs::path(project.root) / folder).lexically_normal();
    std::vector<fs::path> found;
    std::error_code error;
    for (auto it = fs::recursive_directory_iterator(
             base, fs::directory_options::follow_directory_symlink, error);
         !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      const fs::path& path = it->path();
      if (path.filename().string().starts_with(".")) {
        if (it->is_directory(error)) it.disable_recursion_pending();
        continue;
      }
      const std::string extension = path.extension().string();
      if (std::find(rule.extensions.begin(), rule.extensions.end(), extension) !=
          rule.extensions.end()) {
        found.push_back(path);
      }
    }
    std::sort(found.begin(), found.end());
    for (const fs::path& path : found) {
      SourceFile file;
      file.kind = rule.kind;
      file.project = &project;
      file.original_path = path.lexically_relative(project.root).string();
      file.path = path.lexically_relative(base).string();
      if (!seen.insert(std::to_string(static_cast<int>(rule.kind)) + file.original_path).second) {
        continue;
      }
      if (rule.kind == FileKind::kTest) {
        if (file.path.starts_with("generic/")) file.kind = FileKind::kGenericTest;
        if (file.path.starts_with("fixtures/")) continue;
      }
      files.push_back(std::move(file));
    }
  }
}

void CollectProject(const Project& project, std::vector<SourceFile>& files) {
  std::set<std::string> seen;
  Collect(project, project.macro_paths, {FileKind::kMacro, {".sql"}}, seen, files);
  Collect(project, project.test_paths, {FileKind::kTest, {".sql"}}, seen, files);
  Collect(project, project.model_paths, {FileKind::kModel, {".sql", ".py"}}, seen, files);
  Collect(project, project.snapshot_paths, {FileKind::kSnapshot, {".sql"}}, seen, files);
  Collect(project, project.analysis_paths, {FileKind::kAnalysis, {".sql"}}, seen, files);
  Collect(project, project.seed_paths, {FileKind::kSeed, {".csv"}}, seen, files);
  std::vector<std::string> all;
  for (const auto* paths : {&project.model_paths, &project.seed_paths, &project.snapshot_paths,
                            &project.analysis_paths, &project.macro_paths, &project.test_paths}) {
    for (const std::string& path : *paths) {
      if (std::find(all.begin(), all.end(), path) == all.end()) all.push_back(path);
    }
  }
  Collect(project, all, {FileKind::kYaml, {".yml", ".yaml"}}, seen, files);
  Collect(project, project.docs_paths.empty() ? all : project.docs_paths,
          {FileKind::kDocs, {".md"}}, seen, files);
}

std::string Stripped(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n\f\v");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n\f\v") - begin + 1);
}

}  // namespace

Status InParallel(size_t count, int threads, const std::function<Status(size_t)>& work) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  size_t failed_at = SIZE_MAX;
  Status failure;
  const auto run = [&] {
    for (size_t i = next++; i < count; i = next++) {
      Status status = work(i);
      if (status.ok()) continue;
      const std::lock_guard<std::mutex> guard(mutex);
      if (i < failed_at) {
        failed_at = i;
        failure = std::move(status);
      }
      next = count;
    }
  };
  const size_t helpers = std::min<size_t>(static_cast<size_t>(std::max(threads, 1)), count);
  std::vector<std::thread> pool;
  for (size_t i = 1; i < helpers; ++i) pool.emplace_back(run);
  run();
  for (std::thread& thread : pool) thread.join();
  return failure;
}

Result<std::vector<SourceFile>> ReadProjectFiles(const std::vector<const Project*>& projects,
                                                 int threads) {
  std::vector<SourceFile> files;
  for (const Project* project : projects) CollectProject(*project, files);
  TARN_RETURN_IF_ERROR(InParallel(files.size(), threads, [&](size_t i) -> Status {
    SourceFile& file = files[i];
    TARN_ASSIGN_OR_RETURN(std::string text,
                          ReadFile(file.project->root + "/" + file.original_path));
    if (file.kind == FileKind::kSeed) {
      file.checksum = Sha256Hex(text);
      return Status::Ok();
    }
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
    const bool code = file.kind != FileKind::kYaml && file.kind != FileKind::kDocs;
    file.text = code && file.kind != FileKind::kMacro ? Stripped(text) : std::move(text);
    file.checksum = Sha256Hex(file.text);
    return Status::Ok();
  }));
  return files;
}

}  // namespace tarn::transform
