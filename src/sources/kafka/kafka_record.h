// One message of librdkafka as a record.
#pragma once

#include <librdkafka/rdkafka.h>

#include "sources/source.h"

namespace tarn::sources::kafka {

// Everything but the topic. Bytes are copied into `arena`: a message that is kept would keep the
// whole response it came in. A key that is not UTF-8 becomes "\\x" and hex.
void FillRecord(const rd_kafka_message_t* message, ByteArena* arena, Record* record);
// Without the payload: key, headers, time, place.
void FillRecordFrame(const rd_kafka_message_t* message, ByteArena* arena, Record* record);

}  // namespace tarn::sources::kafka
