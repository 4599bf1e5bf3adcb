#include "jinja/builtins.h"
#include "jinja/error.h"
#include "jinja/iterate.h"
#include "jinja/operations.h"
#include "jinja/session.h"

namespace tarn::jinja {
namespace {

using Item = std::optional<Value>;
// What is done to (or asked of) each item.
using Each = std::function<Result<Value>(Session&, const Value&)>;

bool IsEmpty(Session& session, const Value& v) { return !v.Truthy(); }

// Calls a filter or test with the item first, then what was given.
Each Applied(HostFunction function, ValueList rest,
             std::vector<std::pair<std::string, Value>> named) {
  return [function = std::move(function), rest = std::move(rest), named = std::move(named)](
             Session& session, const Value& item) -> Result<Value> {
    CallArgs args(session);
    args.positional.push_back(item);
    args.positional.insert(args.positional.end(), rest.begin(), rest.end());
    args.named = named;
    return function(args);
  };
}

Result<Each> PrepareMap(CallArgs& a) {
  ValueList rest(a.positional.begin() + 1, a.positional.end());
  if (rest.empty() && a.Find(SIZE_MAX, "attribute")) {
    Value attribute = *a.Find(SIZE_MAX, "attribute");
    Value fallback = a.Get(SIZE_MAX, "default");
    for (const auto& [name, v] : a.named) {
      if (name != "attribute" && name != "default") {
        return MakeError("FilterArgumentError", "Unexpected keyword argument " + StringRepr(name));
      }
    }
    return Each([attribute, fallback](Session& session, const Value& item) -> Result<Value> {
      TARN_ASSIGN_OR_RETURN(Value v, AttributePath(session, item, attribute));
      return v.is_undefined() && !fallback.is_none() ? fallback : v;
    });
  }
  if (rest.empty()) return MakeError("FilterArgumentError", "map requires a filter argument");
  std::string name = rest[0].Str();
  const HostFunction* filter = a.session.environment().FindFilter(name);
  if (!filter) return RuntimeError("No filter named " + StringRepr(name) + ".");
  rest.erase(rest.begin());
  return Applied(*filter, std::move(rest), a.named);
}

Result<Each> PrepareSelect(CallArgs& a, bool by_attribute) {
  ValueList rest(a.positional.begin() + 1, a.positional.end());
  Value attribute = Value::None();
  if (by_attribute) {
    if (rest.empty())
      return MakeError("FilterArgumentError", "Missing parameter for attribute name");
    attribute = rest[0];
    rest.erase(rest.begin());
  }
  Each test;
  if (rest.empty()) {
    test = [](Session&, const Value& v) -> Result<Value> {
      if (v.is_undefined() && v.undefined_mode() == UndefinedMode::kStrict) {
        return UndefinedError(v.undefined_message());
      }
      return Value(v.Truthy());
    };
  } else {
    std::string name = rest[0].Str();
    const HostFunction* found = a.session.environment().FindTest(name);
    if (!found) return RuntimeError("No test named " + StringRepr(name) + ".");
    rest.erase(rest.begin());
    test = Applied(*found, std::move(rest), a.named);
  }
  if (!by_attribute) return test;
  return Each([attribute, test](Session& session, const Value& item) -> Result<Value> {
    TARN_ASSIGN_OR_RETURN(Value v, AttributePath(session, item, attribute));
    return test(session, v);
  });
}

// A generator that prepares itself when the first item is asked for, as Python's do.
Value Lazy(CallArgs& a, std::function<Result<Each>(CallArgs&)> prepare,
           std::function<bool(const Value& verdict, Value* item)> keep) {
  struct State {
    Value source;
    ValueList positional;
    std::vector<std::pair<std::string, Value>> named;
    Each each;
    std::unique_ptr<Iterator> it;
  };
  auto state = std::make_shared<State>();
  state->source = a.positional[0];
  state->positional = a.positional;
  state->named = a.named;
  return MakeGenerator("generator", [state, prepare, keep](Session& session) -> Result<Item> {
    if (!state->it) {
      if (IsEmpty(session, state->source)) return Item();
      CallArgs args(session);
      args.positional = state->positional;
      args.named = state->named;
      TARN_ASSIGN_OR_RETURN(state->each, prepare(args));
      TARN_ASSIGN_OR_RETURN(state->it, Iterate(session, state->source));
    }
    for (;;) {
      TARN_ASSIGN_OR_RETURN(Item item, state->it->Next(session));
      if (!item) return item;
      TARN_ASSIGN_OR_RETURN(Value verdict, state->each(session, *item));
      if (keep(verdict, &*item)) return item;
    }
  });
}

Result<Value> Map(CallArgs& a) {
  if (a.positional.empty()) return TypeError("map() needs a value");
  return Lazy(a, PrepareMap, [](const Value& mapped, Value* item) {
    *item = mapped;
    return true;
  });
}

template <bool kWanted, bool kByAttribute>
Result<Value> Select(CallArgs& a) {
  if (a.positional.empty()) return TypeError("select() needs a value");
  return Lazy(
      a, [](CallArgs& args) { return PrepareSelect(args, kByAttribute); },
      [](const Value& verdict, Value*) { return verdict.Truthy() == kWanted; });
}

}  // namespace

void AddSelectionFilters(Environment& env) {
  env.SetFilter("map", Map);
  env.SetFilter("select", Select<true, false>);
  env.SetFilter("reject", Select<false, false>);
  env.SetFilter("selectattr", Select<true, true>);
  env.SetFilter("rejectattr", Select<false, true>);
}

}  // namespace tarn::jinja
