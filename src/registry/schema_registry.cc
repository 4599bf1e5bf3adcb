#include "registry/schema_registry.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/hash.h"

namespace tarn::registry {
namespace {

constexpr int kDeepestReference = 32;
constexpr const char* kMediaType = "application/vnd.schemaregistry.v1+json";

std::string Escaped(const std::string& text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      out.push_back(c);
    } else {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

Status Unreadable(const std::string& path) {
  return Status::Corruption("the schema registry's answer to " + path + " cannot be read");
}

std::vector<SchemaReference> ReferencesOf(const nlohmann::json& json) {
  std::vector<SchemaReference> out;
  if (!json.contains("references") || !json["references"].is_array()) return out;
  for (const auto& item : json["references"]) {
    out.push_back({item.value("name", ""), item.value("subject", ""), item.value("version", 0)});
  }
  return out;
}

Result<Schema> SchemaOf(const std::string& body, const std::string& path) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("schema") || !json["schema"].is_string()) {
    return Unreadable(path);
  }
  Schema schema;
  schema.text = json["schema"].get<std::string>();
  schema.type = json.value("schemaType", "AVRO");
  schema.references = ReferencesOf(json);
  return schema;
}

nlohmann::json ToJson(const Schema& schema) {
  nlohmann::json references = nlohmann::json::array();
  for (const auto& one : schema.references) {
    references.push_back({{"name", one.name}, {"subject", one.subject}, {"version", one.version}});
  }
  return {{"schema", schema.text}, {"schemaType", schema.type}, {"references", references}};
}

}  // namespace

SchemaRegistry::SchemaRegistry(RegistryOptions options, std::shared_ptr<net::HttpClient> client,
                               Clock& clock)
    : options_(std::move(options)), client_(std::move(client)), clock_(clock) {
  while (options_.url.ends_with('/')) options_.url.pop_back();
}

Result<net::HttpResponse> SchemaRegistry::Send(const std::string& method, const std::string& path,
                                               const std::string& body) {
  net::HttpRequest request;
  request.method = method;
  request.url = options_.url + path;
  request.body = body;
  request.idle_timeout_ms = 10'000;
  request.headers = {{"Accept", kMediaType}};
  if (!body.empty()) request.headers.emplace_back("Content-Type", kMediaType);
  if (!options_.token.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + options_.token);
  } else if (!options_.user.empty()) {
    request.headers.emplace_back("Authorization",
                                 "Basic " + Base64(options_.user + ":" + options_.password));
  }
  auto response = client_->Send(request);
  const std::string where = "schema registry " + options_.url;
  // Asking is harmless: whatever happened to the request, it may be asked again.
  if (!response.ok()) {
    return Status::Io(where + ": " + response.status().message(), RetryClass::kBackoff);
  }
  if (response->status == 401 || response->status == 403) {
    return Status::Permission(where + " refused the credentials (" +
                              std::to_string(response->status) + ")");
  }
  if (response->status == 404) return Status::NotFound(where + " knows nothing at " + path);
  if (!response->succeeded()) {
    return Status::Io(where + " answered " + std::to_string(response->status) + " to " + path,
                      response->status >= 500 || response->status == 429 ? RetryClass::kBackoff
                                                                         : RetryClass::kNo);
  }
  return response;
}

std::string SchemaRegistry::KeyOf(const std::string& path) const {
  return "_tarn/schemas/" + Sha256Hex(options_.url).substr(0, 16) + "/" +
         Sha256Hex(path).substr(0, 32) + ".json";
}

Result<std::string> SchemaRegistry::Get(const std::string& path, Keep keep) {
  std::string kept;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(path); found != known_.end()) {
      if (keep == Keep::kForever) return found->second;
      kept = found->second;
    }
    const auto unknown = unknown_until_.find(path);
    if (unknown != unknown_until_.end() && clock_.MonotonicMicros() < unknown->second) {
      return Status::NotFound("schema registry " + options_.url + " knows nothing at " + path);
    }
  }
  if (kept.empty() && options_.store != nullptr) {
    if (const auto stored = options_.store->Get(KeyOf(path)); stored.ok()) kept = *stored;
    if (!kept.empty() && keep == Keep::kForever) {
      const std::lock_guard lock(mutex_);
      return known_[path] = kept;
    }
  }
  const auto response = Send("GET", path, "");
  if (response.ok()) {
    if (!nlohmann::json::accept(response->body)) return Unreadable(path);
    if (options_.store != nullptr && response->body != kept) {
      (void)options_.store->Put(KeyOf(path), response->body, store::PutMode::kOverwrite);
    }
    const std::lock_guard lock(mutex_);
    unknown_until_.erase(path);
    return known_[path] = response->body;
  }
  if (response.status().code() == StatusCode::kNotFound) {
    const std::lock_guard lock(mutex_);
    unknown_until_[path] = clock_.MonotonicMicros() + options_.unknown_micros;
  } else if (response.status().retry() == RetryClass::kBackoff && !kept.empty()) {
    return kept;
  }
  return response.status();
}

Result<Schema> SchemaRegistry::ById(int32_t id) {
  const std::string path = "/schemas/ids/" + std::to_string(id);
  TARN_ASSIGN_OR_RETURN(const std::string body, Get(path, Keep::kForever));
  return SchemaOf(body, path);
}

Result<Schema> SchemaRegistry::ByGuid(const std::string& guid) {
  const std::string path = "/schemas/guids/" + Escaped(guid);
  TARN_ASSIGN_OR_RETURN(const std::string body, Get(path, Keep::kForever));
  return SchemaOf(body, path);
}

Result<SchemaVersion> SchemaRegistry::BySubject(const std::string& subject,
                                                const std::string& version) {
  const std::string path = "/subjects/" + Escaped(subject) + "/versions/" + Escaped(version);
  TARN_ASSIGN_OR_RETURN(const std::string body,
                        Get(path, version == "latest" ? Keep::kWhileAway : Keep::kForever));
  TARN_ASSIGN_OR_RETURN(Schema schema, SchemaOf(body, path));
  const auto json = nlohmann::json::parse(body, nullptr, false);
  return SchemaVersion{json.value("subject", subject), json.value("version", 0),
                       json.value("id", 0), std::move(schema)};
}

Result<std::vector<std::pair<std::string, int32_t>>> SchemaRegistry::VersionsOf(int32_t id) {
  const std::string path = "/schemas/ids/" + std::to_string(id) + "/versions";
  // A subject may take the schema up later: asked anew until it is away.
  TARN_ASSIGN_OR_RETURN(const std::string body, Get(path, Keep::kWhileAway));
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_array()) return Unreadable(path);
  std::vector<std::pair<std::string, int32_t>> out;
  for (const auto& item : json) {
    if (!item.is_object()) return Unreadable(path);
    out.emplace_back(item.value("subject", ""), item.value("version", 0));
  }
  return out;
}

Result<bool> SchemaRegistry::IsCompatible(const std::string& subject, const Schema& schema) {
  const std::string path = "/compatibility/subjects/" + Escaped(subject) + "/versions/latest";
  const std::string key = path + "\n" + schema.text;
  std::string kept;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(key); found != known_.end()) kept = found->second;
  }
  if (kept.empty() && options_.store != nullptr) {
    if (const auto stored = options_.store->Get(KeyOf(key)); stored.ok()) kept = *stored;
  }
  const auto response = Send("POST", path, ToJson(schema).dump());
  if (!response.ok() && (response.status().retry() != RetryClass::kBackoff || kept.empty())) {
    return response.status();
  }
  const std::string body = response.ok() ? response->body : kept;
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("is_compatible") || !json["is_compatible"].is_boolean()) {
    return Unreadable(path);
  }
  if (options_.store != nullptr && body != kept) {
    (void)options_.store->Put(KeyOf(key), body, store::PutMode::kOverwrite);
  }
  const std::lock_guard lock(mutex_);
  known_[key] = body;
  return json["is_compatible"].get<bool>();
}

Status SchemaRegistry::ResolveInto(const Schema& schema, int depth,
                                   std::vector<SchemaVersion>* out) {
  if (depth == kDeepestReference) {
    return Status::Corruption("references of schemas are nested too deep, or in a circle");
  }
  for (const SchemaReference& reference : schema.references) {
    const bool there = std::any_of(out->begin(), out->end(), [&](const SchemaVersion& one) {
      return one.subject == reference.subject && one.version == reference.version;
    });
    if (there) continue;
    TARN_ASSIGN_OR_RETURN(SchemaVersion found,
                          BySubject(reference.subject, std::to_string(reference.version)));
    found.subject = reference.subject;
    found.version = reference.version;
    TARN_RETURN_IF_ERROR(ResolveInto(found.schema, depth + 1, out));
    out->push_back(std::move(found));
  }
  return Status::Ok();
}

Result<std::vector<SchemaVersion>> SchemaRegistry::Resolve(const Schema& schema) {
  std::vector<SchemaVersion> out;
  TARN_RETURN_IF_ERROR(ResolveInto(schema, 0, &out));
  return out;
}

}  // namespace tarn::registry
