#include "store/s3/signer.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cctype>

#include "base/clock.h"
#include "base/hash.h"

namespace tarn::store::s3 {
namespace {

std::string Hmac(std::string_view key, std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, &size);
  return std::string(reinterpret_cast<char*>(out), size);
}

// "20261123T130507Z"
std::string BasicTimestamp(int64_t micros) {
  const std::string iso = FormatTimestampUtc(micros);  // 2026-11-23T13:05:07.123456Z
  return iso.substr(0, 4) + iso.substr(5, 2) + iso.substr(8, 5) + iso.substr(14, 2) +
         iso.substr(17, 2) + "Z";
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

std::string UriEncode(std::string_view text, bool keep_slash) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~' ||
                       (keep_slash && c == '/');
    if (plain && byte < 0x80) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::string CanonicalQuery(std::vector<std::pair<std::string, std::string>> query) {
  for (auto& [name, value] : query) {
    name = UriEncode(name, false);
    value = UriEncode(value, false);
  }
  std::sort(query.begin(), query.end());
  std::string out;
  for (const auto& [name, value] : query) {
    if (!out.empty()) out += '&';
    out += name + '=' + value;
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> SignRequest(const SigningInput& input,
                                                             const Credentials& credentials) {
  const std::string timestamp = BasicTimestamp(input.now_micros);
  std::vector<std::pair<std::string, std::string>> headers = input.headers;
  headers.emplace_back("x-amz-content-sha256", input.payload_sha256);
  headers.emplace_back("x-amz-date", timestamp);
  if (!credentials.session_token.empty()) {
    headers.emplace_back("x-amz-security-token", credentials.session_token);
  }
  std::vector<std::pair<std::string, std::string>> signed_headers = headers;
  signed_headers.emplace_back("host", input.host);
  for (auto& [name, value] : signed_headers) name = Lower(name);
  std::sort(signed_headers.begin(), signed_headers.end());

  std::string canonical =
      input.method + "\n" + input.path + "\n" + CanonicalQuery(input.query) + "\n";
  std::string names;
  for (const auto& [name, value] : signed_headers) {
    canonical += name + ":" + value + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  canonical += "\n" + names + "\n" + input.payload_sha256;

  const std::string day = timestamp.substr(0, 8);
  const std::string scope = day + "/" + input.region + "/" + input.service + "/aws4_request";
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + timestamp + "\n" + scope + "\n" + Sha256Hex(canonical);
  const std::string key = Hmac(
      Hmac(Hmac(Hmac("AWS4" + credentials.secret_access_key, day), input.region), input.service),
      "aws4_request");
  headers.emplace_back("Authorization", "AWS4-HMAC-SHA256 Credential=" + credentials.access_key_id +
                                            "/" + scope + ",SignedHeaders=" + names +
                                            ",Signature=" + HmacSha256Hex(key, to_sign));
  return headers;
}

}  // namespace tarn::store::s3
