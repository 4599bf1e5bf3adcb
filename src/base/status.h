// Status and Result<T>: how every room outside `duck`, `dialect` and `engine` reports failure.
//
// A Status is either OK or (code, message, retry class). A message is one line for a person: it
// names the thing (table, file, column), the place (path, version, line) and, where one exists, the
// remedy. Operating errors are Status; programmer errors are TARN_CHECK, which stays on in release
// builds.
//
// Threads: value types; safe to copy between threads.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace tarn {

// What went wrong, coarse enough that callers can branch on it.
enum class StatusCode {
  kOk = 0,
  kInvalidArgument,  // the caller's input is wrong: SQL, option, value
  kNotFound,         // the named thing does not exist
  kAlreadyExists,    // put-if-absent lost, or CREATE of an existing thing
  kConflict,         // a concurrent commit logically conflicts with this one
  kCorruption,       // stored bytes are damaged or contradict the protocol
  kUnsupported,      // a table feature or statement this build does not handle
  kConstraint,       // NOT NULL, CHECK, invariant, appendOnly violated by data
  kPermission,       // the operating system or server said no
  kResource,         // disk full, out of memory, too many files
  kIo,               // other I/O failure
  kCancelled,        // the user asked to stop
  kOutcomeUnknown,   // a write may or may not have happened: re-read before acting
  kInternal,         // a bug in Tarn
};

// What a caller may do about it.
enum class RetryClass {
  kNo,              // the same call fails again
  kBackoff,         // transient: the same call may succeed later
  kAfterRefresh,    // re-read state, then decide again
  kOutcomeUnknown,  // find out first; never a blind retry
};

std::string_view StatusCodeName(StatusCode code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message, RetryClass retry = RetryClass::kNo);

  static Status Ok() { return Status(); }
  static Status InvalidArgument(std::string m) {
    return {StatusCode::kInvalidArgument, std::move(m)};
  }
  static Status NotFound(std::string m) { return {StatusCode::kNotFound, std::move(m)}; }
  static Status AlreadyExists(std::string m) { return {StatusCode::kAlreadyExists, std::move(m)}; }
  static Status Conflict(std::string m) {
    return {StatusCode::kConflict, std::move(m), RetryClass::kAfterRefresh};
  }
  static Status Corruption(std::string m) { return {StatusCode::kCorruption, std::move(m)}; }
  static Status Unsupported(std::string m) { return {StatusCode::kUnsupported, std::move(m)}; }
  static Status Constraint(std::string m) { return {StatusCode::kConstraint, std::move(m)}; }
  static Status Permission(std::string m) { return {StatusCode::kPermission, std::move(m)}; }
  static Status Resource(std::string m) { return {StatusCode::kResource, std::move(m)}; }
  static Status Io(std::string m, RetryClass retry = RetryClass::kNo) {
    return {StatusCode::kIo, std::move(m), retry};
  }
  static Status Cancelled(std::string m) { return {StatusCode::kCancelled, std::move(m)}; }
  static Status OutcomeUnknown(std::string m) {
    return {StatusCode::kOutcomeUnknown, std::move(m), RetryClass::kOutcomeUnknown};
  }
  static Status Internal(std::string m) { return {StatusCode::kInternal, std::move(m)}; }

  bool ok() const { return rep_ == nullptr; }
  StatusCode code() const { return rep_ ? rep_->code : StatusCode::kOk; }
  RetryClass retry() const { return rep_ ? rep_->retry : RetryClass::kNo; }
  // The one-line message; empty when ok.
  const std::string& message() const;
  // "conflict: <message>", or "ok".
  std::string ToString() const;
  // The same status with "<context>: " before the message. No-op on OK.
  Status WithContext(std::string_view context) const;

 private:
  struct Rep {
    StatusCode code;
    RetryClass retry;
    std::string message;
  };
  std::shared_ptr<const Rep> rep_;  // null means OK, so that OK costs nothing
};

// A T or the Status that explains why there is none. Never holds an OK status.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : rep_(std::move(value)) {}        // NOLINT: implicit by design
  Result(Status status) : rep_(std::move(status)) {  // NOLINT: implicit by design
    if (std::get<Status>(rep_).ok()) {
      std::fputs("tarn: Result built from an OK status\n", stderr);
      std::abort();
    }
  }

  bool ok() const { return std::holds_alternative<T>(rep_); }
  // OK when a value is held.
  Status status() const { return ok() ? Status::Ok() : std::get<Status>(rep_); }

  // REQUIRES: ok(). Aborts otherwise.
  T& value() & {
    Require();
    return std::get<T>(rep_);
  }
  const T& value() const& {
    Require();
    return std::get<T>(rep_);
  }
  T&& value() && {
    Require();
    return std::get<T>(std::move(rep_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T value_or(T fallback) const& { return ok() ? std::get<T>(rep_) : std::move(fallback); }

 private:
  void Require() const {
    if (!ok()) {
      std::fprintf(stderr, "tarn: value of a failed Result: %s\n",
                   std::get<Status>(rep_).ToString().c_str());
      std::abort();
    }
  }
  std::variant<T, Status> rep_;
};

[[noreturn]] void CheckFailed(const char* file, int line, const char* expression);

}  // namespace tarn

#define TARN_CONCAT_INNER(a, b) a##b
#define TARN_CONCAT(a, b) TARN_CONCAT_INNER(a, b)

// Returns the status from the enclosing function when it is not OK.
#define TARN_RETURN_IF_ERROR(expr)                                                     \
  do {                                                                                 \
    if (::tarn::Status tarn_status_ = (expr); !tarn_status_.ok()) return tarn_status_; \
  } while (0)

// TARN_ASSIGN_OR_RETURN(auto x, F()); binds x or returns F's status.
#define TARN_ASSIGN_OR_RETURN(lhs, expr) \
  TARN_ASSIGN_OR_RETURN_IMPL(TARN_CONCAT(tarn_result_, __LINE__), lhs, expr)
#define TARN_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                               \
  if (!tmp.ok()) return tmp.status();              \
  lhs = std::move(tmp).value()

// A programmer's error: aborts in every build, with the place.
#define TARN_CHECK(condition)                                              \
  do {                                                                     \
    if (!(condition)) ::tarn::CheckFailed(__FILE__, __LINE__, #condition); \
  } while (0)
