// What hosts give to templates: functions and objects with attributes and methods.
//
//   env.SetGlobal("ref", MakeFunction("ref", [&](CallArgs& args) -> Result<Value> {
//     if (args.positional.empty()) return TypeError("ref() takes one or two names");
//     ...
//   }));
//
//   class Relation : public Object {
//     std::string_view TypeName() const override { return "Relation"; }
//     Result<std::optional<Value>> GetAttr(Session&, std::string_view name) override {...}
//     std::string Str() const override { return rendered_; }
//   };
//
// Errors: a host function fails with a Status. Its message becomes the template's error; where it
// begins with the name of an error kind ("CompilationError: ..."), that is the kind, else the kind
// is RuntimeError. File, line, caret and macro stack are added by the Session.
//
// Threads: an Object that several renderings share must allow concurrent calls.
// Lifetime: kept alive by the Values that hold it. It must not hold a Session.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "jinja/value.h"

namespace tarn::jinja {

class Session;

// The arguments of one call. `session` is the rendering that calls: it can call macros and
// callables (Session::Call), look names up and knows the macro stack.
struct CallArgs {
  CallArgs(Session& s) : session(s) {}  // NOLINT: implicit

  Session& session;
  ValueList positional;
  std::vector<std::pair<std::string, Value>> named;

  // The argument at `index`, or of that name; null when neither is given.
  const Value* Find(size_t index, std::string_view name) const;
  // The same with a fallback.
  Value Get(size_t index, std::string_view name, Value fallback = Value::None()) const;
  // TypeError unless every argument is one of `names` (in that order) and the first `required` are
  // given. `function` is for the message: "ref() missing 1 required positional argument: 'name'".
  Status Check(std::string_view function, const std::vector<std::string_view>& names,
               size_t required = 0) const;
};

using HostFunction = std::function<Result<Value>(CallArgs&)>;

// Yields the items of an iterable, one by one. Lazy: an error shows when the item is asked for.
class Iterator {
 public:
  virtual ~Iterator() = default;
  // No value at the end.
  virtual Result<std::optional<Value>> Next(Session& session) = 0;
};

// Something of the host (or of the language: functions, ranges, dates, namespaces).
class Object : public Shared {
 public:
  virtual std::string_view TypeName() const = 0;

  // x.name. No value: there is no such attribute (x["name"] is tried next, then it is undefined).
  virtual Result<std::optional<Value>> GetAttr(Session& session, std::string_view name);
  // x[key]. No value: no such item.
  virtual Result<std::optional<Value>> GetItem(Session& session, const Value& key);
  // x[key] = value, as `{% set ns.name = ... %}` does it for namespaces. TypeError unless
  // overridden.
  virtual Status SetItem(Session& session, const Value& key, Value value);
  // x(...). TypeError unless overridden; then Callable() must be true.
  virtual bool Callable() const { return false; }
  virtual Result<Value> Call(CallArgs& args);
  // x.name(...). The default gets the attribute and calls it; override to save the bound method.
  virtual Result<Value> CallMethod(std::string_view name, CallArgs& args);

  virtual std::string Str() const { return Repr(); }
  virtual std::string Repr() const;  // "<TypeName object>"
  virtual bool Truthy() const { return true; }
  // No value: it has no length / is not iterable.
  virtual std::optional<int64_t> Length() const { return std::nullopt; }
  virtual Result<std::unique_ptr<Iterator>> Iterate(Session& session);
  virtual bool Iterable() const { return false; }
  // Mapping for the test `mapping` and for `**x`: Items() gives the pairs.
  virtual std::optional<std::vector<std::pair<Value, Value>>> Items() const { return std::nullopt; }
  // x in self. No value: falls back to iteration.
  virtual Result<std::optional<bool>> Contains(Session& session, const Value& item);
  // self == other; the default is identity.
  virtual bool Equals(const Value& other) const;
  virtual Result<uint64_t> HashOf() const;
  // self < other. No value: no order between the two.
  virtual Result<std::optional<bool>> LessThan(const Value& other) const;
  // self <op> other, or with reflected: other <op> self. op is one of + - * / // % **. No value:
  // not supported.
  virtual Result<std::optional<Value>> Arithmetic(std::string_view op, const Value& other,
                                                  bool reflected) const;
};

// A callable of the host. `name` is what messages call it.
Value MakeFunction(std::string name, HostFunction function);

}  // namespace tarn::jinja
