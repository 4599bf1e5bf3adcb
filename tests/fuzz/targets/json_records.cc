// NDJSON, JSON arrays and concatenated values: chunks do not matter, reading can go on behind any
// record, no byte is lost, and a good record is JSON.
#include "codec/json_splitter.h"
#include "codec/splitting_for_test.h"
#include "fuzz.h"

namespace {

using namespace tarn;

void RequireLaw(bool holds, const std::string& law) { fuzz::Require(holds, law); }

void CheckJsonText(const std::string& text) {
  const auto fault = codec::CheckJson(text);
  if (fault) {
    fuzz::Require(fault->at <= text.size() && !fault->rule.empty(), "a fault has a place");
    return;
  }
  (void)codec::TopLevelField(text, "a");
  fuzz::Require(codec::FindInvalidUtf8(text) == std::string_view::npos, "valid JSON is UTF-8");
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string text(fuzz::TextOf(data + 1, size - 1));
  codec::JsonOptions options;
  options.limits.max_record_bytes = data[0] & 8 ? 32 : 1 << 20;
  options.limits.keep_bad_bytes = 16;
  CheckJsonText(text);
  fuzz::Require(!codec::CheckJson(codec::JsonString(text)), "a quoted text is JSON");
  if ((data[0] & 3) == 0) {
    codec::CheckSplitterLaws(
        text, data[0], " \t\r\n\xEF\xBB\xBF",
        [&](codec::SplitState state) {
          return std::make_unique<codec::NdjsonSplitter>(options, std::move(state));
        },
        RequireLaw);
    return 0;
  }
  const auto layout = (data[0] & 3) == 1 ? codec::JsonSplitter::Layout::kArray
                                         : codec::JsonSplitter::Layout::kConcatenated;
  codec::CheckSplitterLaws(
      text, data[0], " \t\r\n,[]\xEF\xBB\xBF",
      [&](codec::SplitState state) {
        return std::make_unique<codec::JsonSplitter>(layout, options, std::move(state));
      },
      RequireLaw);
  return 0;
}
