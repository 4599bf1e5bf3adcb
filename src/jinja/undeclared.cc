#include "jinja/undeclared.h"

#include "jinja/ast_walk.h"

namespace tarn::jinja {
namespace {

class Walk {
 public:
  explicit Walk(std::string_view name) : name_(name) {}
  void Body(Stmts body) {
    for (Stmt* s : body) {
      if (done_) return;
      Statement(s);
    }
  }
  bool found() const { return found_; }

 private:
  void Expression(Expr* e) {
    if (!e || done_) return;
    if (e->type == ExprType::kName) {
      auto* name = static_cast<NameExpr*>(e);
      if (name->name != name_) return;
      found_ = name->use == NameUse::kLoad;
      done_ = true;
      return;
    }
    ForEachChild(e, [&](Expr* child) { Expression(child); });
  }
  void Macro(const MacroCode* code) {
    for (NameExpr* param : code->params) Expression(param);
    for (Expr* value : code->defaults) Expression(value);
    Body(code->body);
  }
  void Statement(Stmt* s);

  std::string_view name_;
  bool found_ = false;
  bool done_ = false;
};

void Walk::Statement(Stmt* s) {
  switch (s->type) {
    case StmtType::kPrint:
    case StmtType::kDo: return Expression(static_cast<ExprStmt*>(s)->expr);
    case StmtType::kFor: {
      auto* f = static_cast<ForStmt*>(s);
      Expression(f->target);
      Expression(f->iter);
      Body(f->body);
      Body(f->otherwise);
      return Expression(f->test);
    }
    case StmtType::kIf:
      // Jinja2 looks at the test and body of the first branch, then at those of the others.
      for (IfBranch& b : static_cast<IfStmt*>(s)->branches) {
        Expression(b.test);
        Body(b.body);
      }
      return Body(static_cast<IfStmt*>(s)->otherwise);
    case StmtType::kSet:
      Expression(static_cast<SetStmt*>(s)->target);
      return Expression(static_cast<SetStmt*>(s)->value);
    case StmtType::kSetBlock:
      Expression(static_cast<SetBlockStmt*>(s)->target);
      Expression(static_cast<SetBlockStmt*>(s)->filter);
      return Body(static_cast<SetBlockStmt*>(s)->body);
    case StmtType::kMacro: return Macro(static_cast<MacroStmt*>(s)->code);
    case StmtType::kCallBlock:
      Expression(static_cast<CallBlockStmt*>(s)->call);
      return Macro(static_cast<CallBlockStmt*>(s)->code);
    case StmtType::kFilterBlock:
      Body(static_cast<FilterBlockStmt*>(s)->body);
      return Expression(static_cast<FilterBlockStmt*>(s)->filter);
    case StmtType::kWith: {
      auto* w = static_cast<WithStmt*>(s);
      for (Expr* e : w->targets) Expression(e);
      for (Expr* e : w->values) Expression(e);
      return Body(w->body);
    }
    case StmtType::kScope:
      Expression(static_cast<ScopeStmt*>(s)->option);
      return Body(static_cast<ScopeStmt*>(s)->body);
    case StmtType::kInclude: return Expression(static_cast<IncludeStmt*>(s)->source);
    case StmtType::kImport:
    case StmtType::kFromImport: return Expression(static_cast<ImportStmt*>(s)->source);
    case StmtType::kExtends: return Expression(static_cast<ExtendsStmt*>(s)->source);
    default: return;
  }
}

}  // namespace

bool MentionsUndeclared(Stmts body, std::string_view name) {
  Walk walk(name);
  walk.Body(body);
  return walk.found();
}

}  // namespace tarn::jinja
