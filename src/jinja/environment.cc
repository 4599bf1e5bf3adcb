#include "jinja/environment.h"

#include "jinja/ast.h"
#include "jinja/builtins.h"
#include "jinja/parser.h"
#include "jinja/scope.h"

namespace tarn::jinja {
namespace {

// "\r\n" and "\r" become "\n"; one newline at the end goes.
void Normalize(std::string& text, bool keep_trailing_newline) {
  if (text.find('\r') != std::string::npos) {
    size_t to = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\r') {
        text[to++] = '\n';
        if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
      } else {
        text[to++] = text[i];
      }
    }
    text.resize(to);
  }
  if (!keep_trailing_newline && text.ends_with('\n')) text.pop_back();
}

Status Refuse(const Program& p, std::string kind, std::string message, uint32_t offset,
              Error* error) {
  Error e;
  e.kind = std::move(kind);
  e.message = std::move(message);
  e.file = p.name;
  p.Locate(offset, &e.line, &e.column);
  e.source_line = p.LineText(e.line);
  Status status = Status::InvalidArgument(e.OneLine());
  if (error) *error = std::move(e);
  return status;
}

}  // namespace

Environment::Environment(EnvironmentOptions options) : options_(options) { AddBuiltins(*this); }
Environment::~Environment() = default;

void Environment::SetFilter(std::string name, HostFunction filter) {
  filters_.insert_or_assign(std::move(name), std::move(filter));
}
void Environment::SetTest(std::string name, HostFunction test) {
  tests_.insert_or_assign(std::move(name), std::move(test));
}
void Environment::SetGlobal(std::string name, Value value) {
  globals_.insert_or_assign(std::move(name), std::move(value));
}
void Environment::SetLoader(Loader loader) { loader_ = std::move(loader); }

const HostFunction* Environment::FindFilter(std::string_view name) const {
  auto at = filters_.find(name);
  return at == filters_.end() ? nullptr : &at->second;
}
const HostFunction* Environment::FindTest(std::string_view name) const {
  auto at = tests_.find(name);
  return at == tests_.end() ? nullptr : &at->second;
}
const Value* Environment::FindGlobal(std::string_view name) const {
  auto at = globals_.find(name);
  return at == globals_.end() ? nullptr : &at->second;
}

Result<std::shared_ptr<const Template>> Environment::CompileText(std::string text, std::string name,
                                                                 bool expression,
                                                                 Error* error) const {
  auto program = std::make_unique<Program>();
  program->name = std::move(name);
  program->text = std::move(text);
  Program& p = *program;
  if (p.text.size() > (256u << 20)) {
    p.text.clear();
    return Refuse(p, "TemplateSyntaxError", "the template is larger than 256 MiB", 0, error);
  }
  Normalize(p.text, options_.keep_trailing_newline);
  Parser parser(p, *this);
  if (!(expression ? parser.ParseExpressionOnly() : parser.ParseTemplate())) {
    return Refuse(p, parser.error_kind(), parser.error(), parser.error_offset(), error);
  }
  ScopeFailure failure;
  if (!ResolveScopes(p, &failure)) {
    return Refuse(p, failure.kind, failure.message, failure.offset, error);
  }
  if (!parser.late_error().empty()) {
    return Refuse(p, "SyntaxError", parser.late_error(), parser.late_offset(), error);
  }
  return std::shared_ptr<const Template>(new Template(std::move(program)));
}

Result<std::shared_ptr<const Template>> Environment::Compile(std::string text, std::string name,
                                                             Error* error) const {
  return CompileText(std::move(text), std::move(name), false, error);
}

Result<std::shared_ptr<const Template>> Environment::CompileExpression(std::string text,
                                                                       std::string name,
                                                                       Error* error) const {
  return CompileText(std::move(text), std::move(name), true, error);
}

}  // namespace tarn::jinja
