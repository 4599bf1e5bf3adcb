#include <algorithm>
#include <cmath>

#include "jinja/builtins.h"
#include "jinja/error.h"
#include "jinja/html.h"
#include "jinja/iterate.h"
#include "jinja/json.h"
#include "jinja/methods.h"
#include "jinja/number.h"
#include "jinja/operations.h"
#include "jinja/session.h"
#include "jinja/text.h"

namespace tarn::jinja {
namespace {

using Filter = Result<Value> (*)(CallArgs&);

// str(x) of the filtered value.
Result<std::string> Subject(CallArgs& a) { return a.session.Text(a.positional[0]); }

Result<int64_t> IntegerArg(const Value& v, std::string_view what) {
  if (v.kind() == Kind::kInt || v.is_bool()) return v.as_int();
  if (v.kind() == Kind::kBigInt) return MakeError("OverflowError", "the number is too large");
  if (v.is_undefined()) return UndefinedError(v.undefined_message());
  return TypeError("'" + std::string(v.TypeName()) +
                   "' object cannot be interpreted as an integer (" + std::string(what) + ")");
}

template <std::string (*Change)(std::string_view)>
Result<Value> Changed(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("filter", {"s"}, 1));
  TARN_ASSIGN_OR_RETURN(std::string s, Subject(a));
  return Value(Change(s));
}

// Jinja2's own title: words begin after blanks, hyphens and opening brackets.
std::string TitleWords(std::string_view s) {
  std::string out;
  size_t begin = 0;
  auto flush = [&](size_t end) {
    std::string_view word = s.substr(begin, end - begin);
    if (word.empty()) return;
    size_t n = DecodeAt(word, 0).bytes;
    out += ToUpper(word.substr(0, n)) + ToLower(word.substr(n));
    begin = end;
  };
  for (size_t i = 0; i < s.size();) {
    CodePoint c = DecodeAt(s, i);
    bool separates = IsSpace(c.value) ||
                     (c.value < 128 && std::string_view("-({[<").find(static_cast<char>(c.value)) !=
                                           std::string_view::npos);
    if (separates) {
      flush(i);
      out.append(s.substr(i, c.bytes));
      begin = i + c.bytes;
    }
    i += c.bytes;
  }
  flush(s.size());
  return out;
}

Result<Value> Center(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_center", {"value", "width"}, 1));
  TARN_ASSIGN_OR_RETURN(std::string s, Subject(a));
  CallArgs inner(a.session);
  inner.positional = {a.Get(1, "width", Value(80))};
  return FindStringMethod("center")(Value(s), inner);
}

Result<Value> Indent(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_indent", {"s", "width", "first", "blank"}, 1));
  if (a.positional[0].is_undefined()) return UndefinedError(a.positional[0].undefined_message());
  if (a.positional[0].is_list()) {
    return MakeError("AttributeError", "'list' object has no attribute 'splitlines'");
  }
  if (!a.positional[0].is_string()) {
    return TypeError("unsupported operand type(s) for +=: '" +
                     std::string(a.positional[0].TypeName()) + "' and 'str'");
  }
  TARN_ASSIGN_OR_RETURN(std::string s, Subject(a));
  Value width = a.Get(1, "width", Value(4));
  std::string indent;
  if (width.is_string()) {
    indent = width.str();
  } else {
    TARN_ASSIGN_OR_RETURN(int64_t n, IntegerArg(width, "width"));
    TARN_ASSIGN_OR_RETURN(Value text, Repeat(Value(" "), n));
    indent = text.str();
  }
  bool first = a.Get(2, "first", Value(false)).Truthy();
  bool blank = a.Get(3, "blank", Value(false)).Truthy();
  s += '\n';  // so that a newline at the end stays
  std::string out;
  if (blank) {
    out = ReplaceAll(s, "\n", "\n" + indent);
    out.resize(out.size() - indent.size() - 1);
  } else {
    auto lines = SplitLines(s);
    for (size_t i = 0; i < lines.size(); ++i) {
      if (i) out += '\n';
      if (i && !lines[i].empty()) out += indent;
      out += lines[i];
    }
  }
  return Value(first ? indent + out : out);
}

Result<Value> Trim(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_trim", {"value", "chars"}, 1));
  TARN_ASSIGN_OR_RETURN(std::string s, Subject(a));
  CallArgs inner(a.session);
  inner.positional = {a.Get(1, "chars")};
  return FindStringMethod("strip")(Value(s), inner);
}

Result<Value> Replace(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_replace", {"s", "old", "new", "count"}, 3));
  TARN_ASSIGN_OR_RETURN(std::string s, Subject(a));
  TARN_ASSIGN_OR_RETURN(std::string from, a.session.Text(a.Get(1, "old")));
  TARN_ASSIGN_OR_RETURN(std::string to, a.session.Text(a.Get(2, "new")));
  Value count = a.Get(3, "count");
  int64_t n = -1;
  if (!count.is_none()) {
    TARN_ASSIGN_OR_RETURN(n, IntegerArg(count, "count"));
  }
  return Value(ReplaceAll(s, from, to, n));
}

Result<Value> Truncate(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_truncate", {"s", "length", "killwords", "end", "leeway"}, 1));
  if (!a.positional[0].is_string() && !a.positional[0].is_undefined()) {
    // len() of what is no text: as Python says it.
    if (!LengthOf(a.positional[0])) {
      return TypeError("object of type '" + std::string(a.positional[0].TypeName()) +
                       "' has no len()");
    }
  }
  TARN_ASSIGN_OR_RETURN(std::string s, Subject(a));
  TARN_ASSIGN_OR_RETURN(int64_t length, IntegerArg(a.Get(1, "length", Value(255)), "length"));
  bool kill = a.Get(2, "killwords", Value(false)).Truthy();
  std::string end = a.Get(3, "end", Value("...")).Str();
  Value leeway_value = a.Get(4, "leeway");
  int64_t leeway = 5;
  if (!leeway_value.is_none()) {
    TARN_ASSIGN_OR_RETURN(leeway, IntegerArg(leeway_value, "leeway"));
  }
  int64_t end_length = static_cast<int64_t>(CountCodePoints(end));
  if (length < end_length) {
    return MakeError("AssertionError", "expected length >= " + std::to_string(end_length) +
                                           ", got " + std::to_string(length));
  }
  if (leeway < 0)
    return MakeError("AssertionError", "expected leeway >= 0, got " + std::to_string(leeway));
  if (static_cast<int64_t>(CountCodePoints(s)) <= length + leeway) return Value(s);
  std::string cut = s.substr(0, ByteOffset(s, static_cast<size_t>(length - end_length)));
  if (kill) return Value(cut + end);
  size_t space = cut.rfind(' ');
  return Value((space == std::string::npos ? cut : cut.substr(0, space)) + end);
}

Result<Value> WordCount(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_wordcount", {"s"}, 1));
  TARN_ASSIGN_OR_RETURN(std::string s, Subject(a));
  int64_t words = 0;
  bool in_word = false;
  for (size_t i = 0; i < s.size();) {
    CodePoint c = DecodeAt(s, i);
    bool word = c.value == '_' || IsAlpha(c.value) || IsDigit(c.value);
    words += word && !in_word;
    in_word = word;
    i += c.bytes;
  }
  return Value(words);
}

std::string FixedPoint(double d, int digits) { return FormatDouble(d, 'f', digits); }

Result<Value> FileSize(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_filesizeformat", {"value", "binary"}, 1));
  const Value& v = a.positional[0];
  if (v.is_undefined()) return UndefinedError(v.undefined_message());
  double bytes = 0;
  if (v.is_number()) {
    TARN_ASSIGN_OR_RETURN(bytes, ToDouble(v));
  } else if (v.is_string()) {
    auto parsed = ParseFloat(v.str());
    if (!parsed) return ValueError("could not convert string to float: " + v.Repr());
    bytes = *parsed;
  } else {
    return TypeError("float() argument must be a string or a real number, not '" +
                     std::string(v.TypeName()) + "'");
  }
  bool binary = a.Get(1, "binary", Value(false)).Truthy();
  double base = binary ? 1024 : 1000;
  if (bytes == 1) return Value("1 Byte");
  if (bytes < base) return Value(IntegerText(*IntegerFromDouble(bytes)) + " Bytes");
  static constexpr const char* kBinary[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
  static constexpr const char* kDecimal[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
  double unit = base;
  for (int i = 0; i < 8; ++i) {
    unit *= base;
    if (bytes < unit || i == 7) {
      return Value(FixedPoint(base * bytes / unit, 1) + " " + (binary ? kBinary[i] : kDecimal[i]));
    }
  }
  return Value("");
}

Result<Value> Round(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_round", {"value", "precision", "method"}, 1));
  const Value& v = a.positional[0];
  std::string method = a.Get(2, "method", Value("common")).Str();
  if (method != "common" && method != "ceil" && method != "floor") {
    return MakeError("FilterArgumentError", "method must be common, ceil or floor");
  }
  if (v.is_undefined() && method != "common") return UndefinedError(v.undefined_message());
  if (!v.is_number()) {
    return TypeError("type " + std::string(v.TypeName()) + " doesn't define __round__ method");
  }
  TARN_ASSIGN_OR_RETURN(int64_t digits, IntegerArg(a.Get(1, "precision", Value(0)), "precision"));
  if (method == "common") {
    if (v.kind() == Kind::kFloat)
      return Value(RoundTo(v.as_float(), static_cast<int>(std::clamp<int64_t>(digits, -400, 400))));
    if (digits >= 0) return v.is_bool() ? Value(v.as_int()) : v;
    return RoundToTens(v, -digits);
  }
  TARN_ASSIGN_OR_RETURN(Value scale, Arithmetic(NumberOp::kPow, Value(10), Value(digits)));
  TARN_ASSIGN_OR_RETURN(Value scaled, Arithmetic(NumberOp::kMul, v, scale));
  if (scaled.kind() == Kind::kFloat) {
    double d = scaled.as_float();
    TARN_ASSIGN_OR_RETURN(scaled,
                          IntegerFromDouble(method == "ceil" ? std::ceil(d) : std::floor(d)));
  }
  return Arithmetic(NumberOp::kDiv, scaled, scale);
}

Result<Value> ToInt(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_int", {"value", "default", "base"}, 1));
  const Value& v = a.positional[0];
  Value fallback = a.Get(1, "default", Value(0));
  if (v.is_undefined()) return UndefinedError(v.undefined_message());
  if (v.is_integral()) return v.is_bool() ? Value(v.as_int()) : v;
  if (v.kind() == Kind::kFloat) {
    auto i = IntegerFromDouble(v.as_float());
    if (i.ok()) return i;
    return std::isinf(v.as_float()) ? i : Result<Value>(fallback);
  }
  if (!v.is_string()) return fallback;
  TARN_ASSIGN_OR_RETURN(int64_t base, IntegerArg(a.Get(2, "base", Value(10)), "base"));
  if (auto i = ParseInteger(v.str(), static_cast<int>(base))) return *i;
  if (auto d = ParseFloat(v.str())) {
    auto i = IntegerFromDouble(*d);
    if (i.ok()) return i;
    return std::isinf(*d) ? i : Result<Value>(fallback);
  }
  return fallback;
}

Result<Value> ToFloat(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_float", {"value", "default"}, 1));
  const Value& v = a.positional[0];
  Value fallback = a.Get(1, "default", Value(0.0));
  if (v.is_undefined()) return UndefinedError(v.undefined_message());
  if (v.is_number()) {
    TARN_ASSIGN_OR_RETURN(double d, ToDouble(v));
    return Value(d);
  }
  if (v.is_string()) {
    if (auto d = ParseFloat(v.str())) return Value(*d);
  }
  return fallback;
}

Result<Value> Absolute(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("abs", {"x"}, 1));
  const Value& v = a.positional[0];
  if (v.is_number()) return AbsoluteOf(v);
  return TypeError("bad operand type for abs(): '" + std::string(v.TypeName()) + "'");
}

Result<Value> String(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("soft_str", {"s"}, 1));
  TARN_ASSIGN_OR_RETURN(std::string s, Subject(a));
  return Value(std::move(s));
}

Result<Value> Format(CallArgs& a) {
  TARN_ASSIGN_OR_RETURN(std::string s, Subject(a));
  if (!a.named.empty() && a.positional.size() > 1) {
    return MakeError("FilterArgumentError",
                     "can't handle positional and keyword arguments at the same time");
  }
  if (!a.named.empty()) {
    auto dict = MakeRef<Dict>();
    for (const auto& [name, v] : a.named) dict->Set(name, v);
    return PercentFormat(a.session, s, Value(dict));
  }
  return PercentFormat(a.session, s, Value::Tuple({a.positional.begin() + 1, a.positional.end()}));
}

Result<Value> ToJson(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_tojson", {"value", "indent"}, 1));
  JsonOptions options;
  options.sort_keys = true;
  Value indent = a.Get(1, "indent");
  if (!indent.is_none()) {
    TARN_ASSIGN_OR_RETURN(int64_t n, IntegerArg(indent, "indent"));
    options.indent = static_cast<int>(std::clamp<int64_t>(n, 0, 100));
  }
  TARN_ASSIGN_OR_RETURN(std::string json, ToJsonText(a.positional[0], options));
  std::string out;
  for (char c : json) {
    switch (c) {
      case '<': out += "\\u003c"; break;
      case '>': out += "\\u003e"; break;
      case '&': out += "\\u0026"; break;
      case '\'': out += "\\u0027"; break;
      default: out += c;
    }
  }
  return Value(std::move(out));
}

Result<Value> Escape(CallArgs& a) {
  TARN_ASSIGN_OR_RETURN(std::string s, Subject(a));
  return Value(EscapeHtml(s));
}

Result<Value> StripTagsFilter(CallArgs& a) {
  TARN_ASSIGN_OR_RETURN(std::string s, Subject(a));
  return Value(StripTags(s));
}

Result<Value> UrlEncode(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_urlencode", {"value"}, 1));
  const Value& v = a.positional[0];
  if (v.is_string() || !IsIterable(v)) {
    TARN_ASSIGN_OR_RETURN(std::string s, Subject(a));
    return Value(QuoteUrl(s, "/"));
  }
  std::string out;
  auto add = [&](const Value& key, const Value& value) {
    out += (out.empty() ? "" : "&") + QuoteUrl(key.Str(), "") + "=" + QuoteUrl(value.Str(), "");
  };
  if (v.is_dict()) {
    for (const auto& e : v.dict().entries()) add(e.key, e.value);
    return Value(out);
  }
  TARN_ASSIGN_OR_RETURN(ValueList items, ToList(a.session, v));
  for (const Value& item : items) {
    TARN_ASSIGN_OR_RETURN(ValueList pair, ToList(a.session, item));
    if (pair.size() != 2) return ValueError("not enough values to unpack (expected 2)");
    add(pair[0], pair[1]);
  }
  return Value(out);
}

Result<Value> XmlAttr(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_xmlattr", {"d", "autospace"}, 1));
  const Value& v = a.positional[0];
  if (!v.is_dict())
    return TypeError("'" + std::string(v.TypeName()) + "' object has no attribute 'items'");
  std::string out;
  for (const auto& e : v.dict().entries()) {
    if (e.value.is_none() || e.value.is_undefined()) continue;
    std::string key = e.key.Str();
    if (key.find_first_of(" \t\n\r\f\v/>=") != std::string::npos) {
      return ValueError("Invalid character in attribute name: " + StringRepr(key));
    }
    out += (out.empty() ? "" : " ") + EscapeHtml(key) + "=\"" + EscapeHtml(e.value.Str()) + "\"";
  }
  bool space = a.Get(1, "autospace", Value(true)).Truthy();
  return Value(space && !out.empty() ? " " + out : out);
}

Result<Value> WordWrap(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check(
      "do_wordwrap", {"s", "width", "break_long_words", "wrapstring", "break_on_hyphens"}, 1));
  const Value& v = a.positional[0];
  if (v.is_undefined()) return UndefinedError(v.undefined_message());
  if (!v.is_string()) {
    return MakeError("AttributeError",
                     "'" + std::string(v.TypeName()) + "' object has no attribute 'splitlines'");
  }
  const std::string& s = v.str();
  TARN_ASSIGN_OR_RETURN(int64_t width, IntegerArg(a.Get(1, "width", Value(79)), "width"));
  bool break_long = a.Get(2, "break_long_words", Value(true)).Truthy();
  Value wrapstring = a.Get(3, "wrapstring");
  bool hyphens = a.Get(4, "break_on_hyphens", Value(true)).Truthy();
  std::string between = wrapstring.Truthy() ? wrapstring.Str() : "\n";
  if (width <= 0) return ValueError("invalid width " + std::to_string(width) + " (must be > 0)");
  std::string out;
  bool first = true;
  for (std::string_view line : SplitLines(s)) {
    std::string wrapped;
    for (const std::string& part :
         WrapText(line, static_cast<size_t>(width), break_long, hyphens)) {
      if (!wrapped.empty()) wrapped += between;
      wrapped += part;
    }
    if (!first) out += between;
    out += wrapped;
    first = false;
  }
  return Value(out);
}

Result<Value> UrlizeFilter(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check(
      "do_urlize", {"value", "trim_url_limit", "nofollow", "target", "rel", "extra_schemes"}, 1));
  TARN_ASSIGN_OR_RETURN(std::string s, Subject(a));
  UrlizeOptions options;
  Value limit = a.Get(1, "trim_url_limit");
  if (limit.kind() == Kind::kInt) options.limit = limit.as_int();
  options.nofollow = a.Get(2, "nofollow", Value(false)).Truthy();
  Value target = a.Get(3, "target"), rel = a.Get(4, "rel");
  if (target.Truthy()) options.target = target.Str();
  if (rel.Truthy()) options.rel = rel.Str();
  return Value(Urlize(s, options));
}

Result<Value> PrettyPrint(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("do_pprint", {"value"}, 1));
  return Value(PrettyText(a.positional[0]));
}

}  // namespace

void AddTextualFilters(Environment& env) {
  static constexpr struct {
    const char* name;
    Filter filter;
  } kFilters[] = {
      {"abs", Absolute},
      {"capitalize", Changed<ToCapitalized>},
      {"center", Center},
      {"e", Escape},
      {"escape", Escape},
      {"filesizeformat", FileSize},
      {"float", ToFloat},
      {"forceescape", Escape},
      {"format", Format},
      {"indent", Indent},
      {"int", ToInt},
      {"lower", Changed<ToLower>},
      {"pprint", PrettyPrint},
      {"replace", Replace},
      {"round", Round},
      {"safe", String},
      {"string", String},
      {"striptags", StripTagsFilter},
      {"title", Changed<TitleWords>},
      {"tojson", ToJson},
      {"trim", Trim},
      {"truncate", Truncate},
      {"upper", Changed<ToUpper>},
      {"urlencode", UrlEncode},
      {"urlize", UrlizeFilter},
      {"wordcount", WordCount},
      {"wordwrap", WordWrap},
      {"xmlattr", XmlAttr},
  };
  for (const auto& f : kFilters) env.SetFilter(f.name, f.filter);
}

}  // namespace tarn::jinja
