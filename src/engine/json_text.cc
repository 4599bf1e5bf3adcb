#include "engine/json_text.h"

#include <cmath>
#include <cstdio>

#include "duckdb/common/types/blob.hpp"

namespace tarn::engine {
namespace {

using duckdb::LogicalTypeId;

void AppendList(const duckdb::vector<duckdb::Value>& items, std::string* out) {
  out->push_back('[');
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJson(items[i], out);
  }
  out->push_back(']');
}

void AppendStruct(const duckdb::Value& value, std::string* out) {
  const auto& children = duckdb::StructValue::GetChildren(value);
  out->push_back('{');
  for (size_t i = 0; i < children.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(duckdb::StructType::GetChildName(value.type(), i), out);
    out->push_back(':');
    AppendJson(children[i], out);
  }
  out->push_back('}');
}

void AppendMap(const duckdb::Value& value, std::string* out) {
  const auto& entries = duckdb::MapValue::GetChildren(value);
  const bool text_keys = duckdb::MapType::KeyType(value.type()).id() == LogicalTypeId::VARCHAR;
  out->push_back(text_keys ? '{' : '[');
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i > 0) out->push_back(',');
    const auto& entry = duckdb::StructValue::GetChildren(entries[i]);
    if (text_keys) {
      AppendJsonString(entry[0].ToString(), out);
      out->push_back(':');
      AppendJson(entry[1], out);
    } else {
      out->append("{\"key\":");
      AppendJson(entry[0], out);
      out->append(",\"value\":");
      AppendJson(entry[1], out);
      out->push_back('}');
    }
  }
  out->push_back(text_keys ? '}' : ']');
}

void AppendDouble(double number, const std::string& text, std::string* out) {
  if (std::isfinite(number)) {
    out->append(text);
  } else {
    AppendJsonString(text, out);
  }
}

}  // namespace

void AppendJsonString(const std::string& text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"': out->append("\\\""); break;
      case '\\': out->append("\\\\"); break;
      case '\n': out->append("\\n"); break;
      case '\r': out->append("\\r"); break;
      case '\t': out->append("\\t"); break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char escape[8];
          std::snprintf(escape, sizeof escape, "\\u%04x", c);
          out->append(escape);
        } else {
          out->push_back(c);
        }
    }
  }
  out->push_back('"');
}

void AppendJson(const duckdb::Value& value, std::string* out) {
  if (value.IsNull()) {
    out->append("null");
    return;
  }
  switch (value.type().id()) {
    case LogicalTypeId::BOOLEAN: out->append(value.GetValue<bool>() ? "true" : "false"); return;
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::UINTEGER:
    case LogicalTypeId::UBIGINT:
    case LogicalTypeId::UHUGEINT:
    case LogicalTypeId::DECIMAL: out->append(value.ToString()); return;
    case LogicalTypeId::FLOAT: AppendDouble(value.GetValue<float>(), value.ToString(), out); return;
    case LogicalTypeId::DOUBLE:
      AppendDouble(value.GetValue<double>(), value.ToString(), out);
      return;
    case LogicalTypeId::BLOB:
      AppendJsonString(duckdb::Blob::ToBase64(duckdb::string_t(duckdb::StringValue::Get(value))),
                       out);
      return;
    case LogicalTypeId::LIST: AppendList(duckdb::ListValue::GetChildren(value), out); return;
    case LogicalTypeId::ARRAY: AppendList(duckdb::ArrayValue::GetChildren(value), out); return;
    case LogicalTypeId::STRUCT: AppendStruct(value, out); return;
    case LogicalTypeId::MAP: AppendMap(value, out); return;
    default: AppendJsonString(value.ToString(), out); return;
  }
}

}  // namespace tarn::engine
