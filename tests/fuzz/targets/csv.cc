// CSV: chunks do not matter, reading can go on behind any record, no byte is lost.
#include "codec/csv.h"

#include "codec/splitting_for_test.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn;
  if (size < 1) return 0;
  const std::string text(fuzz::TextOf(data + 1, size - 1));
  codec::CsvOptions options;
  options.delimiter = data[0] & 1 ? ';' : ',';
  options.quote = data[0] & 2 ? '\0' : '"';
  options.has_header = false;  // a header is no record, and the laws count every byte
  options.limits.max_record_bytes = data[0] & 8 ? 32 : 1 << 20;
  options.limits.keep_bad_bytes = 16;
  codec::CheckSplitterLaws(
      text, data[0], "\r\n\xEF\xBB\xBF",
      [&](codec::SplitState state) {
        return std::make_unique<codec::CsvSplitter>(options, std::move(state));
      },
      [](bool holds, const std::string& law) { fuzz::Require(holds, law); });
  (void)codec::ParseCsvRecord(text, options.delimiter, options.quote);
  (void)codec::SniffCsv(text, std::nullopt, std::nullopt);
  return 0;
}
