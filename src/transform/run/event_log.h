// EventLog: what a command tells while it works, as dbt does: a line of text with the time, or one
// JSON object per event.
//
// What it does not do: it holds no results; artifacts are written from those.
//
// Threads: safe for concurrent calls; lines do not mix.
#pragma once

#include <mutex>
#include <ostream>
#include <string>

#include "transform/project/json.h"

namespace tarn::transform {

enum class LogFormat { kText, kJson };
enum class EventLevel { kDebug, kInfo, kWarn, kError };

class EventLog {
 public:
  struct Options {
    LogFormat format = LogFormat::kText;
    EventLevel level = EventLevel::kInfo;
    bool quiet = false;  // errors only
    bool colors = false;
    std::string invocation_id;
    size_t width = 80;
  };
  EventLog(std::ostream& out, Options options) : out_(out), options_(std::move(options)) {}

  // `name` and `data` are dbt's event name and fields, for the JSON form.
  void Tell(EventLevel level, const std::string& name, const std::string& text,
            Json data = Json::object());
  void Info(const std::string& text) { Tell(EventLevel::kInfo, "Note", text); }
  void Warn(const std::string& text) { Tell(EventLevel::kWarn, "JinjaLogWarning", text); }
  void Debug(const std::string& text) { Tell(EventLevel::kDebug, "JinjaLogDebug", text); }
  // "1 of 28 OK created … ......... [OK in 0.11s]"
  void Progress(EventLevel level, const std::string& name, size_t index, size_t total,
                const std::string& text, const std::string& status, Json data);
  const Options& options() const { return options_; }

 private:
  std::ostream& out_;
  Options options_;
  std::mutex mutex_;
};

}  // namespace tarn::transform
