#include <algorithm>
#include <utility>

#include "jinja/error.h"
#include "jinja/evaluator.h"
#include "jinja/macro.h"
#include "jinja/operations.h"

namespace tarn::jinja {

// Sends output into a text of its own while it lives.
struct Evaluator::Capture {
  explicit Capture(Evaluator& e) : evaluator(e), outer(e.out_) { e.out_ = &text; }
  ~Capture() {
    evaluator.out_ = outer;
    (void)evaluator.Joined(&text).ok();
  }
  Evaluator& evaluator;
  std::string* outer;
  std::string text;
};

Status Evaluator::Exec(Stmts body, Frame& f) {
  for (const Stmt* s : body) {
    Status status = Exec(s, f);
    if (!status.ok()) {
      Note(s->offset, *f.program);
      return status;
    }
    if (signal_ != Signal::kNone) return Status::Ok();
  }
  return Status::Ok();
}

Status Evaluator::Exec(const Stmt* s, Frame& f) {
  switch (s->type) {
    case StmtType::kData:
      if (f.checks_extends && f.context->parent_template) return Status::Ok();
      return Emit(static_cast<const DataStmt*>(s)->text);
    case StmtType::kPrint: return ExecPrint(static_cast<const ExprStmt*>(s), f);
    case StmtType::kDo: return Eval(static_cast<const ExprStmt*>(s)->expr, f).status();
    case StmtType::kIf: return ExecIf(static_cast<const IfStmt*>(s), f);
    case StmtType::kFor: return ExecFor(static_cast<const ForStmt*>(s), f);
    case StmtType::kSet: return ExecSet(static_cast<const SetStmt*>(s), f);
    case StmtType::kSetBlock: return ExecSetBlock(static_cast<const SetBlockStmt*>(s), f);
    case StmtType::kMacro: return ExecMacro(static_cast<const MacroStmt*>(s), f);
    case StmtType::kCallBlock: return ExecCallBlock(static_cast<const CallBlockStmt*>(s), f);
    case StmtType::kFilterBlock: return ExecFilterBlock(static_cast<const FilterBlockStmt*>(s), f);
    case StmtType::kWith: return ExecWith(static_cast<const WithStmt*>(s), f);
    case StmtType::kScope: {
      auto* scope = static_cast<const ScopeStmt*>(s);
      Enter(scope->scope, f);
      TARN_RETURN_IF_ERROR(Eval(scope->option, f).status());
      return Exec(scope->body, f);
    }
    case StmtType::kBreak: signal_ = Signal::kBreak; return Status::Ok();
    case StmtType::kContinue: signal_ = Signal::kContinue; return Status::Ok();
    case StmtType::kInclude: return ExecInclude(static_cast<const IncludeStmt*>(s), f);
    case StmtType::kImport:
    case StmtType::kFromImport: return ExecImport(static_cast<const ImportStmt*>(s), f);
    case StmtType::kExtends: return ExecExtends(static_cast<const ExtendsStmt*>(s), f);
    case StmtType::kBlock: return ExecBlock(static_cast<const BlockStmt*>(s), f);
  }
  return Status::Ok();
}

Status Evaluator::ExecPrint(const ExprStmt* s, Frame& f) {
  if (f.checks_extends && f.context->parent_template) return Status::Ok();
  TARN_RETURN_IF_ERROR(Step());
  const Expr* outer = std::exchange(printed_, s->expr);
  Result<Value> printed = Eval(s->expr, f);
  printed_ = outer;
  TARN_ASSIGN_OR_RETURN(const Value v, std::move(printed));
  if (v.is_string()) return Emit(v.str());
  TARN_ASSIGN_OR_RETURN(std::string text, Text(v));
  return Emit(text);
}

Status Evaluator::ExecIf(const IfStmt* s, Frame& f) {
  for (const IfBranch& b : s->branches) {
    TARN_ASSIGN_OR_RETURN(Value test, Eval(b.test, f));
    TARN_ASSIGN_OR_RETURN(bool yes, Truth(test));
    if (yes) return Exec(b.body, f);
  }
  return Exec(s->otherwise, f);
}

Slot& Evaluator::At(VarRef ref, Frame& f) {
  Frame* at = &f;
  for (uint16_t up = ref.up; up > 0; --up) at = at->parent;
  return at->slots[ref.slot];
}

void Evaluator::Enter(const ScopeInfo& scope, Frame& f) {
  for (const LoadOp& op : scope.loads) {
    Slot& slot = f.slots[op.slot];
    switch (op.action) {
      case LoadAction::kParameter: break;
      case LoadAction::kResolve:
        slot.value = Value();
        slot.state = Slot::kLazy;
        break;
      case LoadAction::kUndefined:
        slot.value = Value();
        slot.state = Slot::kMissing;
        break;
      case LoadAction::kAlias: {
        Read(op.source, op.name, f);  // looks a lazy one up
        slot = At(op.source, f);
        break;
      }
    }
  }
}

Status Evaluator::Assign(const Expr* target, Value v, Frame& f) {
  switch (target->type) {
    case ExprType::kName: {
      Slot& slot = At(static_cast<const NameExpr*>(target)->ref, f);
      slot.value = std::move(v);
      slot.state = Slot::kSet;
      return Status::Ok();
    }
    case ExprType::kNsRef: {
      auto* ns = static_cast<const NsRefExpr*>(target);
      Value object = Read(ns->ref, ns->name, f);
      return object.object().SetItem(session_, Value(ns->attr), std::move(v));
    }
    default: break;
  }
  const auto& targets = static_cast<const SequenceExpr*>(target)->items;
  if (!IsIterable(v)) {
    if (v.is_undefined()) return UndefinedError(v.undefined_message());
    return TypeError("cannot unpack non-iterable " + std::string(v.TypeName()) + " object");
  }
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(session_, v));
  if (items.size() < targets.size()) {
    return ValueError("not enough values to unpack (expected " + std::to_string(targets.size()) +
                      ", got " + std::to_string(items.size()) + ")");
  }
  if (items.size() > targets.size()) {
    return ValueError("too many values to unpack (expected " + std::to_string(targets.size()) +
                      ")");
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    TARN_RETURN_IF_ERROR(Assign(targets[i], std::move(items[i]), f));
  }
  return Status::Ok();
}

Status Evaluator::CheckNamespaces(const Expr* target, Frame& f) {
  if (target->type == ExprType::kNsRef) {
    auto* ns = static_cast<const NsRefExpr*>(target);
    if (!Read(ns->ref, ns->name, f).As<NamespaceObject>()) {
      return RuntimeError("cannot assign attribute on non-namespace object");
    }
  } else if (target->type == ExprType::kTuple) {
    for (const Expr* item : static_cast<const SequenceExpr*>(target)->items) {
      TARN_RETURN_IF_ERROR(CheckNamespaces(item, f));
    }
  }
  return Status::Ok();
}

void Evaluator::ExportName(std::string_view name, const Value& v, Context& context) {
  context.vars->Set(name, v);
  if (name.starts_with('_')) return;
  auto& exported = context.exported;
  if (std::find(exported.begin(), exported.end(), name) == exported.end())
    exported.emplace_back(name);
}

void Evaluator::Export(const Expr* target, Frame& f) {
  if (target->type == ExprType::kName) {
    auto* name = static_cast<const NameExpr*>(target);
    ExportName(name->name, At(name->ref, f).value, *f.context);
  } else if (target->type == ExprType::kTuple) {
    for (const Expr* item : static_cast<const SequenceExpr*>(target)->items) Export(item, f);
  }
}

Status Evaluator::ExecSet(const SetStmt* s, Frame& f) {
  TARN_RETURN_IF_ERROR(Step());
  TARN_RETURN_IF_ERROR(CheckNamespaces(s->target, f));
  TARN_ASSIGN_OR_RETURN(Value v, Eval(s->value, f));
  TARN_RETURN_IF_ERROR(Assign(s->target, std::move(v), f));
  if (s->toplevel) Export(s->target, f);
  return Status::Ok();
}

Status Evaluator::ExecSetBlock(const SetBlockStmt* s, Frame& f) {
  TARN_RETURN_IF_ERROR(Step());
  Value result;
  {
    Capture capture(*this);
    bool checks = std::exchange(f.checks_extends, false);
    Enter(s->scope, f);
    Status status = Exec(s->body, f);
    f.checks_extends = checks;
    TARN_RETURN_IF_ERROR(status);
    if (signal_ != Signal::kNone) return Status::Ok();
    if (s->filter) {
      TARN_ASSIGN_OR_RETURN(result, Eval(s->filter, f));
    } else {
      TARN_RETURN_IF_ERROR(Joined(&capture.text));
      result = Value(std::move(capture.text));
    }
  }
  TARN_RETURN_IF_ERROR(CheckNamespaces(s->target, f));
  TARN_RETURN_IF_ERROR(Assign(s->target, std::move(result), f));
  if (s->toplevel) Export(s->target, f);
  return Status::Ok();
}

Status Evaluator::ExecFilterBlock(const FilterBlockStmt* s, Frame& f) {
  TARN_RETURN_IF_ERROR(Step());
  Value result;
  {
    Capture capture(*this);
    Enter(s->scope, f);
    TARN_RETURN_IF_ERROR(Exec(s->body, f));
    if (signal_ != Signal::kNone) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(Value v, Eval(s->filter, f));
    result = std::move(v);
  }
  return EmitValue(result);
}

Status Evaluator::ExecWith(const WithStmt* s, Frame& f) {
  TARN_RETURN_IF_ERROR(Step());
  Enter(s->scope, f);
  for (size_t i = 0; i < s->targets.size(); ++i) {
    TARN_ASSIGN_OR_RETURN(Value v, Eval(s->values[i], f));
    TARN_RETURN_IF_ERROR(Assign(s->targets[i], std::move(v), f));
  }
  return Exec(s->body, f);
}

Status Evaluator::ExecMacro(const MacroStmt* s, Frame& f) {
  // Tests, materializations and the like are only called by the host.
  Value macro(Ref<Object>(new MacroObject(*this, *s->code, &f)));
  Slot& slot = At(s->ref, f);
  slot.value = macro;
  slot.state = Slot::kSet;
  if (s->toplevel) ExportName(s->code->name, macro, *f.context);
  return Status::Ok();
}

Status Evaluator::ExecCallBlock(const CallBlockStmt* s, Frame& f) {
  TARN_RETURN_IF_ERROR(Step());
  Value caller(Ref<Object>(new MacroObject(*this, *s->code, &f)));
  Result<Value> r = EvalCall(s->call, f, &caller);
  if (!r.ok()) {
    Note(s->call->offset, *f.program);
    return r.status();
  }
  return EmitValue(*r);
}

Result<std::unique_ptr<Iterator>> Evaluator::Filtered(const ForStmt& s, Frame& f,
                                                      std::unique_ptr<Iterator> it) {
  // The loop's condition has variables of its own, and runs when an item is asked for.
  class FilterIterator : public Iterator {
   public:
    FilterIterator(Evaluator& e, const ForStmt& s, Frame& f, std::unique_ptr<Iterator> it)
        : evaluator_(e),
          node_(s),
          frame_(s.test_function, *f.program, f.context, &f),
          it_(std::move(it)) {
      evaluator_.Enter(node_.test_scope, frame_);
    }
    Result<std::optional<Value>> Next(Session& session) override {
      for (;;) {
        TARN_RETURN_IF_ERROR(evaluator_.Step());
        TARN_ASSIGN_OR_RETURN(auto item, it_->Next(session));
        if (!item) return item;
        TARN_RETURN_IF_ERROR(evaluator_.Assign(node_.test_target, *item, frame_));
        TARN_ASSIGN_OR_RETURN(Value test, evaluator_.Eval(node_.test, frame_));
        TARN_ASSIGN_OR_RETURN(bool yes, evaluator_.Truth(test));
        if (yes) return item;
      }
    }

   private:
    Evaluator& evaluator_;
    const ForStmt& node_;
    Frame frame_;
    std::unique_ptr<Iterator> it_;
  };
  return std::unique_ptr<Iterator>(new FilterIterator(*this, s, f, std::move(it)));
}

Status Evaluator::ExecFor(const ForStmt* s, Frame& f) {
  TARN_RETURN_IF_ERROR(Step());
  TARN_ASSIGN_OR_RETURN(Value iterable, Eval(s->iter, f));
  if (s->recursive) {
    TARN_ASSIGN_OR_RETURN(std::string text, RunLoop(*s, f, iterable, 0));
    return Emit(text);
  }
  auto it = Iterate(session_, iterable);
  if (!it.ok()) {
    Note(s->iter->offset, *f.program);
    return it.status();
  }
  if (s->test) {
    TARN_ASSIGN_OR_RETURN(auto filtered, Filtered(*s, f, std::move(*it)));
    if (!s->extended) return LoopOver(*s, f, iterable, nullptr, std::move(filtered));
    Ref<LoopObject> loop(new LoopObject(*this, *s, nullptr, Value(), std::move(filtered), 0));
    Status status = LoopOver(*s, f, iterable, loop.get(), nullptr);
    loop->Finish();
    return status;
  }
  if (!s->extended) return LoopOver(*s, f, iterable, nullptr, std::move(*it));
  Ref<LoopObject> loop(new LoopObject(*this, *s, nullptr, iterable, std::move(*it), 0));
  Status status = LoopOver(*s, f, iterable, loop.get(), nullptr);
  loop->Finish();
  return status;
}

Status Evaluator::LoopOver(const ForStmt& s, Frame& f, const Value& iterable, LoopObject* loop,
                           std::unique_ptr<Iterator> it) {
  bool none = true;
  for (;;) {
    TARN_RETURN_IF_ERROR(Step());
    auto next = loop ? loop->Next(session_) : it->Next(session_);
    if (!next.ok()) {
      Note(s.iter->offset, *f.program);
      return next.status();
    }
    if (!*next) break;
    TARN_RETURN_IF_ERROR(Assign(s.target, std::move(**next), f));
    if (loop) {
      f.slots[s.loop_slot].value = Value(Ref<Object>(loop));
      f.slots[s.loop_slot].state = Slot::kSet;
    }
    Enter(s.body_scope, f);
    TARN_RETURN_IF_ERROR(Exec(s.body, f));
    if (signal_ == Signal::kBreak) {
      // As in Jinja2, a broken loop counts as not run when it broke in its first round.
      signal_ = Signal::kNone;
      break;
    }
    if (signal_ == Signal::kContinue) {
      signal_ = Signal::kNone;
      continue;
    }
    none = false;
  }
  if (loop) f.slots[s.loop_slot] = Slot();
  if (!none || s.otherwise.empty()) return Status::Ok();
  Enter(s.else_scope, f);
  return Exec(s.otherwise, f);
}

Result<std::string> Evaluator::RunLoop(const ForStmt& s, Frame& closure, const Value& iterable,
                                       int64_t depth0) {
  if (depth_ >= session_.options().limits.max_depth || StackIsLow()) {
    return MakeError("RecursionError", "maximum recursion depth exceeded");
  }
  TARN_ASSIGN_OR_RETURN(auto it, Iterate(session_, iterable));
  Capture capture(*this);
  ++depth_;
  Status status =
      InFrame(s.loop_function, *closure.program, closure.context, &closure, [&](Frame& f) {
        f.checks_extends = closure.checks_extends;
        if (s.test) {
          TARN_ASSIGN_OR_RETURN(it, Filtered(s, closure, std::move(it)));
        }
        Ref<LoopObject> loop(
            new LoopObject(*this, s, &closure, s.test ? Value() : iterable, std::move(it), depth0));
        Status done = LoopOver(s, f, iterable, loop.get(), nullptr);
        loop->Finish();
        return done;
      });
  --depth_;
  TARN_RETURN_IF_ERROR(status);
  TARN_RETURN_IF_ERROR(Joined(&capture.text));
  return std::move(capture.text);
}

}  // namespace tarn::jinja
