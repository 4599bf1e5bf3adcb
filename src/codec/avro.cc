#include "codec/avro.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/clock.h"
#include "codec/json_text.h"

namespace tarn::codec {

enum class AvroType {
  kNull,
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kBytes,
  kString,
  kRecord,
  kEnum,
  kArray,
  kMap,
  kUnion,
  kFixed,
};
enum class AvroLogical { kNone, kDecimal, kDate, kTimestampMillis, kTimestampMicros };

struct AvroSchema::Node {
  AvroType type = AvroType::kNull;
  AvroLogical logical = AvroLogical::kNone;
  int scale = 0;      // kDecimal
  uint64_t size = 0;  // kFixed
  std::vector<std::string>
      names;  // fields as JSON strings with their colon, symbols as JSON strings
  std::vector<const Node*> children;  // fields, items, values, branches
};

namespace {

using nlohmann::json;
using Node = AvroSchema::Node;

constexpr int kDeepest = 200;
constexpr uint64_t kMostItems = 10'000'000;
constexpr size_t kMostDecimalBytes = 64;

struct PrimitiveName {
  const char* name;
  AvroType type;
};
constexpr PrimitiveName kPrimitives[] = {
    {"null", AvroType::kNull},   {"boolean", AvroType::kBoolean}, {"int", AvroType::kInt},
    {"long", AvroType::kLong},   {"float", AvroType::kFloat},     {"double", AvroType::kDouble},
    {"bytes", AvroType::kBytes}, {"string", AvroType::kString}};

class SchemaBuilder {
 public:
  explicit SchemaBuilder(std::vector<std::unique_ptr<Node>>* nodes) : nodes_(nodes) {}

  Result<const Node*> Build(const json& schema, const std::string& space, int depth) {
    if (depth > kDeepest) return Bad("is nested too deep");
    if (schema.is_string()) return ByName(schema.get<std::string>(), space);
    if (schema.is_array()) return Union(schema, space, depth);
    if (!schema.is_object() || !schema.contains("type")) return Bad("has a part without a type");
    const json& type = schema["type"];
    if (!type.is_string()) return Build(type, space, depth + 1);
    const std::string name = type.get<std::string>();
    if (name == "record" || name == "error") return Record(schema, space, depth);
    if (name == "enum") return Enum(schema, space);
    if (name == "fixed") return Fixed(schema, space);
    if (name == "array" || name == "map") {
      const char* part = name == "array" ? "items" : "values";
      if (!schema.contains(part)) return Bad("has an " + name + " without " + part);
      Node* node = New(name == "array" ? AvroType::kArray : AvroType::kMap);
      TARN_ASSIGN_OR_RETURN(const Node* child, Build(schema[part], space, depth + 1));
      node->children.push_back(child);
      return node;
    }
    TARN_ASSIGN_OR_RETURN(const Node* plain, ByName(name, space));
    if (!schema.contains("logicalType") || !plain->children.empty()) return plain;
    Node* node = New(plain->type);
    SetLogical(schema, node);
    return node;
  }

 private:
  static Status Bad(const std::string& what) {
    return Status::InvalidArgument("the Avro schema " + what);
  }
  Node* New(AvroType type) {
    nodes_->push_back(std::make_unique<Node>());
    nodes_->back()->type = type;
    return nodes_->back().get();
  }
  static std::string FullName(const std::string& name, const std::string& space) {
    return name.find('.') != std::string::npos || space.empty() ? name : space + "." + name;
  }

  Result<const Node*> ByName(const std::string& name, const std::string& space) {
    for (const PrimitiveName& primitive : kPrimitives) {
      if (name == primitive.name) return New(primitive.type);
    }
    for (const std::string& full : {FullName(name, space), name}) {
      const auto found = named_.find(full);
      if (found != named_.end()) return found->second;
    }
    return Bad("uses the type '" + name + "', which it does not define");
  }

  // The named type's node, entered before its parts so that it may contain itself.
  Result<Node*> Named(const json& schema, AvroType type, std::string* space) {
    if (!schema.contains("name") || !schema["name"].is_string())
      return Bad("has a type without a name");
    std::string name = schema["name"].get<std::string>();
    if (schema.contains("namespace") && schema["namespace"].is_string()) {
      *space = schema["namespace"].get<std::string>();
    }
    name = FullName(name, *space);
    const size_t dot = name.rfind('.');
    if (dot != std::string::npos) *space = name.substr(0, dot);
    Node* node = New(type);
    if (!named_.emplace(name, node).second) return Bad("defines the type '" + name + "' twice");
    return node;
  }

  Result<const Node*> Record(const json& schema, std::string space, int depth) {
    TARN_ASSIGN_OR_RETURN(Node * node, Named(schema, AvroType::kRecord, &space));
    if (!schema.contains("fields") || !schema["fields"].is_array())
      return Bad("has a record without fields");
    for (const json& field : schema["fields"]) {
      if (!field.is_object() || !field.contains("name") || !field["name"].is_string() ||
          !field.contains("type")) {
        return Bad("has a field without a name or type");
      }
      node->names.push_back(JsonString(field["name"].get<std::string>()) + ":");
      TARN_ASSIGN_OR_RETURN(const Node* child, Build(field["type"], space, depth + 1));
      node->children.push_back(child);
    }
    return node;
  }

  Result<const Node*> Enum(const json& schema, std::string space) {
    TARN_ASSIGN_OR_RETURN(Node * node, Named(schema, AvroType::kEnum, &space));
    if (!schema.contains("symbols") || !schema["symbols"].is_array())
      return Bad("has an enum without symbols");
    for (const json& symbol : schema["symbols"]) {
      if (!symbol.is_string()) return Bad("has a symbol that is no text");
      node->names.push_back(JsonString(symbol.get<std::string>()));
    }
    return node;
  }

  Result<const Node*> Fixed(const json& schema, std::string space) {
    TARN_ASSIGN_OR_RETURN(Node * node, Named(schema, AvroType::kFixed, &space));
    if (!schema.contains("size") || !schema["size"].is_number_unsigned())
      return Bad("has a fixed without a size");
    node->size = schema["size"].get<uint64_t>();
    SetLogical(schema, node);
    return node;
  }

  Result<const Node*> Union(const json& branches, const std::string& space, int depth) {
    Node* node = New(AvroType::kUnion);
    for (const json& branch : branches) {
      TARN_ASSIGN_OR_RETURN(const Node* child, Build(branch, space, depth + 1));
      node->children.push_back(child);
    }
    return node;
  }

  static void SetLogical(const json& schema, Node* node) {
    const std::string name = schema.value("logicalType", "");
    const bool bytes = node->type == AvroType::kBytes || node->type == AvroType::kFixed;
    if (name == "decimal" && bytes) {
      node->logical = AvroLogical::kDecimal;
      node->scale = schema.contains("scale") && schema["scale"].is_number_integer()
                        ? std::clamp(schema["scale"].get<int>(), 0, 1000)
                        : 0;
    } else if (name == "date" && node->type == AvroType::kInt) {
      node->logical = AvroLogical::kDate;
    } else if (name == "timestamp-millis" && node->type == AvroType::kLong) {
      node->logical = AvroLogical::kTimestampMillis;
    } else if (name == "timestamp-micros" && node->type == AvroType::kLong) {
      node->logical = AvroLogical::kTimestampMicros;
    }
  }

  std::vector<std::unique_ptr<Node>>* nodes_;
  std::map<std::string, const Node*> named_;
};

// Two's complement, big endian, as a decimal number with `scale` digits behind the point.
std::string DecimalText(std::string_view bytes, int scale) {
  std::vector<uint8_t> magnitude(bytes.begin(), bytes.end());
  const bool negative = !magnitude.empty() && (magnitude[0] & 0x80) != 0;
  if (negative) {
    unsigned carry = 1;
    for (size_t i = magnitude.size(); i-- > 0;) {
      carry += static_cast<uint8_t>(~magnitude[i]);
      magnitude[i] = static_cast<uint8_t>(carry);
      carry >>= 8;
    }
  }
  std::string digits;  // from the last one on
  while (std::any_of(magnitude.begin(), magnitude.end(), [](uint8_t b) { return b != 0; })) {
    unsigned rest = 0;
    for (uint8_t& byte : magnitude) {
      rest = rest << 8 | byte;
      byte = static_cast<uint8_t>(rest / 10);
      rest %= 10;
    }
    digits.push_back(static_cast<char>('0' + rest));
  }
  while (digits.size() <= static_cast<size_t>(scale)) digits.push_back('0');
  if (scale > 0) digits.insert(static_cast<size_t>(scale), 1, '.');
  if (negative) digits.push_back('-');
  std::reverse(digits.begin(), digits.end());
  return digits;
}

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {}

  Status Value(const Node& node, int depth) {
    if (depth > kDeepest) return Bad("is nested too deep");
    switch (node.type) {
      case AvroType::kNull: out_ += "null"; return Status::Ok();
      case AvroType::kBoolean: return Boolean();
      case AvroType::kInt:
      case AvroType::kLong: return Integer(node);
      case AvroType::kFloat: return Floating<float>();
      case AvroType::kDouble: return Floating<double>();
      case AvroType::kBytes:
      case AvroType::kString:
      case AvroType::kFixed: return Bytes(node);
      case AvroType::kRecord: return Record(node, depth);
      case AvroType::kEnum: return Enum(node);
      case AvroType::kArray:
      case AvroType::kMap: return Blocks(node, depth);
      case AvroType::kUnion: return Union(node, depth);
    }
    return Bad("is of no known type");
  }

  Status CheckEnd() const {
    return at_ == bytes_.size() ? Status::Ok() : Bad("has bytes left over");
  }
  std::string Take() { return std::move(out_); }

 private:
  Status Bad(const std::string& what) const {
    return Status::InvalidArgument("the Avro value " + what + " at byte " + std::to_string(at_));
  }

  Result<int64_t> Long() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ >= bytes_.size()) return Bad("is cut off");
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0)
        return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
    }
    return Bad("has a number that is too long");
  }

  Result<std::string_view> Slice(uint64_t size) {
    if (size > bytes_.size() - at_) return Bad("is cut off");
    const std::string_view out = bytes_.substr(at_, size);
    at_ += size;
    return out;
  }

  Status Boolean() {
    TARN_ASSIGN_OR_RETURN(const std::string_view byte, Slice(1));
    if (byte[0] != 0 && byte[0] != 1) return Bad("has a boolean that is neither 0 nor 1");
    out_ += byte[0] == 1 ? "true" : "false";
    return Status::Ok();
  }

  Status Integer(const Node& node) {
    TARN_ASSIGN_OR_RETURN(const int64_t value, Long());
    if (node.type == AvroType::kInt && (value < INT32_MIN || value > INT32_MAX)) {
      return Bad("has an int that does not fit");
    }
    switch (node.logical) {
      case AvroLogical::kDate: out_ += "\"" + FormatDate(value) + "\""; return Status::Ok();
      case AvroLogical::kTimestampMillis:
        if (value > INT64_MAX / 1000 || value < INT64_MIN / 1000)
          return Bad("has a time that does not fit");
        out_ += "\"" + FormatTimestampUtc(value * 1000) + "\"";
        return Status::Ok();
      case AvroLogical::kTimestampMicros:
        out_ += "\"" + FormatTimestampUtc(value) + "\"";
        return Status::Ok();
      default: out_ += std::to_string(value); return Status::Ok();
    }
  }

  template <typename T>
  Status Floating() {
    TARN_ASSIGN_OR_RETURN(const std::string_view bytes, Slice(sizeof(T)));
    T value;
    std::memcpy(&value, bytes.data(), sizeof(T));  // both little endian
    if (std::isnan(value)) {
      out_ += "\"NaN\"";
    } else if (std::isinf(value)) {
      out_ += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    } else {
      char text[40];
      std::snprintf(text, sizeof(text), sizeof(T) == 4 ? "%.9g" : "%.17g",
                    static_cast<double>(value));
      out_ += text;
    }
    return Status::Ok();
  }

  Status Bytes(const Node& node) {
    uint64_t size = node.size;
    if (node.type != AvroType::kFixed) {
      TARN_ASSIGN_OR_RETURN(const int64_t length, Long());
      if (length < 0) return Bad("has a negative length");
      size = static_cast<uint64_t>(length);
    }
    TARN_ASSIGN_OR_RETURN(const std::string_view bytes, Slice(size));
    if (node.logical == AvroLogical::kDecimal) {
      if (size > kMostDecimalBytes) return Bad("has a decimal that is too long");
      out_ += DecimalText(bytes, node.scale);
    } else if (node.type == AvroType::kString) {
      if (FindInvalidUtf8(bytes) != std::string_view::npos)
        return Bad("has a string that is not UTF-8");
      out_ += JsonString(bytes);
    } else {
      out_ += "\"" + Base64(bytes) + "\"";
    }
    return Status::Ok();
  }

  Status Record(const Node& node, int depth) {
    out_ += '{';
    for (size_t i = 0; i < node.children.size(); ++i) {
      if (i > 0) out_ += ',';
      out_ += node.names[i];
      TARN_RETURN_IF_ERROR(Value(*node.children[i], depth + 1));
    }
    out_ += '}';
    return Status::Ok();
  }

  Status Enum(const Node& node) {
    TARN_ASSIGN_OR_RETURN(const int64_t index, Long());
    if (index < 0 || index >= static_cast<int64_t>(node.names.size())) {
      return Bad("has a symbol " + std::to_string(index) + " that its enum does not have");
    }
    out_ += node.names[static_cast<size_t>(index)];
    return Status::Ok();
  }

  Status Union(const Node& node, int depth) {
    TARN_ASSIGN_OR_RETURN(const int64_t index, Long());
    if (index < 0 || index >= static_cast<int64_t>(node.children.size())) {
      return Bad("has a branch " + std::to_string(index) + " that its union does not have");
    }
    return Value(*node.children[static_cast<size_t>(index)], depth + 1);
  }

  Status Blocks(const Node& node, int depth) {
    const bool is_map = node.type == AvroType::kMap;
    out_ += is_map ? '{' : '[';
    for (bool first = true;;) {
      TARN_ASSIGN_OR_RETURN(int64_t count, Long());
      if (count == 0) break;
      if (count < 0) {
        if (count == INT64_MIN) return Bad("has a block that is too long");
        count = -count;
        TARN_ASSIGN_OR_RETURN(const int64_t block_bytes, Long());
        if (block_bytes < 0) return Bad("has a block of negative length");
      }
      // Items may take no bytes at all: what the bytes say is no bound.
      items_ += static_cast<uint64_t>(count);
      if (items_ > kMostItems) return Bad("has more than " + std::to_string(kMostItems) + " items");
      for (int64_t i = 0; i < count; ++i, first = false) {
        if (!first) out_ += ',';
        if (is_map) {
          Node key;
          key.type = AvroType::kString;
          TARN_RETURN_IF_ERROR(Bytes(key));
          out_ += ':';
        }
        TARN_RETURN_IF_ERROR(Value(*node.children[0], depth + 1));
      }
    }
    out_ += is_map ? '}' : ']';
    return Status::Ok();
  }

  std::string_view bytes_;
  size_t at_ = 0;
  uint64_t items_ = 0;
  std::string out_;
};

}  // namespace

AvroSchema::~AvroSchema() = default;

Result<std::shared_ptr<const AvroSchema>> AvroSchema::Parse(
    std::string_view schema, const std::vector<std::string>& references) {
  std::shared_ptr<AvroSchema> out(new AvroSchema());
  SchemaBuilder builder(&out->nodes_);
  const auto build = [&](std::string_view text) -> Result<const Node*> {
    const auto parsed = json::parse(text, nullptr, false);
    if (parsed.is_discarded()) return Status::InvalidArgument("the Avro schema is no JSON");
    return builder.Build(parsed, "", 0);
  };
  for (const std::string& reference : references) TARN_RETURN_IF_ERROR(build(reference).status());
  TARN_ASSIGN_OR_RETURN(out->root_, build(schema));
  return std::shared_ptr<const AvroSchema>(std::move(out));
}

Result<std::string> AvroSchema::ToJson(std::string_view bytes) const {
  Decoder decoder(bytes);
  TARN_RETURN_IF_ERROR(decoder.Value(*root_, 0));
  TARN_RETURN_IF_ERROR(decoder.CheckEnd());
  return decoder.Take();
}

}  // namespace tarn::codec
