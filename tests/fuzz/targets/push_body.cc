// Bodies of pushed requests: every record is bytes of the body, in order, each index once; a good
// record is JSON unless the event is binary.
#include "sources/push/push_body.h"

#include "codec/json_text.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn;
  namespace push = sources::push;
  if (size < 1) return 0;
  static constexpr const char* kTypes[] = {"application/x-ndjson", "application/json",
                                           "application/cloudevents+json",
                                           "application/cloudevents-batch+json"};
  push::HeaderMap headers = {{"content-type", kTypes[data[0] & 3]}};
  if ((data[0] & 12) == 4) headers["content-encoding"] = "gzip";
  if ((data[0] & 12) == 8) headers["content-encoding"] = "zstd";
  const bool binary = (data[0] & 16) != 0;
  const std::string text(fuzz::TextOf(data + 1, size - 1));
  if (binary) {
    const size_t end = text.find('\n');
    headers["ce-specversion"] = headers["ce-id"] = headers["ce-type"] = "1";
    headers["ce-source"] = text.substr(0, end);
  }
  push::BodyOptions options;
  options.max_inflated_bytes = 1 << 16;
  options.max_record_bytes = 1 << 10;
  push::PushRequest request;
  if (const auto fault = push::ReadPushBody(headers, text, options, &request)) {
    fuzz::Require(fault->status >= 400 && fault->status < 500, "a fault is the sender's");
    fuzz::Require(!fault->code.empty() && !fault->reason.empty(), "a fault is told");
    return 0;
  }
  fuzz::Require(request.count > 0 && request.records.size() + request.bad.size() == request.count,
                "every record is good or bad");
  fuzz::Require(request.indexes.size() == request.records.size(), "every record has its index");
  const char* at = request.body.data();
  for (size_t i = 0; i < request.records.size(); ++i) {
    const auto& record = request.records[i];
    if (record.payload.empty()) continue;
    fuzz::Require(record.payload.data() >= at, "records are in order");
    at = record.payload.data() + record.payload.size();
    fuzz::Require(at <= request.body.data() + request.body.size(), "records are in the body");
    fuzz::Require(i == 0 || request.indexes[i] > request.indexes[i - 1], "indexes grow");
    const bool json = (data[0] & 3) != 0 || !binary;
    fuzz::Require(!json || !codec::CheckJson(record.payload), "a good record is JSON");
    for (const auto& [name, value] : record.headers) {
      fuzz::Require(codec::FindInvalidUtf8(name) == std::string_view::npos, "names are UTF-8");
    }
  }
  return 0;
}
