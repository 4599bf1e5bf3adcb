// Kafka topics as a live source, over librdkafka.
//
// A lane is one partition: "kafka/<stream>/<topic>/<partition>". In a group, the brokers share the
// partitions among the processes of the stream (cooperative-sticky); with assigned partitions, this
// process reads them alone. Where a partition starts is what the target says; the offsets committed
// to the group are for lag monitors and are never read.
//
// Noticed and told, never passed over: offsets that are gone (OnLostOffsets), a topic made anew
// (by its id, or offsets that went backwards; OnRecreatedTopic), partitions added later. What was
// lost is a BadRecord "kafka.offsets_gone" or "kafka.topic_recreated" of the lane.
//
// Every batch is checked against the topics' ids after it was fetched: all its records are of the
// life of the topic that its position names.
//
// Memory: buffer_bytes fetched ahead plus the batch under way. Threads: one user at a time;
// librdkafka has threads of its own.
#pragma once

#include <memory>

#include "base/clock.h"
#include "sources/kafka/kafka_options.h"
#include "sources/live_source.h"

namespace tarn::sources::kafka {

// kInvalidArgument: see CheckKafkaOptions.
Result<std::unique_ptr<LiveSource>> MakeKafkaSource(KafkaOptions options);

}  // namespace tarn::sources::kafka
