#include "jinja/iterate.h"

#include "jinja/error.h"
#include "jinja/session.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

using Item = std::optional<Value>;

class ListIterator : public Iterator {
 public:
  explicit ListIterator(Value v) : value_(std::move(v)) {}
  Result<Item> Next(Session&) override {
    const ValueList& items = value_.list();
    if (at_ >= items.size()) return Item();
    return Item(items[at_++]);
  }

 private:
  Value value_;
  size_t at_ = 0;
};

class DictIterator : public Iterator {
 public:
  explicit DictIterator(Value v) : value_(std::move(v)), size_(value_.dict().size()) {}
  Result<Item> Next(Session&) override {
    const Dict& d = value_.dict();
    if (d.size() != size_)
      return MakeError("RuntimeError", "dictionary changed size during iteration");
    if (at_ >= size_) return Item();
    return Item(d.at(at_++).key);
  }

 private:
  Value value_;
  size_t size_;
  size_t at_ = 0;
};

class SetIterator : public Iterator {
 public:
  explicit SetIterator(Value v) : value_(std::move(v)), size_(value_.set().size()) {}
  Result<Item> Next(Session&) override {
    if (value_.set().size() != size_)
      return MakeError("RuntimeError", "Set changed size during iteration");
    if (at_ >= size_) return Item();
    return Item(value_.set().at(at_++));
  }

 private:
  Value value_;
  size_t size_;
  size_t at_ = 0;
};

class TextIterator : public Iterator {
 public:
  explicit TextIterator(Value v) : value_(std::move(v)) {}
  Result<Item> Next(Session&) override {
    const std::string& s = value_.str();
    if (at_ >= s.size()) return Item();
    size_t n = DecodeAt(s, at_).bytes;
    at_ += n;
    return Item(Value(s.substr(at_ - n, n)));
  }

 private:
  Value value_;
  size_t at_ = 0;
};

class NoIterator : public Iterator {
 public:
  Result<Item> Next(Session&) override { return Item(); }
};

// Iterates what an object keeps, and keeps the object.
class FunctionIterator : public Iterator {
 public:
  FunctionIterator(Ref<Object> keep, NextFunction next)
      : keep_(std::move(keep)), next_(std::move(next)) {}
  Result<Item> Next(Session& session) override { return next_(session); }

 private:
  Ref<Object> keep_;
  NextFunction next_;
};

class Generator : public Object {
 public:
  Generator(std::string name, NextFunction next) : name_(std::move(name)), next_(std::move(next)) {}
  std::string_view TypeName() const override { return name_; }
  bool Iterable() const override { return true; }
  Result<std::unique_ptr<Iterator>> Iterate(Session&) override {
    Ref<Generator> self(this);
    NextFunction next = [self](Session& s) -> Result<Item> {
      if (self->running_) return ValueError("generator already executing");
      if (self->finished_) return Item();
      self->running_ = true;
      auto item = self->next_(s);
      self->running_ = false;
      if (!item.ok() || !*item) {
        self->finished_ = true;
        self->next_ = nullptr;
      }
      return item;
    };
    return std::unique_ptr<Iterator>(new FunctionIterator(self, std::move(next)));
  }
  std::string Repr() const override { return "<" + name_ + " object>"; }

 private:
  std::string name_;
  NextFunction next_;
  bool running_ = false;
  bool finished_ = false;
};

// Keys, values or pairs of a dict, live.
class View : public Object {
 public:
  View(DictPart part, Value dict) : part_(part), dict_(std::move(dict)) {}
  std::string_view TypeName() const override {
    if (part_ == DictPart::kKeys) return "dict_keys";
    return part_ == DictPart::kValues ? "dict_values" : "dict_items";
  }
  bool Iterable() const override { return true; }
  Result<std::unique_ptr<Iterator>> Iterate(Session&) override {
    Ref<View> self(this);
    NextFunction next = [self, size = dict_.dict().size(),
                         i = size_t{0}](Session&) mutable -> Result<Item> {
      if (self->dict_.dict().size() != size) {
        return MakeError("RuntimeError", "dictionary changed size during iteration");
      }
      return i < size ? Item(self->At(i++)) : Item();
    };
    return std::unique_ptr<Iterator>(new FunctionIterator(self, std::move(next)));
  }
  std::optional<int64_t> Length() const override {
    return static_cast<int64_t>(dict_.dict().size());
  }
  bool Truthy() const override { return !dict_.dict().empty(); }
  std::string Repr() const override {
    return std::string(TypeName()) + "(" + Value::List(ItemsNow()).Repr() + ")";
  }
  Result<std::optional<bool>> Contains(Session&, const Value& item) override {
    for (const Value& v : ItemsNow()) {
      if (Equal(v, item)) return std::optional<bool>(true);
    }
    return std::optional<bool>(false);
  }
  bool Equals(const Value& other) const override {
    if (part_ == DictPart::kValues) return other.is_object() && &other.object() == this;
    auto* view = other.As<View>();
    if (!view) return false;
    ValueList a = ItemsNow(), b = view->ItemsNow();
    if (a.size() != b.size()) return false;
    for (const Value& v : a) {
      bool found = false;
      for (const Value& w : b) found = found || Equal(v, w);
      if (!found) return false;
    }
    return true;
  }

 private:
  Value At(size_t i) const {
    const Dict::Entry& e = dict_.dict().at(i);
    if (part_ == DictPart::kItems) return Value::Tuple({e.key, e.value});
    return part_ == DictPart::kKeys ? e.key : e.value;
  }
  ValueList ItemsNow() const {
    ValueList out;
    for (size_t i = 0; i < dict_.dict().size(); ++i) out.push_back(At(i));
    return out;
  }
  DictPart part_;
  Value dict_;
};

class Range : public Object {
 public:
  Range(int64_t start, int64_t stop, int64_t step) : start_(start), stop_(stop), step_(step) {
    if (step > 0 && start < stop) {
      length_ =
          static_cast<int64_t>((static_cast<uint64_t>(stop) - static_cast<uint64_t>(start) - 1) /
                               static_cast<uint64_t>(step)) +
          1;
    } else if (step < 0 && start > stop) {
      length_ =
          static_cast<int64_t>((static_cast<uint64_t>(start) - static_cast<uint64_t>(stop) - 1) /
                               (~static_cast<uint64_t>(step) + 1)) +
          1;
    }
  }
  std::string_view TypeName() const override { return "range"; }
  bool Iterable() const override { return true; }
  std::optional<int64_t> Length() const override { return length_; }
  bool Truthy() const override { return length_ > 0; }
  int64_t At(int64_t i) const { return start_ + i * step_; }
  Result<std::unique_ptr<Iterator>> Iterate(Session&) override {
    Ref<Range> self(this);
    NextFunction next = [self, i = int64_t{0}](Session&) mutable -> Result<Item> {
      if (i >= self->length_) return Item();
      return Item(Value(self->At(i++)));
    };
    return std::unique_ptr<Iterator>(new FunctionIterator(self, std::move(next)));
  }
  Result<std::optional<Value>> GetItem(Session&, const Value& key) override {
    if (key.kind() != Kind::kInt && key.kind() != Kind::kBool) return Item();
    int64_t i = key.as_int();
    if (i < 0) i += length_;
    if (i < 0 || i >= length_) return Item();
    return Item(Value(At(i)));
  }
  Result<std::optional<Value>> GetAttr(Session&, std::string_view name) override {
    if (name == "start") return Item(Value(start_));
    if (name == "stop") return Item(Value(stop_));
    if (name == "step") return Item(Value(step_));
    if (name != "index" && name != "count") return Item();
    Ref<Range> self(this);
    bool index = name == "index";
    return Item(MakeFunction(std::string(name), [self, index](CallArgs& a) -> Result<Value> {
      TARN_RETURN_IF_ERROR(a.Check("range method", {"value"}, 1));
      for (int64_t i = 0; i < self->length_; ++i) {
        if (Equal(Value(self->At(i)), a.positional[0])) return Value(index ? i : 1);
      }
      if (!index) return Value(0);
      return ValueError(a.positional[0].Repr() + " is not in range");
    }));
  }
  std::string Repr() const override {
    std::string out = "range(" + std::to_string(start_) + ", " + std::to_string(stop_);
    return out + (step_ == 1 ? "" : ", " + std::to_string(step_)) + ")";
  }
  bool Equals(const Value& other) const override {
    auto* r = other.As<Range>();
    if (!r || r->length_ != length_) return false;
    return length_ == 0 || (r->start_ == start_ && (length_ == 1 || r->step_ == step_));
  }
  int64_t start_, stop_, step_, length_ = 0;
};

}  // namespace

Result<std::unique_ptr<Iterator>> Iterate(Session& session, const Value& v) {
  using P = std::unique_ptr<Iterator>;
  switch (v.kind()) {
    case Kind::kList:
    case Kind::kTuple: return P(new ListIterator(v));
    case Kind::kDict: return P(new DictIterator(v));
    case Kind::kSet: return P(new SetIterator(v));
    case Kind::kString: return P(new TextIterator(v));
    case Kind::kObject: return v.object().Iterate(session);
    case Kind::kUndefined:
      if (v.undefined_mode() == UndefinedMode::kStrict)
        return UndefinedError(v.undefined_message());
      return P(new NoIterator);
    default: return TypeError("'" + std::string(v.TypeName()) + "' object is not iterable");
  }
}

bool IsIterable(const Value& v) {
  switch (v.kind()) {
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kSet:
    case Kind::kString: return true;
    case Kind::kUndefined: return v.undefined_mode() != UndefinedMode::kStrict;
    case Kind::kObject: return v.object().Iterable();
    default: return false;
  }
}

std::optional<int64_t> LengthOf(const Value& v) {
  switch (v.kind()) {
    case Kind::kString: return static_cast<int64_t>(CountCodePoints(v.str()));
    case Kind::kList:
    case Kind::kTuple: return static_cast<int64_t>(v.list().size());
    case Kind::kDict: return static_cast<int64_t>(v.dict().size());
    case Kind::kSet: return static_cast<int64_t>(v.set().size());
    case Kind::kUndefined:
      if (v.undefined_mode() == UndefinedMode::kStrict) return std::nullopt;
      return 0;
    case Kind::kObject: return v.object().Length();
    default: return std::nullopt;
  }
}

Result<ValueList> ToList(Session& session, const Value& v) {
  if (v.is_list() || v.is_tuple()) return v.list();
  TARN_ASSIGN_OR_RETURN(auto it, Iterate(session, v));
  ValueList out;
  for (;;) {
    TARN_ASSIGN_OR_RETURN(auto item, it->Next(session));
    if (!item) return out;
    out.push_back(std::move(*item));
    if (out.size() > 50'000'000) return MakeError("MemoryError", "an iterable has too many items");
  }
}

Value MakeGenerator(std::string type_name, NextFunction next) {
  return Value(Ref<Object>(new Generator(std::move(type_name), std::move(next))));
}

Value MakeGenerator(std::string type_name, ValueList items) {
  return MakeGenerator(std::move(type_name),
                       [items = std::move(items), i = size_t{0}](Session&) mutable -> Result<Item> {
                         if (i >= items.size()) return Item();
                         return Item(items[i++]);
                       });
}

Value MakeView(DictPart part, const Value& dict) {
  return Value(Ref<Object>(new View(part, dict)));
}

Value MakeRange(int64_t start, int64_t stop, int64_t step) {
  return Value(Ref<Object>(new Range(start, stop, step)));
}

bool AsRange(const Value& v, int64_t* start, int64_t* stop, int64_t* step) {
  auto* r = v.As<Range>();
  if (!r) return false;
  *start = r->start_;
  *stop = r->stop_;
  *step = r->step_;
  return true;
}

}  // namespace tarn::jinja
