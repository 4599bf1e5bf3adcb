#include "codec/avro.h"
#include "duckdb.hpp"
#include "duckdb/common/exception.hpp"
#include "duckdb/function/scalar_function.hpp"
#include "duckdb/main/extension/extension_loader.hpp"
#include "engine/record_functions.h"

namespace tarn::engine {
namespace {

using duckdb::LogicalType;
using duckdb::string_t;

// The schema of a column of calls is nearly always one text.
class SchemaCache {
 public:
  const codec::AvroSchema& Get(const std::string& text) {
    if (schema_ == nullptr || text != text_) {
      auto parsed = codec::AvroSchema::Parse(text);
      if (!parsed.ok()) {
        throw duckdb::InvalidInputException("avro_to_json: " + parsed.status().message());
      }
      schema_ = *parsed;
      text_ = text;
    }
    return *schema_;
  }

 private:
  std::string text_;
  std::shared_ptr<const codec::AvroSchema> schema_;
};

void AvroToJson(duckdb::DataChunk& arguments, duckdb::ExpressionState&, duckdb::Vector& result) {
  const size_t count = arguments.size();
  duckdb::UnifiedVectorFormat payloads, schemas, skips;
  arguments.data[0].ToUnifiedFormat(count, payloads);
  arguments.data[1].ToUnifiedFormat(count, schemas);
  const bool has_skip = arguments.ColumnCount() > 2;
  if (has_skip) arguments.data[2].ToUnifiedFormat(count, skips);
  const auto* payload = duckdb::UnifiedVectorFormat::GetData<string_t>(payloads);
  const auto* schema = duckdb::UnifiedVectorFormat::GetData<string_t>(schemas);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  auto* out = duckdb::FlatVector::GetData<string_t>(result);
  SchemaCache cache;
  for (size_t row = 0; row < count; ++row) {
    const auto at = payloads.sel->get_index(row);
    const auto schema_at = schemas.sel->get_index(row);
    int64_t skip = 0;
    bool null = !payloads.validity.RowIsValid(at) || !schemas.validity.RowIsValid(schema_at);
    if (has_skip) {
      const auto skip_at = skips.sel->get_index(row);
      null = null || !skips.validity.RowIsValid(skip_at);
      if (!null) skip = duckdb::UnifiedVectorFormat::GetData<int64_t>(skips)[skip_at];
    }
    if (!null && (skip < 0 || static_cast<uint64_t>(skip) > payload[at].GetSize())) null = true;
    if (null) {
      duckdb::FlatVector::SetNull(result, row, true);
      continue;
    }
    const auto& parsed = cache.Get(schema[schema_at].GetString());
    const auto json = parsed.ToJson(
        {payload[at].GetData() + skip, payload[at].GetSize() - static_cast<uint64_t>(skip)});
    if (json.ok()) {
      out[row] = duckdb::StringVector::AddString(result, *json);
    } else {
      duckdb::FlatVector::SetNull(result, row, true);
    }
  }
  if (arguments.AllConstant()) result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
}

}  // namespace

void RegisterAvroFunction(duckdb::DatabaseInstance& database) {
  duckdb::ExtensionLoader loader(database, "tarn_avro");
  duckdb::ScalarFunctionSet set("avro_to_json");
  duckdb::vector<LogicalType> arguments{LogicalType::BLOB, LogicalType::VARCHAR};
  for (int extra = 0; extra < 2; ++extra) {
    duckdb::ScalarFunction function(arguments, LogicalType::VARCHAR, AvroToJson);
    function.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
    set.AddFunction(function);
    arguments.push_back(LogicalType::BIGINT);
  }
  loader.RegisterFunction(set);
}

}  // namespace tarn::engine
