#include "duck/status_exception.h"

#include "duckdb.hpp"

namespace tarn::duck {
namespace {

// DuckDB's nearest type, which decides e.g. whether a transaction is aborted.
duckdb::ExceptionType TypeOf(StatusCode code) {
  using duckdb::ExceptionType;
  switch (code) {
    case StatusCode::kConflict:
    case StatusCode::kOutcomeUnknown: return ExceptionType::TRANSACTION;
    case StatusCode::kNotFound:
    case StatusCode::kAlreadyExists: return ExceptionType::CATALOG;
    case StatusCode::kConstraint: return ExceptionType::CONSTRAINT;
    case StatusCode::kUnsupported: return ExceptionType::NOT_IMPLEMENTED;
    case StatusCode::kPermission: return ExceptionType::PERMISSION;
    case StatusCode::kCancelled: return ExceptionType::INTERRUPT;
    case StatusCode::kCorruption:
    case StatusCode::kResource:
    case StatusCode::kIo: return ExceptionType::IO;
    // Not INTERNAL: that would invalidate the whole DuckDB instance.
    default: return ExceptionType::INVALID_INPUT;
  }
}

}  // namespace

void ThrowStatus(const Status& status) {
  throw duckdb::Exception({{"tarn_code", std::string(StatusCodeName(status.code()))}},
                          TypeOf(status.code()), status.message());
}

}  // namespace tarn::duck
