#include "delta/schema.h"

#include <charconv>
#include <set>

#include "base/random.h"
#include "delta/json.h"
#include "delta/json_read.h"

namespace tarn::delta {
namespace {

using json_read::Element;
using json_read::Object;

constexpr const char* kPhysicalName = "delta.columnMapping.physicalName";
constexpr const char* kColumnId = "delta.columnMapping.id";

struct PrimitiveName {
  const char* name;
  TypeKind kind;
};
constexpr PrimitiveName kPrimitives[] = {
    {"string", TypeKind::kString},       {"long", TypeKind::kLong},
    {"integer", TypeKind::kInteger},     {"short", TypeKind::kShort},
    {"byte", TypeKind::kByte},           {"float", TypeKind::kFloat},
    {"double", TypeKind::kDouble},       {"boolean", TypeKind::kBoolean},
    {"binary", TypeKind::kBinary},       {"date", TypeKind::kDate},
    {"timestamp", TypeKind::kTimestamp}, {"timestamp_ntz", TypeKind::kTimestampNtz},
    {"variant", TypeKind::kVariant},     {"void", TypeKind::kVoid},
};

const char* PrimitiveNameOf(TypeKind kind) {
  for (const auto& [name, known] : kPrimitives) {
    if (known == kind) return name;
  }
  return "?";
}

std::string LowerAscii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// A JSON string without escapes is compared and unquoted without parsing.
std::optional<std::string> Unquote(const std::string& json) {
  if (json.size() < 2 || json.front() != '"') return std::nullopt;
  if (json.find('\\') == std::string::npos) return json.substr(1, json.size() - 2);
  simdjson::dom::parser parser;
  Element root;
  if (!json_read::ParseDocument(parser, json.data(), json.size(), false, &root).ok()) {
    return std::nullopt;
  }
  std::string_view text;
  if (root.get_string().get(text)) return std::nullopt;
  return std::string(text);
}

Result<DataTypePtr> ParseType(const Element& json, const std::string& where);

bool ParseInt(std::string_view text, int* out) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

Result<DataTypePtr> ParseTypeName(std::string_view name, const std::string& where) {
  for (const auto& [known, kind] : kPrimitives) {
    if (name == known) return DataType::Primitive(kind);
  }
  if (name == "null") return DataType::Primitive(TypeKind::kVoid);  // old Spark's name for void
  if (name == "decimal") return DataType::Decimal(10, 0);
  if (name.starts_with("decimal(") && name.ends_with(")")) {
    std::string_view inside = name.substr(8, name.size() - 9);
    const size_t comma = inside.find(',');
    int precision = 0, scale = 0;
    if (comma != std::string_view::npos && ParseInt(inside.substr(0, comma), &precision) &&
        ParseInt(inside.substr(comma + 1), &scale) && precision >= 1 && precision <= 38 &&
        scale >= 0 && scale <= precision) {
      return DataType::Decimal(precision, scale);
    }
    return Status::Corruption("schema: column '" + where + "' has an impossible type '" +
                              std::string(name) + "'; decimals have 1 to 38 digits");
  }
  return Status::Unsupported("schema: column '" + where + "' has type '" + std::string(name) +
                             "', which this version of Tarn does not read; drop or cast the column "
                             "with the engine that wrote it");
}

Status Malformed(const std::string& where, const char* what) {
  return Status::Corruption("schema: " + (where.empty() ? "the table" : "column '" + where + "'") +
                            " " + what);
}

Result<StructField> ParseField(const Element& json, const std::string& parent) {
  Object object;
  if (json.get_object().get(object)) return Malformed(parent, "has a field that is not an object");
  StructField field;
  std::string_view name;
  if (object["name"].get_string().get(name)) return Malformed(parent, "has a field without a name");
  field.name = name;
  const std::string where = parent.empty() ? field.name : parent + "." + field.name;
  Element type;
  if (object["type"].get(type)) return Malformed(where, "has no type");
  TARN_ASSIGN_OR_RETURN(field.type, ParseType(type, where));
  bool nullable;
  if (!object["nullable"].get_bool().get(nullable)) field.nullable = nullable;
  Object metadata;
  if (!object["metadata"].get_object().get(metadata)) {
    for (auto [key, value] : metadata) {
      field.metadata.insert_or_assign(std::string(key), json_read::Minify(value));
    }
  }
  (void)field.PhysicalName(true);  // fills the cache while no other thread can see the field
  return field;
}

Result<std::vector<StructField>> ParseFields(const Object& object, const std::string& where) {
  simdjson::dom::array array;
  if (object["fields"].get_array().get(array))
    return Malformed(where, "is a struct without fields");
  std::vector<StructField> fields;
  fields.reserve(array.size());
  for (Element item : array) {
    TARN_ASSIGN_OR_RETURN(StructField field, ParseField(item, where));
    fields.push_back(std::move(field));
  }
  return fields;
}

Result<DataTypePtr> ParseNested(const Object& object, const char* member,
                                const std::string& where) {
  Element type;
  if (object[member].get(type)) {
    return Malformed(where, (std::string("lacks '") + member + "'").c_str());
  }
  return ParseType(type, where);
}

Result<DataTypePtr> ParseType(const Element& json, const std::string& where) {
  std::string_view name;
  if (!json.get_string().get(name)) return ParseTypeName(name, where);
  Object object;
  if (json.get_object().get(object) || object["type"].get_string().get(name)) {
    return Malformed(where, "has a type that is neither a name nor an object with a type");
  }
  bool contains_null = true;
  if (name == "struct") {
    TARN_ASSIGN_OR_RETURN(auto fields, ParseFields(object, where));
    return DataType::Struct(std::move(fields));
  }
  if (name == "array") {
    TARN_ASSIGN_OR_RETURN(auto element, ParseNested(object, "elementType", where + ".element"));
    if (object["containsNull"].get_bool().get(contains_null)) contains_null = true;
    return DataType::Array(std::move(element), contains_null);
  }
  if (name == "map") {
    TARN_ASSIGN_OR_RETURN(auto key, ParseNested(object, "keyType", where + ".key"));
    TARN_ASSIGN_OR_RETURN(auto value, ParseNested(object, "valueType", where + ".value"));
    if (object["valueContainsNull"].get_bool().get(contains_null)) contains_null = true;
    return DataType::Map(std::move(key), std::move(value), contains_null);
  }
  return ParseTypeName(name, where);
}

void AppendType(const DataType& type, std::string* out);

void AppendFields(const std::vector<StructField>& fields, std::string* out) {
  out->append(R"({"type":"struct","fields":[)");
  for (size_t i = 0; i < fields.size(); ++i) {
    const StructField& field = fields[i];
    out->append(i ? ",{\"name\":" : "{\"name\":");
    AppendJsonString(field.name, out);
    out->append(",\"type\":");
    AppendType(*field.type, out);
    out->append(field.nullable ? ",\"nullable\":true,\"metadata\":{"
                               : ",\"nullable\":false,\"metadata\":{");
    bool first = true;
    for (const auto& [key, json] : field.metadata) {
      if (!first) out->push_back(',');
      first = false;
      AppendJsonString(key, out);
      out->append(":").append(json);
    }
    out->append("}}");
  }
  out->append("]}");
}

void AppendType(const DataType& type, std::string* out) {
  switch (type.kind) {
    case TypeKind::kStruct: AppendFields(type.fields, out); return;
    case TypeKind::kArray:
      out->append(R"({"type":"array","elementType":)");
      AppendType(*type.element, out);
      out->append(type.element_nullable ? ",\"containsNull\":true}" : ",\"containsNull\":false}");
      return;
    case TypeKind::kMap:
      out->append(R"({"type":"map","keyType":)");
      AppendType(*type.key, out);
      out->append(",\"valueType\":");
      AppendType(*type.element, out);
      out->append(type.element_nullable ? ",\"valueContainsNull\":true}"
                                        : ",\"valueContainsNull\":false}");
      return;
    default: AppendJsonString(type.ToString(), out);
  }
}

Status ValidateType(const DataType& type, ColumnMappingMode mode, const std::string& where,
                    bool nested);

Status ValidateFields(const std::vector<StructField>& fields, ColumnMappingMode mode,
                      const std::string& parent, bool nested) {
  std::set<std::string> seen;
  for (const StructField& field : fields) {
    const std::string where = parent.empty() ? field.name : parent + "." + field.name;
    if (field.name.empty()) {
      return Status::InvalidArgument("a column of " +
                                     (parent.empty() ? "the table" : "'" + parent + "'") +
                                     " has an empty name; give it one");
    }
    if (!seen.insert(LowerAscii(field.name)).second) {
      return Status::InvalidArgument("column '" + where +
                                     "' appears twice (names ignore case); rename one of them");
    }
    if (mode == ColumnMappingMode::kNone &&
        field.name.find_first_of(" ,;{}()\n\t=") != std::string::npos) {
      return Status::InvalidArgument("column name '" + where +
                                     "' has a character of \" ,;{}()\\n\\t=\"; rename it, or set "
                                     "delta.columnMapping.mode = 'name'");
    }
    TARN_RETURN_IF_ERROR(ValidateType(*field.type, mode, where, nested));
  }
  return Status::Ok();
}

Status ValidateType(const DataType& type, ColumnMappingMode mode, const std::string& where,
                    bool nested) {
  switch (type.kind) {
    case TypeKind::kVoid:
      if (!nested) return Status::Ok();
      return Status::InvalidArgument("column '" + where +
                                     "' has type void inside an array or map; give it a type");
    case TypeKind::kStruct: return ValidateFields(type.fields, mode, where, nested);
    case TypeKind::kArray: return ValidateType(*type.element, mode, where + ".element", true);
    case TypeKind::kMap:
      TARN_RETURN_IF_ERROR(ValidateType(*type.key, mode, where + ".key", true));
      return ValidateType(*type.element, mode, where + ".value", true);
    default: return Status::Ok();
  }
}

// The greatest column id below these fields.
int32_t MaxId(const std::vector<StructField>& fields);
int32_t MaxId(const DataType& type) {
  int32_t max = MaxId(type.fields);
  if (type.element) max = std::max(max, MaxId(*type.element));
  if (type.key) max = std::max(max, MaxId(*type.key));
  return max;
}
int32_t MaxId(const std::vector<StructField>& fields) {
  int32_t max = 0;
  for (const StructField& field : fields) {
    max = std::max({max, field.FieldId().value_or(0), MaxId(*field.type)});
  }
  return max;
}

class MappingAssigner {
 public:
  MappingAssigner(int32_t next_id, bool keep_names) : max_id_(next_id), keep_names_(keep_names) {}
  int32_t max_id() const { return max_id_; }

  Status Fields(std::vector<StructField>* fields) {
    for (StructField& field : *fields) {
      if (!field.FieldId()) {
        if (max_id_ == INT32_MAX) {
          return Status::Resource("column '" + field.name +
                                  "': no column id is left; rewrite the table");
        }
        field.metadata[kColumnId] = std::to_string(++max_id_);
      }
      if (!field.metadata.contains(kPhysicalName)) {
        field.metadata[kPhysicalName] =
            JsonQuote(keep_names_ ? field.name : "col-" + MakeUuid(Random::System()));
      }
      (void)field.PhysicalName(true);
      TARN_ASSIGN_OR_RETURN(field.type, Type(field.type));
    }
    return Status::Ok();
  }

 private:
  Result<DataTypePtr> Type(const DataTypePtr& type) {
    if (type->is_primitive()) return type;
    auto copy = std::make_shared<DataType>(*type);
    TARN_RETURN_IF_ERROR(Fields(&copy->fields));
    for (DataTypePtr* part : {&copy->element, &copy->key}) {
      if (!*part) continue;
      TARN_ASSIGN_OR_RETURN(*part, Type(*part));
    }
    return DataTypePtr(std::move(copy));
  }

  int32_t max_id_;
  bool keep_names_;
};

}  // namespace

DataTypePtr DataType::Primitive(TypeKind kind) {
  auto type = std::make_shared<DataType>();
  type->kind = kind;
  return type;
}

DataTypePtr DataType::Decimal(int precision, int scale) {
  auto type = std::make_shared<DataType>();
  type->kind = TypeKind::kDecimal;
  type->precision = precision;
  type->scale = scale;
  return type;
}

DataTypePtr DataType::Struct(std::vector<StructField> fields) {
  auto type = std::make_shared<DataType>();
  type->kind = TypeKind::kStruct;
  type->fields = std::move(fields);
  return type;
}

DataTypePtr DataType::Array(DataTypePtr element, bool contains_null) {
  auto type = std::make_shared<DataType>();
  type->kind = TypeKind::kArray;
  type->element = std::move(element);
  type->element_nullable = contains_null;
  return type;
}

DataTypePtr DataType::Map(DataTypePtr key, DataTypePtr value, bool value_contains_null) {
  auto type = std::make_shared<DataType>();
  type->kind = TypeKind::kMap;
  type->key = std::move(key);
  type->element = std::move(value);
  type->element_nullable = value_contains_null;
  return type;
}

std::string DataType::ToString() const {
  switch (kind) {
    case TypeKind::kDecimal:
      return "decimal(" + std::to_string(precision) + "," + std::to_string(scale) + ")";
    case TypeKind::kArray: return "array<" + element->ToString() + ">";
    case TypeKind::kMap: return "map<" + key->ToString() + "," + element->ToString() + ">";
    case TypeKind::kStruct: {
      std::string text = "struct<";
      for (size_t i = 0; i < fields.size(); ++i) {
        text.append(i ? "," : "")
            .append(fields[i].name)
            .append(":")
            .append(fields[i].type->ToString());
      }
      return text + ">";
    }
    default: return PrimitiveNameOf(kind);
  }
}

const std::string& StructField::PhysicalName(bool column_mapping_on) const {
  if (!column_mapping_on) return name;
  const auto found = metadata.find(kPhysicalName);
  if (found == metadata.end()) return name;
  const std::string& json = found->second;
  // Fields that came from ParseSchema or AssignColumnMapping take this way: no write, so no race.
  if (!physical_cache_.empty() && json.size() == physical_cache_.size() + 2 &&
      std::string_view(json).substr(1, physical_cache_.size()) == physical_cache_) {
    return physical_cache_;
  }
  std::optional<std::string> text = Unquote(json);
  if (!text) return name;
  if (physical_cache_ != *text) physical_cache_ = std::move(*text);
  return physical_cache_;
}

std::optional<int32_t> StructField::FieldId() const {
  const auto found = metadata.find(kColumnId);
  if (found == metadata.end()) return std::nullopt;
  int id;
  return ParseInt(found->second, &id) ? std::optional<int32_t>(id) : std::nullopt;
}

std::optional<std::string> StructField::StringMetadata(const std::string& key) const {
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::nullopt : Unquote(found->second);
}

const StructField* Schema::Find(const std::string& name) const {
  for (const StructField& field : fields) {
    if (field.name == name) return &field;
  }
  const std::string lower = LowerAscii(name);
  for (const StructField& field : fields) {
    if (LowerAscii(field.name) == lower) return &field;
  }
  return nullptr;
}

Result<Schema> ParseSchema(const std::string& schema_string) {
  simdjson::dom::parser parser;
  Element root;
  Status parsed =
      json_read::ParseDocument(parser, schema_string.data(), schema_string.size(), false, &root);
  if (!parsed.ok()) return parsed.WithContext("schemaString");
  Object object;
  std::string_view type;
  if (root.get_object().get(object) || object["type"].get_string().get(type) || type != "struct") {
    return Status::Corruption("schemaString is not a struct");
  }
  Schema schema;
  TARN_ASSIGN_OR_RETURN(schema.fields, ParseFields(object, ""));
  return schema;
}

std::string SerializeSchema(const Schema& schema) {
  std::string out;
  AppendFields(schema.fields, &out);
  return out;
}

bool SameType(const DataType& a, const DataType& b) {
  if (a.kind != b.kind || a.precision != b.precision || a.scale != b.scale) return false;
  if (a.fields.size() != b.fields.size() || a.element_nullable != b.element_nullable) return false;
  for (size_t i = 0; i < a.fields.size(); ++i) {
    if (a.fields[i].name != b.fields[i].name || a.fields[i].nullable != b.fields[i].nullable ||
        !SameType(*a.fields[i].type, *b.fields[i].type)) {
      return false;
    }
  }
  auto same = [](const DataTypePtr& x, const DataTypePtr& y) {
    return x == y || (x && y && SameType(*x, *y));
  };
  return same(a.element, b.element) && same(a.key, b.key);
}

Status ValidateSchemaForWrite(const Schema& schema, ColumnMappingMode mode) {
  return ValidateFields(schema.fields, mode, "", false);
}

Result<int32_t> AssignColumnMapping(Schema* schema, int32_t max_column_id, bool keep_names) {
  MappingAssigner assigner(std::max(max_column_id, MaxId(schema->fields)), keep_names);
  TARN_RETURN_IF_ERROR(assigner.Fields(&schema->fields));
  return assigner.max_id();
}

}  // namespace tarn::delta
