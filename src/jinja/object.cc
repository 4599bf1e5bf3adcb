#include "jinja/object.h"

#include <algorithm>

#include "jinja/error.h"
#include "jinja/session.h"

namespace tarn::jinja {
namespace {

class FunctionObject : public Object {
 public:
  FunctionObject(std::string name, HostFunction f)
      : name_(std::move(name)), function_(std::move(f)) {}
  std::string_view TypeName() const override { return "function"; }
  bool Callable() const override { return true; }
  Result<Value> Call(CallArgs& args) override { return function_(args); }
  std::string Repr() const override { return "<function " + name_ + ">"; }
  Result<std::optional<Value>> GetAttr(Session&, std::string_view name) override {
    if (name == "name") return std::optional<Value>(Value(name_));
    return std::optional<Value>();
  }

 private:
  std::string name_;
  HostFunction function_;
};

std::string Quoted(std::string_view type) { return "'" + std::string(type) + "'"; }

}  // namespace

const Value* CallArgs::Find(size_t index, std::string_view name) const {
  if (index < positional.size()) return &positional[index];
  for (const auto& [key, value] : named) {
    if (key == name) return &value;
  }
  return nullptr;
}

Value CallArgs::Get(size_t index, std::string_view name, Value fallback) const {
  const Value* found = Find(index, name);
  return found ? *found : fallback;
}

Status CallArgs::Check(std::string_view function, const std::vector<std::string_view>& names,
                       size_t required) const {
  std::string f = std::string(function) + "() ";
  if (positional.size() > names.size()) {
    return TypeError(f + "takes " + std::to_string(names.size()) + " positional argument" +
                     (names.size() == 1 ? "" : "s") + " but " + std::to_string(positional.size()) +
                     (positional.size() == 1 ? " was" : " were") + " given");
  }
  for (const auto& [key, value] : named) {
    auto at = std::find(names.begin(), names.end(), key);
    if (at == names.end()) return TypeError(f + "got an unexpected keyword argument '" + key + "'");
    if (static_cast<size_t>(at - names.begin()) < positional.size()) {
      return TypeError(f + "got multiple values for argument '" + key + "'");
    }
  }
  for (size_t i = 0; i < required; ++i) {
    if (!Find(i, names[i])) {
      return TypeError(f + "missing 1 required positional argument: '" + std::string(names[i]) +
                       "'");
    }
  }
  return Status::Ok();
}

Result<std::optional<Value>> Object::GetAttr(Session&, std::string_view) {
  return std::optional<Value>();
}

Result<std::optional<Value>> Object::GetItem(Session&, const Value&) {
  return std::optional<Value>();
}

Status Object::SetItem(Session&, const Value&, Value) {
  return TypeError(Quoted(TypeName()) + " object does not support item assignment");
}

Result<Value> Object::Call(CallArgs&) {
  return TypeError(Quoted(TypeName()) + " object is not callable");
}

Result<Value> Object::CallMethod(std::string_view name, CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(Value callee, args.session.GetAttr(Value(Ref<Object>(this)), name));
  return args.session.Call(callee, args);
}

std::string Object::Repr() const { return "<" + std::string(TypeName()) + " object>"; }

Result<std::unique_ptr<Iterator>> Object::Iterate(Session&) {
  return TypeError(Quoted(TypeName()) + " object is not iterable");
}

Result<std::optional<bool>> Object::Contains(Session&, const Value&) {
  return std::optional<bool>();
}

bool Object::Equals(const Value& other) const {
  return other.is_object() && &other.object() == this;
}

Result<uint64_t> Object::HashOf() const {
  return static_cast<uint64_t>(reinterpret_cast<uintptr_t>(this) >> 4);
}

Result<std::optional<bool>> Object::LessThan(const Value&) const { return std::optional<bool>(); }

Result<std::optional<Value>> Object::Arithmetic(std::string_view, const Value&, bool) const {
  return std::optional<Value>();
}

Value MakeFunction(std::string name, HostFunction function) {
  return Value(Ref<Object>(new FunctionObject(std::move(name), std::move(function))));
}

}  // namespace tarn::jinja
