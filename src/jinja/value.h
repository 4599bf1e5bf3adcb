// Value: what a Jinja expression yields, with Python's semantics.
//
// A Value is two words: small kinds are held inside, the others are shared by reference count, as
// in Python: copying a list Value and appending to the copy changes both. Dicts keep insertion
// order. Integers grow beyond 64 bits without loss.
//
// What it does not do: bytes, complex numbers, Markup (safe strings are plain strings).
//
// Threads: reference counts are atomic, so Values may be copied and dropped on any thread. Strings,
// tuples and numbers are immutable; lists, dicts, sets and host objects are not, and a Value that
// several threads reach must not be changed meanwhile. What a Template holds is never changed.
//
// Errors: accessors REQUIRE the kind they name and abort otherwise; what can fail by the template's
// fault returns Result and the message begins with Python's or Jinja2's name of the error
// (`TypeError: ...`, `UndefinedError: ...`), see error.h.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace tarn::jinja {

class Dict;
class Object;
class Set;
class Value;
struct BigInt;

enum class Kind : uint8_t {
  kUndefined,  // a name that is not there; see UndefinedMode
  kNone,
  kBool,
  kInt,     // fits in 64 bits
  kBigInt,  // does not
  kFloat,
  kString,  // UTF-8
  kList,
  kTuple,
  kDict,
  kSet,
  kObject,  // functions, ranges, iterators, dates and everything of the host
};

// What an undefined Value does when it is used. Jinja2's classes of the same names, and kCallable:
// what dbt puts in place of unknown names while it parses (attributes, items and calls yield it
// again).
enum class UndefinedMode : uint8_t { kLenient, kChainable, kDebug, kStrict, kCallable };

// Shared state of a Value. Count starts at 0; Value takes and drops references.
class Shared {
 public:
  Shared() = default;
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  virtual ~Shared() = default;
  void Retain() const { refs_.fetch_add(1, std::memory_order_relaxed); }
  void Release() const {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) Destroy();
  }
  uint32_t references() const { return refs_.load(std::memory_order_acquire); }

 private:
  void Destroy() const;  // without deep recursion, however deep the lists nest
  mutable std::atomic<uint32_t> refs_{0};
};

// A reference-counted pointer to something Shared.
template <typename T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* p) : p_(p) {
    if (p_) p_->Retain();
  }
  Ref(const Ref& o) : Ref(o.p_) {}
  Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  template <typename U>
  requires std::derived_from<U, T> Ref(const Ref<U>& o)
      : Ref(static_cast<T*>(o.get())) {}  // NOLINT: implicit, as for raw pointers
  Ref& operator=(Ref o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Ref() {
    if (p_) p_->Release();
  }
  T* get() const { return p_; }
  T* operator->() const { return p_; }
  T& operator*() const { return *p_; }
  explicit operator bool() const { return p_ != nullptr; }

 private:
  T* p_ = nullptr;
};

template <typename T, typename... Args>
Ref<T> MakeRef(Args&&... args) {
  return Ref<T>(new T(std::forward<Args>(args)...));
}

using ValueList = std::vector<Value>;

class Value {
 public:
  // Undefined without a name, lenient.
  Value() : kind_(Kind::kUndefined) { rep_.shared = nullptr; }
  template <std::same_as<bool> B>
  Value(B b)
      : kind_(Kind::kBool) {  // NOLINT: implicit; a template so that no pointer becomes a bool
    rep_.boolean = b;
  }
  template <std::integral I>
  requires(!std::same_as<I, bool> && (sizeof(I) < 8 || std::is_signed_v<I>)) Value(I i)
      : kind_(Kind::kInt) {  // NOLINT: implicit
    rep_.integer = i;
  }
  Value(double d) : kind_(Kind::kFloat) { rep_.real = d; }  // NOLINT: implicit
  Value(std::string s);                                     // NOLINT: implicit
  Value(std::string_view s) : Value(std::string(s)) {}      // NOLINT: implicit
  Value(const char* s) : Value(std::string(s)) {}           // NOLINT: implicit
  template <std::derived_from<Object> T>
  Value(const Ref<T>& object) : Value(Kind::kObject, object.get()) {}  // NOLINT: implicit
  Value(const Ref<Dict>& dict);                                        // NOLINT: implicit
  Value(const Ref<Set>& set);                                          // NOLINT: implicit

  Value(const Value& o) : kind_(o.kind_), rep_(o.rep_) { Retain(); }
  Value(Value&& o) noexcept : kind_(o.kind_), rep_(o.rep_) {
    o.kind_ = Kind::kNone;
    o.rep_.shared = nullptr;
  }
  Value& operator=(const Value& o) {
    Value copy(o);
    Swap(copy);
    return *this;
  }
  Value& operator=(Value&& o) noexcept {
    Swap(o);
    return *this;
  }
  ~Value() {
    if (IsShared() && rep_.shared) rep_.shared->Release();
  }
  void Swap(Value& o) noexcept {
    std::swap(kind_, o.kind_);
    std::swap(rep_, o.rep_);
  }

  static Value None();
  static Value List(ValueList items = {});
  static Value Tuple(ValueList items = {});
  // A dict with string keys, in this order.
  static Value MakeDict(std::initializer_list<std::pair<std::string, Value>> items = {});
  // An undefined that remembers which name was missing, and of which mode it is. `hint` is the
  // message instead of "'name' is undefined".
  // instead of "'name' is undefined"; `element` is what kDebug prints ("dict object['x']").
  static Value Undefined(std::string name, UndefinedMode mode = UndefinedMode::kLenient,
                         std::string hint = "", std::string element = "");
  static Value FromBigInt(const BigInt& i);  // kInt where it fits
  // Integer from decimal or (with base 0) 0x/0o/0b text without underscores. REQUIRES: valid
  // digits.
  static Value IntegerFromText(std::string_view digits, int base = 10);

  Kind kind() const { return kind_; }
  bool is_undefined() const { return kind_ == Kind::kUndefined; }
  bool is_none() const { return kind_ == Kind::kNone; }
  bool is_bool() const { return kind_ == Kind::kBool; }
  // int, big int or bool: what Python's isinstance(x, int) says.
  bool is_integral() const {
    return kind_ == Kind::kInt || kind_ == Kind::kBigInt || kind_ == Kind::kBool;
  }
  bool is_number() const { return is_integral() || kind_ == Kind::kFloat; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_list() const { return kind_ == Kind::kList; }
  bool is_tuple() const { return kind_ == Kind::kTuple; }
  bool is_dict() const { return kind_ == Kind::kDict; }
  bool is_set() const { return kind_ == Kind::kSet; }
  bool is_object() const { return kind_ == Kind::kObject; }

  // REQUIRES of each: the kind it names.
  bool as_bool() const;
  int64_t as_int() const;  // kInt or kBool
  double as_float() const;
  const std::string& str() const;  // valid as long as a Value holds it
  ValueList& list() const;         // kList or kTuple; a tuple must not be changed
  Dict& dict() const;
  Set& set() const;
  Object& object() const;
  const BigInt& big() const;
  // kObject of that class, else null.
  template <typename T>
  T* As() const {
    return kind_ == Kind::kObject ? dynamic_cast<T*>(rep_.shared) : nullptr;
  }

  UndefinedMode undefined_mode() const;  // REQUIRES: kUndefined
  std::string undefined_name() const;    // REQUIRES: kUndefined; may be ""
  // "'x' is undefined", or its hint. REQUIRES: kUndefined
  std::string undefined_message() const;

  // Python's truth. A strict undefined is false here; the evaluator refuses it before.
  bool Truthy() const;
  // str(x) and repr(x). A lenient undefined is "". A list within itself prints "[...]".
  std::string Str() const;
  std::string Repr() const;
  // "str", "int", "NoneType", ...: type(x).__name__.
  std::string_view TypeName() const;
  // The same object (`is`): identity for shared kinds, equality for the others.
  bool Same(const Value& o) const;

 private:
  friend class Dict;
  Value(Kind kind, Shared* shared) : kind_(kind) {
    rep_.shared = shared;
    Retain();
  }
  bool IsShared() const {
    return kind_ == Kind::kUndefined || (kind_ >= Kind::kBigInt && kind_ != Kind::kFloat);
  }
  void Retain() const {
    if (IsShared() && rep_.shared) rep_.shared->Retain();
  }

  Kind kind_;
  union {
    bool boolean;
    int64_t integer;
    double real;
    Shared* shared;
  } rep_;
};

// a == b as in Python: 1 == 1.0 == True, lists by items, dicts regardless of order.
bool Equal(const Value& a, const Value& b);
// a < b. TypeError where Python has no order.
Result<bool> Less(const Value& a, const Value& b);
// hash(x). TypeError ("unhashable type: 'list'") where Python refuses. Equal values have equal
// hashes.
Result<uint64_t> Hash(const Value& v);

// An insertion-ordered dict. Iterate with at(i) for i in [0, size()).
class Dict : public Shared {
 public:
  struct Entry {
    Value key;
    Value value;
    uint64_t hash;
  };
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  const Entry& at(size_t i) const { return entries_[i]; }
  const std::vector<Entry>& entries() const { return entries_; }

  // Null when absent. The pointer is valid until the dict changes.
  template <std::convertible_to<std::string_view> S>
  const Value* Find(const S& key) const {
    return FindText(key);
  }
  // TypeError for unhashable keys.
  Result<const Value*> Find(const Value& key) const;
  // Replaces the value of an existing key in its place, else appends.
  template <std::convertible_to<std::string_view> S>
  void Set(const S& key, Value value) {
    SetText(key, std::move(value));
  }
  Status Set(const Value& key, Value value);
  // False when it was not there.
  Result<bool> Erase(const Value& key);
  void EraseAt(size_t index);
  void Clear();

 private:
  static constexpr size_t kIndexed = 8;  // smaller dicts are searched one by one
  const Value* FindText(std::string_view key) const;
  void SetText(std::string_view key, Value value);
  template <typename Same>
  int64_t Search(uint64_t hash, const Same& same) const;
  void Append(Value key, Value value, uint64_t hash);
  void Rebuild();

  std::vector<Entry> entries_;
  std::vector<int32_t> index_;  // open addressing, -1 free; empty while small
};

// A set; iterates in order of insertion (Python's order is unspecified).
class Set : public Shared {
 public:
  size_t size() const { return dict_.size(); }
  const Value& at(size_t i) const { return dict_.at(i).key; }
  Result<bool> Contains(const Value& v) const;
  Status Add(const Value& v);
  Result<bool> Erase(const Value& v) { return dict_.Erase(v); }
  void Clear() { dict_.Clear(); }

 private:
  Dict dict_;
};

// Text of a float as Python's repr writes it: 0.1, 1e+16, 1e-05, inf.
std::string FloatRepr(double d);
// Text of a string as Python's repr writes it, quotes included.
std::string StringRepr(std::string_view s);

}  // namespace tarn::jinja
