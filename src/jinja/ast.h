// The compiled form of a template: a tree of trivially destructible nodes in one arena.
//
// The parser builds it, scope.cc settles which variable each name means (Jinja2's rules), the
// evaluator walks it. Nothing in it changes after Compile, so that many threads may walk it at
// once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/environment.h"
#include "jinja/number.h"
#include "jinja/template.h"
#include "jinja/value.h"

namespace tarn::jinja {

class Arena {
 public:
  void* Allocate(size_t bytes) {
    bytes = (bytes + 7) & ~size_t{7};
    if (bytes > left_) Grow(bytes);
    void* p = at_;
    at_ += bytes;
    left_ -= bytes;
    return p;
  }
  template <typename T, typename... Args>
  T* New(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (Allocate(sizeof(T))) T{std::forward<Args>(args)...};
  }
  template <typename T>
  std::span<T> Copy(const std::vector<T>& v) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (v.empty()) return {};
    auto* p = static_cast<T*>(Allocate(sizeof(T) * v.size()));
    std::memcpy(static_cast<void*>(p), v.data(), sizeof(T) * v.size());
    return {p, v.size()};
  }

 private:
  void Grow(size_t bytes) {
    size_t size = std::max(bytes, chunks_.empty() ? size_t{2048} : size_t{16384});
    chunks_.push_back(std::make_unique<std::byte[]>(size));
    at_ = chunks_.back().get();
    left_ = size;
  }
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::byte* at_ = nullptr;
  size_t left_ = 0;
};

using NameId = uint32_t;

// Where a variable lives: `up` functions out, at `slot` of that function's frame.
struct VarRef {
  uint16_t up = 0;
  uint16_t slot = 0;
};

// What happens to a variable when its scope is entered.
enum class LoadAction : uint8_t { kParameter, kResolve, kAlias, kUndefined };
struct LoadOp {
  LoadAction action;
  uint16_t slot;
  VarRef source;  // kAlias
  std::string_view name;
};

// A scope within a function (the body of a loop, a set block): loads on entry, names for derived
// contexts.
struct ScopeInfo {
  std::span<LoadOp> loads;
};
struct NamedRef {
  std::string_view name;
  VarRef ref;
};

// Something with variables of its own: template, block, macro, loop filter, recursive loop.
struct FunctionInfo {
  uint16_t slots = 0;
  bool has_closures = false;  // macros, call blocks or recursive loops in it see its variables
};

// ---- expressions -------------------------------------------------------------------------------

enum class ExprType : uint8_t {
  kConst,
  kName,
  kNsRef,
  kTuple,
  kList,
  kDict,
  kCond,
  kAnd,
  kOr,
  kNot,
  kNeg,
  kPos,
  kBinary,
  kConcat,
  kCompare,
  kGetattr,
  kGetitem,
  kSlice,
  kCall,
  kFilter,
  kTest,
};

struct Expr {
  ExprType type;
  uint32_t offset;  // byte of the text that an error points to
};

struct ConstExpr : Expr {
  const Value* value;
};
enum class NameUse : uint8_t { kLoad, kStore, kParam };
struct NameExpr : Expr {
  std::string_view name;
  NameId id;
  NameUse use;
  VarRef ref;
};
struct NsRefExpr : Expr {  // ns.attr as a target
  std::string_view name;
  NameId id;
  std::string_view attr;
  VarRef ref;
};
struct SequenceExpr : Expr {  // kTuple, kList, kConcat
  std::span<Expr*> items;
};
struct DictExpr : Expr {
  std::span<Expr*> keys;
  std::span<Expr*> values;
};
struct CondExpr : Expr {
  Expr* test;
  Expr* yes;
  Expr* no;  // may be null
};
struct BinaryExpr : Expr {  // kAnd, kOr, kBinary
  Expr* left;
  Expr* right;
  NumberOp op;
};
struct UnaryExpr : Expr {  // kNot, kNeg, kPos
  Expr* operand;
};
enum class CompareOp : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe, kIn, kNotIn };
struct CompareExpr : Expr {
  Expr* first;
  std::span<CompareOp> ops;
  std::span<Expr*> operands;
};
struct GetattrExpr : Expr {
  Expr* object;
  std::string_view attr;
};
struct GetitemExpr : Expr {
  Expr* object;
  Expr* key;  // may be a SliceExpr
};
struct SliceExpr : Expr {
  Expr* start;
  Expr* stop;
  Expr* step;
};
struct KeywordArg {
  std::string_view name;
  Expr* value;
};
struct Arguments {
  std::span<Expr*> positional;
  std::span<KeywordArg> named;
  Expr* dyn_positional = nullptr;
  Expr* dyn_named = nullptr;
};
struct CallExpr : Expr {
  Expr* callee;
  Arguments args;
};
struct FilterExpr : Expr {  // kFilter, kTest
  Expr* operand;            // null in filter blocks: what was captured
  std::string_view name;
  Arguments args;
  const HostFunction* function;  // null: unknown, an error when it is reached
};

// ---- statements --------------------------------------------------------------------------------

enum class StmtType : uint8_t {
  kData,
  kPrint,
  kFor,
  kIf,
  kSet,
  kSetBlock,
  kMacro,
  kCallBlock,
  kFilterBlock,
  kWith,
  kScope,
  kDo,
  kBreak,
  kContinue,
  kInclude,
  kImport,
  kFromImport,
  kExtends,
  kBlock,
};

struct Stmt {
  StmtType type;
  uint32_t offset;
};
using Stmts = std::span<Stmt*>;

// A new statement in the arena.
template <typename T>
T* Begin(Arena& arena, StmtType type, uint32_t offset) {
  T* node = arena.New<T>();
  node->type = type;
  node->offset = offset;
  return node;
}

struct DataStmt : Stmt {
  std::string_view text;
};
struct ExprStmt : Stmt {  // kPrint, kDo
  Expr* expr;
};
// Names that a `set` at the top makes visible to blocks and includes, and exports.
struct SetStmt : Stmt {
  Expr* target;
  Expr* value;
  bool toplevel = false;
};
struct SetBlockStmt : Stmt {
  Expr* target;
  Expr* filter;  // null: none
  Stmts body;
  ScopeInfo scope;
  bool toplevel = false;
};
struct ForStmt : Stmt {
  Expr* target;
  Expr* iter;
  Expr* test;         // null: none
  Expr* test_target;  // the target once more, for the filter's own variables
  Stmts body;
  Stmts otherwise;
  bool recursive;
  bool mentions_loop;
  bool stores_loop;
  bool has_scoped_block;
  bool extended = false;
  uint16_t loop_slot = 0;
  ScopeInfo body_scope;
  ScopeInfo else_scope;
  ScopeInfo test_scope;
  FunctionInfo test_function;
  FunctionInfo loop_function;  // recursive
};
struct IfBranch {
  Expr* test;
  Stmts body;
};
struct IfStmt : Stmt {
  std::span<IfBranch> branches;
  Stmts otherwise;
};
// Parameters and body of macros and call blocks.
struct MacroCode {
  std::string_view name;  // "" for call blocks
  std::span<NameExpr*> params;
  std::span<Expr*> defaults;  // of the last parameters
  Stmts body;
  uint8_t mentions = 0;  // bits of kCaller, kKwargs, kVarargs
  bool takes_caller = false;
  bool takes_kwargs = false;
  bool takes_varargs = false;
  uint16_t caller_slot = 0;
  uint16_t kwargs_slot = 0;
  uint16_t varargs_slot = 0;
  ScopeInfo scope;
  FunctionInfo function;
  uint32_t offset = 0;
};
struct MacroStmt : Stmt {
  MacroCode* code;
  NameId id;
  VarRef ref;
  int32_t block = -1;  // index into Program::blocks
  bool toplevel = false;
};
struct CallBlockStmt : Stmt {
  MacroCode* code;
  CallExpr* call;
};
struct FilterBlockStmt : Stmt {
  Expr* filter;
  Stmts body;
  ScopeInfo scope;
};
struct WithStmt : Stmt {
  std::span<Expr*> targets;
  std::span<Expr*> values;
  Stmts body;
  ScopeInfo scope;
};
struct ScopeStmt : Stmt {  // autoescape: a scope and nothing else here
  Stmts body;
  Expr* option;
  ScopeInfo scope;
};
struct IncludeStmt : Stmt {
  Expr* source;
  bool ignore_missing;
  bool with_context;
  std::span<NamedRef> locals;
};
struct ImportName {
  std::string_view name;
  std::string_view alias;
  NameId id;
  VarRef ref;
};
struct ImportStmt : Stmt {  // kImport (one name: the alias), kFromImport
  Expr* source;
  bool with_context;
  std::span<ImportName> names;
  std::span<NamedRef> locals;
  bool toplevel = false;
};
struct ExtendsStmt : Stmt {
  Expr* source;
};
struct BlockStmt : Stmt {
  std::string_view name;
  bool scoped;
  bool required;
  Stmts body;
  bool toplevel = false;
  std::span<NamedRef> locals;
  // The body is a function of its own.
  uint8_t mentions = 0;  // bits of kSelf, kSuper
  int32_t self_slot = -1;
  int32_t super_slot = -1;
  ScopeInfo scope;
  FunctionInfo function;
};

enum Mention : uint8_t { kCaller = 1, kKwargs = 2, kVarargs = 4, kSelf = 8, kSuper = 16 };

// ---- the whole ---------------------------------------------------------------------------------

struct CallRecord {
  const CallExpr* call;
  int32_t block;  // index into blocks, -1 at the top
  bool conditional;
};

struct Program {
  std::string name;
  std::string text;
  Arena arena;
  std::deque<Value> constants;
  std::deque<std::string> strings;      // unescaped literals and joined names
  std::vector<std::string_view> names;  // by NameId
  std::vector<Block> blocks;
  std::vector<MacroStmt*> block_macros;  // of `blocks`
  std::vector<CallRecord> calls;
  std::vector<BlockStmt*> jinja_blocks;
  Stmts body;
  Expr* expression = nullptr;  // a template that is one expression
  FunctionInfo root;
  ScopeInfo root_scope;
  uint8_t mentions = 0;
  int32_t self_slot = -1;
  bool has_extends = false;
  bool plain = false;
  std::vector<NameId> free_names;

  // Line and column (both from 1) of a byte of the text.
  void Locate(size_t offset, int* line, int* column) const;
  std::string LineText(int line) const;
};

}  // namespace tarn::jinja
