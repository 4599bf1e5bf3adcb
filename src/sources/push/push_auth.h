// Who may send to a stream.
//
// Bearer tokens are never kept: a token is known by its HMAC-SHA-256 under a key with an id
// ("k1:9f86d0…"), so that what stands in the project's files lets nobody in and keys can be
// exchanged. Signatures of webhooks are checked over the bytes as received, before decompression:
//   Stripe   Stripe-Signature: t=<s>,v1=<hex>[,v1=…]; HMAC-SHA-256 of "<t>.<body>"
//   HubSpot  X-HubSpot-Signature-v3: base64 HMAC-SHA-256 of method + URI + body + timestamp, with
//            X-HubSpot-Request-Timestamp in milliseconds
// A signature older (or newer) than the tolerance is refused, so that a recorded request cannot be
// sent again later.
//
// Digests are compared in constant time. Threads: const calls are safe. Errors: kInvalidArgument
// naming the entry (never a secret).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "sources/push/push_body.h"

namespace tarn::sources::push {

struct AuthOptions {
  std::map<std::string, std::string> keys;  // key id -> secret, already resolved
  std::vector<std::string> tokens;          // "<key id>:<64 hex digits>"
  std::string token;                        // a plain token from a reference; empty: none
  std::string stripe_secret, hubspot_secret;
  std::string hubspot_url;  // as HubSpot calls it: "https://in.example.com/v1/streams/crm"
  int64_t tolerance_micros = 300'000'000;
  bool anonymous = false;  // anybody may send
};

// The digest to write into the project's files.
std::string TokenDigest(const std::string& key, std::string_view token);

class PushAuth {
 public:
  static Result<PushAuth> Make(AuthOptions options);

  struct Call {
    std::string_view method;
    std::string_view target;  // "/v1/streams/crm?x=1"
    const HeaderMap& headers;
    std::string_view body;  // as received
  };
  // nullopt: may send. Otherwise why not (status 401).
  std::optional<PushFault> Check(const Call& call, int64_t now_micros) const;

 private:
  struct Digest {
    std::string key;  // the secret
    std::string hex;
  };
  std::optional<PushFault> CheckBearer(const HeaderMap& headers) const;
  std::optional<PushFault> CheckStripe(const Call& call, int64_t now_micros) const;
  std::optional<PushFault> CheckHubspot(const Call& call, int64_t now_micros) const;

  AuthOptions options_;
  std::vector<Digest> digests_;
};

// Takes as long for equal as for different texts of one length.
bool SameSecret(std::string_view a, std::string_view b);

}  // namespace tarn::sources::push
