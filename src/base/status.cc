#include "base/status.h"

namespace tarn {

std::string_view StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk: return "ok";
    case StatusCode::kInvalidArgument: return "invalid argument";
    case StatusCode::kNotFound: return "not found";
    case StatusCode::kAlreadyExists: return "already exists";
    case StatusCode::kConflict: return "conflict";
    case StatusCode::kCorruption: return "corruption";
    case StatusCode::kUnsupported: return "unsupported";
    case StatusCode::kConstraint: return "constraint violated";
    case StatusCode::kPermission: return "permission denied";
    case StatusCode::kResource: return "out of resources";
    case StatusCode::kIo: return "I/O error";
    case StatusCode::kCancelled: return "cancelled";
    case StatusCode::kOutcomeUnknown: return "outcome unknown";
    case StatusCode::kInternal: return "internal error";
  }
  return "unknown";
}

Status::Status(StatusCode code, std::string message, RetryClass retry) {
  if (code != StatusCode::kOk) {
    rep_ = std::make_shared<const Rep>(Rep{code, retry, std::move(message)});
  }
}

const std::string& Status::message() const {
  static const std::string kEmpty;
  return rep_ ? rep_->message : kEmpty;
}

std::string Status::ToString() const {
  if (ok()) return "ok";
  return std::string(StatusCodeName(code())) + ": " + message();
}

Status Status::WithContext(std::string_view context) const {
  if (ok()) return *this;
  return Status(code(), std::string(context) + ": " + message(), retry());
}

void CheckFailed(const char* file, int line, const char* expression) {
  std::fprintf(stderr, "tarn: check failed at %s:%d: %s\n", file, line, expression);
  std::abort();
}

}  // namespace tarn
