// PushRequest: one HTTP request to a stream as records, and the answer it waits for.
//
// Lifetime: views of records and bad records point into `body` and `texts`, which never move; keep
// the request itself on the heap. Threads: plain values; `answer` is called once, from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sources/source.h"

namespace tarn::sources::push {

// Why a record of a request is not in Bronze.
struct Refused {
  uint32_t index = 0;  // of the record in the body, from 0
  std::string rule;    // "json.syntax"
  std::string reason;
};

struct PushAnswer {
  enum class Kind {
    kCommitted,      // durable now
    kDuplicate,      // was durable before this request came
    kRefused,        // nothing was written: a record is bad and the stream wants all or nothing
    kKeyReused,      // nothing was written: the key came before with another body
    kOutOfSequence,  // nothing was written: the sender's number is not the next one
    kTooManyKeys,    // nothing was written: more keys than the stream may remember
    kUnavailable,    // nobody knows or nothing was written; send it again with the same key
  };
  Kind kind = Kind::kUnavailable;
  uint64_t accepted = 0;      // records in Bronze
  uint64_t dead_letters = 0;  // records in the dead letters
  std::vector<Refused> refused;
  int64_t version = -1;       // of the Bronze table; the records are in it and in later ones
  int64_t first_offset = -1;  // the record with index i has offset first_offset + i; -1: not known
  std::string reason;         // one line when nothing was written
};

// Senders that count: every request of a producer has the number of the one before plus one.
struct Sequence {
  std::string producer;
  uint64_t number = 0;
};

struct PushRequest {
  struct Bad {
    std::string_view payload;  // all of it
    std::optional<int64_t> line, byte_offset;
    Refused why;
  };
  std::string body;               // decompressed
  std::deque<std::string> texts;  // what is not in the body: header values, unescaped texts
  std::vector<Record> records;    // without topic, partition and offset
  std::vector<uint32_t> indexes;  // of the records in the body
  std::vector<Bad> bad;
  uint32_t count = 0;  // records and bad ones
  std::string key;     // idempotency key; empty: none
  std::optional<Sequence> sequence;
  uint32_t body_crc = 0;     // CRC-32 of the body
  bool all_or_none = false;  // a bad record refuses the request
  int64_t arrived_micros = 0;
  std::function<void(const PushAnswer&)> answer;

  uint64_t bytes() const { return body.size(); }
};

// Who commits. Safe from any thread.
class PushSink {
 public:
  virtual ~PushSink() = default;
  // Takes the request over and answers it once. False: not now (stopping, or too much is waiting);
  // the request is not taken.
  virtual bool Submit(std::unique_ptr<PushRequest>& request) = 0;
};

}  // namespace tarn::sources::push
