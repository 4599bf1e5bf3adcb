#include "delta/type_widening.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace tarn::delta {
namespace {

constexpr char kChanges[] = "delta.typeChanges";

int IntegerDigits(TypeKind kind) {
  switch (kind) {
    case TypeKind::kByte:
    case TypeKind::kShort:
    case TypeKind::kInteger: return 10;
    case TypeKind::kLong: return 20;
    default: return 0;
  }
}

// Bytes of an integer type, 0 for others.
int IntegerBytes(TypeKind kind) {
  switch (kind) {
    case TypeKind::kByte: return 1;
    case TypeKind::kShort: return 2;
    case TypeKind::kInteger: return 4;
    case TypeKind::kLong: return 8;
    default: return 0;
  }
}

DataTypePtr TypeOf(const std::string& name) {
  int precision = 0;
  int scale = 0;
  if (std::sscanf(name.c_str(), "decimal(%d,%d)", &precision, &scale) == 2) {
    return DataType::Decimal(precision, scale);
  }
  static constexpr std::pair<const char*, TypeKind> kNames[] = {
      {"byte", TypeKind::kByte},       {"short", TypeKind::kShort},
      {"integer", TypeKind::kInteger}, {"long", TypeKind::kLong},
      {"float", TypeKind::kFloat},     {"double", TypeKind::kDouble},
      {"date", TypeKind::kDate},       {"timestamp_ntz", TypeKind::kTimestampNtz},
  };
  for (const auto& [known, kind] : kNames) {
    if (name == known) return DataType::Primitive(kind);
  }
  return nullptr;
}

Status CheckChange(const StructField& field, const nlohmann::json& change) {
  const std::string from = change.is_object() ? change.value("fromType", "") : "";
  const std::string to = change.is_object() ? change.value("toType", "") : "";
  const DataTypePtr before = TypeOf(from);
  const DataTypePtr after = TypeOf(to);
  if (before && after && CanWiden(*before, *after)) return Status::Ok();
  return Status::Unsupported("column " + field.name + " was widened from " + from + " to " + to +
                             ", which this build of Tarn does not read");
}

Status CheckType(const DataType& type);

Status CheckField(const StructField& field) {
  const auto found = field.metadata.find(kChanges);
  if (found != field.metadata.end()) {
    const auto changes = nlohmann::json::parse(found->second, nullptr, false);
    if (!changes.is_array()) {
      return Status::Corruption("column " + field.name + ": delta.typeChanges is not a list");
    }
    for (const auto& change : changes) TARN_RETURN_IF_ERROR(CheckChange(field, change));
  }
  return CheckType(*field.type);
}

Status CheckType(const DataType& type) {
  for (const StructField& field : type.fields) TARN_RETURN_IF_ERROR(CheckField(field));
  if (type.element != nullptr) TARN_RETURN_IF_ERROR(CheckType(*type.element));
  return type.key == nullptr ? Status::Ok() : CheckType(*type.key);
}

nlohmann::json ChangesOf(const StructField& field) {
  const auto found = field.metadata.find(kChanges);
  if (found == field.metadata.end()) return nlohmann::json::array();
  auto changes = nlohmann::json::parse(found->second, nullptr, false);
  return changes.is_array() ? changes : nlohmann::json::array();
}

// `path`: from the field that remembers the change to the type, through arrays and maps.
Result<DataTypePtr> Widened(const DataTypePtr& from, const DataTypePtr& to, const std::string& path,
                            nlohmann::json* changes) {
  if (from->ToString() == to->ToString()) return from;
  const auto below = [&](const char* part) { return path.empty() ? part : path + "." + part; };
  if (CanWiden(*from, *to)) {
    nlohmann::json change = {{"fromType", from->ToString()}, {"toType", to->ToString()}};
    if (!path.empty()) change["fieldPath"] = path;
    changes->push_back(std::move(change));
    return to;
  }
  auto out = std::make_shared<DataType>(*from);
  if (from->kind == to->kind && from->kind == TypeKind::kArray) {
    TARN_ASSIGN_OR_RETURN(out->element,
                          Widened(from->element, to->element, below("element"), changes));
    return DataTypePtr(out);
  }
  if (from->kind == to->kind && from->kind == TypeKind::kMap) {
    TARN_ASSIGN_OR_RETURN(out->key, Widened(from->key, to->key, below("key"), changes));
    TARN_ASSIGN_OR_RETURN(out->element,
                          Widened(from->element, to->element, below("value"), changes));
    return DataTypePtr(out);
  }
  bool alike = from->kind == to->kind && from->kind == TypeKind::kStruct &&
               from->fields.size() == to->fields.size();
  for (size_t i = 0; alike && i < from->fields.size(); ++i) {
    alike = from->fields[i].name == to->fields[i].name;
  }
  if (!alike) {
    return Status::Unsupported("type " + from->ToString() + " cannot be widened to " +
                               to->ToString());
  }
  for (size_t i = 0; i < from->fields.size(); ++i) {
    TARN_RETURN_IF_ERROR(WidenField(&out->fields[i], to->fields[i].type));
  }
  return DataTypePtr(out);
}

}  // namespace

bool CanWiden(const DataType& from, const DataType& to) {
  const int bytes = IntegerBytes(from.kind);
  if (to.kind == TypeKind::kDecimal) {
    if (from.kind == TypeKind::kDecimal) {
      const int scale = to.scale - from.scale;
      return scale >= 0 && to.precision - from.precision >= scale &&
             (scale > 0 || to.precision > from.precision);
    }
    const int digits = IntegerDigits(from.kind);
    return digits > 0 && to.scale >= 0 && to.precision - digits >= to.scale;
  }
  if (bytes > 0 && IntegerBytes(to.kind) > 0) return bytes < IntegerBytes(to.kind);
  if (to.kind == TypeKind::kDouble)
    return (bytes > 0 && bytes < 8) || from.kind == TypeKind::kFloat;
  return from.kind == TypeKind::kDate && to.kind == TypeKind::kTimestampNtz;
}

Status WidenField(StructField* field, DataTypePtr to) {
  nlohmann::json changes = ChangesOf(*field);
  const size_t before = changes.size();
  auto widened = Widened(field->type, to, "", &changes);
  if (!widened.ok()) return widened.status().WithContext("column " + field->name);
  field->type = std::move(widened).value();
  if (changes.size() > before) field->metadata[kChanges] = changes.dump();
  return Status::Ok();
}

Status CheckTypeChanges(const Schema& schema) {
  for (const StructField& field : schema.fields) TARN_RETURN_IF_ERROR(CheckField(field));
  return Status::Ok();
}

}  // namespace tarn::delta
