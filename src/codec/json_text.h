// JSON text (RFC 8259): a strict check and the reading of single values, on exact bytes and without
// a tree.
//
// Policy where the RFC leaves room:
//   - duplicate keys are accepted: Bronze keeps the bytes; TopLevelField reads the first, as the
//   SQL functions do;
//   - nesting deeper than `max_depth` is refused (1000 is what Spark's reader accepts);
//   - invalid UTF-8 and escapes of half a surrogate pair are refused, because readers disagree
//   about them;
//   - numbers are checked for form only: any size and precision passes.
//
// Pure functions; safe from any thread; stack use does not grow with the nesting.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tarn::codec {

inline constexpr size_t kMaxJsonDepth = 1000;

struct JsonFault {
  size_t at = 0;       // byte within the text
  std::string rule;    // "json.syntax", "json.depth", "json.utf8", "json.surrogate", "json.cut_off"
  std::string reason;  // one line, with the place
};

// nullopt when `text` is exactly one JSON value, with white space around it allowed.
std::optional<JsonFault> CheckJson(std::string_view text, size_t max_depth = kMaxJsonDepth);

// The first byte that breaks UTF-8 (overlong forms, surrogates and values beyond U+10FFFF
// included); npos: none.
size_t FindInvalidUtf8(std::string_view text);

// The value of `name` at the top level of a checked JSON object: strings unescaped, everything else
// as its text. nullopt when absent, null, or the text is no object.
std::optional<std::string> TopLevelField(std::string_view object, std::string_view name);

// `bytes` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
std::string JsonString(std::string_view bytes);

}  // namespace tarn::codec
