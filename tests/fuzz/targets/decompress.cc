// gzip and zstd streams: how they are cut does not change what comes out, or the error.
#include "base/random.h"
#include "codec/byte_stream.h"
#include "fuzz.h"

namespace {

using namespace tarn;

constexpr size_t kMostBytes = 1 << 20;

std::string ReadAll(codec::Compression compression, std::string_view text, size_t step,
                    size_t capacity, Status* status) {
  const auto stream = codec::Decompress(compression, codec::StreamOf(text, step));
  std::string out;
  std::string buffer(capacity, '\0');
  while (out.size() < kMostBytes) {
    const auto read = stream->Read(buffer.data(), capacity);
    if (!read.ok() || *read == 0) {
      *status = read.status();
      break;
    }
    fuzz::Require(*read <= capacity, "no more than was asked for");
    out.append(buffer, 0, *read);
  }
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::TextOf(data, size);
  const codec::Compression compression = codec::DetectCompression(text.substr(0, 4));
  Status whole_status;
  Status cut_status;
  const std::string whole = ReadAll(compression, text, SIZE_MAX, 1 << 16, &whole_status);
  const std::string cut = ReadAll(compression, text, 1 + size % 7, 1 + size % 61, &cut_status);
  if (whole.size() >= kMostBytes) return 0;
  fuzz::Require(whole_status.code() == cut_status.code(), "the same outcome however it is cut");
  if (whole_status.ok()) fuzz::Require(whole == cut, "the same bytes however it is cut");
  return 0;
}
