// ParseScope: a rendering that only watches: what a model's code calls while a project is parsed.
//
// What it is: refs, sources, metrics, config() and macros called are noted; the adapter answers as
// dbt's does while parsing: nothing exists, lists are empty.
//
// Threads: one per rendering.
#pragma once

#include <string>
#include <vector>

#include "transform/project/dbt_names.h"
#include "transform/project/relation.h"
#include "transform/project/render_scope.h"

namespace tarn::transform {

// What was called, in order.
struct CapturedCalls {
  std::vector<RefCall> refs;
  std::vector<SourceCall> sources;
  std::vector<std::vector<std::string>> metrics;
  Json config = Json::object();
  std::vector<std::string> macros;
};

class ParseScope final : public RenderScope {
 public:
  ParseScope(const Node& node, const MacroLibrary* macros, char quote);

  Result<jinja::Value> Ref(jinja::CallArgs& args) override;
  Result<jinja::Value> Source(jinja::CallArgs& args) override;
  Result<jinja::Value> Metric(jinja::CallArgs& args) override;
  Result<jinja::Value> Doc(jinja::CallArgs& args) override;
  Result<jinja::Value> Config(jinja::CallArgs& args) override;
  Result<jinja::Value> ConfigMethod(std::string_view name, jinja::CallArgs& args) override;
  Result<jinja::Value> Adapter(std::string_view name, jinja::CallArgs& args) override;
  Result<jinja::Value> Function(std::string_view name, jinja::CallArgs& args) override;
  std::optional<jinja::Value> NodeName(std::string_view name) override;
  void Log(const std::string&, bool) override {}
  void Warn(const std::string&) override {}
  void NoteMacro(const MacroInfo& macro) override;

  CapturedCalls calls;
  jinja::Value test_kwargs;  // `_dbt_generic_test_kwargs`
  bool has_test_kwargs = false;
  const Json* known_config = nullptr;  // what config.get() sees besides calls

 private:
  jinja::Value This() const;
  const Node& node_;
  const MacroLibrary* macros_;
  char quote_;
};

// Arguments of ref() and source(): shared with the run. Errors as dbt words them.
Result<RefCall> ReadRefCall(jinja::CallArgs& args);
Result<SourceCall> ReadSourceCall(jinja::CallArgs& args);
// config(…): a dict as only argument, or keywords.
Result<Json> ReadConfigCall(jinja::CallArgs& args);
// adapter.dispatch, for both scopes.
Result<jinja::Value> DispatchMacro(const MacroLibrary& macros, const std::string& package,
                                   jinja::CallArgs& args);

}  // namespace tarn::transform
