#include "jinja/macro.h"

#include "jinja/error.h"
#include "jinja/operations.h"

namespace tarn::jinja {
namespace {

using Item = std::optional<Value>;

class BlockReference : public Object {
 public:
  BlockReference(Evaluator& e, std::string name, std::shared_ptr<Context> context,
                 std::vector<BlockCode> stack, size_t depth)
      : evaluator_(e.self()),
        name_(std::move(name)),
        context_(std::move(context)),
        stack_(std::move(stack)),
        depth_(depth) {}
  std::string_view TypeName() const override { return "BlockReference"; }
  bool Callable() const override { return true; }
  Result<Value> Call(CallArgs&) override {
    auto e = evaluator_.lock();
    if (!e) return RuntimeError("the block's rendering is over");
    TARN_ASSIGN_OR_RETURN(std::string text, (*e)->RunBlock(stack_[depth_], context_));
    return Value(std::move(text));
  }
  Result<Item> GetAttr(Session& session, std::string_view name) override {
    auto e = evaluator_.lock();
    if (name != "super" || !e) return Item();
    if (depth_ + 1 >= stack_.size()) {
      return Item(session.MakeUndefined(
          "super", "there is no parent block called " + StringRepr(name_) + "."));
    }
    return Item(MakeBlockReference(**e, name_, context_, stack_, depth_ + 1));
  }

 private:
  std::weak_ptr<Evaluator*> evaluator_;
  std::string name_;
  std::shared_ptr<Context> context_;
  std::vector<BlockCode> stack_;
  size_t depth_;
};

class TemplateReference : public Object {
 public:
  TemplateReference(Evaluator& e, std::shared_ptr<Context> context)
      : evaluator_(e.self()), context_(std::move(context)) {}
  std::string_view TypeName() const override { return "TemplateReference"; }
  Result<Item> GetItem(Session&, const Value& key) override {
    auto e = evaluator_.lock();
    auto* stack = key.is_string() ? context_->FindBlock(key.str()) : nullptr;
    if (!stack || !e) return Item();
    return Item(MakeBlockReference(**e, key.str(), context_, *stack, 0));
  }
  std::string Repr() const override {
    return "<TemplateReference " + StringRepr(context_->template_name) + ">";
  }

 private:
  std::weak_ptr<Evaluator*> evaluator_;
  std::shared_ptr<Context> context_;
};

}  // namespace

Value MakeBlockReference(Evaluator& evaluator, std::string name, std::shared_ptr<Context> context,
                         std::vector<BlockCode> stack, size_t depth) {
  return Value(Ref<Object>(
      new BlockReference(evaluator, std::move(name), std::move(context), std::move(stack), depth)));
}

Value MakeTemplateReference(Evaluator& evaluator, std::shared_ptr<Context> context) {
  return Value(Ref<Object>(new TemplateReference(evaluator, std::move(context))));
}

// ---- macros ------------------------------------------------------------------------------------

MacroObject::MacroObject(Evaluator& evaluator, const MacroCode& code, Frame* closure)
    : evaluator_(evaluator.self()), code_(code), name_(code.name), closure_(closure) {
  ++closure_->live_closures;
}

MacroObject::~MacroObject() {
  if (!evaluator_.expired()) --closure_->live_closures;
}

Result<Value> MacroObject::Call(CallArgs& args) {
  auto e = evaluator_.lock();
  if (!e)
    return RuntimeError("the macro " + StringRepr(name_) +
                        " was called after its rendering was over");
  std::string_view display = name_.empty() ? std::string_view("caller") : std::string_view(name_);
  return (*e)->RunMacro(code_, closure_, *closure_->program, closure_->context, args, display,
                        !name_.empty() && (*e)->env_.options().return_function);
}

Result<Item> MacroObject::GetAttr(Session&, std::string_view name) {
  if (evaluator_.expired()) return Item();
  if (name == "name") return Item(name_.empty() ? Value::None() : Value(name_));
  if (name == "arguments") {
    ValueList names;
    for (const NameExpr* param : code_.params) names.push_back(Value(param->name));
    return Item(Value::Tuple(std::move(names)));
  }
  if (name == "catch_kwargs") return Item(Value(code_.takes_kwargs));
  if (name == "catch_varargs") return Item(Value(code_.takes_varargs));
  if (name == "caller") return Item(Value(code_.takes_caller));
  return Item();
}

std::string MacroObject::Repr() const {
  return "<Macro " + (name_.empty() ? std::string("anonymous") : StringRepr(name_)) + ">";
}

// ---- loop --------------------------------------------------------------------------------------

LoopObject::LoopObject(Evaluator& evaluator, const ForStmt& node, Frame* closure, Value iterable,
                       std::unique_ptr<Iterator> it, int64_t depth0)
    : evaluator_(evaluator),
      node_(node),
      closure_(closure),
      iterable_(std::move(iterable)),
      it_(std::move(it)),
      depth0_(depth0) {}

void LoopObject::Finish() {
  it_.reset();
  closure_ = nullptr;
  ended_ = true;
}

Result<Item> LoopObject::Next(Session& session) {
  Item item;
  if (after_) {
    item = std::move(after_);
    after_.reset();
  } else if (it_ && !ended_) {
    TARN_ASSIGN_OR_RETURN(item, it_->Next(session));
  }
  if (!item) {
    ended_ = true;
    return item;
  }
  ++index0_;
  before_ = std::move(current_);
  current_ = *item;
  return item;
}

Status LoopObject::Peek(Session& session) {
  if (after_ || ended_ || !it_) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(after_, it_->Next(session));
  if (!after_) ended_ = true;
  return Status::Ok();
}

Result<int64_t> LoopObject::LengthNow(Session& session) {
  if (length_) return *length_;
  if (!iterable_.is_undefined()) length_ = LengthOf(iterable_);
  if (length_) return *length_;
  ValueList rest;
  while (it_ && !ended_) {
    TARN_ASSIGN_OR_RETURN(Item item, it_->Next(session));
    if (!item) break;
    rest.push_back(std::move(*item));
  }
  length_ = static_cast<int64_t>(rest.size()) + index0_ + 1 + (after_ ? 1 : 0);
  if (it_ && !ended_) {
    TARN_ASSIGN_OR_RETURN(it_, jinja::Iterate(session, Value::List(std::move(rest))));
  }
  return *length_;
}

Result<Item> LoopObject::GetAttr(Session& session, std::string_view name) {
  if (name == "index") return Item(Value(index0_ + 1));
  if (name == "index0") return Item(Value(index0_));
  if (name == "first") return Item(Value(index0_ == 0));
  if (name == "depth") return Item(Value(depth0_ + 1));
  if (name == "depth0") return Item(Value(depth0_));
  if (name == "last") {
    TARN_RETURN_IF_ERROR(Peek(session));
    return Item(Value(!after_));
  }
  if (name == "length" || name == "revindex" || name == "revindex0") {
    TARN_ASSIGN_OR_RETURN(int64_t length, LengthNow(session));
    if (name == "length") return Item(Value(length));
    return Item(Value(name == "revindex" ? length - index0_ : length - index0_ - 1));
  }
  if (name == "previtem") {
    return Item(index0_ == 0 ? session.MakeUndefined("", "there is no previous item") : before_);
  }
  if (name == "nextitem") {
    TARN_RETURN_IF_ERROR(Peek(session));
    return Item(after_ ? *after_ : session.MakeUndefined("", "there is no next item"));
  }
  if (name == "cycle" || name == "changed") {
    Ref<LoopObject> self(this);
    bool cycle = name == "cycle";
    return Item(MakeFunction(std::string(name), [self, cycle](CallArgs& args) {
      return cycle ? self->Cycle(args) : self->Changed(args);
    }));
  }
  return Item();
}

Result<Value> LoopObject::CallMethod(std::string_view name, CallArgs& args) {
  if (name == "cycle") return Cycle(args);
  if (name == "changed") return Changed(args);
  return Object::CallMethod(name, args);
}

Result<Value> LoopObject::Cycle(CallArgs& args) {
  if (args.positional.empty()) return TypeError("no items for cycling given");
  return args.positional[static_cast<size_t>(index0_) % args.positional.size()];
}

Result<Value> LoopObject::Changed(CallArgs& args) {
  Value now = Value::Tuple(args.positional);
  if (last_changed_ && Equal(*last_changed_, now)) return Value(false);
  last_changed_ = now;
  return Value(true);
}

Result<Value> LoopObject::Call(CallArgs& args) {
  if (args.positional.size() != 1)
    return TypeError("loop() takes one argument: what to iterate over");
  if (!node_.recursive) {
    return TypeError("The loop must have the 'recursive' marker to be called recursively.");
  }
  if (!closure_) return RuntimeError("the loop is over");
  TARN_ASSIGN_OR_RETURN(std::string text,
                        evaluator_.RunLoop(node_, *closure_, args.positional[0], depth0_ + 1));
  return Value(std::move(text));
}

std::string LoopObject::Repr() const {
  int64_t length = length_.value_or(LengthOf(iterable_).value_or(index0_ + 1));
  return "<LoopContext " + std::to_string(index0_ + 1) + "/" + std::to_string(length) + ">";
}

// ---- namespaces and modules --------------------------------------------------------------------

Result<Item> NamespaceObject::GetAttr(Session&, std::string_view name) {
  const Value* v = values_->Find(name);
  return v ? Item(*v) : Item();
}

Result<Item> NamespaceObject::GetItem(Session& session, const Value& key) {
  return key.is_string() ? GetAttr(session, key.str()) : Item();
}

Status NamespaceObject::SetItem(Session&, const Value& key, Value value) {
  return values_->Set(key, std::move(value));
}

Result<Item> ModuleObject::GetAttr(Session&, std::string_view name) {
  const Value* v = exported_->Find(name);
  return v ? Item(*v) : Item();
}

}  // namespace tarn::jinja
