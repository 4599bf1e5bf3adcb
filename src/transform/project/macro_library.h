// MacroLibrary: every macro, generic test and materialization of the project, its packages and
// Tarn, and dbt's rules for which one a name means.
//
// What it is: from a package's view: its own macros, the root project's, packages by name
// (`dbt_utils.star`), then the built-in ones (package `dbt`). adapter.dispatch searches packages
// and prefixes; a materialization is taken from the root project first, then packages, then built
// in.
//
// What it does not do: it renders nothing by itself.
//
// Threads: immutable once Freeze was called. Lifetime: macro Values must not outlive it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "jinja/environment.h"
#include "jinja/template.h"
#include "transform/project/manifest.h"
#include "transform/project/project_file.h"
#include "transform/project/render_scope.h"

namespace tarn::transform {

struct Macro {
  MacroInfo info;
  std::shared_ptr<const jinja::Template> text;
  std::string unique;  // Block::unique
  jinja::BlockKind kind = jinja::BlockKind::kMacro;
  std::string adapter;  // materializations
  std::vector<jinja::Parameter> parameters;
  jinja::Value callable;
};

inline constexpr const char* kBuiltinPackage = "dbt";

class MacroLibrary {
 public:
  MacroLibrary(std::string root_package, std::vector<std::string> prefixes);

  // All blocks of a file of a package. Errors: a macro of that name is there already in the
  // package.
  Status AddFile(const std::string& package, const std::string& path,
                 const std::string& original_file_path, std::shared_ptr<const jinja::Template> text,
                 bool tests_only = false);
  // `dispatch:` of the root project, and the names of all packages.
  void SetDispatch(const Project* root, std::vector<std::string> packages);
  // After the last file: makes the callables and the calls among macros.
  void Freeze();

  const Macro* Find(const std::string& package, std::string_view name) const;
  // What `name` means in a template of `package`: macro or package namespace.
  std::optional<jinja::Value> Lookup(const std::string& package, std::string_view name) const;
  const Macro* Resolve(const std::string& package, std::string_view name) const;
  // adapter.dispatch. The error lists what was searched.
  Result<const Macro*> Dispatch(const std::string& package, const std::string& name,
                                const std::string& name_space) const;
  // Null when none; `adapter` default is the last resort.
  const Macro* FindMaterialization(const std::string& name, const std::string& package) const;
  // generate_schema_name and the like: of the package itself, else root, else built in.
  const Macro* FindGenerator(const std::string& name, const std::string& package) const;
  // True when root or a package defines it, so that native code must not take its place.
  bool IsOverridden(std::string_view name) const;

  std::vector<const Macro*> All() const;
  size_t count() const { return macros_.size(); }
  const std::vector<std::string>& prefixes() const { return prefixes_; }

  // Calls a macro within a running rendering.
  static Result<jinja::Value> Call(const Macro& macro, jinja::CallArgs& args);

 private:
  using ByName = std::unordered_map<std::string, Macro*>;
  const ByName* PackageOf(const std::string& name) const;
  void NoteCalls(Macro& macro, const std::vector<jinja::CallSite>& sites) const;

  std::string root_;
  std::vector<std::string> prefixes_;
  const Project* root_project_ = nullptr;
  std::vector<std::string> packages_;
  std::vector<std::unique_ptr<Macro>> macros_;
  std::unordered_map<std::string, ByName> by_package_;
  std::unordered_map<std::string, jinja::Value> namespaces_;
};

}  // namespace tarn::transform
