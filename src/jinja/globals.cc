// Jinja2's global functions, and `return`.
#include <algorithm>
#include <random>

#include "jinja/builtins.h"
#include "jinja/error.h"
#include "jinja/iterate.h"
#include "jinja/macro.h"
#include "jinja/operations.h"
#include "jinja/session.h"

namespace tarn::jinja {
namespace {

using Item = std::optional<Value>;
constexpr int64_t kLongestRange = 100'000;  // Jinja2's sandbox

Result<Value> Range(CallArgs& a) {
  if (!a.named.empty()) return TypeError("range() takes no keyword arguments");
  if (a.positional.empty() || a.positional.size() > 3) {
    return TypeError("range expected 1 to 3 arguments, got " + std::to_string(a.positional.size()));
  }
  int64_t n[3] = {0, 0, 1};
  for (size_t i = 0; i < a.positional.size(); ++i) {
    const Value& v = a.positional[i];
    if (v.is_undefined()) return UndefinedError(v.undefined_message());
    if (v.kind() == Kind::kBigInt) return MakeError("OverflowError", "Range too big.");
    if (v.kind() != Kind::kInt && !v.is_bool()) {
      return TypeError("'" + std::string(v.TypeName()) +
                       "' object cannot be interpreted as an integer");
    }
    n[a.positional.size() == 1 ? 1 : i] = v.as_int();
  }
  if (n[2] == 0) return ValueError("range() arg 3 must not be zero");
  Value range = MakeRange(n[0], n[1], n[2]);
  if (a.session.environment().options().sandboxed && *range.object().Length() > kLongestRange) {
    return MakeError("OverflowError",
                     "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
  }
  return range;
}

// dict(mapping_or_pairs, **named), also what namespace() takes.
Result<Ref<Dict>> BuildDict(CallArgs& a) {
  auto out = MakeRef<Dict>();
  if (a.positional.size() > 1)
    return TypeError("dict expected at most 1 argument, got " +
                     std::to_string(a.positional.size()));
  if (!a.positional.empty()) {
    const Value& v = a.positional[0];
    if (v.is_dict()) {
      for (const auto& e : v.dict().entries()) TARN_RETURN_IF_ERROR(out->Set(e.key, e.value));
    } else if (auto items = v.is_object() ? v.object().Items() : std::nullopt) {
      for (const auto& [key, value] : *items) TARN_RETURN_IF_ERROR(out->Set(key, value));
    } else {
      TARN_ASSIGN_OR_RETURN(ValueList pairs, ToList(a.session, v));
      for (size_t i = 0; i < pairs.size(); ++i) {
        if (!IsIterable(pairs[i])) {
          return TypeError("cannot convert dictionary update sequence element #" +
                           std::to_string(i) + " to a sequence");
        }
        TARN_ASSIGN_OR_RETURN(ValueList pair, ToList(a.session, pairs[i]));
        if (pair.size() != 2) {
          return ValueError("dictionary update sequence element #" + std::to_string(i) +
                            " has length " + std::to_string(pair.size()) + "; 2 is required");
        }
        TARN_RETURN_IF_ERROR(out->Set(pair[0], pair[1]));
      }
    }
  }
  for (const auto& [name, v] : a.named) out->Set(name, v);
  return out;
}

Result<Value> MakeDictValue(CallArgs& a) {
  TARN_ASSIGN_OR_RETURN(auto dict, BuildDict(a));
  return Value(dict);
}

Result<Value> MakeNamespace(CallArgs& a) {
  TARN_ASSIGN_OR_RETURN(auto dict, BuildDict(a));
  return Value(Ref<Object>(new NamespaceObject(dict)));
}

class Cycler : public Object {
 public:
  explicit Cycler(ValueList items) : items_(std::move(items)) {}
  std::string_view TypeName() const override { return "Cycler"; }
  Result<Item> GetAttr(Session&, std::string_view name) override {
    if (name == "current") return Item(items_[at_]);
    if (name == "pos") return Item(Value(static_cast<int64_t>(at_)));
    if (name == "items") return Item(Value::Tuple(items_));
    if (name != "next" && name != "reset") return Item();
    Ref<Cycler> self(this);
    bool next = name == "next";
    return Item(MakeFunction(std::string(name), [self, next](CallArgs&) -> Result<Value> {
      Value v = next ? self->items_[self->at_] : Value::None();
      self->at_ = next ? (self->at_ + 1) % self->items_.size() : 0;
      return v;
    }));
  }

 private:
  ValueList items_;
  size_t at_ = 0;
};

class Joiner : public Object {
 public:
  explicit Joiner(Value between) : between_(std::move(between)) {}
  std::string_view TypeName() const override { return "Joiner"; }
  bool Callable() const override { return true; }
  Result<Value> Call(CallArgs&) override {
    return std::exchange(used_, true) ? between_ : Value("");
  }

 private:
  Value between_;
  bool used_ = false;
};

Result<Value> MakeCycler(CallArgs& a) {
  if (a.positional.empty()) return RuntimeError("at least one item has to be provided");
  return Value(Ref<Object>(new Cycler(a.positional)));
}

Result<Value> MakeJoiner(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("joiner", {"sep"}));
  return Value(Ref<Object>(new Joiner(a.Get(0, "sep", Value(", ")))));
}

// Words without a meaning, for layouts.
Result<Value> Lipsum(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("generate_lorem_ipsum", {"n", "html", "min", "max"}));
  auto number = [&](size_t i, std::string_view name, int64_t fallback) {
    Value v = a.Get(i, name, Value(fallback));
    return v.kind() == Kind::kInt ? std::clamp<int64_t>(v.as_int(), 0, 1000) : fallback;
  };
  static constexpr const char* kWords[] = {"lorem", "ipsum",        "dolor",      "sit",
                                           "amet",  "consectetuer", "adipiscing", "elit",
                                           "sed",   "diam",         "nonummy",    "nibh"};
  int64_t paragraphs = number(0, "n", 5), low = number(2, "min", 20), high = number(3, "max", 100);
  bool html = a.Get(1, "html", Value(true)).Truthy();
  std::minstd_rand random(static_cast<unsigned>(paragraphs + low * 31 + high));
  std::string out;
  for (int64_t p = 0; p < paragraphs; ++p) {
    std::string text = "Lorem";
    int64_t words = low + static_cast<int64_t>(
                              random() % static_cast<unsigned>(std::max<int64_t>(1, high - low)));
    for (int64_t w = 1; w < words; ++w)
      text += std::string(" ") + kWords[random() % std::size(kWords)];
    out += (p ? (html ? "\n" : "\n\n") : "") + (html ? "<p>" + text + ".</p>" : text + ".");
  }
  return Value(out);
}

Result<Value> Return(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("return", {"data"}, 1));
  return ReturnFromMacro(a.session, a.Get(0, "data"));
}

}  // namespace

void AddGlobals(Environment& env) {
  env.SetGlobal("range", MakeFunction("range", Range));
  env.SetGlobal("dict", MakeFunction("dict", MakeDictValue));
  env.SetGlobal("namespace", MakeFunction("namespace", MakeNamespace));
  env.SetGlobal("cycler", MakeFunction("cycler", MakeCycler));
  env.SetGlobal("joiner", MakeFunction("joiner", MakeJoiner));
  env.SetGlobal("lipsum", MakeFunction("lipsum", Lipsum));
  if (env.options().return_function) env.SetGlobal("return", MakeFunction("return", Return));
}

void AddBuiltins(Environment& env) {
  AddTextualFilters(env);
  AddSequenceFilters(env);
  AddSelectionFilters(env);
  AddTests(env);
  AddGlobals(env);
}

}  // namespace tarn::jinja
