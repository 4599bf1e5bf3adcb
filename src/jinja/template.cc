#include "jinja/template.h"

#include <algorithm>

#include "jinja/ast.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

// The dotted name of a callee: "ref", "adapter.dispatch". Null when it is something else.
bool DottedName(const Expr* e, std::string* out) {
  if (e->type == ExprType::kName) {
    out->append(static_cast<const NameExpr*>(e)->name);
    return true;
  }
  if (e->type != ExprType::kGetattr) return false;
  auto* get = static_cast<const GetattrExpr*>(e);
  if (!DottedName(get->object, out)) return false;
  out->append(".").append(get->attr);
  return true;
}

// The value of an expression that is a literal, containers of literals included.
std::optional<Value> Literal(const Expr* e) {
  switch (e->type) {
    case ExprType::kConst: return *static_cast<const ConstExpr*>(e)->value;
    case ExprType::kNeg: {
      auto v = Literal(static_cast<const UnaryExpr*>(e)->operand);
      return v && v->is_number() ? std::optional<Value>(Negate(*v)) : std::nullopt;
    }
    case ExprType::kList:
    case ExprType::kTuple: {
      ValueList items;
      for (const Expr* item : static_cast<const SequenceExpr*>(e)->items) {
        auto v = Literal(item);
        if (!v) return std::nullopt;
        items.push_back(std::move(*v));
      }
      return e->type == ExprType::kList ? Value::List(std::move(items))
                                        : Value::Tuple(std::move(items));
    }
    case ExprType::kDict: {
      auto* d = static_cast<const DictExpr*>(e);
      auto dict = MakeRef<Dict>();
      for (size_t i = 0; i < d->keys.size(); ++i) {
        auto key = Literal(d->keys[i]), value = Literal(d->values[i]);
        if (!key || !value || !dict->Set(*key, *value).ok()) return std::nullopt;
      }
      return Value(dict);
    }
    default: return std::nullopt;
  }
}

}  // namespace

void Program::Locate(size_t offset, int* line, int* column) const {
  std::string_view before = std::string_view(text).substr(0, std::min(offset, text.size()));
  *line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1;
  if (!column) return;
  size_t newline = before.rfind('\n');
  size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
  *column = static_cast<int>(CountCodePoints(before.substr(begin))) + 1;
}

std::string Program::LineText(int line) const {
  size_t begin = 0;
  for (int i = 1; i < line; ++i) {
    size_t newline = text.find('\n', begin);
    if (newline == std::string::npos) return "";
    begin = newline + 1;
  }
  return text.substr(begin, text.find('\n', begin) - begin);
}

Template::Template(std::unique_ptr<const Program> program) : program_(std::move(program)) {}
Template::~Template() = default;

const std::string& Template::name() const { return program_->name; }
const std::string& Template::text() const { return program_->text; }
const std::vector<Block>& Template::blocks() const { return program_->blocks; }
bool Template::is_plain_text() const { return program_->plain; }

const Block* Template::FindBlock(std::string_view unique) const {
  const Block* found = nullptr;  // the last of a name wins, as assignments do
  for (const Block& b : program_->blocks) {
    if (b.unique == unique) found = &b;
  }
  return found;
}

std::vector<std::string_view> Template::free_names() const {
  std::vector<std::string_view> out;
  for (NameId id : program_->free_names) out.push_back(program_->names[id]);
  return out;
}

std::vector<CallSite> Template::calls() const {
  std::vector<CallSite> out;
  for (const CallRecord& record : program_->calls) {
    CallSite site;
    if (!DottedName(record.call->callee, &site.callee)) continue;
    for (const Expr* e : record.call->args.positional) site.positional.push_back(Literal(e));
    for (const KeywordArg& k : record.call->args.named)
      site.named.emplace_back(k.name, Literal(k.value));
    site.dynamic_arguments = record.call->args.dyn_positional || record.call->args.dyn_named;
    site.conditional = record.conditional;
    if (record.block >= 0)
      site.in_block = program_->blocks[static_cast<size_t>(record.block)].unique;
    site.offset = record.call->offset;
    program_->Locate(site.offset, &site.line, nullptr);
    out.push_back(std::move(site));
  }
  return out;
}

}  // namespace tarn::jinja
