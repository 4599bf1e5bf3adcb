// Where one partition stands: what is committed beside its rows.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "sources/source.h"

namespace tarn::sources::kafka {

struct KafkaPosition {
  std::string topic;
  std::string topic_id;  // of the topic's present life; empty: the broker has no ids
  int32_t partition = 0;
  int64_t offset = 0;  // of the next record wanted
  // How many partitions the topic had when the stream first saw it: later ones are read from their
  // first offset, whatever the stream's start is.
  int32_t initial_partitions = 0;
};

// "kafka/<stream>/<topic>/<partition>"
std::string StreamId(const std::string& stream, const std::string& topic, int32_t partition);

Position ToPosition(const KafkaPosition& position);
// kInvalidArgument for what ToPosition did not make.
Result<KafkaPosition> FromPosition(const Position& position);

}  // namespace tarn::sources::kafka
