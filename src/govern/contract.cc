#include "govern/contract.h"

namespace tarn::govern {

std::string_view FieldTypeName(FieldType type) {
  switch (type) {
    case FieldType::kString: return "string";
    case FieldType::kInteger: return "integer";
    case FieldType::kDouble: return "double";
    case FieldType::kDecimal: return "decimal";
    case FieldType::kBoolean: return "boolean";
    case FieldType::kDate: return "date";
    case FieldType::kTimestamp: return "timestamp";
    case FieldType::kTimestampNtz: return "timestamp_ntz";
    case FieldType::kObject: return "object";
    case FieldType::kArray: return "array";
    case FieldType::kMap: return "map";
    case FieldType::kAny: return "any";
  }
  return "any";
}

std::string_view EnforcementName(Enforcement enforcement) {
  switch (enforcement) {
    case Enforcement::kFlag: return "flag";
    case Enforcement::kDeadLetter: return "dead_letter";
    case Enforcement::kStop: return "stop";
  }
  return "flag";
}

std::string TypeText(const Field& field) {
  switch (field.type) {
    case FieldType::kInteger:
      switch (field.bits) {
        case 8: return "byte";
        case 16: return "short";
        case 32: return "int";
        default: return "long";
      }
    case FieldType::kDecimal:
      if (field.precision == 0) return "decimal";
      return "decimal(" + std::to_string(field.precision) + "," + std::to_string(field.scale) + ")";
    default: return std::string(FieldTypeName(field.type));
  }
}

namespace {

using Fields = std::vector<std::pair<std::string, const Field*>>;

void Collect(const Field& field, const std::string& path, Fields* out) {
  out->emplace_back(path, &field);
  for (const Field& child : field.fields) Collect(child, path + "." + child.name, out);
  const std::string element = field.type == FieldType::kMap ? path + "{}" : path + "[]";
  for (const Field& item : field.items) Collect(item, element, out);
}

}  // namespace

std::vector<std::pair<std::string, const Field*>> AllFields(const Contract& contract) {
  Fields fields;
  for (const Field& field : contract.schema) Collect(field, field.name, &fields);
  return fields;
}

}  // namespace tarn::govern
