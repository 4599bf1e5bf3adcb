// Digests and checksums. Pure functions; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tarn {

// Lower-case hex digests.
std::string Md5Hex(std::string_view bytes);
std::string Sha256Hex(std::string_view bytes);
std::string HmacSha256Hex(std::string_view key, std::string_view bytes);
// CRC-32 (IEEE 802.3), as zlib computes it.
uint32_t Crc32(std::string_view bytes);

}  // namespace tarn
