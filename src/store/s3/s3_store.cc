#include "store/s3/s3_store.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <pugixml.hpp>

#include "store/s3/delete_batch.h"
#include "store/s3/multipart_writer.h"
#include "store/s3/parallel.h"
#include "store/s3/s3_client.h"

namespace tarn::store::s3 {
namespace {

constexpr size_t kListPage = 1000;
constexpr size_t kDeletePage = 1000;
constexpr int kConditionalAttempts = 6;

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
    // HEAD tells whole seconds; some servers' listings tell more, and the two have to agree.
    info.modified_micros = modified.value_or(0) / 1'000'000 * 1'000'000;
    info.tag = entry.child_value("ETag");
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
    const uint64_t piece = client_->options().range_piece_bytes;
    // A length without end ("the rest") is one request: how much there is, only the reply tells.
    if (length < 2 * piece || length > INT64_MAX - offset) return GetPiece(key, offset, length);
    return GetPieces(key, offset, length);
  }

  Result<ObjectInfo> Head(const std::string& key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    S3Request request;
    request.kind = RequestKind::kHead;
    request.method = "HEAD";
    request.key = FullKey(key);
    const auto sent = client_->Send(request);
    // A refused HEAD has no body that says why; a GET has.
    if (!sent.ok() && sent.status().retry() != RetryClass::kNo) return sent.status();
    if (!sent.ok()) {
      const Status told = GetPiece(key, 0, 1).status();
      return told.ok() ? sent.status() : told;
    }
    const S3Reply& reply = sent.value();
    if (!reply.http.succeeded()) return client_->ErrorOf(reply.http, request);
    return ObjectInfo{key, std::strtoull(reply.http.Header("content-length").c_str(), nullptr, 10),
                      ParseHttpDate(reply.http.Header("last-modified")), reply.http.Header("etag")};
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
    request.kind = RequestKind::kDelete;
    request.method = "DELETE";
    request.key = FullKey(key);
    TARN_ASSIGN_OR_RETURN(const auto reply, client_->Send(request));
    if (reply.http.succeeded()) return Status::Ok();
    if (reply.http.status == 404 && ErrorCode(reply.http.body) != "NoSuchBucket")
      return Status::Ok();
    return client_->ErrorOf(reply.http, request);
  }

  Status DeleteMany(const std::vector<std::string>& keys) override {
    if (keys.size() == 1) return Delete(keys[0]);
    for (size_t first = 0; first < keys.size(); first += kDeletePage) {
      std::vector<std::string> page;
      for (size_t i = first; i < std::min(first + kDeletePage, keys.size()); ++i) {
        TARN_RETURN_IF_ERROR(ValidateKey(keys[i]));
        page.push_back(FullKey(keys[i]));
      }
      TARN_RETURN_IF_ERROR(DeleteBatch(*client_, page));
    }
    return Status::Ok();
  }

  std::vector<Result<std::string>> GetMany(const std::vector<std::string>& keys) override {
    std::vector<std::optional<Result<std::string>>> got(keys.size());
    RunParallel(keys.size(), static_cast<size_t>(client_->options().parallel_reads),
                [&](size_t i) { got[i] = Get(keys[i]); });
    std::vector<Result<std::string>> out;
    out.reserve(keys.size());
    for (auto& one : got) out.push_back(std::move(*one));
    return out;
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

  Result<std::string> GetPiece(const std::string& key, uint64_t offset, uint64_t length) {
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

  // Pieces of equal size, several at once: one connection alone does not fill the line.
  Result<std::string> GetPieces(const std::string& key, uint64_t offset, uint64_t length) {
    const uint64_t count = length / client_->options().range_piece_bytes;
    const uint64_t size = (length + count - 1) / count;
    std::vector<std::optional<Result<std::string>>> pieces(count);
    RunParallel(count, static_cast<size_t>(client_->options().parallel_reads), [&](size_t i) {
      const uint64_t from = i * size;
      pieces[i] = from < length ? GetPiece(key, offset + from, std::min(size, length - from))
                                : Result<std::string>(std::string());
    });
    std::string out;
    out.reserve(length);
    bool at_end = false;
    for (size_t i = 0; i < count; ++i) {
      // The object ends in an earlier piece: those behind it are beyond the end, and no error.
      if (at_end) break;
      TARN_RETURN_IF_ERROR(pieces[i]->status());
      const std::string& piece = pieces[i]->value();
      out += piece;
      at_end = piece.size() < std::min(size, length - std::min(length, i * size));
    }
    return out;
  }

  // 416: reading at the very end is an empty result, beyond it an error.
  Result<std::string> EndOrBeyond(const std::string& key, uint64_t offset) {
    TARN_ASSIGN_OR_RETURN(const ObjectInfo info, Head(key));
    if (offset == info.size_bytes) return std::string();
    return Status::InvalidArgument("offset " + std::to_string(offset) + " is beyond the end of " +
                                   key);
  }

  Status PutWhole(const std::string& key, std::string_view bytes) {
    S3Request request;
    request.kind = RequestKind::kPut;
    request.method = "PUT";
    request.key = FullKey(key);
    request.body = bytes;
    TARN_ASSIGN_OR_RETURN(const auto reply, client_->Send(request));
    return reply.http.succeeded() ? Status::Ok() : client_->ErrorOf(reply.http, request);
  }

  Status PutIfAbsent(const std::string& key, std::string_view bytes) {
    S3Request request;
    request.kind = RequestKind::kPutIfAbsent;
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
    request.kind = RequestKind::kList;
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

}  // namespace

void UploadSlots::Acquire() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return free_ > 0; });
  --free_;
}

void UploadSlots::Release() {
  {
    std::lock_guard lock(mutex_);
    ++free_;
  }
  changed_.notify_one();
}

std::shared_ptr<ObjectStore> MakeS3Store(S3Options options, S3Environment environment) {
  return std::make_shared<S3Store>(std::move(options), std::move(environment));
}

}  // namespace tarn::store::s3
