#include "sources/push/push_body.h"

#include <algorithm>

#include "base/clock.h"
#include "base/hash.h"
#include "codec/byte_stream.h"
#include "codec/json_splitter.h"
#include "codec/json_text.h"
#include "codec/json_walk.h"
#include "net/http_server.h"

namespace tarn::sources::push {
namespace {

using Fault = std::optional<PushFault>;

enum class Form { kNdjson, kJson, kEvent, kEventBatch, kBinaryEvent };

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view Trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string HeaderOr(const HeaderMap& headers, const std::string& name, std::string fallback) {
  const auto found = headers.find(name);
  return found == headers.end() ? std::move(fallback) : found->second;
}

struct ContentType {
  std::string type;
  std::string charset;
};

ContentType ReadContentType(const HeaderMap& headers) {
  const std::string text = Lower(HeaderOr(headers, "content-type", ""));
  ContentType out;
  size_t begin = 0;
  for (bool first = true; begin <= text.size(); first = false) {
    const size_t end = std::min(text.find(';', begin), text.size());
    std::string_view part = Trim(std::string_view(text).substr(begin, end - begin));
    if (first) {
      out.type = std::string(part);
    } else if (part.starts_with("charset=")) {
      part.remove_prefix(8);
      if (part.size() > 1 && part.front() == '"' && part.back() == '"') {
        part = part.substr(1, part.size() - 2);
      }
      out.charset = std::string(part);
    }
    begin = end + 1;
  }
  return out;
}

bool IsJsonType(const std::string& type) {
  return type == "application/json" || type == "text/json" || type.ends_with("+json");
}

Fault FindForm(const HeaderMap& headers, const ContentType& content, Form* form) {
  if (!content.charset.empty() && content.charset != "utf-8" && content.charset != "utf8" &&
      content.charset != "us-ascii") {
    return PushFault{415, "charset", "charset " + content.charset + " is not read; send UTF-8"};
  }
  const std::string& type = content.type;
  if (type == "application/cloudevents+json") {
    *form = Form::kEvent;
  } else if (type == "application/cloudevents-batch+json") {
    *form = Form::kEventBatch;
  } else if (headers.count("ce-specversion") != 0) {
    *form = Form::kBinaryEvent;
  } else if (type == "application/x-ndjson" || type == "application/ndjson" ||
             type == "application/jsonl" || type == "application/x-jsonlines" ||
             type == "application/jsonlines") {
    *form = Form::kNdjson;
  } else if (type == "application/json" || type == "text/json") {
    *form = Form::kJson;
  } else {
    return PushFault{415, "content_type",
                     (type.empty() ? std::string("there is no Content-Type")
                                   : "Content-Type " + type + " is not taken") +
                         "; send application/x-ndjson, application/json, "
                         "application/cloudevents+json or application/cloudevents-batch+json"};
  }
  return std::nullopt;
}

Fault Inflate(const HeaderMap& headers, const BodyOptions& options, std::string* body) {
  const std::string coding = Lower(HeaderOr(headers, "content-encoding", "identity"));
  codec::Compression compression = codec::Compression::kNone;
  if (coding == "gzip" || coding == "x-gzip") {
    compression = codec::Compression::kGzip;
  } else if (coding == "zstd") {
    compression = codec::Compression::kZstd;
  } else if (coding != "identity" && !coding.empty()) {
    return PushFault{415, "content_encoding",
                     "Content-Encoding " + coding + " is not read; send gzip, zstd or none"};
  }
  const auto too_large = [&] {
    return PushFault{413, "body.size",
                     "the body is larger than " + std::to_string(options.max_inflated_bytes) +
                         " bytes once decompressed; send it in parts"};
  };
  if (compression == codec::Compression::kNone) {
    if (body->size() > options.max_inflated_bytes) return too_large();
    return std::nullopt;
  }
  const auto stream = codec::Decompress(compression, codec::StreamOf(*body));
  std::string out;
  char piece[64 << 10];
  while (true) {
    const auto got = stream->Read(piece, sizeof(piece));
    if (!got.ok()) {
      return PushFault{400, "body.encoding",
                       "the body is no good " + coding + ": " + got.status().message()};
    }
    if (*got == 0) break;
    if (out.size() + *got > options.max_inflated_bytes) return too_large();
    out.append(piece, *got);
  }
  *body = std::move(out);
  return std::nullopt;
}

// Collects the records of one body.
class BodyReader {
 public:
  BodyReader(const HeaderMap& headers, const BodyOptions& options, PushRequest* request)
      : headers_(headers), options_(options), request_(request) {
    for (const std::string& name : options.keep_headers) {
      const auto found = headers.find(name);
      if (found != headers.end()) kept_.emplace_back(Keep(name), Keep(found->second));
    }
  }

  void ReadLines() {
    codec::JsonOptions json;
    json.limits.max_record_bytes = options_.max_record_bytes;
    codec::NdjsonSplitter splitter(json);
    splitter.Feed(request_->body);
    splitter.Finish();
    codec::SplitRecord found;
    const std::string_view body = request_->body;
    while (splitter.Next(&found)) {
      // The splitter's bytes are a copy; the same bytes stand in the body.
      const auto bytes =
          body.substr(static_cast<size_t>(found.byte_offset), static_cast<size_t>(found.size));
      if (found.good()) {
        AddRecord(bytes);
      } else {
        AddBad(bytes, found.rule, found.reason);
        request_->bad.back().line = found.line;
        request_->bad.back().byte_offset = found.byte_offset;
      }
    }
  }

  Fault ReadJson(bool events, bool batch_only) {
    const std::string_view body = Trim(request_->body);
    if (body.empty()) return std::nullopt;
    if (const auto fault = codec::CheckJson(body)) {
      return PushFault{400, "body.syntax",
                       "the body is no JSON (" + fault->rule + "): " + fault->reason};
    }
    if (body.front() == '[') {
      if (events && !batch_only) {
        return PushFault{400, "body.form",
                         "the body is an array; its type is application/cloudevents-batch+json"};
      }
      codec::JsonWalker walker(body);
      std::string_view key, value;
      while (walker.Next(&key, &value)) AddElement(value, events);
      return std::nullopt;
    }
    if (body.front() != '{' || batch_only) {
      return PushFault{400, "body.form",
                       batch_only ? "the body is no array of events"
                                  : "the body is neither an object nor an array of objects"};
    }
    AddElement(body, events);
    return std::nullopt;
  }

  void ReadBinaryEvent(const ContentType& content) {
    const std::string_view body = request_->body;
    if (IsJsonType(content.type) && !body.empty()) {
      if (const auto fault = codec::CheckJson(body)) {
        return AddBad(body, fault->rule, fault->reason);
      }
    }
    Attributes attributes;
    for (const auto& [name, value] : headers_) {
      if (!name.starts_with("ce-")) continue;
      // Values of these headers are percent-encoded UTF-8.
      attributes.emplace_back(Keep(name.substr(3)), Keep(net::PercentDecode(value, false)));
    }
    AddEvent(body, attributes, content.type);
    if (body.empty() && !request_->records.empty()) request_->records.back().is_tombstone = true;
  }

 private:
  using Attributes = std::vector<std::pair<std::string_view, std::string_view>>;

  std::string_view Keep(std::string text) { return request_->texts.emplace_back(std::move(text)); }

  Record& AddRecord(std::string_view bytes) {
    Record& record = request_->records.emplace_back();
    record.payload = bytes;
    record.headers = kept_;
    request_->indexes.push_back(request_->count++);
    return record;
  }

  void AddBad(std::string_view bytes, std::string rule, std::string reason) {
    PushRequest::Bad& bad = request_->bad.emplace_back();
    bad.payload = bytes;
    bad.why = {request_->count++, std::move(rule), std::move(reason)};
  }

  void AddElement(std::string_view bytes, bool event) {
    if (bytes.size() > options_.max_record_bytes) {
      return AddBad(
          bytes, "record.too_long",
          "the record is longer than " + std::to_string(options_.max_record_bytes) + " bytes");
    }
    if (bytes.empty() || bytes.front() != '{') {
      return AddBad(bytes, "json.not_object", "the element is no object");
    }
    if (!event) {
      AddRecord(bytes);
      return;
    }
    Attributes attributes;
    codec::JsonWalker walker(bytes);
    std::string_view key, value;
    while (walker.Next(&key, &value)) {
      const std::string name = codec::UnescapeJson(key);
      if (name == "data" || name == "data_base64" || value.empty()) continue;
      if (value.front() == '"') {
        attributes.emplace_back(Keep(name),
                                Keep(codec::UnescapeJson(value.substr(1, value.size() - 2))));
      } else if (value != "null" && value.front() != '{' && value.front() != '[') {
        attributes.emplace_back(Keep(name), Keep(std::string(value)));
      }
    }
    AddEvent(bytes, attributes, "application/cloudevents+json");
  }

  void AddEvent(std::string_view bytes, const Attributes& attributes, std::string content_type) {
    const auto find = [&](std::string_view name) -> std::string_view {
      for (const auto& [key, value] : attributes) {
        if (key == name) return value;
      }
      return {};
    };
    for (const char* name : {"specversion", "id", "source", "type"}) {
      if (find(name).empty()) {
        return AddBad(bytes, "cloudevents.attribute",
                      std::string("the event has no attribute ") + name);
      }
    }
    std::optional<int64_t> time;
    if (const auto text = find("time"); !text.empty()) {
      const auto read = ParseTimestampUtc(std::string(text));
      if (!read.ok()) {
        return AddBad(bytes, "cloudevents.attribute", "attribute time: " + read.status().message());
      }
      time = *read;
    }
    for (const auto& [name, value] : attributes) {
      if (codec::FindInvalidUtf8(value) != std::string_view::npos ||
          codec::FindInvalidUtf8(name) != std::string_view::npos) {
        return AddBad(bytes, "cloudevents.attribute", "an attribute is not UTF-8");
      }
    }
    Record& record = AddRecord(bytes);
    record.event_time_micros = time;
    const std::string_view partition_key = find("partitionkey");
    const std::string_view key = partition_key.empty() ? find("subject") : partition_key;
    if (!key.empty()) record.key = key;
    record.headers.emplace_back("content-type", Keep(std::move(content_type)));
    for (const auto& [name, value] : attributes) {
      record.headers.emplace_back(Keep("ce_" + std::string(name)), value);
    }
  }

  const HeaderMap& headers_;
  const BodyOptions& options_;
  PushRequest* request_;
  std::vector<Record::Header> kept_;
};

}  // namespace

Fault ReadPushBody(const HeaderMap& headers, std::string raw, const BodyOptions& options,
                   PushRequest* request) {
  const ContentType content = ReadContentType(headers);
  Form form = Form::kJson;
  if (auto fault = FindForm(headers, content, &form)) return fault;
  if (auto fault = Inflate(headers, options, &raw)) return fault;
  request->body = std::move(raw);
  request->body_crc = Crc32(request->body);
  BodyReader reader(headers, options, request);
  switch (form) {
    case Form::kNdjson: reader.ReadLines(); break;
    case Form::kBinaryEvent: reader.ReadBinaryEvent(content); break;
    case Form::kJson:
    case Form::kEvent:
    case Form::kEventBatch:
      if (auto fault = reader.ReadJson(form != Form::kJson, form == Form::kEventBatch)) {
        return fault;
      }
  }
  if (request->count == 0) {
    return PushFault{400, "body.empty", "the body holds no record"};
  }
  return std::nullopt;
}

}  // namespace tarn::sources::push
