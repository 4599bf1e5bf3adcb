// Walks a Program: the variables, the output, the limits, the place of an error.
//
// One Evaluator belongs to one Session. Failures are Statuses; the innermost expression that fails
// notes where (Note), so that the Session can say file, line, column and the calls on the way.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jinja/ast.h"
#include "jinja/iterate.h"
#include "jinja/session.h"

namespace tarn::jinja {

class MacroObject;
class LoopObject;

// A variable. Lazy ones are looked up in the context when they are first read.
struct Slot {
  enum State : uint8_t { kMissing, kLazy, kSet };
  Value value;
  State state = kMissing;
};

struct BlockCode {
  const BlockStmt* block;
  const Program* program;
};

// What a template sees besides its variables: Jinja2's Context.
struct Context {
  std::shared_ptr<const Names> names;
  Ref<Dict> vars = MakeRef<Dict>();  // what `set` at the top made
  std::vector<std::string> exported;
  std::vector<std::pair<std::string, std::vector<BlockCode>>> blocks;
  const Program* parent_template = nullptr;  // set by extends
  std::string_view template_name;

  std::vector<BlockCode>* FindBlock(std::string_view name);
};

// The variables of one running function.
struct Frame {
  Frame(const FunctionInfo& info, const Program& program, std::shared_ptr<Context> context,
        Frame* parent)
      : parent(parent), program(&program), context(std::move(context)), slots(info.slots) {}
  Frame* parent;
  const Program* program;
  std::shared_ptr<Context> context;
  std::vector<Slot> slots;
  int live_closures = 0;  // macros that see these variables
  bool checks_extends = false;
};

class Evaluator {
 public:
  explicit Evaluator(Session& session);
  ~Evaluator();

  Result<std::string> Render(const Template& t);
  Result<Value> Evaluate(const Template& t);
  Result<Value> CallBlockMacro(std::shared_ptr<const Template> t, const MacroStmt& macro,
                               std::shared_ptr<const Names> names, CallArgs& args,
                               std::string_view display);

  // ---- expressions
  Result<Value> Eval(const Expr* e, Frame& f);
  Result<bool> Truth(const Value& v);
  Result<std::string> Text(const Value& v);
  Result<Value> Call(const Value& callee, CallArgs& args);

  // ---- called by macros, loops and blocks
  Result<Value> RunMacro(const MacroCode& code, Frame* closure, const Program& program,
                         const std::shared_ptr<Context>& context, CallArgs& args,
                         std::string_view display, bool catches_return);
  Result<std::string> RunLoop(const ForStmt& node, Frame& closure, const Value& iterable,
                              int64_t depth0);
  Result<std::string> RunBlock(const BlockCode& code, const std::shared_ptr<Context>& context);

  Status Step();
  Status Emit(std::string_view text);
  // What a call or filter block yields. Jinja2 joins such values as they are at the end of the
  // function around them, and fails there when one is no text; a return() before that is fine.
  Status EmitValue(const Value& v);
  Status Joined(const std::string* buffer);
  void Note(uint32_t offset, const Program& program);
  Status Failed(Status status);
  void ForgetError() { noted_ = false; }
  const Error& error() const { return error_; }
  std::vector<StackEntry> Stack() const;
  Status SetReturn(Value v);
  std::weak_ptr<Evaluator*> self() const { return self_; }
  Session& session() { return session_; }
  std::optional<Value> Find(const Context& context, std::string_view name) const;

 private:
  friend class MacroObject;
  friend class LoopObject;
  enum class Signal : uint8_t { kNone, kBreak, kContinue };
  struct CallEntry {
    std::string macro;
    const Program* program;
    uint32_t call_offset;         // in the caller
    const Program* call_program;  // the caller; null: the host
  };
  struct Capture;
  struct Entry;

  // ---- expressions (eval_expressions.cc)
  Result<Value> EvalInner(const Expr* e, Frame& f);
  Result<Value> EvalName(const NameExpr* e, Frame& f);
  Result<Value> EvalLogic(const BinaryExpr* e, Frame& f);
  Result<Value> EvalUnary(const UnaryExpr* e, Frame& f);
  Result<Value> EvalCompare(const CompareExpr* e, Frame& f);
  Result<bool> CompareOnce(CompareOp op, const Value& a, const Value& b);
  Result<Value> EvalConcat(const SequenceExpr* e, Frame& f);
  Result<Value> EvalDict(const DictExpr* e, Frame& f);
  Result<Value> EvalCond(const CondExpr* e, Frame& f);
  Result<Value> EvalGetitem(const GetitemExpr* e, Frame& f);
  Result<Value> EvalCall(const CallExpr* e, Frame& f, const Value* caller = nullptr);
  Result<Value> EvalFilter(const FilterExpr* e, Frame& f);
  Result<Value> EvalTest(const FilterExpr* e, Frame& f);
  Status EvalArguments(const Arguments& a, Frame& f, CallArgs* out);
  Status ExpandNamed(const Value& v, CallArgs* out);
  Result<ValueList> EvalItems(std::span<Expr*> items, Frame& f);

  // ---- statements (eval_statements.cc)
  Status Exec(Stmts body, Frame& f);
  Status Exec(const Stmt* s, Frame& f);
  Status ExecPrint(const ExprStmt* s, Frame& f);
  Status ExecIf(const IfStmt* s, Frame& f);
  Status ExecSet(const SetStmt* s, Frame& f);
  Status ExecSetBlock(const SetBlockStmt* s, Frame& f);
  Status ExecFilterBlock(const FilterBlockStmt* s, Frame& f);
  Status ExecWith(const WithStmt* s, Frame& f);
  Status ExecMacro(const MacroStmt* s, Frame& f);
  Status ExecCallBlock(const CallBlockStmt* s, Frame& f);
  Status ExecInclude(const IncludeStmt* s, Frame& f);
  Status ExecImport(const ImportStmt* s, Frame& f);
  Status ExecExtends(const ExtendsStmt* s, Frame& f);
  Status ExecBlock(const BlockStmt* s, Frame& f);
  Status ExecFor(const ForStmt* s, Frame& f);
  Status LoopOver(const ForStmt& s, Frame& f, const Value& iterable, LoopObject* loop,
                  std::unique_ptr<Iterator> it);
  Result<std::unique_ptr<Iterator>> Filtered(const ForStmt& s, Frame& f,
                                             std::unique_ptr<Iterator> it);
  Status Assign(const Expr* target, Value v, Frame& f);
  Status CheckNamespaces(const Expr* target, Frame& f);
  void Export(const Expr* target, Frame& f);
  void ExportName(std::string_view name, const Value& v, Context& context);
  void Enter(const ScopeInfo& scope, Frame& f);
  Slot& At(VarRef ref, Frame& f);
  Value Read(VarRef ref, std::string_view name, Frame& f);

  // ---- templates (eval_templates.cc)
  Result<const Template*> Load(const Value& source, bool* missing);
  Result<const Template*> LoadNamed(const std::string& name, bool* missing);
  std::shared_ptr<Context> NewContext(const Program& p, std::shared_ptr<const Names> names);
  std::shared_ptr<const Names> AllNames(const Context& context, std::span<NamedRef> locals,
                                        Frame& f);
  Status RunTemplate(const Program& p, const std::shared_ptr<Context>& context);
  Result<Value> MakeModule(const Template& t, std::shared_ptr<const Names> names);
  // Runs `body` in a new frame and keeps the frame when macros still see it.
  Status InFrame(const FunctionInfo& info, const Program& p,
                 const std::shared_ptr<Context>& context, Frame* parent,
                 const std::function<Status(Frame&)>& body);
  void Dispose(std::unique_ptr<Frame> frame);
  Status BindParameters(const MacroCode& code, Frame& f, CallArgs& args);
  Status BindRest(const MacroCode& code, Frame& f, CallArgs& args);
  void Keep(std::shared_ptr<const Template> t);
  bool StackIsLow() const;

  Session& session_;
  const Environment& env_;
  std::shared_ptr<Evaluator*> self_;
  const Expr* printed_ = nullptr;  // the expression of the print statement that runs
  std::string* out_ = nullptr;
  Signal signal_ = Signal::kNone;
  std::optional<Value> returned_;
  std::vector<CallEntry> calls_;
  std::vector<std::shared_ptr<const Template>> kept_;
  std::vector<std::unique_ptr<Frame>> frames_;  // of macros that outlive their function
  std::vector<Value> modules_;
  std::vector<std::pair<const std::string*, std::string>> not_text_;  // by the buffer they are in
  uint64_t steps_ = 0;
  uint64_t written_ = 0;
  int depth_ = 0;
  const char* stack_limit_ = nullptr;
  bool noted_ = false;
  Error error_;
  // Where the evaluator is, for the stack and for errors without an expression.
  uint32_t at_offset_ = 0;
  const Program* at_program_ = nullptr;
};

}  // namespace tarn::jinja
