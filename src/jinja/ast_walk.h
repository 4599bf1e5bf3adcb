// Visits the direct children of an expression, in the order in which Jinja2 looks at them.
#pragma once

#include "jinja/ast.h"

namespace tarn::jinja {

template <typename F>
void ForEachArgument(const Arguments& args, const F& f) {
  for (Expr* e : args.positional) f(e);
  for (const KeywordArg& k : args.named) f(k.value);
  if (args.dyn_positional) f(args.dyn_positional);
  if (args.dyn_named) f(args.dyn_named);
}

template <typename F>
void ForEachChild(Expr* e, const F& f) {
  auto each = [&](std::initializer_list<Expr*> children) {
    for (Expr* child : children) {
      if (child) f(child);
    }
  };
  switch (e->type) {
    case ExprType::kConst:
    case ExprType::kName:
    case ExprType::kNsRef: return;
    case ExprType::kTuple:
    case ExprType::kList:
    case ExprType::kConcat:
      for (Expr* item : static_cast<SequenceExpr*>(e)->items) f(item);
      return;
    case ExprType::kDict: {
      auto* d = static_cast<DictExpr*>(e);
      for (size_t i = 0; i < d->keys.size(); ++i) each({d->keys[i], d->values[i]});
      return;
    }
    case ExprType::kCond: {
      auto* c = static_cast<CondExpr*>(e);
      return each({c->test, c->yes, c->no});
    }
    case ExprType::kAnd:
    case ExprType::kOr:
    case ExprType::kBinary:
      return each({static_cast<BinaryExpr*>(e)->left, static_cast<BinaryExpr*>(e)->right});
    case ExprType::kNot:
    case ExprType::kNeg:
    case ExprType::kPos: return f(static_cast<UnaryExpr*>(e)->operand);
    case ExprType::kCompare:
      f(static_cast<CompareExpr*>(e)->first);
      for (Expr* operand : static_cast<CompareExpr*>(e)->operands) f(operand);
      return;
    case ExprType::kGetattr: return f(static_cast<GetattrExpr*>(e)->object);
    case ExprType::kGetitem:
      return each({static_cast<GetitemExpr*>(e)->object, static_cast<GetitemExpr*>(e)->key});
    case ExprType::kSlice: {
      auto* s = static_cast<SliceExpr*>(e);
      return each({s->start, s->stop, s->step});
    }
    case ExprType::kCall:
      f(static_cast<CallExpr*>(e)->callee);
      return ForEachArgument(static_cast<CallExpr*>(e)->args, f);
    case ExprType::kFilter:
    case ExprType::kTest:
      if (static_cast<FilterExpr*>(e)->operand) f(static_cast<FilterExpr*>(e)->operand);
      return ForEachArgument(static_cast<FilterExpr*>(e)->args, f);
  }
}

// What Jinja2's optimizer computes ahead: no names, no calls, no filters that look at the context.
inline bool IsConstant(const Expr* e) {
  if (e->type == ExprType::kName || e->type == ExprType::kNsRef || e->type == ExprType::kCall) {
    return false;
  }
  if (e->type == ExprType::kFilter) {
    std::string_view name = static_cast<const FilterExpr*>(e)->name;
    for (std::string_view looks :
         {"map", "select", "reject", "selectattr", "rejectattr", "random"}) {
      if (name == looks) return false;
    }
  }
  bool all = true;
  ForEachChild(const_cast<Expr*>(e), [&](Expr* child) { all = all && IsConstant(child); });
  return all;
}

}  // namespace tarn::jinja
