#include <algorithm>
#include <random>

#include "jinja/builtins.h"
#include "jinja/error.h"
#include "jinja/iterate.h"
#include "jinja/methods.h"
#include "jinja/number.h"
#include "jinja/operations.h"
#include "jinja/session.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

using Filter = Result<Value> (*)(CallArgs&);
using Item = std::optional<Value>;
using SharedIterator = std::shared_ptr<Iterator>;

Value IgnoreCase(const Value& v) { return v.is_string() ? Value(ToLower(v.str())) : v; }

// Reads the attribute (or the item itself), folded where case is no difference.
struct KeyOf {
  Value attribute = Value::None();
  bool fold = false;
  Value fallback = Value::None();  // none: no default

  Result<Value> operator()(Session& session, const Value& item) const {
    Value v = item;
    if (!attribute.is_none()) {
      TARN_ASSIGN_OR_RETURN(v, AttributePath(session, item, attribute));
      if (v.is_undefined() && !fallback.is_none()) v = fallback;
    }
    return fold ? IgnoreCase(v) : v;
  }
};

// Sorts by keys, stable; the first comparison that fails is the error.
Status SortBy(std::vector<std::pair<Value, Value>>& items, bool reverse) {
  Status bad;
  auto less = [&](const auto& a, const auto& b) {
    if (!bad.ok()) return false;
    auto r = reverse ? Less(b.first, a.first) : Less(a.first, b.first);
    if (!r.ok()) bad = r.status();
    return r.value_or(false);
  };
  // Merge sort asks no comparator for a strict order, as std::sort would: NaN must not crash it.
  std::vector<std::pair<Value, Value>> buffer(items.size());
  for (size_t width = 1; width < items.size(); width *= 2) {
    for (size_t begin = 0; begin < items.size(); begin += 2 * width) {
      size_t middle = std::min(begin + width, items.size()),
             end = std::min(begin + 2 * width, items.size());
      size_t i = begin, k = middle;
      for (size_t to = begin; to < end; ++to) {
        bool right = i >= middle || (k < end && less(items[k], items[i]));
        buffer[to] = std::move(right ? items[k++] : items[i++]);
      }
    }
    items.swap(buffer);
  }
  return bad;
}

Result<Value> Sort(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_sort", {"value", "reverse", "case_sensitive", "attribute"}, 1));
  bool fold = !a.Get(2, "case_sensitive", Value(false)).Truthy();
  Value attribute = a.Get(3, "attribute");
  std::vector<Value> paths;
  if (attribute.is_string()) {
    for (size_t at = 0; at != std::string::npos;) {
      size_t comma = attribute.str().find(',', at);
      paths.push_back(
          Value(attribute.str().substr(at, comma == std::string::npos ? comma : comma - at)));
      at = comma == std::string::npos ? comma : comma + 1;
    }
  } else {
    paths.push_back(attribute);
  }
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(a.session, a.positional[0]));
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& item : items) {
    ValueList keys;
    for (const Value& path : paths) {
      TARN_ASSIGN_OR_RETURN(Value key, (KeyOf{path, fold}(a.session, item)));
      keys.push_back(std::move(key));
    }
    keyed.emplace_back(Value::List(std::move(keys)), item);
  }
  TARN_RETURN_IF_ERROR(SortBy(keyed, a.Get(1, "reverse", Value(false)).Truthy()));
  ValueList out;
  for (auto& [key, item] : keyed) out.push_back(std::move(item));
  return Value::List(std::move(out));
}

Result<Value> DictSort(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_dictsort", {"value", "case_sensitive", "by", "reverse"}, 1));
  bool fold = !a.Get(1, "case_sensitive", Value(false)).Truthy();
  std::string by = a.Get(2, "by", Value("key")).Str();
  if (by != "key" && by != "value") {
    return MakeError("FilterArgumentError", "You can only sort by either \"key\" or \"value\"");
  }
  const Value& v = a.positional[0];
  if (v.is_undefined()) return UndefinedError(v.undefined_message());
  if (!v.is_dict())
    return MakeError("AttributeError",
                     "'" + std::string(v.TypeName()) + "' object has no attribute 'items'");
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto& e : v.dict().entries()) {
    Value key = by == "key" ? e.key : e.value;
    keyed.emplace_back(fold ? IgnoreCase(key) : key, Value::Tuple({e.key, e.value}));
  }
  TARN_RETURN_IF_ERROR(SortBy(keyed, a.Get(3, "reverse", Value(false)).Truthy()));
  ValueList out;
  for (auto& [key, item] : keyed) out.push_back(std::move(item));
  return Value::List(std::move(out));
}

template <bool kMax>
Result<Value> Extreme(CallArgs& a) {
  TARN_RETURN_IF_ERROR(
      a.Check(kMax ? "do_max" : "do_min", {"value", "case_sensitive", "attribute"}, 1));
  KeyOf key_of{a.Get(2, "attribute"), !a.Get(1, "case_sensitive", Value(false)).Truthy()};
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(a.session, a.positional[0]));
  if (items.empty()) return a.session.MakeUndefined("", "No aggregated item, sequence was empty.");
  size_t best = 0;
  TARN_ASSIGN_OR_RETURN(Value best_key, key_of(a.session, items[0]));
  for (size_t i = 1; i < items.size(); ++i) {
    TARN_ASSIGN_OR_RETURN(Value key, key_of(a.session, items[i]));
    TARN_ASSIGN_OR_RETURN(bool better, kMax ? Less(best_key, key) : Less(key, best_key));
    if (!better) continue;
    best = i;
    best_key = std::move(key);
  }
  return items[best];
}

Result<Value> Sum(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_sum", {"iterable", "attribute", "start"}, 1));
  KeyOf key_of{a.Get(1, "attribute"), false};
  Value total = a.Get(2, "start", Value(0));
  if (total.is_string()) return TypeError("sum() can't sum strings [use ''.join(seq) instead]");
  TARN_ASSIGN_OR_RETURN(auto it, Iterate(a.session, a.positional[0]));
  for (;;) {
    TARN_ASSIGN_OR_RETURN(Item item, it->Next(a.session));
    if (!item) return total;
    TARN_ASSIGN_OR_RETURN(Value v, key_of(a.session, *item));
    TARN_ASSIGN_OR_RETURN(total, BinaryOperation(a.session, NumberOp::kAdd, total, v));
  }
}

Result<Value> Join(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_join", {"value", "d", "attribute"}, 1));
  TARN_ASSIGN_OR_RETURN(std::string between, a.session.Text(a.Get(1, "d", Value(""))));
  KeyOf key_of{a.Get(2, "attribute"), false};
  TARN_ASSIGN_OR_RETURN(auto it, Iterate(a.session, a.positional[0]));
  std::string out;
  for (bool first = true;; first = false) {
    TARN_ASSIGN_OR_RETURN(Item item, it->Next(a.session));
    if (!item) return Value(std::move(out));
    TARN_ASSIGN_OR_RETURN(Value v, key_of(a.session, *item));
    TARN_ASSIGN_OR_RETURN(std::string text, a.session.Text(v));
    if (!first) out += between;
    out += text;
    if (out.size() > a.session.options().limits.max_output_bytes) {
      return MakeError("MemoryError", "the joined text is too long");
    }
  }
}

Result<Value> First(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_first", {"seq"}, 1));
  TARN_ASSIGN_OR_RETURN(auto it, Iterate(a.session, a.positional[0]));
  TARN_ASSIGN_OR_RETURN(Item item, it->Next(a.session));
  return item ? *item : a.session.MakeUndefined("", "No first item, sequence was empty.");
}

// reversed(x): what has an order and a length.
Result<ValueList> Reversed(Session& session, const Value& v) {
  bool fine = v.is_string() || v.is_list() || v.is_tuple() || v.is_dict();
  int64_t r0, r1, rs;
  fine = fine || AsRange(v, &r0, &r1, &rs) || (v.is_object() && v.TypeName().starts_with("dict_"));
  if (!fine) return TypeError("'" + std::string(v.TypeName()) + "' object is not reversible");
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(session, v));
  std::reverse(items.begin(), items.end());
  return items;
}

Result<Value> Last(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_last", {"seq"}, 1));
  const Value& v = a.positional[0];
  if (v.is_undefined()) {
    // Python finds no __reversed__ and takes length and items; the length is 0.
    return a.session.MakeUndefined("", "No last item, sequence was empty.");
  }
  TARN_ASSIGN_OR_RETURN(ValueList items, Reversed(a.session, v));
  return items.empty() ? a.session.MakeUndefined("", "No last item, sequence was empty.")
                       : items[0];
}

Result<Value> Reverse(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_reverse", {"value"}, 1));
  const Value& v = a.positional[0];
  if (v.is_string()) {
    auto characters = Characters(v.str());
    std::string out;
    for (size_t i = characters.size(); i-- > 0;) out += characters[i];
    return Value(std::move(out));
  }
  auto reversed = Reversed(a.session, v);
  if (reversed.ok()) {
    return MakeGenerator(v.is_list() ? "list_reverseiterator" : "reversed", std::move(*reversed));
  }
  auto items = ToList(a.session, v);
  if (!items.ok()) return MakeError("FilterArgumentError", "argument must be iterable");
  std::reverse(items->begin(), items->end());
  return Value::List(std::move(*items));
}

Result<Value> Random(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_random", {"seq"}, 1));
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(a.session, a.positional[0]));
  if (items.empty()) return a.session.MakeUndefined("", "No random item, sequence was empty.");
  thread_local std::minstd_rand random(std::random_device{}());
  return items[random() % items.size()];
}

Result<Value> Length(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("len", {"obj"}, 1));
  const Value& v = a.positional[0];
  if (auto n = LengthOf(v)) return Value(*n);
  if (v.is_undefined()) return UndefinedError(v.undefined_message());
  return TypeError("object of type '" + std::string(v.TypeName()) + "' has no len()");
}

Result<Value> List(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_list", {"value"}, 1));
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(a.session, a.positional[0]));
  return Value::List(std::move(items));
}

Result<Value> Items(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_items", {"value"}, 1));
  const Value& v = a.positional[0];
  ValueList pairs;
  if (v.is_dict()) {
    for (const auto& e : v.dict().entries()) pairs.push_back(Value::Tuple({e.key, e.value}));
  } else if (!v.is_undefined()) {
    auto items = v.is_object() ? v.object().Items() : std::nullopt;
    if (!items) return TypeError("Can only get item pairs from a mapping.");
    for (const auto& [key, value] : *items) pairs.push_back(Value::Tuple({key, value}));
  }
  return MakeGenerator("generator", std::move(pairs));
}

Result<int64_t> Count(const Value& v, std::string_view what) {
  if (v.kind() == Kind::kInt || v.is_bool()) return v.as_int();
  return TypeError(std::string(what) + " must be an integer");
}

Result<Value> Batch(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_batch", {"value", "linecount", "fill_with"}, 2));
  // Python only compares it with a length: what is no number never equals one.
  Value linecount = a.Get(1, "linecount");
  if (linecount.is_bool()) linecount = Value(linecount.as_int());
  const int64_t count = linecount.kind() == Kind::kInt ? linecount.as_int() : -1;
  Value fill = a.Get(2, "fill_with");
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(a.session, a.positional[0]));
  ValueList out, now;
  for (Value& item : items) {
    if (static_cast<int64_t>(now.size()) == count)
      out.push_back(Value::List(std::exchange(now, {})));
    now.push_back(std::move(item));
  }
  if (!now.empty()) {
    while (!fill.is_none() && static_cast<int64_t>(now.size()) < count && now.size() < 1'000'000) {
      now.push_back(fill);
    }
    out.push_back(Value::List(std::move(now)));
  }
  return MakeGenerator("generator", std::move(out));
}

Result<Value> Slice(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("sync_do_slice", {"value", "slices", "fill_with"}, 2));
  TARN_ASSIGN_OR_RETURN(int64_t slices, Count(a.Get(1, "slices"), "slices"));
  Value fill = a.Get(2, "fill_with");
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(a.session, a.positional[0]));
  if (slices == 0) return MakeError("ZeroDivisionError", "integer division or modulo by zero");
  ValueList out;
  int64_t length = static_cast<int64_t>(items.size());
  int64_t each = slices > 0 ? length / slices : 0, extra = slices > 0 ? length % slices : 0,
          offset = 0;
  for (int64_t i = 0; i < std::min<int64_t>(slices, 1'000'000); ++i) {
    int64_t begin = offset + i * each;
    if (i < extra) ++offset;
    int64_t end = offset + (i + 1) * each;
    ValueList part(items.begin() + std::min(begin, length), items.begin() + std::min(end, length));
    if (!fill.is_none() && i >= extra) part.push_back(fill);
    out.push_back(Value::List(std::move(part)));
  }
  return MakeGenerator("generator", std::move(out));
}

Result<Value> Unique(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("sync_do_unique", {"value", "case_sensitive", "attribute"}, 1));
  KeyOf key_of{a.Get(2, "attribute"), !a.Get(1, "case_sensitive", Value(false)).Truthy()};
  auto seen = MakeRef<Set>();
  SharedIterator it;
  return MakeGenerator("generator",
                       [=, source = a.positional[0]](Session& s) mutable -> Result<Item> {
                         if (!it) {
                           TARN_ASSIGN_OR_RETURN(auto fresh, Iterate(s, source));
                           it = std::move(fresh);
                         }
                         for (;;) {
                           TARN_ASSIGN_OR_RETURN(Item item, it->Next(s));
                           if (!item) return item;
                           TARN_ASSIGN_OR_RETURN(Value key, key_of(s, *item));
                           TARN_ASSIGN_OR_RETURN(bool there, seen->Contains(key));
                           if (there) continue;
                           TARN_RETURN_IF_ERROR(seen->Add(key));
                           return item;
                         }
                       });
}

// What groupby yields: a pair with names.
class Group : public Object {
 public:
  Group(Value key, Value items) : pair_({std::move(key), std::move(items)}) {}
  std::string_view TypeName() const override { return "_GroupTuple"; }
  bool Iterable() const override { return true; }
  std::optional<int64_t> Length() const override { return 2; }
  Result<std::unique_ptr<Iterator>> Iterate(Session& session) override {
    return jinja::Iterate(session, Value::Tuple(pair_));
  }
  Result<Item> GetAttr(Session&, std::string_view name) override {
    if (name == "grouper") return Item(pair_[0]);
    if (name == "list") return Item(pair_[1]);
    return Item();
  }
  Result<Item> GetItem(Session& session, const Value& key) override {
    TARN_ASSIGN_OR_RETURN(Value v, Subscript(session, Value::Tuple(pair_), key));
    return v.is_undefined() ? Item() : Item(v);
  }
  std::string Repr() const override { return Value::Tuple(pair_).Repr(); }
  bool Equals(const Value& other) const override {
    auto* group = other.As<Group>();
    return Equal(Value::Tuple(pair_), group ? Value::Tuple(group->pair_) : other);
  }
  Result<std::optional<bool>> LessThan(const Value& other) const override {
    auto* group = other.As<Group>();
    TARN_ASSIGN_OR_RETURN(bool less,
                          Less(Value::Tuple(pair_), group ? Value::Tuple(group->pair_) : other));
    return std::optional<bool>(less);
  }

 private:
  ValueList pair_;
};

Result<Value> GroupBy(CallArgs& a) {
  TARN_RETURN_IF_ERROR(
      a.Check("sync_do_groupby", {"value", "attribute", "default", "case_sensitive"}, 2));
  Value attribute = a.Get(1, "attribute");
  bool fold = !a.Get(3, "case_sensitive", Value(false)).Truthy();
  KeyOf key_of{attribute, fold, a.Get(2, "default")}, shown{attribute, false, a.Get(2, "default")};
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(a.session, a.positional[0]));
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& item : items) {
    TARN_ASSIGN_OR_RETURN(Value key, key_of(a.session, item));
    keyed.emplace_back(std::move(key), item);
  }
  TARN_RETURN_IF_ERROR(SortBy(keyed, false));
  ValueList out;
  for (size_t i = 0; i < keyed.size();) {
    size_t end = i;
    ValueList members;
    while (end < keyed.size() && Equal(keyed[end].first, keyed[i].first))
      members.push_back(keyed[end++].second);
    Value key = keyed[i].first;
    if (fold) {
      TARN_ASSIGN_OR_RETURN(key, shown(a.session, members[0]));
    }
    out.push_back(Value(Ref<Object>(new Group(key, Value::List(std::move(members))))));
    i = end;
  }
  return Value::List(std::move(out));
}

Result<Value> Default(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_default", {"value", "default_value", "boolean"}, 1));
  const Value& v = a.positional[0];
  bool boolean = a.Get(2, "boolean", Value(false)).Truthy();
  if (v.is_undefined() || (boolean && !v.Truthy())) return a.Get(1, "default_value", Value(""));
  return v;
}

Result<Value> Attr(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_attr", {"obj", "name"}, 2));
  const Value& v = a.positional[0];
  std::string name = a.Get(1, "name").Str();
  if (v.is_undefined()) return Attribute(a.session, v, name);
  bool has = FindMethod(v, name) != nullptr || v.is_number();
  if (v.is_object()) {
    TARN_ASSIGN_OR_RETURN(Item found, v.object().GetAttr(a.session, name));
    has = found.has_value();
  }
  if (has) return Attribute(a.session, v, name);
  return Value::Undefined(name, a.session.options().undefined,
                          StringRepr(DescribeObject(v)) + " has no attribute " + StringRepr(name),
                          DescribeObject(v) + "[" + StringRepr(name) + "]");
}

}  // namespace

Result<Value> AttributePath(Session& session, const Value& item, const Value& path) {
  if (!path.is_string()) return Subscript(session, item, path);
  Value v = item;
  std::string_view rest = path.str();
  for (;;) {
    size_t dot = rest.find('.');
    std::string_view part = rest.substr(0, dot);
    bool digits = !part.empty() && std::all_of(part.begin(), part.end(), AsciiDigit);
    Value key = digits ? ParseInteger(part).value_or(Value(part)) : Value(part);
    TARN_ASSIGN_OR_RETURN(v, Subscript(session, v, key));
    if (dot == std::string_view::npos) return v;
    rest.remove_prefix(dot + 1);
  }
}

void AddSequenceFilters(Environment& env) {
  static constexpr struct {
    const char* name;
    Filter filter;
  } kFilters[] = {
      {"attr", Attr},       {"batch", Batch},       {"count", Length},       {"d", Default},
      {"default", Default}, {"dictsort", DictSort}, {"first", First},        {"groupby", GroupBy},
      {"items", Items},     {"join", Join},         {"last", Last},          {"length", Length},
      {"list", List},       {"max", Extreme<true>}, {"min", Extreme<false>}, {"random", Random},
      {"reverse", Reverse}, {"slice", Slice},       {"sort", Sort},          {"sum", Sum},
      {"unique", Unique},
  };
  for (const auto& f : kFilters) env.SetFilter(f.name, f.filter);
}

}  // namespace tarn::jinja
