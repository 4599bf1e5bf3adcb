// regexp_*, split, LIKE and RLIKE.
#include "dialect/function_regex.h"

#include <unordered_map>

#include "dialect/function_families.h"
#include "dialect/function_types.h"
#include "dialect/function_utf8.h"
#include "re2/re2.h"

namespace duckdb_re2 {
// Exported by DuckDB, declared in no header.
bool RegexSearchInternal(const char* input_data, size_t input_size, Match& match, const RE2& regex,
                         RE2::Anchor anchor, size_t start, size_t end);
}  // namespace duckdb_re2

namespace tarn::dialect {

using namespace duckdb;

namespace {

const LogicalType kText = LogicalType::VARCHAR;
const LogicalType kInt = LogicalType::INTEGER;

}  // namespace

std::string ToRe2(std::string_view java) {
  static constexpr std::pair<std::string_view, std::string_view> kClasses[] = {
      {"\\p{Alpha}", "[[:alpha:]]"}, {"\\p{Digit}", "[[:digit:]]"},  {"\\p{Alnum}", "[[:alnum:]]"},
      {"\\p{Upper}", "[[:upper:]]"}, {"\\p{Lower}", "[[:lower:]]"},  {"\\p{Punct}", "[[:punct:]]"},
      {"\\p{Space}", "[[:space:]]"}, {"\\p{ASCII}", "[[:ascii:]]"},  {"\\p{IsAlphabetic}", "\\pL"},
      {"\\h", "[ \\t\\x{A0}]"},      {"\\R", "(?:\\r\\n|[\\n\\r])"}, {"\\Z", "\\n?\\z"}};
  std::string result;
  for (size_t at = 0; at < java.size();) {
    bool replaced = false;
    if (java[at] == '\\') {
      for (auto& [from, to] : kClasses) {
        if (java.substr(at, from.size()) == from) {
          result += to;
          at += from.size();
          replaced = true;
          break;
        }
      }
      if (replaced) continue;
      if (at + 5 < java.size() && java[at + 1] == 'u') {
        result += "\\x{" + std::string(java.substr(at + 2, 4)) + "}";
        at += 6;
        continue;
      }
      result += java.substr(at, 2);
      at += 2;
      continue;
    }
    if (java.substr(at, 3) == "(?<" && at + 3 < java.size() && java[at + 3] != '=' &&
        java[at + 3] != '!') {
      result += "(?P<";
      at += 3;
      continue;
    }
    result += java[at++];
  }
  return result;
}

// The flag says what is meant whatever the default of the options is.
JavaRegex::JavaRegex(std::string_view pattern) : regex_("(?-i)" + ToRe2(pattern)) {
  const auto& compiled = regex_.GetRegex();
  if (!compiled.ok()) {
    throw InvalidInputException(
        "INVALID_PARAMETER_VALUE.PATTERN: the pattern '%s' cannot be run (%s); "
        "back-references and look-around are not supported",
        std::string(pattern), compiled.error());
  }
  bool in_class = false;
  for (size_t at = 0; at < pattern.size(); at++) {
    const char c = pattern[at];
    if (c == '\\') {
      at++;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
    } else if (c == '(') {
      const bool named = pattern.substr(at, 3) == "(?<";
      if (at + 1 < pattern.size() && pattern[at + 1] == '?' && !named) continue;
      group_count_++;
      if (named) {
        const auto close = pattern.find('>', at);
        names_[std::string(pattern.substr(at + 3, close - at - 3))] = group_count_;
      }
    }
  }
}

int JavaRegex::GroupNamed(const std::string& name) const {
  auto found = names_.find(name);
  return found == names_.end() ? -1 : found->second;
}

bool JavaRegex::Search(std::string_view text, size_t from, duckdb_re2::Match& match) const {
  return duckdb_re2::RegexSearchInternal(text.data(), text.size(), match, regex_.GetRegex(),
                                         duckdb_re2::RE2::UNANCHORED, from, text.size());
}

std::shared_ptr<const JavaRegex> CompileJavaRegex(std::string_view pattern) {
  static thread_local std::unordered_map<std::string, std::shared_ptr<const JavaRegex>> cache;
  std::string key(pattern);
  if (auto known = cache.find(key); known != cache.end()) return known->second;
  auto regex = std::make_shared<const JavaRegex>(pattern);
  if (cache.size() >= 256) cache.clear();
  cache.emplace(std::move(key), regex);
  return regex;
}

bool RegexScan::Next() {
  if (done_ || at_ > text_.size() || !regex_.Search(text_, at_, match_)) {
    done_ = true;
    return false;
  }
  // RE2 gives no position for a match of nothing at the very end of an empty search.
  if (match_.groups[0].text.empty() && match_.groups[0].position < at_) {
    match_.groups[0].position = static_cast<uint32_t>(at_);
  }
  at_ = end();
  if (match_.groups[0].text.empty()) {
    if (at_ >= text_.size()) {
      done_ = true;
    } else {
      at_ += CharLength(text_[at_]);
    }
  }
  return true;
}

namespace {

void CheckGroup(const JavaRegex& regex, int32_t group, const char* function) {
  if (group < 0 || group > regex.group_count()) {
    throw InvalidInputException(
        "INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX: %s: the pattern has groups 0 to "
        "%d, not %d",
        function, regex.group_count(), group);
  }
}

void Extract(RowIn& in, RowOut& out) {
  auto regex = CompileJavaRegex(in.Text(1));
  const int32_t group = in.Columns() > 2 ? in.Get<int32_t>(2) : 1;
  CheckGroup(*regex, group, "regexp_extract");
  RegexScan scan(*regex, in.Text(0));
  out.Text(scan.Next() ? scan.Group(static_cast<size_t>(group)) : std::string());
}

void ExtractAll(RowIn& in, RowOut& out) {
  auto regex = CompileJavaRegex(in.Text(1));
  const int32_t group = in.Columns() > 2 ? in.Get<int32_t>(2) : 1;
  CheckGroup(*regex, group, "regexp_extract_all");
  RegexScan scan(*regex, in.Text(0));
  vector<std::string> texts;
  while (scan.Next()) texts.push_back(scan.Group(static_cast<size_t>(group)));
  out.Texts(texts);
}

// Java's replacement: $1, ${name}, \$ for a dollar.
void AppendReplacement(std::string& result, std::string_view replacement, const RegexScan& match,
                       const JavaRegex& regex) {
  for (size_t at = 0; at < replacement.size(); at++) {
    const char c = replacement[at];
    if (c == '\\') {
      if (++at == replacement.size())
        throw InvalidInputException("regexp_replace: the replacement ends with \\");
      result += replacement[at];
      continue;
    }
    if (c != '$') {
      result += c;
      continue;
    }
    size_t group = 0;
    if (at + 1 < replacement.size() && replacement[at + 1] == '{') {
      const auto close = replacement.find('}', at);
      if (close == std::string_view::npos)
        throw InvalidInputException("regexp_replace: ${ without }");
      const int found = regex.GroupNamed(std::string(replacement.substr(at + 2, close - at - 2)));
      if (found < 0) throw InvalidInputException("regexp_replace: the replacement names no group");
      group = static_cast<size_t>(found);
      at = close;
    } else {
      if (at + 1 >= replacement.size() ||
          !std::isdigit(static_cast<unsigned char>(replacement[at + 1]))) {
        throw InvalidInputException(
            "regexp_replace: $ in a replacement must be followed by a group number");
      }
      group = static_cast<size_t>(replacement[++at] - '0');
      if (group >= match.groups()) {
        throw InvalidInputException("regexp_replace: the pattern has no group %d",
                                    static_cast<int>(group));
      }
      while (at + 1 < replacement.size() &&
             std::isdigit(static_cast<unsigned char>(replacement[at + 1]))) {
        const size_t longer = group * 10 + static_cast<size_t>(replacement[at + 1] - '0');
        if (longer >= match.groups()) break;
        group = longer;
        at++;
      }
    }
    result += match.Group(group);
  }
}

void RegexReplace(RowIn& in, RowOut& out) {
  auto regex = CompileJavaRegex(in.Text(1));
  const auto text = in.Text(0);
  const auto replacement = in.Text(2);
  const int32_t position = in.Columns() > 3 ? in.Get<int32_t>(3) : 1;
  if (position < 1) throw InvalidInputException("regexp_replace: the position must be 1 or more");
  const auto from = OffsetOf(text, position - 1);
  RegexScan scan(*regex, text, from);
  std::string result(text.substr(0, from));
  size_t at = from;
  while (scan.Next()) {
    result += text.substr(at, scan.start() - at);
    AppendReplacement(result, replacement, scan, *regex);
    at = scan.end();
  }
  if (at < text.size()) result += text.substr(at);
  out.Text(result);
}

void RegexLike(RowIn& in, RowOut& out) {
  auto regex = CompileJavaRegex(in.Text(1));
  duckdb_re2::Match match;
  out.Set<bool>(regex->Search(in.Text(0), 0, match));
}

void RegexCount(RowIn& in, RowOut& out) {
  auto regex = CompileJavaRegex(in.Text(1));
  RegexScan scan(*regex, in.Text(0));
  int32_t count = 0;
  while (scan.Next()) count++;
  out.Set<int32_t>(count);
}

void RegexInstr(RowIn& in, RowOut& out) {
  auto regex = CompileJavaRegex(in.Text(1));
  RegexScan scan(*regex, in.Text(0));
  if (!scan.Next()) return out.Set<int32_t>(0);
  out.Set<int32_t>(static_cast<int32_t>(CharCount(in.Text(0).substr(0, scan.start())) + 1));
}

void RegexSubstr(RowIn& in, RowOut& out) {
  auto regex = CompileJavaRegex(in.Text(1));
  RegexScan scan(*regex, in.Text(0));
  if (!scan.Next()) return out.Null();
  out.Text(scan.Group(0));
}

// Most separators are no regular expressions at all.
bool IsPlain(std::string_view pattern) {
  return pattern.find_first_of("\\[](){}.*+?^$|") == std::string_view::npos;
}

vector<std::string> SplitPlain(std::string_view text, std::string_view separator, int32_t limit) {
  vector<std::string> parts;
  size_t at = 0;
  while (limit <= 0 || static_cast<int32_t>(parts.size()) < limit - 1) {
    const auto next = text.find(separator, at);
    if (next == std::string_view::npos) break;
    parts.emplace_back(text.substr(at, next - at));
    at = next + separator.size();
  }
  parts.emplace_back(text.substr(at));
  return parts;
}

vector<std::string> SplitCharacters(std::string_view text, int32_t limit) {
  vector<std::string> parts;
  for (size_t at = 0; at < text.size();) {
    if (limit > 0 && static_cast<int32_t>(parts.size()) == limit - 1) {
      parts.emplace_back(text.substr(at));
      return parts;
    }
    const auto length = std::min(CharLength(text[at]), text.size() - at);
    parts.emplace_back(text.substr(at, length));
    at += length;
  }
  if (parts.empty()) parts.emplace_back("");
  return parts;
}

void Split(RowIn& in, RowOut& out) {
  const auto text = in.Text(0);
  const auto pattern = in.Text(1);
  const int32_t limit = in.Columns() > 2 ? in.Get<int32_t>(2) : -1;
  if (pattern.empty()) return out.Texts(SplitCharacters(text, limit));
  std::string single;
  if (IsPlain(pattern)) return out.Texts(SplitPlain(text, pattern, limit));
  if (pattern.size() == 2 && pattern[0] == '\\' &&
      !std::isalnum(static_cast<unsigned char>(pattern[1]))) {
    return out.Texts(SplitPlain(text, pattern.substr(1), limit));
  }
  auto regex = CompileJavaRegex(pattern);
  RegexScan scan(*regex, text);
  vector<std::string> parts;
  size_t at = 0;
  while (scan.Next()) {
    if (limit > 0 && static_cast<int32_t>(parts.size()) >= limit - 1) break;
    // A match of nothing at the start splits nothing off.
    if (scan.end() == 0) continue;
    parts.emplace_back(text.substr(at, scan.start() - at));
    at = scan.end();
  }
  parts.emplace_back(text.substr(at));
  out.Texts(parts);
}

// LIKE with \ as escape. A pattern without it goes to DuckDB's LIKE, which becomes a prefix or
// substring search.
Expr BindLike(FunctionCall& call, bool ignore_case) {
  Value pattern;
  const bool plain = call.Constant(1, pattern) && !pattern.IsNull() &&
                     pattern.ToString().find('\\') == std::string::npos;
  auto text = call.Text(call.Take(0));
  auto like = call.Text(call.Take(1));
  if (plain) {
    return call.Call(ignore_case ? "~~*" : "~~", std::move(text), std::move(like));
  }
  return call.Call(ignore_case ? "ilike_escape" : "like_escape", std::move(text), std::move(like),
                   Literal(Value("\\")));
}

// A constant pattern goes to DuckDB's own function, whose optimiser knows it.
Expr BindRegexLike(FunctionCall& call) {
  Exprs args;
  args.push_back(call.Text(call.Take(0)));
  Value pattern;
  if (call.Constant(1, pattern) && !pattern.IsNull() && IsText(pattern.type())) {
    CompileJavaRegex(StringValue::Get(pattern));  // refuses what cannot be run
    args.push_back(Literal(Value(ToRe2(StringValue::Get(pattern)))));
    return call.Call("regexp_matches", std::move(args));
  }
  args.push_back(call.Text(call.Take(1)));
  return Native("rlike", LogicalType::BOOLEAN, EachRow(RegexLike), std::move(args));
}

}  // namespace

void RegisterRegexFunctions(FunctionTable& table) {
  const auto texts = LogicalType::LIST(kText);
  RegisterNative(table, {"regexp_extract", {kText, kText, kInt}, kText, EachRow(Extract), 2});
  RegisterNative(table,
                 {"regexp_extract_all", {kText, kText, kInt}, texts, EachRow(ExtractAll), 2});
  RegisterNative(table,
                 {"regexp_replace", {kText, kText, kText, kInt}, kText, EachRow(RegexReplace), 3});
  for (auto name : {"regexp_like", "regexp", "rlike"})
    RegisterBinding(table, name, 2, 2, BindRegexLike);
  RegisterNative(table, {"regexp_count", {kText, kText}, kInt, EachRow(RegexCount)});
  RegisterNative(table, {"regexp_instr", {kText, kText}, kInt, EachRow(RegexInstr)});
  RegisterNative(table, {"regexp_substr", {kText, kText}, kText, EachRow(RegexSubstr)});
  RegisterNative(table, {"split", {kText, kText, kInt}, texts, EachRow(Split), 2});
  RegisterBinding(table, "like", 2, 3, [](FunctionCall& call) { return BindLike(call, false); });
  RegisterBinding(table, "ilike", 2, 3, [](FunctionCall& call) { return BindLike(call, true); });
}

}  // namespace tarn::dialect
