// Avro's binary encoding (Apache Avro 1.11 specification) as JSON text.
//
// A record becomes an object with its fields in order, an array or map likewise, an enum its
// symbol, a union the value of its branch without a wrapper, bytes and fixed base64. Logical types
// are written as people read them: decimal as a number with all its digits, date "2026-11-23",
// timestamp-millis and -micros "2026-11-23T13:05:07.123456Z", uuid as it is; local and unknown ones
// as their plain type. NaN and infinities are strings.
//
// What it does not do: no schema resolution (the writer's schema is used as it is), no object
// container files.
//
// Pure; an AvroSchema is immutable and safe from any thread. Memory and depth are bounded whatever
// the bytes say.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tarn::codec {

class AvroSchema {
 public:
  // `references` are schemas whose named types `schema` uses, each before who needs it.
  // kInvalidArgument naming what is wrong.
  static Result<std::shared_ptr<const AvroSchema>> Parse(
      std::string_view schema, const std::vector<std::string>& references = {});
  ~AvroSchema();

  // All of `bytes` as one value. kInvalidArgument with the byte at which it does not fit the
  // schema.
  Result<std::string> ToJson(std::string_view bytes) const;

  struct Node;

 private:
  AvroSchema() = default;
  std::vector<std::unique_ptr<Node>> nodes_;
  const Node* root_ = nullptr;
};

}  // namespace tarn::codec
