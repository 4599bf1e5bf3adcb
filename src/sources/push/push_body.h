// A request's headers and body become records.
//
//   application/x-ndjson (also ndjson, jsonl)   a record a line; a bad line is one bad record
//   application/json                            an array: its elements; an object: one record
//   application/cloudevents+json                one event; the record is the event's bytes
//   application/cloudevents-batch+json          an array of events
//   any type with a ce-specversion header       CloudEvents binary mode: the record is the body
//
// A record is its exact bytes. An event's attributes become headers "ce_<name>" as in the Kafka
// binding, `time` the event time, `partitionkey` (else `subject`) the key. Lacks an event one of
// specversion, id, source, type it is a bad record (cloudevents.attribute).
//
// Rules of bad records: those of codec/json_splitter.h and "cloudevents.attribute". What makes the
// body as a whole unreadable is a PushFault instead: nothing of it is taken.
//
// Pure functions; safe from any thread. Memory: the decompressed body, at most max_inflated_bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "sources/push/push_request.h"

namespace tarn::sources::push {

// What is wrong with a request, as HTTP says it.
struct PushFault {
  int status = 400;
  std::string code;  // stable short name, "body.syntax"
  std::string reason;
};

struct BodyOptions {
  uint64_t max_inflated_bytes = 64ull << 20;
  uint64_t max_record_bytes = 16ull << 20;
  std::vector<std::string> keep_headers;  // lower case; they become headers of every record
};

// Names in lower case.
using HeaderMap = std::map<std::string, std::string>;

// Fills in everything of `request` that is in the body. `raw` is as it was received.
std::optional<PushFault> ReadPushBody(const HeaderMap& headers, std::string raw,
                                      const BodyOptions& options, PushRequest* request);

}  // namespace tarn::sources::push
