// Builds the tree of a template from its tokens: Jinja2's grammar and dbt's block tags.
//
// Functions return null after a failure, and error() says what and where. Nesting is bounded, so
// that no text can exhaust the stack.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jinja/ast.h"
#include "jinja/lexer.h"

namespace tarn::jinja {

class Parser {
 public:
  Parser(Program& program, const Environment& env);
  bool ParseTemplate();
  bool ParseExpressionOnly();

  std::string error_kind() const { return error_kind_; }
  const std::string& error() const { return error_; }
  uint32_t error_offset() const { return error_offset_; }
  // What Python would refuse after Jinja2 has translated the whole template: "" when there is
  // nothing.
  const std::string& late_error() const { return late_error_; }
  uint32_t late_offset() const { return late_offset_; }

 private:
  // How far the two counters of a construct had come before its body.
  struct Marks {
    uint32_t loop_names, loop_stores, scoped_blocks;
  };
  struct Nesting;

  // ---- tokens
  void Advance();
  const Token& Look();
  bool Is(Tok type) const { return cur_.type == type; }
  bool IsName(std::string_view word) const { return cur_.type == Tok::kName && cur_.text == word; }
  bool SkipIf(Tok type);
  bool SkipIfName(std::string_view word);
  bool Expect(Tok type);
  bool ExpectName(std::string_view word);
  std::nullptr_t Fail(std::string message, uint32_t offset,
                      std::string_view kind = "TemplateSyntaxError");
  std::nullptr_t Fail(std::string message) { return Fail(std::move(message), cur_.offset); }
  void FailLate(std::string message, uint32_t offset);
  std::nullptr_t FailUnexpectedEnd(std::string_view unknown_tag, uint32_t offset);

  // ---- statements (parser_statements.cc)
  using EndTags = std::vector<std::string_view>;
  bool SubParse(const EndTags& ends, Stmts* out);
  bool ParseBody(const EndTags& ends, bool drop_needle, Stmts* out);
  Stmt* ParseStatement();
  Stmt* ParseSet();
  Stmt* ParseFor();
  Stmt* ParseIf();
  Stmt* ParseWith();
  Stmt* ParseAutoescape();
  Stmt* ParseBlock();
  Stmt* ParseExtends();
  Stmt* ParseInclude();
  Stmt* ParseImport();
  Stmt* ParseFrom();
  bool ParseImportContext(bool fallback, bool* with_context);
  Stmt* ParsePrint();
  Stmt* ParseMacro();
  Stmt* ParseCallBlock();
  Stmt* ParseFilterBlock();
  Stmt* ParseDo();
  Stmt* ParseLoopControl(StmtType type);
  Stmt* ParseTest();
  Stmt* ParseMaterialization();
  bool ParseMaterializationOptions(Block* block, std::vector<NameExpr*>* params,
                                   std::vector<Expr*>* defaults);
  Stmt* ParseNamedText(BlockKind kind);
  bool ParseSignature(std::vector<NameExpr*>* params, std::vector<Expr*>* defaults);
  bool CheckSignature(const std::vector<NameExpr*>& params);
  // The body of a macro-like tag and the statement for it.
  Stmt* FinishMacro(uint32_t offset, std::string_view name, Block block,
                    const std::vector<NameExpr*>& params, const std::vector<Expr*>& defaults,
                    const EndTags& ends);
  bool ParseMacroBody(MacroCode* code, const EndTags& ends);
  void DescribeParameters(const MacroCode& code, Block* block);

  // ---- expressions (parser_expressions.cc)
  Expr* ParseExpression(bool with_condition = true);
  Expr* ParseCondition();
  Expr* ParseOr();
  Expr* ParseAnd();
  Expr* ParseNot();
  Expr* ParseCompare();
  bool ParseCompareOp(CompareOp* op, bool* found);
  Expr* ParseSum();
  Expr* ParseConcat();
  Expr* ParseProduct();
  Expr* ParsePower();
  Expr* ParseUnary(bool with_filter = true);
  Expr* ParsePrimary(bool with_namespace = false);
  Expr* ParseNameOrLiteral(bool with_namespace);
  struct TupleRules {
    bool simplified = false;
    bool with_condition = true;
    std::string_view end_word = {};  // a name that ends the tuple
    bool parentheses = false;
    bool with_namespace = false;
  };
  Expr* ParseTuple(const TupleRules& rules);
  Expr* ParseList();
  Expr* ParseDict();
  Expr* ParsePostfix(Expr* node);
  Expr* ParseFilters(Expr* node);
  Expr* ParseSubscript(Expr* node);
  Expr* ParseSubscribed();
  bool ParseArguments(Arguments* args);
  bool ParseArgument(Arguments* args, std::vector<Expr*>* positional,
                     std::vector<KeywordArg>* named, uint32_t offset);
  Expr* ParseCall(Expr* node);
  Expr* ParseFilter(Expr* node, bool start_inline = false);
  Expr* ParseTest(Expr* node);
  bool ParseDottedName(std::string_view* name);
  Expr* ParseTarget(const TupleRules& rules);
  NameExpr* ParseTargetName();
  bool MakeTarget(Expr* node, NameUse use);
  NameExpr* NewName(std::string_view name, NameUse use, uint32_t offset);
  Expr* Constant(Value v, uint32_t offset);
  NameId Intern(std::string_view name);
  void Mention(std::string_view name);

  Program& program_;
  const Environment& env_;
  Lexer lexer_;
  Token cur_;
  Token ahead_;
  bool has_ahead_ = false;
  uint32_t last_end_ = 0;  // of the token before cur_

  std::string error_kind_, error_;
  uint32_t error_offset_ = 0;
  bool failed_ = false;
  std::string late_error_;
  uint32_t late_offset_ = 0;

  std::unordered_map<std::string_view, NameId> ids_;
  std::vector<std::string_view> tag_stack_;
  std::vector<EndTags> end_stack_;
  int nesting_ = 0;
  int conditional_ = 0;  // depth of what may not run, or not once
  int32_t block_ = -1;   // the top-level block that is read
  uint8_t mentions_ = 0;
  Marks marks_{0, 0, 0};
  int loop_depth_ = 0;
};

}  // namespace tarn::jinja
