// librdkafka's configuration of a stream's consumer.
#pragma once

#include "sources/kafka/kafka_handles.h"
#include "sources/kafka/kafka_options.h"

namespace tarn::sources::kafka {

// Without callbacks. kInvalidArgument names the property that librdkafka refuses.
Result<ConfPtr> MakeConsumerConf(const KafkaOptions& options);

}  // namespace tarn::sources::kafka
