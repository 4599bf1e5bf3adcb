#include <algorithm>
#include <unordered_map>

#include "jinja/error.h"
#include "jinja/iterate.h"
#include "jinja/methods.h"
#include "jinja/session.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

using Args = CallArgs;

Result<std::string> TextArg(const Value& v) {
  if (v.is_string()) return v.str();
  if (v.is_undefined()) return UndefinedError(v.undefined_message());
  return TypeError("must be str, not " + std::string(v.TypeName()));
}

Result<int64_t> NumberArg(const Value& v) {
  if (v.kind() == Kind::kInt || v.is_bool()) return v.as_int();
  if (v.is_undefined()) return UndefinedError(v.undefined_message());
  return TypeError("'" + std::string(v.TypeName()) +
                   "' object cannot be interpreted as an integer");
}

template <std::string (*Change)(std::string_view)>
Result<Value> Changed(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("str method", {}));
  return Value(Change(self.str()));
}

// The part [start, end) of s, in bytes, by character positions as Python clips them.
struct Window {
  std::string_view part;
  size_t begin = 0;     // bytes before it
  bool beyond = false;  // start is behind the end of the text
};

Result<Window> WindowOf(std::string_view s, const Value& start, const Value& end) {
  int64_t length = static_cast<int64_t>(CountCodePoints(s)), from = 0, to = length;
  if (!start.is_none()) {
    TARN_ASSIGN_OR_RETURN(from, NumberArg(start));
  }
  if (!end.is_none()) {
    TARN_ASSIGN_OR_RETURN(to, NumberArg(end));
  }
  if (from < 0) from = std::max<int64_t>(0, from + length);
  if (to < 0) to = std::max<int64_t>(0, to + length);
  to = std::min(to, length);
  Window w;
  w.beyond = from > to || from > length;
  if (w.beyond) return w;
  w.begin = ByteOffset(s, static_cast<size_t>(from));
  w.part = s.substr(w.begin, ByteOffset(s, static_cast<size_t>(to)) - w.begin);
  return w;
}

enum class FindKind { kFind, kRFind, kIndex, kRIndex };

template <FindKind kKind>
Result<Value> Find(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("find", {"sub", "start", "end"}, 1));
  TARN_ASSIGN_OR_RETURN(std::string sub, TextArg(a.positional[0]));
  TARN_ASSIGN_OR_RETURN(Window w, WindowOf(self.str(), a.Get(1, "start"), a.Get(2, "end")));
  constexpr bool kRight = kKind == FindKind::kRFind || kKind == FindKind::kRIndex;
  size_t at = w.beyond ? std::string::npos : kRight ? w.part.rfind(sub) : w.part.find(sub);
  if (at != std::string::npos) {
    return Value(static_cast<int64_t>(CharacterIndex(self.str(), w.begin + at)));
  }
  if (kKind == FindKind::kIndex || kKind == FindKind::kRIndex)
    return ValueError("substring not found");
  return Value(-1);
}

Result<Value> Count(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("count", {"sub", "start", "end"}, 1));
  TARN_ASSIGN_OR_RETURN(std::string sub, TextArg(a.positional[0]));
  TARN_ASSIGN_OR_RETURN(Window w, WindowOf(self.str(), a.Get(1, "start"), a.Get(2, "end")));
  if (w.beyond) return Value(0);
  if (sub.empty()) return Value(static_cast<int64_t>(CountCodePoints(w.part)) + 1);
  int64_t n = 0;
  for (size_t at = w.part.find(sub); at != std::string::npos;
       at = w.part.find(sub, at + sub.size()))
    ++n;
  return Value(n);
}

template <bool kStart>
Result<Value> Affix(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check(kStart ? "startswith" : "endswith", {"prefix", "start", "end"}, 1));
  TARN_ASSIGN_OR_RETURN(Window w, WindowOf(self.str(), a.Get(1, "start"), a.Get(2, "end")));
  ValueList wanted =
      a.positional[0].is_tuple() ? a.positional[0].list() : ValueList{a.positional[0]};
  for (const Value& v : wanted) {
    if (!v.is_string()) {
      return TypeError(std::string(kStart ? "startswith" : "endswith") +
                       " first arg must be str or a tuple of str, not " +
                       std::string(v.TypeName()));
    }
    if (!w.beyond && (kStart ? w.part.starts_with(v.str()) : w.part.ends_with(v.str())))
      return Value(true);
  }
  return Value(false);
}

Result<Value> Join(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("join", {"iterable"}, 1));
  if (!IsIterable(a.positional[0])) return TypeError("can only join an iterable");
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(a.session, a.positional[0]));
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_string()) {
      return TypeError("sequence item " + std::to_string(i) + ": expected str instance, " +
                       std::string(items[i].TypeName()) + " found");
    }
    if (i) out += self.str();
    out += items[i].str();
  }
  return Value(std::move(out));
}

enum Side { kLeft = 1, kRight = 2, kBoth = 3 };

template <int kSide>
Result<Value> Strip(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("strip", {"chars"}));
  Value chars = a.Get(0, "chars");
  std::string_view s = self.str();
  if (chars.is_none()) {
    if (kSide & kLeft) s = StripSpaceLeft(s);
    if (kSide & kRight) s = StripSpaceRight(s);
    return Value(s);
  }
  if (!chars.is_string()) return TypeError("strip arg must be None or str");
  std::vector<std::string_view> set = Characters(chars.str()), all = Characters(s);
  auto in = [&](std::string_view c) { return std::find(set.begin(), set.end(), c) != set.end(); };
  size_t from = 0, to = all.size();
  while ((kSide & kLeft) && from < to && in(all[from])) s.remove_prefix(all[from++].size());
  while ((kSide & kRight) && from < to && in(all[to - 1])) s.remove_suffix(all[--to].size());
  return Value(s);
}

ValueList Values(const std::vector<std::string_view>& parts) {
  ValueList out;
  for (std::string_view p : parts) out.push_back(Value(p));
  return out;
}

std::vector<std::string_view> SplitWordsRight(std::string_view s, int64_t max) {
  std::vector<std::string_view> out;
  s = StripSpaceRight(s);
  while (!s.empty()) {
    if (max >= 0 && static_cast<int64_t>(out.size()) == max) {
      out.push_back(StripSpaceLeft(s));
      break;
    }
    size_t begin = 0;
    for (size_t i = 0; i < s.size();) {
      CodePoint c = DecodeAt(s, i);
      i += c.bytes;
      if (IsSpace(c.value)) begin = i;
    }
    out.push_back(s.substr(begin));
    s = StripSpaceRight(s.substr(0, begin));
  }
  std::reverse(out.begin(), out.end());
  return out;
}

template <bool kFromRight>
Result<Value> Split(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("split", {"sep", "maxsplit"}));
  TARN_ASSIGN_OR_RETURN(int64_t max, NumberArg(a.Get(1, "maxsplit", Value(-1))));
  Value separator = a.Get(0, "sep");
  std::string_view s = self.str();
  if (separator.is_none()) {
    return Value::List(Values(kFromRight ? SplitWordsRight(s, max) : SplitWords(s, max)));
  }
  TARN_ASSIGN_OR_RETURN(std::string sep, TextArg(separator));
  if (sep.empty()) return ValueError("empty separator");
  std::vector<std::string_view> out;
  while (max < 0 || static_cast<int64_t>(out.size()) < max) {
    size_t at = kFromRight ? s.rfind(sep) : s.find(sep);
    if (at == std::string_view::npos) break;
    out.push_back(kFromRight ? s.substr(at + sep.size()) : s.substr(0, at));
    s = kFromRight ? s.substr(0, at) : s.substr(at + sep.size());
  }
  out.push_back(s);
  if (kFromRight) std::reverse(out.begin(), out.end());
  return Value::List(Values(out));
}

Result<Value> SplitLinesOf(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("splitlines", {"keepends"}));
  return Value::List(Values(SplitLines(self.str(), a.Get(0, "keepends", Value(false)).Truthy())));
}

template <bool kFromRight>
Result<Value> Partition(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("partition", {"sep"}, 1));
  TARN_ASSIGN_OR_RETURN(std::string sep, TextArg(a.positional[0]));
  if (sep.empty()) return ValueError("empty separator");
  const std::string& s = self.str();
  size_t at = kFromRight ? s.rfind(sep) : s.find(sep);
  if (at == std::string::npos) {
    return Value::Tuple(kFromRight ? ValueList{"", "", self} : ValueList{self, "", ""});
  }
  return Value::Tuple({Value(s.substr(0, at)), Value(sep), Value(s.substr(at + sep.size()))});
}

Result<Value> Replace(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("replace", {"old", "new", "count"}, 2));
  TARN_ASSIGN_OR_RETURN(std::string from, TextArg(a.Get(0, "old")));
  TARN_ASSIGN_OR_RETURN(std::string to, TextArg(a.Get(1, "new")));
  TARN_ASSIGN_OR_RETURN(int64_t count, NumberArg(a.Get(2, "count", Value(-1))));
  uint64_t most = self.str().size() + 1;
  if (to.size() > from.size() && most * to.size() > (1u << 30)) {
    return MakeError("MemoryError", "the replaced text is too long");
  }
  return Value(ReplaceAll(self.str(), from, to, count));
}

enum class Pad { kLeft, kRight, kCenter };

template <Pad kPad>
Result<Value> Justify(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("just", {"width", "fillchar"}, 1));
  TARN_ASSIGN_OR_RETURN(int64_t width, NumberArg(a.positional[0]));
  TARN_ASSIGN_OR_RETURN(std::string fill, TextArg(a.Get(1, "fillchar", Value(" "))));
  if (CountCodePoints(fill) != 1)
    return TypeError("The fill character must be exactly one character long");
  int64_t length = static_cast<int64_t>(CountCodePoints(self.str()));
  if (width <= length) return self;
  if (width > (64 << 20)) return MakeError("MemoryError", "the width is too large");
  int64_t pad = width - length, left = 0;
  if (kPad == Pad::kLeft) left = pad;
  if (kPad == Pad::kCenter) left = pad / 2 + (pad & width & 1);
  std::string out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += self.str();
  for (int64_t i = left; i < pad; ++i) out += fill;
  return Value(std::move(out));
}

Result<Value> ZFill(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("zfill", {"width"}, 1));
  TARN_ASSIGN_OR_RETURN(int64_t width, NumberArg(a.positional[0]));
  const std::string& s = self.str();
  int64_t pad = width - static_cast<int64_t>(CountCodePoints(s));
  if (pad <= 0) return self;
  if (width > (64 << 20)) return MakeError("MemoryError", "the width is too large");
  bool sign = !s.empty() && (s[0] == '+' || s[0] == '-');
  return Value(s.substr(0, sign) + std::string(static_cast<size_t>(pad), '0') + s.substr(sign));
}

template <bool (*Is)(char32_t)>
Result<Value> All(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("str method", {}));
  const std::string& s = self.str();
  for (size_t i = 0; i < s.size();) {
    CodePoint c = DecodeAt(s, i);
    if (!Is(c.value)) return Value(false);
    i += c.bytes;
  }
  return Value(!s.empty());
}

bool IsAlnum(char32_t c) { return IsAlpha(c) || IsDigit(c); }
bool IsDecimal(char32_t c) { return IsDigit(c) && c != 0xB2 && c != 0xB3 && c != 0xB9; }

template <bool kUpper>
Result<Value> AllCase(const Value& self, Args&) {
  bool any = false;
  const std::string& s = self.str();
  for (size_t i = 0; i < s.size();) {
    CodePoint c = DecodeAt(s, i);
    if (kUpper ? IsLower(c.value) : IsUpper(c.value)) return Value(false);
    any = any || (kUpper ? IsUpper(c.value) : IsLower(c.value));
    i += c.bytes;
  }
  return Value(any);
}

Result<Value> IsTitle(const Value& self, Args&) {
  bool any = false, cased = false;
  const std::string& s = self.str();
  for (size_t i = 0; i < s.size();) {
    CodePoint c = DecodeAt(s, i);
    bool upper = IsUpper(c.value), lower = IsLower(c.value);
    if ((upper && cased) || (lower && !cased)) return Value(false);
    cased = upper || lower;
    any = any || cased;
    i += c.bytes;
  }
  return Value(any);
}

Result<Value> IsIdentifierText(const Value& self, Args&) {
  const std::string& s = self.str();
  for (size_t i = 0; i < s.size();) {
    CodePoint c = DecodeAt(s, i);
    if (!IsIdentifier(c.value, i == 0)) return Value(false);
    i += c.bytes;
  }
  return Value(!s.empty());
}

Result<Value> IsAsciiText(const Value& self, Args&) { return Value(IsAscii(self.str())); }

Result<Value> IsPrintableText(const Value& self, Args& a) {
  return self.str().empty() ? Result<Value>(Value(true)) : All<IsPrintable>(self, a);
}

template <bool kPrefix>
Result<Value> RemoveAffix(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("removeprefix", {"prefix"}, 1));
  TARN_ASSIGN_OR_RETURN(std::string affix, TextArg(a.positional[0]));
  std::string_view s = self.str();
  if (kPrefix && s.starts_with(affix)) s.remove_prefix(affix.size());
  if (!kPrefix && s.ends_with(affix)) s.remove_suffix(affix.size());
  return Value(s);
}

Result<Value> ExpandTabs(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("expandtabs", {"tabsize"}));
  TARN_ASSIGN_OR_RETURN(int64_t size, NumberArg(a.Get(0, "tabsize", Value(8))));
  if (size > 10'000) return MakeError("OverflowError", "the tab size is too large");
  std::string out;
  int64_t column = 0;
  for (std::string_view c : Characters(self.str())) {
    if (c == "\t") {
      if (size <= 0) continue;
      int64_t n = size - column % size;
      out.append(static_cast<size_t>(n), ' ');
      column += n;
      continue;
    }
    out += c;
    column = c == "\n" || c == "\r" ? 0 : column + 1;
  }
  return Value(std::move(out));
}

Result<Value> Translate(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("translate", {"table"}, 1));
  if (!a.positional[0].is_dict()) return TypeError("translate() takes a dict of code points");
  std::string out;
  const std::string& s = self.str();
  for (size_t i = 0; i < s.size();) {
    CodePoint c = DecodeAt(s, i);
    TARN_ASSIGN_OR_RETURN(const Value* to,
                          a.positional[0].dict().Find(Value(static_cast<int64_t>(c.value))));
    if (!to) {
      out.append(s, i, c.bytes);
    } else if (to->is_string()) {
      out += to->str();
    } else if (to->kind() == Kind::kInt) {
      AppendUtf8(out, static_cast<char32_t>(to->as_int()));
    }
    i += c.bytes;
  }
  return Value(std::move(out));
}

Result<Value> Format(const Value& self, Args& a) { return BraceFormat(self.str(), a); }

Result<Value> FormatMap(const Value& self, Args& a) {
  TARN_RETURN_IF_ERROR(a.Check("format_map", {"mapping"}, 1));
  if (!a.positional[0].is_dict()) return TypeError("format_map() takes a dict");
  CallArgs inner(a.session);
  for (const auto& e : a.positional[0].dict().entries()) {
    if (e.key.is_string()) inner.named.emplace_back(e.key.str(), e.value);
  }
  return BraceFormat(self.str(), inner);
}

}  // namespace

Method FindStringMethod(std::string_view name) {
  static const std::unordered_map<std::string_view, Method> kMethods = {
      {"capitalize", Changed<ToCapitalized>},
      {"casefold", Changed<ToLower>},
      {"center", Justify<Pad::kCenter>},
      {"count", Count},
      {"endswith", Affix<false>},
      {"expandtabs", ExpandTabs},
      {"find", Find<FindKind::kFind>},
      {"format", Format},
      {"format_map", FormatMap},
      {"index", Find<FindKind::kIndex>},
      {"isalnum", All<IsAlnum>},
      {"isalpha", All<IsAlpha>},
      {"isascii", IsAsciiText},
      {"isdecimal", All<IsDecimal>},
      {"isdigit", All<IsDigit>},
      {"isidentifier", IsIdentifierText},
      {"islower", AllCase<false>},
      {"isnumeric", All<IsDigit>},
      {"isprintable", IsPrintableText},
      {"isspace", All<IsSpace>},
      {"istitle", IsTitle},
      {"isupper", AllCase<true>},
      {"join", Join},
      {"ljust", Justify<Pad::kRight>},
      {"lower", Changed<ToLower>},
      {"lstrip", Strip<kLeft>},
      {"partition", Partition<false>},
      {"removeprefix", RemoveAffix<true>},
      {"removesuffix", RemoveAffix<false>},
      {"replace", Replace},
      {"rfind", Find<FindKind::kRFind>},
      {"rindex", Find<FindKind::kRIndex>},
      {"rjust", Justify<Pad::kLeft>},
      {"rpartition", Partition<true>},
      {"rsplit", Split<true>},
      {"rstrip", Strip<kRight>},
      {"split", Split<false>},
      {"splitlines", SplitLinesOf},
      {"startswith", Affix<true>},
      {"strip", Strip<kBoth>},
      {"swapcase", Changed<SwapCase>},
      {"title", Changed<ToTitle>},
      {"translate", Translate},
      {"upper", Changed<ToUpper>},
      {"zfill", ZFill},
  };
  auto at = kMethods.find(name);
  return at == kMethods.end() ? nullptr : at->second;
}

}  // namespace tarn::jinja
