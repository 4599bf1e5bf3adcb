#include "registry/schema_frame.h"

namespace tarn::registry {
namespace {

constexpr size_t kIdBytes = 5;
constexpr size_t kGuidBytes = 17;
constexpr int64_t kDeepestMessage = 100;

std::string GuidText(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
    out.push_back(kDigits[static_cast<unsigned char>(bytes[i]) >> 4]);
    out.push_back(kDigits[static_cast<unsigned char>(bytes[i]) & 15]);
  }
  return out;
}

Status CutOff(size_t size) {
  return Status::InvalidArgument("the schema id is cut off after " + std::to_string(size) +
                                 " bytes");
}

// Zig-zag varint, as Avro and Confluent's message index write it.
Result<int64_t> ReadZigZag(std::string_view bytes, size_t* at) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (*at >= bytes.size()) return Status::InvalidArgument("the message index is cut off");
    const auto byte = static_cast<unsigned char>(bytes[(*at)++]);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
    }
  }
  return Status::InvalidArgument("the message index is longer than a number can be");
}

}  // namespace

Result<std::optional<SchemaFrame>> ReadSchemaFrame(std::string_view payload,
                                                   std::optional<std::string_view> header) {
  SchemaFrame frame;
  if (header) {
    if (header->empty() || (*header)[0] != 1) {
      return Status::InvalidArgument("the schema id in the header is of no known kind");
    }
    if (header->size() < kGuidBytes) return CutOff(header->size());
    frame.guid = GuidText(header->substr(1, kGuidBytes - 1));
    return std::optional(frame);
  }
  if (payload.empty() || (payload[0] != 0 && payload[0] != 1)) {
    return std::optional<SchemaFrame>();
  }
  if (payload[0] == 1) {
    if (payload.size() < kGuidBytes) return CutOff(payload.size());
    frame.guid = GuidText(payload.substr(1, kGuidBytes - 1));
    frame.payload_at = kGuidBytes;
    return std::optional(frame);
  }
  if (payload.size() < kIdBytes) return CutOff(payload.size());
  uint32_t id = 0;
  for (size_t i = 1; i < kIdBytes; ++i) id = id << 8 | static_cast<unsigned char>(payload[i]);
  frame.id = static_cast<int32_t>(id);
  frame.payload_at = kIdBytes;
  return std::optional(frame);
}

Result<std::vector<int32_t>> ReadMessageIndex(std::string_view payload, size_t* at) {
  TARN_ASSIGN_OR_RETURN(const int64_t count, ReadZigZag(payload, at));
  // A single 0 stands for [0], the usual case.
  if (count == 0) return std::vector<int32_t>{0};
  if (count < 0 || count > kDeepestMessage) {
    return Status::InvalidArgument("the message index has " + std::to_string(count) + " parts");
  }
  std::vector<int32_t> out;
  for (int64_t i = 0; i < count; ++i) {
    TARN_ASSIGN_OR_RETURN(const int64_t part, ReadZigZag(payload, at));
    if (part < 0 || part > INT32_MAX) {
      return Status::InvalidArgument("the message index has the part " + std::to_string(part));
    }
    out.push_back(static_cast<int32_t>(part));
  }
  return out;
}

}  // namespace tarn::registry
