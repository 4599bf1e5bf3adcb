#include "app/registry_text.h"

#include <optional>

#include "app/schema_table.h"

namespace tarn::app {
namespace {

constexpr std::string_view kHeader = "__value_schema_id";
constexpr size_t kGuidBytes = 17;

std::optional<std::string_view> HeaderOf(const sources::Record& record) {
  for (const auto& [name, value] : record.headers) {
    if (name == kHeader && value) return *value;
  }
  return std::nullopt;
}

}  // namespace

Result<RegistryText::Reader> RegistryText::MakeReader(const registry::Schema& schema) {
  Reader reader;
  if (schema.type == "JSON") return reader;
  TARN_ASSIGN_OR_RETURN(const auto imports, ImportsOf(registry_, schema));
  if (schema.type == "PROTOBUF") {
    auto parsed = codec::ProtobufSchema::Parse(schema.text, imports);
    if (parsed.ok()) {
      reader.protobuf = *parsed;
    } else {
      reader.damage = parsed.status().message();
    }
    return reader;
  }
  std::vector<std::string> texts;
  for (const auto& one : imports) texts.push_back(one.text);
  auto parsed = codec::AvroSchema::Parse(schema.text, texts);
  if (parsed.ok()) {
    reader.avro = *parsed;
  } else {
    reader.damage = parsed.status().message();
  }
  return reader;
}

Result<const RegistryText::Reader*> RegistryText::ReaderOf(const registry::SchemaFrame& frame) {
  const std::string key = frame.Text();
  if (const auto known = readers_.find(key); known != readers_.end()) return &known->second;
  const auto schema = frame.id ? registry_.ById(*frame.id) : registry_.ByGuid(frame.guid);
  if (!schema.ok()) {
    if (schema.status().code() != StatusCode::kNotFound) return schema.status();
    return nullptr;
  }
  TARN_ASSIGN_OR_RETURN(Reader reader, MakeReader(*schema));
  return &readers_.emplace(key, std::move(reader)).first->second;
}

Status RegistryText::Read(const sources::Record& record, std::string* scratch,
                          std::string_view* text, std::string* fault) {
  *text = record.payload;
  const auto header = HeaderOf(record);
  const auto frame = registry::ReadSchemaFrame(record.payload, header);
  if (!frame.ok()) {
    *fault = frame.status().message();
    return Status::Ok();
  }
  if (!frame->has_value()) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const Reader* reader, ReaderOf(**frame));
  if (reader == nullptr) {
    *fault = "the registry knows no schema " + (*frame)->Text();
    return Status::Ok();
  }
  if (!reader->damage.empty()) {
    *fault = "schema " + (*frame)->Text() + ": " + reader->damage;
    return Status::Ok();
  }
  size_t at = (*frame)->payload_at;
  if (reader->avro == nullptr && reader->protobuf == nullptr) {
    *text = record.payload.substr(at);
    return Status::Ok();
  }
  Result<std::string> json = Status::Internal("not read");
  if (reader->protobuf != nullptr) {
    // The message index stands behind the id, wherever that is.
    size_t index_at = header ? kGuidBytes : at;
    const auto index = registry::ReadMessageIndex(header ? *header : record.payload, &index_at);
    if (!header) at = index_at;
    json = index.ok() ? reader->protobuf->ToJson(record.payload.substr(at), *index)
                      : Result<std::string>(index.status());
  } else {
    json = reader->avro->ToJson(record.payload.substr(at));
  }
  if (!json.ok()) {
    *fault = "the payload does not fit schema " + (*frame)->Text() + ": " + json.status().message();
    return Status::Ok();
  }
  *scratch = std::move(*json);
  *text = *scratch;
  return Status::Ok();
}

}  // namespace tarn::app
