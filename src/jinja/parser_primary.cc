#include <algorithm>

#include "jinja/parser.h"
#include "jinja/text.h"

namespace tarn::jinja {

Expr* Parser::ParseNameOrLiteral(bool with_namespace) {
  Token token = cur_;
  Advance();
  std::string_view w = token.text;
  if (w == "true" || w == "True" || w == "false" || w == "False") {
    return Constant(Value(w[0] == 't' || w[0] == 'T'), token.offset);
  }
  if (w == "none" || w == "None") return Constant(Value::None(), token.offset);
  if (with_namespace && SkipIf(Tok::kDot)) {
    auto* node = program_.arena.New<NsRefExpr>();
    node->type = ExprType::kNsRef;
    node->offset = token.offset;
    node->name = w;
    node->id = Intern(w);
    Mention(w);
    node->attr = cur_.text;
    return Expect(Tok::kName) ? node : nullptr;
  }
  return NewName(w, NameUse::kLoad, token.offset);
}

Expr* Parser::ParsePrimary(bool with_namespace) {
  Token token = cur_;
  switch (token.type) {
    case Tok::kName: return ParseNameOrLiteral(with_namespace);
    case Tok::kString: {
      Advance();
      if (!Is(Tok::kString)) return Constant(Value(token.text), token.offset);
      std::string joined(token.text);
      while (Is(Tok::kString)) {
        joined += cur_.text;
        Advance();
      }
      return Constant(Value(std::move(joined)), token.offset);
    }
    case Tok::kInteger: {
      Advance();
      std::string digits;
      for (char c : token.text) {
        if (c != '_') digits += c;
      }
      return Constant(Value::IntegerFromText(digits, 0), token.offset);
    }
    case Tok::kFloat:
      Advance();
      return Constant(Value(ParseFloat(token.text).value_or(0)), token.offset);
    case Tok::kLParen: {
      Advance();
      Expr* inner = ParseTuple({.parentheses = true});
      return inner && Expect(Tok::kRParen) ? inner : nullptr;
    }
    case Tok::kLBracket: return ParseList();
    case Tok::kLBrace: return ParseDict();
    default: return Fail("unexpected " + StringRepr(DescribeToken(token)), token.offset);
  }
}

Expr* Parser::ParseTuple(const TupleRules& rules) {
  uint32_t offset = cur_.offset;
  std::vector<Expr*> items;
  bool is_tuple = false;
  for (;;) {
    if (!items.empty() && !Expect(Tok::kComma)) return nullptr;
    if (Is(Tok::kVariableEnd) || Is(Tok::kBlockEnd) || Is(Tok::kRParen) ||
        (!rules.end_word.empty() && IsName(rules.end_word))) {
      break;
    }
    Expr* item = rules.simplified ? ParsePrimary(rules.with_namespace)
                                  : ParseExpression(rules.with_condition);
    if (!item) return nullptr;
    items.push_back(item);
    if (!Is(Tok::kComma)) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!items.empty()) return items[0];
    if (!rules.parentheses) {
      return Fail("Expected an expression, got " + StringRepr(DescribeToken(cur_)));
    }
  }
  auto* node = program_.arena.New<SequenceExpr>();
  node->type = ExprType::kTuple;
  node->offset = offset;
  node->items = program_.arena.Copy(items);
  return node;
}

Expr* Parser::ParseList() {
  auto* node = program_.arena.New<SequenceExpr>();
  node->type = ExprType::kList;
  node->offset = cur_.offset;
  Advance();
  std::vector<Expr*> items;
  while (!Is(Tok::kRBracket)) {
    if (!items.empty() && !Expect(Tok::kComma)) return nullptr;
    if (Is(Tok::kRBracket)) break;
    Expr* item = ParseExpression();
    if (!item) return nullptr;
    items.push_back(item);
  }
  node->items = program_.arena.Copy(items);
  return Expect(Tok::kRBracket) ? node : nullptr;
}

Expr* Parser::ParseDict() {
  auto* node = program_.arena.New<DictExpr>();
  node->type = ExprType::kDict;
  node->offset = cur_.offset;
  Advance();
  std::vector<Expr*> keys, values;
  while (!Is(Tok::kRBrace)) {
    if (!keys.empty() && !Expect(Tok::kComma)) return nullptr;
    if (Is(Tok::kRBrace)) break;
    Expr* key = ParseExpression();
    if (!key || !Expect(Tok::kColon)) return nullptr;
    Expr* value = ParseExpression();
    if (!value) return nullptr;
    keys.push_back(key);
    values.push_back(value);
  }
  node->keys = program_.arena.Copy(keys);
  node->values = program_.arena.Copy(values);
  return Expect(Tok::kRBrace) ? node : nullptr;
}

Expr* Parser::ParsePostfix(Expr* node) {
  while (node) {
    if (Is(Tok::kDot) || Is(Tok::kLBracket)) {
      node = ParseSubscript(node);
    } else if (Is(Tok::kLParen)) {
      node = ParseCall(node);
    } else {
      break;
    }
  }
  return node;
}

Expr* Parser::ParseFilters(Expr* node) {
  while (node) {
    if (Is(Tok::kPipe)) {
      node = ParseFilter(node);
    } else if (IsName("is")) {
      node = ParseTest(node);
    } else if (Is(Tok::kLParen)) {
      node = ParseCall(node);
    } else {
      break;
    }
  }
  return node;
}

Expr* Parser::ParseSubscript(Expr* node) {
  if (SkipIf(Tok::kDot)) {
    Token attr = cur_;
    Advance();
    if (attr.type == Tok::kName) {
      auto* get = program_.arena.New<GetattrExpr>();
      get->type = ExprType::kGetattr;
      get->offset = attr.offset;
      get->object = node;
      get->attr = attr.text;
      return get;
    }
    if (attr.type != Tok::kInteger) return Fail("expected name or number", attr.offset);
    auto* get = program_.arena.New<GetitemExpr>();
    get->type = ExprType::kGetitem;
    get->offset = attr.offset;
    get->object = node;
    std::string digits;
    for (char c : attr.text) {
      if (c != '_') digits += c;
    }
    get->key = Constant(Value::IntegerFromText(digits, 0), attr.offset);
    return get;
  }
  auto* get = program_.arena.New<GetitemExpr>();
  get->type = ExprType::kGetitem;
  get->offset = cur_.offset;
  get->object = node;
  Advance();
  std::vector<Expr*> keys;
  while (!Is(Tok::kRBracket)) {
    if (!keys.empty() && !Expect(Tok::kComma)) return nullptr;
    Expr* key = ParseSubscribed();
    if (!key) return nullptr;
    keys.push_back(key);
  }
  if (!Expect(Tok::kRBracket)) return nullptr;
  if (keys.size() == 1) {
    get->key = keys[0];
    return get;
  }
  for (Expr* key : keys) {
    // Python accepts slices in tuples; no type of ours has such keys.
    if (key->type == ExprType::kSlice)
      return Fail("a slice within several subscripts", key->offset);
  }
  auto* tuple = program_.arena.New<SequenceExpr>();
  tuple->type = ExprType::kTuple;
  tuple->offset = get->offset;
  tuple->items = program_.arena.Copy(keys);
  get->key = tuple;
  return get;
}

Expr* Parser::ParseSubscribed() {
  uint32_t offset = cur_.offset;
  Expr* start = nullptr;
  if (!Is(Tok::kColon)) {
    start = ParseExpression();
    if (!start || !Is(Tok::kColon)) return start;
  }
  Advance();
  auto* slice = program_.arena.New<SliceExpr>();
  slice->type = ExprType::kSlice;
  slice->offset = offset;
  slice->start = start;
  slice->stop = slice->step = nullptr;
  if (!Is(Tok::kColon) && !Is(Tok::kRBracket) && !Is(Tok::kComma)) {
    if (!(slice->stop = ParseExpression())) return nullptr;
  }
  if (SkipIf(Tok::kColon) && !Is(Tok::kRBracket) && !Is(Tok::kComma)) {
    if (!(slice->step = ParseExpression())) return nullptr;
  }
  return slice;
}

bool Parser::ParseArgument(Arguments* args, std::vector<Expr*>* positional,
                           std::vector<KeywordArg>* named, uint32_t offset) {
  auto ensure = [&](bool fine) {
    if (!fine) Fail("invalid syntax for function call expression", offset);
    return fine;
  };
  if (Is(Tok::kMul)) {
    if (!ensure(!args->dyn_positional && !args->dyn_named)) return false;
    Advance();
    return (args->dyn_positional = ParseExpression()) != nullptr;
  }
  if (Is(Tok::kPow)) {
    if (!ensure(!args->dyn_named)) return false;
    Advance();
    return (args->dyn_named = ParseExpression()) != nullptr;
  }
  if (Is(Tok::kName) && Look().type == Tok::kAssign) {
    if (!ensure(!args->dyn_named)) return false;
    std::string_view name = cur_.text;
    for (const KeywordArg& other : *named) {
      if (other.name == name) {
        FailLate("keyword argument repeated: " + std::string(name), cur_.offset);
      }
    }
    Advance();
    Advance();
    Expr* value = ParseExpression();
    if (value) named->push_back({name, value});
    return value != nullptr;
  }
  if (!ensure(!args->dyn_positional && !args->dyn_named && named->empty())) return false;
  Expr* value = ParseExpression();
  if (value) positional->push_back(value);
  return value != nullptr;
}

bool Parser::ParseArguments(Arguments* args) {
  uint32_t offset = cur_.offset;
  if (!Expect(Tok::kLParen)) return false;
  std::vector<Expr*> positional;
  std::vector<KeywordArg> named;
  bool comma = false;
  while (!Is(Tok::kRParen)) {
    if (comma) {
      if (!Expect(Tok::kComma)) return false;
      if (Is(Tok::kRParen)) break;
    }
    if (!ParseArgument(args, &positional, &named, offset)) return false;
    comma = true;
  }
  args->positional = program_.arena.Copy(positional);
  args->named = program_.arena.Copy(named);
  return Expect(Tok::kRParen);
}

Expr* Parser::ParseCall(Expr* node) {
  auto* call = program_.arena.New<CallExpr>();
  call->type = ExprType::kCall;
  call->offset = node->offset;
  call->callee = node;
  bool named = node->type == ExprType::kName || node->type == ExprType::kGetattr;
  size_t at = program_.calls.size();
  if (named) program_.calls.push_back({call, block_, conditional_ > 0});
  if (!ParseArguments(&call->args)) return nullptr;
  (void)at;
  return call;
}

bool Parser::ParseDottedName(std::string_view* name) {
  Token first = cur_;
  if (!Expect(Tok::kName)) return false;
  *name = first.text;
  if (!Is(Tok::kDot)) return true;
  std::string joined(first.text);
  while (SkipIf(Tok::kDot)) {
    joined += '.';
    joined += cur_.text;
    if (!Expect(Tok::kName)) return false;
  }
  program_.strings.push_back(std::move(joined));
  *name = program_.strings.back();
  return true;
}

Expr* Parser::ParseFilter(Expr* node, bool start_inline) {
  while (Is(Tok::kPipe) || start_inline) {
    if (!start_inline) Advance();
    start_inline = false;
    auto* filter = program_.arena.New<FilterExpr>();
    filter->type = ExprType::kFilter;
    filter->offset = cur_.offset;
    filter->operand = node;
    if (!ParseDottedName(&filter->name)) return nullptr;
    if (Is(Tok::kLParen) && !ParseArguments(&filter->args)) return nullptr;
    filter->function = env_.FindFilter(filter->name);
    node = filter;
  }
  return node;
}

Expr* Parser::ParseTest(Expr* node) {
  uint32_t offset = cur_.offset;
  Advance();  // is
  bool negated = SkipIfName("not");
  auto* test = program_.arena.New<FilterExpr>();
  test->type = ExprType::kTest;
  test->offset = cur_.offset;
  test->operand = node;
  if (!ParseDottedName(&test->name)) return nullptr;
  test->function = env_.FindTest(test->name);
  if (Is(Tok::kLParen)) {
    if (!ParseArguments(&test->args)) return nullptr;
  } else if ((Is(Tok::kName) && !IsName("else") && !IsName("or") && !IsName("and")) ||
             Is(Tok::kString) || Is(Tok::kInteger) || Is(Tok::kFloat) || Is(Tok::kLBracket) ||
             Is(Tok::kLBrace)) {
    if (IsName("is")) return Fail("You cannot chain multiple tests with is");
    Expr* argument = ParsePrimary();
    if (argument) argument = ParsePostfix(argument);
    if (!argument) return nullptr;
    test->args.positional = program_.arena.Copy(std::vector<Expr*>{argument});
  }
  if (!negated) return test;
  auto* no = program_.arena.New<UnaryExpr>();
  no->type = ExprType::kNot;
  no->offset = offset;
  no->operand = test;
  return no;
}

NameExpr* Parser::ParseTargetName() {
  Token token = cur_;
  if (!Expect(Tok::kName)) return nullptr;
  static constexpr std::string_view kReserved[] = {"true", "false", "none",
                                                   "True", "False", "None"};
  if (std::find(std::begin(kReserved), std::end(kReserved), token.text) != std::end(kReserved)) {
    return Fail("can't assign to 'name'", token.offset);
  }
  return NewName(token.text, NameUse::kStore, token.offset);
}

bool Parser::MakeTarget(Expr* node, NameUse use) {
  switch (node->type) {
    case ExprType::kName: {
      auto* name = static_cast<NameExpr*>(node);
      if (use == NameUse::kStore && name->use != NameUse::kStore && name->name == "loop") {
        ++marks_.loop_stores;
      }
      name->use = use;
      return true;
    }
    case ExprType::kNsRef: return true;
    case ExprType::kTuple:
      for (Expr* item : static_cast<SequenceExpr*>(node)->items) {
        if (!MakeTarget(item, use)) return false;
      }
      return true;
    case ExprType::kConst: Fail("can't assign to 'const'", node->offset); return false;
    case ExprType::kList: Fail("can't assign to 'list'", node->offset); return false;
    case ExprType::kDict: Fail("can't assign to 'dict'", node->offset); return false;
    default: Fail("can't assign to this expression", node->offset); return false;
  }
}

Expr* Parser::ParseTarget(const TupleRules& rules) {
  Expr* target = ParseTuple(rules);
  if (!target || !MakeTarget(target, NameUse::kStore)) return nullptr;
  return target;
}

}  // namespace tarn::jinja
