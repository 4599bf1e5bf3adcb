#include "jinja/scope.h"

#include <algorithm>

#include "jinja/ast_walk.h"
#include "jinja/undeclared.h"

namespace tarn::jinja {
namespace {

struct Function {
  FunctionInfo* info;
  Function* parent;
  int depth;
  struct Ident {
    int level;
    NameId name;
    uint16_t slot;
  };
  std::vector<Ident> idents;
};

struct Place {
  Function* function = nullptr;
  uint16_t slot = 0;
};

// What one scope knows of names: Jinja2's Symbols.
struct Symbols {
  struct RefOf {
    NameId name;
    uint16_t slot;
  };
  struct Load {
    uint16_t slot;
    NameId name;
    LoadAction action;
    Place source;
  };
  Symbols* parent = nullptr;
  Function* function = nullptr;
  int level = 0;
  std::vector<RefOf> refs;
  std::vector<Load> loads;
  std::vector<NameId> stores;

  bool Stores(NameId name) const {
    return std::find(stores.begin(), stores.end(), name) != stores.end();
  }
  const RefOf* Own(NameId name) const {
    for (const RefOf& r : refs) {
      if (r.name == name) return &r;
    }
    return nullptr;
  }
  bool Find(NameId name, Place* place) const {
    for (const Symbols* s = this; s; s = s->parent) {
      if (const RefOf* r = s->Own(name)) {
        *place = {s->function, r->slot};
        return true;
      }
    }
    return false;
  }
  void SetLoad(uint16_t slot, NameId name, LoadAction action, Place source = {}) {
    for (Load& l : loads) {
      if (l.slot == slot) {
        l = {slot, name, action, source};
        return;
      }
    }
    loads.push_back({slot, name, action, source});
  }
};

struct Frame {
  Symbols* symbols;
  bool toplevel = false;
  bool soft = false;
};

class Resolver {
 public:
  Resolver(Program& p, ScopeFailure* failure) : program_(p), failure_(failure) {}
  bool Run();

 private:
  // ---- analysis: what a scope stores and loads
  uint16_t Define(Symbols& s, NameId name, LoadAction action, Place source = {});
  void Store(Symbols& s, NameId name);
  uint16_t Declare(Symbols& s, NameId name) {
    if (!s.Stores(name)) s.stores.push_back(name);
    return Define(s, name, LoadAction::kParameter);
  }
  void Load(Symbols& s, NameId name) {
    Place place;
    if (!s.Find(name, &place)) Define(s, name, LoadAction::kResolve);
  }
  void Analyze(Symbols& s, Expr* e, bool as_param = false);
  void Analyze(Symbols& s, Stmts body);
  void Analyze(Symbols& s, Stmt* stmt);
  void AnalyzeIf(Symbols& s, std::span<IfBranch> branches, Stmts otherwise);
  void BranchUpdate(Symbols& s, const std::vector<Symbols>& branches);

  // ---- resolution: names become places
  VarRef RefTo(const Frame& f, NameId name);
  void Resolve(const Frame& f, Expr* e);
  void ResolveTarget(const Frame& f, Expr* e) { Resolve(f, e); }
  void Resolve(const Frame& f, Stmts body);
  void Resolve(const Frame& f, Stmt* stmt);
  void ResolveNested(const Frame& f, Stmt* stmt);
  void ResolveFor(const Frame& f, ForStmt* node);
  void ResolveLoopTest(const Frame& f, ForStmt* node);
  void ResolveMacro(const Frame& f, MacroCode* code);
  void ResolveImport(const Frame& f, ImportStmt* node);
  void ResolveBlock(BlockStmt* node);
  ScopeInfo Finish(const Symbols& s);
  std::span<NamedRef> Locals(const Frame& f);
  Symbols Inner(const Frame& f) {
    Symbols s;
    s.parent = f.symbols;
    s.function = f.symbols->function;
    s.level = f.symbols->level + 1;
    return s;
  }
  Function NewFunction(FunctionInfo* info, Function* parent) {
    return Function{info, parent, parent ? parent->depth + 1 : 0, {}};
  }
  NameId IdOf(std::string_view name);
  void Fail(std::string message, uint32_t offset, std::string kind = "TemplateAssertionError");

  Program& program_;
  ScopeFailure* failure_;
  bool failed_ = false;
};

void Resolver::Fail(std::string message, uint32_t offset, std::string kind) {
  if (failed_) return;
  failed_ = true;
  *failure_ = {std::move(kind), std::move(message), offset};
}

NameId Resolver::IdOf(std::string_view name) {
  for (size_t i = 0; i < program_.names.size(); ++i) {
    if (program_.names[i] == name) return static_cast<NameId>(i);
  }
  program_.names.push_back(name);
  return static_cast<NameId>(program_.names.size() - 1);
}

uint16_t Resolver::Define(Symbols& s, NameId name, LoadAction action, Place source) {
  uint16_t slot = 0;
  bool found = false;
  for (const Function::Ident& i : s.function->idents) {
    if (i.level == s.level && i.name == name) {
      slot = i.slot;
      found = true;
      break;
    }
  }
  if (!found) {
    if (s.function->idents.size() >= 60000) Fail("too many variables", 0, "TemplateSyntaxError");
    slot = static_cast<uint16_t>(s.function->idents.size());
    s.function->idents.push_back({s.level, name, slot});
    s.function->info->slots = static_cast<uint16_t>(s.function->idents.size());
  }
  bool replaced = false;
  for (Symbols::RefOf& r : s.refs) {
    if (r.name == name) {
      r.slot = slot;
      replaced = true;
    }
  }
  if (!replaced) s.refs.push_back({name, slot});
  s.SetLoad(slot, name, action, source);
  return slot;
}

void Resolver::Store(Symbols& s, NameId name) {
  if (!s.Stores(name)) s.stores.push_back(name);
  if (s.Own(name)) return;
  Place outer;
  if (s.parent && s.parent->Find(name, &outer)) {
    Define(s, name, LoadAction::kAlias, outer);
  } else {
    Define(s, name, LoadAction::kUndefined);
  }
}

void Resolver::Analyze(Symbols& s, Expr* e, bool as_param) {
  if (!e) return;
  if (e->type == ExprType::kName) {
    auto* name = static_cast<NameExpr*>(e);
    if (as_param || name->use == NameUse::kParam) {
      Declare(s, name->id);
    } else if (name->use == NameUse::kStore) {
      Store(s, name->id);
    } else {
      Load(s, name->id);
    }
    return;
  }
  if (e->type == ExprType::kNsRef) return Load(s, static_cast<NsRefExpr*>(e)->id);
  ForEachChild(e, [&](Expr* child) { Analyze(s, child, as_param); });
}

void Resolver::Analyze(Symbols& s, Stmts body) {
  for (Stmt* stmt : body) Analyze(s, stmt);
}

void Resolver::Analyze(Symbols& s, Stmt* stmt) {
  switch (stmt->type) {
    case StmtType::kData:
    case StmtType::kBreak:
    case StmtType::kContinue:
    case StmtType::kScope:
    case StmtType::kBlock: return;
    case StmtType::kPrint:
    case StmtType::kDo: return Analyze(s, static_cast<ExprStmt*>(stmt)->expr);
    case StmtType::kFor: return Analyze(s, static_cast<ForStmt*>(stmt)->iter);
    case StmtType::kIf: {
      auto* node = static_cast<IfStmt*>(stmt);
      return AnalyzeIf(s, node->branches, node->otherwise);
    }
    case StmtType::kSet:
      Analyze(s, static_cast<SetStmt*>(stmt)->value);
      return Analyze(s, static_cast<SetStmt*>(stmt)->target);
    case StmtType::kSetBlock: return Analyze(s, static_cast<SetBlockStmt*>(stmt)->target);
    case StmtType::kMacro: return Store(s, static_cast<MacroStmt*>(stmt)->id);
    case StmtType::kCallBlock: return Analyze(s, static_cast<CallBlockStmt*>(stmt)->call);
    case StmtType::kFilterBlock: return Analyze(s, static_cast<FilterBlockStmt*>(stmt)->filter);
    case StmtType::kWith:
      for (Expr* value : static_cast<WithStmt*>(stmt)->values) Analyze(s, value);
      return;
    case StmtType::kInclude: return Analyze(s, static_cast<IncludeStmt*>(stmt)->source);
    case StmtType::kExtends: return Analyze(s, static_cast<ExtendsStmt*>(stmt)->source);
    case StmtType::kImport:
    case StmtType::kFromImport:
      Analyze(s, static_cast<ImportStmt*>(stmt)->source);
      for (const ImportName& n : static_cast<ImportStmt*>(stmt)->names) Store(s, n.id);
      return;
  }
}

void Resolver::AnalyzeIf(Symbols& s, std::span<IfBranch> branches, Stmts otherwise) {
  Analyze(s, branches[0].test);
  std::vector<Symbols> copies(3, s);
  Analyze(copies[0], branches[0].body);
  for (size_t i = 1; i < branches.size(); ++i) AnalyzeIf(copies[1], branches.subspan(i, 1), {});
  Analyze(copies[2], otherwise);
  BranchUpdate(s, copies);
}

void Resolver::BranchUpdate(Symbols& s, const std::vector<Symbols>& branches) {
  std::vector<NameId> stores;
  for (const Symbols& b : branches) {
    for (size_t i = s.stores.size(); i < b.stores.size(); ++i) {  // copies only ever append
      if (std::find(stores.begin(), stores.end(), b.stores[i]) == stores.end()) {
        stores.push_back(b.stores[i]);
      }
    }
  }
  for (const Symbols& b : branches) {
    for (const Symbols::RefOf& r : b.refs) {
      if (!s.Own(r.name)) s.refs.push_back(r);
    }
    for (const Symbols::Load& l : b.loads) s.SetLoad(l.slot, l.name, l.action, l.source);
  }
  for (NameId name : stores) {
    if (!s.Stores(name)) s.stores.push_back(name);
  }
  for (NameId name : stores) {
    uint16_t slot = s.Own(name)->slot;
    Place outer;
    if (s.parent && s.parent->Find(name, &outer)) {
      s.SetLoad(slot, name, LoadAction::kAlias, outer);
    } else {
      s.SetLoad(slot, name, LoadAction::kResolve);
    }
  }
}

VarRef Resolver::RefTo(const Frame& f, NameId name) {
  Place place;
  if (!f.symbols->Find(name, &place)) {
    Load(*f.symbols, name);
    f.symbols->Find(name, &place);
  }
  return {static_cast<uint16_t>(f.symbols->function->depth - place.function->depth), place.slot};
}

void Resolver::Resolve(const Frame& f, Expr* e) {
  if (!e || failed_) return;
  if (e->type == ExprType::kName) {
    static_cast<NameExpr*>(e)->ref = RefTo(f, static_cast<NameExpr*>(e)->id);
    return;
  }
  if (e->type == ExprType::kNsRef) {
    static_cast<NsRefExpr*>(e)->ref = RefTo(f, static_cast<NsRefExpr*>(e)->id);
    return;
  }
  Frame inner = f;
  if (e->type == ExprType::kCond) inner.soft = true;
  if (e->type == ExprType::kFilter || e->type == ExprType::kTest) {
    auto* filter = static_cast<FilterExpr*>(e);
    if (!filter->function && !f.soft) {
      return Fail(std::string("No ") + (e->type == ExprType::kFilter ? "filter" : "test") +
                      " named '" + std::string(filter->name) + "'.",
                  e->offset);
    }
  }
  ForEachChild(e, [&](Expr* child) { Resolve(inner, child); });
}

ScopeInfo Resolver::Finish(const Symbols& s) {
  std::vector<LoadOp> ops;
  for (const Symbols::Load& l : s.loads) {
    LoadOp op{l.action, l.slot, {}, program_.names[l.name]};
    if (l.action == LoadAction::kAlias) {
      op.source = {static_cast<uint16_t>(s.function->depth - l.source.function->depth),
                   l.source.slot};
    }
    if (l.action == LoadAction::kResolve) program_.free_names.push_back(l.name);
    ops.push_back(op);
  }
  return {program_.arena.Copy(ops)};
}

std::span<NamedRef> Resolver::Locals(const Frame& f) {
  std::vector<NamedRef> out;
  std::vector<NameId> seen;
  for (const Symbols* s = f.symbols; s; s = s->parent) {
    for (NameId name : s->stores) {
      if (std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
      seen.push_back(name);
      out.push_back({program_.names[name], RefTo(f, name)});
    }
  }
  return program_.arena.Copy(out);
}

void Resolver::Resolve(const Frame& f, Stmts body) {
  for (Stmt* stmt : body) {
    if (failed_) return;
    Resolve(f, stmt);
  }
}

void Resolver::Resolve(const Frame& f, Stmt* stmt) {
  switch (stmt->type) {
    case StmtType::kData:
    case StmtType::kBreak:
    case StmtType::kContinue: return;
    case StmtType::kPrint:
    case StmtType::kDo: return Resolve(f, static_cast<ExprStmt*>(stmt)->expr);
    case StmtType::kIf: {
      Frame soft = f;
      soft.soft = true;
      for (IfBranch& b : static_cast<IfStmt*>(stmt)->branches) {
        Resolve(soft, b.test);
        Resolve(soft, b.body);
      }
      return Resolve(soft, static_cast<IfStmt*>(stmt)->otherwise);
    }
    case StmtType::kSet: {
      auto* node = static_cast<SetStmt*>(stmt);
      node->toplevel = f.toplevel;
      ResolveTarget(f, node->target);
      return Resolve(f, node->value);
    }
    case StmtType::kFor: return ResolveFor(f, static_cast<ForStmt*>(stmt));
    case StmtType::kMacro: {
      auto* node = static_cast<MacroStmt*>(stmt);
      node->toplevel = f.toplevel;
      ResolveMacro(f, node->code);
      node->ref = RefTo(f, node->id);
      return;
    }
    case StmtType::kCallBlock:
      ResolveMacro(f, static_cast<CallBlockStmt*>(stmt)->code);
      return Resolve(f, static_cast<CallBlockStmt*>(stmt)->call);
    case StmtType::kExtends:
      if (!f.toplevel) return Fail("cannot use extend from a non top-level scope", stmt->offset);
      return Resolve(f, static_cast<ExtendsStmt*>(stmt)->source);
    case StmtType::kInclude: {
      auto* node = static_cast<IncludeStmt*>(stmt);
      Resolve(f, node->source);
      if (node->with_context) node->locals = Locals(f);
      return;
    }
    case StmtType::kImport:
    case StmtType::kFromImport: return ResolveImport(f, static_cast<ImportStmt*>(stmt));
    case StmtType::kBlock: {
      auto* node = static_cast<BlockStmt*>(stmt);
      node->toplevel = f.toplevel;
      if (node->scoped) node->locals = Locals(f);
      return;  // its body is a function of its own, resolved after the template
    }
    default: return ResolveNested(f, stmt);
  }
}

// Statements whose body is a scope within the same function.
void Resolver::ResolveNested(const Frame& f, Stmt* stmt) {
  Symbols inner = Inner(f);
  Frame frame{&inner};
  switch (stmt->type) {
    case StmtType::kSetBlock: {
      auto* node = static_cast<SetBlockStmt*>(stmt);
      Analyze(inner, node->body);
      if (node->filter) Analyze(inner, node->filter);
      Resolve(frame, node->body);
      node->toplevel = f.toplevel;
      ResolveTarget(f, node->target);
      Resolve(frame, node->filter);
      node->scope = Finish(inner);
      return;
    }
    case StmtType::kFilterBlock: {
      auto* node = static_cast<FilterBlockStmt*>(stmt);
      Analyze(inner, node->body);
      Analyze(inner, node->filter);
      Resolve(frame, node->body);
      Resolve(frame, node->filter);
      node->scope = Finish(inner);
      return;
    }
    case StmtType::kWith: {
      auto* node = static_cast<WithStmt*>(stmt);
      for (Expr* target : node->targets) Analyze(inner, target);
      Analyze(inner, node->body);
      for (Expr* target : node->targets) Resolve(frame, target);
      for (Expr* value : node->values) Resolve(f, value);
      Resolve(frame, node->body);
      node->scope = Finish(inner);
      return;
    }
    case StmtType::kScope: {
      auto* node = static_cast<ScopeStmt*>(stmt);
      Analyze(inner, node->option);
      Analyze(inner, node->body);
      Resolve(frame, node->option);
      Resolve(frame, node->body);
      node->scope = Finish(inner);
      return;
    }
    default: return;
  }
}

void Resolver::ResolveLoopTest(const Frame& f, ForStmt* node) {
  Function function = NewFunction(&node->test_function, f.symbols->function);
  Symbols test = Inner(f);
  test.function = &function;
  Frame frame{&test};
  Analyze(test, node->test_target, true);
  Analyze(test, node->test);
  Resolve(frame, node->test_target);
  Resolve(frame, node->test);
  node->test_scope = Finish(test);
}

void Resolver::ResolveFor(const Frame& f, ForStmt* node) {
  if (node->stores_loop) {
    return Fail("Can't assign to special loop variable in for-loop target", node->offset);
  }
  Function function = NewFunction(&node->loop_function, f.symbols->function);
  Symbols body = Inner(f), otherwise = Inner(f);
  if (node->recursive) body.function = otherwise.function = &function;
  node->extended = node->recursive || node->has_scoped_block ||
                   (node->mentions_loop && MentionsUndeclared(node->body, "loop"));
  if (node->extended) node->loop_slot = Declare(body, IdOf("loop"));
  Analyze(body, node->target, true);
  Analyze(body, node->body);
  Analyze(otherwise, node->otherwise);
  if (node->test) ResolveLoopTest(f, node);
  Resolve(f, node->iter);
  Frame frame{&body};
  Resolve(frame, node->target);
  Resolve(frame, node->body);
  node->body_scope = Finish(body);
  Frame else_frame{&otherwise};
  Resolve(else_frame, node->otherwise);
  node->else_scope = Finish(otherwise);
}

void Resolver::ResolveMacro(const Frame& f, MacroCode* code) {
  f.symbols->function->info->has_closures = true;
  Function function = NewFunction(&code->function, f.symbols->function);
  Symbols inner = Inner(f);
  inner.function = &function;
  bool has_caller = false, has_kwargs = false, has_varargs = false;
  for (size_t i = 0; i < code->params.size(); ++i) {
    NameExpr* param = code->params[i];
    Declare(inner, param->id);
    has_kwargs = has_kwargs || param->name == "kwargs";
    has_varargs = has_varargs || param->name == "varargs";
    if (param->name == "caller") {
      has_caller = true;
      bool has_default = i >= code->params.size() - code->defaults.size();
      if (!has_default && (code->mentions & kCaller) && MentionsUndeclared(code->body, "caller")) {
        return Fail(
            "When defining macros or call blocks the special \"caller\" argument must be omitted "
            "or be given a default.",
            code->offset);
      }
    }
  }
  for (Expr* value : code->defaults) Analyze(inner, value);
  Analyze(inner, code->body);
  auto special = [&](uint8_t bit, std::string_view name, bool given, bool* takes, uint16_t* slot) {
    if (!(code->mentions & bit) || !MentionsUndeclared(code->body, name)) return;
    if (bit == kCaller || !given) *takes = true;
    if (!given) *slot = Declare(inner, IdOf(name));
  };
  special(kCaller, "caller", has_caller, &code->takes_caller, &code->caller_slot);
  special(kKwargs, "kwargs", has_kwargs, &code->takes_kwargs, &code->kwargs_slot);
  special(kVarargs, "varargs", has_varargs, &code->takes_varargs, &code->varargs_slot);
  Frame frame{&inner};
  for (NameExpr* param : code->params) Resolve(frame, param);
  for (Expr* value : code->defaults) Resolve(frame, value);
  Resolve(frame, code->body);
  code->scope = Finish(inner);
}

void Resolver::ResolveImport(const Frame& f, ImportStmt* node) {
  Resolve(f, node->source);
  node->toplevel = f.toplevel;
  for (ImportName& n : node->names) n.ref = RefTo(f, n.id);
  if (node->with_context) node->locals = Locals(f);
}

void Resolver::ResolveBlock(BlockStmt* node) {
  Function function = NewFunction(&node->function, nullptr);
  Symbols symbols;
  symbols.function = &function;
  if ((node->mentions & kSelf) && MentionsUndeclared(node->body, "self")) {
    node->self_slot = Declare(symbols, IdOf("self"));
  }
  if ((node->mentions & kSuper) && MentionsUndeclared(node->body, "super")) {
    node->super_slot = Declare(symbols, IdOf("super"));
  }
  Analyze(symbols, node->body);
  Frame frame{&symbols};
  Resolve(frame, node->body);
  node->scope = Finish(symbols);
}

bool Resolver::Run() {
  Function root = NewFunction(&program_.root, nullptr);
  Symbols symbols;
  symbols.function = &root;
  if ((program_.mentions & kSelf) && MentionsUndeclared(program_.body, "self")) {
    program_.self_slot = Declare(symbols, IdOf("self"));
  }
  Analyze(symbols, program_.body);
  Frame frame{&symbols, true};
  Resolve(frame, program_.body);
  program_.root_scope = Finish(symbols);
  for (BlockStmt* block : program_.jinja_blocks) ResolveBlock(block);
  std::sort(program_.free_names.begin(), program_.free_names.end());
  program_.free_names.erase(std::unique(program_.free_names.begin(), program_.free_names.end()),
                            program_.free_names.end());
  return !failed_;
}

}  // namespace

bool ResolveScopes(Program& program, ScopeFailure* failure) {
  return Resolver(program, failure).Run();
}

}  // namespace tarn::jinja
