// Where a partition is read from, given what the target and the brokers say. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"
#include "sources/kafka/kafka_options.h"
#include "sources/kafka/kafka_position.h"

namespace tarn::sources::kafka {

struct LaneFacts {
  std::string topic;
  int32_t partition = 0;
  std::string topic_id;        // present life; may be empty
  int32_t partitions_now = 0;  // of the topic
  int64_t low = 0;             // first offset at the broker
  int64_t end = 0;             // behind the last one
  int64_t at_timestamp = -1;   // StartAt::kTimestamp only; -1: no record so late
  std::optional<KafkaPosition> committed;
  // Of the topic's other partitions in the target: the smallest initial_partitions of this life of
  // the topic; nullopt when the target knows none.
  std::optional<int32_t> initial_partitions;
};

struct LaneOpening {
  KafkaPosition position;  // where reading begins
  bool is_new = false;     // the position differs from what the target has: commit it
  // What was lost on the way, for the dead letters.
  std::string loss_rule;  // empty: nothing
  std::string loss_reason;
  int64_t loss_offset = 0;  // the first offset that is missing
};

// Errors: kConstraint when a policy says `fail`, with the remedy.
Result<LaneOpening> OpenLane(const LaneFacts& facts, const KafkaOptions& options);

}  // namespace tarn::sources::kafka
