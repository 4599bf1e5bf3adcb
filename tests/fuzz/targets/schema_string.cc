// A table's schemaString. What is read and written again is the same schema.
#include "delta/schema.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn;
  const auto schema = delta::ParseSchema(std::string(fuzz::TextOf(data, size)));
  if (!schema.ok()) return 0;
  (void)delta::ValidateSchemaForWrite(*schema, delta::ColumnMappingMode::kNone).ok();
  const std::string once = delta::SerializeSchema(*schema);
  const auto again = delta::ParseSchema(once);
  fuzz::Require(again.ok(), "what was written can be read: " + again.status().ToString());
  fuzz::Require(delta::SerializeSchema(*again) == once, "a schema survives writing and reading");
  for (const auto& field : schema->fields) (void)field.type->ToString();
  return 0;
}
