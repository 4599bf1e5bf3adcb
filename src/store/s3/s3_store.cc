#include "store/s3/s3_store.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <pugixml.hpp>

#include "store/s3/multipart_writer.h"
#include "store/s3/s3_client.h"

namespace tarn::store::s3 {
namespace {

constexpr size_t kListPage = 1000;
constexpr int kConditionalAttempts = 6;

// "Mon, 23 Nov 2026 13:05:07 GMT" -> microseconds; 0 when it is something else.
int64_t ParseHttpDate(const std::string& text) {
  static const std::string kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  char month[4] = "";
  int day = 0;
  int year = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (std::sscanf(text.c_str(), "%*[^,], %d %3s %d %d:%d:%d", &day, month, &year, &hour, &minute,
                  &second) != 6) {
    return 0;
  }
  const size_t at = kMonths.find(month);
  if (at == std::string::npos) return 0;
  const int64_t days =
      DaysFromCivil(year, static_cast<unsigned>(at / 3 + 1), static_cast<unsigned>(day));
  return ((days * 24 + hour) * 60 + minute) * 60'000'000LL + second * 1'000'000LL;
}

struct ListPage {
  std::vector<ObjectInfo> objects;
  std::vector<std::string> prefixes;
  std::string next;  // continuation token, "" at the end
};

Result<ListPage> ParseListPage(const std::string& body, const std::string& place) {
  pugi::xml_document document;
  const auto parsed =
      document.load_buffer(body.data(), body.size(), pugi::parse_default | pugi::parse_ws_pcdata);
  const auto root = document.child("ListBucketResult");
  if (!parsed || !root) return Status::Corruption("the listing of " + place + " is not S3's XML");
  ListPage page;
  for (const auto& entry : root.children("Contents")) {
    ObjectInfo info;
    info.key = entry.child_value("Key");
    info.size_bytes = std::strtoull(entry.child_value("Size"), nullptr, 10);
    const auto modified = ParseTimestampUtc(entry.child_value("LastModified"));
    info.modified_micros = modified.value_or(0);
    page.objects.push_back(std::move(info));
  }
  for (const auto& entry : root.children("CommonPrefixes")) {
    page.prefixes.emplace_back(entry.child_value("Prefix"));
  }
  if (std::string(root.child_value("IsTruncated")) == "true") {
    page.next = root.child_value("NextContinuationToken");
    if (page.next.empty())
      return Status::Corruption("the listing of " + place + " is cut off without a token");
  }
  return page;
}

class S3Store final : public ObjectStore, public std::enable_shared_from_this<S3Store> {
 public:
  S3Store(S3Options options, S3Environment environment)
      : environment_(environment),
        client_(std::make_shared<S3Client>(std::move(options), std::move(environment))) {}

  Result<std::string> Get(const std::string& key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    S3Request request;
    request.key = FullKey(key);
    TARN_ASSIGN_OR_RETURN(auto reply, client_->Send(request));
    if (!reply.http.succeeded()) return client_->ErrorOf(reply.http, request);
    return std::move(reply.http.body);
  }

  Result<std::string> GetRange(const std::string& key, uint64_t offset, uint64_t length) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    if (length == 0) return std::string();
    S3Request request;
    request.key = FullKey(key);
    // Servers read the last byte's position as a signed number.
    const uint64_t last = length > INT64_MAX - offset ? INT64_MAX : offset + length - 1;
    request.headers = {{"range", "bytes=" + std::to_string(offset) + "-" + std::to_string(last)}};
    TARN_ASSIGN_OR_RETURN(auto reply, client_->Send(request));
    if (reply.http.status == 416) return EndOrBeyond(key, offset);
    if (!reply.http.succeeded()) return client_->ErrorOf(reply.http, request);
    // A server that does not know ranges answers 200 with the whole object.
    if (reply.http.status == 200)
      return reply.http.body.substr(std::min<uint64_t>(offset, reply.http.body.size()), length);
    return std::move(reply.http.body);
  }

  Result<ObjectInfo> Head(const std::string& key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    S3Request request;
    request.method = "HEAD";
    request.key = FullKey(key);
    TARN_ASSIGN_OR_RETURN(const auto reply, client_->Send(request));
    if (!reply.http.succeeded()) return client_->ErrorOf(reply.http, request);
    return ObjectInfo{key, std::strtoull(reply.http.Header("content-length").c_str(), nullptr, 10),
                      ParseHttpDate(reply.http.Header("last-modified"))};
  }

  Status Put(const std::string& key, std::string_view bytes, PutMode mode) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    if (bytes.size() >= client_->options().multipart_threshold_bytes) {
      TARN_ASSIGN_OR_RETURN(auto writer, OpenWriter(key, mode));
      TARN_RETURN_IF_ERROR(writer->Append(bytes));
      return writer->Finish();
    }
    return mode == PutMode::kOverwrite ? PutWhole(key, bytes) : PutIfAbsent(key, bytes);
  }

  Result<std::unique_ptr<ObjectWriter>> OpenWriter(const std::string& key, PutMode mode) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    auto self = shared_from_this();
    // Small objects need no multipart upload: they go through Put, with its handling of lost
    // replies.
    auto put_small = [self, key, mode](std::string_view bytes) {
      return mode == PutMode::kOverwrite ? self->PutWhole(key, bytes)
                                         : self->PutIfAbsent(key, bytes);
    };
    return MakeMultipartWriter(client_, FullKey(key), mode, std::move(put_small));
  }

  Status Delete(const std::string& key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    S3Request request;
    request.method = "DELETE";
    request.key = FullKey(key);
    TARN_ASSIGN_OR_RETURN(const auto reply, client_->Send(request));
    if (reply.http.succeeded()) return Status::Ok();
    if (reply.http.status == 404 && ErrorCode(reply.http.body) != "NoSuchBucket")
      return Status::Ok();
    return client_->ErrorOf(reply.http, request);
  }

  Result<std::vector<ObjectInfo>> List(const std::string& prefix, const std::string& start_after,
                                       size_t limit) override {
    std::vector<ObjectInfo> out;
    std::string token;
    do {
      const size_t page_size = limit == 0 ? kListPage : std::min(kListPage, limit - out.size());
      TARN_ASSIGN_OR_RETURN(ListPage page, ListOnePage(prefix, start_after, "", page_size, token));
      for (ObjectInfo& info : page.objects) {
        info.key = info.key.substr(Below("").size());
        // "folder" markers some tools make are no objects of ours.
        if (!info.key.empty() && info.key.back() != '/') out.push_back(std::move(info));
      }
      token = page.next;
    } while (!token.empty() && (limit == 0 || out.size() < limit));
    return out;
  }

  Result<Listing> ListFolder(const std::string& folder) override {
    const std::string prefix = folder.empty() ? "" : folder + "/";
    Listing out;
    std::string token;
    do {
      TARN_ASSIGN_OR_RETURN(ListPage page, ListOnePage(prefix, "", "/", kListPage, token));
      const size_t skip = Below(prefix).size();
      for (const ObjectInfo& info : page.objects) {
        if (info.key.size() > skip) out.objects.push_back(info.key.substr(skip));
      }
      for (const std::string& name : page.prefixes) {
        out.folders.push_back(name.substr(skip, name.size() - skip - 1));
      }
      token = page.next;
    } while (!token.empty());
    std::sort(out.objects.begin(), out.objects.end());
    std::sort(out.folders.begin(), out.folders.end());
    return out;
  }

  std::string EnginePath(const std::string& key) const override {
    return "s3://" + client_->options().bucket + "/" + FullKey(key);
  }
  std::string Describe() const override { return client_->Describe(); }

 private:
  std::string Below(const std::string& key) const {
    const std::string& prefix = client_->options().prefix;
    return prefix.empty() ? key : prefix + "/" + key;
  }
  std::string FullKey(const std::string& key) const { return Below(key); }

  // 416: reading at the very end is an empty result, beyond it an error.
  Result<std::string> EndOrBeyond(const std::string& key, uint64_t offset) {
    TARN_ASSIGN_OR_RETURN(const ObjectInfo info, Head(key));
    if (offset == info.size_bytes) return std::string();
    return Status::InvalidArgument("offset " + std::to_string(offset) + " is beyond the end of " +
                                   key);
  }

  Status PutWhole(const std::string& key, std::string_view bytes) {
    S3Request request;
    request.method = "PUT";
    request.key = FullKey(key);
    request.body = bytes;
    TARN_ASSIGN_OR_RETURN(const auto reply, client_->Send(request));
    return reply.http.succeeded() ? Status::Ok() : client_->ErrorOf(reply.http, request);
  }

  Status PutIfAbsent(const std::string& key, std::string_view bytes) {
    S3Request request;
    request.method = "PUT";
    request.key = FullKey(key);
    request.body = bytes;
    request.headers = {{"if-none-match", "*"}};
    request.idempotent = false;
    net::Backoff backoff(client_->options().retry, *environment_.clock, *environment_.random);
    bool in_doubt = false;  // an earlier attempt may have written our bytes
    for (int attempt = 0; attempt < kConditionalAttempts; ++attempt) {
      const auto reply = client_->Send(request);
      if (reply.ok() && reply->http.succeeded()) return Status::Ok();
      const bool lost = !reply.ok() && reply.status().code() == StatusCode::kOutcomeUnknown;
      if (!reply.ok() && !lost) return reply.status();
      if (reply.ok() && reply->http.status == 412 && !in_doubt) {
        return Status::AlreadyExists(key + " exists in " + Describe());
      }
      const bool contended =
          reply.ok() && reply->http.status == 409;  // another conditional put is under way
      if (reply.ok() && !contended && reply->http.status != 412)
        return client_->ErrorOf(reply->http, request);
      in_doubt = in_doubt || lost;
      const Status found = WhoseBytes(key, bytes, in_doubt);
      if (found.code() != StatusCode::kNotFound) return found;
      if (!backoff.Wait()) break;
    }
    return Status::OutcomeUnknown("put of " + key + " in " + Describe() +
                                  ": no reply; read it back before going on");
  }

  // OK: the object holds our bytes and may be ours. kAlreadyExists: somebody else's. kNotFound:
  // none is there.
  Status WhoseBytes(const std::string& key, std::string_view bytes, bool in_doubt) {
    const auto there = Get(key);
    if (there.ok()) {
      if (in_doubt && *there == bytes) return Status::Ok();
      return Status::AlreadyExists(key + " exists in " + Describe());
    }
    if (there.status().code() == StatusCode::kNotFound) return there.status();
    return Status::OutcomeUnknown(
        "put of " + key + " in " + Describe() +
        ": no reply, and reading it back failed: " + there.status().message());
  }

  Result<ListPage> ListOnePage(const std::string& prefix, const std::string& start_after,
                               const std::string& delimiter, size_t page_size,
                               const std::string& token) {
    S3Request request;
    request.query = {
        {"list-type", "2"}, {"max-keys", std::to_string(page_size)}, {"prefix", Below(prefix)}};
    if (!delimiter.empty()) request.query.emplace_back("delimiter", delimiter);
    if (!start_after.empty()) request.query.emplace_back("start-after", Below(start_after));
    if (!token.empty()) request.query.emplace_back("continuation-token", token);
    TARN_ASSIGN_OR_RETURN(const auto reply, client_->Send(request));
    if (!reply.http.succeeded()) return client_->ErrorOf(reply.http, request);
    return ParseListPage(reply.http.body, Describe());
  }

  S3Environment environment_;
  std::shared_ptr<S3Client> client_;
};

bool LooksLikeAddress(const std::string& endpoint) {
  const size_t start = endpoint.find("://") == std::string::npos ? 0 : endpoint.find("://") + 3;
  const std::string host = endpoint.substr(start);
  return host.find(':') != std::string::npos ||
         host.find_first_not_of("0123456789.") == std::string::npos;
}

}  // namespace

Result<S3Options> ParseS3Url(const std::string& url) {
  if (url.rfind("s3://", 0) != 0 && url.rfind("s3a://", 0) != 0) {
    return Status::InvalidArgument("'" + url + "' is not an S3 address; write s3://bucket/prefix");
  }
  S3Options options;
  const std::string rest = url.substr(url.find("://") + 3);
  options.bucket = rest.substr(0, rest.find('/'));
  if (rest.find('/') != std::string::npos) options.prefix = rest.substr(rest.find('/') + 1);
  while (!options.prefix.empty() && options.prefix.back() == '/') options.prefix.pop_back();
  if (options.bucket.size() < 3) {
    return Status::InvalidArgument("'" + url + "' names no bucket; write s3://bucket/prefix");
  }
  const auto variable = [](std::initializer_list<const char*> names) {
    for (const char* name : names) {
      if (const char* value = std::getenv(name); value != nullptr && *value != '\0')
        return std::string(value);
    }
    return std::string();
  };
  if (const auto region = variable({"AWS_REGION", "AWS_DEFAULT_REGION"}); !region.empty())
    options.region = region;
  options.endpoint = variable({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  const std::string style = variable({"AWS_S3_FORCE_PATH_STYLE"});
  // A bucket name with dots does not match AWS's certificate as a host name.
  options.path_style =
      style == "true" || style == "1" || options.bucket.find('.') != std::string::npos ||
      (!options.endpoint.empty() && style.empty() && LooksLikeAddress(options.endpoint));
  return options;
}

std::shared_ptr<ObjectStore> MakeS3Store(S3Options options, S3Environment environment) {
  return std::make_shared<S3Store>(std::move(options), std::move(environment));
}

Result<std::shared_ptr<ObjectStore>> OpenS3Store(const std::string& url) {
  TARN_ASSIGN_OR_RETURN(S3Options options, ParseS3Url(url));
  S3Environment environment;
  environment.http = net::MakeHttpClient();
  environment.credentials = DefaultCredentialsChain(ProcessEnvironment(environment.http));
  return MakeS3Store(std::move(options), std::move(environment));
}

}  // namespace tarn::store::s3
