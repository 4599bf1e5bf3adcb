// Text work that Jinja2's filters do for web pages and terminals.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/value.h"

namespace tarn::jinja {

std::string EscapeHtml(std::string_view s);
// Tags and comments go, runs of blanks become one, entities become characters.
std::string StripTags(std::string_view s);
// Percent-encoding of UTF-8; `safe` characters stay besides letters, digits and _.-~
std::string QuoteUrl(std::string_view s, std::string_view safe);
// textwrap.wrap of one line. `width` in characters, > 0.
std::vector<std::string> WrapText(std::string_view line, size_t width, bool break_long_words,
                                  bool break_on_hyphens);

struct UrlizeOptions {
  int64_t limit = -1;
  bool nofollow = false;
  std::string target;
  std::string rel;
};
// Links for what looks like a web or mail address.
std::string Urlize(std::string_view s, const UrlizeOptions& options);

// pprint.pformat at 80 columns: repr, broken over lines when it is longer.
std::string PrettyText(const Value& v);

}  // namespace tarn::jinja
