#include "sources/kafka/kafka_record.h"

#include <string>

#include "codec/json_text.h"

namespace tarn::sources::kafka {
namespace {

// A key is text in Bronze; other bytes are written as hex.
std::string_view KeyText(ByteArena& arena, std::string_view key) {
  if (codec::FindInvalidUtf8(key) == std::string_view::npos) return arena.Copy(key);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex = "\\x";
  for (const char c : key) {
    hex.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    hex.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return arena.Copy(hex);
}

void FillHeaders(const rd_kafka_message_t* message, ByteArena& arena, Record* record) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    std::optional<std::string_view> bytes;
    if (value != nullptr) bytes = arena.Copy({static_cast<const char*>(value), size});
    record->headers.emplace_back(KeyText(arena, name), bytes);
  }
}

}  // namespace

void FillRecord(const rd_kafka_message_t* message, ByteArena* arena, Record* record) {
  record->is_tombstone = message->payload == nullptr;
  if (!record->is_tombstone) {
    record->payload = arena->Copy({static_cast<const char*>(message->payload), message->len});
  }
  FillRecordFrame(message, arena, record);
}

void FillRecordFrame(const rd_kafka_message_t* message, ByteArena* arena, Record* record) {
  if (message->key != nullptr) {
    record->key = KeyText(*arena, {static_cast<const char*>(message->key), message->key_len});
  }
  FillHeaders(message, *arena, record);
  rd_kafka_timestamp_type_t kind;
  const int64_t millis = rd_kafka_message_timestamp(message, &kind);
  if (kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) record->event_time_micros = millis * 1000;
  record->partition = message->partition;
  record->offset = message->offset;
}

}  // namespace tarn::sources::kafka
