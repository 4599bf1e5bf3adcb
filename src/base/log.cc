#include "base/log.h"

#include <cstdio>

namespace tarn {
namespace {

const char* NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: return "error";
  }
  return "info";
}

void AppendJson(std::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (byte < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", byte);
      *out += escape;
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

}  // namespace

void Log::Write(LogLevel level, std::string_view event, const Fields& fields) {
  std::string line;
  const std::string time = FormatTimestampUtc(clock_.NowMicros());
  if (format_ == LogFormat::kText) {
    line = time + " " + NameOf(level) + " " + std::string(event);
    for (const auto& [name, value] : fields) line += " " + std::string(name) + "=" + value;
  } else {
    line = "{\"time\":\"" + time + "\",\"level\":\"" + NameOf(level) + "\",\"event\":";
    AppendJson(event, &line);
    for (const auto& [name, value] : fields) {
      line += ",";
      AppendJson(name, &line);
      line += ":";
      AppendJson(value, &line);
    }
    line += "}";
  }
  line += "\n";
  const std::lock_guard lock(mutex_);
  out_ << line << std::flush;
}

}  // namespace tarn
