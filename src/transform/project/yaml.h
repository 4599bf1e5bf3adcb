// YAML as dbt reads it: YAML 1.1 with PyYAML's idea of what a plain scalar is (yes and on are
// booleans, 1_000 and 0x10 numbers, 12:30:00 a sexagesimal one).
//
// What it does not do: no tags beyond the standard ones, no streams of several documents (the
// first counts). Dates stay text in ISO form.
//
// Threads: pure functions. Errors: kInvalidArgument "<file>:<line>:<column>: what is wrong".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "transform/project/json.h"

namespace tarn::transform {

// An empty document gives null. Of a key that stands twice in one mapping the last value counts.
Result<Json> ParseYaml(std::string_view text, const std::string& file);

// Where the node at `path` begins (keys, and list positions as decimal text), counted from 1; the
// deepest part of the path that exists. For messages: parses the text again.
size_t YamlLine(std::string_view text, const std::vector<std::string>& path);

// One plain scalar, as after `--vars key: `.
Json YamlScalar(std::string_view text);

// Block-style YAML of a tree, as `toyaml` and `ls --output json` never need but selectors do.
std::string WriteYaml(const Json& value);

}  // namespace tarn::transform
