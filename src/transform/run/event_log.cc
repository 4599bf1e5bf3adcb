#include "transform/run/event_log.h"

#include <unistd.h>

#include "base/clock.h"

namespace tarn::transform {
namespace {

const char* LevelName(EventLevel level) {
  switch (level) {
    case EventLevel::kDebug: return "debug";
    case EventLevel::kInfo: return "info";
    case EventLevel::kWarn: return "warn";
    case EventLevel::kError: return "error";
  }
  return "info";
}

std::string TimeOfDay(int64_t micros) {
  const int64_t seconds = micros / 1'000'000 % 86'400;
  char text[16];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d", static_cast<int>(seconds / 3600),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  return text;
}

const char* Color(const std::string& status) {
  if (status.starts_with("ERROR") || status.starts_with("FAIL")) return "\x1b[31m";
  if (status.starts_with("WARN") || status.starts_with("SKIP")) return "\x1b[33m";
  if (status == "RUN") return "";
  return "\x1b[32m";
}

}  // namespace

void EventLog::Tell(EventLevel level, const std::string& name, const std::string& text, Json data) {
  if (level < options_.level || (options_.quiet && level != EventLevel::kError)) return;
  const int64_t now = Clock::System().NowMicros();
  std::string line;
  if (options_.format == LogFormat::kJson) {
    const Json event = {{"data", std::move(data)},
                        {"info",
                         {{"category", ""},
                          {"code", ""},
                          {"extra", Json::object()},
                          {"invocation_id", options_.invocation_id},
                          {"level", LevelName(level)},
                          {"msg", text},
                          {"name", name},
                          {"pid", static_cast<int64_t>(getpid())},
                          {"thread", "MainThread"},
                          {"ts", FormatTimestampUtc(now)}}}};
    line = event.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  } else {
    size_t at = 0;
    do {
      const size_t end = std::min(text.find('\n', at), text.size());
      line += (at == 0 ? TimeOfDay(now) + "  " : "") + text.substr(at, end - at) + "\n";
      at = end + 1;
    } while (at < text.size());
  }
  const std::lock_guard<std::mutex> guard(mutex_);
  out_ << line;
  out_.flush();
}

void EventLog::Progress(EventLevel level, const std::string& name, size_t index, size_t total,
                        const std::string& text, const std::string& status, Json data) {
  std::string line = std::to_string(index) + " of " + std::to_string(total) + " " + text + " ";
  while (line.size() < options_.width) line += '.';
  const std::string color = options_.colors ? Color(status) : "";
  line += " [" + color + status + (color.empty() ? "" : "\x1b[0m") + "]";
  data["index"] = index;
  data["total"] = total;
  Tell(level, name, line, std::move(data));
}

}  // namespace tarn::transform
