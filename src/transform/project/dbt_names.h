// DbtNames: the names every template of a dbt project sees, whatever node it belongs to.
//
// What it is: var, env_var, target, log, exceptions, tojson, modules, adapter, ref … made once per
// command; what they do for a node is its RenderScope's affair.
//
// Threads: immutable after construction; safe to use from many Sessions. Lifetime: outlives them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "jinja/environment.h"
#include "jinja/session.h"
#include "transform/project/macro_library.h"
#include "transform/project/profile.h"
#include "transform/project/project_file.h"
#include "transform/project/render_scope.h"

namespace tarn::transform {

// What one command line says that templates can see.
struct Invocation {
  std::string command;        // "run", as flags.WHICH
  std::string invocation_id;  // a UUID
  int64_t started_at_micros = 0;
  Json vars = Json::object();   // --vars
  Json flags = Json::object();  // FULL_REFRESH and the like, upper case
};

inline constexpr const char* kDbtVersion = "1.11.16";  // whose behaviour and artifacts these are

class DbtNames {
 public:
  DbtNames(const Project* root, const std::vector<Project>* packages, Target target,
           Invocation invocation);

  const jinja::Environment& environment() const { return text_; }
  // Where as_number and the like change types: for texts of YAML.
  const jinja::Environment& native_environment() const { return native_; }
  const Target& target() const { return target_; }
  const Invocation& invocation() const { return invocation_; }
  // What renderings without `execute` have looked at so far.
  ParseInputs& inputs() const { return inputs_; }
  const Project& root() const { return *root_; }
  const Project* FindProject(const std::string& package) const;

  // For a template of the scope's node: macros first, then names of the node, then the rest. The
  // scope and the library must outlive the result.
  std::shared_ptr<const jinja::Names> For(RenderScope& scope, const MacroLibrary* macros) const;

  // Renders text; kCallable during parsing.
  Result<std::string> Render(const std::string& text, const std::string& place, RenderScope& scope,
                             const MacroLibrary* macros, jinja::UndefinedMode undefined,
                             jinja::Error* error = nullptr) const;
  // YAML values with var, env_var and target; native types by dbt's rules.
  Result<Json> RenderYaml(const std::string& text, const std::string& place,
                          const std::string& package) const;
  TextRenderer YamlRenderer(const std::string& package) const;

  // Null when nobody sets it.
  std::optional<Json> Variable(const std::string& package, const std::string& name) const;

 private:
  void AddFunctions();
  void AddAdapter();

  const Project* root_;
  const std::vector<Project>* packages_;
  Target target_;
  Invocation invocation_;
  jinja::Environment text_;
  jinja::Environment native_;
  std::shared_ptr<jinja::Names> base_;
  mutable ParseInputs inputs_;
};

// Renders YAML before there is a project: env_var and var only.
TextRenderer BootstrapRenderer(const Json& vars, const Target* target);

// json.dumps as Python prints it: ", " and ": " between things.
std::string PythonJson(const Json& value, bool sort_keys = false);

}  // namespace tarn::transform
