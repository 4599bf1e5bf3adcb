// What must hold of a contract whatever form it came in.
#include <re2/re2.h>

#include <charconv>

#include "base/nearest.h"
#include "govern/contract_forms.h"
#include "govern/value_order.h"

namespace tarn::govern {
namespace {

struct TypeName {
  const char* name;
  FieldType type;
  int bits;
};
const TypeName kTypeNames[] = {{"string", FieldType::kString, 64},
                               {"varchar", FieldType::kString, 64},
                               {"text", FieldType::kString, 64},
                               {"uuid", FieldType::kString, 64},
                               {"byte", FieldType::kInteger, 8},
                               {"int8", FieldType::kInteger, 8},
                               {"tinyint", FieldType::kInteger, 8},
                               {"short", FieldType::kInteger, 16},
                               {"int16", FieldType::kInteger, 16},
                               {"smallint", FieldType::kInteger, 16},
                               {"int", FieldType::kInteger, 32},
                               {"int32", FieldType::kInteger, 32},
                               {"long", FieldType::kInteger, 64},
                               {"int64", FieldType::kInteger, 64},
                               {"bigint", FieldType::kInteger, 64},
                               {"integer", FieldType::kInteger, 64},
                               {"float", FieldType::kDouble, 64},
                               {"double", FieldType::kDouble, 64},
                               {"number", FieldType::kDouble, 64},
                               {"decimal", FieldType::kDecimal, 64},
                               {"boolean", FieldType::kBoolean, 64},
                               {"bool", FieldType::kBoolean, 64},
                               {"date", FieldType::kDate, 64},
                               {"timestamp", FieldType::kTimestamp, 64},
                               {"timestamp_ntz", FieldType::kTimestampNtz, 64},
                               {"object", FieldType::kObject, 64},
                               {"struct", FieldType::kObject, 64},
                               {"record", FieldType::kObject, 64},
                               {"array", FieldType::kArray, 64},
                               {"list", FieldType::kArray, 64},
                               {"map", FieldType::kMap, 64},
                               {"any", FieldType::kAny, 64}};

// "decimal(18, 2)" -> 18, 2.
bool ParseDecimal(const std::string& text, Field* field) {
  static const RE2 kForm(R"(decimal\(\s*(\d{1,2})\s*(?:,\s*(\d{1,2})\s*)?\))");
  std::string precision, scale;
  if (!RE2::FullMatch(text, kForm, &precision, &scale)) return false;
  field->type = FieldType::kDecimal;
  field->precision = std::stoi(precision);
  field->scale = scale.empty() ? 0 : std::stoi(scale);
  return field->precision >= 1 && field->precision <= 38 && field->scale <= field->precision;
}

bool HasOrder(FieldType type) {
  switch (type) {
    case FieldType::kInteger:
    case FieldType::kDouble:
    case FieldType::kDecimal:
    case FieldType::kDate:
    case FieldType::kTimestamp:
    case FieldType::kTimestampNtz: return true;
    default: return false;
  }
}

void CheckBound(YamlReader& reader, const YAML::Node& at, const Field& field, const char* key,
                const std::optional<std::string>& bound) {
  if (!bound) return;
  if (!HasOrder(field.type)) {
    reader.Fail(at, std::string("'") + key + "' needs a number, a date or a time, but field '" +
                        field.name + "' is " + TypeText(field));
  } else if (!OrderedValue(field, *bound)) {
    reader.Fail(at, std::string("'") + key + "' of field '" + field.name + "' is no " +
                        TypeText(field) + ": '" + *bound + "'");
  }
}

}  // namespace

bool ParseFieldType(const std::string& text, Field* field) {
  std::string lower;
  for (char c : text) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  for (const TypeName& known : kTypeNames) {
    if (lower != known.name) continue;
    field->type = known.type;
    field->bits = known.bits;
    return true;
  }
  return ParseDecimal(lower, field);
}

std::string TypeSuggestion(const std::string& text) {
  std::vector<std::string> names;
  for (const TypeName& known : kTypeNames) names.emplace_back(known.name);
  if (auto nearest = Nearest(text, names)) return "; did you mean '" + *nearest + "'?";
  return "; known: string, int, long, double, decimal(p,s), boolean, date, timestamp, "
         "timestamp_ntz, "
         "object, array, map, any";
}

bool ParseTimeForm(const std::string& text, TimeForm* form) {
  for (TimeForm known : {TimeForm::kIsoText, TimeForm::kEpochSeconds, TimeForm::kEpochMillis,
                         TimeForm::kEpochMicros}) {
    if (text != TimeFormName(known)) continue;
    *form = known;
    return true;
  }
  return false;
}

std::string_view TimeFormName(TimeForm form) {
  switch (form) {
    case TimeForm::kIsoText: return "iso";
    case TimeForm::kEpochSeconds: return "epoch_seconds";
    case TimeForm::kEpochMillis: return "epoch_millis";
    case TimeForm::kEpochMicros: return "epoch_micros";
  }
  return "iso";
}

void ReadEnforcement(YamlReader& reader, const YAML::Node& at, const std::string& text,
                     Enforcement* out) {
  for (Enforcement known : {Enforcement::kFlag, Enforcement::kDeadLetter, Enforcement::kStop}) {
    if (text != EnforcementName(known)) continue;
    *out = known;
    return;
  }
  reader.Fail(at, "'" + text + "' is none of flag, dead_letter, stop");
}

void CheckField(YamlReader& reader, const YAML::Node& at, const Field& field) {
  if (field.pattern) {
    if (field.type != FieldType::kString) {
      reader.Fail(at,
                  "'pattern' needs a string, but field '" + field.name + "' is " + TypeText(field));
    }
    const RE2 pattern(*field.pattern, RE2::Quiet);
    if (!pattern.ok()) {
      reader.Fail(at, "pattern of field '" + field.name + "' cannot be read: " + pattern.error());
    }
  }
  CheckBound(reader, at, field, "minimum", field.minimum);
  CheckBound(reader, at, field, "maximum", field.maximum);
  if (field.minimum && field.maximum && HasOrder(field.type)) {
    const auto least = OrderedValue(field, *field.minimum),
               most = OrderedValue(field, *field.maximum);
    if (least && most && *most < *least) {
      reader.Fail(at, "field '" + field.name + "': minimum is above maximum");
    }
  }
  if ((field.min_length || field.max_length) && field.type != FieldType::kString &&
      field.type != FieldType::kArray) {
    reader.Fail(at, "a length needs a string or an array, but field '" + field.name + "' is " +
                        TypeText(field));
  }
  if (field.min_length && field.max_length && *field.max_length < *field.min_length) {
    reader.Fail(at, "field '" + field.name + "': min_length is above max_length");
  }
  if (!field.fields.empty() && field.type != FieldType::kObject) {
    reader.Fail(at,
                "'fields' needs an object, but field '" + field.name + "' is " + TypeText(field));
  }
  if (!field.items.empty() && field.type != FieldType::kArray && field.type != FieldType::kMap) {
    reader.Fail(at, "'items' needs an array or a map, but field '" + field.name + "' is " +
                        TypeText(field));
  }
}

void CheckContract(YamlReader& reader, const YAML::Node& at, const Contract& contract) {
  if (contract.name.empty()) reader.Fail(at, "a contract lacks its name");
  if (contract.version.empty())
    reader.Fail(at, "contract '" + contract.name + "' lacks its version");
  if (contract.schema.empty()) {
    reader.Fail(at, "contract '" + contract.name + "' has no schema: nothing would be promised");
  }
  Field date;
  date.type = FieldType::kDate;
  if (!contract.effective_date.empty() && !OrderedValue(date, contract.effective_date)) {
    reader.Fail(at["effective_date"], "effective_date must be a date such as 2026-01-31, not '" +
                                          contract.effective_date + "'");
  }
  if (contract.event_time.empty()) return;
  for (const Field& field : contract.schema) {
    if (field.name != contract.event_time) continue;
    if (field.type != FieldType::kTimestamp && field.type != FieldType::kTimestampNtz) {
      reader.Fail(at["event_time"],
                  "event_time '" + field.name + "' is " + TypeText(field) + ", not a timestamp");
    }
    return;
  }
  reader.Fail(at["event_time"],
              "event_time '" + contract.event_time + "' is no field of the schema");
}

}  // namespace tarn::govern
