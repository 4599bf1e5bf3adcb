// Protobuf messages as JSON text, by the text of their .proto file.
//
// A message becomes an object with its fields in the order of the file, under their names in the
// file. 64-bit numbers keep all digits, bytes are base64, an enum is its name (or its number, when
// the file has no name for it), a map an object, NaN and infinities strings. google.protobuf's
// Timestamp is "2026-11-23T13:05:07.123456Z", its wrappers are their value. A field with presence
// (proto2, optional, messages, oneof) that is not set is null, every other one its default.
//
// What it does not do: unknown fields are left out; extensions and groups are not read.
//
// Threads: a schema is immutable and safe from any thread. Depth is bounded by libprotobuf (100).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tarn::codec {

struct ProtoFile {
  std::string name;  // as it is imported: "common/money.proto"
  std::string text;
};

class ProtobufSchema {
 public:
  // `text` is a .proto file, or a serialized FileDescriptorProto in base64. `imports` are the files
  // that `text` imports, each before who needs it; those of google/protobuf are known.
  // kInvalidArgument with line and column of what is wrong.
  static Result<std::shared_ptr<const ProtobufSchema>> Parse(
      const std::string& text, const std::vector<ProtoFile>& imports = {});
  ~ProtobufSchema();

  // `index`: which message of the file, from the outermost inwards; {0} is the first.
  // kInvalidArgument: there is no such message, or the bytes are not one.
  Result<std::string> ToJson(std::string_view bytes, const std::vector<int32_t>& index) const;

  struct Pool;

 private:
  ProtobufSchema() = default;
  std::unique_ptr<Pool> pool_;
};

}  // namespace tarn::codec
