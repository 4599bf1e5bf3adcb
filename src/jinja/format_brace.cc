// '...'.format(arguments).
#include <algorithm>

#include "jinja/error.h"
#include "jinja/format_spec.h"
#include "jinja/iterate.h"
#include "jinja/methods.h"
#include "jinja/number.h"
#include "jinja/operations.h"
#include "jinja/session.h"
#include "jinja/text.h"

namespace tarn::jinja {

namespace {

class Brace {
 public:
  explicit Brace(CallArgs& args) : args_(args) {}
  Result<std::string> Run(std::string_view s, int depth);

 private:
  Result<Value> Field(std::string_view name);
  Result<Value> Base(std::string_view first);
  CallArgs& args_;
  int64_t next_ = 0;
  bool automatic_ = false;
  bool manual_ = false;
};

Result<Value> Brace::Base(std::string_view first) {
  bool digits = std::all_of(first.begin(), first.end(), AsciiDigit);
  int64_t index = 0;
  if (first.empty()) {
    if (manual_)
      return ValueError(
          "cannot switch from manual field specification to automatic field numbering");
    automatic_ = true;
    index = next_++;
  } else if (digits) {
    if (automatic_)
      return ValueError(
          "cannot switch from automatic field numbering to manual field specification");
    manual_ = true;
    size_t i = 0;
    index = ReadFormatNumber(first, &i);
  } else {
    for (const auto& [name, v] : args_.named) {
      if (name == first) return v;
    }
    return MakeError("KeyError", StringRepr(first));
  }
  if (index >= static_cast<int64_t>(args_.positional.size())) {
    return MakeError("IndexError", "Replacement index " + std::to_string(index) +
                                       " out of range for positional args tuple");
  }
  return args_.positional[static_cast<size_t>(index)];
}

Result<Value> Brace::Field(std::string_view name) {
  size_t end = name.find_first_of(".[");
  TARN_ASSIGN_OR_RETURN(Value v, Base(name.substr(0, end)));
  while (end != std::string_view::npos && end < name.size()) {
    if (name[end] == '.') {
      size_t stop = name.find_first_of(".[", end + 1);
      std::string_view attr =
          name.substr(end + 1, stop == std::string_view::npos ? stop : stop - end - 1);
      if (attr.empty()) return ValueError("Empty attribute in format string");
      TARN_ASSIGN_OR_RETURN(v, Attribute(args_.session, v, attr));
      end = stop;
      continue;
    }
    size_t close = name.find(']', end);
    if (close == std::string_view::npos) return ValueError("Missing ']' in format string");
    std::string_view key = name.substr(end + 1, close - end - 1);
    if (key.empty()) return ValueError("Empty attribute in format string");
    bool digits = std::all_of(key.begin(), key.end(), AsciiDigit);
    Value index = digits ? ParseInteger(key).value_or(Value(key)) : Value(key);
    TARN_ASSIGN_OR_RETURN(v, Subscript(args_.session, v, index));
    end = close + 1;
    if (end < name.size() && name[end] != '.' && name[end] != '[') {
      return ValueError("Only '.' or '[' may follow ']' in format field specifier");
    }
  }
  return v;
}

Result<std::string> Brace::Run(std::string_view s, int depth) {
  if (depth > 1) return ValueError("Max string recursion exceeded");
  std::string out;
  for (size_t i = 0; i < s.size();) {
    char c = s[i];
    if (c == '}' || c == '{') {
      if (i + 1 < s.size() && s[i + 1] == c) {
        out += c;
        i += 2;
        continue;
      }
      if (c == '}') return ValueError("Single '}' encountered in format string");
    } else {
      out += c;
      ++i;
      continue;
    }
    size_t begin = ++i, nested = 1;
    bool in_key = false;
    for (; i < s.size(); ++i) {
      if (s[i] == '[') in_key = true;
      if (s[i] == ']') in_key = false;
      if (in_key) continue;
      if (s[i] == '{') ++nested;
      if (s[i] == '}' && --nested == 0) break;
    }
    if (begin >= s.size()) return ValueError("Single '{' encountered in format string");
    if (i >= s.size()) return ValueError("expected '}' before end of string");
    std::string_view field = s.substr(begin, i - begin);
    ++i;
    size_t stop = 0;
    for (bool key = false; stop < field.size(); ++stop) {
      if (field[stop] == '[') key = true;
      if (field[stop] == ']') key = false;
      if (!key && (field[stop] == ':' || field[stop] == '!')) break;
    }
    TARN_ASSIGN_OR_RETURN(Value v, Field(field.substr(0, stop)));
    std::string_view rest = field.substr(stop);
    if (rest.starts_with('!')) {
      if (rest.size() < 2)
        return ValueError("end of string while looking for conversion specifier");
      char conversion = rest[1];
      if (conversion != 's' && conversion != 'r' && conversion != 'a') {
        return ValueError(std::string("Unknown conversion specifier ") + conversion);
      }
      v = Value(conversion == 's' ? v.Str() : v.Repr());
      rest.remove_prefix(2);
      if (!rest.empty() && rest[0] != ':')
        return ValueError("expected ':' after conversion specifier");
    }
    if (rest.starts_with(':')) rest.remove_prefix(1);
    TARN_ASSIGN_OR_RETURN(std::string spec, Run(rest, depth + 1));
    TARN_ASSIGN_OR_RETURN(std::string text, FormatWithSpec(v, spec));
    out += text;
    if (out.size() > (256u << 20))
      return MakeError("MemoryError", "the formatted text is too long");
  }
  return out;
}

}  // namespace

Result<Value> BraceFormat(const std::string& format, CallArgs& args) {
  TARN_ASSIGN_OR_RETURN(std::string text, Brace(args).Run(format, 0));
  return Value(std::move(text));
}

}  // namespace tarn::jinja
