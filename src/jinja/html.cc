#include "jinja/html.h"

#include <algorithm>

#include "jinja/text.h"

namespace tarn::jinja {

std::string EscapeHtml(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (char c : s) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\'': out += "&#39;"; break;
      case '"': out += "&#34;"; break;
      default: out += c;
    }
  }
  return out;
}

static std::string Unescape(std::string_view s) {
  static constexpr struct {
    std::string_view name;
    std::string_view text;
  } kNames[] = {{"amp;", "&"},   {"lt;", "<"},   {"gt;", ">"},
                {"quot;", "\""}, {"apos;", "'"}, {"nbsp;", "\xC2\xA0"}};
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '&') {
      out += s[i];
      continue;
    }
    std::string_view rest = s.substr(i + 1);
    bool done = false;
    for (const auto& n : kNames) {
      if (!rest.starts_with(n.name)) continue;
      out += n.text;
      i += n.name.size();
      done = true;
      break;
    }
    size_t end = rest.find(';');
    if (!done && rest.starts_with("#") && end != std::string_view::npos && end > 1 && end < 10) {
      bool hex = AsciiLower(rest[1]) == 'x';
      std::string digits(rest.substr(hex ? 2 : 1, end - (hex ? 2 : 1)));
      if (!digits.empty() && digits.find_first_not_of(hex ? "0123456789abcdefABCDEF"
                                                          : "0123456789") == std::string::npos) {
        AppendUtf8(out, static_cast<char32_t>(std::stoul(digits, nullptr, hex ? 16 : 10)));
        i += end + 1;
        done = true;
      }
    }
    if (!done) out += '&';
  }
  return out;
}

std::string StripTags(std::string_view s) {
  std::string text(s);
  auto cut = [&](std::string_view open, std::string_view close) {
    size_t begin;
    while ((begin = text.find(open)) != std::string::npos) {
      size_t end = text.find(close, begin);
      if (end == std::string::npos) return;
      text.erase(begin, end + close.size() - begin);
    }
  };
  cut("<!--", "-->");
  cut("<", ">");
  std::string joined;
  for (std::string_view word : SplitWords(text))
    joined += (joined.empty() ? "" : " ") + std::string(word);
  return Unescape(joined);
}

std::string QuoteUrl(std::string_view s, std::string_view safe) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : s) {
    auto b = static_cast<unsigned char>(c);
    bool plain = AsciiDigit(c) || (AsciiLower(c) >= 'a' && AsciiLower(c) <= 'z') ||
                 std::string_view("_.-~").find(c) != std::string_view::npos ||
                 safe.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[b >> 4];
      out += kHex[b & 15];
    }
  }
  return out;
}

// Words, blanks between them, and pieces of words that a hyphen ends.
static std::vector<std::string> Chunks(std::string_view line, bool break_on_hyphens) {
  std::vector<std::string> out;
  size_t i = 0;
  auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  auto letter = [](char c) {
    return (AsciiLower(c) >= 'a' && AsciiLower(c) <= 'z') || static_cast<unsigned char>(c) >= 128;
  };
  while (i < line.size()) {
    size_t begin = i;
    if (blank(line[i])) {
      while (i < line.size() && blank(line[i])) ++i;
      out.emplace_back(line.substr(begin, i - begin));
      continue;
    }
    while (i < line.size() && !blank(line[i])) {
      bool hyphen = break_on_hyphens && line[i] == '-' && i >= begin + 2 && letter(line[i - 1]) &&
                    letter(line[i - 2]) && i + 2 < line.size() && letter(line[i + 1]) &&
                    letter(line[i + 2]);
      ++i;
      if (hyphen) break;
    }
    out.emplace_back(line.substr(begin, i - begin));
  }
  return out;
}

std::vector<std::string> WrapText(std::string_view line, size_t width, bool break_long_words,
                                  bool break_on_hyphens) {
  std::vector<std::string> chunks = Chunks(line, break_on_hyphens), out;
  std::reverse(chunks.begin(), chunks.end());
  auto blank = [](const std::string& s) { return StripSpace(s).empty(); };
  while (!chunks.empty()) {
    std::vector<std::string> now;
    size_t length = 0;
    if (blank(chunks.back()) && !out.empty()) chunks.pop_back();
    while (!chunks.empty()) {
      size_t n = CountCodePoints(chunks.back());
      if (length + n > width) break;
      now.push_back(std::move(chunks.back()));
      chunks.pop_back();
      length += n;
    }
    if (!chunks.empty() && CountCodePoints(chunks.back()) > width) {
      if (break_long_words) {
        size_t at = ByteOffset(chunks.back(), std::max<size_t>(width - length, 1));
        now.push_back(chunks.back().substr(0, at));
        chunks.back().erase(0, at);
      } else if (now.empty()) {
        now.push_back(std::move(chunks.back()));
        chunks.pop_back();
      }
    }
    if (!now.empty() && blank(now.back())) now.pop_back();
    if (now.empty()) continue;
    std::string joined;
    for (const std::string& s : now) joined += s;
    out.push_back(std::move(joined));
  }
  return out;
}

static std::string LinkTo(std::string_view href, std::string_view shown, const UrlizeOptions& o) {
  std::string rel = o.rel;
  if (o.nofollow) rel += rel.empty() ? "nofollow" : " nofollow";
  rel += rel.empty() ? "noopener" : " noopener";
  std::vector<std::string_view> words = SplitWords(rel);
  std::sort(words.begin(), words.end());
  std::string joined;
  for (auto w : words) joined += (joined.empty() ? "" : " ") + std::string(w);
  std::string text(shown);
  if (o.limit >= 0 && CountCodePoints(text) > static_cast<size_t>(o.limit)) {
    text = text.substr(0, ByteOffset(text, static_cast<size_t>(o.limit))) + "...";
  }
  return "<a href=\"" + std::string(href) + "\" rel=\"" + EscapeHtml(joined) + "\"" +
         (o.target.empty() ? "" : " target=\"" + EscapeHtml(o.target) + "\"") + ">" + text + "</a>";
}

std::string Urlize(std::string_view s, const UrlizeOptions& options) {
  std::string escaped = EscapeHtml(s), out;
  size_t i = 0;
  while (i < escaped.size()) {
    size_t begin = i;
    while (i < escaped.size() && !AsciiSpace(escaped[i])) ++i;
    std::string word = escaped.substr(begin, i - begin), head, tail;
    while (!word.empty() && (word[0] == '(' || word.starts_with("&lt;"))) {
      size_t n = word[0] == '(' ? 1 : 4;
      head += word.substr(0, n);
      word.erase(0, n);
    }
    auto drop = [&](std::string_view end) {
      if (!word.ends_with(end)) return false;
      tail = std::string(end) + tail;
      word.resize(word.size() - end.size());
      return true;
    };
    while (drop(")") || drop(".") || drop(",") || drop("\n") || drop("&gt;")) {
    }
    if (word.starts_with("https://") || word.starts_with("http://")) {
      word = LinkTo(word, word, options);
    } else if (word.starts_with("www.") ||
               (word.find('@') == std::string::npos && word.size() > 4 &&
                (word.ends_with(".com") || word.ends_with(".net") || word.ends_with(".org")))) {
      word = LinkTo("https://" + word, word, options);
    } else if (size_t at = word.find('@'); at != std::string::npos && at > 0 &&
                                           word.find('.', at) != std::string::npos &&
                                           word.find('@', at + 1) == std::string::npos) {
      word = "<a href=\"mailto:" + word + "\">" + word + "</a>";
    }
    out += head + word + tail;
    while (i < escaped.size() && AsciiSpace(escaped[i])) out += escaped[i++];
  }
  return out;
}

static std::string Pretty(const Value& v, size_t indent, size_t allowance) {
  std::string flat = v.Repr();
  bool container = v.is_list() || v.is_tuple() || v.is_dict();
  if (!container || indent + CountCodePoints(flat) + allowance <= 80) return flat;
  std::string pad = ",\n" + std::string(indent + 1, ' ');
  std::string out;
  if (v.is_dict()) {
    std::vector<const Dict::Entry*> entries;
    for (const auto& e : v.dict().entries()) entries.push_back(&e);
    std::stable_sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
      return Less(a->key, b->key).value_or(false);
    });
    for (size_t i = 0; i < entries.size(); ++i) {
      std::string key = entries[i]->key.Repr();
      out += (i ? pad : "{") + key + ": ";
      out += Pretty(entries[i]->value, indent + CountCodePoints(key) + 3,
                    i + 1 == entries.size() ? allowance + 1 : 1);
    }
    return out + "}";
  }
  const ValueList& items = v.list();
  for (size_t i = 0; i < items.size(); ++i) {
    out += i ? pad : v.is_list() ? "[" : "(";
    out += Pretty(items[i], indent + 1, i + 1 == items.size() ? allowance + 1 : 1);
  }
  return out + (v.is_list() ? "]" : items.size() == 1 ? ",)" : ")");
}

// The same with the keys of all dicts sorted, as pprint shows them.
static Value SortedKeys(const Value& v, int depth) {
  if (depth > 100) return v;
  if (v.is_list() || v.is_tuple()) {
    ValueList items;
    for (const Value& item : v.list()) items.push_back(SortedKeys(item, depth + 1));
    return v.is_list() ? Value::List(std::move(items)) : Value::Tuple(std::move(items));
  }
  if (!v.is_dict()) return v;
  auto sorted = MakeRef<Dict>();
  std::vector<const Dict::Entry*> entries;
  for (const auto& e : v.dict().entries()) entries.push_back(&e);
  std::stable_sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
    return Less(a->key, b->key).value_or(false);
  });
  for (const auto* e : entries) (void)sorted->Set(e->key, SortedKeys(e->value, depth + 1)).ok();
  return Value(sorted);
}

std::string PrettyText(const Value& v) { return Pretty(SortedKeys(v, 0), 0, 0); }

}  // namespace tarn::jinja
