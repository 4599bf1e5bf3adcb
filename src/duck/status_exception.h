// The one place where a Status becomes a DuckDB exception, with the same one-line message.
//
// kConflict and kOutcomeUnknown -> TransactionException, kNotFound and kAlreadyExists ->
// CatalogException, kConstraint -> ConstraintException, kInvalidArgument -> InvalidInputException,
// kUnsupported -> NotImplementedException, kPermission -> PermissionException, kCancelled ->
// InterruptException, kInternal -> InternalException, everything else -> IOException. Callers of
// the engine that need the retry class back read the exception's type.
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
