// Environment: what all templates of a host share, and the compiler.
//
//   Environment env;                       // Jinja2's filters, tests and globals are there
//   env.SetFilter("as_bool", ...);
//   TARN_ASSIGN_OR_RETURN(auto t, env.Compile(text, "models/orders.sql"));
//   Session session(env, names, {});
//   TARN_ASSIGN_OR_RETURN(std::string sql, session.Render(*t));
//
// Threads: set up first on one thread, then use from many; Compile is const and thread-safe.
// Lifetime: outlives its templates and sessions.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "jinja/error.h"
#include "jinja/object.h"
#include "jinja/template.h"

namespace tarn::jinja {

struct EnvironmentOptions {
  bool trim_blocks = false;            // drop the newline after a block tag
  bool lstrip_blocks = false;          // drop blanks before a block tag at the start of a line
  bool keep_trailing_newline = false;  // Jinja2 drops one newline at the end of the text
  bool dbt_blocks = true;              // tags test, materialization, snapshot, docs
  bool loop_controls = true;           // tags break, continue
  bool do_tag = true;                  // tag do
  // Global `return(x)`: ends the innermost macro, whose call then yields x, of any type.
  bool return_function = true;
  // Jinja2's sandbox, which dbt uses: range() is limited, names with two underscores are refused.
  bool sandboxed = true;
};

// A text of `include`, `import` or `extends`; NotFound when there is none of that name
// (TemplateNotFound).
using Loader = std::function<Result<std::shared_ptr<const Template>>(const std::string& name)>;

class Environment {
 public:
  explicit Environment(EnvironmentOptions options = {});
  ~Environment();
  Environment(const Environment&) = delete;

  const EnvironmentOptions& options() const { return options_; }

  // Filters get the filtered value as first positional argument; tests likewise, and yield truth.
  void SetFilter(std::string name, HostFunction filter);
  void SetTest(std::string name, HostFunction test);
  void SetGlobal(std::string name, Value value);
  void SetLoader(Loader loader);

  // Null when there is none.
  const HostFunction* FindFilter(std::string_view name) const;
  const HostFunction* FindTest(std::string_view name) const;
  const Value* FindGlobal(std::string_view name) const;
  const Loader& loader() const { return loader_; }

  // `name` is what errors call the text. TemplateSyntaxError (kInvalidArgument) with place
  // otherwise; the structured error goes to *error when given.
  Result<std::shared_ptr<const Template>> Compile(std::string text, std::string name,
                                                  Error* error = nullptr) const;
  // One expression, without braces: renders to its value (Session::Evaluate).
  Result<std::shared_ptr<const Template>> CompileExpression(std::string text, std::string name,
                                                            Error* error = nullptr) const;

 private:
  Result<std::shared_ptr<const Template>> CompileText(std::string text, std::string name,
                                                      bool expression, Error* error) const;
  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
  };
  template <typename T>
  using ByName = std::unordered_map<std::string, T, NameHash, std::equal_to<>>;

  EnvironmentOptions options_;
  ByName<HostFunction> filters_;
  ByName<HostFunction> tests_;
  ByName<Value> globals_;
  Loader loader_;
};

}  // namespace tarn::jinja
