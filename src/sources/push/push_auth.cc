#include "sources/push/push_auth.h"

#include <algorithm>
#include <charconv>

#include "base/hash.h"
#include "base/random.h"

namespace tarn::sources::push {
namespace {

constexpr size_t kDigestHex = 64;

using Fault = std::optional<PushFault>;

PushFault NotAllowed(std::string code, std::string reason) {
  return {401, std::move(code), std::move(reason)};
}

const std::string* Find(const HeaderMap& headers, const std::string& name) {
  const auto found = headers.find(name);
  return found == headers.end() ? nullptr : &found->second;
}

std::optional<int64_t> Number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string Base64OfHex(std::string_view hex) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto nibble = [](char c) {
    return static_cast<uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  for (const char c : hex) {
    bits = bits << 4 | nibble(c);
    have += 4;
    if (have < 6) continue;
    have -= 6;
    out.push_back(kDigits[bits >> have & 63]);
  }
  if (have > 0) out.push_back(kDigits[bits << (6 - have) & 63]);
  while (out.size() % 4 != 0) out.push_back('=');
  return out;
}

bool Within(int64_t said_micros, int64_t now_micros, int64_t tolerance_micros) {
  return said_micros >= now_micros - tolerance_micros &&
         said_micros <= now_micros + tolerance_micros;
}

// HubSpot signs the URI with these decoded.
std::string HubspotUri(std::string_view uri) {
  static constexpr std::pair<std::string_view, char> kDecoded[] = {
      {"%3A", ':'},  {"%2F", '/'}, {"%3F", '?'}, {"%40", '@'}, {"%21", '!'}, {"%24", '$'},
      {"%27", '\''}, {"%28", '('}, {"%29", ')'}, {"%2A", '*'}, {"%2C", ','}, {"%3B", ';'}};
  std::string out;
  for (size_t i = 0; i < uri.size(); ++i) {
    std::string code(uri.substr(i, 3));
    for (char& c : code) {
      if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
    }
    const auto found = std::find_if(std::begin(kDecoded), std::end(kDecoded),
                                    [&](const auto& entry) { return entry.first == code; });
    if (found == std::end(kDecoded)) {
      out.push_back(uri[i]);
    } else {
      out.push_back(found->second);
      i += 2;
    }
  }
  return out;
}

}  // namespace

bool SameSecret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char different = 0;
  for (size_t i = 0; i < a.size(); ++i) different |= static_cast<unsigned char>(a[i] ^ b[i]);
  return different == 0;
}

std::string TokenDigest(const std::string& key, std::string_view token) {
  return HmacSha256Hex(key, token);
}

Result<PushAuth> PushAuth::Make(AuthOptions options) {
  PushAuth auth;
  for (const std::string& entry : options.tokens) {
    const size_t colon = entry.find(':');
    const std::string id = entry.substr(0, colon);
    const std::string hex = colon == std::string::npos ? "" : entry.substr(colon + 1);
    if (hex.size() != kDigestHex || !IsHex(hex)) {
      return Status::InvalidArgument(
          "tokens: an entry is no <key id>:<64 hex digits>; `tarn push token` makes one");
    }
    const auto key = options.keys.find(id);
    if (key == options.keys.end()) {
      return Status::InvalidArgument("tokens: key '" + id + "' is not among token_keys");
    }
    auth.digests_.push_back({key->second, hex});
  }
  for (const auto& [id, key] : options.keys) {
    if (key.empty()) return Status::InvalidArgument("token_keys: key '" + id + "' is empty");
  }
  if (!options.token.empty()) {
    const std::string key = MakeUuid(Random::System());  // of this process alone
    auth.digests_.push_back({key, TokenDigest(key, options.token)});
    options.token.clear();
  }
  const bool guarded =
      !auth.digests_.empty() || !options.stripe_secret.empty() || !options.hubspot_secret.empty();
  if (guarded == options.anonymous) {
    return Status::InvalidArgument(
        guarded ? "anonymous: true leaves tokens and signatures without a meaning; drop one"
                : "nobody may send: give token, tokens, stripe or hubspot (or anonymous: true)");
  }
  if (!options.hubspot_secret.empty() && options.hubspot_url.empty()) {
    return Status::InvalidArgument(
        "hubspot: url is missing; HubSpot signs the address it was told to call");
  }
  auth.options_ = std::move(options);
  return auth;
}

Fault PushAuth::Check(const Call& call, int64_t now_micros) const {
  if (options_.anonymous) return std::nullopt;
  if (!options_.stripe_secret.empty() && Find(call.headers, "stripe-signature") != nullptr) {
    return CheckStripe(call, now_micros);
  }
  if (!options_.hubspot_secret.empty() && Find(call.headers, "x-hubspot-signature-v3") != nullptr) {
    return CheckHubspot(call, now_micros);
  }
  if (!digests_.empty()) return CheckBearer(call.headers);
  return NotAllowed("signature.missing", options_.stripe_secret.empty()
                                             ? "there is no X-HubSpot-Signature-v3"
                                             : "there is no Stripe-Signature");
}

Fault PushAuth::CheckBearer(const HeaderMap& headers) const {
  const std::string* given = Find(headers, "authorization");
  if (given == nullptr) {
    return NotAllowed("token.missing", "send Authorization: Bearer <token>");
  }
  std::string_view text = *given;
  const size_t space = std::min(text.find(' '), text.size());
  std::string scheme(text.substr(0, space));
  for (char& c : scheme) c = static_cast<char>(c | 0x20);
  if (scheme != "bearer") {
    return NotAllowed("token.missing", "Authorization is no bearer token");
  }
  text.remove_prefix(space);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  // Every digest is looked at, whichever fits.
  bool known = false;
  for (const Digest& digest : digests_) {
    const bool same = SameSecret(TokenDigest(digest.key, text), digest.hex);
    known = known || same;
  }
  if (!known) return NotAllowed("token.unknown", "the token is not known for this stream");
  return std::nullopt;
}

Fault PushAuth::CheckStripe(const Call& call, int64_t now_micros) const {
  const std::string& header = *Find(call.headers, "stripe-signature");
  std::string_view stamp;
  std::vector<std::string_view> signatures;
  for (size_t begin = 0; begin < header.size();) {
    const size_t end = std::min(header.find(',', begin), header.size());
    std::string_view part = std::string_view(header).substr(begin, end - begin);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    if (part.starts_with("t=")) stamp = part.substr(2);
    if (part.starts_with("v1=")) signatures.push_back(part.substr(3));
    begin = end + 1;
  }
  const auto seconds = Number(stamp);
  if (!seconds || *seconds > INT64_MAX / 2'000'000 || signatures.empty()) {
    return NotAllowed("signature.form", "Stripe-Signature has no t= and v1=");
  }
  const std::string wanted =
      HmacSha256Hex(options_.stripe_secret, std::string(stamp) + "." + std::string(call.body));
  bool same = false;
  for (const auto given : signatures) same = SameSecret(given, wanted) || same;
  if (!same) return NotAllowed("signature.wrong", "Stripe-Signature is not of this body");
  if (!Within(*seconds * 1'000'000, now_micros, options_.tolerance_micros)) {
    return NotAllowed("signature.old", "Stripe-Signature is outside the tolerance of time");
  }
  return std::nullopt;
}

Fault PushAuth::CheckHubspot(const Call& call, int64_t now_micros) const {
  const std::string& given = *Find(call.headers, "x-hubspot-signature-v3");
  const std::string* stamp = Find(call.headers, "x-hubspot-request-timestamp");
  const auto millis = stamp == nullptr ? std::nullopt : Number(*stamp);
  if (!millis || *millis > INT64_MAX / 2'000) {
    return NotAllowed("signature.form", "X-HubSpot-Request-Timestamp is missing or no number");
  }
  const size_t question = std::min(call.target.find('?'), call.target.size());
  const std::string uri = options_.hubspot_url + std::string(call.target.substr(question));
  const std::string text =
      std::string(call.method) + HubspotUri(uri) + std::string(call.body) + *stamp;
  if (!SameSecret(given, Base64OfHex(HmacSha256Hex(options_.hubspot_secret, text)))) {
    return NotAllowed("signature.wrong",
                      "X-HubSpot-Signature-v3 is not of this body (and of hubspot.url)");
  }
  if (!Within(*millis * 1'000, now_micros, options_.tolerance_micros)) {
    return NotAllowed("signature.old", "X-HubSpot-Signature-v3 is outside the tolerance of time");
  }
  return std::nullopt;
}

}  // namespace tarn::sources::push
