// How a record says which registered schema it was written with: Confluent's wire formats.
//
//   payload 0x00, id (4 bytes, big endian), [Protobuf: message index], bytes
//   payload 0x01, GUID (16 bytes), bytes
//   header __value_schema_id (or __key_schema_id): 0x01, GUID; the payload is bare
//
// What it does not do: no look-up, no decoding. Pure functions; safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tarn::registry {

struct SchemaFrame {
  std::optional<int32_t> id;
  std::string guid;       // "xxxxxxxx-xxxx-…"; empty: an id
  size_t payload_at = 0;  // where the schema's own bytes begin in the payload
  std::string Text() const { return id ? std::to_string(*id) : guid; }
};

// The header's value first, when there is one, else the payload's prefix. nullopt: the record says
// nothing. Errors: kInvalidArgument for a prefix or header that is cut off or of no known kind.
Result<std::optional<SchemaFrame>> ReadSchemaFrame(std::string_view payload,
                                                   std::optional<std::string_view> header);

// The message index that precedes a Protobuf message: which message type of the schema, from the
// outermost inwards. `at` moves behind it. kInvalidArgument when it is cut off or impossible.
Result<std::vector<int32_t>> ReadMessageIndex(std::string_view payload, size_t* at);

}  // namespace tarn::registry
