#include <algorithm>

#include "jinja/parser.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

constexpr int kDeepest = 180;

}  // namespace

struct Parser::Nesting {
  explicit Nesting(Parser& p) : parser(p) { ++parser.nesting_; }
  ~Nesting() { --parser.nesting_; }
  bool TooDeep() {
    if (parser.nesting_ <= kDeepest) return false;
    parser.Fail("expressions nest too deep");
    return true;
  }
  Parser& parser;
};

Parser::Parser(Program& program, const Environment& env)
    : program_(program), env_(env), lexer_(program, env.options()) {}

void Parser::Advance() {
  last_end_ = cur_.end;
  if (has_ahead_) {
    cur_ = ahead_;
    has_ahead_ = false;
  } else if (cur_.type != Tok::kEof || last_end_ == 0) {
    cur_ = lexer_.Next();
  }
  if (cur_.type == Tok::kError) {
    Fail(lexer_.error(), cur_.offset);
    cur_.type = Tok::kEof;
  }
}

const Token& Parser::Look() {
  if (!has_ahead_) {
    ahead_ = lexer_.Next();
    has_ahead_ = true;
  }
  return ahead_;
}

bool Parser::SkipIf(Tok type) {
  if (cur_.type != type) return false;
  Advance();
  return true;
}

bool Parser::SkipIfName(std::string_view word) {
  if (!IsName(word)) return false;
  Advance();
  return true;
}

bool Parser::Expect(Tok type) {
  if (cur_.type == type) {
    Advance();
    return true;
  }
  std::string wanted = StringRepr(DescribeType(type));
  if (Is(Tok::kEof)) {
    Fail("unexpected end of template, expected " + wanted + ".");
  } else {
    Fail("expected token " + wanted + ", got " + StringRepr(DescribeToken(cur_)));
  }
  return false;
}

bool Parser::ExpectName(std::string_view word) {
  if (SkipIfName(word)) return true;
  if (Is(Tok::kEof)) {
    Fail("unexpected end of template, expected " + StringRepr(word) + ".");
  } else {
    Fail("expected token " + StringRepr(word) + ", got " + StringRepr(DescribeToken(cur_)));
  }
  return false;
}

std::nullptr_t Parser::Fail(std::string message, uint32_t offset, std::string_view kind) {
  if (failed_) return nullptr;
  failed_ = true;
  error_ = std::move(message);
  error_kind_ = kind;
  error_offset_ = offset;
  return nullptr;
}

void Parser::FailLate(std::string message, uint32_t offset) {
  if (!late_error_.empty()) return;
  late_error_ = std::move(message);
  late_offset_ = offset;
}

NameId Parser::Intern(std::string_view name) {
  auto [at, is_new] = ids_.try_emplace(name, static_cast<NameId>(program_.names.size()));
  if (is_new) program_.names.push_back(name);
  return at->second;
}

void Parser::Mention(std::string_view name) {
  switch (name.size()) {
    case 4:
      if (name == "loop") ++marks_.loop_names;
      if (name == "self") mentions_ |= kSelf;
      break;
    case 5:
      if (name == "super") mentions_ |= kSuper;
      break;
    case 6:
      if (name == "caller") mentions_ |= kCaller;
      if (name == "kwargs") mentions_ |= kKwargs;
      break;
    case 7:
      if (name == "varargs") mentions_ |= kVarargs;
      break;
    default: break;
  }
}

NameExpr* Parser::NewName(std::string_view name, NameUse use, uint32_t offset) {
  auto* node = program_.arena.New<NameExpr>();
  node->type = ExprType::kName;
  node->offset = offset;
  node->name = name;
  node->id = Intern(name);
  node->use = use;
  Mention(name);
  if (use == NameUse::kStore && name == "loop") ++marks_.loop_stores;
  return node;
}

Expr* Parser::Constant(Value v, uint32_t offset) {
  program_.constants.push_back(std::move(v));
  auto* node = program_.arena.New<ConstExpr>();
  node->type = ExprType::kConst;
  node->offset = offset;
  node->value = &program_.constants.back();
  return node;
}

Expr* Parser::ParseExpression(bool with_condition) {
  Nesting nesting(*this);
  if (nesting.TooDeep()) return nullptr;
  return with_condition ? ParseCondition() : ParseOr();
}

Expr* Parser::ParseCondition() {
  size_t first_call = program_.calls.size();
  Expr* yes = ParseOr();
  while (yes && SkipIfName("if")) {
    for (size_t i = first_call; i < program_.calls.size(); ++i)
      program_.calls[i].conditional = true;
    auto* node = program_.arena.New<CondExpr>();
    node->type = ExprType::kCond;
    node->offset = yes->offset;
    node->yes = yes;
    node->no = nullptr;
    if (!(node->test = ParseOr())) return nullptr;
    if (SkipIfName("else")) {
      Nesting nesting(*this);
      if (nesting.TooDeep()) return nullptr;
      ++conditional_;
      node->no = ParseCondition();
      --conditional_;
      if (!node->no) return nullptr;
    }
    yes = node;
  }
  return yes;
}

Expr* Parser::ParseOr() {
  Expr* left = ParseAnd();
  while (left && SkipIfName("or")) {
    auto* node = program_.arena.New<BinaryExpr>();
    node->type = ExprType::kOr;
    node->offset = left->offset;
    node->left = left;
    if (!(node->right = ParseAnd())) return nullptr;
    left = node;
  }
  return left;
}

Expr* Parser::ParseAnd() {
  Expr* left = ParseNot();
  while (left && SkipIfName("and")) {
    auto* node = program_.arena.New<BinaryExpr>();
    node->type = ExprType::kAnd;
    node->offset = left->offset;
    node->left = left;
    if (!(node->right = ParseNot())) return nullptr;
    left = node;
  }
  return left;
}

Expr* Parser::ParseNot() {
  if (!IsName("not")) return ParseCompare();
  Nesting nesting(*this);
  if (nesting.TooDeep()) return nullptr;
  auto* node = program_.arena.New<UnaryExpr>();
  node->type = ExprType::kNot;
  node->offset = cur_.offset;
  Advance();
  node->operand = ParseNot();
  return node->operand ? node : nullptr;
}

bool Parser::ParseCompareOp(CompareOp* op, bool* found) {
  *found = true;
  switch (cur_.type) {
    case Tok::kEq: *op = CompareOp::kEq; break;
    case Tok::kNe: *op = CompareOp::kNe; break;
    case Tok::kLt: *op = CompareOp::kLt; break;
    case Tok::kLe: *op = CompareOp::kLe; break;
    case Tok::kGt: *op = CompareOp::kGt; break;
    case Tok::kGe: *op = CompareOp::kGe; break;
    case Tok::kName:
      if (cur_.text == "in") {
        *op = CompareOp::kIn;
        break;
      }
      if (cur_.text == "not" && Look().type == Tok::kName && Look().text == "in") {
        *op = CompareOp::kNotIn;
        Advance();
        break;
      }
      [[fallthrough]];
    default: *found = false; return true;
  }
  Advance();
  return !failed_;
}

Expr* Parser::ParseCompare() {
  Expr* first = ParseSum();
  if (!first) return nullptr;
  std::vector<CompareOp> ops;
  std::vector<Expr*> operands;
  for (;;) {
    CompareOp op;
    bool found;
    if (!ParseCompareOp(&op, &found)) return nullptr;
    if (!found) break;
    Expr* right = ParseSum();
    if (!right) return nullptr;
    ops.push_back(op);
    operands.push_back(right);
  }
  if (ops.empty()) return first;
  auto* node = program_.arena.New<CompareExpr>();
  node->type = ExprType::kCompare;
  node->offset = first->offset;
  node->first = first;
  node->ops = program_.arena.Copy(ops);
  node->operands = program_.arena.Copy(operands);
  return node;
}

Expr* Parser::ParseSum() {
  Expr* left = ParseConcat();
  while (left && (Is(Tok::kAdd) || Is(Tok::kSub))) {
    auto* node = program_.arena.New<BinaryExpr>();
    node->type = ExprType::kBinary;
    node->offset = cur_.offset;
    node->op = Is(Tok::kAdd) ? NumberOp::kAdd : NumberOp::kSub;
    Advance();
    node->left = left;
    if (!(node->right = ParseConcat())) return nullptr;
    left = node;
  }
  return left;
}

Expr* Parser::ParseConcat() {
  Expr* first = ParseProduct();
  if (!first || !Is(Tok::kTilde)) return first;
  std::vector<Expr*> items{first};
  while (SkipIf(Tok::kTilde)) {
    Expr* next = ParseProduct();
    if (!next) return nullptr;
    items.push_back(next);
  }
  auto* node = program_.arena.New<SequenceExpr>();
  node->type = ExprType::kConcat;
  node->offset = first->offset;
  node->items = program_.arena.Copy(items);
  return node;
}

Expr* Parser::ParseProduct() {
  Expr* left = ParsePower();
  while (left) {
    NumberOp op;
    switch (cur_.type) {
      case Tok::kMul: op = NumberOp::kMul; break;
      case Tok::kDiv: op = NumberOp::kDiv; break;
      case Tok::kFloorDiv: op = NumberOp::kFloorDiv; break;
      case Tok::kMod: op = NumberOp::kMod; break;
      default: return left;
    }
    auto* node = program_.arena.New<BinaryExpr>();
    node->type = ExprType::kBinary;
    node->offset = cur_.offset;
    node->op = op;
    Advance();
    node->left = left;
    if (!(node->right = ParsePower())) return nullptr;
    left = node;
  }
  return left;
}

Expr* Parser::ParsePower() {
  Expr* left = ParseUnary();
  while (left && Is(Tok::kPow)) {
    auto* node = program_.arena.New<BinaryExpr>();
    node->type = ExprType::kBinary;
    node->offset = cur_.offset;
    node->op = NumberOp::kPow;
    Advance();
    node->left = left;
    if (!(node->right = ParseUnary())) return nullptr;
    left = node;
  }
  return left;
}

Expr* Parser::ParseUnary(bool with_filter) {
  Expr* node;
  if (Is(Tok::kSub) || Is(Tok::kAdd)) {
    Nesting nesting(*this);
    if (nesting.TooDeep()) return nullptr;
    auto* unary = program_.arena.New<UnaryExpr>();
    unary->type = Is(Tok::kSub) ? ExprType::kNeg : ExprType::kPos;
    unary->offset = cur_.offset;
    Advance();
    if (!(unary->operand = ParseUnary(false))) return nullptr;
    node = unary;
  } else {
    node = ParsePrimary();
  }
  if (node) node = ParsePostfix(node);
  if (node && with_filter) node = ParseFilters(node);
  return node;
}

}  // namespace tarn::jinja
