// RegistryText: payloads of records that name a registered schema, as JSON text: what contracts
// judge on Avro, Protobuf and JSON Schema topics.
//
// A record that names no schema is taken as JSON text as it is. One that does not fit its schema is
// told as such (`fault`) and is not an error; a registry that cannot be reached is (kBackoff).
//
// Threads: one user at a time. The registry outlives it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/avro.h"
#include "codec/protobuf.h"
#include "registry/schema_frame.h"
#include "registry/schema_registry.h"
#include "sources/source.h"

namespace tarn::app {

class RegistryText {
 public:
  explicit RegistryText(registry::SchemaRegistry& registry) : registry_(registry) {}

  // As ingest::PayloadText.
  Status Read(const sources::Record& record, std::string* scratch, std::string_view* text,
              std::string* fault);

 private:
  // One of them, or neither: JSON Schema.
  struct Reader {
    std::shared_ptr<const codec::AvroSchema> avro;
    std::shared_ptr<const codec::ProtobufSchema> protobuf;
    std::string damage;  // the schema itself cannot be read
  };
  Result<const Reader*> ReaderOf(const registry::SchemaFrame& frame);
  Result<Reader> MakeReader(const registry::Schema& schema);

  registry::SchemaRegistry& registry_;
  std::map<std::string, Reader> readers_;  // by id or GUID; schemas never change
};

}  // namespace tarn::app
