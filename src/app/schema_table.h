// SchemaTable: system.schemas, every registered schema that records of a stream have named, so that
// SQL can decode Bronze without the registry:
//
//   SELECT decode_record(b.raw_payload, s.type, s.schema, s.imports)
//   FROM bronze.orders b JOIN system.schemas s ON s.id = b.schema_version
//
// Columns: registry (its URL), id (as schema_version has it), type (AVRO, PROTOBUF, JSON), schema,
// imports (what it refers to, with the names it uses, each before who needs it), noted_at. A schema
// is there once, however many processes note it at once, and before the first row that names it.
//
// Threads: one user at a time. The engine outlives it. Errors: the engine's.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "codec/protobuf.h"
#include "engine/engine.h"
#include "registry/schema_registry.h"

namespace tarn::app {

// What a schema refers to: names as they are referred to by, texts, each before who needs it.
Result<std::vector<codec::ProtoFile>> ImportsOf(registry::SchemaRegistry& registry,
                                                const registry::Schema& schema);

class SchemaTable {
 public:
  static constexpr const char* kTable = "system.schemas";

  static Result<std::unique_ptr<SchemaTable>> Open(engine::Engine& engine, std::string registry);

  // Once per process and id the table is looked at; after that it costs nothing.
  Status Note(const std::string& id, const registry::Schema& schema,
              registry::SchemaRegistry& registry);

 private:
  SchemaTable(std::unique_ptr<engine::Session> session, std::string registry)
      : session_(std::move(session)), registry_(std::move(registry)) {}
  Status Prepare();

  std::unique_ptr<engine::Session> session_;
  std::string registry_;
  std::set<std::string> noted_;
};

}  // namespace tarn::app
