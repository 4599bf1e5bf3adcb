// SchemaRegistry: a client of Confluent's schema registry REST API (Apicurio and others speak it).
//
// A registered schema never changes, so everything that was found is kept for good: in memory and,
// with a store, in the lake ("_tarn/schemas/<registry>/"), so that a stream whose schemas were seen
// before runs on, and starts, while the registry is away. That an id is not there is believed for
// `unknown_micros` only.
//
// Threads: safe for concurrent calls. Errors: kNotFound: the registry answers and knows no such
// schema; kPermission: it refused the credentials; kBackoff: it cannot be reached and the answer is
// not kept.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "net/http_client.h"
#include "store/object_store.h"

namespace tarn::registry {

struct SchemaReference {
  std::string name, subject;
  int32_t version = 0;
};

struct Schema {
  std::string type = "AVRO";  // "AVRO", "JSON", "PROTOBUF"
  std::string text;
  std::vector<SchemaReference> references;
};

struct SchemaVersion {
  std::string subject;
  int32_t version = 0;
  int32_t id = 0;
  Schema schema;
};

struct RegistryOptions {
  std::string url;  // "http://registry:8081", or ending in /apis/ccompat/v7
  std::string user, password;
  std::string token;  // bearer
  std::string ca_file;
  int64_t unknown_micros = 10'000'000;
  std::shared_ptr<store::ObjectStore> store;  // may be null: memory only
};

class SchemaRegistry {
 public:
  SchemaRegistry(RegistryOptions options, std::shared_ptr<net::HttpClient> client,
                 Clock& clock = Clock::System());

  Result<Schema> ById(int32_t id);
  Result<Schema> ByGuid(const std::string& guid);
  // `version` "latest" is asked anew each time, and is the last one known while the registry is
  // away.
  Result<SchemaVersion> BySubject(const std::string& subject, const std::string& version);
  // Subjects and versions that the id is registered under.
  Result<std::vector<std::pair<std::string, int32_t>>> VersionsOf(int32_t id);
  // May data of `schema` be read with the subject's latest version, by the subject's own rule?
  // Asked anew each time; the last answer while the registry is away.
  Result<bool> IsCompatible(const std::string& subject, const Schema& schema);
  // Of all references, theirs included, each once and before who needs it.
  Result<std::vector<SchemaVersion>> Resolve(const Schema& schema);

 private:
  enum class Keep { kForever, kWhileAway };
  // The body of GET `path`, from the cache when it may be.
  Result<std::string> Get(const std::string& path, Keep keep);
  Result<net::HttpResponse> Send(const std::string& method, const std::string& path,
                                 const std::string& body);
  std::string KeyOf(const std::string& path) const;
  Status ResolveInto(const Schema& schema, int depth, std::vector<SchemaVersion>* out);

  RegistryOptions options_;
  std::shared_ptr<net::HttpClient> client_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, std::string> known_;      // path -> body
  std::map<std::string, int64_t> unknown_until_;  // path -> monotonic time
};

}  // namespace tarn::registry
