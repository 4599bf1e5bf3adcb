#include "operate/stream_status.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tarn::operate {
namespace {

constexpr StreamState kStates[] = {StreamState::kStarting, StreamState::kRunning,
                                   StreamState::kElsewhere, StreamState::kWaiting,
                                   StreamState::kStopped};
constexpr int64_t kSilenceMicros = 60'000'000;
constexpr double kMicrosPerSecond = 1e6;

StreamState StateFromName(const std::string& name) {
  for (const StreamState state : kStates) {
    if (name == StreamStateName(state)) return state;
  }
  return StreamState::kStopped;
}

nlohmann::ordered_json ToJsonObject(const StreamStatus& stream) {
  return {{"name", stream.name},
          {"kind", stream.kind},
          {"target", stream.target},
          {"state", StreamStateName(stream.state)},
          {"rows", stream.rows},
          {"bytes", stream.bytes},
          {"dead_letters", stream.dead_letters},
          {"commits", stream.commits},
          {"restarts", stream.restarts},
          {"rows_per_second", stream.rows_per_second},
          {"lag_records", stream.lag_records},
          {"batch_lag_micros", stream.batch_lag_micros},
          {"commit_micros", stream.commit_micros},
          {"last_commit_micros", stream.last_commit_micros},
          {"last_progress_micros", stream.last_progress_micros},
          {"max_lag_micros", stream.max_lag_micros},
          {"error", stream.error},
          {"holder", stream.holder},
          {"parts", stream.parts}};
}

StreamStatus FromJsonObject(const nlohmann::json& json) {
  StreamStatus out;
  out.name = json.value("name", "");
  out.kind = json.value("kind", "");
  out.target = json.value("target", "");
  out.state = StateFromName(json.value("state", ""));
  out.rows = json.value("rows", uint64_t{0});
  out.bytes = json.value("bytes", uint64_t{0});
  out.dead_letters = json.value("dead_letters", uint64_t{0});
  out.commits = json.value("commits", uint64_t{0});
  out.restarts = json.value("restarts", uint64_t{0});
  out.rows_per_second = json.value("rows_per_second", 0.0);
  out.lag_records = json.value("lag_records", int64_t{-1});
  out.batch_lag_micros = json.value("batch_lag_micros", int64_t{-1});
  out.commit_micros = json.value("commit_micros", int64_t{-1});
  out.last_commit_micros = json.value("last_commit_micros", int64_t{0});
  out.last_progress_micros = json.value("last_progress_micros", int64_t{0});
  out.max_lag_micros = json.value("max_lag_micros", int64_t{0});
  out.error = json.value("error", "");
  out.holder = json.value("holder", "");
  out.parts = json.value("parts", std::vector<std::string>());
  return out;
}

std::string LabelValue(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out.push_back('\\');
    if (c == '\n') {
      out += "\\n";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string NumberText(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

}  // namespace

const char* StreamStateName(StreamState state) {
  switch (state) {
    case StreamState::kStarting: return "starting";
    case StreamState::kRunning: return "running";
    case StreamState::kElsewhere: return "elsewhere";
    case StreamState::kWaiting: return "waiting";
    case StreamState::kStopped: return "stopped";
  }
  return "stopped";
}

std::string ToJson(const ProcessStatus& status) {
  nlohmann::ordered_json streams = nlohmann::ordered_json::array();
  for (const StreamStatus& stream : status.streams) streams.push_back(ToJsonObject(stream));
  const nlohmann::ordered_json json = {{"instance", status.instance},
                                       {"started_micros", status.started_micros},
                                       {"written_micros", status.written_micros},
                                       {"streams", streams}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<ProcessStatus> ProcessStatusFromJson(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("instance") || !json.contains("streams")) {
    return Status::Corruption("a process's status cannot be read");
  }
  try {
    ProcessStatus out;
    out.instance = json["instance"].get<std::string>();
    out.started_micros = json.value("started_micros", int64_t{0});
    out.written_micros = json.value("written_micros", int64_t{0});
    for (const auto& stream : json["streams"]) out.streams.push_back(FromJsonObject(stream));
    return out;
  } catch (const nlohmann::json::exception&) {
    return Status::Corruption("a process's status cannot be read");
  }
}

std::string HealthProblem(const StreamStatus& stream, int64_t now) {
  const int64_t patience = std::max(kSilenceMicros, 4 * stream.max_lag_micros);
  const auto ago = [&](int64_t micros) {
    return std::to_string((now - micros) / 1'000'000) + " s";
  };
  switch (stream.state) {
    case StreamState::kElsewhere:
    case StreamState::kStopped: return "";
    case StreamState::kWaiting:
      return stream.restarts < 2 ? "" : "fails again and again: " + stream.error;
    case StreamState::kStarting:
    case StreamState::kRunning: break;
  }
  if (now - stream.last_progress_micros > patience) {
    return "no progress for " + ago(stream.last_progress_micros) +
           (stream.error.empty() ? "" : ": " + stream.error);
  }
  const bool behind = stream.lag_records > 0;
  const int64_t since = std::max(stream.last_commit_micros, int64_t{1});
  if (behind && stream.last_commit_micros > 0 && now - since > patience) {
    return std::to_string(stream.lag_records) + " records behind and no commit for " + ago(since);
  }
  return "";
}

std::string ToPrometheus(const ProcessStatus& status, int64_t now) {
  struct Metric {
    const char* name;
    const char* type;
    const char* help;
    double (*value)(const StreamStatus&, int64_t);
  };
  static const Metric kMetrics[] = {
      {"tarn_stream_rows_total", "counter", "Rows committed to Bronze by this process.",
       [](const StreamStatus& s, int64_t) { return static_cast<double>(s.rows); }},
      {"tarn_stream_bytes_total", "counter", "Payload bytes committed to Bronze by this process.",
       [](const StreamStatus& s, int64_t) { return static_cast<double>(s.bytes); }},
      {"tarn_stream_dead_letters_total", "counter", "Records that went to the dead letters.",
       [](const StreamStatus& s, int64_t) { return static_cast<double>(s.dead_letters); }},
      {"tarn_stream_commits_total", "counter", "Delta commits, dead letters included.",
       [](const StreamStatus& s, int64_t) { return static_cast<double>(s.commits); }},
      {"tarn_stream_restarts_total", "counter", "Times the stream was started again after failing.",
       [](const StreamStatus& s, int64_t) { return static_cast<double>(s.restarts); }},
      {"tarn_stream_rows_per_second", "gauge", "Rows committed per second, lately.",
       [](const StreamStatus& s, int64_t) { return s.rows_per_second; }},
      {"tarn_stream_lag_records", "gauge", "Records upstream that are not in Bronze; -1: unknown.",
       [](const StreamStatus& s, int64_t) { return static_cast<double>(s.lag_records); }},
      {"tarn_stream_lag_seconds", "gauge", "Event time to commit of the last batch; -1: unknown.",
       [](const StreamStatus& s, int64_t) {
         return s.batch_lag_micros < 0 ? -1
                                       : static_cast<double>(s.batch_lag_micros) / kMicrosPerSecond;
       }},
      {"tarn_stream_commit_seconds", "gauge", "What the commits of a batch take, moving mean.",
       [](const StreamStatus& s, int64_t) {
         return s.commit_micros < 0 ? -1 : static_cast<double>(s.commit_micros) / kMicrosPerSecond;
       }},
      {"tarn_stream_last_commit_timestamp_seconds", "gauge",
       "Wall time of the last commit; 0: none.",
       [](const StreamStatus& s, int64_t) {
         return static_cast<double>(s.last_commit_micros) / kMicrosPerSecond;
       }},
      {"tarn_stream_running", "gauge", "1 while this process runs the stream.",
       [](const StreamStatus& s, int64_t) { return s.state == StreamState::kRunning ? 1.0 : 0.0; }},
      {"tarn_stream_healthy", "gauge", "0 when /healthz has something to say about the stream.",
       [](const StreamStatus& s, int64_t now) {
         return HealthProblem(s, now).empty() ? 1.0 : 0.0;
       }},
  };
  std::string out;
  for (const Metric& metric : kMetrics) {
    out += std::string("# HELP ") + metric.name + " " + metric.help + "\n# TYPE " + metric.name +
           " " + metric.type + "\n";
    for (const StreamStatus& stream : status.streams) {
      out += std::string(metric.name) + "{stream=\"" + LabelValue(stream.name) + "\",kind=\"" +
             LabelValue(stream.kind) + "\",target=\"" + LabelValue(stream.target) + "\"} " +
             NumberText(metric.value(stream, now)) + "\n";
    }
  }
  out +=
      "# HELP tarn_process_start_time_seconds When this process began.\n"
      "# TYPE tarn_process_start_time_seconds gauge\ntarn_process_start_time_seconds " +
      NumberText(static_cast<double>(status.started_micros) / kMicrosPerSecond) + "\n";
  return out;
}

}  // namespace tarn::operate
