#include "codec/byte_stream.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace tarn::codec {
namespace {

constexpr size_t kInputBytes = 128 << 10;

class ViewStream final : public ByteStream {
 public:
  ViewStream(std::string_view bytes, size_t step) : bytes_(bytes), step_(step) {}
  Result<size_t> Read(char* out, size_t capacity) override {
    const size_t count = std::min({capacity, bytes_.size(), step_});
    if (count > 0) std::memcpy(out, bytes_.data(), count);  // an empty view may be null
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
  size_t step_;
};

// What both decompressors share: a refilled input buffer.
class Refilled {
 public:
  explicit Refilled(std::unique_ptr<ByteStream> below)
      : below_(std::move(below)), buffer_(kInputBytes) {}
  // OK with empty rest: the input is at its end.
  Status Refill() {
    if (begin_ < end_ || at_end_) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(end_, below_->Read(buffer_.data(), buffer_.size()));
    begin_ = 0;
    at_end_ = end_ == 0;
    return Status::Ok();
  }
  const char* data() const { return buffer_.data() + begin_; }
  size_t size() const { return end_ - begin_; }
  void Consume(size_t count) { begin_ += count; }

 private:
  std::unique_ptr<ByteStream> below_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool at_end_ = false;
};

class GzipStream final : public ByteStream {
 public:
  explicit GzipStream(std::unique_ptr<ByteStream> below) : input_(std::move(below)) {
    TARN_CHECK(inflateInit2(&zlib_, 15 + 16) == Z_OK);
  }
  ~GzipStream() override { inflateEnd(&zlib_); }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  Result<size_t> Read(char* out, size_t capacity) override {
    zlib_.next_out = reinterpret_cast<Bytef*>(out);
    zlib_.avail_out = static_cast<uInt>(std::min<size_t>(capacity, 1u << 30));
    const uInt wanted = zlib_.avail_out;
    while (zlib_.avail_out == wanted) {
      TARN_RETURN_IF_ERROR(input_.Refill());
      if (input_.size() == 0) {
        if (between_members_ && members_ > 0) return size_t{0};
        return Status::Corruption("truncated gzip data: the input ends inside a member");
      }
      if (between_members_ && members_ > 0) {
        // Padding to a block size is common; anything else must be another member.
        if (*input_.data() == '\0') {
          input_.Consume(1);
          padding_ = true;
          continue;
        }
        if (padding_) return Status::Corruption("corrupt gzip data: bytes follow the padding");
        inflateReset(&zlib_);
      }
      between_members_ = false;
      TARN_RETURN_IF_ERROR(Inflate());
    }
    return static_cast<size_t>(wanted - zlib_.avail_out);
  }

 private:
  Status Inflate() {
    zlib_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input_.data()));
    zlib_.avail_in = static_cast<uInt>(input_.size());
    const int code = inflate(&zlib_, Z_NO_FLUSH);
    input_.Consume(input_.size() - zlib_.avail_in);
    if (code == Z_STREAM_END) {
      between_members_ = true;
      ++members_;
      return Status::Ok();
    }
    if (code == Z_OK || code == Z_BUF_ERROR) return Status::Ok();
    return Status::Corruption(std::string("corrupt gzip data: ") +
                              (zlib_.msg != nullptr ? zlib_.msg : "it cannot be inflated"));
  }

  Refilled input_;
  z_stream zlib_{};
  bool between_members_ = true;
  bool padding_ = false;
  uint64_t members_ = 0;
};

class ZstdStream final : public ByteStream {
 public:
  explicit ZstdStream(std::unique_ptr<ByteStream> below)
      : input_(std::move(below)), zstd_(ZSTD_createDStream()) {
    TARN_CHECK(zstd_ != nullptr);
    ZSTD_DCtx_setParameter(zstd_, ZSTD_d_windowLogMax, 27);
  }
  ~ZstdStream() override { ZSTD_freeDStream(zstd_); }
  ZstdStream(const ZstdStream&) = delete;
  ZstdStream& operator=(const ZstdStream&) = delete;

  Result<size_t> Read(char* out, size_t capacity) override {
    ZSTD_outBuffer produced{out, capacity, 0};
    while (produced.pos == 0) {
      TARN_RETURN_IF_ERROR(input_.Refill());
      ZSTD_inBuffer given{input_.data(), input_.size(), 0};
      // Inside a frame there may be output left although the input is at its end.
      if (given.size == 0 && at_frame_end_) return size_t{0};
      const size_t code = ZSTD_decompressStream(zstd_, &produced, &given);
      if (ZSTD_isError(code) != 0) {
        return Status::Corruption(std::string("corrupt zstd data: ") + ZSTD_getErrorName(code));
      }
      if (given.size == 0 && produced.pos == 0) {
        return Status::Corruption("truncated zstd data: the input ends inside a frame");
      }
      input_.Consume(given.pos);
      at_frame_end_ = code == 0;
    }
    return produced.pos;
  }

 private:
  Refilled input_;
  ZSTD_DStream* zstd_;
  bool at_frame_end_ = false;
};

}  // namespace

std::unique_ptr<ByteStream> StreamOf(std::string_view bytes, size_t step) {
  return std::make_unique<ViewStream>(bytes, step);
}

std::string_view CompressionName(Compression compression) {
  switch (compression) {
    case Compression::kGzip: return "gzip";
    case Compression::kZstd: return "zstd";
    case Compression::kNone: break;
  }
  return "none";
}

Compression DetectCompression(std::string_view head) {
  if (head.substr(0, 2) == "\x1F\x8B") return Compression::kGzip;
  if (head.substr(0, 4) == "\x28\xB5\x2F\xFD") return Compression::kZstd;
  // A zstd file may begin with a frame to be skipped (magic 0x184D2A50 to 5F, little endian).
  if (head.size() >= 4 && (static_cast<unsigned char>(head[0]) & 0xF0) == 0x50 &&
      head.substr(1, 3) == "\x2A\x4D\x18") {
    return Compression::kZstd;
  }
  return Compression::kNone;
}

std::unique_ptr<ByteStream> Decompress(Compression compression, std::unique_ptr<ByteStream> input) {
  switch (compression) {
    case Compression::kGzip: return std::make_unique<GzipStream>(std::move(input));
    case Compression::kZstd: return std::make_unique<ZstdStream>(std::move(input));
    case Compression::kNone: break;
  }
  return input;
}

Result<uint64_t> Discard(ByteStream& stream, uint64_t count) {
  std::vector<char> scratch(std::min<uint64_t>(count + 1, 256 << 10));
  uint64_t done = 0;
  while (done < count) {
    const size_t step = std::min<uint64_t>(scratch.size(), count - done);
    TARN_ASSIGN_OR_RETURN(const size_t got, stream.Read(scratch.data(), step));
    if (got == 0) break;
    done += got;
  }
  return done;
}

}  // namespace tarn::codec
