// Digests and checksums. Pure functions; safe from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tarn {

// Lower-case hex digests.
std::string Md5Hex(std::string_view bytes);
std::string Sha256Hex(std::string_view bytes);
std::string HmacSha256Hex(std::string_view key, std::string_view bytes);
// SHA-256 of bytes that come piece by piece. One user at a time.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;
  void Update(std::string_view bytes);
  // Lower-case hex; call once, last.
  std::string FinishHex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};
// CRC-32 (IEEE 802.3), as zlib computes it.
uint32_t Crc32(std::string_view bytes);

}  // namespace tarn
