// Callables of the language itself: macros, callers, `loop`, blocks, namespaces and modules.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "jinja/evaluator.h"

namespace tarn::jinja {

// A macro (or the body of a call block) with the variables around its definition. Works as long as
// the Session lives, and says so afterwards.
class MacroObject : public Object {
 public:
  MacroObject(Evaluator& evaluator, const MacroCode& code, Frame* closure);
  ~MacroObject() override;
  std::string_view TypeName() const override { return "Macro"; }
  bool Callable() const override { return true; }
  Result<Value> Call(CallArgs& args) override;
  Result<std::optional<Value>> GetAttr(Session&, std::string_view name) override;
  std::string Repr() const override;
  const Frame* closure() const { return closure_; }

 private:
  std::weak_ptr<Evaluator*> evaluator_;
  const MacroCode& code_;
  std::string name_;
  Frame* closure_;
};

// `loop`.
class LoopObject : public Object {
 public:
  LoopObject(Evaluator& evaluator, const ForStmt& node, Frame* closure, Value iterable,
             std::unique_ptr<Iterator> it, int64_t depth0);
  std::string_view TypeName() const override { return "LoopContext"; }
  bool Callable() const override { return true; }
  Result<Value> Call(CallArgs& args) override;
  Result<std::optional<Value>> GetAttr(Session& session, std::string_view name) override;
  Result<Value> CallMethod(std::string_view name, CallArgs& args) override;
  std::optional<int64_t> Length() const override { return length_; }
  std::string Repr() const override;
  // The next item of the loop; no value at the end.
  Result<std::optional<Value>> Next(Session& session);
  // After the loop nothing of its frame may be reached.
  void Finish();

 private:
  Result<int64_t> LengthNow(Session& session);
  Status Peek(Session& session);
  Result<Value> Cycle(CallArgs& args);
  Result<Value> Changed(CallArgs& args);

  Evaluator& evaluator_;
  const ForStmt& node_;
  Frame* closure_;
  Value iterable_;
  std::unique_ptr<Iterator> it_;
  int64_t depth0_;
  int64_t index0_ = -1;
  std::optional<int64_t> length_;
  std::optional<Value> after_;
  bool ended_ = false;
  Value current_;
  Value before_;
  std::optional<Value> last_changed_;
};

// namespace(...).
class NamespaceObject : public Object {
 public:
  explicit NamespaceObject(Ref<Dict> values) : values_(std::move(values)) {}
  std::string_view TypeName() const override { return "Namespace"; }
  Result<std::optional<Value>> GetAttr(Session&, std::string_view name) override;
  Result<std::optional<Value>> GetItem(Session&, const Value& key) override;
  Status SetItem(Session&, const Value& key, Value value) override;
  std::string Repr() const override { return "<Namespace " + Value(values_).Repr() + ">"; }

 private:
  Ref<Dict> values_;
};

// An imported template: its exported names, and its text.
class ModuleObject : public Object {
 public:
  ModuleObject(std::string name, Ref<Dict> exported, std::string text)
      : name_(std::move(name)), exported_(std::move(exported)), text_(std::move(text)) {}
  std::string_view TypeName() const override { return "TemplateModule"; }
  Result<std::optional<Value>> GetAttr(Session&, std::string_view name) override;
  std::string Str() const override { return text_; }
  std::string Repr() const override { return "<TemplateModule " + StringRepr(name_) + ">"; }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  Ref<Dict> exported_;
  std::string text_;
};

// A block of the template or of a parent: self.name, super().
Value MakeBlockReference(Evaluator& evaluator, std::string name, std::shared_ptr<Context> context,
                         std::vector<BlockCode> stack, size_t depth);
Value MakeTemplateReference(Evaluator& evaluator, std::shared_ptr<Context> context);

}  // namespace tarn::jinja
