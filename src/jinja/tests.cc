// Jinja2's tests: what stands behind `is`.
#include "jinja/builtins.h"
#include "jinja/error.h"
#include "jinja/iterate.h"
#include "jinja/number.h"
#include "jinja/operations.h"
#include "jinja/session.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

using Predicate = bool (*)(const Value&);

HostFunction OneValue(const char* name, Predicate predicate) {
  return [name, predicate](CallArgs& a) -> Result<Value> {
    TARN_RETURN_IF_ERROR(a.Check(name, {"value"}, 1));
    return Value(predicate(a.positional[0]));
  };
}

// str(x).islower() and isupper(): there is a cased character, and none of the other case.
template <bool kUpper>
bool AllCase(const Value& v) {
  std::string s = v.Str();
  bool any = false;
  for (size_t i = 0; i < s.size();) {
    CodePoint c = DecodeAt(s, i);
    if (kUpper ? IsLower(c.value) : IsUpper(c.value)) return false;
    any = any || (kUpper ? IsUpper(c.value) : IsLower(c.value));
    i += c.bytes;
  }
  return any;
}

bool IsSequence(const Value& v) {
  if (v.is_string() || v.is_list() || v.is_tuple() || v.is_dict()) return true;
  if (v.is_undefined()) return true;  // it has a length and items, if none
  return v.is_object() && v.object().Length().has_value() && !v.TypeName().starts_with("dict_");
}

bool IsMapping(const Value& v) {
  return v.is_dict() || (v.is_object() && v.object().Items().has_value());
}

Result<Value> Remainder(CallArgs& a, const Value& divisor) {
  return BinaryOperation(a.session, NumberOp::kMod, a.positional[0], divisor);
}

template <int kRest>
Result<Value> Parity(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("test", {"value"}, 1));
  TARN_ASSIGN_OR_RETURN(Value rest, Remainder(a, Value(2)));
  return Value(Equal(rest, Value(kRest)));
}

Result<Value> DivisibleBy(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("test_divisibleby", {"value", "num"}, 2));
  TARN_ASSIGN_OR_RETURN(Value rest, Remainder(a, a.Get(1, "num")));
  return Value(Equal(rest, Value(0)));
}

enum class Order { kEq, kNe, kLt, kLe, kGt, kGe };

template <Order kOrder>
Result<Value> Compared(CallArgs& a) {
  if (a.positional.size() != 2 || !a.named.empty()) {
    return TypeError("this test takes exactly one argument (" +
                     std::to_string(a.positional.size() - 1) + " given)");
  }
  const Value &x = a.positional[0], &y = a.positional[1];
  for (const Value* v : {&x, &y}) {
    if (v->is_undefined() && v->undefined_mode() == UndefinedMode::kStrict) {
      return UndefinedError(v->undefined_message());
    }
  }
  if (kOrder == Order::kEq) return Value(Equal(x, y));
  if (kOrder == Order::kNe) return Value(!Equal(x, y));
  if (x.is_number() && y.is_number() && !CompareNumbers(x, y)) return Value(false);
  constexpr bool kSwap = kOrder == Order::kGt || kOrder == Order::kLe;
  TARN_ASSIGN_OR_RETURN(bool less, kSwap ? Less(y, x) : Less(x, y));
  return Value(kOrder == Order::kLe || kOrder == Order::kGe ? !less : less);
}

Result<Value> In(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("test_in", {"value", "seq"}, 2));
  TARN_ASSIGN_OR_RETURN(bool in, ContainsItem(a.session, a.Get(1, "seq"), a.positional[0]));
  return Value(in);
}

Result<Value> SameAs(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("test_sameas", {"value", "other"}, 2));
  return Value(a.positional[0].Same(a.Get(1, "other")));
}

}  // namespace

void AddTests(Environment& env) {
  static constexpr struct {
    const char* name;
    Predicate predicate;
  } kOne[] = {
      {"defined", [](const Value& v) { return !v.is_undefined(); }},
      {"undefined", [](const Value& v) { return v.is_undefined(); }},
      {"none", [](const Value& v) { return v.is_none(); }},
      {"boolean", [](const Value& v) { return v.is_bool(); }},
      {"true", [](const Value& v) { return v.is_bool() && v.as_bool(); }},
      {"false", [](const Value& v) { return v.is_bool() && !v.as_bool(); }},
      {"integer",
       [](const Value& v) { return v.kind() == Kind::kInt || v.kind() == Kind::kBigInt; }},
      {"float", [](const Value& v) { return v.kind() == Kind::kFloat; }},
      {"number", [](const Value& v) { return v.is_number(); }},
      {"string", [](const Value& v) { return v.is_string(); }},
      {"mapping", IsMapping},
      {"sequence", IsSequence},
      {"iterable", [](const Value& v) { return IsIterable(v); }},
      {"callable", [](const Value& v) { return IsCallable(v); }},
      {"lower", AllCase<false>},
      {"upper", AllCase<true>},
      {"escaped", [](const Value&) { return false; }},
  };
  for (const auto& t : kOne) env.SetTest(t.name, OneValue(t.name, t.predicate));
  env.SetTest("odd", Parity<1>);
  env.SetTest("even", Parity<0>);
  env.SetTest("divisibleby", DivisibleBy);
  env.SetTest("in", In);
  env.SetTest("sameas", SameAs);
  for (const char* name : {"eq", "==", "equalto"}) env.SetTest(name, Compared<Order::kEq>);
  for (const char* name : {"ne", "!="}) env.SetTest(name, Compared<Order::kNe>);
  for (const char* name : {"lt", "<", "lessthan"}) env.SetTest(name, Compared<Order::kLt>);
  for (const char* name : {"le", "<="}) env.SetTest(name, Compared<Order::kLe>);
  for (const char* name : {"gt", ">", "greaterthan"}) env.SetTest(name, Compared<Order::kGt>);
  for (const char* name : {"ge", ">="}) env.SetTest(name, Compared<Order::kGe>);
  const Environment* e = &env;
  env.SetTest("filter", [e](CallArgs& a) -> Result<Value> {
    TARN_RETURN_IF_ERROR(a.Check("test_filter", {"value"}, 1));
    return Value(a.positional[0].is_string() && e->FindFilter(a.positional[0].str()) != nullptr);
  });
  env.SetTest("test", [e](CallArgs& a) -> Result<Value> {
    TARN_RETURN_IF_ERROR(a.Check("test_test", {"value"}, 1));
    return Value(a.positional[0].is_string() && e->FindTest(a.positional[0].str()) != nullptr);
  });
}

}  // namespace tarn::jinja
