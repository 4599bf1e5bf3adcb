#include "jinja/ast_walk.h"
#include "jinja/error.h"
#include "jinja/evaluator.h"
#include "jinja/operations.h"

namespace tarn::jinja {

Result<Value> Evaluator::Eval(const Expr* e, Frame& f) {
  // The common ones without another call.
  if (e->type == ExprType::kConst) return *static_cast<const ConstExpr*>(e)->value;
  if (e->type == ExprType::kName) return EvalName(static_cast<const NameExpr*>(e), f);
  Result<Value> r = EvalInner(e, f);
  if (!r.ok()) Note(e->offset, *f.program);
  return r;
}

Result<Value> Evaluator::EvalInner(const Expr* e, Frame& f) {
  switch (e->type) {
    case ExprType::kConst: return *static_cast<const ConstExpr*>(e)->value;
    case ExprType::kName: return EvalName(static_cast<const NameExpr*>(e), f);
    case ExprType::kTuple: {
      TARN_ASSIGN_OR_RETURN(ValueList items,
                            EvalItems(static_cast<const SequenceExpr*>(e)->items, f));
      return Value::Tuple(std::move(items));
    }
    case ExprType::kList: {
      TARN_ASSIGN_OR_RETURN(ValueList items,
                            EvalItems(static_cast<const SequenceExpr*>(e)->items, f));
      return Value::List(std::move(items));
    }
    case ExprType::kDict: return EvalDict(static_cast<const DictExpr*>(e), f);
    case ExprType::kCond: return EvalCond(static_cast<const CondExpr*>(e), f);
    case ExprType::kAnd:
    case ExprType::kOr: return EvalLogic(static_cast<const BinaryExpr*>(e), f);
    case ExprType::kNot:
    case ExprType::kNeg:
    case ExprType::kPos: return EvalUnary(static_cast<const UnaryExpr*>(e), f);
    case ExprType::kBinary: {
      auto* binary = static_cast<const BinaryExpr*>(e);
      TARN_ASSIGN_OR_RETURN(Value left, Eval(binary->left, f));
      TARN_ASSIGN_OR_RETURN(Value right, Eval(binary->right, f));
      return BinaryOperation(session_, binary->op, left, right);
    }
    case ExprType::kConcat: return EvalConcat(static_cast<const SequenceExpr*>(e), f);
    case ExprType::kCompare: return EvalCompare(static_cast<const CompareExpr*>(e), f);
    case ExprType::kGetattr: {
      auto* get = static_cast<const GetattrExpr*>(e);
      TARN_ASSIGN_OR_RETURN(Value object, Eval(get->object, f));
      return Attribute(session_, object, get->attr);
    }
    case ExprType::kGetitem: return EvalGetitem(static_cast<const GetitemExpr*>(e), f);
    case ExprType::kCall: return EvalCall(static_cast<const CallExpr*>(e), f);
    case ExprType::kFilter: return EvalFilter(static_cast<const FilterExpr*>(e), f);
    case ExprType::kTest: return EvalTest(static_cast<const FilterExpr*>(e), f);
    case ExprType::kNsRef:
    case ExprType::kSlice: break;
  }
  return RuntimeError("this expression has no value");
}

Result<Value> Evaluator::EvalName(const NameExpr* e, Frame& f) {
  Frame* at = &f;
  for (uint16_t up = e->ref.up; up > 0; --up) at = at->parent;
  const Slot& slot = at->slots[e->ref.slot];
  if (slot.state == Slot::kSet) return slot.value;
  return Read(e->ref, e->name, f);
}

Value Evaluator::Read(VarRef ref, std::string_view name, Frame& f) {
  Frame* at = &f;
  for (uint16_t up = ref.up; up > 0; --up) at = at->parent;
  Slot& slot = at->slots[ref.slot];
  if (slot.state == Slot::kLazy) {
    if (auto found = Find(*at->context, name)) {
      slot.value = std::move(*found);
      slot.state = Slot::kSet;
    } else {
      slot.state = Slot::kMissing;
    }
  }
  if (slot.state == Slot::kSet) return slot.value;
  return session_.MakeUndefined(std::string(name));
}

Result<ValueList> Evaluator::EvalItems(std::span<Expr*> items, Frame& f) {
  ValueList out;
  out.reserve(items.size());
  for (const Expr* item : items) {
    TARN_ASSIGN_OR_RETURN(Value v, Eval(item, f));
    out.push_back(std::move(v));
  }
  return out;
}

Result<Value> Evaluator::EvalDict(const DictExpr* e, Frame& f) {
  auto dict = MakeRef<Dict>();
  for (size_t i = 0; i < e->keys.size(); ++i) {
    TARN_ASSIGN_OR_RETURN(Value key, Eval(e->keys[i], f));
    TARN_ASSIGN_OR_RETURN(Value value, Eval(e->values[i], f));
    TARN_RETURN_IF_ERROR(dict->Set(key, std::move(value)));
  }
  return Value(dict);
}

Result<bool> Evaluator::Truth(const Value& v) {
  if (v.is_undefined() && v.undefined_mode() == UndefinedMode::kStrict) {
    return UndefinedError(v.undefined_message());
  }
  return v.Truthy();
}

Result<std::string> Evaluator::Text(const Value& v) {
  if (v.is_undefined() && v.undefined_mode() == UndefinedMode::kStrict) {
    return UndefinedError(v.undefined_message());
  }
  return v.Str();
}

Result<Value> Evaluator::EvalCond(const CondExpr* e, Frame& f) {
  TARN_ASSIGN_OR_RETURN(Value test, Eval(e->test, f));
  TARN_ASSIGN_OR_RETURN(bool yes, Truth(test));
  if (yes) return Eval(e->yes, f);
  if (e->no) return Eval(e->no, f);
  // Always the lenient class, whatever the session's is: Jinja2 does so on purpose.
  int line = 0;
  f.program->Locate(e->offset, &line, nullptr);
  return Value::Undefined("", UndefinedMode::kLenient,
                          "the inline if-expression on line " + std::to_string(line) + " in " +
                              StringRepr(f.program->name) +
                              " evaluated to false and no else section was defined.");
}

Result<Value> Evaluator::EvalLogic(const BinaryExpr* e, Frame& f) {
  TARN_ASSIGN_OR_RETURN(Value left, Eval(e->left, f));
  TARN_ASSIGN_OR_RETURN(bool yes, Truth(left));
  if (yes == (e->type == ExprType::kOr)) return left;
  return Eval(e->right, f);
}

Result<Value> Evaluator::EvalUnary(const UnaryExpr* e, Frame& f) {
  TARN_ASSIGN_OR_RETURN(Value v, Eval(e->operand, f));
  if (e->type == ExprType::kNot) {
    TARN_ASSIGN_OR_RETURN(bool yes, Truth(v));
    return Value(!yes);
  }
  if (v.is_undefined()) return UndefinedError(v.undefined_message());
  const bool negative = e->type == ExprType::kNeg;
  if (v.is_number()) return negative ? Negate(v) : v.is_bool() ? Value(v.as_int()) : v;
  if (v.is_object() && negative) {
    TARN_ASSIGN_OR_RETURN(auto r, v.object().Arithmetic("*", Value(-1), false));
    if (r) return *r;
  }
  return TypeError(std::string("bad operand type for unary ") + (negative ? "-" : "+") + ": '" +
                   std::string(v.TypeName()) + "'");
}

Result<bool> Evaluator::CompareOnce(CompareOp op, const Value& a, const Value& b) {
  if (op != CompareOp::kIn && op != CompareOp::kNotIn) {
    for (const Value* v : {&a, &b}) {
      if (v->is_undefined() && v->undefined_mode() == UndefinedMode::kStrict) {
        return UndefinedError(v->undefined_message());
      }
    }
  }
  switch (op) {
    case CompareOp::kEq: return Equal(a, b);
    case CompareOp::kNe: return !Equal(a, b);
    case CompareOp::kLt: return Less(a, b);
    case CompareOp::kGt: return Less(b, a);
    case CompareOp::kLe:
    case CompareOp::kGe: {
      if (a.is_number() && b.is_number() && !CompareNumbers(a, b)) return false;  // NaN
      const bool le = op == CompareOp::kLe;
      if (a.is_set() && b.is_set()) {
        if (Equal(a, b)) return true;
        return le ? Less(a, b) : Less(b, a);
      }
      TARN_ASSIGN_OR_RETURN(bool less, le ? Less(b, a) : Less(a, b));
      return !less;
    }
    case CompareOp::kIn: return ContainsItem(session_, b, a);
    case CompareOp::kNotIn: {
      TARN_ASSIGN_OR_RETURN(bool in, ContainsItem(session_, b, a));
      return !in;
    }
  }
  return false;
}

Result<Value> Evaluator::EvalCompare(const CompareExpr* e, Frame& f) {
  TARN_ASSIGN_OR_RETURN(Value left, Eval(e->first, f));
  for (size_t i = 0; i < e->ops.size(); ++i) {
    TARN_ASSIGN_OR_RETURN(Value right, Eval(e->operands[i], f));
    TARN_ASSIGN_OR_RETURN(bool holds, CompareOnce(e->ops[i], left, right));
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Result<Value> Evaluator::EvalConcat(const SequenceExpr* e, Frame& f) {
  TARN_ASSIGN_OR_RETURN(ValueList items, EvalItems(e->items, f));
  std::string out;
  for (const Value& v : items) {
    if (v.is_string()) {
      out += v.str();
      continue;
    }
    TARN_ASSIGN_OR_RETURN(std::string text, Text(v));
    out += text;
  }
  return Value(std::move(out));
}

Result<Value> Evaluator::EvalGetitem(const GetitemExpr* e, Frame& f) {
  TARN_ASSIGN_OR_RETURN(Value object, Eval(e->object, f));
  if (e->key->type != ExprType::kSlice) {
    TARN_ASSIGN_OR_RETURN(Value key, Eval(e->key, f));
    return Subscript(session_, object, key);
  }
  auto* slice = static_cast<const SliceExpr*>(e->key);
  Value bounds[3] = {Value::None(), Value::None(), Value::None()};
  const Expr* parts[3] = {slice->start, slice->stop, slice->step};
  for (int i = 0; i < 3; ++i) {
    if (!parts[i]) continue;
    TARN_ASSIGN_OR_RETURN(bounds[i], Eval(parts[i], f));
  }
  Result<Value> r = SliceOf(object, bounds[0], bounds[1], bounds[2]);
  // What is printed and constant Jinja2 computes ahead, where a slice that fails is undefined.
  if (!r.ok() && printed_ && IsConstant(printed_))
    return Subscript(session_, object, Value::None());
  return r;
}

Status Evaluator::ExpandNamed(const Value& v, CallArgs* out) {
  auto add = [&](const Value& key, const Value& value) {
    if (!key.is_string()) return TypeError("keywords must be strings");
    for (const auto& [name, unused] : out->named) {
      if (name == key.str()) {
        return TypeError("got multiple values for keyword argument '" + name + "'");
      }
    }
    out->named.emplace_back(key.str(), value);
    return Status::Ok();
  };
  if (v.is_dict()) {
    for (const auto& entry : v.dict().entries()) TARN_RETURN_IF_ERROR(add(entry.key, entry.value));
    return Status::Ok();
  }
  std::optional<std::vector<std::pair<Value, Value>>> items;
  if (v.is_object()) items = v.object().Items();
  if (!items) {
    return TypeError("argument after ** must be a mapping, not " + std::string(v.TypeName()));
  }
  for (const auto& [key, value] : *items) TARN_RETURN_IF_ERROR(add(key, value));
  return Status::Ok();
}

Status Evaluator::EvalArguments(const Arguments& a, Frame& f, CallArgs* out) {
  out->positional.reserve(out->positional.size() + a.positional.size());
  for (const Expr* e : a.positional) {
    TARN_ASSIGN_OR_RETURN(Value v, Eval(e, f));
    out->positional.push_back(std::move(v));
  }
  if (a.dyn_positional) {
    TARN_ASSIGN_OR_RETURN(Value v, Eval(a.dyn_positional, f));
    if (!IsIterable(v)) {
      if (v.is_undefined()) return UndefinedError(v.undefined_message());
      return TypeError("argument after * must be an iterable, not " + std::string(v.TypeName()));
    }
    TARN_ASSIGN_OR_RETURN(ValueList items, ToList(session_, v));
    for (Value& item : items) out->positional.push_back(std::move(item));
  }
  for (const KeywordArg& k : a.named) {
    TARN_ASSIGN_OR_RETURN(Value v, Eval(k.value, f));
    out->named.emplace_back(std::string(k.name), std::move(v));
  }
  if (a.dyn_named) {
    TARN_ASSIGN_OR_RETURN(Value v, Eval(a.dyn_named, f));
    TARN_RETURN_IF_ERROR(ExpandNamed(v, out));
  }
  return Status::Ok();
}

Result<Value> Evaluator::EvalCall(const CallExpr* e, Frame& f, const Value* caller) {
  CallArgs args(session_);
  auto finish = [&]() -> Status {
    TARN_RETURN_IF_ERROR(EvalArguments(e->args, f, &args));
    if (caller) args.named.emplace_back("caller", *caller);
    // Where the call is, for the stack.
    at_offset_ = e->offset;
    at_program_ = f.program;
    return Step();
  };
  if (e->callee->type == ExprType::kGetattr) {
    auto* get = static_cast<const GetattrExpr*>(e->callee);
    TARN_ASSIGN_OR_RETURN(Value object, Eval(get->object, f));
    const bool method = !object.is_undefined() && !get->attr.starts_with("__");
    if (!method) {
      TARN_ASSIGN_OR_RETURN(Value callee, Attribute(session_, object, get->attr));
      TARN_RETURN_IF_ERROR(finish());
      return Call(callee, args);
    }
    TARN_RETURN_IF_ERROR(finish());
    if (!object.is_object()) return CallMethodOf(object, get->attr, args);
    if (depth_ >= session_.options().limits.max_depth || StackIsLow()) {
      return MakeError("RecursionError", "maximum recursion depth exceeded");
    }
    ++depth_;
    Result<Value> r = CallMethodOf(object, get->attr, args);
    --depth_;
    if (r.ok()) noted_ = false;  // what failed inside, the host has handled
    return r;
  }
  TARN_ASSIGN_OR_RETURN(Value callee, Eval(e->callee, f));
  TARN_RETURN_IF_ERROR(finish());
  return Call(callee, args);
}

Result<Value> Evaluator::Call(const Value& callee, CallArgs& args) {
  if (depth_ >= session_.options().limits.max_depth || StackIsLow()) {
    return MakeError("RecursionError", "maximum recursion depth exceeded");
  }
  ++depth_;
  Result<Value> r = CallValue(callee, args);
  --depth_;
  if (r.ok()) noted_ = false;  // what failed inside, the host has handled
  return r;
}

Result<Value> Evaluator::EvalFilter(const FilterExpr* e, Frame& f) {
  CallArgs args(session_);
  if (e->operand) {
    TARN_ASSIGN_OR_RETURN(Value v, Eval(e->operand, f));
    args.positional.push_back(std::move(v));
  } else {
    args.positional.push_back(Value(out_ ? *out_ : std::string()));  // what a filter block captured
  }
  TARN_RETURN_IF_ERROR(EvalArguments(e->args, f, &args));
  if (!e->function) return RuntimeError("No filter named '" + std::string(e->name) + "' found.");
  TARN_RETURN_IF_ERROR(Step());
  return (*e->function)(args);
}

Result<Value> Evaluator::EvalTest(const FilterExpr* e, Frame& f) {
  CallArgs args(session_);
  TARN_ASSIGN_OR_RETURN(Value v, Eval(e->operand, f));
  args.positional.push_back(std::move(v));
  TARN_RETURN_IF_ERROR(EvalArguments(e->args, f, &args));
  if (!e->function) return RuntimeError("No test named '" + std::string(e->name) + "' found.");
  TARN_RETURN_IF_ERROR(Step());
  return (*e->function)(args);
}

}  // namespace tarn::jinja
