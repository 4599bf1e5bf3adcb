#include "delta/z85.h"

#include <array>
#include <cstdint>

#include "base/status.h"

namespace tarn::delta {
namespace {

constexpr std::string_view kAlphabet =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

constexpr std::array<int8_t, 256> MakeDigits() {
  std::array<int8_t, 256> digits{};
  for (auto& digit : digits) digit = -1;
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int8_t>(i);
  }
  return digits;
}
constexpr std::array<int8_t, 256> kDigits = MakeDigits();

}  // namespace

std::string EncodeZ85(std::string_view bytes) {
  TARN_CHECK(bytes.size() % 4 == 0);
  std::string out;
  out.reserve(bytes.size() / 4 * 5);
  for (size_t i = 0; i < bytes.size(); i += 4) {
    uint32_t group = 0;
    for (size_t k = 0; k < 4; ++k) group = group << 8 | static_cast<unsigned char>(bytes[i + k]);
    char digits[5];
    for (int k = 4; k >= 0; --k) {
      digits[k] = kAlphabet[group % 85];
      group /= 85;
    }
    out.append(digits, 5);
  }
  return out;
}

std::optional<std::string> DecodeZ85(std::string_view text) {
  if (text.size() % 5 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 5 * 4);
  for (size_t i = 0; i < text.size(); i += 5) {
    uint64_t group = 0;
    for (size_t k = 0; k < 5; ++k) {
      const int8_t digit = kDigits[static_cast<unsigned char>(text[i + k])];
      if (digit < 0) return std::nullopt;
      group = group * 85 + static_cast<uint64_t>(digit);
    }
    if (group > UINT32_MAX) return std::nullopt;
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(group >> shift));
  }
  return out;
}

}  // namespace tarn::delta
