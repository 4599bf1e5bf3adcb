#include "store/s3/multipart_writer.h"

#include <algorithm>
#include <deque>
#include <future>
#include <pugixml.hpp>
#include <vector>

namespace tarn::store::s3 {
namespace {

constexpr uint64_t kMaxParts = 10'000;
constexpr uint64_t kSmallestPartBytes = 5u << 20;  // S3 takes no smaller one but the last
constexpr int kManyUploads = 16;
constexpr int kCompleteAttempts = 4;

struct Part {
  int number;
  std::string etag;
};

class MultipartWriter final : public ObjectWriter {
 public:
  MultipartWriter(std::shared_ptr<S3Client> client, std::string key, PutMode mode,
                  std::function<Status(std::string_view)> put_small)
      : client_(std::move(client)),
        key_(std::move(key)),
        mode_(mode),
        put_small_(std::move(put_small)),
        slots_(client_->environment().upload_slots) {
    if (slots_) ++slots_->open_uploads;
  }

  ~MultipartWriter() override {
    for (auto& part : in_flight_) part.wait();
    if (!upload_id_.empty()) Abort();
    if (slots_) --slots_->open_uploads;
  }

  Status Append(std::string_view bytes) override {
    TARN_RETURN_IF_ERROR(failed_);
    while (!bytes.empty() && failed_.ok()) {
      const uint64_t cut = NextCut();
      const size_t take = std::min<size_t>(bytes.size(), cut - std::min(cut, buffer_.size()));
      buffer_.append(bytes.substr(0, take));
      bytes.remove_prefix(take);
      if (buffer_.size() >= cut) failed_ = SendPart();
    }
    return failed_;
  }

  Status Finish() override {
    TARN_RETURN_IF_ERROR(failed_);
    // Nothing is sent in parts before it is known that the object is large.
    if (upload_id_.empty()) return put_small_(buffer_);
    if (!buffer_.empty()) TARN_RETURN_IF_ERROR(SendPart());
    while (!in_flight_.empty()) TARN_RETURN_IF_ERROR(Collect());
    return Complete();
  }

 private:
  // Where the buffer is cut. Parts grow so that even the largest object stays below the limit of
  // their number; with many uploads open at once they are as small as they may be.
  uint64_t NextCut() const {
    const S3Options& options = client_->options();
    const bool many = slots_ && slots_->open_uploads > kManyUploads;
    const uint64_t base =
        many ? std::min(kSmallestPartBytes, options.part_bytes) : options.part_bytes;
    if (upload_id_.empty() && !many) return std::max(base, options.multipart_threshold_bytes);
    return base * (1 + static_cast<uint64_t>(next_part_) / 1000);
  }

  Status Start() {
    S3Request request;
    request.kind = RequestKind::kCreateUpload;
    request.method = "POST";
    request.key = key_;
    request.query = {{"uploads", ""}};
    TARN_ASSIGN_OR_RETURN(const auto reply, client_->Send(request));
    if (!reply.http.succeeded()) return client_->ErrorOf(reply.http, request);
    pugi::xml_document document;
    document.load_buffer(reply.http.body.data(), reply.http.body.size());
    upload_id_ = document.child("InitiateMultipartUploadResult").child_value("UploadId");
    if (upload_id_.empty()) return Status::Corruption("no UploadId in the reply for " + key_);
    return Status::Ok();
  }

  // Sends what is buffered as the next part.
  Status SendPart() {
    if (upload_id_.empty()) TARN_RETURN_IF_ERROR(Start());
    if (next_part_ > static_cast<int>(kMaxParts))
      return Status::Resource(key_ + " has too many parts");
    std::string body = std::move(buffer_);
    buffer_ = std::string();
    total_bytes_ += body.size();
    if (static_cast<int>(in_flight_.size()) >= client_->options().parallel_parts) {
      TARN_RETURN_IF_ERROR(Collect());
    }
    if (slots_) slots_->Acquire();
    in_flight_.push_back(
        std::async(std::launch::async,
                   [client = client_, slots = slots_, key = key_, id = upload_id_,
                    number = next_part_, body = std::move(body)]() -> Result<Part> {
                     auto part = UploadPart(*client, key, id, number, body);
                     if (slots) slots->Release();
                     return part;
                   }));
    ++next_part_;
    return Status::Ok();
  }

  static Result<Part> UploadPart(S3Client& client, const std::string& key, const std::string& id,
                                 int number, const std::string& body) {
    S3Request request;
    request.kind = RequestKind::kUploadPart;
    request.method = "PUT";
    request.key = key;
    request.query = {{"partNumber", std::to_string(number)}, {"uploadId", id}};
    request.body = body;
    TARN_ASSIGN_OR_RETURN(const auto reply, client.Send(request));
    if (!reply.http.succeeded()) return client.ErrorOf(reply.http, request);
    return Part{number, reply.http.Header("etag")};
  }

  Status Collect() {
    auto part = in_flight_.front().get();
    in_flight_.pop_front();
    TARN_RETURN_IF_ERROR(part.status());
    parts_.push_back(*part);
    return Status::Ok();
  }

  Status Complete() {
    std::string body = "<CompleteMultipartUpload>";
    for (const Part& part : parts_) {
      body += "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>" +
              part.etag + "</ETag></Part>";
    }
    body += "</CompleteMultipartUpload>";
    S3Request request;
    request.kind = RequestKind::kCompleteUpload;
    request.method = "POST";
    request.key = key_;
    request.query = {{"uploadId", upload_id_}};
    if (mode_ == PutMode::kCreateOnly) request.headers = {{"if-none-match", "*"}};
    request.body = body;
    bool ambiguous = false;
    Status last;
    for (int attempt = 0; attempt < kCompleteAttempts; ++attempt) {
      const auto reply = client_->Send(request);
      TARN_RETURN_IF_ERROR(reply.status());
      ambiguous = ambiguous || reply->ambiguous;
      const std::string code = ErrorCode(reply->http.body);
      if (reply->http.succeeded() && code.empty()) {
        upload_id_.clear();
        return Status::Ok();
      }
      // The upload is gone after an attempt whose reply was lost: that attempt completed it, or
      // somebody ended it. The object tells.
      if (ambiguous && (reply->http.status == 404 || reply->http.status == 412)) {
        const Status there = IsWhole();
        if (there.ok()) upload_id_.clear();
        if (there.ok() || reply->http.status == 404) return there;
      }
      if (reply->http.status == 412) return Status::AlreadyExists(key_ + " exists");
      last = client_->ErrorOf(reply->http, request);
      // S3 may answer 200 and put an error into the body; those are worth another attempt.
      if (!reply->http.succeeded()) return last;
      ambiguous = true;
    }
    return last;
  }

  // OK when the object is there with as many bytes as were sent.
  Status IsWhole() {
    S3Request request;
    request.kind = RequestKind::kHead;
    request.method = "HEAD";
    request.key = key_;
    const auto reply = client_->Send(request);
    if (reply.ok() && reply->http.succeeded() &&
        reply->http.Header("content-length") == std::to_string(total_bytes_)) {
      return Status::Ok();
    }
    const std::string what =
        "upload of " + key_ + ": the reply to its end was lost and the object is not there";
    // Written again or not, an object that is overwritten anyway leaves nothing in doubt.
    if (mode_ == PutMode::kOverwrite) return Status::Io(what, RetryClass::kBackoff);
    return Status::OutcomeUnknown(what);
  }

  void Abort() {
    S3Request request;
    request.kind = RequestKind::kAbortUpload;
    request.method = "DELETE";
    request.key = key_;
    request.query = {{"uploadId", upload_id_}};
    (void)client_->Send(request);  // the bucket's own rule for stale uploads is the second line
  }

  std::shared_ptr<S3Client> client_;
  std::string key_;
  PutMode mode_;
  std::function<Status(std::string_view)> put_small_;
  std::shared_ptr<UploadSlots> slots_;  // may be null
  uint64_t total_bytes_ = 0;
  std::string buffer_;
  std::string upload_id_;
  int next_part_ = 1;
  std::deque<std::future<Result<Part>>> in_flight_;
  std::vector<Part> parts_;
  Status failed_;
};

}  // namespace

Result<std::unique_ptr<ObjectWriter>> MakeMultipartWriter(
    std::shared_ptr<S3Client> client, std::string full_key, PutMode mode,
    std::function<Status(std::string_view)> put_small) {
  return std::unique_ptr<ObjectWriter>(
      new MultipartWriter(std::move(client), std::move(full_key), mode, std::move(put_small)));
}

}  // namespace tarn::store::s3
