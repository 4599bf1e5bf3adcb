// PushDoor: POST /v1/streams/<name>: checks a request in order, hands it to who commits, answers.
//
// Order of the checks, each with its status: method (405), token or signature (401), length (411,
// 413), requests under way (429), bytes a second (429), type and encoding (415, 400), records
// (400), records a second (429), then the commit: 200, 409 (sequence), 422 (a record or key is
// refused), 429 (too many keys), 503 (nothing is known to be written). Refusals are RFC 9457
// problem details with a member "code".
//
// 200 means durable: {"stream": …, "accepted": n, "dead_lettered": n, "version": v,
// "first_offset": o, "duplicate": false, "problems": [{"index", "rule", "reason"}]}.
//
// Request headers: Idempotency-Key (up to 255 bytes, quotes around it are dropped), or
// Tarn-Producer with Tarn-Sequence.
//
// Threads: Handle, Open and Close are safe from any thread. Lifetime: the sink is used between Open
// and the return of Close; answers may come later.
#pragma once

#include <memory>
#include <shared_mutex>
#include <string>

#include "base/clock.h"
#include "net/http_server.h"
#include "sources/push/push_auth.h"
#include "sources/push/push_body.h"
#include "sources/push/push_limits.h"
#include "sources/push/push_request.h"

namespace tarn::sources::push {

struct DoorOptions {
  std::string stream;
  uint64_t max_body_bytes = 8ull << 20;  // as received
  BodyOptions body;
  LimitOptions limits;
  bool all_or_none = false;       // a bad record refuses the whole request
  std::string idempotency_field;  // of a body that is one object, when there is no key in a header
};

class PushDoor {
 public:
  PushDoor(DoorOptions options, PushAuth auth, Clock& clock);
  void Handle(net::ServerRequest request, net::Responder respond) const;
  void Open(PushSink* sink);
  // Until Open again requests are answered 503.
  void Close();

  static net::ServerReply Problem(const PushFault& fault);

 private:
  std::optional<PushFault> CheckBefore(const net::ServerRequest& request) const;
  std::optional<PushFault> ReadKey(const net::ServerRequest& request, PushRequest* push) const;
  net::ServerReply Reply(const PushAnswer& answer) const;

  DoorOptions options_;
  PushAuth auth_;
  Clock& clock_;
  std::shared_ptr<PushLimits> limits_;
  mutable std::shared_mutex mutex_;  // guards sink_
  PushSink* sink_ = nullptr;
};

}  // namespace tarn::sources::push
