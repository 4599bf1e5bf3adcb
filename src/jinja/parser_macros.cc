#include <algorithm>
#include <utility>

#include "jinja/parser.h"
#include "jinja/text.h"

namespace tarn::jinja {

bool Parser::ParseSignature(std::vector<NameExpr*>* params, std::vector<Expr*>* defaults) {
  if (!Expect(Tok::kLParen)) return false;
  while (!Is(Tok::kRParen)) {
    if (!params->empty() && !Expect(Tok::kComma)) return false;
    NameExpr* param = ParseTargetName();
    if (!param) return false;
    if (param->name == "loop") --marks_.loop_stores;
    param->use = NameUse::kParam;
    if (SkipIf(Tok::kAssign)) {
      Expr* value = ParseExpression();
      if (!value) return false;
      defaults->push_back(value);
    } else if (!defaults->empty()) {
      Fail("non-default argument follows default argument");
      return false;
    }
    params->push_back(param);
  }
  return Expect(Tok::kRParen) && CheckSignature(*params);
}

bool Parser::CheckSignature(const std::vector<NameExpr*>& params) {
  for (size_t i = 0; i < params.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      if (params[i]->id == params[k]->id) {
        FailLate("duplicate argument " + StringRepr(params[i]->name) + " in function definition",
                 params[i]->offset);
      }
    }
  }
  return true;
}

bool Parser::ParseMacroBody(MacroCode* code, const EndTags& ends) {
  uint8_t outer = std::exchange(mentions_, 0);
  int loops = std::exchange(loop_depth_, 0);
  ++conditional_;
  if (!ParseBody(ends, false, &code->body)) return false;
  --conditional_;
  loop_depth_ = loops;
  code->mentions = mentions_;
  mentions_ |= outer;
  return true;
}

void Parser::DescribeParameters(const MacroCode& code, Block* block) {
  size_t plain = code.params.size() - code.defaults.size();
  for (size_t i = 0; i < code.params.size(); ++i) {
    Parameter p;
    p.name = code.params[i]->name;
    p.has_default = i >= plain;
    if (p.has_default && code.defaults[i - plain]->type == ExprType::kConst) {
      p.literal_default = *static_cast<ConstExpr*>(code.defaults[i - plain])->value;
    }
    block->parameters.push_back(std::move(p));
  }
}

Stmt* Parser::FinishMacro(uint32_t offset, std::string_view name, Block block,
                          const std::vector<NameExpr*>& params, const std::vector<Expr*>& defaults,
                          const EndTags& ends) {
  auto* node = Begin<MacroStmt>(program_.arena, StmtType::kMacro, offset);
  auto* code = program_.arena.New<MacroCode>();
  node->code = code;
  node->id = Intern(name);
  code->name = name;
  code->offset = offset;
  code->params = program_.arena.Copy(params);
  code->defaults = program_.arena.Copy(defaults);
  bool top = tag_stack_.size() == 1;
  if (top) {
    node->block = static_cast<int32_t>(program_.blocks.size());
    block_ = node->block;
    block.unique = name;
    block.begin = program_.text.rfind("{%", offset);
    DescribeParameters(*code, &block);
    program_.Locate(offset, &block.line, nullptr);
    program_.blocks.push_back(std::move(block));
    program_.block_macros.push_back(node);
  }
  // The body begins behind the tag's end (and an optional colon before it).
  if (Is(Tok::kColon)) Advance();
  size_t body_begin = cur_.end;
  if (!ParseMacroBody(code, ends)) return nullptr;
  if (top) {
    Block& b = program_.blocks[static_cast<size_t>(node->block)];
    b.body_begin = body_begin;
    b.body_end = program_.text.rfind("{%", cur_.offset);
    block_ = -1;
  }
  Advance();  // the end tag's name
  return node;
}

Stmt* Parser::ParseMacro() {
  uint32_t offset = cur_.offset;
  Advance();
  NameExpr* name = ParseTargetName();
  std::vector<NameExpr*> params;
  std::vector<Expr*> defaults;
  if (!name || !ParseSignature(&params, &defaults)) return nullptr;
  if (name->name == "loop") --marks_.loop_stores;
  Block block;
  block.kind = BlockKind::kMacro;
  block.name = name->name;
  return FinishMacro(offset, name->name, std::move(block), params, defaults, {"endmacro"});
}

Stmt* Parser::ParseTest() {
  uint32_t offset = cur_.offset;
  Advance();
  NameExpr* name = ParseTargetName();
  std::vector<NameExpr*> params;
  std::vector<Expr*> defaults;
  if (!name || !ParseSignature(&params, &defaults)) return nullptr;
  Block block;
  block.kind = BlockKind::kTest;
  block.name = name->name;
  program_.strings.push_back("test_" + block.name);
  return FinishMacro(offset, program_.strings.back(), std::move(block), params, defaults,
                     {"endtest", "enddata_test"});
}

bool Parser::ParseMaterializationOptions(Block* block, std::vector<NameExpr*>* params,
                                         std::vector<Expr*>* defaults) {
  while (SkipIf(Tok::kComma)) {
    NameExpr* option = ParseTargetName();
    if (!option) return false;
    if (option->name == "default") continue;
    if (option->name != "adapter" && option->name != "supported_languages") {
      Fail("materialization '" + block->name + "' received unknown argument '" +
               std::string(option->name) + "'",
           option->offset);
      return false;
    }
    if (!Expect(Tok::kAssign)) return false;
    Expr* value = ParseExpression();
    if (!value) return false;
    if (option->name == "adapter") {
      auto* literal = value->type == ExprType::kConst ? static_cast<ConstExpr*>(value) : nullptr;
      if (!literal || !literal->value->is_string()) {
        Fail("the adapter of a materialization must be a string", value->offset);
        return false;
      }
      block->adapter = literal->value->str();
      continue;
    }
    option->use = NameUse::kParam;
    params->push_back(option);
    defaults->push_back(value);
    block->supported_languages.clear();
    if (value->type == ExprType::kList) {
      for (Expr* item : static_cast<SequenceExpr*>(value)->items) {
        if (item->type != ExprType::kConst) continue;
        block->supported_languages.push_back(static_cast<ConstExpr*>(item)->value->Str());
      }
    }
  }
  return true;
}

Stmt* Parser::ParseMaterialization() {
  uint32_t offset = cur_.offset;
  Advance();
  NameExpr* name = ParseTargetName();
  if (!name) return nullptr;
  Block block;
  block.kind = BlockKind::kMaterialization;
  block.name = name->name;
  block.adapter = "default";
  block.supported_languages = {"sql"};
  std::vector<NameExpr*> params;
  std::vector<Expr*> defaults;
  if (!ParseMaterializationOptions(&block, &params, &defaults)) return nullptr;
  if (params.empty()) {
    params.push_back(NewName("supported_languages", NameUse::kParam, offset));
    defaults.push_back(Constant(Value::List({Value("sql")}), offset));
  }
  program_.strings.push_back("materialization_" + block.name + "_" + block.adapter);
  return FinishMacro(offset, program_.strings.back(), std::move(block), params, defaults,
                     {"endmaterialization"});
}

Stmt* Parser::ParseNamedText(BlockKind kind) {
  uint32_t offset = cur_.offset;
  Advance();
  NameExpr* name = ParseTargetName();
  if (!name) return nullptr;
  Block block;
  block.kind = kind;
  block.name = name->name;
  bool docs = kind == BlockKind::kDocs;
  program_.strings.push_back((docs ? "docs_" : "snapshot_") + block.name);
  return FinishMacro(offset, program_.strings.back(), std::move(block), {}, {},
                     {docs ? "enddocs" : "endsnapshot"});
}

Stmt* Parser::ParseCallBlock() {
  auto* node = Begin<CallBlockStmt>(program_.arena, StmtType::kCallBlock, cur_.offset);
  Advance();
  auto* code = program_.arena.New<MacroCode>();
  node->code = code;
  code->offset = node->offset;
  std::vector<NameExpr*> params;
  std::vector<Expr*> defaults;
  if (Is(Tok::kLParen) && !ParseSignature(&params, &defaults)) return nullptr;
  code->params = program_.arena.Copy(params);
  code->defaults = program_.arena.Copy(defaults);
  Expr* call = ParseExpression();
  if (!call) return nullptr;
  if (call->type != ExprType::kCall) return Fail("expected call", node->offset);
  node->call = static_cast<CallExpr*>(call);
  if (!ParseMacroBody(code, {"endcall"})) return nullptr;
  Advance();
  return node;
}

}  // namespace tarn::jinja
