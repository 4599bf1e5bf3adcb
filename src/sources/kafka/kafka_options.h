// What a Kafka stream is told: where, what, from where on, and what to do when offsets are gone.
//
// What it does not do: secrets are values here; whoever reads configuration resolves references.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"

namespace tarn::sources::kafka {

// Where a partition begins that the target knows nothing of. A partition that was added to a topic
// after the stream began always starts at its first offset: nothing of it may be missed.
struct StartAt {
  enum class Kind { kEarliest, kLatest, kTimestamp, kOffsets };
  Kind kind = Kind::kEarliest;
  int64_t timestamp_ms = 0;            // kTimestamp: the first record at or after it
  std::map<int32_t, int64_t> offsets;  // kOffsets: by partition; others start at the earliest
};
// "earliest", "latest", a timestamp ("2026-11-23T00:00:00Z"), or "0:100,3:250".
Result<StartAt> ParseStartAt(const std::string& text);

// When the offset wanted is no longer at the broker (retention, truncation).
enum class OnLostOffsets { kFail, kEarliest, kLatest };
Result<OnLostOffsets> ParseOnLostOffsets(const std::string& text);
// When the topic was deleted and made anew: its offsets mean other records now.
enum class OnRecreatedTopic { kFail, kRestart };
Result<OnRecreatedTopic> ParseOnRecreatedTopic(const std::string& text);

struct KafkaOptions {
  std::string stream;               // names the stream in its target for ever
  std::string brokers;              // "host:9092,host2:9092"
  std::vector<std::string> topics;  // names, or patterns that begin with '^'
  std::string group;                // empty: "tarn-<stream>"
  // Set: these partitions of every topic named, without a group; nobody else may read them.
  std::vector<int32_t> partitions;
  StartAt start;
  OnLostOffsets on_lost_offsets = OnLostOffsets::kFail;
  OnRecreatedTopic on_recreated_topic = OnRecreatedTopic::kFail;
  bool read_committed = true;               // false: records of open and aborted transactions too
  uint64_t buffer_bytes = 32ull << 20;      // fetched ahead of the batches
  uint64_t max_record_bytes = 64ull << 20;  // a longer record becomes a dead letter
  int64_t session_timeout_ms = 10'000;      // how long a dead process keeps its partitions
  int64_t topic_refresh_ms = 10'000;        // how soon new topics and partitions are noticed
  int64_t request_timeout_ms = 10'000;      // of the questions asked of the brokers
  // Everything else of librdkafka: security.protocol, sasl.*, ssl.*, client.rack, fetch.*.
  std::map<std::string, std::string> properties;
};

// The options as they stand, or the first thing that is wrong with them.
Status CheckKafkaOptions(const KafkaOptions& options);

}  // namespace tarn::sources::kafka
