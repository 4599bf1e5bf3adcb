// The one place where a Status becomes a DuckDB exception, with the same one-line message.
//
// The exception's type is DuckDB's nearest (kConflict and kOutcomeUnknown: TRANSACTION); the exact
// code travels as extra info "tarn_code", from which the engine makes the Status again.
#pragma once

#include <string>
#include <utility>

#include "base/status.h"

namespace tarn::duck {

[[noreturn]] void ThrowStatus(const Status& status);

inline void ThrowIfError(const Status& status) {
  if (!status.ok()) ThrowStatus(status);
}

template <typename T>
T ValueOrThrow(Result<T> result) {
  if (!result.ok()) ThrowStatus(result.status());
  return std::move(result).value();
}

}  // namespace tarn::duck
