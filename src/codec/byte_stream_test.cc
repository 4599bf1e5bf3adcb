#include "codec/byte_stream.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <vector>

#include "base/random.h"

namespace tarn::codec {
namespace {

std::string Gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

Result<std::string> ReadAll(Compression compression, const std::string& bytes, size_t step,
                            size_t capacity) {
  auto stream = Decompress(compression, StreamOf(bytes, step));
  std::string out;
  std::vector<char> buffer(capacity);
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const size_t got, stream->Read(buffer.data(), buffer.size()));
    if (got == 0) return out;
    out.append(buffer.data(), got);
  }
}

std::string Text(uint64_t seed, size_t size) {
  SeededRandom random(seed);
  std::string text;
  while (text.size() < size) text += "row " + std::to_string(random.Uniform(1000)) + "\n";
  return text;
}

TEST(Decompress, MembersOneAfterTheOtherInAnyChunks) {
  const std::string one = Text(1, 300'000), two = Text(2, 50'000);
  for (const size_t step : {size_t{1}, size_t{4096}, SIZE_MAX}) {
    for (const size_t capacity : {size_t{1000}, size_t{1} << 20}) {
      EXPECT_EQ(
          ReadAll(Compression::kGzip, Gzip(one) + Gzip("") + Gzip(two), step, capacity).value(),
          one + two);
      EXPECT_EQ(
          ReadAll(Compression::kZstd, Zstd(one) + Zstd("") + Zstd(two), step, capacity).value(),
          one + two);
    }
  }
  EXPECT_EQ(ReadAll(Compression::kGzip, Gzip(one) + std::string(512, '\0'), SIZE_MAX, 4096).value(),
            one);
}

TEST(Decompress, EveryTruncationIsNoticed) {
  const std::string text = Text(3, 2000);
  for (const auto& [compression, bytes] :
       {std::pair{Compression::kGzip, Gzip(text)}, std::pair{Compression::kZstd, Zstd(text)}}) {
    for (size_t size = 1; size < bytes.size(); ++size) {
      const auto read = ReadAll(compression, bytes.substr(0, size), 100, 700);
      ASSERT_FALSE(read.ok()) << CompressionName(compression) << " cut at " << size;
      EXPECT_EQ(read.status().code(), StatusCode::kCorruption);
    }
  }
}

TEST(Decompress, DamageIsNoticed) {
  const std::string text = Text(4, 2000);
  std::string gzip = Gzip(text);
  gzip[gzip.size() - 6] ^= 1;  // the checksum
  EXPECT_EQ(ReadAll(Compression::kGzip, gzip, 100, 700).status().code(), StatusCode::kCorruption);
  EXPECT_FALSE(ReadAll(Compression::kGzip, Gzip(text) + "junk", 100, 700).ok());
  EXPECT_FALSE(ReadAll(Compression::kZstd, Zstd(text) + "junk", 100, 700).ok());
  EXPECT_FALSE(ReadAll(Compression::kGzip, "", 100, 700).ok());
}

TEST(DetectCompression, ByMagic) {
  EXPECT_EQ(DetectCompression(Gzip("x")), Compression::kGzip);
  EXPECT_EQ(DetectCompression(Zstd("x")), Compression::kZstd);
  EXPECT_EQ(DetectCompression("a,b"), Compression::kNone);
  EXPECT_EQ(DetectCompression(""), Compression::kNone);
}

TEST(Discard, StopsAtTheEnd) {
  auto stream = StreamOf("0123456789", 3);
  EXPECT_EQ(Discard(*stream, 4).value(), 4u);
  char c = 0;
  EXPECT_EQ(stream->Read(&c, 1).value(), 1u);
  EXPECT_EQ(c, '4');
  EXPECT_EQ(Discard(*stream, 100).value(), 5u);
}

}  // namespace
}  // namespace tarn::codec
