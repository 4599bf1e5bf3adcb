// The blocks that dbt cuts out of a file before Jinja sees it: snapshots, and docs in Markdown.
//
// Threads: pure functions. Errors: a block without its end, with the line it begins at.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tarn::transform {

struct TextBlock {
  std::string name;
  std::string body;
  size_t line = 1;       // of the opening tag
  size_t body_line = 1;  // where the body begins
};

// All `{% word name %} … {% endword %}` of a text.
Result<std::vector<TextBlock>> FindTextBlocks(std::string_view text, const std::string& word,
                                              const std::string& file);

}  // namespace tarn::transform
