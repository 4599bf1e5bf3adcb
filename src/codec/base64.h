// Base64 (RFC 4648, with padding). Pure; safe from any thread.
#pragma once

#include <string>
#include <string_view>

namespace tarn::codec {

std::string Base64(std::string_view bytes);

}  // namespace tarn::codec
