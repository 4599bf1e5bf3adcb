// For tests of splitters: runs one over a text and keeps what came out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "codec/record_splitter.h"

namespace tarn::codec {

struct Taken {
  std::string bytes;
  uint64_t size = 0;
  int64_t byte_offset = 0;
  int64_t line = 0;
  std::string rule;
  std::string reason;
  SplitState after;  // the splitter's state behind this record
  auto Key() const { return std::tie(bytes, size, byte_offset, line, rule, reason); }
  bool operator==(const Taken& other) const { return Key() == other.Key(); }
};

inline std::ostream& operator<<(std::ostream& out, const Taken& taken) {
  return out << "{'" << taken.bytes << "' size " << taken.size << " @" << taken.byte_offset
             << " line " << taken.line << " " << taken.rule << ": " << taken.reason << "}";
}

// Feeds `text` in chunks whose sizes `next_size` gives (all at once when it is empty).
inline std::vector<Taken> Split(RecordSplitter& splitter, std::string_view text,
                                const std::function<size_t()>& next_size = {}) {
  std::vector<Taken> out;
  const auto drain = [&] {
    SplitRecord record;
    while (splitter.Next(&record)) {
      out.push_back({std::string(record.bytes), record.size, record.byte_offset, record.line,
                     record.rule, record.reason, splitter.state()});
    }
  };
  while (!text.empty()) {
    const size_t size = std::min(text.size(), next_size ? next_size() : text.size());
    splitter.Feed(text.substr(0, size));
    text.remove_prefix(size);
    drain();
  }
  splitter.Finish();
  drain();
  return out;
}

// What every splitter must keep, whatever the text: chunks do not matter; a new splitter given the
// state behind any record and the rest of the text yields the rest of the records; records do not
// overlap; what lies between them is only `separators`. `make(state)` builds a splitter.
template <typename Make, typename Expect>
void CheckSplitterLaws(const std::string& text, uint64_t seed, std::string_view separators,
                       const Make& make, const Expect& expect) {
  const auto whole = [&] {
    auto splitter = make(SplitState{});
    return Split(*splitter, text);
  }();
  SeededRandom random(seed);
  for (const size_t bound : {size_t{1}, size_t{3}, size_t{40}}) {
    auto splitter = make(SplitState{});
    expect(Split(*splitter, text, [&] { return 1 + random.Uniform(bound); }) == whole,
           "chunks up to " + std::to_string(bound));
  }
  int64_t at = 0;
  const auto only_separators = [&](int64_t end) {
    const std::string gap = text.substr(static_cast<size_t>(at), static_cast<size_t>(end - at));
    return gap.find_first_not_of(separators) == std::string::npos;
  };
  for (size_t i = 0; i < whole.size(); ++i) {
    expect(whole[i].byte_offset >= at && only_separators(whole[i].byte_offset),
           "bytes lost before record " + std::to_string(i));
    const auto begin = static_cast<size_t>(whole[i].byte_offset);
    expect(text.substr(begin, whole[i].bytes.size()) == whole[i].bytes,
           "bytes of record " + std::to_string(i));
    at = whole[i].byte_offset + static_cast<int64_t>(whole[i].size);
    auto resumed = make(whole[i].after);
    const auto rest = Split(
        *resumed, std::string_view(text).substr(static_cast<size_t>(whole[i].after.byte_offset)),
        [&] { return 1 + random.Uniform(7); });
    expect(rest == std::vector<Taken>(whole.begin() + static_cast<int64_t>(i) + 1, whole.end()),
           "resumed behind record " + std::to_string(i));
  }
  expect(only_separators(static_cast<int64_t>(text.size())), "bytes lost at the end");
}

}  // namespace tarn::codec
