#include "cli/pii_key.h"

#include <algorithm>
#include <cctype>

#include "base/hash.h"
#include "cli/lake_options.h"

namespace tarn::cli {
namespace {

constexpr size_t kBlockBytes = 64;  // of SHA-256, as HMAC pads its key to (RFC 2104)
constexpr size_t kShortestKey = 16;

std::string Unhex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

// The key xor a repeated byte, in hex: one of the two prefixes HMAC hashes.
std::string PadHex(const std::string& key, unsigned char pad) {
  static const char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (size_t i = 0; i < kBlockBytes; ++i) {
    const unsigned char byte = (i < key.size() ? static_cast<unsigned char>(key[i]) : 0) ^ pad;
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace

Status DefinePiiToken(engine::Session& session, const std::string& option) {
  const size_t equals = option.find('=');
  const std::string id = option.substr(0, equals);
  const bool good_id =
      !id.empty() && id.size() <= 32 && std::all_of(id.begin(), id.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
      });
  if (equals == std::string::npos || !good_id) {
    return Status::InvalidArgument(
        "--pii-key wants ID=env:NAME or ID=file:PATH, the ID of letters, digits, '_' and '-'");
  }
  auto key = ResolveReference(option.substr(equals + 1), true);
  if (!key.ok()) return key.status().WithContext("--pii-key " + id);
  if (key->size() < kShortestKey) {
    return Status::InvalidArgument("--pii-key " + id + ": the key is shorter than " +
                                   std::to_string(kShortestKey) +
                                   " bytes; make one with: openssl rand -hex 32");
  }
  const std::string block = key->size() > kBlockBytes ? Unhex(Sha256Hex(*key)) : *key;
  const std::string statements[] = {
      "SET VARIABLE tarn_pii_inner = unhex('" + PadHex(block, 0x36) + "')",
      "SET VARIABLE tarn_pii_outer = unhex('" + PadHex(block, 0x5c) + "')",
      "CREATE OR REPLACE TEMP MACRO pii_token(value) AS '" + id +
          ".' || sha256(getvariable('tarn_pii_outer') || unhex(sha256("
          "getvariable('tarn_pii_inner') || encode(CAST(value AS VARCHAR)))))"};
  for (const std::string& statement : statements) {
    auto done = session.QueryDuckdb(statement);
    // DuckDB's message could quote the statement, and with it the key.
    if (!done.ok()) {
      return Status::Internal("--pii-key " + id +
                              ": pii_token could not be defined in this session");
    }
  }
  return Status::Ok();
}

}  // namespace tarn::cli
