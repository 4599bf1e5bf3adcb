// modules.re: Python's regular expressions, on PCRE2.
//
// Patterns are translated where the two differ ({,n}, \Z, \uXXXX, inline names are the same).
// Matching is bounded in steps, so that no pattern runs for ever.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <memory>

#include "jinja/error.h"
#include "jinja/iterate.h"
#include "jinja/module_object.h"
#include "jinja/modules.h"
#include "jinja/session.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

using Item = std::optional<Value>;
constexpr int64_t kIgnoreCase = 2, kMultiLine = 8, kDotAll = 16, kVerbose = 64, kAsciiOnly = 256;
constexpr uint32_t kMatchLimit = 5'000'000;

std::string Translate(std::string_view p) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < p.size(); ++i) {
    char c = p[i];
    if (c == '\\' && i + 1 < p.size()) {
      char e = p[++i];
      if (e == 'Z') {
        out += "\\z";
      } else if ((e == 'u' || e == 'U') && i + (e == 'u' ? 4 : 8) < p.size() + 1) {
        size_t digits = e == 'u' ? 4 : 8;
        out += "\\x{" + std::string(p.substr(i + 1, digits)) + "}";
        i += digits;
      } else {
        out += '\\';
        out += e;
      }
      continue;
    }
    if (c == '[' && !in_class) {
      in_class = true;
      out += c;
      if (i + 1 < p.size() && p[i + 1] == '^') out += p[++i];
      if (i + 1 < p.size() && p[i + 1] == ']') out += "\\" + std::string(1, p[++i]);
      continue;
    }
    if (in_class) {
      if (c == '[') out += '\\';  // no classes within classes in Python
      if (c == ']') in_class = false;
      out += c;
      continue;
    }
    out += c == '{' && p.substr(i).starts_with("{,") &&
                   p.substr(i + 2, 1).find_first_of("0123456789") == 0
               ? "{0"
               : std::string(1, c);
  }
  return out;
}

struct Code {
  ~Code() { pcre2_code_free(code); }
  pcre2_code* code = nullptr;
  std::string pattern;
  int64_t flags = 0;
  uint32_t groups = 0;
  std::vector<std::pair<std::string, uint32_t>> names;
};
using SharedCode = std::shared_ptr<Code>;

Status PatternError(std::string_view message) { return MakeError("error", message); }

Result<SharedCode> Compile(const std::string& pattern, int64_t flags) {
  auto code = std::make_shared<Code>();
  code->pattern = pattern;
  code->flags = flags;
  uint32_t options = PCRE2_UTF;
  if (!(flags & kAsciiOnly)) options |= PCRE2_UCP;
  if (flags & kIgnoreCase) options |= PCRE2_CASELESS;
  if (flags & kMultiLine) options |= PCRE2_MULTILINE;
  if (flags & kDotAll) options |= PCRE2_DOTALL;
  if (flags & kVerbose) options |= PCRE2_EXTENDED;
  std::string translated = Translate(pattern);
  int problem = 0;
  size_t at = 0;
  code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                             options, &problem, &at, nullptr);
  if (!code->code) {
    unsigned char text[200];
    pcre2_get_error_message(problem, text, sizeof text);
    return PatternError(std::string(reinterpret_cast<char*>(text)) + " at position " +
                        std::to_string(at) + " in the pattern " + StringRepr(pattern));
  }
  pcre2_pattern_info(code->code, PCRE2_INFO_CAPTURECOUNT, &code->groups);
  uint32_t count = 0, size = 0;
  PCRE2_SPTR table = nullptr;
  pcre2_pattern_info(code->code, PCRE2_INFO_NAMECOUNT, &count);
  pcre2_pattern_info(code->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
  pcre2_pattern_info(code->code, PCRE2_INFO_NAMETABLE, &table);
  for (uint32_t i = 0; i < count; ++i, table += size) {
    code->names.emplace_back(reinterpret_cast<const char*>(table + 2),
                             static_cast<uint32_t>(table[0] << 8 | table[1]));
  }
  return code;
}

// One match: the bytes of each group, npos where it took no part.
struct Spans {
  std::vector<std::pair<size_t, size_t>> groups;
};

enum class Anchor { kSearch, kMatch, kFull };

Result<std::optional<Spans>> Execute(const Code& code, const std::string& text, size_t from,
                                     Anchor anchor, bool not_empty = false) {
  std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data(
      pcre2_match_data_create_from_pattern(code.code, nullptr), pcre2_match_data_free);
  std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)> context(
      pcre2_match_context_create(nullptr), pcre2_match_context_free);
  pcre2_set_match_limit(context.get(), kMatchLimit);
  pcre2_set_heap_limit(context.get(), 64 * 1024);
  uint32_t options = anchor == Anchor::kMatch ? PCRE2_ANCHORED : 0;
  if (anchor == Anchor::kFull) options = PCRE2_ANCHORED | PCRE2_ENDANCHORED;
  if (not_empty) options |= PCRE2_NOTEMPTY_ATSTART;
  int n = pcre2_match(code.code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                      options, data.get(), context.get());
  if (n == PCRE2_ERROR_NOMATCH) return std::optional<Spans>();
  if (n < 0) {
    unsigned char message[200];
    pcre2_get_error_message(n, message, sizeof message);
    return PatternError("matching " + StringRepr(code.pattern) +
                        " failed: " + reinterpret_cast<char*>(message));
  }
  Spans spans;
  size_t* offsets = pcre2_get_ovector_pointer(data.get());
  for (uint32_t i = 0; i <= code.groups; ++i) {
    bool set = static_cast<int>(i) < n && offsets[2 * i] != PCRE2_UNSET;
    spans.groups.emplace_back(set ? offsets[2 * i] : std::string::npos,
                              set ? offsets[2 * i + 1] : std::string::npos);
  }
  return std::optional<Spans>(std::move(spans));
}

class MatchObject : public Object {
 public:
  MatchObject(SharedCode code, Value text, Spans spans)
      : code_(std::move(code)), text_(std::move(text)), spans_(std::move(spans)) {}
  std::string_view TypeName() const override { return "re.Match"; }
  Result<Item> GetAttr(Session& session, std::string_view name) override;
  Result<Item> GetItem(Session&, const Value& key) override {
    TARN_ASSIGN_OR_RETURN(Value v, Group(key));
    return Item(v);
  }
  std::string Repr() const override {
    auto [from, to] = spans_.groups[0];
    return "<re.Match object; span=(" + std::to_string(CharacterIndex(text_.str(), from)) + ", " +
           std::to_string(CharacterIndex(text_.str(), to)) +
           "), match=" + At(0, Value::None()).Repr() + ">";
  }
  Value At(size_t i, const Value& fallback) const {
    auto [from, to] = spans_.groups[i];
    return from == std::string::npos ? fallback : Value(text_.str().substr(from, to - from));
  }
  Result<size_t> Index(const Value& key) const {
    if (key.is_string()) {
      for (const auto& [name, i] : code_->names) {
        if (name == key.str()) return static_cast<size_t>(i);
      }
    } else if (key.kind() == Kind::kInt && key.as_int() >= 0 && key.as_int() <= code_->groups) {
      return static_cast<size_t>(key.as_int());
    }
    return MakeError("IndexError", "no such group");
  }
  Result<Value> Group(const Value& key) const {
    TARN_ASSIGN_OR_RETURN(size_t i, Index(key));
    return At(i, Value::None());
  }
  // \1, \g<name> and escapes of a replacement.
  Result<std::string> Expand(const std::string& replacement) const;

 private:
  SharedCode code_;
  Value text_;
  Spans spans_;
};

Result<std::string> MatchObject::Expand(const std::string& r) const {
  std::string out;
  for (size_t i = 0; i < r.size(); ++i) {
    if (r[i] != '\\' || i + 1 >= r.size()) {
      out += r[i];
      continue;
    }
    char c = r[++i];
    Value key;
    if (c == 'g' && i + 1 < r.size() && r[i + 1] == '<') {
      size_t close = r.find('>', i);
      if (close == std::string::npos) return PatternError("missing >, unterminated name");
      std::string name = r.substr(i + 2, close - i - 2);
      bool digits = !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
      key = digits && name.size() < 9 ? Value(std::stoll(name)) : Value(name);
      i = close;
    } else if (AsciiDigit(c) && c != '0') {
      int64_t n = c - '0';
      if (i + 1 < r.size() && AsciiDigit(r[i + 1])) n = n * 10 + (r[++i] - '0');
      key = Value(n);
    } else {
      static constexpr std::string_view kFrom = "nrtabfv\\", kTo = "\n\r\t\a\b\f\v\\";
      if (size_t k = kFrom.find(c); k != std::string_view::npos) {
        out += kTo[k];
      } else if ((AsciiLower(c) >= 'a' && AsciiLower(c) <= 'z')) {
        return PatternError(std::string("bad escape \\") + c + " at position " +
                            std::to_string(i - 1));
      } else {
        out += '\\';
        out += c;
      }
      continue;
    }
    auto index = Index(key);
    if (!index.ok()) return PatternError("invalid group reference " + key.Str());
    out += At(*index, Value("")).str();
  }
  return out;
}

Result<Item> MatchObject::GetAttr(Session&, std::string_view name) {
  Ref<MatchObject> self(this);
  auto method = [&](HostFunction f) { return Item(MakeFunction(std::string(name), std::move(f))); };
  if (name == "string") return Item(text_);
  if (name == "group") {
    return method([self](CallArgs& a) -> Result<Value> {
      if (a.positional.empty()) return self->At(0, Value::None());
      if (a.positional.size() == 1) return self->Group(a.positional[0]);
      ValueList out;
      for (const Value& key : a.positional) {
        TARN_ASSIGN_OR_RETURN(Value v, self->Group(key));
        out.push_back(std::move(v));
      }
      return Value::Tuple(std::move(out));
    });
  }
  if (name == "groups") {
    return method([self](CallArgs& a) -> Result<Value> {
      ValueList out;
      for (size_t i = 1; i <= self->code_->groups; ++i)
        out.push_back(self->At(i, a.Get(0, "default")));
      return Value::Tuple(std::move(out));
    });
  }
  if (name == "groupdict") {
    return method([self](CallArgs& a) -> Result<Value> {
      auto dict = MakeRef<Dict>();
      for (uint32_t i = 1; i <= self->code_->groups; ++i) {
        for (const auto& [key, index] : self->code_->names) {
          if (index == i) dict->Set(key, self->At(i, a.Get(0, "default")));
        }
      }
      return Value(dict);
    });
  }
  if (name == "start" || name == "end" || name == "span") {
    std::string which(name);
    return method([self, which](CallArgs& a) -> Result<Value> {
      TARN_ASSIGN_OR_RETURN(size_t i, self->Index(a.Get(0, "group", Value(0))));
      auto [from, to] = self->spans_.groups[i];
      auto at = [&](size_t b) {
        return Value(b == std::string::npos
                         ? int64_t{-1}
                         : static_cast<int64_t>(CharacterIndex(self->text_.str(), b)));
      };
      if (which == "start") return at(from);
      return which == "end" ? at(to) : Value::Tuple({at(from), at(to)});
    });
  }
  return Item();
}

Value MatchValue(const SharedCode& code, const Value& text, Spans spans) {
  return Value(Ref<Object>(new MatchObject(code, text, std::move(spans))));
}

// All matches that do not overlap, in order.
Result<std::vector<Spans>> AllMatches(const Code& code, const std::string& text) {
  std::vector<Spans> out;
  size_t at = 0;
  bool not_empty = false;
  while (at <= text.size()) {
    TARN_ASSIGN_OR_RETURN(auto spans, Execute(code, text, at, Anchor::kSearch, not_empty));
    if (!spans) break;
    auto [from, to] = spans->groups[0];
    out.push_back(*spans);
    not_empty = from == to;
    at = to;
    if (out.size() > 5'000'000) return MakeError("MemoryError", "too many matches");
  }
  return out;
}

Result<Value> Substitute(Session& session, const SharedCode& code, const Value& replacement,
                         const Value& text, int64_t count, int64_t* done) {
  TARN_ASSIGN_OR_RETURN(auto matches, AllMatches(*code, text.str()));
  std::string out;
  size_t at = 0;
  *done = 0;
  for (const Spans& spans : matches) {
    if (count > 0 && *done >= count) break;
    auto [from, to] = spans.groups[0];
    out += text.str().substr(at, from - at);
    Value match = MatchValue(code, text, spans);
    if (replacement.is_string()) {
      TARN_ASSIGN_OR_RETURN(std::string expanded,
                            match.As<MatchObject>()->Expand(replacement.str()));
      out += expanded;
    } else {
      TARN_ASSIGN_OR_RETURN(Value v, session.Call(replacement, {match}));
      out += v.Str();
    }
    at = to;
    ++*done;
  }
  return Value(out + text.str().substr(at));
}

Result<Value> FindAll(const SharedCode& code, const Value& text) {
  TARN_ASSIGN_OR_RETURN(auto matches, AllMatches(*code, text.str()));
  ValueList out;
  for (Spans& spans : matches) {
    MatchObject match(code, text, spans);
    if (code->groups <= 1) {
      out.push_back(match.At(code->groups, Value("")));
      continue;
    }
    ValueList groups;
    for (size_t i = 1; i <= code->groups; ++i) groups.push_back(match.At(i, Value("")));
    out.push_back(Value::Tuple(std::move(groups)));
  }
  return Value::List(std::move(out));
}

Result<Value> Split(const SharedCode& code, const Value& text, int64_t max) {
  TARN_ASSIGN_OR_RETURN(auto matches, AllMatches(*code, text.str()));
  ValueList out;
  size_t at = 0;
  int64_t n = 0;
  for (Spans& spans : matches) {
    if (max > 0 && n++ >= max) break;
    auto [from, to] = spans.groups[0];
    out.push_back(Value(text.str().substr(at, from - at)));
    MatchObject match(code, text, spans);
    for (size_t i = 1; i <= code->groups; ++i) out.push_back(match.At(i, Value::None()));
    at = to;
  }
  out.push_back(Value(text.str().substr(at)));
  return Value::List(std::move(out));
}

// What can be done with a pattern; the arguments follow it.
Result<Value> Apply(std::string_view name, const SharedCode& code, CallArgs& a, size_t first) {
  const bool substitutes = name == "sub" || name == "subn";
  Value text = a.Get(first + (substitutes ? 1 : 0), "string", Value());
  if (!text.is_string()) {
    if (text.is_undefined() && !text.undefined_name().empty())
      return UndefinedError(text.undefined_message());
    return TypeError("expected string or bytes-like object, got '" + std::string(text.TypeName()) +
                     "'");
  }
  auto number = [&](size_t i, std::string_view arg) {
    Value v = a.Get(i, arg, Value(0));
    return v.kind() == Kind::kInt || v.is_bool() ? v.as_int() : int64_t{0};
  };
  if (substitutes) {
    int64_t done = 0;
    TARN_ASSIGN_OR_RETURN(Value v, Substitute(a.session, code, a.Get(first, "repl"), text,
                                              number(first + 2, "count"), &done));
    return name == "sub" ? v : Value::Tuple({v, Value(done)});
  }
  if (name == "findall") return FindAll(code, text);
  if (name == "split") return Split(code, text, number(first + 1, "maxsplit"));
  if (name == "finditer") {
    TARN_ASSIGN_OR_RETURN(auto matches, AllMatches(*code, text.str()));
    ValueList out;
    for (Spans& spans : matches) out.push_back(MatchValue(code, text, std::move(spans)));
    return MakeGenerator("callable_iterator", std::move(out));
  }
  Anchor anchor = name == "search"  ? Anchor::kSearch
                  : name == "match" ? Anchor::kMatch
                                    : Anchor::kFull;
  TARN_ASSIGN_OR_RETURN(auto spans, Execute(*code, text.str(), 0, anchor));
  return spans ? MatchValue(code, text, std::move(*spans)) : Value::None();
}

constexpr std::string_view kFunctions[] = {"search", "match",   "fullmatch", "sub",
                                           "subn",   "findall", "finditer",  "split"};

class PatternObject : public Object {
 public:
  explicit PatternObject(SharedCode code) : code_(std::move(code)) {}
  std::string_view TypeName() const override { return "re.Pattern"; }
  Result<Item> GetAttr(Session&, std::string_view name) override {
    if (name == "pattern") return Item(Value(code_->pattern));
    if (name == "groups") return Item(Value(static_cast<int64_t>(code_->groups)));
    for (std::string_view f : kFunctions) {
      if (f != name) continue;
      return Item(MakeFunction(std::string(f),
                               [code = code_, f](CallArgs& a) { return Apply(f, code, a, 0); }));
    }
    return Item();
  }
  std::string Repr() const override { return "re.compile(" + StringRepr(code_->pattern) + ")"; }
  const SharedCode& code() const { return code_; }

 private:
  SharedCode code_;
};

Result<SharedCode> PatternArg(CallArgs& a, size_t flags_at) {
  Value pattern = a.Get(0, "pattern", Value());
  if (auto* compiled = pattern.As<PatternObject>()) return compiled->code();
  if (!pattern.is_string()) return TypeError("first argument must be string or compiled pattern");
  Value flags = a.Get(flags_at, "flags", Value(0));
  return Compile(pattern.str(), flags.kind() == Kind::kInt ? flags.as_int() : 0);
}

Result<Value> Escape(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("escape", {"pattern"}, 1));
  std::string out;
  for (char c : a.Get(0, "pattern").Str()) {
    static constexpr std::string_view kSpecial = "()[]{}?*+-|^$\\.&~# \t\n\r\v\f";
    if (kSpecial.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return Value(out);
}

}  // namespace

Value MakeReModule() {
  auto re = MakeRef<ModuleNamespace>("re");
  for (std::string_view f : kFunctions) {
    size_t flags_at = f == "sub" || f == "subn" ? 4 : f == "split" ? 3 : 2;
    re->AddFunction(std::string(f), [f, flags_at](CallArgs& a) -> Result<Value> {
      TARN_ASSIGN_OR_RETURN(SharedCode code, PatternArg(a, flags_at));
      return Apply(f, code, a, 1);
    });
  }
  re->AddFunction("compile", [](CallArgs& a) -> Result<Value> {
    TARN_ASSIGN_OR_RETURN(SharedCode code, PatternArg(a, 1));
    return Value(Ref<Object>(new PatternObject(code)));
  });
  re->AddFunction("escape", Escape);
  static constexpr struct {
    const char* name;
    int64_t value;
  } kFlags[] = {
      {"I", kIgnoreCase}, {"IGNORECASE", kIgnoreCase}, {"M", kMultiLine}, {"MULTILINE", kMultiLine},
      {"S", kDotAll},     {"DOTALL", kDotAll},         {"X", kVerbose},   {"VERBOSE", kVerbose},
      {"A", kAsciiOnly},  {"ASCII", kAsciiOnly}};
  for (const auto& f : kFlags) re->Add(f.name, Value(f.value));
  return Value(re);
}

}  // namespace tarn::jinja
