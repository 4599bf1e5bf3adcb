#include <algorithm>
#include <cstring>

#include "sources/source.h"

namespace tarn::sources {

std::string_view ByteArena::Copy(std::string_view bytes) {
  if (bytes.empty()) return {};
  size_bytes_ += bytes.size();
  if (bytes.size() > block_left_) {
    // A large record gets a block of its own and leaves the rest of the current block in use.
    if (bytes.size() > kBlockBytes / 4) {
      blocks_.push_back(std::make_unique_for_overwrite<char[]>(bytes.size()));
      std::memcpy(blocks_.back().get(), bytes.data(), bytes.size());
      return {blocks_.back().get(), bytes.size()};
    }
    // Small batches stay small: hundreds of them may be held at a time.
    block_bytes_ = std::clamp(block_bytes_ * 2, kFirstBlockBytes, kBlockBytes);
    while (block_bytes_ < bytes.size()) block_bytes_ *= 2;
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(block_bytes_));
    block_next_ = blocks_.back().get();
    block_left_ = block_bytes_;
  }
  char* place = block_next_;
  std::memcpy(place, bytes.data(), bytes.size());
  block_next_ += bytes.size();
  block_left_ -= bytes.size();
  return {place, bytes.size()};
}

}  // namespace tarn::sources
