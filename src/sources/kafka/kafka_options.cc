#include "sources/kafka/kafka_options.h"

#include <charconv>

#include "base/clock.h"

namespace tarn::sources::kafka {
namespace {

bool ReadNumber(std::string_view text, int64_t* out) {
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, *out);
  return read.ec == std::errc() && read.ptr == end && *out >= 0;
}

Result<std::map<int32_t, int64_t>> ParseOffsets(const std::string& text) {
  std::map<int32_t, int64_t> out;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view item = std::string_view(text).substr(begin, end - begin);
    const size_t colon = item.find(':');
    int64_t partition = 0, offset = 0;
    if (colon == std::string_view::npos || !ReadNumber(item.substr(0, colon), &partition) ||
        !ReadNumber(item.substr(colon + 1), &offset) || partition > INT32_MAX) {
      return Status::InvalidArgument("'" + std::string(item) +
                                     "' is no partition:offset; write 0:100,1:250");
    }
    out[static_cast<int32_t>(partition)] = offset;
    begin = end + 1;
  }
  return out;
}

// Ours to set: another value would break exactly once or the limits on memory.
constexpr const char* kReservedProperties[] = {
    "bootstrap.servers",       "metadata.broker.list",       "group.id",
    "enable.auto.commit",      "enable.auto.offset.store",   "auto.offset.reset",
    "isolation.level",         "queued.max.messages.kbytes", "enable.partition.eof",
    "allow.auto.create.topics"};

}  // namespace

Result<StartAt> ParseStartAt(const std::string& text) {
  StartAt start;
  if (text == "earliest") return start;
  if (text == "latest") {
    start.kind = StartAt::Kind::kLatest;
    return start;
  }
  if (const auto micros = ParseTimestampUtc(text); micros.ok()) {
    start.kind = StartAt::Kind::kTimestamp;
    start.timestamp_ms = *micros / 1000;
    return start;
  }
  if (text.find(':') == std::string::npos) {
    return Status::InvalidArgument("'" + text +
                                   "' is no start; choose earliest, latest, a timestamp "
                                   "(2026-11-23T00:00:00Z) or offsets (0:100,1:250)");
  }
  TARN_ASSIGN_OR_RETURN(start.offsets, ParseOffsets(text));
  start.kind = StartAt::Kind::kOffsets;
  return start;
}

Result<OnLostOffsets> ParseOnLostOffsets(const std::string& text) {
  if (text == "fail") return OnLostOffsets::kFail;
  if (text == "earliest") return OnLostOffsets::kEarliest;
  if (text == "latest") return OnLostOffsets::kLatest;
  return Status::InvalidArgument("'" + text + "' is no policy; choose fail, earliest or latest");
}

Result<OnRecreatedTopic> ParseOnRecreatedTopic(const std::string& text) {
  if (text == "fail") return OnRecreatedTopic::kFail;
  if (text == "restart") return OnRecreatedTopic::kRestart;
  return Status::InvalidArgument("'" + text + "' is no policy; choose fail or restart");
}

Status CheckKafkaOptions(const KafkaOptions& options) {
  if (options.stream.empty() || options.stream.find('/') != std::string::npos) {
    return Status::InvalidArgument("a Kafka stream needs a name without '/'");
  }
  if (options.brokers.empty()) {
    return Status::InvalidArgument("stream " + options.stream +
                                   " names no brokers; write host:9092");
  }
  if (options.topics.empty()) {
    return Status::InvalidArgument("stream " + options.stream + " names no topic");
  }
  for (const std::string& topic : options.topics) {
    if (topic.empty()) return Status::InvalidArgument("a topic's name is empty");
    if (!options.partitions.empty() && topic[0] == '^') {
      return Status::InvalidArgument("partitions can be assigned for topics by name, not for '" +
                                     topic + "'");
    }
  }
  for (const char* name : kReservedProperties) {
    if (options.properties.count(name) != 0) {
      return Status::InvalidArgument("property " + std::string(name) +
                                     " is set by Tarn; use the stream's own options");
    }
  }
  return Status::Ok();
}

}  // namespace tarn::sources::kafka
