#include <map>

#include "codec/avro.h"
#include "codec/json_text.h"
#include "codec/protobuf.h"
#include "duckdb.hpp"
#include "duckdb/common/exception.hpp"
#include "duckdb/function/scalar_function.hpp"
#include "duckdb/main/extension/extension_loader.hpp"
#include "engine/record_functions.h"

namespace tarn::engine {
namespace {

using duckdb::LogicalType;
using duckdb::string_t;
using duckdb::Value;

constexpr size_t kIdBytes = 5;     // 0x00 and the id
constexpr size_t kGuidBytes = 17;  // 0x01 and the GUID
constexpr size_t kMostSchemas = 64;

// One of them, or neither: JSON.
struct Reader {
  std::shared_ptr<const codec::AvroSchema> avro;
  std::shared_ptr<const codec::ProtobufSchema> protobuf;
};

std::vector<codec::ProtoFile> ImportsOf(const Value& imports) {
  std::vector<codec::ProtoFile> out;
  if (imports.IsNull()) return out;
  for (const Value& one : duckdb::ListValue::GetChildren(imports)) {
    const auto& parts = duckdb::StructValue::GetChildren(one);
    if (parts[0].IsNull() || parts[1].IsNull()) continue;
    out.push_back({parts[0].ToString(), parts[1].ToString()});
  }
  return out;
}

Reader MakeReader(const std::string& type, const std::string& schema,
                  const std::vector<codec::ProtoFile>& imports) {
  Reader reader;
  const auto check = [](const Status& status) {
    if (!status.ok()) throw duckdb::InvalidInputException("decode_record: " + status.message());
  };
  if (type == "AVRO") {
    std::vector<std::string> texts;
    for (const auto& one : imports) texts.push_back(one.text);
    auto parsed = codec::AvroSchema::Parse(schema, texts);
    check(parsed.status());
    reader.avro = *parsed;
  } else if (type == "PROTOBUF") {
    auto parsed = codec::ProtobufSchema::Parse(schema, imports);
    check(parsed.status());
    reader.protobuf = *parsed;
  } else if (type != "JSON") {
    throw duckdb::InvalidInputException("decode_record: '" + type +
                                        "' is no type of schema; AVRO, PROTOBUF or JSON");
  }
  return reader;
}

// The message index of Confluent's Protobuf format; false: cut off or impossible.
bool ReadIndex(std::string_view bytes, size_t* at, std::vector<int32_t>* index) {
  const auto next = [&](int64_t* value) {
    uint64_t raw = 0;
    for (unsigned shift = 0; shift < 64 && *at < bytes.size(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes[(*at)++]);
      raw |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) != 0) continue;
      *value = static_cast<int64_t>(raw >> 1) ^ -static_cast<int64_t>(raw & 1);
      return true;
    }
    return false;
  };
  int64_t count = 0, part = 0;
  if (!next(&count) || count < 0 || count > 100) return false;
  if (count == 0) index->push_back(0);  // a single 0 stands for [0]
  for (int64_t i = 0; i < count; ++i) {
    if (!next(&part) || part < 0 || part > INT32_MAX) return false;
    index->push_back(static_cast<int32_t>(part));
  }
  return true;
}

std::optional<std::string> Decode(const Reader& reader, std::string_view payload) {
  size_t at = 0;
  const bool framed = !payload.empty() && (payload[0] == 0 || payload[0] == 1);
  if (framed) at = payload[0] == 0 ? kIdBytes : kGuidBytes;
  if (at > payload.size()) return std::nullopt;
  if (reader.avro != nullptr) {
    auto json = reader.avro->ToJson(payload.substr(at));
    return json.ok() ? std::optional(std::move(*json)) : std::nullopt;
  }
  if (reader.protobuf != nullptr) {
    std::vector<int32_t> index;
    if (!ReadIndex(payload, &at, &index)) return std::nullopt;
    auto json = reader.protobuf->ToJson(payload.substr(at), index);
    return json.ok() ? std::optional(std::move(*json)) : std::nullopt;
  }
  const std::string_view text = payload.substr(at);
  if (codec::CheckJson(text)) return std::nullopt;
  return std::string(text);
}

void DecodeRecord(duckdb::DataChunk& arguments, duckdb::ExpressionState&, duckdb::Vector& result) {
  const size_t count = arguments.size();
  duckdb::UnifiedVectorFormat payloads, types, schemas;
  arguments.data[0].ToUnifiedFormat(count, payloads);
  arguments.data[1].ToUnifiedFormat(count, types);
  arguments.data[2].ToUnifiedFormat(count, schemas);
  const auto* payload = duckdb::UnifiedVectorFormat::GetData<string_t>(payloads);
  const auto* type = duckdb::UnifiedVectorFormat::GetData<string_t>(types);
  const auto* schema = duckdb::UnifiedVectorFormat::GetData<string_t>(schemas);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  auto* out = duckdb::FlatVector::GetData<string_t>(result);
  // A column of calls has few schemas; a schema never changes under its text.
  std::map<std::string, Reader> readers;
  for (size_t row = 0; row < count; ++row) {
    const auto at = payloads.sel->get_index(row);
    const auto type_at = types.sel->get_index(row), schema_at = schemas.sel->get_index(row);
    if (!payloads.validity.RowIsValid(at) || !types.validity.RowIsValid(type_at) ||
        !schemas.validity.RowIsValid(schema_at)) {
      duckdb::FlatVector::SetNull(result, row, true);
      continue;
    }
    const std::vector<codec::ProtoFile> imports = arguments.ColumnCount() > 3
                                                      ? ImportsOf(arguments.data[3].GetValue(row))
                                                      : std::vector<codec::ProtoFile>();
    std::string key = schema[schema_at].GetString();
    for (const auto& one : imports) key += '\0' + one.name + '\0' + one.text;
    auto known = readers.find(key);
    if (known == readers.end()) {
      if (readers.size() == kMostSchemas) readers.clear();
      Reader made = MakeReader(type[type_at].GetString(), schema[schema_at].GetString(), imports);
      known = readers.emplace(std::move(key), std::move(made)).first;
    }
    const auto json = Decode(known->second, {payload[at].GetData(), payload[at].GetSize()});
    if (json) {
      out[row] = duckdb::StringVector::AddString(result, *json);
    } else {
      duckdb::FlatVector::SetNull(result, row, true);
    }
  }
  if (arguments.AllConstant()) result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
}

}  // namespace

void RegisterDecodeFunction(duckdb::DatabaseInstance& database) {
  duckdb::ExtensionLoader loader(database, "tarn_decode");
  duckdb::ScalarFunctionSet set("decode_record");
  duckdb::vector<LogicalType> arguments{LogicalType::BLOB, LogicalType::VARCHAR,
                                        LogicalType::VARCHAR};
  for (int extra = 0; extra < 2; ++extra) {
    duckdb::ScalarFunction function(arguments, LogicalType::VARCHAR, DecodeRecord);
    function.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
    set.AddFunction(function);
    arguments.push_back(LogicalType::LIST(
        LogicalType::STRUCT({{"name", LogicalType::VARCHAR}, {"schema", LogicalType::VARCHAR}})));
  }
  loader.RegisterFunction(set);
}

}  // namespace tarn::engine
