#include <pthread.h>

#include <algorithm>

#include "jinja/error.h"
#include "jinja/evaluator.h"
#include "jinja/macro.h"
#include "jinja/operations.h"

namespace tarn::jinja {
namespace {

constexpr char kReturned[] = "return outside of a macro";
constexpr size_t kStackReserve = 384 * 1024;

// The lowest address that this thread may use, with a reserve for what is called from here.
const char* StackLimit() {
  thread_local const char* limit = [] {
    pthread_attr_t attributes;
    void* low = nullptr;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
      pthread_attr_getstack(&attributes, &low, &size);
      pthread_attr_destroy(&attributes);
    }
    return low ? static_cast<const char*>(low) + std::min(kStackReserve, size / 4) : nullptr;
  }();
  return limit;
}

}  // namespace

// What an entry from the host sets and puts back.
struct Evaluator::Entry {
  explicit Entry(Evaluator& e)
      : evaluator(e), out(e.out_), signal(e.signal_), offset(e.at_offset_), program(e.at_program_) {
    e.signal_ = Signal::kNone;
    e.stack_limit_ = StackLimit();
  }
  ~Entry() {
    evaluator.out_ = out;
    evaluator.signal_ = signal;
    evaluator.at_offset_ = offset;
    evaluator.at_program_ = program;
  }
  Evaluator& evaluator;
  std::string* out;
  Signal signal;
  uint32_t offset;
  const Program* program;
};

std::vector<BlockCode>* Context::FindBlock(std::string_view name) {
  for (auto& [key, stack] : blocks) {
    if (key == name) return &stack;
  }
  return nullptr;
}

Evaluator::Evaluator(Session& session)
    : session_(session), env_(session.environment()), self_(std::make_shared<Evaluator*>(this)) {}

Evaluator::~Evaluator() {
  self_.reset();  // macros still held elsewhere refuse from now on
  modules_.clear();
  for (auto& frame : frames_) frame->slots.clear();
}

bool Evaluator::StackIsLow() const {
  char here;
  return stack_limit_ && &here < stack_limit_;
}

Status Evaluator::Step() {
  const Limits& limits = session_.options().limits;
  if (++steps_ > limits.max_steps) {
    return MakeError("LimitError", "the template took more than " +
                                       std::to_string(limits.max_steps) +
                                       " steps; does a loop never end?");
  }
  if ((steps_ & 0x3FFF) == 0 && session_.options().cancelled && session_.options().cancelled()) {
    return Status::Cancelled("rendering was cancelled");
  }
  return Status::Ok();
}

Status Evaluator::Emit(std::string_view text) {
  written_ += text.size();
  if (written_ > session_.options().limits.max_output_bytes) {
    return MakeError("LimitError", "the template wrote more than " +
                                       std::to_string(session_.options().limits.max_output_bytes) +
                                       " bytes");
  }
  if (out_) out_->append(text);
  return Status::Ok();
}

Status Evaluator::EmitValue(const Value& v) {
  if (v.is_string()) return Emit(v.str());
  not_text_.emplace_back(out_, std::string(v.TypeName()));
  return Status::Ok();
}

Status Evaluator::Joined(const std::string* buffer) {
  Status status;
  for (size_t i = not_text_.size(); i-- > 0;) {
    if (not_text_[i].first != buffer) continue;
    status = TypeError("sequence item: expected str instance, " + not_text_[i].second + " found");
    not_text_.erase(not_text_.begin() + static_cast<int64_t>(i));
  }
  return status;
}

void Evaluator::Note(uint32_t offset, const Program& program) {
  if (noted_ || returned_) return;
  noted_ = true;
  error_ = Error();
  error_.file = program.name;
  program.Locate(offset, &error_.line, &error_.column);
  error_.source_line = program.LineText(error_.line);
  at_offset_ = offset;
  at_program_ = &program;
  error_.stack = Stack();
}

// What callers of the session get: the message with its place, in one line.
Status Evaluator::Failed(Status status) {
  Error parsed = ParseStatus(status);
  if (!noted_) error_ = Error();
  error_.kind = parsed.kind;
  error_.message = parsed.message;
  noted_ = false;
  returned_.reset();
  return Status(status.code(), error_.OneLine(), status.retry());
}

std::vector<StackEntry> Evaluator::Stack() const {
  std::vector<StackEntry> out;
  const Program* program = at_program_;
  uint32_t offset = at_offset_;
  for (size_t i = calls_.size(); i-- > 0;) {
    StackEntry entry;
    entry.macro = calls_[i].macro;
    if (program) {
      entry.file = program->name;
      program->Locate(offset, &entry.line, nullptr);
    }
    out.push_back(std::move(entry));
    program = calls_[i].call_program;
    offset = calls_[i].call_offset;
  }
  return out;
}

Status Evaluator::SetReturn(Value v) {
  returned_ = std::move(v);
  return Status::Cancelled(kReturned);
}

std::optional<Value> Evaluator::Find(const Context& context, std::string_view name) const {
  if (const Value* v = context.vars->Find(name)) return *v;
  if (context.names) {
    if (auto v = context.names->Find(name)) return v;
  }
  if (const Value* v = env_.FindGlobal(name)) return *v;
  return std::nullopt;
}

void Evaluator::Dispose(std::unique_ptr<Frame> frame) {
  if (frame->live_closures > 0) {
    // Macros that only the frame itself holds go with it.
    for (Slot& slot : frame->slots) {
      auto* macro = slot.state == Slot::kSet ? slot.value.As<MacroObject>() : nullptr;
      if (macro && macro->closure() == frame.get() && macro->references() == 1) slot = Slot();
    }
  }
  if (frame->live_closures > 0) frames_.push_back(std::move(frame));
}

Status Evaluator::InFrame(const FunctionInfo& info, const Program& p,
                          const std::shared_ptr<Context>& context, Frame* parent,
                          const std::function<Status(Frame&)>& body) {
  if (!info.has_closures) {
    Frame frame(info, p, context, parent);
    return body(frame);
  }
  auto frame = std::make_unique<Frame>(info, p, context, parent);
  Status status = body(*frame);
  Dispose(std::move(frame));
  return status;
}

Result<Value> Evaluator::RunMacro(const MacroCode& code, Frame* closure, const Program& program,
                                  const std::shared_ptr<Context>& context, CallArgs& args,
                                  std::string_view display, bool catches_return) {
  TARN_RETURN_IF_ERROR(Step());
  if (calls_.size() > static_cast<size_t>(session_.options().limits.max_depth) || StackIsLow()) {
    return MakeError("RecursionError", "maximum recursion depth exceeded");
  }
  std::string text;
  Entry entry(*this);
  calls_.push_back({std::string(display), &program, at_offset_, at_program_});
  at_program_ = &program;
  at_offset_ = code.offset;
  out_ = &text;
  Status status = InFrame(code.function, program, context, closure, [&](Frame& f) -> Status {
    Enter(code.scope, f);
    TARN_RETURN_IF_ERROR(BindParameters(code, f, args));
    return Exec(code.body, f);
  });
  calls_.pop_back();
  Status joined = Joined(&text);
  if (status.ok()) status = joined;
  if (!status.ok()) {
    if (!returned_ || status.message() != kReturned || !catches_return) return status;
    Value v = std::move(*returned_);
    returned_.reset();
    return v;
  }
  return Value(std::move(text));
}

// What is left of the arguments: kwargs and varargs, or an error.
Status Evaluator::BindRest(const MacroCode& code, Frame& f, CallArgs& args) {
  const size_t count = code.params.size();
  std::string quoted = code.name.empty() ? "None" : StringRepr(code.name);
  if (code.takes_kwargs) {
    auto kwargs = MakeRef<Dict>();
    for (auto& [name, v] : args.named) kwargs->Set(name, std::move(v));
    f.slots[code.kwargs_slot] = {Value(kwargs), Slot::kSet};
  } else if (!args.named.empty()) {
    for (const auto& [name, v] : args.named) {
      if (name == "caller") {
        return TypeError("macro " + quoted +
                         " was invoked with two values for the special caller argument. "
                         "This is most likely a bug.");
      }
    }
    return TypeError("macro " + quoted + " takes no keyword argument " +
                     StringRepr(args.named[0].first));
  }
  if (code.takes_varargs) {
    ValueList rest;
    for (size_t i = count; i < args.positional.size(); ++i) rest.push_back(args.positional[i]);
    f.slots[code.varargs_slot] = {Value::Tuple(std::move(rest)), Slot::kSet};
  } else if (args.positional.size() > count) {
    return TypeError("macro " + quoted + " takes not more than " + std::to_string(count) +
                     " argument(s)");
  }
  return Status::Ok();
}

Status Evaluator::BindParameters(const MacroCode& code, Frame& f, CallArgs& args) {
  auto set = [&](uint16_t slot, Value v) {
    f.slots[slot].value = std::move(v);
    f.slots[slot].state = Slot::kSet;
  };
  auto take = [&](std::string_view name) -> std::optional<Value> {
    for (size_t i = 0; i < args.named.size(); ++i) {
      if (args.named[i].first != name) continue;
      Value v = std::move(args.named[i].second);
      args.named.erase(args.named.begin() + static_cast<int64_t>(i));
      return v;
    }
    return std::nullopt;
  };
  size_t count = code.params.size();
  std::vector<bool> given(count, false);
  bool found_caller = false;
  for (size_t i = 0; i < count; ++i) {
    const NameExpr* param = code.params[i];
    bool is_caller = param->name == "caller";
    found_caller = found_caller || is_caller;
    if (i < args.positional.size()) {
      set(param->ref.slot, args.positional[i]);
      given[i] = true;
    } else if (auto v = take(param->name)) {
      set(param->ref.slot, std::move(*v));
      given[i] = true;
    }
  }
  if (code.takes_caller && !found_caller) {
    auto caller = take("caller");
    if (!caller || caller->is_none())
      caller = session_.MakeUndefined("caller", "No caller defined");
    set(code.caller_slot, std::move(*caller));
  }
  TARN_RETURN_IF_ERROR(BindRest(code, f, args));
  size_t plain = count - code.defaults.size();
  for (size_t i = 0; i < count; ++i) {
    if (given[i]) continue;
    const NameExpr* param = code.params[i];
    if (i < plain) {
      set(param->ref.slot,
          session_.MakeUndefined(std::string(param->name),
                                 "parameter " + StringRepr(param->name) + " was not provided"));
      continue;
    }
    TARN_ASSIGN_OR_RETURN(Value v, Eval(code.defaults[i - plain], f));
    set(param->ref.slot, std::move(v));
  }
  return Status::Ok();
}

Result<Value> Evaluator::CallBlockMacro(std::shared_ptr<const Template> t, const MacroStmt& macro,
                                        std::shared_ptr<const Names> names, CallArgs& args,
                                        std::string_view display) {
  // dbt gives each macro a module of its own: every name outside of the macro is looked up in the
  // context.
  const Program& p = t->program();
  auto context = NewContext(p, std::move(names));
  auto root = std::make_unique<Frame>(p.root, p, context, nullptr);
  for (Slot& slot : root->slots) slot.state = Slot::kLazy;
  ++depth_;
  Result<Value> r = RunMacro(*macro.code, root.get(), p, context, args, display, true);
  --depth_;
  if (root->live_closures > 0) Keep(t);
  Dispose(std::move(root));
  return r;
}

void Evaluator::Keep(std::shared_ptr<const Template> t) {
  for (const auto& kept : kept_) {
    if (kept == t) return;
  }
  kept_.push_back(std::move(t));
}

std::shared_ptr<Context> Evaluator::NewContext(const Program& p,
                                               std::shared_ptr<const Names> names) {
  auto context = std::make_shared<Context>();
  context->names = std::move(names);
  context->template_name = p.name;
  for (const BlockStmt* block : p.jinja_blocks) {
    context->blocks.push_back({std::string(block->name), {BlockCode{block, &p}}});
  }
  return context;
}

std::shared_ptr<const Names> Evaluator::AllNames(const Context& context, std::span<NamedRef> locals,
                                                 Frame& f) {
  auto names = std::make_shared<Names>(context.names);
  for (const auto& entry : context.vars->entries()) names->Set(entry.key.str(), entry.value);
  for (const NamedRef& local : locals) {
    Value v = Read(local.ref, local.name, f);
    if (At(local.ref, f).state == Slot::kSet) names->Set(local.name, std::move(v));
  }
  return names;
}

Status Evaluator::RunTemplate(const Program& p, const std::shared_ptr<Context>& context) {
  Status status = InFrame(p.root, p, context, nullptr, [&](Frame& f) -> Status {
    f.checks_extends = p.has_extends;
    Enter(p.root_scope, f);
    if (p.self_slot >= 0) {
      Slot& slot = f.slots[static_cast<size_t>(p.self_slot)];
      slot.value = MakeTemplateReference(*this, context);
      slot.state = Slot::kSet;
    }
    return Exec(p.body, f);
  });
  TARN_RETURN_IF_ERROR(status);
  if (const Program* parent = std::exchange(context->parent_template, nullptr)) {
    if (depth_ > 50) return MakeError("RecursionError", "templates extend each other without end");
    ++depth_;
    status = RunTemplate(*parent, context);
    --depth_;
  }
  return status;
}

Result<std::string> Evaluator::Render(const Template& t) {
  Entry entry(*this);
  std::string text;
  out_ = &text;
  const Program& p = t.program();
  at_program_ = &p;
  at_offset_ = 0;
  calls_.push_back({"", &p, 0, nullptr});
  Status status = RunTemplate(p, NewContext(p, session_.names()));
  calls_.pop_back();
  Status joined = Joined(&text);
  TARN_RETURN_IF_ERROR(status);
  TARN_RETURN_IF_ERROR(joined);
  return text;
}

Result<Value> Evaluator::Evaluate(const Template& t) {
  const Program& p = t.program();
  if (!p.expression) {
    TARN_ASSIGN_OR_RETURN(std::string text, Render(t));
    return Value(std::move(text));
  }
  Entry entry(*this);
  std::string text;
  out_ = &text;
  at_program_ = &p;
  calls_.push_back({"", &p, 0, nullptr});
  Value result;
  auto context = NewContext(p, session_.names());
  Status status = InFrame(p.root, p, context, nullptr, [&](Frame& f) -> Status {
    Enter(p.root_scope, f);
    TARN_ASSIGN_OR_RETURN(result, Eval(p.expression, f));
    return Status::Ok();
  });
  calls_.pop_back();
  TARN_RETURN_IF_ERROR(status);
  return result;
}

Result<const Template*> Evaluator::LoadNamed(const std::string& name, bool* missing) {
  *missing = false;
  if (!env_.loader()) return MakeError("TypeError", "no loader for this environment specified");
  auto t = env_.loader()(name);
  if (!t.ok()) {
    *missing = t.status().code() == StatusCode::kNotFound;
    if (*missing) return MakeError("TemplateNotFound", name);
    return t.status();
  }
  const Template* raw = t->get();
  Keep(std::move(*t));
  return raw;
}

Result<const Template*> Evaluator::Load(const Value& source, bool* missing) {
  *missing = false;
  if (source.is_string()) return LoadNamed(source.str(), missing);
  if (source.is_undefined()) return UndefinedError(source.undefined_message());
  TARN_ASSIGN_OR_RETURN(ValueList names, ToList(session_, source));
  for (const Value& name : names) {
    auto t = LoadNamed(name.Str(), missing);
    if (t.ok() || !*missing) return t;
  }
  *missing = true;
  return MakeError("TemplatesNotFound", "none of the templates given were found: " + source.Str());
}

Status Evaluator::ExecInclude(const IncludeStmt* s, Frame& f) {
  TARN_RETURN_IF_ERROR(Step());
  TARN_ASSIGN_OR_RETURN(Value source, Eval(s->source, f));
  bool missing;
  auto t = Load(source, &missing);
  if (!t.ok()) return missing && s->ignore_missing ? Status::Ok() : t.status();
  if (depth_ >= session_.options().limits.max_depth || StackIsLow()) {
    return MakeError("RecursionError", "maximum recursion depth exceeded");
  }
  const Program& p = (*t)->program();
  std::shared_ptr<const Names> names =
      s->with_context ? AllNames(*f.context, s->locals, f) : nullptr;
  ++depth_;
  calls_.push_back({"", &p, s->offset, f.program});
  Status status = RunTemplate(p, NewContext(p, std::move(names)));
  calls_.pop_back();
  --depth_;
  return status;
}

Result<Value> Evaluator::MakeModule(const Template& t, std::shared_ptr<const Names> names) {
  if (depth_ >= session_.options().limits.max_depth || StackIsLow()) {
    return MakeError("RecursionError", "maximum recursion depth exceeded");
  }
  Entry entry(*this);
  std::string text;
  out_ = &text;
  const Program& p = t.program();
  auto context = NewContext(p, std::move(names));
  ++depth_;
  calls_.push_back({"", &p, at_offset_, at_program_});
  Status status = RunTemplate(p, context);
  calls_.pop_back();
  --depth_;
  TARN_RETURN_IF_ERROR(status);
  auto exported = MakeRef<Dict>();
  for (const std::string& name : context->exported) {
    if (const Value* v = context->vars->Find(name)) exported->Set(name, *v);
  }
  Value module(Ref<Object>(new ModuleObject(p.name, exported, std::move(text))));
  modules_.push_back(module);
  return module;
}

Status Evaluator::ExecImport(const ImportStmt* s, Frame& f) {
  TARN_RETURN_IF_ERROR(Step());
  TARN_ASSIGN_OR_RETURN(Value source, Eval(s->source, f));
  bool missing;
  TARN_ASSIGN_OR_RETURN(const Template* t, Load(source, &missing));
  std::shared_ptr<const Names> names =
      s->with_context ? AllNames(*f.context, s->locals, f) : nullptr;
  TARN_ASSIGN_OR_RETURN(Value module, MakeModule(*t, std::move(names)));
  auto set = [&](const ImportName& n, Value v) {
    Slot& slot = At(n.ref, f);
    slot.value = std::move(v);
    slot.state = Slot::kSet;
    if (!s->toplevel) return;
    f.context->vars->Set(n.alias, slot.value);
    auto& exported = f.context->exported;
    exported.erase(std::remove(exported.begin(), exported.end(), n.alias), exported.end());
  };
  if (s->type == StmtType::kImport) {
    set(s->names[0], module);
    return Status::Ok();
  }
  int line = 0;
  f.program->Locate(s->offset, &line, nullptr);
  for (const ImportName& n : s->names) {
    TARN_ASSIGN_OR_RETURN(auto v, module.object().GetAttr(session_, n.name));
    if (!v) {
      v = session_.MakeUndefined(std::string(n.name),
                                 "the template " + StringRepr(t->name()) + " (imported on line " +
                                     std::to_string(line) + " in " + StringRepr(f.program->name) +
                                     ") does not export the requested name " + StringRepr(n.name));
    }
    set(n, std::move(*v));
  }
  return Status::Ok();
}

Status Evaluator::ExecExtends(const ExtendsStmt* s, Frame& f) {
  if (f.context->parent_template) return RuntimeError("extended multiple times");
  TARN_ASSIGN_OR_RETURN(Value source, Eval(s->source, f));
  bool missing;
  TARN_ASSIGN_OR_RETURN(const Template* t, Load(source, &missing));
  const Program& p = t->program();
  f.context->parent_template = &p;
  for (const BlockStmt* block : p.jinja_blocks) {
    if (auto* stack = f.context->FindBlock(block->name)) {
      stack->push_back({block, &p});
    } else {
      f.context->blocks.push_back({std::string(block->name), {BlockCode{block, &p}}});
    }
  }
  return Status::Ok();
}

Status Evaluator::ExecBlock(const BlockStmt* s, Frame& f) {
  if (s->toplevel && f.context->parent_template) return Status::Ok();
  TARN_RETURN_IF_ERROR(Step());
  std::vector<BlockCode>* stack = f.context->FindBlock(s->name);
  if (!stack) return MakeError("KeyError", StringRepr(s->name));
  if (s->required && stack->size() <= 1) {
    return RuntimeError("Required block " + StringRepr(s->name) + " not found");
  }
  std::shared_ptr<Context> context = f.context;
  if (s->scoped) {
    context = std::make_shared<Context>();
    context->names = AllNames(*f.context, s->locals, f);
    context->template_name = f.context->template_name;
    context->blocks = f.context->blocks;
    stack = context->FindBlock(s->name);
  }
  TARN_ASSIGN_OR_RETURN(std::string text, RunBlock(stack->front(), context));
  return Emit(text);
}

Result<std::string> Evaluator::RunBlock(const BlockCode& code,
                                        const std::shared_ptr<Context>& context) {
  if (depth_ >= session_.options().limits.max_depth || StackIsLow()) {
    return MakeError("RecursionError", "maximum recursion depth exceeded");
  }
  Entry entry(*this);
  std::string text;
  out_ = &text;
  const BlockStmt* block = code.block;
  ++depth_;
  Status status =
      InFrame(block->function, *code.program, context, nullptr, [&](Frame& f) -> Status {
        Enter(block->scope, f);
        auto set = [&](int32_t slot, Value v) {
          f.slots[static_cast<size_t>(slot)].value = std::move(v);
          f.slots[static_cast<size_t>(slot)].state = Slot::kSet;
        };
        if (block->self_slot >= 0) set(block->self_slot, MakeTemplateReference(*this, context));
        if (block->super_slot >= 0) {
          auto* stack = context->FindBlock(block->name);
          size_t at = 0;
          while (stack && at < stack->size() && (*stack)[at].block != block) ++at;
          if (stack && at + 1 < stack->size()) {
            set(block->super_slot,
                MakeBlockReference(*this, std::string(block->name), context, *stack, at + 1));
          } else {
            set(block->super_slot,
                session_.MakeUndefined(
                    "super", "there is no parent block called " + StringRepr(block->name) + "."));
          }
        }
        return Exec(block->body, f);
      });
  --depth_;
  Status joined = Joined(&text);
  TARN_RETURN_IF_ERROR(status);
  TARN_RETURN_IF_ERROR(joined);
  return text;
}

}  // namespace tarn::jinja
