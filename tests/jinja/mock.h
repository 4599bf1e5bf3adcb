// A stand-in for dbt's objects that prints what was done to it: `ref('a').identifier` is that text.
// The same class exists in oracle.py, so that both engines can be given the same context.
#pragma once

#include <string>

#include "jinja/iterate.h"
#include "jinja/object.h"
#include "jinja/session.h"

namespace tarn::jinja {

class Mock : public Object {
 public:
  explicit Mock(std::string path) : path_(std::move(path)) {}
  std::string_view TypeName() const override { return "Mock"; }
  bool Callable() const override { return true; }
  bool Iterable() const override { return true; }
  Result<Value> Call(CallArgs& args) override {
    std::string text;
    auto add = [&](const std::string& s) { text += (text.empty() ? "" : ", ") + s; };
    for (const Value& v : args.positional) add(v.Repr());
    for (const auto& [name, v] : args.named)
      add(name == "caller" ? "caller" : name + "=" + v.Repr());
    return Derived("(" + text + ")");
  }
  Result<std::optional<Value>> GetAttr(Session&, std::string_view name) override {
    // Jinja2's sandbox: what begins with an underscore is reached as an item only.
    if (name.starts_with('_')) return std::optional<Value>();
    return std::optional<Value>(Derived("." + std::string(name)));
  }
  Result<std::optional<Value>> GetItem(Session&, const Value& key) override {
    return std::optional<Value>(Derived("[" + key.Repr() + "]"));
  }
  Result<Value> CallMethod(std::string_view name, CallArgs& args) override {
    if (name.starts_with('_')) return Object::CallMethod(name, args);
    return Mock(path_ + "." + std::string(name)).Call(args);
  }
  Result<std::unique_ptr<Iterator>> Iterate(Session& session) override {
    return jinja::Iterate(session, Value::Tuple({Derived("[0]"), Derived("[1]")}));
  }
  std::optional<int64_t> Length() const override { return 2; }
  std::string Str() const override { return path_; }
  std::string Repr() const override { return path_; }
  bool Equals(const Value& other) const override {
    auto* mock = other.As<Mock>();
    return mock && mock->path_ == path_;
  }
  Result<uint64_t> HashOf() const override { return std::hash<std::string>()(path_); }
  Result<std::optional<bool>> LessThan(const Value& other) const override {
    auto* mock = other.As<Mock>();
    if (!mock) return std::optional<bool>();
    return std::optional<bool>(path_ < mock->path_);
  }

 private:
  Value Derived(const std::string& more) const {
    if (path_.size() + more.size() > 2000) return Value(Ref<Object>(new Mock("<long>")));
    return Value(Ref<Object>(new Mock(path_ + more)));
  }
  std::string path_;
};

}  // namespace tarn::jinja
