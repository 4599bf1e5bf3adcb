#include "duck/remote_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tarn::duck {
namespace {

constexpr uint64_t kWholeFileBytes = 512u << 10;
constexpr uint64_t kTailBytes = 64u << 10;
constexpr uint64_t kLargestTailBytes = 1u << 20;  // a longer footer is not kept
// Waiting for a request costs about as much as this many bytes of one.
constexpr uint64_t kNeighbourGapBytes = 512u << 10;
constexpr uint64_t kFirstAheadBytes = 256u << 10;
constexpr uint64_t kMostAheadBytes = 4u << 20;

}  // namespace

RemoteReader::RemoteReader(store::ObjectStore& store, std::string key, std::string path,
                           uint64_t size_bytes, std::string version, TailCache& tails)
    : store_(store),
      key_(std::move(key)),
      path_(std::move(path)),
      size_bytes_(size_bytes),
      version_(std::move(version)),
      tails_(tails) {}

Result<std::string> RemoteReader::Fetch(Range range) {
  TARN_ASSIGN_OR_RETURN(std::string bytes, store_.GetRange(key_, range.offset, range.length));
  if (bytes.size() != range.length) {
    return Status::Corruption(path_ + " ends before byte " +
                              std::to_string(range.offset + range.length) +
                              "; the file is truncated");
  }
  return bytes;
}

RemoteReader::Range RemoteReader::Widen(uint64_t offset, uint64_t count) {
  const uint64_t end = offset + count;
  // A read that begins in the last window and goes on behind it is a neighbour as well.
  const bool above =
      end > last_end_ && offset >= last_offset_ && offset <= last_end_ + kNeighbourGapBytes;
  const bool below =
      offset < last_offset_ && end <= last_end_ && end + kNeighbourGapBytes >= last_offset_;
  const bool first = last_end_ == 0;
  Range out{offset, count};
  if (!first && (above || below) && count < kMostAheadBytes) {
    ahead_bytes_ =
        ahead_bytes_ == 0 ? kFirstAheadBytes : std::min(kMostAheadBytes, 2 * ahead_bytes_);
    out.length = std::max(count, ahead_bytes_);
    if (below) {
      out.offset = end - std::min(end, out.length);
      out.length = end - out.offset;
    }
    out.length = std::min(out.length, size_bytes_ - out.offset);
  } else {
    ahead_bytes_ = 0;
  }
  last_offset_ = out.offset;
  last_end_ = out.offset + out.length;
  return out;
}

Status RemoteReader::ReadAt(uint64_t offset, uint64_t count, char* out) {
  if (count == 0) return Status::Ok();
  if (offset > size_bytes_ || count > size_bytes_ - offset) {
    return Status::Corruption(path_ + " ends before byte " + std::to_string(offset + count) +
                              "; the file is truncated");
  }
  auto tail = tails_.Find(path_, version_);
  const bool at_end = offset + count == size_bytes_;
  if (!tail && (at_end || size_bytes_ <= kWholeFileBytes) && count <= kLargestTailBytes) {
    const uint64_t wanted = size_bytes_ <= kWholeFileBytes ? size_bytes_ : kTailBytes;
    const uint64_t length = std::min(size_bytes_, std::max(count, wanted));
    TARN_ASSIGN_OR_RETURN(std::string bytes, Fetch({size_bytes_ - length, length}));
    tail = tails_.Put(path_, version_, {size_bytes_ - length, std::move(bytes)});
  }
  if (tail && offset >= tail->offset) {
    std::memcpy(out, tail->bytes.data() + (offset - tail->offset), count);
    return Status::Ok();
  }
  Range range;
  {
    std::lock_guard<std::mutex> guard(mutex_);
    if (window_.Holds(offset, count)) {
      std::memcpy(out, window_.bytes.data() + (offset - window_.offset), count);
      return Status::Ok();
    }
    range = Widen(offset, count);
  }
  TARN_ASSIGN_OR_RETURN(std::string bytes, Fetch(range));
  std::memcpy(out, bytes.data() + (offset - range.offset), count);
  if (range.length > count) {
    std::lock_guard<std::mutex> guard(mutex_);
    window_ = {range.offset, std::move(bytes)};
  }
  return Status::Ok();
}

}  // namespace tarn::duck
