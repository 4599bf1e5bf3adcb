#include "sources/push/push_door.h"

#include <charconv>
#include <mutex>
#include <nlohmann/json.hpp>

#include "codec/json_text.h"

namespace tarn::sources::push {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLongestKey = 255;
constexpr size_t kMostProblems = 1'000;  // told in an answer; the counts are whole

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

const char* Title(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    default: return "Service Unavailable";
  }
}

Json ProblemsOf(const std::vector<Refused>& refused) {
  Json out = Json::array();
  for (const Refused& one : refused) {
    if (out.size() == kMostProblems) break;
    out.push_back({{"index", one.index}, {"rule", one.rule}, {"reason", one.reason}});
  }
  return out;
}

net::ServerReply ProblemWith(const PushFault& fault, const std::vector<Refused>& refused) {
  Json body = {{"type", "about:blank"},
               {"title", Title(fault.status)},
               {"status", fault.status},
               {"code", fault.code},
               {"detail", fault.reason}};
  if (!refused.empty()) body["problems"] = ProblemsOf(refused);
  net::ServerReply reply{fault.status, Dump(body), "application/problem+json", {}};
  if (fault.status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (fault.status == 405) reply.headers.emplace_back("Allow", "POST");
  return reply;
}

net::ServerReply ComeBack(const PushFault& fault, int64_t wait_micros) {
  net::ServerReply reply = ProblemWith(fault, {});
  const int64_t seconds = (wait_micros + 999'999) / 1'000'000;
  reply.headers.emplace_back("Retry-After", std::to_string(std::max<int64_t>(seconds, 1)));
  return reply;
}

// Leaves when the last copy of the answer goes, given or not.
struct UnderWay {
  explicit UnderWay(std::shared_ptr<PushLimits> entered) : limits(std::move(entered)) {}
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;
  ~UnderWay() { limits->Leave(); }
  std::shared_ptr<PushLimits> limits;
};

}  // namespace

PushDoor::PushDoor(DoorOptions options, PushAuth auth, Clock& clock)
    : options_(std::move(options)),
      auth_(std::move(auth)),
      clock_(clock),
      limits_(std::make_shared<PushLimits>(options_.limits)) {}

void PushDoor::Open(PushSink* sink) {
  const std::unique_lock lock(mutex_);
  sink_ = sink;
}

void PushDoor::Close() { Open(nullptr); }

net::ServerReply PushDoor::Problem(const PushFault& fault) { return ProblemWith(fault, {}); }

std::optional<PushFault> PushDoor::CheckBefore(const net::ServerRequest& request) const {
  if (request.method != "POST") {
    return PushFault{405, "method", "records are sent with POST, not with " + request.method};
  }
  if (auto fault = auth_.Check({request.method, request.target, request.headers, request.body},
                               clock_.NowMicros())) {
    return fault;
  }
  if (request.headers.count("content-length") == 0 &&
      request.headers.count("transfer-encoding") == 0) {
    return PushFault{411, "body.length", "send Content-Length, or Transfer-Encoding: chunked"};
  }
  if (request.body.size() > options_.max_body_bytes) {
    return PushFault{413, "body.size",
                     "the body is larger than " + std::to_string(options_.max_body_bytes) +
                         " bytes; send it in parts"};
  }
  return std::nullopt;
}

std::optional<PushFault> PushDoor::ReadKey(const net::ServerRequest& request,
                                           PushRequest* push) const {
  std::string key = request.Header("idempotency-key");
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"') {
    key = key.substr(1, key.size() - 2);
  }
  const bool given = request.headers.count("idempotency-key") != 0;
  if (given && (key.empty() || key.size() > kLongestKey)) {
    return PushFault{400, "idempotency_key", "Idempotency-Key has 1 to 255 bytes"};
  }
  const std::string& producer = request.Header("tarn-producer");
  const std::string& number = request.Header("tarn-sequence");
  if (!producer.empty() || !number.empty()) {
    Sequence sequence{producer, 0};
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), sequence.number);
    const bool counts = error == std::errc() && end == number.data() + number.size();
    if (producer.empty() || producer.size() > kLongestKey || !counts || given ||
        codec::FindInvalidUtf8(producer) != std::string::npos) {
      return PushFault{400, "sequence",
                       "Tarn-Producer (1 to 255 bytes) and Tarn-Sequence (a number) come together "
                       "and without Idempotency-Key"};
    }
    push->sequence = std::move(sequence);
    return std::nullopt;
  }
  if (!given && !options_.idempotency_field.empty() && push->count == 1 &&
      push->records.size() == 1) {
    const auto value = codec::TopLevelField(push->records[0].payload, options_.idempotency_field);
    if (value && !value->empty()) key = options_.idempotency_field + "=" + *value;
  }
  push->key = std::move(key);
  return std::nullopt;
}

void PushDoor::Handle(net::ServerRequest request, net::Responder respond) const {
  if (const auto fault = CheckBefore(request)) return respond(Problem(*fault));
  if (!limits_->Enter()) {
    return respond(ComeBack({429, "limit.in_flight",
                             "more than " + std::to_string(options_.limits.max_in_flight) +
                                 " requests are under way on this stream"},
                            0));
  }
  auto under_way = std::make_shared<UnderWay>(limits_);
  if (const int64_t wait = limits_->TakeBytes(request.body.size(), clock_.MonotonicMicros())) {
    return respond(ComeBack(
        {429, "limit.bytes",
         "more than " + std::to_string(options_.limits.bytes_per_second) + " bytes a second"},
        wait));
  }
  auto push = std::make_unique<PushRequest>();
  auto fault = ReadPushBody(request.headers, std::move(request.body), options_.body, push.get());
  if (!fault) fault = ReadKey(request, push.get());
  if (fault) return respond(Problem(*fault));
  push->all_or_none = options_.all_or_none;
  push->arrived_micros = clock_.NowMicros();
  if (push->all_or_none && !push->bad.empty()) {
    PushAnswer answer;
    answer.kind = PushAnswer::Kind::kRefused;
    for (const auto& bad : push->bad) answer.refused.push_back(bad.why);
    return respond(Reply(answer));
  }
  if (const int64_t wait = limits_->TakeRecords(push->count, clock_.MonotonicMicros())) {
    return respond(ComeBack(
        {429, "limit.records",
         "more than " + std::to_string(options_.limits.records_per_second) + " records a second"},
        wait));
  }
  push->answer = [this, respond, under_way](const PushAnswer& answer) { respond(Reply(answer)); };
  const std::shared_lock lock(mutex_);
  if (sink_ == nullptr || !sink_->Submit(push)) {
    respond(ComeBack({503, "unavailable",
                      sink_ == nullptr ? "the stream is not running here at the moment"
                                       : "the stream is stopping, or too much waits for it"},
                     0));
  }
}

net::ServerReply PushDoor::Reply(const PushAnswer& answer) const {
  using Kind = PushAnswer::Kind;
  switch (answer.kind) {
    case Kind::kCommitted:
    case Kind::kDuplicate: break;
    case Kind::kRefused:
      return ProblemWith({422, "record.refused",
                          answer.reason.empty() ? std::to_string(answer.refused.size()) +
                                                      " of the records are bad; nothing was written"
                                                : answer.reason},
                         answer.refused);
    case Kind::kKeyReused: return Problem({422, "idempotency_key.reused", answer.reason});
    case Kind::kOutOfSequence: return Problem({409, "sequence.gap", answer.reason});
    case Kind::kTooManyKeys: return ComeBack({429, "limit.keys", answer.reason}, 10'000'000);
    case Kind::kUnavailable: return ComeBack({503, "unavailable", answer.reason}, 0);
  }
  Json body = {
      {"stream", options_.stream},
      {"accepted", answer.accepted},
      {"dead_lettered", answer.dead_letters},
      {"version", answer.version},
      {"first_offset", answer.first_offset < 0 ? Json(nullptr) : Json(answer.first_offset)},
      {"duplicate", answer.kind == Kind::kDuplicate},
      {"problems", ProblemsOf(answer.refused)}};
  return {200, Dump(body), "application/json", {}};
}

}  // namespace tarn::sources::push
