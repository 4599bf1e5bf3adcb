// ManifestCache: the last parse of a project, for commands that find nothing changed (dbt's partial
// parse).
//
// What it is: a file in target/ with the manifest and what it was made from. The key is the SHA-256
// of every file's content, of dbt_project.yml, packages and target as they were read, of --vars and
// of the program itself; beside it stand the environment variables and flags that templates looked
// at, with their values. Only when all are the same is the manifest taken; otherwise everything is
// parsed anew. A project whose parse looked at the time or at the invocation is never taken from
// it.
//
// What it does not do: no parts of a manifest are reused. Nothing is trusted: a damaged file, or
// one of another version, is none.
//
// Threads: one at a time. Several processes may share a target folder: the file is replaced as a
// whole.
#pragma once

#include <string>
#include <vector>

#include "transform/project/parse_inputs.h"
#include "transform/project/parser.h"
#include "transform/project/project_files.h"

namespace tarn::transform {

class ManifestCache {
 public:
  ManifestCache(const ParsedProject& project, const std::vector<SourceFile>& files);

  // Fills the manifest, the graph included, and `state_key`; false when there is nothing to take.
  bool Load(ParsedProject& project) const;
  // Leaves the parse for the next command and sets `state_key`. A folder that cannot be written
  // costs the next command a parse, nothing else.
  void Store(ParsedProject& project) const;

 private:
  std::string path_;
  std::string key_;
};

}  // namespace tarn::transform
