// Session: one rendering, with what hosts may do from inside a call.
//
// A Session renders one template (or calls one macro) against Names, within Limits. Host functions
// get it in CallArgs and may call back: Call for any callable Value, CallMacro for a macro of
// another template (how dbt's packages and dispatch work). Depth, steps and output count for all
// together.
//
// Errors: Status::message() is one line with the place; error() has all of it, with the macro
// stack.
//
// Threads: one thread at a time. Many Sessions may render the same Template at once.
// Lifetime: macros that a rendering hands out (as Values) work as long as the Session lives.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "jinja/environment.h"
#include "jinja/error.h"
#include "jinja/object.h"
#include "jinja/template.h"
#include "jinja/value.h"

namespace tarn::jinja {

// The names a template sees besides its own, looked up in this order: own, resolver, parent; the
// environment's globals come last.
class Names {
 public:
  using Resolver = std::function<std::optional<Value>(std::string_view name)>;

  explicit Names(std::shared_ptr<const Names> parent = nullptr) : parent_(std::move(parent)) {}
  void Set(std::string_view name, Value value);
  // Asked for names not in the own map, each time; for what is made on demand (macros of a
  // package).
  void SetResolver(Resolver resolver) { resolver_ = std::move(resolver); }
  std::optional<Value> Find(std::string_view name) const;
  const Dict& own() const { return *own_; }

 private:
  std::shared_ptr<const Names> parent_;
  Ref<Dict> own_ = MakeRef<Dict>();
  Resolver resolver_;
};

struct Limits {
  int max_depth = 200;                       // nested macro calls, includes and host calls
  uint64_t max_steps = 200'000'000;          // statements and loop rounds
  uint64_t max_output_bytes = 256ull << 20;  // of all output together, captured output included
};

struct SessionOptions {
  UndefinedMode undefined = UndefinedMode::kLenient;
  Limits limits;
  // Asked now and then; true ends the rendering with kCancelled.
  std::function<bool()> cancelled;
};

class Evaluator;

class Session {
 public:
  Session(const Environment& env, std::shared_ptr<const Names> names, SessionOptions options = {});
  ~Session();
  Session(const Session&) = delete;

  // Text of the template. What a failed rendering had written is dropped.
  Result<std::string> Render(const Template& t);
  // A single expression ({{ x }} and nothing else, or a CompileExpression) yields its value,
  // anything else its text: Jinja2's NativeEnvironment without literal_eval (native.h adds that).
  Result<Value> Evaluate(const Template& t);

  // Calls the block `unique` of `t` as a macro that sees `names` (null: the session's own) and
  // nothing of the caller. Yields its text, or what return(x) gave. `display_name` is for the macro
  // stack.
  Result<Value> CallMacro(std::shared_ptr<const Template> t, std::string_view unique,
                          std::shared_ptr<const Names> names, CallArgs& args,
                          std::string_view display_name = "");
  // Calls any callable Value.
  Result<Value> Call(const Value& callee, CallArgs& args);
  Result<Value> Call(const Value& callee, ValueList positional);
  // x.name with Jinja2's rules (attribute, then item, else undefined), and x[key].
  Result<Value> GetAttr(const Value& v, std::string_view name);
  Result<Value> GetItem(const Value& v, const Value& key);
  // All items of an iterable (dict: its keys). TypeError when it is none.
  Result<ValueList> List(const Value& iterable);
  // str(x), as output writes it: UndefinedError for a strict undefined.
  Result<std::string> Text(const Value& v);

  // What a name means in this session, or an undefined.
  Value Lookup(std::string_view name) const;
  Value MakeUndefined(std::string name, std::string hint = "") const;

  // The error of the last failure.
  const Error& error() const;
  // Innermost first, while running: the macros and templates on the way here.
  std::vector<StackEntry> Stack() const;
  const Environment& environment() const { return env_; }
  const SessionOptions& options() const { return options_; }
  const std::shared_ptr<const Names>& names() const { return names_; }
  // For hosts: whatever they hang on a rendering (the node that runs, its adapter). Not owned.
  void* host = nullptr;

  Evaluator& evaluator() { return *evaluator_; }  // the room's own

 private:
  const Environment& env_;
  std::shared_ptr<const Names> names_;
  SessionOptions options_;
  std::unique_ptr<Evaluator> evaluator_;
};

// Ends the innermost macro with `value` when a host function returns this Status: what `return`
// does.
Status ReturnFromMacro(Session& session, Value value);

}  // namespace tarn::jinja
