// Base64 (RFC 4648, with padding). Pure; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tarn {

std::string Base64(std::string_view bytes);
// nullopt: `text` is no base64.
std::optional<std::string> FromBase64(std::string_view text);

}  // namespace tarn
