#include "sources/kafka/kafka_position.h"

#include <nlohmann/json.hpp>

namespace tarn::sources::kafka {

std::string StreamId(const std::string& stream, const std::string& topic, int32_t partition) {
  return "kafka/" + stream + "/" + topic + "/" + std::to_string(partition);
}

Position ToPosition(const KafkaPosition& position) {
  const nlohmann::ordered_json json = {{"topic", position.topic},
                                       {"topic_id", position.topic_id},
                                       {"partition", position.partition},
                                       {"offset", position.offset},
                                       {"initial_partitions", position.initial_partitions}};
  return {json.dump()};
}

Result<KafkaPosition> FromPosition(const Position& position) {
  const auto json = nlohmann::json::parse(position.json, nullptr, false);
  const auto bad = [&] {
    return Status::InvalidArgument("'" + position.json + "' is no position of a Kafka partition");
  };
  if (!json.is_object() || !json.contains("offset") || !json["offset"].is_number_integer() ||
      !json.contains("partition") || !json["partition"].is_number_integer() ||
      !json.contains("topic") || !json["topic"].is_string()) {
    return bad();
  }
  KafkaPosition out;
  out.topic = json["topic"].get<std::string>();
  out.partition = json["partition"].get<int32_t>();
  out.offset = json["offset"].get<int64_t>();
  out.topic_id = json.value("topic_id", "");
  out.initial_partitions = json.value("initial_partitions", 0);
  if (out.offset < 0 || out.partition < 0) return bad();
  return out;
}

}  // namespace tarn::sources::kafka
