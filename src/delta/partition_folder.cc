#include "delta/partition_folder.h"

namespace tarn::delta {

std::string EscapeFolderName(std::string_view text) {
  static constexpr std::string_view kEscaped = "\"#%'*/:=?\\{[]^";
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || kEscaped.find(c) != std::string_view::npos) {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace tarn::delta
