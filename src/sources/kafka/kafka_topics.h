// Questions to the brokers: which life a topic is in, how many partitions it has, where they begin
// and end.
//
// Threads: safe to call beside the consumer's own thread; each call has a queue of its own. Errors:
// kBackoff when no answer came in time; kPermission when refused.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sources/kafka/kafka_handles.h"

namespace tarn::sources::kafka {

struct TopicFacts {
  std::string id;  // base64; empty when the broker has no ids
  int32_t partitions = 0;
};
// Topics that are not there are left out.
Result<std::map<std::string, TopicFacts>> DescribeTopics(rd_kafka_t* client,
                                                         const std::vector<std::string>& topics,
                                                         int64_t timeout_ms);

using TopicPartition = std::pair<std::string, int32_t>;
// Offsets for a spec: RD_KAFKA_OFFSET_SPEC_EARLIEST, _LATEST, or a time in milliseconds (the first
// record at or after it; -1 when there is none). Partitions that are not there are left out.
Result<std::map<TopicPartition, int64_t>> ListOffsets(rd_kafka_t* client,
                                                      const std::vector<TopicPartition>& partitions,
                                                      int64_t spec, bool read_committed,
                                                      int64_t timeout_ms);

}  // namespace tarn::sources::kafka
