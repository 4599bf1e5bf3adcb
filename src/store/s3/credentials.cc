#include "store/s3/credentials.h"

#include <cstdlib>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <pugixml.hpp>
#include <sstream>

namespace tarn::store::s3 {
namespace {

constexpr int64_t kRefreshBeforeMicros = 5LL * 60 * 1'000'000;
constexpr char kInstanceMetadata[] = "http://169.254.169.254";

bool Same(const Credentials& a, const Credentials& b) {
  return a.access_key_id == b.access_key_id && a.secret_access_key == b.secret_access_key &&
         a.session_token == b.session_token;
}

class Static final : public CredentialsProvider {
 public:
  explicit Static(Credentials credentials) : credentials_(std::move(credentials)) {}
  Result<Credentials> Get() override { return credentials_; }

 private:
  Credentials credentials_;
};

class Referenced final : public CredentialsProvider {
 public:
  Referenced(CredentialReferences references, CredentialsEnvironment environment)
      : references_(std::move(references)), environment_(std::move(environment)) {}

  Result<Credentials> Get() override {
    std::lock_guard lock(mutex_);
    if (current_) return *current_;
    Credentials out;
    TARN_ASSIGN_OR_RETURN(out.access_key_id, Read(references_.access_key_id));
    TARN_ASSIGN_OR_RETURN(out.secret_access_key, Read(references_.secret_access_key));
    if (!references_.session_token.empty()) {
      TARN_ASSIGN_OR_RETURN(out.session_token, Read(references_.session_token));
    }
    current_ = out;
    return out;
  }

  void Invalidate(const Credentials& refused) override {
    std::lock_guard lock(mutex_);
    if (current_ && Same(*current_, refused)) current_.reset();
  }

 private:
  Result<std::string> Read(const std::string& reference) const {
    std::string value;
    if (reference.rfind("env:", 0) == 0) {
      value = environment_.variable(reference.substr(4));
    } else if (reference.rfind("file:", 0) == 0) {
      TARN_ASSIGN_OR_RETURN(value, environment_.read_file(reference.substr(5)));
    } else {
      return Status::InvalidArgument(
          "S3 keys are given by reference, env:NAME or file:PATH, not as they are");
    }
    while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
    if (value.empty()) return Status::Permission("'" + reference + "' is not set or empty");
    return value;
  }

  CredentialReferences references_;
  CredentialsEnvironment environment_;
  std::mutex mutex_;
  std::optional<Credentials> current_;
};

// {"AccessKeyId":…,"SecretAccessKey":…,"Token":…,"Expiration":…}, as containers and instances
// answer.
Result<Credentials> FromJson(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("AccessKeyId") || !json.contains("SecretAccessKey")) {
    return Status::Permission("the answer holds no AccessKeyId and SecretAccessKey");
  }
  Credentials out;
  out.access_key_id = json.value("AccessKeyId", "");
  out.secret_access_key = json.value("SecretAccessKey", "");
  out.session_token = json.value("Token", "");
  if (const auto expires = ParseTimestampUtc(json.value("Expiration", "")); expires.ok()) {
    out.expires_micros = *expires;
  }
  return out;
}

std::string ProfileName(const CredentialsEnvironment& environment) {
  const std::string name = environment.variable("AWS_PROFILE");
  return name.empty() ? "default" : name;
}

std::string CredentialsFile(const CredentialsEnvironment& environment) {
  const std::string file = environment.variable("AWS_SHARED_CREDENTIALS_FILE");
  return file.empty() ? environment.variable("HOME") + "/.aws/credentials" : file;
}

std::string ConfigFile(const CredentialsEnvironment& environment) {
  const std::string file = environment.variable("AWS_CONFIG_FILE");
  return file.empty() ? environment.variable("HOME") + "/.aws/config" : file;
}

class Chain final : public CredentialsProvider {
 public:
  explicit Chain(CredentialsEnvironment environment) : environment_(std::move(environment)) {}

  Result<Credentials> Get() override {
    std::lock_guard lock(mutex_);
    const int64_t now = environment_.clock->NowMicros();
    if (current_ &&
        (current_->expires_micros == 0 || current_->expires_micros - kRefreshBeforeMicros > now)) {
      return *current_;
    }
    auto fetched = Fetch();
    if (fetched.ok()) {
      current_ = *fetched;
      return fetched;
    }
    // Better the old ones for the minutes they have left than a failure.
    if (current_ && current_->expires_micros > now) return *current_;
    return fetched.status();
  }

  void Invalidate(const Credentials& refused) override {
    std::lock_guard lock(mutex_);
    if (current_ && Same(*current_, refused)) current_.reset();
  }

 private:
  using Source = Result<Credentials> (Chain::*)();

  Result<Credentials> Fetch() {
    std::string looked;
    for (const auto& [name, source] :
         std::vector<std::pair<const char*, Source>>{{"environment", &Chain::FromEnvironment},
                                                     {"web identity", &Chain::FromWebIdentity},
                                                     {"profile files", &Chain::FromProfiles},
                                                     {"container", &Chain::FromContainer},
                                                     {"instance metadata", &Chain::FromInstance}}) {
      auto credentials = (this->*source)();
      if (credentials.ok()) return credentials;
      looked +=
          std::string(looked.empty() ? "" : "; ") + name + ": " + credentials.status().message();
    }
    return Status::Permission("no S3 credentials found (" + looked +
                              "); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile");
  }

  std::string Variable(const char* name) const { return environment_.variable(name); }

  Result<Credentials> FromEnvironment() {
    Credentials out;
    out.access_key_id = Variable("AWS_ACCESS_KEY_ID");
    out.secret_access_key = Variable("AWS_SECRET_ACCESS_KEY");
    out.session_token = Variable("AWS_SESSION_TOKEN");
    if (out.access_key_id.empty() || out.secret_access_key.empty()) {
      return Status::NotFound("AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set");
    }
    return out;
  }

  Result<Credentials> FromProfiles() {
    const std::string profile = ProfileName(environment_);
    for (const auto& file : {CredentialsFile(environment_), ConfigFile(environment_)}) {
      const auto text = environment_.read_file(file);
      if (!text.ok()) continue;
      Credentials out;
      for (const auto& [key, value] : ReadProfile(*text, profile)) {
        if (key == "aws_access_key_id") out.access_key_id = value;
        if (key == "aws_secret_access_key") out.secret_access_key = value;
        if (key == "aws_session_token") out.session_token = value;
      }
      if (!out.access_key_id.empty() && !out.secret_access_key.empty()) return out;
    }
    for (const char* foreign :
         {"credential_process", "sso_session", "sso_start_url", "source_profile"}) {
      if (!ProfileSetting(environment_, foreign).empty()) {
        return Status::NotFound("profile " + profile + " uses " + foreign +
                                ", which is not supported: write keys into it, or export them "
                                "with 'aws configure export-credentials'");
      }
    }
    return Status::NotFound("profile " + profile + " has no keys in " +
                            CredentialsFile(environment_));
  }

  Result<Credentials> FromWebIdentity() {
    const std::string token_file = Variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    const std::string role = Variable("AWS_ROLE_ARN");
    if (token_file.empty() || role.empty()) {
      return Status::NotFound("AWS_WEB_IDENTITY_TOKEN_FILE or AWS_ROLE_ARN is not set");
    }
    TARN_ASSIGN_OR_RETURN(const std::string token, environment_.read_file(token_file));
    std::string endpoint = Variable("AWS_ENDPOINT_URL_STS");
    if (endpoint.empty()) {
      const std::string region = Variable("AWS_REGION");
      endpoint = "https://sts." + (region.empty() ? "" : region + ".") + "amazonaws.com";
    }
    const std::string session = Variable("AWS_ROLE_SESSION_NAME");
    net::HttpRequest request;
    request.method = "POST";
    const std::string body =
        CanonicalQuery({{"Action", "AssumeRoleWithWebIdentity"},
                        {"Version", "2011-06-15"},
                        {"RoleArn", role},
                        {"RoleSessionName", session.empty() ? "tarn" : session},
                        {"WebIdentityToken", token}});
    request.url = endpoint + "/";
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    request.body = body;
    TARN_ASSIGN_OR_RETURN(const auto response, environment_.http->Send(request));
    pugi::xml_document document;
    document.load_buffer(response.body.data(), response.body.size());
    const auto found = document.select_node("//Credentials").node();
    if (response.status != 200 || !found) {
      const auto code = document.select_node("//Error/Code").node();
      return Status::Permission("the token service answered " + std::to_string(response.status) +
                                " " + code.text().as_string());
    }
    Credentials out;
    out.access_key_id = found.child_value("AccessKeyId");
    out.secret_access_key = found.child_value("SecretAccessKey");
    out.session_token = found.child_value("SessionToken");
    TARN_ASSIGN_OR_RETURN(out.expires_micros, ParseTimestampUtc(found.child_value("Expiration")));
    return out;
  }

  Result<Credentials> FromContainer() {
    std::string url = Variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (const std::string relative = Variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        !relative.empty()) {
      url = "http://169.254.170.2" + relative;
    }
    if (url.empty()) return Status::NotFound("AWS_CONTAINER_CREDENTIALS_*_URI is not set");
    net::HttpRequest request;
    request.url = url;
    std::string token = Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (const std::string file = Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        !file.empty()) {
      TARN_ASSIGN_OR_RETURN(token, environment_.read_file(file));
    }
    if (!token.empty()) request.headers.emplace_back("Authorization", token);
    TARN_ASSIGN_OR_RETURN(const auto response, environment_.http->Send(request));
    if (response.status != 200) {
      return Status::Permission("the endpoint answered " + std::to_string(response.status));
    }
    return FromJson(response.body);
  }

  Result<Credentials> FromInstance() {
    if (Variable("AWS_EC2_METADATA_DISABLED") == "true") {
      return Status::NotFound("AWS_EC2_METADATA_DISABLED is set");
    }
    std::string endpoint = Variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (endpoint.empty()) endpoint = kInstanceMetadata;
    net::HttpRequest request;
    request.connect_timeout_ms = 1'000;  // away from AWS nobody answers
    request.idle_timeout_ms = 2'000;
    request.method = "PUT";
    request.url = endpoint + "/latest/api/token";
    request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}};
    TARN_ASSIGN_OR_RETURN(const auto token, environment_.http->Send(request));
    if (token.status != 200)
      return Status::NotFound("no token (" + std::to_string(token.status) + ")");
    request.method = "GET";
    request.headers = {{"X-aws-ec2-metadata-token", token.body}};
    request.url = endpoint + "/latest/meta-data/iam/security-credentials/";
    TARN_ASSIGN_OR_RETURN(const auto role, environment_.http->Send(request));
    if (role.status != 200 || role.body.empty())
      return Status::NotFound("the instance has no role");
    request.url += role.body.substr(0, role.body.find('\n'));
    TARN_ASSIGN_OR_RETURN(const auto response, environment_.http->Send(request));
    if (response.status != 200) {
      return Status::Permission("the service answered " + std::to_string(response.status));
    }
    return FromJson(response.body);
  }

  CredentialsEnvironment environment_;
  std::mutex mutex_;
  std::optional<Credentials> current_;
};

std::string Trim(const std::string& text) {
  const size_t from = text.find_first_not_of(" \t\r");
  if (from == std::string::npos) return "";
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

}  // namespace

CredentialsEnvironment ProcessEnvironment(std::shared_ptr<net::HttpClient> http) {
  CredentialsEnvironment out;
  out.http = std::move(http);
  out.variable = [](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return std::string(value == nullptr ? "" : value);
  };
  out.read_file = [](const std::string& path) -> Result<std::string> {
    std::ifstream in(path, std::ios::binary);
    if (!in) return Status::NotFound("cannot read " + path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  };
  return out;
}

std::shared_ptr<CredentialsProvider> StaticCredentials(Credentials credentials) {
  return std::make_shared<Static>(std::move(credentials));
}

std::shared_ptr<CredentialsProvider> DefaultCredentialsChain(CredentialsEnvironment environment) {
  return std::make_shared<Chain>(std::move(environment));
}

std::shared_ptr<CredentialsProvider> ReferencedCredentials(CredentialReferences references,
                                                           CredentialsEnvironment environment) {
  return std::make_shared<Referenced>(std::move(references), std::move(environment));
}

std::string ProfileSetting(const CredentialsEnvironment& environment, const std::string& name) {
  const auto text = environment.read_file(ConfigFile(environment));
  if (!text.ok()) return "";
  for (const auto& [key, value] : ReadProfile(*text, ProfileName(environment))) {
    if (key == name) return value;
  }
  return "";
}

std::vector<std::pair<std::string, std::string>> ReadProfile(const std::string& ini,
                                                             const std::string& profile) {
  std::vector<std::pair<std::string, std::string>> out;
  std::istringstream in(ini);
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    line = Trim(line);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      const std::string name = Trim(line.substr(1, line.find(']') - 1));
      inside = name == profile || name == "profile " + profile;
    } else if (const size_t equals = line.find('='); inside && equals != std::string::npos) {
      out.emplace_back(Trim(line.substr(0, equals)), Trim(line.substr(equals + 1)));
    }
  }
  return out;
}

}  // namespace tarn::store::s3
