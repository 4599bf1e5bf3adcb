// RenderScope: what one rendering means by ref(), config(), adapter and the rest of dbt's context.
//
// What it is: the seam between the names every template sees (dbt_names.h, made once) and what they
// do for one node: capturing calls while a project is parsed, resolving and executing while it
// runs. A Session carries its scope in `host`.
//
// Threads: one scope serves one Session at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/object.h"
#include "jinja/session.h"
#include "transform/project/manifest.h"
#include "transform/project/parse_inputs.h"

namespace tarn::transform {

class RenderScope {
 public:
  virtual ~RenderScope() = default;

  static RenderScope& Of(jinja::Session& session) {
    return *static_cast<RenderScope*>(session.host);
  }

  virtual Result<jinja::Value> Ref(jinja::CallArgs& args) = 0;
  virtual Result<jinja::Value> Source(jinja::CallArgs& args) = 0;
  virtual Result<jinja::Value> Metric(jinja::CallArgs& args) = 0;
  virtual Result<jinja::Value> Doc(jinja::CallArgs& args) = 0;
  // config(a=1) and config.get('a'), config.require('a'), …
  virtual Result<jinja::Value> Config(jinja::CallArgs& args) = 0;
  virtual Result<jinja::Value> ConfigMethod(std::string_view name, jinja::CallArgs& args) = 0;
  // adapter.<name>(…), except dispatch, quote and type, which need no database.
  virtual Result<jinja::Value> Adapter(std::string_view name, jinja::CallArgs& args) = 0;
  // store_result, load_result, write, submit_python_job, render: what keeps state for the node.
  virtual Result<jinja::Value> Function(std::string_view name, jinja::CallArgs& args) = 0;
  // Names that belong to the node: this, model, sql, pre_hooks, graph, … No value: not known here.
  virtual std::optional<jinja::Value> NodeName(std::string_view name) = 0;
  // Names that beat even macros: what a unit test replaces.
  virtual std::optional<jinja::Value> Override(std::string_view name) { return std::nullopt; }
  // log(), print() and exceptions.warn().
  virtual void Log(const std::string& text, bool info) = 0;
  virtual void Warn(const std::string& text) = 0;
  // A macro was called; parsing remembers it.
  virtual void NoteMacro(const MacroInfo& macro) {}

  ParseInputs* inputs = nullptr;  // while parsing: where reads of the surroundings are noted
  bool execute = false;
  bool lenient_variables = false;  // a variable nobody sets is none, not an error
  std::string package;             // whose macros and variables come first
  int macro_depth = 0;
};

}  // namespace tarn::transform
