#include "store/s3/multipart_writer.h"

#include <algorithm>
#include <deque>
#include <future>
#include <pugixml.hpp>
#include <vector>

namespace tarn::store::s3 {
namespace {

constexpr uint64_t kMaxParts = 10'000;

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
        part_bytes_(client_->options().part_bytes) {}

  ~MultipartWriter() override {
    for (auto& part : in_flight_) part.wait();
    if (!upload_id_.empty()) Abort();
  }

  Status Append(std::string_view bytes) override {
    TARN_RETURN_IF_ERROR(failed_);
    buffer_.append(bytes);
    while (failed_.ok() && buffer_.size() >= NextCut()) failed_ = SendPart();
    return failed_;
  }

  Status Finish() override {
    TARN_RETURN_IF_ERROR(failed_);
    if (upload_id_.empty()) return put_small_(buffer_);
    if (!buffer_.empty()) TARN_RETURN_IF_ERROR(SendPart());
    while (!in_flight_.empty()) TARN_RETURN_IF_ERROR(Collect());
    return Complete();
  }

 private:
  // Nothing is sent in parts before it is known that the object is large.
  uint64_t NextCut() const {
    return upload_id_.empty() ? std::max(client_->options().multipart_threshold_bytes, part_bytes_)
                              : part_bytes_;
  }

  Status Start() {
    S3Request request;
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

  Status SendPart() {
    if (upload_id_.empty()) TARN_RETURN_IF_ERROR(Start());
    // Parts grow so that even the largest object stays below the limit of their number.
    if (next_part_ % 1000 == 0) part_bytes_ += client_->options().part_bytes;
    if (next_part_ > static_cast<int>(kMaxParts))
      return Status::Resource(key_ + " has too many parts");
    const size_t size = std::min<size_t>(part_bytes_, buffer_.size());
    std::string body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    if (static_cast<int>(in_flight_.size()) >= client_->options().parallel_parts) {
      TARN_RETURN_IF_ERROR(Collect());
    }
    in_flight_.push_back(
        std::async(std::launch::async,
                   [client = client_, key = key_, id = upload_id_, number = next_part_,
                    body = std::move(body)]() -> Result<Part> {
                     S3Request request;
                     request.method = "PUT";
                     request.key = key;
                     request.query = {{"partNumber", std::to_string(number)}, {"uploadId", id}};
                     request.body = body;
                     TARN_ASSIGN_OR_RETURN(const auto reply, client->Send(request));
                     if (!reply.http.succeeded()) return client->ErrorOf(reply.http, request);
                     return Part{number, reply.http.Header("etag")};
                   }));
    ++next_part_;
    return Status::Ok();
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
    request.method = "POST";
    request.key = key_;
    request.query = {{"uploadId", upload_id_}};
    if (mode_ == PutMode::kCreateOnly) request.headers = {{"if-none-match", "*"}};
    request.body = body;
    const auto reply = client_->Send(request);
    TARN_RETURN_IF_ERROR(reply.status());
    // S3 may answer 200 and put an error into the body.
    if (reply->http.succeeded() && ErrorCode(reply->http.body).empty()) {
      upload_id_.clear();
      return Status::Ok();
    }
    if (reply->http.status == 404 && reply->ambiguous) {
      // The upload is gone after an attempt whose reply was lost: it was completed, by us alone.
      upload_id_.clear();
      return Status::Ok();
    }
    if (reply->http.status == 412) return Status::AlreadyExists(key_ + " exists");
    return client_->ErrorOf(reply->http, request);
  }

  void Abort() {
    S3Request request;
    request.method = "DELETE";
    request.key = key_;
    request.query = {{"uploadId", upload_id_}};
    (void)client_->Send(request);  // the bucket's own rule for stale uploads is the second line
  }

  std::shared_ptr<S3Client> client_;
  std::string key_;
  PutMode mode_;
  std::function<Status(std::string_view)> put_small_;
  uint64_t part_bytes_;
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
