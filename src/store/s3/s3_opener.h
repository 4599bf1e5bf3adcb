// StoreOpener for "s3://bucket/prefix" (also s3a:// and s3n://, as Spark and Hadoop write it).
//
// Where a setting comes from, the first that says something: S3Config (what the command line or a
// file says), the AWS_* variables, the profile, the default. All stores of an opener share one HTTP
// client, one set of credentials, one retry budget and one limit of parts on the wire.
//
// Threads: safe. No I/O before a store is used, but for the profile's config file.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "store/s3/s3_store.h"
#include "store/store_opener.h"

namespace tarn::store::s3 {

struct S3Config {
  std::string endpoint;  // AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, endpoint_url; empty: AWS's
  std::string region;    // AWS_REGION, AWS_DEFAULT_REGION, region; else us-east-1
  std::string profile;   // AWS_PROFILE
  // AWS_S3_FORCE_PATH_STYLE ("true", "false"). Not set: path style for an endpoint that has a port
  // or is an IP address, and for bucket names with a dot; else <bucket>.<endpoint>.
  std::optional<bool> path_style;
  // By reference; both empty: the chain of credentials.h.
  CredentialReferences keys;
};

// Bucket, prefix and what the config and the environment say about them. Errors: kInvalidArgument
// for what is no S3 address.
Result<S3Options> ResolveS3Options(const std::string& address, const S3Config& config,
                                   const CredentialsEnvironment& environment);

// Errors: kInvalidArgument when one of the two keys is given without the other.
Result<std::shared_ptr<StoreOpener>> MakeS3Opener(S3Config config);
// With a client and an environment of the caller's, for tests.
Result<std::shared_ptr<StoreOpener>> MakeS3Opener(S3Config config,
                                                  CredentialsEnvironment environment);

}  // namespace tarn::store::s3
