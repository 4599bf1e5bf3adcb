// Going through the members of a JSON object or the elements of an array, on exact bytes and
// without a tree: numbers keep their digits, repeated keys are all seen.
//
// Wants text that CheckJson has accepted; on other text it ends early or gives nonsense, but reads
// nothing outside it. Threads: one user at a time; the text must outlive what it gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tarn::codec {

class JsonWalker {
 public:
  // `container` with its brackets, white space around it allowed. Anything else has nothing to
  // walk.
  explicit JsonWalker(std::string_view container);

  bool is_object() const { return kind_ == '{'; }
  bool is_array() const { return kind_ == '['; }

  // The next member or element; false at the end. `key` is what stands between the quotes, escapes
  // as they are (empty for elements); `value` is the whole text of the value without space around
  // it.
  bool Next(std::string_view* key, std::string_view* value);

 private:
  void SkipSpace();
  void SkipString();
  void SkipValue();

  std::string_view text_;
  size_t at_ = 0;
  char kind_ = 0;
};

// What a string's text between the quotes stands for. REQUIRES: checked text.
std::string UnescapeJson(std::string_view bare);
// `bare` itself when nothing in it is escaped, else the unescaped text, kept in `scratch`.
std::string_view JsonStringValue(std::string_view bare, std::string* scratch);

// The 16 bits behind a "\\u" at `at`, or -1 when four hex digits are not there.
int32_t ReadJsonHex4(std::string_view text, size_t at);

}  // namespace tarn::codec
