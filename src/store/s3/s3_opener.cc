#include "store/s3/s3_opener.h"

namespace tarn::store::s3 {
namespace {

constexpr int kPartsOnTheWire = 8;
constexpr const char* kSchemes[] = {"s3://", "s3a://", "s3n://"};

// The address behind its scheme; nullopt when it has none of ours.
std::optional<std::string> BehindScheme(const std::string& address) {
  for (const std::string scheme : kSchemes) {
    if (address.rfind(scheme, 0) == 0) return address.substr(scheme.size());
  }
  return std::nullopt;
}

struct BucketAndKey {
  std::string bucket;
  std::string key;
};

Result<BucketAndKey> Split(const std::string& address) {
  const auto rest = BehindScheme(address);
  if (!rest) {
    return Status::InvalidArgument("'" + address +
                                   "' is not an S3 address; write s3://bucket/prefix");
  }
  BucketAndKey out;
  out.bucket = rest->substr(0, rest->find('/'));
  if (rest->find('/') != std::string::npos) out.key = rest->substr(rest->find('/') + 1);
  const bool plain =
      out.bucket.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == std::string::npos;
  if (out.bucket.size() < 3 || !plain) {
    return Status::InvalidArgument("'" + address +
                                   "' names no bucket (3 or more letters, digits, '.', '-'); write "
                                   "s3://bucket/prefix");
  }
  return out;
}

bool LooksLikeAddress(const std::string& endpoint) {
  const size_t start = endpoint.find("://") == std::string::npos ? 0 : endpoint.find("://") + 3;
  const std::string host = endpoint.substr(start);
  return host.find(':') != std::string::npos || host.rfind("localhost", 0) == 0 ||
         host.find_first_not_of("0123456789.") == std::string::npos;
}

std::string FirstOf(std::initializer_list<std::string> values) {
  for (const std::string& value : values) {
    if (!value.empty()) return value;
  }
  return "";
}

class S3Opener final : public StoreOpener {
 public:
  S3Opener(S3Config config, CredentialsEnvironment environment)
      : config_(std::move(config)), variables_(std::move(environment)) {
    shared_.http = variables_.http;
    shared_.clock = variables_.clock;
    shared_.metrics = std::make_shared<RequestMetrics>();
    shared_.retry_budget = std::make_shared<net::RetryBudget>();
    shared_.upload_slots = std::make_shared<UploadSlots>(kPartsOnTheWire);
    shared_.credentials = config_.keys.access_key_id.empty()
                              ? DefaultCredentialsChain(variables_)
                              : ReferencedCredentials(config_.keys, variables_);
  }

  bool Handles(const std::string& address) const override {
    return BehindScheme(address).has_value();
  }

  Result<std::string> Normalize(const std::string& address) const override {
    TARN_ASSIGN_OR_RETURN(BucketAndKey split, Split(address));
    while (!split.key.empty() && split.key.back() == '/') split.key.pop_back();
    return "s3://" + split.bucket + (split.key.empty() ? "" : "/" + split.key);
  }

  Result<std::shared_ptr<ObjectStore>> Open(const std::string& address) override {
    TARN_ASSIGN_OR_RETURN(const std::string normal, Normalize(address));
    std::lock_guard lock(mutex_);
    auto& store = stores_[normal];
    if (!store) {
      auto options = ResolveS3Options(normal, config_, variables_);
      if (!options.ok()) {
        stores_.erase(normal);
        return options.status();
      }
      store = MakeS3Store(std::move(*options), shared_);
    }
    return store;
  }

  Result<Place> Locate(const std::string& address) override {
    TARN_ASSIGN_OR_RETURN(BucketAndKey split, Split(address));
    Place place;
    TARN_ASSIGN_OR_RETURN(place.store, Open("s3://" + split.bucket));
    place.key = std::move(split.key);
    return place;
  }

  std::shared_ptr<RequestMetrics> metrics() const override { return shared_.metrics; }

 private:
  S3Config config_;
  CredentialsEnvironment variables_;
  S3Environment shared_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<ObjectStore>> stores_;  // by normal address
};

}  // namespace

Result<S3Options> ResolveS3Options(const std::string& address, const S3Config& config,
                                   const CredentialsEnvironment& environment) {
  TARN_ASSIGN_OR_RETURN(BucketAndKey split, Split(address));
  S3Options options;
  options.bucket = std::move(split.bucket);
  options.prefix = std::move(split.key);
  while (!options.prefix.empty() && options.prefix.back() == '/') options.prefix.pop_back();
  if (!options.prefix.empty()) TARN_RETURN_IF_ERROR(ValidateKey(options.prefix));
  const auto variable = [&](const char* name) { return environment.variable(name); };
  options.region = FirstOf({config.region, variable("AWS_REGION"), variable("AWS_DEFAULT_REGION"),
                            ProfileSetting(environment, "region"), "us-east-1"});
  options.endpoint =
      FirstOf({config.endpoint, variable("AWS_ENDPOINT_URL_S3"), variable("AWS_ENDPOINT_URL"),
               ProfileSetting(environment, "endpoint_url")});
  const std::string style = variable("AWS_S3_FORCE_PATH_STYLE");
  if (config.path_style) {
    options.path_style = *config.path_style;
  } else if (!style.empty()) {
    options.path_style = style == "true" || style == "1";
  } else {
    // A bucket name with dots does not match AWS's certificate as a host name.
    options.path_style = options.bucket.find('.') != std::string::npos ||
                         (!options.endpoint.empty() && LooksLikeAddress(options.endpoint));
  }
  return options;
}

Result<std::shared_ptr<StoreOpener>> MakeS3Opener(S3Config config,
                                                  CredentialsEnvironment environment) {
  if (config.keys.access_key_id.empty() != config.keys.secret_access_key.empty()) {
    return Status::InvalidArgument(
        "S3 keys come in pairs; give --s3-access-key and --s3-secret-key, or neither");
  }
  if (!config.profile.empty()) {
    environment.variable = [inner = environment.variable,
                            profile = config.profile](const std::string& name) {
      return name == "AWS_PROFILE" ? profile : inner(name);
    };
  }
  return std::shared_ptr<StoreOpener>(
      std::make_shared<S3Opener>(std::move(config), std::move(environment)));
}

Result<std::shared_ptr<StoreOpener>> MakeS3Opener(S3Config config) {
  const CredentialsEnvironment variables = ProcessEnvironment(nullptr);
  net::HttpClientOptions http;
  http.ca_file = variables.variable("AWS_CA_BUNDLE");
  return MakeS3Opener(std::move(config), ProcessEnvironment(net::MakeHttpClient(http)));
}

}  // namespace tarn::store::s3
