// modules.itertools: the functions that templates use. What is endless in Python is lazy here too.
#include <algorithm>

#include "jinja/error.h"
#include "jinja/iterate.h"
#include "jinja/module_object.h"
#include "jinja/modules.h"
#include "jinja/operations.h"
#include "jinja/session.h"

namespace tarn::jinja {
namespace {

using Item = std::optional<Value>;
constexpr size_t kMost = 1'000'000;

Status TooMany() { return MakeError("MemoryError", "itertools would make too many items"); }

Result<std::vector<ValueList>> Lists(CallArgs& a) {
  std::vector<ValueList> out;
  for (const Value& v : a.positional) {
    TARN_ASSIGN_OR_RETURN(ValueList items, ToList(a.session, v));
    out.push_back(std::move(items));
  }
  return out;
}

Result<Value> Chain(CallArgs& a) {
  TARN_ASSIGN_OR_RETURN(auto lists, Lists(a));
  ValueList out;
  for (ValueList& l : lists) out.insert(out.end(), l.begin(), l.end());
  return MakeGenerator("itertools.chain", std::move(out));
}

Result<Value> FromIterable(CallArgs& a) {
  if (a.positional.size() != 1) return TypeError("from_iterable() takes exactly one argument");
  TARN_ASSIGN_OR_RETURN(ValueList lists, ToList(a.session, a.positional[0]));
  CallArgs inner(a.session);
  inner.positional = std::move(lists);
  return Chain(inner);
}

Result<Value> Product(CallArgs& a) {
  TARN_ASSIGN_OR_RETURN(auto lists, Lists(a));
  Value repeat = a.Get(SIZE_MAX, "repeat", Value(1));
  if (repeat.kind() != Kind::kInt || repeat.as_int() < 0 || repeat.as_int() > 100)
    return ValueError("repeat must be a small number");
  std::vector<ValueList> pools;
  for (int64_t r = 0; r < repeat.as_int(); ++r)
    pools.insert(pools.end(), lists.begin(), lists.end());
  std::vector<ValueList> rows{{}};
  for (const ValueList& pool : pools) {
    std::vector<ValueList> next;
    if (rows.size() * pool.size() > kMost) return TooMany();
    for (const ValueList& row : rows) {
      for (const Value& v : pool) {
        next.push_back(row);
        next.back().push_back(v);
      }
    }
    rows = std::move(next);
  }
  ValueList out;
  for (ValueList& row : rows) out.push_back(Value::Tuple(std::move(row)));
  return MakeGenerator("itertools.product", std::move(out));
}

// Chooses r of n positions; `ordered`: all orders, `again`: a position may come more than once.
struct Chooser {
  const ValueList& pool;
  size_t r;
  bool ordered, again;
  ValueList out;
  std::vector<size_t> chosen;
  bool Run() {
    if (chosen.size() == r) {
      ValueList row;
      for (size_t i : chosen) row.push_back(pool[i]);
      out.push_back(Value::Tuple(std::move(row)));
      return out.size() <= kMost;
    }
    size_t from = ordered || chosen.empty() ? 0 : chosen.back() + (again ? 0 : 1);
    for (size_t i = from; i < pool.size(); ++i) {
      if (ordered && std::find(chosen.begin(), chosen.end(), i) != chosen.end()) continue;
      chosen.push_back(i);
      bool more = Run();
      chosen.pop_back();
      if (!more) return false;
    }
    return true;
  }
};

HostFunction Choose(const char* name, bool ordered, bool again) {
  return [=](CallArgs& a) -> Result<Value> {
    TARN_RETURN_IF_ERROR(a.Check(name, {"iterable", "r"}, ordered ? 1 : 2));
    TARN_ASSIGN_OR_RETURN(ValueList pool, ToList(a.session, a.Get(0, "iterable")));
    Value r = a.Get(1, "r");
    if (r.is_none()) r = Value(static_cast<int64_t>(pool.size()));
    if (r.kind() != Kind::kInt) return TypeError("Expected int as r");
    if (r.as_int() < 0) return ValueError("r must be non-negative");
    if (r.as_int() > 500) return TooMany();
    Chooser chooser{pool, static_cast<size_t>(r.as_int()), ordered, again, {}, {}};
    if (!chooser.Run()) return TooMany();
    return MakeGenerator(std::string("itertools.") + name, std::move(chooser.out));
  };
}

HostFunction ZipLongest() {
  return [](CallArgs& a) -> Result<Value> {
    TARN_ASSIGN_OR_RETURN(auto lists, Lists(a));
    size_t longest = 0;
    for (const ValueList& l : lists) longest = std::max(longest, l.size());
    ValueList out;
    for (size_t i = 0; i < longest; ++i) {
      ValueList row;
      for (const ValueList& l : lists)
        row.push_back(i < l.size() ? l[i] : a.Get(SIZE_MAX, "fillvalue"));
      out.push_back(Value::Tuple(std::move(row)));
    }
    return MakeGenerator("itertools.zip_longest", std::move(out));
  };
}

Result<Value> Slice(CallArgs& a) {
  if (a.positional.size() < 2 || a.positional.size() > 4)
    return TypeError("islice expected at least 2 arguments");
  bool only_stop = a.positional.size() == 2;
  auto bound = [&](size_t i, int64_t fallback) {
    return i < a.positional.size() && a.positional[i].kind() == Kind::kInt
               ? a.positional[i].as_int()
               : fallback;
  };
  int64_t start = only_stop ? 0 : bound(1, 0),
          stop = only_stop ? bound(1, INT64_MAX) : bound(2, INT64_MAX), step = bound(3, 1);
  if (start < 0 || stop < 0 || step < 1) {
    return ValueError("Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.");
  }
  TARN_ASSIGN_OR_RETURN(auto it, Iterate(a.session, a.positional[0]));
  ValueList out;
  for (int64_t i = 0; i < stop; ++i) {
    TARN_ASSIGN_OR_RETURN(Item item, it->Next(a.session));
    if (!item) break;
    if (i >= start && (i - start) % step == 0) out.push_back(std::move(*item));
    if (out.size() > kMost) return TooMany();
  }
  return MakeGenerator("itertools.islice", std::move(out));
}

Result<Value> Count(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("count", {"start", "step"}));
  Value next = a.Get(0, "start", Value(0)), step = a.Get(1, "step", Value(1));
  return MakeGenerator("itertools.count", [next, step](Session& s) mutable -> Result<Item> {
    Value now = next;
    TARN_ASSIGN_OR_RETURN(next, BinaryOperation(s, NumberOp::kAdd, next, step));
    return Item(now);
  });
}

Result<Value> Cycle(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("cycle", {"iterable"}, 1));
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(a.session, a.positional[0]));
  return MakeGenerator("itertools.cycle", [items, i = size_t{0}](Session&) mutable -> Result<Item> {
    if (items.empty()) return Item();
    return Item(items[i++ % items.size()]);
  });
}

Result<Value> RepeatValue(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("repeat", {"object", "times"}, 1));
  Value v = a.Get(0, "object"), times = a.Get(1, "times");
  int64_t left = times.kind() == Kind::kInt ? times.as_int() : INT64_MAX;
  return MakeGenerator("itertools.repeat", [v, left](Session&) mutable -> Result<Item> {
    if (left-- <= 0) return Item();
    return Item(v);
  });
}

Result<Value> Accumulate(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("accumulate", {"iterable", "func", "initial"}, 1));
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(a.session, a.positional[0]));
  Value function = a.Get(1, "func"), initial = a.Get(2, "initial");
  if (!initial.is_none()) items.insert(items.begin(), initial);
  ValueList out;
  for (const Value& item : items) {
    if (out.empty()) {
      out.push_back(item);
      continue;
    }
    auto total = function.is_none() ? BinaryOperation(a.session, NumberOp::kAdd, out.back(), item)
                                    : a.session.Call(function, {out.back(), item});
    if (!total.ok()) return total.status();
    out.push_back(*total);
  }
  return MakeGenerator("itertools.accumulate", std::move(out));
}

Result<Value> GroupBy(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("groupby", {"iterable", "key"}, 1));
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(a.session, a.positional[0]));
  Value function = a.Get(1, "key");
  ValueList out, members;
  Value now;
  auto flush = [&] {
    if (!members.empty()) {
      out.push_back(
          Value::Tuple({now, MakeGenerator("itertools._grouper", std::exchange(members, {}))}));
    }
  };
  for (const Value& item : items) {
    Value key = item;
    if (!function.is_none()) {
      TARN_ASSIGN_OR_RETURN(key, a.session.Call(function, {item}));
    }
    if (members.empty() || !Equal(key, now)) flush();
    if (members.empty()) now = key;
    members.push_back(item);
  }
  flush();
  return MakeGenerator("itertools.groupby", std::move(out));
}

// chain(...) and chain.from_iterable(...).
class ChainFunction : public ModuleNamespace {
 public:
  ChainFunction() : ModuleNamespace("itertools.chain") {
    AddFunction("from_iterable", FromIterable);
  }
  bool Callable() const override { return true; }
  Result<Value> Call(CallArgs& args) override { return Chain(args); }
};

}  // namespace

Value MakeItertoolsModule() {
  auto m = MakeRef<ModuleNamespace>("itertools");
  m->Add("chain", Value(MakeRef<ChainFunction>()));
  m->AddFunction("product", Product);
  m->AddFunction("permutations", Choose("permutations", true, false));
  m->AddFunction("combinations", Choose("combinations", false, false));
  m->AddFunction("combinations_with_replacement",
                 Choose("combinations_with_replacement", false, true));
  m->AddFunction("zip_longest", ZipLongest());
  m->AddFunction("islice", Slice);
  m->AddFunction("count", Count);
  m->AddFunction("cycle", Cycle);
  m->AddFunction("repeat", RepeatValue);
  m->AddFunction("accumulate", Accumulate);
  m->AddFunction("groupby", GroupBy);
  return Value(m);
}

}  // namespace tarn::jinja
