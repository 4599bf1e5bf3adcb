#include "sources/kafka/lane_opening.h"

#include <algorithm>

namespace tarn::sources::kafka {
namespace {

std::string NameOf(const LaneFacts& facts) {
  return facts.topic + "/" + std::to_string(facts.partition);
}

int64_t StartOffset(const LaneFacts& facts, const StartAt& start) {
  switch (start.kind) {
    case StartAt::Kind::kEarliest: return facts.low;
    case StartAt::Kind::kLatest: return facts.end;
    case StartAt::Kind::kTimestamp:
      return facts.at_timestamp < 0 ? facts.end : std::max(facts.at_timestamp, facts.low);
    case StartAt::Kind::kOffsets: {
      const auto found = start.offsets.find(facts.partition);
      return found == start.offsets.end() ? facts.low : found->second;
    }
  }
  return facts.low;
}

LaneOpening First(const LaneFacts& facts, const KafkaOptions& options) {
  LaneOpening out;
  out.is_new = true;
  const bool grown = facts.initial_partitions && facts.partition >= *facts.initial_partitions;
  out.position = {facts.topic, facts.topic_id, facts.partition,
                  grown ? facts.low : StartOffset(facts, options.start),
                  facts.initial_partitions.value_or(facts.partitions_now)};
  return out;
}

Result<LaneOpening> Recreated(const LaneFacts& facts, const KafkaOptions& options) {
  const KafkaPosition& was = *facts.committed;
  const std::string what = "topic " + facts.topic + " was deleted and made anew (id " +
                           was.topic_id + " is now " + facts.topic_id + ") after offset " +
                           std::to_string(was.offset) + " of partition " +
                           std::to_string(facts.partition) + " was read";
  if (options.on_recreated_topic == OnRecreatedTopic::kFail) {
    return Status::Constraint(what +
                              "; set on_recreated_topic: restart to read the new topic from its "
                              "beginning");
  }
  LaneOpening out;
  out.is_new = true;
  out.position = {facts.topic, facts.topic_id, facts.partition, facts.low, facts.partitions_now};
  out.loss_rule = "kafka.topic_recreated";
  out.loss_reason = what + "; records of the old one that came later are lost";
  out.loss_offset = was.offset;
  return out;
}

Result<LaneOpening> Lost(const LaneFacts& facts, const KafkaOptions& options) {
  const KafkaPosition& was = *facts.committed;
  const bool backwards = was.offset > facts.end;
  const std::string what =
      backwards ? "partition " + NameOf(facts) + " ends at offset " + std::to_string(facts.end) +
                      ", before offset " + std::to_string(was.offset) +
                      " that was read: the broker lost records, or the topic was made anew"
                : "offsets " + std::to_string(was.offset) + " to " + std::to_string(facts.low - 1) +
                      " of " + NameOf(facts) + " were removed by the broker before they were read";
  if (options.on_lost_offsets == OnLostOffsets::kFail) {
    return Status::Constraint(what +
                              "; set on_lost_offsets: earliest or latest to go on, with "
                              "the gap recorded in the dead letters");
  }
  LaneOpening out;
  out.is_new = true;
  out.position = was;
  if (!facts.topic_id.empty()) out.position.topic_id = facts.topic_id;
  out.position.offset = options.on_lost_offsets == OnLostOffsets::kEarliest ? facts.low : facts.end;
  out.loss_rule = backwards ? "kafka.offsets_went_back" : "kafka.offsets_gone";
  out.loss_reason = what + "; reading goes on at offset " + std::to_string(out.position.offset);
  out.loss_offset = was.offset;
  return out;
}

}  // namespace

Result<LaneOpening> OpenLane(const LaneFacts& facts, const KafkaOptions& options) {
  if (!facts.committed) return First(facts, options);
  const KafkaPosition& was = *facts.committed;
  if (!was.topic_id.empty() && !facts.topic_id.empty() && was.topic_id != facts.topic_id) {
    return Recreated(facts, options);
  }
  if (was.offset < facts.low || was.offset > facts.end) return Lost(facts, options);
  LaneOpening out;
  out.position = was;
  // A broker that learned ids since.
  if (!facts.topic_id.empty()) out.position.topic_id = facts.topic_id;
  return out;
}

}  // namespace tarn::sources::kafka
