// Z85 (ZeroMQ RFC 32): four bytes as five printable characters that JSON need not escape. Deletion
// vectors use it for UUIDs and inline bitmaps. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tarn::delta {

// REQUIRES: bytes.size() % 4 == 0.
std::string EncodeZ85(std::string_view bytes);
// nullopt when the length is not a multiple of five, or for a character or group outside the
// alphabet.
std::optional<std::string> DecodeZ85(std::string_view text);

}  // namespace tarn::delta
