#include "sources/kafka/kafka_conf.h"

#include <algorithm>

namespace tarn::sources::kafka {
namespace {

Status Set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char message[512];
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), message, sizeof(message)) !=
      RD_KAFKA_CONF_OK) {
    return Status::InvalidArgument("Kafka property " + name + ": " + message);
  }
  return Status::Ok();
}

}  // namespace

Result<ConfPtr> MakeConsumerConf(const KafkaOptions& options) {
  ConfPtr conf(rd_kafka_conf_new());
  const std::string buffer_kb = std::to_string(std::max<uint64_t>(options.buffer_bytes >> 10, 64));
  const std::pair<const char*, std::string> defaults[] = {
      {"client.id", "tarn"},
      {"session.timeout.ms", std::to_string(options.session_timeout_ms)},
      {"heartbeat.interval.ms",
       std::to_string(std::max<int64_t>(options.session_timeout_ms / 4, 1))},
      {"partition.assignment.strategy", "cooperative-sticky"},
      {"topic.metadata.refresh.interval.ms", std::to_string(options.topic_refresh_ms)},
      {"fetch.queue.backoff.ms", "20"},
      {"fetch.wait.max.ms", "250"},
      {"check.crcs", "true"},
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "2000"},
      {"log_level", "0"}};
  for (const auto& [name, value] : defaults) {
    // The consumer protocol of KIP-848 leaves these to the broker and refuses them here.
    const auto protocol = options.properties.find("group.protocol");
    const bool broker_side = protocol != options.properties.end() && protocol->second == "consumer";
    const std::string text = name;
    if (broker_side && (text == "session.timeout.ms" || text == "heartbeat.interval.ms" ||
                        text == "partition.assignment.strategy")) {
      continue;
    }
    TARN_RETURN_IF_ERROR(Set(conf.get(), name, value));
  }
  for (const auto& [name, value] : options.properties) {
    TARN_RETURN_IF_ERROR(Set(conf.get(), name, value));
  }
  const std::pair<const char*, std::string> ours[] = {
      {"bootstrap.servers", options.brokers},
      {"group.id", options.group},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "error"},
      {"enable.partition.eof", "true"},
      {"allow.auto.create.topics", "false"},
      {"isolation.level", options.read_committed ? "read_committed" : "read_uncommitted"},
      {"queued.max.messages.kbytes", buffer_kb}};
  for (const auto& [name, value] : ours) TARN_RETURN_IF_ERROR(Set(conf.get(), name, value));
  return conf;
}

}  // namespace tarn::sources::kafka
