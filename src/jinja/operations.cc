#include "jinja/operations.h"

#include <algorithm>

#include "jinja/error.h"
#include "jinja/iterate.h"
#include "jinja/methods.h"
#include "jinja/session.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

constexpr uint64_t kLargestRepeat = 64u << 20;

Status Unsupported(NumberOp op, const Value& a, const Value& b) {
  return TypeError("unsupported operand type(s) for " + std::string(NumberOpText(op)) + ": '" +
                   std::string(a.TypeName()) + "' and '" + std::string(b.TypeName()) + "'");
}

Result<Value> AddSequences(const Value& a, const Value& b) {
  if (a.is_string() && b.is_string()) return Value(a.str() + b.str());
  bool lists = (a.is_list() && b.is_list()) || (a.is_tuple() && b.is_tuple());
  if (!lists) {
    if (a.is_string() || a.is_list() || a.is_tuple()) {
      std::string type(a.TypeName());
      return TypeError("can only concatenate " + type + " (not \"" + std::string(b.TypeName()) +
                       "\") to " + type);
    }
    return Unsupported(NumberOp::kAdd, a, b);
  }
  ValueList out = a.list();
  out.insert(out.end(), b.list().begin(), b.list().end());
  return a.is_list() ? Value::List(std::move(out)) : Value::Tuple(std::move(out));
}

bool Repeatable(const Value& v) { return v.is_string() || v.is_list() || v.is_tuple(); }

Result<Value> SetDifference(const Value& a, const Value& b) {
  auto out = MakeRef<Set>();
  for (size_t i = 0; i < a.set().size(); ++i) {
    TARN_ASSIGN_OR_RETURN(bool there, b.set().Contains(a.set().at(i)));
    if (!there) TARN_RETURN_IF_ERROR(out->Add(a.set().at(i)));
  }
  return Value(out);
}

Result<std::optional<Value>> ObjectOperation(NumberOp op, const Value& a, const Value& b) {
  std::string_view text = op == NumberOp::kPow ? "**" : NumberOpText(op);
  if (a.is_object()) {
    TARN_ASSIGN_OR_RETURN(auto r, a.object().Arithmetic(text, b, false));
    if (r) return r;
  }
  if (b.is_object()) return b.object().Arithmetic(text, a, true);
  return std::optional<Value>();
}

// The number of a slice's bound: none, or an integer (clipped when it is huge).
Result<std::optional<int64_t>> Bound(const Value& v) {
  if (v.is_none()) return std::optional<int64_t>();
  if (v.kind() == Kind::kInt || v.kind() == Kind::kBool) return std::optional<int64_t>(v.as_int());
  if (v.kind() == Kind::kBigInt) {
    return std::optional<int64_t>(SignOf(v) < 0 ? -(int64_t{1} << 60) : int64_t{1} << 60);
  }
  return TypeError("slice indices must be integers or None or have an __index__ method");
}

std::optional<int64_t> IndexIn(const Value& key, size_t size) {
  if (key.kind() != Kind::kInt && key.kind() != Kind::kBool) return std::nullopt;
  int64_t i = key.as_int();
  if (i < 0) i += static_cast<int64_t>(size);
  if (i < 0 || i >= static_cast<int64_t>(size)) return std::nullopt;
  return i;
}

Result<std::optional<Value>> ItemOf(Session& session, const Value& v, const Value& key) {
  using Item = std::optional<Value>;
  switch (v.kind()) {
    case Kind::kDict: {
      auto found = v.dict().Find(key);
      if (!found.ok() || !*found) return Item();  // unhashable keys are no items
      return Item(**found);
    }
    case Kind::kList:
    case Kind::kTuple: {
      auto i = IndexIn(key, v.list().size());
      return i ? Item(v.list()[static_cast<size_t>(*i)]) : Item();
    }
    case Kind::kString: {
      if (!key.is_integral()) return Item();
      auto i = IndexIn(key, CountCodePoints(v.str()));
      if (!i) return Item();
      size_t at = ByteOffset(v.str(), static_cast<size_t>(*i));
      return Item(Value(v.str().substr(at, DecodeAt(v.str(), at).bytes)));
    }
    case Kind::kObject: return v.object().GetItem(session, key);
    default: return Item();
  }
}

Result<std::optional<Value>> AttributeOf(Session& session, const Value& v, std::string_view name) {
  using Item = std::optional<Value>;
  if (v.is_object()) return v.object().GetAttr(session, name);
  if (Method method = FindMethod(v, name)) return Item(BindMethod(v, name, method));
  if (v.is_number()) {
    if (name == "real") return Item(v.is_bool() ? Value(v.as_int()) : v);
    if (name == "imag") return Item(v.kind() == Kind::kFloat ? Value(0.0) : Value(0));
    if (name == "numerator" && v.is_integral()) return Item(v.is_bool() ? Value(v.as_int()) : v);
    if (name == "denominator" && v.is_integral()) return Item(Value(1));
  }
  return Item();
}

// The undefined that stands for v.key and v[key].
Value Missing(Session& session, const Value& v, const Value& key) {
  std::string object = DescribeObject(v);
  std::string hint = key.is_string() ? StringRepr(object) + " has no attribute " + key.Repr()
                                     : object + " has no element " + key.Repr();
  return Value::Undefined(key.Str(), session.options().undefined, std::move(hint),
                          object + "[" + key.Repr() + "]");
}

bool Dunder(std::string_view name) { return name.starts_with("__") && name.size() > 2; }

// What an undefined is for attributes and items; a Status for modes that refuse.
Result<Value> OfUndefined(const Value& v) {
  UndefinedMode mode = v.undefined_mode();
  if (mode == UndefinedMode::kChainable || mode == UndefinedMode::kCallable) return v;
  return UndefinedError(v.undefined_message());
}

}  // namespace

std::string DescribeObject(const Value& v) {
  if (v.is_none()) return "None";
  return std::string(v.TypeName()) + " object";
}

Result<Value> Repeat(const Value& v, int64_t times) {
  uint64_t n = times > 0 ? static_cast<uint64_t>(times) : 0;
  uint64_t unit = v.is_string() ? v.str().size() : v.list().size() * sizeof(Value);
  if (unit && n > kLargestRepeat / unit)
    return MakeError("MemoryError", "the repetition is too long");
  if (v.is_string()) {
    std::string out;
    out.reserve(unit * n);
    for (uint64_t i = 0; i < n && unit; ++i) out += v.str();
    return Value(std::move(out));
  }
  ValueList out;
  for (uint64_t i = 0; i < n && unit; ++i) out.insert(out.end(), v.list().begin(), v.list().end());
  return v.is_list() ? Value::List(std::move(out)) : Value::Tuple(std::move(out));
}

Result<Value> BinaryOperation(Session& session, NumberOp op, const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return Arithmetic(op, a, b);
  if (op == NumberOp::kMod && a.is_string()) return PercentFormat(session, a.str(), b);
  for (const Value* v : {&a, &b}) {
    if (v->is_undefined()) return UndefinedError(v->undefined_message());
  }
  if (a.is_object() || b.is_object()) {
    TARN_ASSIGN_OR_RETURN(auto r, ObjectOperation(op, a, b));
    if (r) return *r;
  }
  if (op == NumberOp::kAdd) return AddSequences(a, b);
  if (op == NumberOp::kMul && (Repeatable(a) || Repeatable(b))) {
    const Value& sequence = Repeatable(a) ? a : b;
    const Value& times = Repeatable(a) ? b : a;
    if (times.kind() == Kind::kInt || times.is_bool()) return Repeat(sequence, times.as_int());
    if (times.kind() == Kind::kBigInt)
      return MakeError("OverflowError", "cannot fit 'int' into an index-sized integer");
    return TypeError("can't multiply sequence by non-int of type '" +
                     std::string(times.TypeName()) + "'");
  }
  if (op == NumberOp::kSub && a.is_set() && b.is_set()) return SetDifference(a, b);
  return Unsupported(op, a, b);
}

Result<bool> ContainsItem(Session& session, const Value& container, const Value& item) {
  if (item.is_undefined() && item.undefined_mode() == UndefinedMode::kStrict &&
      container.kind() >= Kind::kList && LengthOf(container).value_or(1) > 0) {
    return UndefinedError(item.undefined_message());  // it refuses to be compared
  }
  switch (container.kind()) {
    case Kind::kString:
      if (item.is_string()) return container.str().find(item.str()) != std::string::npos;
      return TypeError("'in <string>' requires string as left operand, not " +
                       std::string(item.TypeName()));
    case Kind::kDict: {
      TARN_ASSIGN_OR_RETURN(const Value* found, container.dict().Find(item));
      return found != nullptr;
    }
    case Kind::kSet: return container.set().Contains(item);
    case Kind::kList:
    case Kind::kTuple:
      for (const Value& v : container.list()) {
        if (Equal(v, item)) return true;
      }
      return false;
    case Kind::kObject: {
      TARN_ASSIGN_OR_RETURN(auto known, container.object().Contains(session, item));
      if (known) return *known;
      break;
    }
    case Kind::kUndefined: break;
    default:
      return TypeError("argument of type '" + std::string(container.TypeName()) +
                       "' is not iterable");
  }
  TARN_ASSIGN_OR_RETURN(auto it, Iterate(session, container));
  for (;;) {
    TARN_ASSIGN_OR_RETURN(auto v, it->Next(session));
    if (!v) return false;
    if (Equal(*v, item)) return true;
  }
}

Result<Value> Attribute(Session& session, const Value& v, std::string_view name) {
  if (v.is_undefined()) return OfUndefined(v);
  if (Dunder(name) && session.environment().options().sandboxed) {
    return session.MakeUndefined(std::string(name), "access to attribute " + StringRepr(name) +
                                                        " of " + StringRepr(v.TypeName()) +
                                                        " object is unsafe.");
  }
  TARN_ASSIGN_OR_RETURN(auto attribute, AttributeOf(session, v, name));
  if (attribute) return *attribute;
  TARN_ASSIGN_OR_RETURN(auto item, ItemOf(session, v, Value(name)));
  if (item) return *item;
  return Missing(session, v, Value(name));
}

Result<Value> Subscript(Session& session, const Value& v, const Value& key) {
  if (v.is_undefined()) return OfUndefined(v);
  TARN_ASSIGN_OR_RETURN(auto item, ItemOf(session, v, key));
  if (item) return *item;
  if (!key.is_string()) {
    return Missing(session, v, key);
  }
  if (!(Dunder(key.str()) && session.environment().options().sandboxed)) {
    TARN_ASSIGN_OR_RETURN(auto attribute, AttributeOf(session, v, key.str()));
    if (attribute) return *attribute;
  }
  return Missing(session, v, key);
}

namespace {

// A slice's bounds, clipped to `length` items as Python does it.
struct SliceBounds {
  int64_t begin, end, by;
};

Result<SliceBounds> ClipSlice(int64_t length, const Value& start, const Value& stop,
                              const Value& step) {
  TARN_ASSIGN_OR_RETURN(auto step_bound, Bound(step));
  TARN_ASSIGN_OR_RETURN(auto from, Bound(start));
  TARN_ASSIGN_OR_RETURN(auto to, Bound(stop));
  const int64_t by = step_bound.value_or(1);
  if (by == 0) return ValueError("slice step cannot be zero");
  const int64_t low = by > 0 ? 0 : -1, high = by > 0 ? length : length - 1;
  auto clip = [&](std::optional<int64_t> bound, int64_t fallback) {
    if (!bound) return fallback;
    return std::clamp(*bound < 0 ? *bound + length : *bound, low, high);
  };
  return SliceBounds{clip(from, by > 0 ? low : high), clip(to, by > 0 ? high : low), by};
}

}  // namespace

Result<std::vector<int64_t>> SlicePositions(int64_t length, const Value& start, const Value& stop,
                                            const Value& step) {
  TARN_ASSIGN_OR_RETURN(const SliceBounds b, ClipSlice(length, start, stop, step));
  std::vector<int64_t> out;
  if (b.by > 0) {
    for (int64_t i = b.begin; i < b.end; i += std::min(b.by, length + 1)) out.push_back(i);
  } else {
    for (int64_t i = b.begin; i > b.end; i += std::max(b.by, -(length + 1))) out.push_back(i);
  }
  return out;
}

Result<Value> SliceOf(const Value& v, const Value& start, const Value& stop, const Value& step) {
  if (v.is_undefined()) return OfUndefined(v);
  if (v.is_string()) {
    if (IsAscii(v.str())) {
      TARN_ASSIGN_OR_RETURN(
          auto at, SlicePositions(static_cast<int64_t>(v.str().size()), start, stop, step));
      std::string out;
      for (int64_t i : at) out += v.str()[static_cast<size_t>(i)];
      return Value(std::move(out));
    }
    auto characters = Characters(v.str());
    TARN_ASSIGN_OR_RETURN(
        auto at, SlicePositions(static_cast<int64_t>(characters.size()), start, stop, step));
    std::string out;
    for (int64_t i : at) out += characters[static_cast<size_t>(i)];
    return Value(std::move(out));
  }
  if (v.is_list() || v.is_tuple()) {
    TARN_ASSIGN_OR_RETURN(auto at,
                          SlicePositions(static_cast<int64_t>(v.list().size()), start, stop, step));
    ValueList out;
    for (int64_t i : at) out.push_back(v.list()[static_cast<size_t>(i)]);
    return v.is_list() ? Value::List(std::move(out)) : Value::Tuple(std::move(out));
  }
  int64_t r0, r1, rs;
  if (AsRange(v, &r0, &r1, &rs)) {
    TARN_ASSIGN_OR_RETURN(const SliceBounds b, ClipSlice(*v.object().Length(), start, stop, step));
    return MakeRange(r0 + b.begin * rs, r0 + b.end * rs, rs * b.by);
  }
  if (v.is_dict()) return TypeError("unhashable type: 'slice'");
  return TypeError("'" + std::string(v.TypeName()) + "' object is not subscriptable");
}

bool IsCallable(const Value& v) {
  if (v.is_undefined()) return true;  // Python: the class has __call__
  return v.is_object() && v.object().Callable();
}

Result<Value> CallValue(const Value& callee, CallArgs& args) {
  if (callee.is_object()) return callee.object().Call(args);
  if (callee.is_undefined()) {
    if (callee.undefined_mode() == UndefinedMode::kCallable) return callee;
    return UndefinedError(callee.undefined_message());
  }
  return TypeError("'" + std::string(callee.TypeName()) + "' object is not callable");
}

Result<Value> CallMethodOf(const Value& v, std::string_view name, CallArgs& args) {
  if (v.is_object()) return v.object().CallMethod(name, args);
  if (Method method = FindMethod(v, name)) return method(v, args);
  TARN_ASSIGN_OR_RETURN(Value callee, Attribute(args.session, v, name));
  return args.session.Call(callee, args);
}

}  // namespace tarn::jinja
