#include "transform/run/streaming_config.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace tarn::transform {
namespace {

struct Unit {
  const char* name;
  int64_t micros;
};
constexpr int64_t kSecond = 1'000'000;
constexpr Unit kUnits[] = {{"ms", 1'000},           {"millisecond", 1'000},
                           {"s", kSecond},          {"sec", kSecond},
                           {"second", kSecond},     {"m", 60 * kSecond},
                           {"min", 60 * kSecond},   {"minute", 60 * kSecond},
                           {"h", 3600 * kSecond},   {"hour", 3600 * kSecond},
                           {"d", 86400 * kSecond},  {"day", 86400 * kSecond},
                           {"w", 604800 * kSecond}, {"week", 604800 * kSecond}};

Status Bad(const Node& node, const std::string& text) {
  return Status::InvalidArgument("streaming model " + node.unique_id + " (" +
                                 node.original_file_path + "): " + text);
}

template <typename T>
Status ReadChoice(const Node& node, const char* key,
                  const std::vector<std::pair<const char*, T>>& choices, T* out) {
  const std::string text = TextMember(node.config, key);
  if (text.empty()) return Status::Ok();
  std::string known;
  for (const auto& [name, value] : choices) {
    if (text == name) {
      *out = value;
      return Status::Ok();
    }
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  return Bad(node, std::string(key) + " is '" + text + "'; choose one of " + known);
}

Status ReadCount(const Node& node, const char* key, uint64_t least, uint64_t* out) {
  const Json& value = Member(node.config, key);
  if (value.is_null()) return Status::Ok();
  if (!value.is_number_integer() || value.get<int64_t>() < static_cast<int64_t>(least)) {
    return Bad(node, std::string(key) + " is " + value.dump() + "; write a whole number of " +
                         std::to_string(least) + " or more");
  }
  *out = value.get<uint64_t>();
  return Status::Ok();
}

Status ReadInterval(const Node& node, const char* key, int64_t* out) {
  const std::string text = TextMember(node.config, key);
  if (text.empty()) return Status::Ok();
  const auto parsed = ParseInterval(text);
  if (!parsed.ok()) return Bad(node, std::string(key) + ": " + parsed.status().message());
  *out = *parsed;
  return Status::Ok();
}

}  // namespace

Result<int64_t> ParseInterval(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  std::string unit;
  for (const char* at = end; *at != '\0'; ++at) {
    if (*at != ' ') unit += static_cast<char>(std::tolower(static_cast<unsigned char>(*at)));
  }
  if (unit.size() > 3 && unit.back() == 's') unit.pop_back();
  for (const Unit& known : kUnits) {
    if (unit != known.name || end == text.c_str()) continue;
    const double micros = number * static_cast<double>(known.micros);
    if (!(micros >= 1) || micros > 4e15) break;  // up to a hundred years
    return static_cast<int64_t>(std::llround(micros));
  }
  return Status::InvalidArgument("'" + text +
                                 "' is no length of time; write '2 days', '90 minutes' or '30s'");
}

Result<StreamingConfig> ReadStreamingConfig(const Node& node) {
  StreamingConfig config;
  const Json& from = node.config;
  config.keys = TextList(Member(from, "unique_key"));
  std::erase(config.keys, "");
  config.event_time = TextMember(from, "event_time");
  config.arrival_time = TextMember(from, "arrival_time");
  config.late_column = TextMember(from, "late_column", config.late_column);
  config.streams = TextList(Member(from, "stream"));
  TARN_RETURN_IF_ERROR(ReadInterval(node, "watermark", &config.watermark_micros));
  TARN_RETURN_IF_ERROR(ReadInterval(node, "poll", &config.poll_micros));
  TARN_RETURN_IF_ERROR(ReadCount(node, "max_bytes_per_batch", 1, &config.max_bytes));
  auto commits = static_cast<uint64_t>(config.max_commits);
  TARN_RETURN_IF_ERROR(ReadCount(node, "max_versions_per_batch", 1, &commits));
  config.max_commits = static_cast<int64_t>(commits);
  TARN_RETURN_IF_ERROR(ReadChoice<OnUpstreamRemoval>(node, "on_upstream_change",
                                                     {{"fail", OnUpstreamRemoval::kFail},
                                                      {"skip", OnUpstreamRemoval::kSkip},
                                                      {"rebuild", OnUpstreamRemoval::kRebuild}},
                                                     &config.on_upstream_removal));
  TARN_RETURN_IF_ERROR(ReadChoice<OnTargetRestore>(node, "on_restore",
                                                   {{"rewind", OnTargetRestore::kRewind},
                                                    {"keep", OnTargetRestore::kKeep},
                                                    {"fail", OnTargetRestore::kFail}},
                                                   &config.on_restore));
  TARN_RETURN_IF_ERROR(ReadChoice<std::string>(
      node, "on_schema_change",
      {{"ignore", "ignore"}, {"fail", "fail"}, {"append_new_columns", "append_new_columns"}},
      &config.on_schema_change));
  if (!config.keys.empty() && config.watermark_micros == 0) {
    return Bad(node,
               "unique_key needs a watermark: how far apart in event time two copies of a row may "
               "lie, e.g. watermark='2 days'");
  }
  if (!config.arrival_time.empty() && config.watermark_micros == 0) {
    return Bad(node,
               "arrival_time needs a watermark: how much later than event_time a row may arrive "
               "before it is late");
  }
  return config;
}

}  // namespace tarn::transform
