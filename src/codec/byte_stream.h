// ByteStream: bytes pulled in order, and decompression as a stream over a stream.
//
// What it does not do: no seeking, no guessing by file name.
//
// Threads: one user at a time. Lifetime: a decompressing stream owns the one below it.
//
// Errors: kCorruption for damaged or truncated compressed data, saying which; whatever the stream
// below says. Memory: bounded whatever the input claims (a zstd frame that asks for a window over
// 128 MiB is refused).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/status.h"

namespace tarn::codec {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Up to `capacity` bytes into `out`; 0 at the end only. REQUIRES: capacity > 0.
  virtual Result<size_t> Read(char* out, size_t capacity) = 0;
};

// The bytes of a view that outlives the stream; at most `step` of them a read.
std::unique_ptr<ByteStream> StreamOf(std::string_view bytes, size_t step = SIZE_MAX);

enum class Compression { kNone, kGzip, kZstd };
std::string_view CompressionName(Compression compression);  // "none", "gzip", "zstd"

// By the first bytes of a file (4 are enough).
Compression DetectCompression(std::string_view head);

// Decompresses all members (gzip) or frames (zstd) one after the other. Checksums are verified. The
// end of the input inside a member is kCorruption ("truncated"); zero bytes behind the last gzip
// member are padding.
std::unique_ptr<ByteStream> Decompress(Compression compression, std::unique_ptr<ByteStream> input);

// Reads and throws away up to `count` bytes; how many there were.
Result<uint64_t> Discard(ByteStream& stream, uint64_t count);

}  // namespace tarn::codec
