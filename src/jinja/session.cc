#include "jinja/session.h"

#include "jinja/evaluator.h"
#include "jinja/operations.h"

namespace tarn::jinja {

void Names::Set(std::string_view name, Value value) { own_->Set(name, std::move(value)); }

std::optional<Value> Names::Find(std::string_view name) const {
  for (const Names* at = this; at; at = at->parent_.get()) {
    if (const Value* v = at->own_->Find(name)) return *v;
    if (at->resolver_) {
      if (auto v = at->resolver_(name)) return v;
    }
  }
  return std::nullopt;
}

Session::Session(const Environment& env, std::shared_ptr<const Names> names, SessionOptions options)
    : env_(env),
      names_(std::move(names)),
      options_(std::move(options)),
      evaluator_(std::make_unique<Evaluator>(*this)) {
  if (!names_) names_ = std::make_shared<Names>();
}

Session::~Session() = default;

// Calls from inside a host function keep the bare message: the place is added once, at the
// outermost.
Result<std::string> Session::Render(const Template& t) {
  bool outermost = evaluator_->Stack().empty();
  if (outermost) evaluator_->ForgetError();
  auto r = evaluator_->Render(t);
  if (r.ok()) {
    evaluator_->ForgetError();
    return r;
  }
  return outermost ? evaluator_->Failed(r.status()) : r.status();
}

Result<Value> Session::Evaluate(const Template& t) {
  bool outermost = evaluator_->Stack().empty();
  if (outermost) evaluator_->ForgetError();
  auto r = evaluator_->Evaluate(t);
  if (r.ok()) return r;
  return outermost ? evaluator_->Failed(r.status()) : r.status();
}

Result<Value> Session::CallMacro(std::shared_ptr<const Template> t, std::string_view unique,
                                 std::shared_ptr<const Names> names, CallArgs& args,
                                 std::string_view display_name) {
  const Program& p = t->program();
  const MacroStmt* macro = nullptr;
  for (size_t i = 0; i < p.blocks.size(); ++i) {
    if (p.blocks[i].unique == unique) macro = p.block_macros[i];
  }
  if (!macro) {
    return Status::NotFound("UndefinedError: no macro '" + std::string(unique) + "' in " + p.name);
  }
  bool outermost = evaluator_->Stack().empty();
  if (outermost) evaluator_->ForgetError();
  auto r = evaluator_->CallBlockMacro(t, *macro, names ? std::move(names) : names_, args,
                                      display_name.empty() ? unique : display_name);
  if (r.ok()) return r;
  return outermost ? evaluator_->Failed(r.status()) : r.status();
}

Result<Value> Session::Call(const Value& callee, CallArgs& args) {
  return evaluator_->Call(callee, args);
}

Result<Value> Session::Call(const Value& callee, ValueList positional) {
  CallArgs args(*this);
  args.positional = std::move(positional);
  return Call(callee, args);
}

Result<Value> Session::GetAttr(const Value& v, std::string_view name) {
  return Attribute(*this, v, name);
}
Result<Value> Session::GetItem(const Value& v, const Value& key) {
  return Subscript(*this, v, key);
}
Result<ValueList> Session::List(const Value& iterable) { return ToList(*this, iterable); }
Result<std::string> Session::Text(const Value& v) { return evaluator_->Text(v); }

Value Session::Lookup(std::string_view name) const {
  if (auto v = names_->Find(name)) return *v;
  if (const Value* v = env_.FindGlobal(name)) return *v;
  return MakeUndefined(std::string(name));
}

Value Session::MakeUndefined(std::string name, std::string hint) const {
  return Value::Undefined(std::move(name), options_.undefined, std::move(hint));
}

const Error& Session::error() const { return evaluator_->error(); }
std::vector<StackEntry> Session::Stack() const { return evaluator_->Stack(); }

Status ReturnFromMacro(Session& session, Value value) {
  return session.evaluator().SetReturn(std::move(value));
}

}  // namespace tarn::jinja
