#include "transform/project/blocks.h"

#include <algorithm>
#include <optional>

namespace tarn::transform {
namespace {

struct Tag {
  size_t begin = 0, end = 0;  // of the whole {% … %}
  std::string word, rest;
};

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The next {% … %} at or after `at`, comments skipped.
std::optional<Tag> NextTag(std::string_view text, size_t at) {
  for (;;) {
    const size_t open = text.find('{', at);
    if (open == std::string_view::npos || open + 1 >= text.size()) return std::nullopt;
    if (text[open + 1] == '#') {
      const size_t close = text.find("#}", open);
      if (close == std::string_view::npos) return std::nullopt;
      at = close + 2;
      continue;
    }
    if (text[open + 1] != '%') {
      at = open + 1;
      continue;
    }
    const size_t close = text.find("%}", open);
    if (close == std::string_view::npos) return std::nullopt;
    Tag tag;
    tag.begin = open;
    tag.end = close + 2;
    size_t i = open + 2, last = close;
    if (i < last && (text[i] == '-' || text[i] == '+')) ++i;
    if (last > i && (text[last - 1] == '-' || text[last - 1] == '+')) --last;
    while (i < last && IsBlank(text[i])) ++i;
    while (i < last && !IsBlank(text[i])) tag.word += text[i++];
    while (i < last && IsBlank(text[i])) ++i;
    while (last > i && IsBlank(text[last - 1])) --last;
    tag.rest = text.substr(i, last - i);
    return tag;
  }
}

size_t LineOf(std::string_view text, size_t offset) {
  return 1 + static_cast<size_t>(std::count(
                 text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

}  // namespace

Result<std::vector<TextBlock>> FindTextBlocks(std::string_view text, const std::string& word,
                                              const std::string& file) {
  std::vector<TextBlock> blocks;
  size_t at = 0;
  while (auto open = NextTag(text, at)) {
    at = open->end;
    if (open->word != word) continue;
    std::optional<Tag> close = NextTag(text, at);
    while (close && close->word != "end" + word) close = NextTag(text, close->end);
    if (!close) {
      return Status::InvalidArgument(file + ":" + std::to_string(LineOf(text, open->begin)) +
                                     ": {% " + word + " " + open->rest + " %} has no {% end" +
                                     word + " %}");
    }
    TextBlock block;
    block.name = open->rest;
    block.body = text.substr(open->end, close->begin - open->end);
    block.line = LineOf(text, open->begin);
    block.body_line = LineOf(text, open->end);
    blocks.push_back(std::move(block));
    at = close->end;
  }
  return blocks;
}

}  // namespace tarn::transform
