// Contracts written back as YAML.
#include <yaml-cpp/yaml.h>

#include "govern/contract_forms.h"
#include "govern/contract_yaml.h"

namespace tarn::govern {
namespace {

void Pair(YAML::Emitter& out, const char* key, const std::string& value) {
  if (!value.empty()) out << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << value;
}
void Pair(YAML::Emitter& out, const char* key, const std::optional<std::string>& value) {
  if (value) out << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << *value;
}
template <typename T>
void Number(YAML::Emitter& out, const char* key, const std::optional<T>& value) {
  if (value) out << YAML::Key << key << YAML::Value << *value;
}
void Flag(YAML::Emitter& out, const char* key, bool value) {
  if (value) out << YAML::Key << key << YAML::Value << true;
}
void List(YAML::Emitter& out, const char* key, const std::vector<std::string>& values) {
  if (values.empty()) return;
  out << YAML::Key << key << YAML::Value << YAML::Flow << YAML::BeginSeq;
  for (const std::string& value : values) out << YAML::DoubleQuoted << value;
  out << YAML::EndSeq;
}

void WriteShortField(YAML::Emitter& out, const Field& field) {
  out << YAML::BeginMap;
  Pair(out, "name", field.name);
  out << YAML::Key << "type" << YAML::Value << TypeText(field);
  if (field.time_form != TimeForm::kIsoText)
    Pair(out, "format", std::string(TimeFormName(field.time_form)));
  if (!field.nullable) out << YAML::Key << "nullable" << YAML::Value << false;
  Flag(out, "unique", field.unique);
  Flag(out, "primary_key", field.primary_key);
  List(out, "allowed_values", field.allowed_values);
  Pair(out, "pattern", field.pattern);
  Pair(out, "minimum", field.minimum);
  Pair(out, "maximum", field.maximum);
  Flag(out, "exclusive_minimum", field.exclusive_minimum);
  Flag(out, "exclusive_maximum", field.exclusive_maximum);
  Number(out, "min_length", field.min_length);
  Number(out, "max_length", field.max_length);
  Number(out, "max_null_rate_pct", field.max_null_rate_pct);
  Pair(out, "pii", field.pii);
  if (field.on_break) Pair(out, "on_break", std::string(EnforcementName(*field.on_break)));
  Pair(out, "description", field.description);
  if (!field.fields.empty()) {
    out << YAML::Key << "fields" << YAML::Value << YAML::BeginSeq;
    for (const Field& child : field.fields) WriteShortField(out, child);
    out << YAML::EndSeq;
  }
  if (!field.items.empty()) {
    out << YAML::Key << "items" << YAML::Value;
    WriteShortField(out, field.items.front());
  }
  out << YAML::EndMap;
}

void WritePolicy(YAML::Emitter& out, const BreakingChangePolicy& policy) {
  out << YAML::BeginMap << YAML::Key << "notice_days" << YAML::Value << policy.notice_days;
  List(out, "approval_required_from", policy.approval_required_from);
  Flag(out, "migration_support", policy.migration_support);
  out << YAML::EndMap;
}

// The standard's names; what it has no word for goes to customProperties.
const char* LogicalType(const Field& field) {
  switch (field.type) {
    case FieldType::kInteger: return "integer";
    case FieldType::kDouble:
    case FieldType::kDecimal: return "number";
    case FieldType::kBoolean: return "boolean";
    case FieldType::kDate: return "date";
    case FieldType::kTimestamp:
    case FieldType::kTimestampNtz: return "timestamp";
    case FieldType::kObject:
    case FieldType::kMap: return "object";
    case FieldType::kArray: return "array";
    default: return "string";
  }
}

void Custom(YAML::Emitter& out, const char* property, const std::string& value) {
  if (value.empty()) return;
  out << YAML::BeginMap << YAML::Key << "property" << YAML::Value << property;
  out << YAML::Key << "value" << YAML::Value << YAML::DoubleQuoted << value << YAML::EndMap;
}

void WriteOptions(YAML::Emitter& out, const Field& field) {
  if (!field.pattern && !field.minimum && !field.maximum && !field.min_length && !field.max_length)
    return;
  const bool array = field.type == FieldType::kArray;
  out << YAML::Key << "logicalTypeOptions" << YAML::Value << YAML::BeginMap;
  Pair(out, "pattern", field.pattern);
  Pair(out, "minimum", field.minimum);
  Pair(out, "maximum", field.maximum);
  Flag(out, "exclusiveMinimum", field.exclusive_minimum);
  Flag(out, "exclusiveMaximum", field.exclusive_maximum);
  Number(out, array ? "minItems" : "minLength", field.min_length);
  Number(out, array ? "maxItems" : "maxLength", field.max_length);
  out << YAML::EndMap;
}

void WriteQuality(YAML::Emitter& out, const Field& field) {
  if (field.allowed_values.empty() && !field.max_null_rate_pct) return;
  out << YAML::Key << "quality" << YAML::Value << YAML::BeginSeq;
  if (!field.allowed_values.empty()) {
    out << YAML::BeginMap << YAML::Key << "type" << YAML::Value << "library";
    out << YAML::Key << "rule" << YAML::Value << "validValues";
    List(out, "validValues", field.allowed_values);
    out << YAML::EndMap;
  }
  if (field.max_null_rate_pct) {
    out << YAML::BeginMap << YAML::Key << "type" << YAML::Value << "library";
    out << YAML::Key << "rule" << YAML::Value << "nullCheck" << YAML::Key << "unit" << YAML::Value
        << "percent";
    out << YAML::Key << "mustBeLessThan" << YAML::Value << *field.max_null_rate_pct << YAML::EndMap;
  }
  out << YAML::EndSeq;
}

void WriteProperty(YAML::Emitter& out, const Field& field) {
  out << YAML::BeginMap;
  Pair(out, "name", field.name);
  if (field.type != FieldType::kAny) {
    out << YAML::Key << "logicalType" << YAML::Value << LogicalType(field);
    out << YAML::Key << "physicalType" << YAML::Value << TypeText(field);
  }
  if (!field.nullable) out << YAML::Key << "required" << YAML::Value << true;
  Flag(out, "unique", field.unique);
  Flag(out, "primaryKey", field.primary_key);
  Pair(out, "description", field.description);
  WriteOptions(out, field);
  WriteQuality(out, field);
  if (!field.pii.empty() || field.on_break || field.time_form != TimeForm::kIsoText) {
    out << YAML::Key << "customProperties" << YAML::Value << YAML::BeginSeq;
    Custom(out, "pii", field.pii);
    if (field.on_break) Custom(out, "on_break", std::string(EnforcementName(*field.on_break)));
    if (field.time_form != TimeForm::kIsoText)
      Custom(out, "format", std::string(TimeFormName(field.time_form)));
    out << YAML::EndSeq;
  }
  if (!field.fields.empty()) {
    out << YAML::Key << "properties" << YAML::Value << YAML::BeginSeq;
    for (const Field& child : field.fields) WriteProperty(out, child);
    out << YAML::EndSeq;
  }
  if (!field.items.empty()) {
    out << YAML::Key << "items" << YAML::Value;
    WriteProperty(out, field.items.front());
  }
  out << YAML::EndMap;
}

template <typename T>
void SlaProperty(YAML::Emitter& out, const char* property, const std::optional<T>& value,
                 const char* unit) {
  if (!value) return;
  out << YAML::BeginMap << YAML::Key << "property" << YAML::Value << property;
  out << YAML::Key << "value" << YAML::Value << *value << YAML::Key << "unit" << YAML::Value << unit
      << YAML::EndMap;
}

void WriteExtensions(YAML::Emitter& out, const Contract& contract) {
  out << YAML::Key << "customProperties" << YAML::Value << YAML::BeginSeq;
  Custom(out, "owner", contract.owner);
  Custom(out, "effective_date", contract.effective_date);
  Custom(out, "event_time", contract.event_time);
  if (contract.envelope == Envelope::kDebezium) Custom(out, "envelope", "debezium");
  Custom(out, "enforcement", std::string(EnforcementName(contract.enforcement)));
  Custom(out, "additional_fields", std::string(EnforcementName(contract.additional_fields)));
  for (const auto& [name, values] :
       {std::pair{"streams", &contract.streams}, {"approvals", &contract.approvals}}) {
    if (values->empty()) continue;
    out << YAML::BeginMap << YAML::Key << "property" << YAML::Value << name;
    List(out, "value", *values);
    out << YAML::EndMap;
  }
  out << YAML::BeginMap << YAML::Key << "property" << YAML::Value << "breaking_change_policy";
  out << YAML::Key << "value" << YAML::Value;
  WritePolicy(out, contract.policy);
  out << YAML::EndMap << YAML::EndSeq;
}

}  // namespace

std::string WriteShortForm(const Contract& contract) {
  YAML::Emitter out;
  out << YAML::BeginMap << YAML::Key << "contract" << YAML::Value << YAML::BeginMap;
  Pair(out, "name", contract.name);
  Pair(out, "version", contract.version);
  Pair(out, "owner", contract.owner);
  Pair(out, "description", contract.description);
  Pair(out, "effective_date", contract.effective_date);
  List(out, "streams", contract.streams);
  Pair(out, "event_time", contract.event_time);
  if (contract.envelope == Envelope::kDebezium) Pair(out, "envelope", std::string("debezium"));
  out << YAML::Key << "enforcement" << YAML::Value
      << std::string(EnforcementName(contract.enforcement));
  out << YAML::Key << "additional_fields" << YAML::Value
      << std::string(EnforcementName(contract.additional_fields));
  out << YAML::Key << "schema" << YAML::Value << YAML::BeginSeq;
  for (const Field& field : contract.schema) WriteShortField(out, field);
  out << YAML::EndSeq;
  if (contract.sla != ContractSla()) {
    out << YAML::Key << "sla" << YAML::Value << YAML::BeginMap;
    Number(out, "max_delay_seconds", contract.sla.max_delay_seconds);
    Number(out, "min_daily_volume", contract.sla.min_daily_volume);
    Number(out, "max_null_rate_pct", contract.sla.max_null_rate_pct);
    out << YAML::EndMap;
  }
  if (contract.policy != BreakingChangePolicy()) {
    out << YAML::Key << "breaking_change_policy" << YAML::Value;
    WritePolicy(out, contract.policy);
  }
  List(out, "approvals", contract.approvals);
  out << YAML::EndMap << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

std::string WriteOdcs(const Contract& contract) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  out << YAML::Key << "apiVersion" << YAML::Value << "v3.0.2" << YAML::Key << "kind" << YAML::Value
      << "DataContract";
  Pair(out, "id", contract.name);
  Pair(out, "name", contract.name);
  Pair(out, "version", contract.version);
  Pair(out, "status", std::string("active"));
  if (!contract.description.empty()) {
    out << YAML::Key << "description" << YAML::Value << YAML::BeginMap;
    Pair(out, "purpose", contract.description);
    out << YAML::EndMap;
  }
  out << YAML::Key << "schema" << YAML::Value << YAML::BeginSeq << YAML::BeginMap;
  Pair(out, "name", contract.name);
  Pair(out, "logicalType", std::string("object"));
  out << YAML::Key << "properties" << YAML::Value << YAML::BeginSeq;
  for (const Field& field : contract.schema) WriteProperty(out, field);
  out << YAML::EndSeq << YAML::EndMap << YAML::EndSeq;
  if (contract.sla != ContractSla()) {
    out << YAML::Key << "slaProperties" << YAML::Value << YAML::BeginSeq;
    SlaProperty(out, "latency", contract.sla.max_delay_seconds, "s");
    SlaProperty(out, "volume", contract.sla.min_daily_volume, "records/day");
    SlaProperty(out, "nullRate", contract.sla.max_null_rate_pct, "percent");
    out << YAML::EndSeq;
  }
  WriteExtensions(out, contract);
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace tarn::govern
