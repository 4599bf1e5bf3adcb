// The files of a project by what they are for, with their contents.
//
// Threads: ReadProjectFiles reads with the threads it is given; the result is plain data.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "transform/project/project_file.h"

namespace tarn::transform {

enum class FileKind {
  kModel,
  kSeed,
  kSnapshot,
  kAnalysis,
  kTest,
  kGenericTest,
  kMacro,
  kDocs,
  kYaml
};

struct SourceFile {
  FileKind kind = FileKind::kModel;
  const Project* project = nullptr;
  std::string path;           // below its resource folder
  std::string original_path;  // below the project
  std::string text;           // seeds: empty
  std::string checksum;       // SHA-256; of models without blanks around, as dbt takes it
  // Where in the project the file lies, for YAML: below which resource folder.
};

// In dbt's order: by project, kind and path.
Result<std::vector<SourceFile>> ReadProjectFiles(const std::vector<const Project*>& projects,
                                                 int threads);

// Calls `work(i)` for i in [0, count) from `threads` threads; the first failure by index wins.
Status InParallel(size_t count, int threads, const std::function<Status(size_t)>& work);

}  // namespace tarn::transform
