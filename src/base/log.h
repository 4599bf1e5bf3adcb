// Log: one JSON object a line on a stream, for machines; or a line of text, for people.
//
// {"time":"2026-11-23T13:05:07.123456Z","level":"info","event":"stream started","stream":"orders"}
//
// What it does not do: no files, no rotation, no levels per component: who runs the process decides
// where standard error goes. Secrets are never given to it.
//
// Threads: safe; a line is written whole.
#pragma once

#include <mutex>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace tarn {

enum class LogLevel { kInfo, kWarning, kError };
enum class LogFormat { kJson, kText };

class Log {
 public:
  using Fields = std::vector<std::pair<std::string_view, std::string>>;
  Log(std::ostream& out, LogFormat format, Clock& clock = Clock::System())
      : out_(out), format_(format), clock_(clock) {}

  void Info(std::string_view event, const Fields& fields = {}) {
    Write(LogLevel::kInfo, event, fields);
  }
  void Warning(std::string_view event, const Fields& fields = {}) {
    Write(LogLevel::kWarning, event, fields);
  }
  void Error(std::string_view event, const Fields& fields = {}) {
    Write(LogLevel::kError, event, fields);
  }

 private:
  void Write(LogLevel level, std::string_view event, const Fields& fields);
  std::mutex mutex_;
  std::ostream& out_;
  LogFormat format_;
  Clock& clock_;
};

}  // namespace tarn
