// A namespace of functions and constants: `modules.re` and its like.
#pragma once

#include <string>
#include <string_view>

#include "jinja/object.h"

namespace tarn::jinja {

class ModuleNamespace : public Object {
 public:
  explicit ModuleNamespace(std::string name) : name_(std::move(name)) {}
  std::string_view TypeName() const override { return "module"; }
  void Add(std::string_view name, Value v) { members_->Set(name, std::move(v)); }
  void AddFunction(std::string name, HostFunction f) {
    Value v = MakeFunction(name, std::move(f));
    members_->Set(name, std::move(v));
  }
  Result<std::optional<Value>> GetAttr(Session&, std::string_view name) override {
    const Value* v = members_->Find(name);
    return v ? std::optional<Value>(*v) : std::nullopt;
  }
  Result<Value> CallMethod(std::string_view name, CallArgs& args) override {
    const Value* v = members_->Find(name);
    if (v && v->is_object()) return v->object().Call(args);
    return Object::CallMethod(name, args);
  }
  std::string Repr() const override { return "<module '" + name_ + "'>"; }

 private:
  std::string name_;
  Ref<Dict> members_ = MakeRef<Dict>();
};

}  // namespace tarn::jinja
