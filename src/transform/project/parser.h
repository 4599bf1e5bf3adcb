// Parser: a project's files to a Manifest.
//
// What it is: reads projects and packages, compiles macros, renders every model once to see what it
// calls, applies schema files, makes generic tests, resolves names and checks the graph.
//
// What it does not do: no database, no compilation for the run; nothing is written.
//
// Threads: Parse uses several inside; one call at a time per ParsedProject. Lifetime: what it
// returns keeps projects, names, macros and manifest together; nothing of it outlives the
// ParsedProject.
//
// Errors: kInvalidArgument with "<file>:<line>: …" and what to do; nothing is half parsed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "transform/project/dbt_names.h"
#include "transform/project/macro_library.h"
#include "transform/project/manifest.h"
#include "transform/project/profile.h"
#include "transform/project/project_file.h"

namespace tarn::transform {

struct ParseOptions {
  std::string project_dir = ".";
  TargetOptions target;
  Invocation invocation;
  int threads = 0;             // for parsing; 0: as many as the machine has
  bool partial_parse = true;   // take the last parse from target/ when nothing changed
  bool compile_macros = true;  // off for commands that render nothing
  std::string target_path;     // empty: the project's
};

struct ParsedProject {
  Project root;
  std::vector<Project> packages;
  Target target;
  std::unique_ptr<DbtNames> names;
  std::unique_ptr<MacroLibrary> macros;  // empty with from_cache and without compile_macros
  Manifest manifest;
  std::string target_folder;  // absolute
  Json selectors;             // selectors.yml, null when there is none
  // Of all the manifest was made from; empty when it may be another one next time.
  std::string state_key;
  bool from_cache = false;
};

// Where artifacts go, from dbt_project.yml alone: no profile is needed.
Result<std::string> FindTargetFolder(const ParseOptions& options);
// Everything but the manifest: project, packages, target, names. For `debug`, `deps`, `clean`.
Result<std::unique_ptr<ParsedProject>> LoadProjects(const ParseOptions& options);
Result<std::unique_ptr<ParsedProject>> ParseProject(const ParseOptions& options);

}  // namespace tarn::transform
