#include "delta/roaring_format.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

namespace tarn::delta {
namespace {

// RoaringFormatSpec: cookies and the size from which an offset header is written beside runs.
constexpr uint32_t kCookieNoRuns = 12346;
constexpr uint32_t kCookieRuns = 12347;
constexpr uint32_t kMinContainersForOffsets = 4;
constexpr uint32_t kMaxArrayCardinality = 4096;
constexpr size_t kBitsetBytes = 8192;

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  size_t at() const { return at_; }
  bool ok() const { return ok_; }

  uint32_t U16() { return static_cast<uint32_t>(Number(2)); }
  uint32_t U32() { return static_cast<uint32_t>(Number(4)); }
  uint64_t U64() { return Number(8); }
  std::string_view Take(size_t count) {
    if (!ok_ || bytes_.size() - at_ < count) {
      ok_ = false;
      return {};
    }
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }

 private:
  uint64_t Number(size_t count) {
    const std::string_view raw = Take(count);
    uint64_t value = 0;
    for (size_t i = 0; i < raw.size(); ++i) {
      value |= static_cast<uint64_t>(static_cast<unsigned char>(raw[i])) << (8 * i);
    }
    return value;
  }
  std::string_view bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

struct Container {
  uint32_t key = 0;
  uint32_t cardinality = 0;
  bool is_run = false;
};

bool ReadRuns(Reader* reader, uint32_t cardinality) {
  const uint32_t runs = reader->U16();
  int64_t next_free = 0;
  uint32_t total = 0;
  for (uint32_t i = 0; i < runs && reader->ok(); ++i) {
    const uint32_t start = reader->U16();
    const uint32_t length_minus_one = reader->U16();
    if (static_cast<int64_t>(start) < next_free || start + length_minus_one > 0xffff) return false;
    next_free = static_cast<int64_t>(start) + length_minus_one + 1;
    total += length_minus_one + 1;
  }
  return reader->ok() && runs > 0 && total == cardinality;
}

bool ReadBitset(Reader* reader, uint32_t cardinality) {
  uint32_t total = 0;
  for (size_t i = 0; i < kBitsetBytes / 8 && reader->ok(); ++i) {
    total += static_cast<uint32_t>(std::popcount(reader->U64()));
  }
  return reader->ok() && total == cardinality;
}

bool ReadArray(Reader* reader, uint32_t cardinality) {
  int64_t previous = -1;
  for (uint32_t i = 0; i < cardinality && reader->ok(); ++i) {
    const int64_t value = reader->U16();
    if (value <= previous) return false;
    previous = value;
  }
  return reader->ok();
}

bool ReadHeader(Reader* reader, std::vector<Container>* containers, bool* has_runs) {
  const uint32_t cookie = reader->U32();
  uint32_t count = 0;
  *has_runs = (cookie & 0xffff) == kCookieRuns;
  std::string_view run_flags;
  if (*has_runs) {
    count = (cookie >> 16) + 1;
    run_flags = reader->Take((count + 7) / 8);
  } else if (cookie == kCookieNoRuns) {
    count = reader->U32();
  } else {
    return false;
  }
  if (!reader->ok() || count > 0x10000) return false;
  containers->resize(count);
  int64_t previous = -1;
  for (uint32_t i = 0; i < count; ++i) {
    Container& container = (*containers)[i];
    container.key = reader->U16();
    container.cardinality = reader->U16() + 1;
    container.is_run =
        *has_runs && (static_cast<unsigned char>(run_flags[i / 8]) >> (i % 8) & 1) != 0;
    if (!reader->ok() || static_cast<int64_t>(container.key) <= previous) return false;
    previous = container.key;
  }
  return true;
}

}  // namespace

std::optional<size_t> PortableBitmapSize(std::string_view bytes) {
  Reader reader(bytes);
  std::vector<Container> containers;
  bool has_runs = false;
  if (!ReadHeader(&reader, &containers, &has_runs)) return std::nullopt;
  std::vector<uint32_t> offsets;
  if (!has_runs || containers.size() >= kMinContainersForOffsets) {
    for (size_t i = 0; i < containers.size(); ++i) offsets.push_back(reader.U32());
  }
  for (size_t i = 0; i < containers.size(); ++i) {
    if (!offsets.empty() && offsets[i] != reader.at()) return std::nullopt;
    const Container& container = containers[i];
    const bool good = container.is_run ? ReadRuns(&reader, container.cardinality)
                      : container.cardinality > kMaxArrayCardinality
                          ? ReadBitset(&reader, container.cardinality)
                          : ReadArray(&reader, container.cardinality);
    if (!good) return std::nullopt;
  }
  if (!reader.ok()) return std::nullopt;
  return reader.at();
}

}  // namespace tarn::delta
