#include "jinja/value.h"

#include <charconv>
#include <cmath>
#include <functional>

#include "jinja/big_int.h"
#include "jinja/error.h"
#include "jinja/number.h"
#include "jinja/object.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

struct StringRep : public Shared {
  explicit StringRep(std::string s) : text(std::move(s)) {}
  const std::string text;
};

struct ListRep : public Shared {
  explicit ListRep(ValueList v) : items(std::move(v)) {}
  ValueList items;
};

struct UndefinedRep : public Shared {
  std::string name;
  std::string hint;
  std::string element;
  UndefinedMode mode = UndefinedMode::kLenient;
};

constexpr int kDeepest = 400;  // nesting at which text and comparison stop

// What is being written right now, so that a list within itself ends.
thread_local std::vector<const void*> writing;
thread_local int comparing = 0;

struct Deeper {
  Deeper() { ++comparing; }
  ~Deeper() { --comparing; }
};

uint64_t Mix(uint64_t h) {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdULL;
  h ^= h >> 33;
  return h;
}

uint64_t HashText(std::string_view s) { return std::hash<std::string_view>()(s); }

}  // namespace

void Shared::Destroy() const {
  constexpr int kDirect = 64;
  thread_local int depth = 0;
  thread_local std::vector<const Shared*> later;
  if (depth >= kDirect) {
    later.push_back(this);
    return;
  }
  ++depth;
  delete this;
  --depth;
  while (depth == 0 && !later.empty()) {
    const Shared* next = later.back();
    later.pop_back();
    ++depth;
    delete next;
    --depth;
  }
}

Value::Value(std::string s) : Value(Kind::kString, new StringRep(std::move(s))) {}
Value::Value(const Ref<Dict>& dict) : Value(Kind::kDict, dict.get()) {}
Value::Value(const Ref<jinja::Set>& set) : Value(Kind::kSet, set.get()) {}

Value Value::None() {
  Value v;
  v.kind_ = Kind::kNone;
  return v;
}

Value Value::List(ValueList items) { return Value(Kind::kList, new ListRep(std::move(items))); }
Value Value::Tuple(ValueList items) { return Value(Kind::kTuple, new ListRep(std::move(items))); }

Value Value::MakeDict(std::initializer_list<std::pair<std::string, Value>> items) {
  auto dict = MakeRef<Dict>();
  for (const auto& [k, v] : items) dict->Set(k, v);
  return Value(dict);
}

Value Value::Undefined(std::string name, UndefinedMode mode, std::string hint,
                       std::string element) {
  auto rep = new UndefinedRep;
  rep->name = std::move(name);
  rep->hint = std::move(hint);
  rep->element = std::move(element);
  rep->mode = mode;
  return Value(Kind::kUndefined, rep);
}

Value Value::FromBigInt(const BigInt& i) { return Value(Kind::kBigInt, new BigInt(i.number)); }

Value Value::IntegerFromText(std::string_view digits, int base) {
  auto v = ParseInteger(digits, base);
  if (v) return *v;
  // More digits than int() takes at run time; as a literal Python's compiler refuses them too.
  return Value(0);
}

bool Value::as_bool() const {
  TARN_CHECK(kind_ == Kind::kBool);
  return rep_.boolean;
}

int64_t Value::as_int() const {
  if (kind_ == Kind::kBool) return rep_.boolean ? 1 : 0;
  TARN_CHECK(kind_ == Kind::kInt);
  return rep_.integer;
}

double Value::as_float() const {
  TARN_CHECK(kind_ == Kind::kFloat);
  return rep_.real;
}

const std::string& Value::str() const {
  TARN_CHECK(kind_ == Kind::kString);
  return static_cast<StringRep*>(rep_.shared)->text;
}

ValueList& Value::list() const {
  TARN_CHECK(kind_ == Kind::kList || kind_ == Kind::kTuple);
  return static_cast<ListRep*>(rep_.shared)->items;
}

Dict& Value::dict() const {
  TARN_CHECK(kind_ == Kind::kDict);
  return *static_cast<Dict*>(rep_.shared);
}

Set& Value::set() const {
  TARN_CHECK(kind_ == Kind::kSet);
  return *static_cast<jinja::Set*>(rep_.shared);
}

Object& Value::object() const {
  TARN_CHECK(kind_ == Kind::kObject);
  return *static_cast<Object*>(rep_.shared);
}

const BigInt& Value::big() const {
  TARN_CHECK(kind_ == Kind::kBigInt);
  return *static_cast<BigInt*>(rep_.shared);
}

UndefinedMode Value::undefined_mode() const {
  TARN_CHECK(kind_ == Kind::kUndefined);
  return rep_.shared ? static_cast<UndefinedRep*>(rep_.shared)->mode : UndefinedMode::kLenient;
}

std::string Value::undefined_name() const {
  TARN_CHECK(kind_ == Kind::kUndefined);
  return rep_.shared ? static_cast<UndefinedRep*>(rep_.shared)->name : "";
}

std::string Value::undefined_message() const {
  TARN_CHECK(kind_ == Kind::kUndefined);
  if (!rep_.shared) return "the value is undefined";
  auto* rep = static_cast<UndefinedRep*>(rep_.shared);
  if (!rep->hint.empty()) return rep->hint;
  return StringRepr(rep->name) + " is undefined";
}

bool Value::Truthy() const {
  switch (kind_) {
    case Kind::kUndefined:
    case Kind::kNone: return false;
    case Kind::kBool: return rep_.boolean;
    case Kind::kInt: return rep_.integer != 0;
    case Kind::kBigInt: return true;
    case Kind::kFloat: return rep_.real != 0;
    case Kind::kString: return !str().empty();
    case Kind::kList:
    case Kind::kTuple: return !list().empty();
    case Kind::kDict: return !dict().empty();
    case Kind::kSet: return set().size() > 0;
    case Kind::kObject: return object().Truthy();
  }
  return false;
}

std::string Value::Str() const {
  switch (kind_) {
    case Kind::kString: return str();
    case Kind::kUndefined:
      if (undefined_mode() != UndefinedMode::kDebug) return "";
      if (auto* rep = static_cast<UndefinedRep*>(rep_.shared); !rep->element.empty()) {
        return "{{ no such element: " + rep->element + " }}";
      } else if (!rep->hint.empty()) {
        return "{{ undefined value printed: " + rep->hint + " }}";
      }
      return "{{ " + undefined_name() + " }}";
    case Kind::kObject: return object().Str();
    default: return Repr();
  }
}

static std::string ReprItems(const ValueList& items, const char* open, const char* close) {
  std::string out = open;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i) out += ", ";
    out += items[i].Repr();
  }
  return out + close;
}

static std::string ReprShared(const Value& v) {
  switch (v.kind()) {
    case Kind::kList: return ReprItems(v.list(), "[", "]");
    case Kind::kTuple: return ReprItems(v.list(), "(", v.list().size() == 1 ? ",)" : ")");
    case Kind::kDict: {
      std::string out = "{";
      for (const auto& e : v.dict().entries()) {
        if (out.size() > 1) out += ", ";
        out += e.key.Repr() + ": " + e.value.Repr();
      }
      return out + "}";
    }
    case Kind::kSet: {
      if (v.set().size() == 0) return "set()";
      std::string out = "{";
      for (size_t i = 0; i < v.set().size(); ++i) out += (i ? ", " : "") + v.set().at(i).Repr();
      return out + "}";
    }
    default: return "";
  }
}

std::string Value::Repr() const {
  switch (kind_) {
    case Kind::kUndefined: return "Undefined";
    case Kind::kNone: return "None";
    case Kind::kBool: return rep_.boolean ? "True" : "False";
    case Kind::kInt:
    case Kind::kBigInt: return IntegerText(*this);
    case Kind::kFloat: return FloatRepr(rep_.real);
    case Kind::kString: return StringRepr(str());
    case Kind::kObject: return object().Repr();
    default: break;
  }
  bool deep = writing.size() >= kDeepest;
  for (const void* p : writing) deep = deep || p == rep_.shared;
  if (deep) {
    return kind_ == Kind::kList ? "[...]" : kind_ == Kind::kTuple ? "(...)" : "{...}";
  }
  writing.push_back(rep_.shared);
  std::string out = ReprShared(*this);
  writing.pop_back();
  return out;
}

std::string_view Value::TypeName() const {
  switch (kind_) {
    case Kind::kUndefined:
      switch (undefined_mode()) {
        case UndefinedMode::kChainable: return "ChainableUndefined";
        case UndefinedMode::kDebug: return "DebugUndefined";
        case UndefinedMode::kStrict: return "StrictUndefined";
        default: return "Undefined";
      }
    case Kind::kNone: return "NoneType";
    case Kind::kBool: return "bool";
    case Kind::kInt:
    case Kind::kBigInt: return "int";
    case Kind::kFloat: return "float";
    case Kind::kString: return "str";
    case Kind::kList: return "list";
    case Kind::kTuple: return "tuple";
    case Kind::kDict: return "dict";
    case Kind::kSet: return "set";
    case Kind::kObject: return object().TypeName();
  }
  return "object";
}

bool Value::Same(const Value& o) const {
  if (kind_ != o.kind_) return false;
  if (kind_ >= Kind::kList) return rep_.shared == o.rep_.shared;
  return Equal(*this, o);
}

static bool EqualLists(const ValueList& a, const ValueList& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (!Equal(a[i], b[i])) return false;
  }
  return true;
}

static bool EqualDicts(const Dict& a, const Dict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& e : a.entries()) {
    auto found = b.Find(e.key);
    if (!found.ok() || !*found || !Equal(e.value, **found)) return false;
  }
  return true;
}

static bool EqualSets(const Set& a, const Set& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!b.Contains(a.at(i)).value_or(false)) return false;
  }
  return true;
}

bool Equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return CompareNumbers(a, b) == 0;
  if (a.is_object()) return a.object().Equals(b) || (b.is_object() && b.object().Equals(a));
  if (b.is_object()) return b.object().Equals(a);
  if (a.kind() != b.kind()) return false;
  Deeper deeper;
  if (comparing > kDeepest) return false;
  switch (a.kind()) {
    case Kind::kUndefined: return a.undefined_mode() == b.undefined_mode();
    case Kind::kNone: return true;
    case Kind::kString: return a.str() == b.str();
    case Kind::kList:
    case Kind::kTuple: return &a.list() == &b.list() || EqualLists(a.list(), b.list());
    case Kind::kDict: return &a.dict() == &b.dict() || EqualDicts(a.dict(), b.dict());
    case Kind::kSet: return EqualSets(a.set(), b.set());
    default: return false;
  }
}

static Status NoOrder(const Value& a, const Value& b) {
  return TypeError("'<' not supported between instances of '" + std::string(a.TypeName()) +
                   "' and '" + std::string(b.TypeName()) + "'");
}

static Result<bool> LessLists(const ValueList& a, const ValueList& b) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (!Equal(a[i], b[i])) return Less(a[i], b[i]);
  }
  return a.size() < b.size();
}

Result<bool> Less(const Value& a, const Value& b) {
  for (const Value* v : {&a, &b}) {
    if (v->is_undefined()) return UndefinedError(v->undefined_message());
  }
  if (a.is_number() && b.is_number()) return CompareNumbers(a, b) == -1;
  if (a.is_string() && b.is_string()) return a.str() < b.str();
  if (a.is_object()) {
    TARN_ASSIGN_OR_RETURN(auto less, a.object().LessThan(b));
    if (less) return *less;
    return NoOrder(a, b);
  }
  if (a.kind() != b.kind()) return NoOrder(a, b);
  Deeper deeper;
  if (comparing > kDeepest) return MakeError("RecursionError", "lists nest too deep to compare");
  if (a.is_list() || a.is_tuple()) return LessLists(a.list(), b.list());
  if (a.is_set()) {
    if (a.set().size() >= b.set().size()) return false;
    for (size_t i = 0; i < a.set().size(); ++i) {
      if (!b.set().Contains(a.set().at(i)).value_or(false)) return false;
    }
    return true;
  }
  return NoOrder(a, b);
}

Result<uint64_t> Hash(const Value& v) {
  switch (v.kind()) {
    case Kind::kUndefined: return 7 + static_cast<uint64_t>(v.undefined_mode());
    case Kind::kNone: return 11;
    case Kind::kBool:
    case Kind::kInt: return Mix(static_cast<uint64_t>(v.as_int()));
    case Kind::kBigInt: return HashText(IntegerText(v, 16));
    case Kind::kFloat: {
      double d = v.as_float();
      if (std::isfinite(d) && d == std::trunc(d)) {
        TARN_ASSIGN_OR_RETURN(Value i, IntegerFromDouble(d));
        return Hash(i);
      }
      return std::hash<double>()(d);
    }
    case Kind::kString: return HashText(v.str());
    case Kind::kTuple: {
      Deeper deeper;
      if (comparing > kDeepest) return MakeError("RecursionError", "tuples nest too deep");
      uint64_t h = 0x345678;
      for (const Value& item : v.list()) {
        TARN_ASSIGN_OR_RETURN(uint64_t one, Hash(item));
        h = Mix(h * 1000003 + one);
      }
      return h;
    }
    case Kind::kObject: return v.object().HashOf();
    default: return TypeError("unhashable type: '" + std::string(v.TypeName()) + "'");
  }
}

template <typename Same>
int64_t Dict::Search(uint64_t hash, const Same& same) const {
  if (index_.empty()) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].hash == hash && same(entries_[i].key)) return static_cast<int64_t>(i);
    }
    return -1;
  }
  size_t mask = index_.size() - 1;
  for (size_t slot = Mix(hash) & mask;; slot = (slot + 1) & mask) {
    int32_t i = index_[slot];
    if (i < 0) return -1;
    if (entries_[i].hash == hash && same(entries_[i].key)) return i;
  }
}

void Dict::Rebuild() {
  if (entries_.size() <= kIndexed) {
    index_.clear();
    return;
  }
  size_t slots = 32;
  while (slots < entries_.size() * 3) slots *= 2;
  index_.assign(slots, -1);
  for (size_t i = 0; i < entries_.size(); ++i) {
    size_t slot = Mix(entries_[i].hash) & (slots - 1);
    while (index_[slot] >= 0) slot = (slot + 1) & (slots - 1);
    index_[slot] = static_cast<int32_t>(i);
  }
}

void Dict::Append(Value key, Value value, uint64_t hash) {
  entries_.push_back({std::move(key), std::move(value), hash});
  if (entries_.size() <= kIndexed) return;
  if (index_.size() < entries_.size() * 2) return Rebuild();
  size_t mask = index_.size() - 1, slot = Mix(hash) & mask;
  while (index_[slot] >= 0) slot = (slot + 1) & mask;
  index_[slot] = static_cast<int32_t>(entries_.size() - 1);
}

const Value* Dict::FindText(std::string_view key) const {
  int64_t i =
      Search(HashText(key), [&](const Value& k) { return k.is_string() && k.str() == key; });
  return i < 0 ? nullptr : &entries_[i].value;
}

Result<const Value*> Dict::Find(const Value& key) const {
  if (key.is_string()) return FindText(key.str());
  TARN_ASSIGN_OR_RETURN(uint64_t hash, Hash(key));
  int64_t i = Search(hash, [&](const Value& k) { return Equal(k, key); });
  return i < 0 ? nullptr : &entries_[i].value;
}

void Dict::SetText(std::string_view key, Value value) {
  uint64_t hash = HashText(key);
  int64_t i = Search(hash, [&](const Value& k) { return k.is_string() && k.str() == key; });
  if (i >= 0) {
    entries_[i].value = std::move(value);
  } else {
    Append(Value(key), std::move(value), hash);
  }
}

Status Dict::Set(const Value& key, Value value) {
  TARN_ASSIGN_OR_RETURN(uint64_t hash, Hash(key));
  int64_t i = Search(hash, [&](const Value& k) { return Equal(k, key); });
  if (i >= 0) {
    entries_[i].value = std::move(value);
  } else {
    Append(key, std::move(value), hash);
  }
  return Status::Ok();
}

Result<bool> Dict::Erase(const Value& key) {
  TARN_ASSIGN_OR_RETURN(uint64_t hash, Hash(key));
  int64_t i = Search(hash, [&](const Value& k) { return Equal(k, key); });
  if (i < 0) return false;
  EraseAt(static_cast<size_t>(i));
  return true;
}

void Dict::EraseAt(size_t index) {
  Entry gone = std::move(entries_[index]);  // dropped last: what it holds may reach this dict
  entries_.erase(entries_.begin() + static_cast<int64_t>(index));
  Rebuild();
}

void Dict::Clear() {
  std::vector<Entry> gone;
  gone.swap(entries_);
  index_.clear();
}

Result<bool> Set::Contains(const Value& v) const {
  TARN_ASSIGN_OR_RETURN(const Value* found, dict_.Find(v));
  return found != nullptr;
}

Status Set::Add(const Value& v) {
  TARN_ASSIGN_OR_RETURN(bool there, Contains(v));
  return there ? Status::Ok() : dict_.Set(v, Value::None());
}

std::string FloatRepr(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  char buffer[40];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific).ptr;
  std::string_view s(buffer, static_cast<size_t>(end - buffer));
  size_t e = s.find('e');
  int exponent = 0;
  std::string_view digits_of_exponent = s.substr(e + 1);
  if (digits_of_exponent[0] == '+') digits_of_exponent.remove_prefix(1);
  std::from_chars(digits_of_exponent.data(), digits_of_exponent.data() + digits_of_exponent.size(),
                  exponent);
  std::string out = s[0] == '-' ? "-" : "";
  std::string digits;
  for (char c : s.substr(0, e)) {
    if (AsciiDigit(c)) digits += c;
  }
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (digits.size() > 1) out += "." + digits.substr(1);
    std::string power = std::to_string(std::abs(exponent));
    return out + "e" + (exponent < 0 ? "-" : "+") + (power.size() < 2 ? "0" : "") + power;
  }
  if (exponent < 0)
    return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0') + ".0";
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::string StringRepr(std::string_view s) {
  char quote =
      s.find('\'') != std::string_view::npos && s.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  char buffer[16];
  for (size_t i = 0; i < s.size();) {
    CodePoint c = DecodeAt(s, i);
    if (c.value == static_cast<unsigned char>(quote) || c.value == '\\') {
      out += '\\';
      out += static_cast<char>(c.value);
    } else if (c.value == '\n') {
      out += "\\n";
    } else if (c.value == '\r') {
      out += "\\r";
    } else if (c.value == '\t') {
      out += "\\t";
    } else if (IsPrintable(c.value) && !(c.bytes == 1 && c.value >= 128)) {
      out.append(s.substr(i, c.bytes));
    } else {
      const char* format = c.value < 0x100 ? "\\x%02x" : c.value < 0x10000 ? "\\u%04x" : "\\U%08x";
      std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned>(c.value));
      out += buffer;
    }
    i += c.bytes;
  }
  return out + quote;
}

}  // namespace tarn::jinja
