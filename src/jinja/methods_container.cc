#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "jinja/error.h"
#include "jinja/iterate.h"
#include "jinja/methods.h"
#include "jinja/number.h"
#include "jinja/operations.h"
#include "jinja/session.h"

namespace tarn::jinja {
namespace {

using Args = CallArgs;

Result<int64_t> NumberArg(const Value& v) {
  if (v.kind() == Kind::kInt || v.is_bool()) return v.as_int();
  if (v.is_undefined()) return UndefinedError(v.undefined_message());
  return TypeError("'" + std::string(v.TypeName()) +
                   "' object cannot be interpreted as an integer");
}

// ---- list --------------------------------------------------------------------------------------

Result<Value> Append(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("append", {"object"}, 1));
  if (a.positional.empty()) return TypeError("list.append() takes no keyword arguments");
  self.list().push_back(a.positional[0]);
  return Value::None();
}

Result<Value> Extend(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("extend", {"iterable"}, 1));
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(a.session, a.positional[0]));
  if (self.list().size() + items.size() > 50'000'000)
    return MakeError("MemoryError", "the list is too long");
  self.list().insert(self.list().end(), items.begin(), items.end());
  return Value::None();
}

Result<Value> Insert(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("insert", {"index", "object"}, 2));
  TARN_ASSIGN_OR_RETURN(int64_t i, NumberArg(a.positional[0]));
  int64_t size = static_cast<int64_t>(self.list().size());
  if (i < 0) i += size;
  i = std::clamp<int64_t>(i, 0, size);
  self.list().insert(self.list().begin() + i, a.Get(1, "object"));
  return Value::None();
}

Result<Value> Pop(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("pop", {"index"}));
  TARN_ASSIGN_OR_RETURN(int64_t i, NumberArg(a.Get(0, "index", Value(-1))));
  ValueList& items = self.list();
  if (items.empty()) return MakeError("IndexError", "pop from empty list");
  if (i < 0) i += static_cast<int64_t>(items.size());
  if (i < 0 || i >= static_cast<int64_t>(items.size()))
    return MakeError("IndexError", "pop index out of range");
  Value v = items[static_cast<size_t>(i)];
  items.erase(items.begin() + i);
  return v;
}

Result<Value> Remove(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("remove", {"value"}, 1));
  ValueList& items = self.list();
  for (size_t i = 0; i < items.size(); ++i) {
    if (!Equal(items[i], a.positional[0])) continue;
    Value gone = items[i];
    items.erase(items.begin() + static_cast<int64_t>(i));
    return Value::None();
  }
  return ValueError("list.remove(x): x not in list");
}

Result<Value> ReverseList(const Value& self, Args&) {
  std::reverse(self.list().begin(), self.list().end());
  return Value::None();
}

Result<Value> SortList(const Value& self, Args& a) {
  if (!a.positional.empty()) return TypeError("sort() takes no positional arguments");
  Value key = a.Get(SIZE_MAX, "key");
  CallArgs inner(a.session);
  inner.positional = {self};
  inner.named = {{"reverse", a.Get(SIZE_MAX, "reverse", Value(false))},
                 {"case_sensitive", Value(true)}};
  if (key.is_none()) {
    TARN_ASSIGN_OR_RETURN(Value sorted, (*a.session.environment().FindFilter("sort"))(inner));
    self.list() = sorted.list();
    return Value::None();
  }
  ValueList pairs;
  for (const Value& item : self.list()) {
    TARN_ASSIGN_OR_RETURN(Value k, a.session.Call(key, {item}));
    pairs.push_back(Value::Tuple({k, item}));
  }
  inner.positional = {Value::List(std::move(pairs))};
  inner.named.emplace_back("attribute", Value(0));
  TARN_ASSIGN_OR_RETURN(Value sorted, (*a.session.environment().FindFilter("sort"))(inner));
  self.list().clear();
  for (const Value& pair : sorted.list()) self.list().push_back(pair.list()[1]);
  return Value::None();
}

Result<Value> CopyList(const Value& self, Args&) { return Value::List(self.list()); }

Result<Value> ClearList(const Value& self, Args&) {
  ValueList gone;
  gone.swap(self.list());
  return Value::None();
}

Result<Value> CountItems(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("count", {"value"}, 1));
  int64_t n = 0;
  for (const Value& v : self.list()) n += Equal(v, a.positional[0]);
  return Value(n);
}

Result<Value> IndexOf(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("index", {"value", "start", "stop"}, 1));
  int64_t size = static_cast<int64_t>(self.list().size());
  TARN_ASSIGN_OR_RETURN(int64_t from, NumberArg(a.Get(1, "start", Value(0))));
  TARN_ASSIGN_OR_RETURN(int64_t to, NumberArg(a.Get(2, "stop", Value(size))));
  if (from < 0) from = std::max<int64_t>(0, from + size);
  if (to < 0) to += size;
  for (int64_t i = from; i < std::min(to, size); ++i) {
    if (Equal(self.list()[static_cast<size_t>(i)], a.positional[0])) return Value(i);
  }
  if (self.is_tuple()) return ValueError("tuple.index(x): x not in tuple");
  return ValueError(a.positional[0].Repr() + " is not in list");
}

// ---- dict --------------------------------------------------------------------------------------

template <DictPart kPart>
Result<Value> ViewOf(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("dict method", {}));
  return MakeView(kPart, self);
}

Result<Value> Get(const Value& self, Args& a) {
  if (!a.named.empty()) return TypeError("dict.get() takes no keyword arguments");
  TARN_RETURN_IF_ERROR(a.Check("get", {"key", "default"}, 1));
  TARN_ASSIGN_OR_RETURN(const Value* found, self.dict().Find(a.positional[0]));
  return found ? *found : a.Get(1, "default");
}

Result<Value> SetDefault(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("setdefault", {"key", "default"}, 1));
  TARN_ASSIGN_OR_RETURN(const Value* found, self.dict().Find(a.positional[0]));
  if (found) return *found;
  Value v = a.Get(1, "default");
  TARN_RETURN_IF_ERROR(self.dict().Set(a.positional[0], v));
  return v;
}

Result<Value> PopKey(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("pop", {"key", "default"}, 1));
  TARN_ASSIGN_OR_RETURN(const Value* found, self.dict().Find(a.positional[0]));
  if (found) {
    Value v = *found;
    TARN_RETURN_IF_ERROR(self.dict().Erase(a.positional[0]).status());
    return v;
  }
  if (const Value* fallback = a.Find(1, "default")) return *fallback;
  return MakeError("KeyError", a.positional[0].Repr());
}

Result<Value> PopItem(const Value& self, Args&) {
  Dict& d = self.dict();
  if (d.empty()) return MakeError("KeyError", "'popitem(): dictionary is empty'");
  Value pair = Value::Tuple({d.at(d.size() - 1).key, d.at(d.size() - 1).value});
  d.EraseAt(d.size() - 1);
  return pair;
}

Result<Value> Update(const Value& self, Args& a) {
  if (a.positional.size() > 1) {
    return TypeError("update expected at most 1 argument, got " +
                     std::to_string(a.positional.size()));
  }
  if (!a.positional.empty() && a.positional[0].is_undefined()) {
    TARN_RETURN_IF_ERROR(ToList(a.session, a.positional[0]).status());
  } else {
    const Value* dict_function = a.session.environment().FindGlobal("dict");
    CallArgs inner(a.session);
    inner.positional = a.positional;
    TARN_ASSIGN_OR_RETURN(Value other, dict_function->object().Call(inner));
    for (const auto& e : other.dict().entries())
      TARN_RETURN_IF_ERROR(self.dict().Set(e.key, e.value));
  }
  for (const auto& [name, v] : a.named) self.dict().Set(name, v);
  return Value::None();
}

Result<Value> CopyDict(const Value& self, Args&) {
  auto out = MakeRef<Dict>();
  for (const auto& e : self.dict().entries()) TARN_RETURN_IF_ERROR(out->Set(e.key, e.value));
  return Value(out);
}

Result<Value> ClearDict(const Value& self, Args&) {
  self.dict().Clear();
  return Value::None();
}

Result<Value> FromKeys(const Value&, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("fromkeys", {"iterable", "value"}, 1));
  TARN_ASSIGN_OR_RETURN(ValueList keys, ToList(a.session, a.positional[0]));
  auto out = MakeRef<Dict>();
  for (const Value& key : keys) TARN_RETURN_IF_ERROR(out->Set(key, a.Get(1, "value")));
  return Value(out);
}

// ---- set ---------------------------------------------------------------------------------------

Result<Ref<Set>> SetOf(Session& session, const Value& v) {
  auto out = MakeRef<Set>();
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(session, v));
  for (const Value& item : items) TARN_RETURN_IF_ERROR(out->Add(item));
  return out;
}

Result<Value> AddTo(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("add", {"elem"}, 1));
  TARN_RETURN_IF_ERROR(self.set().Add(a.positional[0]));
  return Value::None();
}

template <bool kMust>
Result<Value> RemoveFrom(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("remove", {"elem"}, 1));
  TARN_ASSIGN_OR_RETURN(bool there, self.set().Erase(a.positional[0]));
  if (kMust && !there) return MakeError("KeyError", a.positional[0].Repr());
  return Value::None();
}

enum class SetOp { kUnion, kIntersection, kDifference, kSymmetric };

template <SetOp kOp, bool kInPlace>
Result<Value> Combine(const Value& self, Args& a) {
  TARN_ASSIGN_OR_RETURN(Ref<Set> out, SetOf(a.session, self));
  for (const Value& other : a.positional) {
    TARN_ASSIGN_OR_RETURN(Ref<Set> set, SetOf(a.session, other));
    auto next = MakeRef<Set>();
    for (size_t i = 0; i < out->size(); ++i) {
      TARN_ASSIGN_OR_RETURN(bool in, set->Contains(out->at(i)));
      bool keep = kOp == SetOp::kUnion || (kOp == SetOp::kIntersection ? in : !in);
      if (keep) TARN_RETURN_IF_ERROR(next->Add(out->at(i)));
    }
    for (size_t i = 0; i < set->size() && (kOp == SetOp::kUnion || kOp == SetOp::kSymmetric); ++i) {
      TARN_ASSIGN_OR_RETURN(bool in, out->Contains(set->at(i)));
      if (!in) TARN_RETURN_IF_ERROR(next->Add(set->at(i)));
    }
    out = next;
  }
  if (!kInPlace) return Value(out);
  self.set().Clear();
  for (size_t i = 0; i < out->size(); ++i) TARN_RETURN_IF_ERROR(self.set().Add(out->at(i)));
  return Value::None();
}

enum class SetTest { kSubset, kSuperset, kDisjoint };

template <SetTest kTest>
Result<Value> Related(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("set method", {"other"}, 1));
  TARN_ASSIGN_OR_RETURN(Ref<Set> other, SetOf(a.session, a.positional[0]));
  const Set& inner = kTest == SetTest::kSuperset ? *other : self.set();
  const Set& outer = kTest == SetTest::kSuperset ? self.set() : *other;
  for (size_t i = 0; i < inner.size(); ++i) {
    TARN_ASSIGN_OR_RETURN(bool in, outer.Contains(inner.at(i)));
    if (in == (kTest == SetTest::kDisjoint)) return Value(false);
  }
  return Value(true);
}

Result<Value> CopySet(const Value& self, Args& a) {
  TARN_ASSIGN_OR_RETURN(Ref<Set> out, SetOf(a.session, self));
  return Value(out);
}

Result<Value> ClearSet(const Value& self, Args&) {
  self.set().Clear();
  return Value::None();
}

Result<Value> PopFromSet(const Value& self, Args&) {
  if (self.set().size() == 0) return MakeError("KeyError", "'pop from an empty set'");
  Value v = self.set().at(0);
  TARN_RETURN_IF_ERROR(self.set().Erase(v).status());
  return v;
}

// ---- numbers -----------------------------------------------------------------------------------

Result<Value> BitLength(const Value& self, Args&) { return Value(BitLengthOf(self)); }

Result<Value> Conjugate(const Value& self, Args&) {
  return self.is_bool() ? Value(self.as_int()) : self;
}

Result<Value> IsInteger(const Value& self, Args&) {
  double d = self.as_float();
  return Value(std::isfinite(d) && d == std::trunc(d));
}

using Table = std::unordered_map<std::string_view, Method>;

const Table& TableOf(Kind kind) {
  static const Table kList = {{"append", Append},    {"extend", Extend}, {"insert", Insert},
                              {"pop", Pop},          {"remove", Remove}, {"reverse", ReverseList},
                              {"sort", SortList},    {"copy", CopyList}, {"clear", ClearList},
                              {"count", CountItems}, {"index", IndexOf}};
  static const Table kTuple = {{"count", CountItems}, {"index", IndexOf}};
  static const Table kDict = {{"keys", ViewOf<DictPart::kKeys>},
                              {"values", ViewOf<DictPart::kValues>},
                              {"items", ViewOf<DictPart::kItems>},
                              {"get", Get},
                              {"setdefault", SetDefault},
                              {"pop", PopKey},
                              {"popitem", PopItem},
                              {"update", Update},
                              {"copy", CopyDict},
                              {"clear", ClearDict},
                              {"fromkeys", FromKeys}};
  static const Table kSet = {{"add", AddTo},
                             {"remove", RemoveFrom<true>},
                             {"discard", RemoveFrom<false>},
                             {"copy", CopySet},
                             {"clear", ClearSet},
                             {"pop", PopFromSet},
                             {"union", Combine<SetOp::kUnion, false>},
                             {"intersection", Combine<SetOp::kIntersection, false>},
                             {"difference", Combine<SetOp::kDifference, false>},
                             {"symmetric_difference", Combine<SetOp::kSymmetric, false>},
                             {"update", Combine<SetOp::kUnion, true>},
                             {"difference_update", Combine<SetOp::kDifference, true>},
                             {"intersection_update", Combine<SetOp::kIntersection, true>},
                             {"symmetric_difference_update", Combine<SetOp::kSymmetric, true>},
                             {"issubset", Related<SetTest::kSubset>},
                             {"issuperset", Related<SetTest::kSuperset>},
                             {"isdisjoint", Related<SetTest::kDisjoint>}};
  static const Table kInteger = {{"bit_length", BitLength}, {"conjugate", Conjugate}};
  static const Table kFloat = {{"is_integer", IsInteger}, {"conjugate", Conjugate}};
  static const Table kNone;
  switch (kind) {
    case Kind::kList: return kList;
    case Kind::kTuple: return kTuple;
    case Kind::kDict: return kDict;
    case Kind::kSet: return kSet;
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kBigInt: return kInteger;
    case Kind::kFloat: return kFloat;
    default: return kNone;
  }
}

class BoundMethod : public Object {
 public:
  BoundMethod(Value self, std::string name, Method method)
      : self_(std::move(self)), name_(std::move(name)), method_(method) {}
  std::string_view TypeName() const override { return "builtin_function_or_method"; }
  bool Callable() const override { return true; }
  Result<Value> Call(CallArgs& args) override { return method_(self_, args); }
  std::string Repr() const override {
    return "<built-in method " + name_ + " of " + std::string(self_.TypeName()) + " object>";
  }

 private:
  Value self_;
  std::string name_;
  Method method_;
};

}  // namespace

Method FindContainerMethod(Kind kind, std::string_view name) {
  const Table& table = TableOf(kind);
  auto at = table.find(name);
  return at == table.end() ? nullptr : at->second;
}

Method FindMethod(const Value& v, std::string_view name) {
  return v.is_string() ? FindStringMethod(name) : FindContainerMethod(v.kind(), name);
}

Value BindMethod(const Value& self, std::string_view name, Method method) {
  return Value(Ref<Object>(new BoundMethod(self, std::string(name), method)));
}

}  // namespace tarn::jinja
