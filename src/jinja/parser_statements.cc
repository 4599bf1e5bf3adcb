#include <algorithm>

#include "jinja/parser.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

constexpr size_t kDeepestTags = 60;

std::string Join(const std::vector<std::string_view>& words) {
  std::string out;
  for (std::string_view w : words) out += (out.empty() ? "" : " or ") + StringRepr(w);
  return out;
}

// A target again, as nodes of their own.
Expr* Clone(Arena& arena, Expr* node) {
  if (node->type == ExprType::kName) return arena.New<NameExpr>(*static_cast<NameExpr*>(node));
  if (node->type == ExprType::kNsRef) return arena.New<NsRefExpr>(*static_cast<NsRefExpr*>(node));
  auto* tuple = arena.New<SequenceExpr>(*static_cast<SequenceExpr*>(node));
  std::vector<Expr*> items;
  for (Expr* item : tuple->items) items.push_back(Clone(arena, item));
  tuple->items = arena.Copy(items);
  return tuple;
}

}  // namespace

std::nullptr_t Parser::FailUnexpectedEnd(std::string_view unknown_tag, uint32_t offset) {
  std::string message = unknown_tag.empty()
                            ? "Unexpected end of template."
                            : "Encountered unknown tag " + StringRepr(unknown_tag) + ".";
  if (!end_stack_.empty()) {
    bool expected = false;
    for (const EndTags& ends : end_stack_) {
      expected = expected || std::find(ends.begin(), ends.end(), unknown_tag) != ends.end();
    }
    std::string looking = Join(end_stack_.back());
    message +=
        !unknown_tag.empty() && expected
            ? " You probably made a nesting mistake. Jinja is expecting this tag, but currently "
              "looking for " +
                  looking + "."
            : " Jinja was looking for the following tags: " + looking + ".";
  }
  if (!tag_stack_.empty()) {
    message +=
        " The innermost block that needs to be closed is " + StringRepr(tag_stack_.back()) + ".";
  }
  return Fail(std::move(message), offset);
}

bool Parser::ParseTemplate() {
  Advance();
  program_.plain = Is(Tok::kEof) || (Is(Tok::kData) && cur_.text.size() == program_.text.size());
  if (failed_ || !SubParse({}, &program_.body)) return false;
  program_.mentions = mentions_;
  if (program_.body.size() == 1 && program_.body[0]->type == StmtType::kPrint) {
    program_.expression = static_cast<ExprStmt*>(program_.body[0])->expr;
  }
  return !failed_;
}

bool Parser::ParseExpressionOnly() {
  lexer_.StartInExpression();
  Advance();
  Expr* expr = failed_ ? nullptr : ParseExpression();
  if (expr && !Is(Tok::kEof)) Fail("chunk after expression");
  if (!expr || failed_) return false;
  auto* print = Begin<ExprStmt>(program_.arena, StmtType::kPrint, expr->offset);
  print->expr = expr;
  program_.body = program_.arena.Copy(std::vector<Stmt*>{print});
  program_.expression = expr;
  program_.mentions = mentions_;
  return true;
}

bool Parser::SubParse(const EndTags& ends, Stmts* out) {
  std::vector<Stmt*> body;
  if (!ends.empty()) end_stack_.push_back(ends);
  if (tag_stack_.size() > kDeepestTags) {
    Fail("blocks nest too deep");
    return false;
  }
  while (!Is(Tok::kEof) && !failed_) {
    if (Is(Tok::kData)) {
      auto* data = Begin<DataStmt>(program_.arena, StmtType::kData, cur_.offset);
      data->text = cur_.text;
      body.push_back(data);
      Advance();
      continue;
    }
    if (Is(Tok::kVariableBegin)) {
      auto* print = Begin<ExprStmt>(program_.arena, StmtType::kPrint, cur_.offset);
      Advance();
      print->expr = ParseTuple({});
      if (!print->expr || !Expect(Tok::kVariableEnd)) return false;
      body.push_back(print);
      continue;
    }
    Advance();  // block begin
    if (Is(Tok::kName) && std::find(ends.begin(), ends.end(), cur_.text) != ends.end()) break;
    Stmt* statement = ParseStatement();
    if (!statement || !Expect(Tok::kBlockEnd)) return false;
    if (statement->type == StmtType::kMacro) {
      auto* macro = static_cast<MacroStmt*>(statement);
      if (macro->block >= 0) {
        // Now that the closing tag has been read.
        program_.blocks[static_cast<size_t>(macro->block)].end = last_end_;
      }
    }
    body.push_back(statement);
  }
  if (failed_) return false;
  if (!ends.empty() && !Is(Tok::kEof)) end_stack_.pop_back();
  *out = program_.arena.Copy(body);
  return true;
}

bool Parser::ParseBody(const EndTags& ends, bool drop_needle, Stmts* out) {
  SkipIf(Tok::kColon);  // {% if x: %} is fine, as in Python
  if (!Expect(Tok::kBlockEnd) || !SubParse(ends, out)) return false;
  if (Is(Tok::kEof)) {
    FailUnexpectedEnd("", cur_.offset);
    return false;
  }
  if (drop_needle) Advance();
  return true;
}

Stmt* Parser::ParseStatement() {
  if (!Is(Tok::kName)) return Fail("tag name expected");
  using Handler = Stmt* (Parser::*)();
  static const std::unordered_map<std::string_view, Handler> kTags = {
      {"for", &Parser::ParseFor},         {"if", &Parser::ParseIf},
      {"block", &Parser::ParseBlock},     {"extends", &Parser::ParseExtends},
      {"print", &Parser::ParsePrint},     {"macro", &Parser::ParseMacro},
      {"include", &Parser::ParseInclude}, {"from", &Parser::ParseFrom},
      {"import", &Parser::ParseImport},   {"set", &Parser::ParseSet},
      {"with", &Parser::ParseWith},       {"autoescape", &Parser::ParseAutoescape},
      {"call", &Parser::ParseCallBlock},  {"filter", &Parser::ParseFilterBlock},
  };
  std::string_view tag = cur_.text;
  tag_stack_.push_back(tag);
  const EnvironmentOptions& options = env_.options();
  Stmt* result = nullptr;
  auto handler = kTags.find(tag);
  if (handler != kTags.end()) {
    result = (this->*handler->second)();
  } else if (options.do_tag && tag == "do") {
    result = ParseDo();
  } else if (options.loop_controls && (tag == "break" || tag == "continue")) {
    result = ParseLoopControl(tag == "break" ? StmtType::kBreak : StmtType::kContinue);
  } else if (options.dbt_blocks && (tag == "test" || tag == "data_test")) {
    result = ParseTest();
  } else if (options.dbt_blocks && tag == "materialization") {
    result = ParseMaterialization();
  } else if (options.dbt_blocks && (tag == "docs" || tag == "snapshot")) {
    result = ParseNamedText(tag == "docs" ? BlockKind::kDocs : BlockKind::kSnapshot);
  } else {
    tag_stack_.pop_back();
    return FailUnexpectedEnd(tag, cur_.offset);
  }
  if (!failed_) tag_stack_.pop_back();
  return result;
}

Stmt* Parser::ParseSet() {
  uint32_t offset = cur_.offset;
  Advance();
  Expr* target = ParseTarget({.simplified = true, .with_namespace = true});
  if (!target) return nullptr;
  if (SkipIf(Tok::kAssign)) {
    auto* node = Begin<SetStmt>(program_.arena, StmtType::kSet, offset);
    node->target = target;
    return (node->value = ParseTuple({})) ? node : nullptr;
  }
  auto* node = Begin<SetBlockStmt>(program_.arena, StmtType::kSetBlock, offset);
  node->target = target;
  node->filter = nullptr;
  if (Is(Tok::kPipe) && !(node->filter = ParseFilter(nullptr))) return nullptr;
  return ParseBody({"endset"}, true, &node->body) ? node : nullptr;
}

Stmt* Parser::ParseFor() {
  auto* node = Begin<ForStmt>(program_.arena, StmtType::kFor, cur_.offset);
  Advance();
  Marks whole = marks_;
  node->target = ParseTarget({.simplified = true, .end_word = "in"});
  if (!node->target || !ExpectName("in")) return nullptr;
  node->iter = ParseTuple({.with_condition = false, .end_word = "recursive"});
  if (!node->iter) return nullptr;
  node->test = node->test_target = nullptr;
  if (SkipIfName("if")) {
    if (!(node->test = ParseExpression())) return nullptr;
    node->test_target = Clone(program_.arena, node->target);
  }
  node->recursive = SkipIfName("recursive");
  Marks before = marks_;
  ++conditional_;
  ++loop_depth_;
  bool fine = ParseBody({"endfor", "else"}, false, &node->body);
  --loop_depth_;
  if (!fine) return nullptr;
  node->mentions_loop = marks_.loop_names != before.loop_names;
  node->has_scoped_block = marks_.scoped_blocks != before.scoped_blocks;
  bool has_else = IsName("else");
  Advance();
  if (has_else && !ParseBody({"endfor"}, true, &node->otherwise)) return nullptr;
  --conditional_;
  node->stores_loop = marks_.loop_stores != whole.loop_stores;
  return node;
}

Stmt* Parser::ParseIf() {
  auto* node = Begin<IfStmt>(program_.arena, StmtType::kIf, cur_.offset);
  std::vector<IfBranch> branches;
  int outer = conditional_;
  for (;;) {
    Advance();  // if, elif
    IfBranch branch{};
    if (!(branch.test = ParseTuple({.with_condition = false}))) return nullptr;
    ++conditional_;
    if (!ParseBody({"elif", "else", "endif"}, false, &branch.body)) return nullptr;
    branches.push_back(branch);
    if (IsName("elif")) continue;
    bool has_else = IsName("else");
    Advance();
    if (has_else && !ParseBody({"endif"}, true, &node->otherwise)) return nullptr;
    break;
  }
  conditional_ = outer;
  node->branches = program_.arena.Copy(branches);
  return node;
}

Stmt* Parser::ParseWith() {
  auto* node = Begin<WithStmt>(program_.arena, StmtType::kWith, cur_.offset);
  Advance();
  std::vector<Expr*> targets, values;
  while (!Is(Tok::kBlockEnd)) {
    if (!targets.empty() && !Expect(Tok::kComma)) return nullptr;
    Expr* target = ParseTarget({.simplified = true});
    if (!target || !MakeTarget(target, NameUse::kParam) || !Expect(Tok::kAssign)) return nullptr;
    Expr* value = ParseExpression();
    if (!value) return nullptr;
    targets.push_back(target);
    values.push_back(value);
  }
  node->targets = program_.arena.Copy(targets);
  node->values = program_.arena.Copy(values);
  return ParseBody({"endwith"}, true, &node->body) ? node : nullptr;
}

Stmt* Parser::ParseAutoescape() {
  auto* node = Begin<ScopeStmt>(program_.arena, StmtType::kScope, cur_.offset);
  Advance();
  if (!(node->option = ParseExpression())) return nullptr;
  return ParseBody({"endautoescape"}, true, &node->body) ? node : nullptr;
}

Stmt* Parser::ParseBlock() {
  auto* node = Begin<BlockStmt>(program_.arena, StmtType::kBlock, cur_.offset);
  Advance();
  node->name = cur_.text;
  if (!Expect(Tok::kName)) return nullptr;
  node->scoped = SkipIfName("scoped");
  if (node->scoped) ++marks_.scoped_blocks;
  node->required = SkipIfName("required");
  if (Is(Tok::kSub)) {
    return Fail(
        "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, "
        "use an underscore instead.");
  }
  for (const BlockStmt* other : program_.jinja_blocks) {
    if (other->name == node->name) {
      return Fail("block " + StringRepr(node->name) + " defined twice", node->offset,
                  "TemplateAssertionError");
    }
  }
  program_.jinja_blocks.push_back(node);
  uint8_t outer = std::exchange(mentions_, 0);
  int loops = std::exchange(loop_depth_, 0);
  if (!ParseBody({"endblock"}, true, &node->body)) return nullptr;
  loop_depth_ = loops;
  node->mentions = mentions_;
  mentions_ |= outer;
  if (node->required) {
    for (const Stmt* s : node->body) {
      bool blank =
          s->type == StmtType::kData && StripSpace(static_cast<const DataStmt*>(s)->text).empty();
      if (!blank) return Fail("Required blocks can only contain comments or whitespace");
    }
  }
  SkipIfName(node->name);
  return node;
}

Stmt* Parser::ParseExtends() {
  auto* node = Begin<ExtendsStmt>(program_.arena, StmtType::kExtends, cur_.offset);
  Advance();
  program_.has_extends = true;
  return (node->source = ParseExpression()) ? node : nullptr;
}

bool Parser::ParseImportContext(bool fallback, bool* with_context) {
  *with_context = fallback;
  if ((IsName("with") || IsName("without")) && Look().type == Tok::kName &&
      Look().text == "context") {
    *with_context = IsName("with");
    Advance();
    Advance();
    return true;
  }
  return false;
}

Stmt* Parser::ParseInclude() {
  auto* node = Begin<IncludeStmt>(program_.arena, StmtType::kInclude, cur_.offset);
  Advance();
  if (!(node->source = ParseExpression())) return nullptr;
  node->ignore_missing = IsName("ignore") && Look().type == Tok::kName && Look().text == "missing";
  if (node->ignore_missing) {
    Advance();
    Advance();
  }
  ParseImportContext(true, &node->with_context);
  return node;
}

Stmt* Parser::ParseImport() {
  auto* node = Begin<ImportStmt>(program_.arena, StmtType::kImport, cur_.offset);
  Advance();
  if (!(node->source = ParseExpression()) || !ExpectName("as")) return nullptr;
  NameExpr* target = ParseTargetName();
  if (!target) return nullptr;
  node->names = program_.arena.Copy(
      std::vector<ImportName>{{target->name, target->name, target->id, VarRef{}}});
  ParseImportContext(false, &node->with_context);
  return node;
}

Stmt* Parser::ParseFrom() {
  auto* node = Begin<ImportStmt>(program_.arena, StmtType::kFromImport, cur_.offset);
  Advance();
  if (!(node->source = ParseExpression()) || !ExpectName("import")) return nullptr;
  std::vector<ImportName> names;
  node->with_context = false;
  for (;;) {
    if (!names.empty() && !Expect(Tok::kComma)) return nullptr;
    if (!Is(Tok::kName)) {
      Expect(Tok::kName);
      return nullptr;
    }
    if (ParseImportContext(false, &node->with_context)) break;
    NameExpr* name = ParseTargetName();
    if (!name) return nullptr;
    if (name->name.starts_with('_')) {
      return Fail("names starting with an underline can not be imported", name->offset,
                  "TemplateAssertionError");
    }
    NameExpr* alias = name;
    if (SkipIfName("as") && !(alias = ParseTargetName())) return nullptr;
    names.push_back({name->name, alias->name, alias->id, VarRef{}});
    if (ParseImportContext(false, &node->with_context) || !Is(Tok::kComma)) break;
  }
  node->names = program_.arena.Copy(names);
  return node;
}

Stmt* Parser::ParsePrint() {
  // Several expressions are one statement here as they are in Jinja2: joined without anything
  // between.
  uint32_t offset = cur_.offset;
  Advance();
  std::vector<Expr*> items;
  while (!Is(Tok::kBlockEnd)) {
    if (!items.empty() && !Expect(Tok::kComma)) return nullptr;
    Expr* item = ParseExpression();
    if (!item) return nullptr;
    items.push_back(item);
  }
  auto* print = Begin<ExprStmt>(program_.arena, StmtType::kPrint, offset);
  if (items.size() == 1) {
    print->expr = items[0];
    return print;
  }
  auto* joined = program_.arena.New<SequenceExpr>();
  joined->type = ExprType::kConcat;
  joined->offset = offset;
  joined->items = program_.arena.Copy(items);
  print->expr = joined;
  return print;
}

Stmt* Parser::ParseDo() {
  auto* node = Begin<ExprStmt>(program_.arena, StmtType::kDo, cur_.offset);
  Advance();
  return (node->expr = ParseTuple({})) ? node : nullptr;
}

Stmt* Parser::ParseLoopControl(StmtType type) {
  auto* node = Begin<Stmt>(program_.arena, type, cur_.offset);
  if (loop_depth_ == 0) {
    FailLate(type == StmtType::kBreak ? "'break' outside loop" : "'continue' not properly in loop",
             cur_.offset);
  }
  Advance();
  return node;
}

Stmt* Parser::ParseFilterBlock() {
  auto* node = Begin<FilterBlockStmt>(program_.arena, StmtType::kFilterBlock, cur_.offset);
  Advance();
  if (!(node->filter = ParseFilter(nullptr, true))) return nullptr;
  return ParseBody({"endfilter"}, true, &node->body) ? node : nullptr;
}

}  // namespace tarn::jinja
