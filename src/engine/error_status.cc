#include "engine/error_status.h"

#include <cstdlib>

namespace tarn::engine {
namespace {

// DuckDB appends hints and "LINE 1: …" pictures on further lines; hints are worth keeping.
std::string OneLine(const std::string& message) {
  std::string out;
  size_t start = 0;
  while (start < message.size()) {
    size_t end = message.find('\n', start);
    if (end == std::string::npos) end = message.size();
    const std::string line = message.substr(start, end - start);
    start = end + 1;
    if (line.rfind("LINE ", 0) == 0) break;
    if (line.find_first_not_of(" \t^") == std::string::npos) continue;
    if (!out.empty()) out += ' ';
    out += line;
  }
  return out;
}

StatusCode CodeOf(duckdb::ExceptionType type) {
  using duckdb::ExceptionType;
  switch (type) {
    case ExceptionType::TRANSACTION: return StatusCode::kConflict;
    case ExceptionType::CONSTRAINT: return StatusCode::kConstraint;
    case ExceptionType::INTERRUPT: return StatusCode::kCancelled;
    case ExceptionType::IO:
    case ExceptionType::HTTP:
    case ExceptionType::NETWORK: return StatusCode::kIo;
    case ExceptionType::OUT_OF_MEMORY: return StatusCode::kResource;
    case ExceptionType::PERMISSION: return StatusCode::kPermission;
    case ExceptionType::NOT_IMPLEMENTED: return StatusCode::kUnsupported;
    case ExceptionType::INTERNAL:
    case ExceptionType::FATAL: return StatusCode::kInternal;
    default: return StatusCode::kInvalidArgument;
  }
}

bool CodeByName(const std::string& name, StatusCode* code) {
  for (int i = 1; i <= static_cast<int>(StatusCode::kInternal); ++i) {
    if (StatusCodeName(static_cast<StatusCode>(i)) == name) {
      *code = static_cast<StatusCode>(i);
      return true;
    }
  }
  return false;
}

}  // namespace

Status StatusFromError(const duckdb::ErrorData& error) {
  StatusCode code = CodeOf(error.Type());
  const auto& extra = error.ExtraInfo();
  if (const auto it = extra.find("tarn_code"); it != extra.end()) CodeByName(it->second, &code);
  RetryClass retry = RetryClass::kNo;
  if (code == StatusCode::kConflict) retry = RetryClass::kAfterRefresh;
  if (code == StatusCode::kOutcomeUnknown) retry = RetryClass::kOutcomeUnknown;
  return Status(code, OneLine(error.RawMessage()), retry);
}

bool ErrorOffset(const duckdb::ErrorData& error, size_t* offset) {
  const auto it = error.ExtraInfo().find("position");
  if (it == error.ExtraInfo().end()) return false;
  *offset = std::strtoull(it->second.c_str(), nullptr, 10);
  return true;
}

}  // namespace tarn::engine
