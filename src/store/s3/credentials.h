// Where S3 credentials come from, and keeping them fresh.
//
// A provider hands out credentials that are good for at least a few minutes, fetching new ones
// before the old expire. The default chain tries, in AWS's order: environment (AWS_ACCESS_KEY_ID
// …), web identity (AWS_WEB_IDENTITY_TOKEN_FILE + AWS_ROLE_ARN), profile files (AWS_PROFILE;
// ~/.aws/credentials, ~/.aws/config), container endpoint (AWS_CONTAINER_CREDENTIALS_*_URI),
// instance metadata (IMDSv2).
//
// Threads: Get is safe for concurrent calls; one caller refreshes, the others wait.
// Errors: kPermission naming each place that was looked at and why it gave nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "net/http_client.h"
#include "store/s3/signer.h"

namespace tarn::store::s3 {

class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;
  virtual Result<Credentials> Get() = 0;
  // The server refused these (ExpiredToken): fetch new ones at the next Get, unless that was done.
  virtual void Invalidate(const Credentials& refused) {}
};

// What the chain reads; tests put their own in place.
struct CredentialsEnvironment {
  std::function<std::string(const std::string&)> variable;  // "" when unset
  std::function<Result<std::string>(const std::string&)> read_file;
  std::shared_ptr<net::HttpClient> http;
  Clock* clock = &Clock::System();
};
CredentialsEnvironment ProcessEnvironment(std::shared_ptr<net::HttpClient> http);

std::shared_ptr<CredentialsProvider> StaticCredentials(Credentials credentials);
// Keys named by reference, "env:NAME" or "file:PATH" (read again after the server refused them);
// `session_token` may be empty.
struct CredentialReferences {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
};
std::shared_ptr<CredentialsProvider> ReferencedCredentials(CredentialReferences references,
                                                           CredentialsEnvironment environment);
std::shared_ptr<CredentialsProvider> DefaultCredentialsChain(CredentialsEnvironment environment);

// A setting of the profile in use (AWS_PROFILE, else "default") from AWS's config file; "" when
// there is none.
std::string ProfileSetting(const CredentialsEnvironment& environment, const std::string& name);

// Sections of an INI file as AWS writes them: "[name]" or "[profile name]" -> key -> value.
std::vector<std::pair<std::string, std::string>> ReadProfile(const std::string& ini,
                                                             const std::string& profile);

}  // namespace tarn::store::s3
