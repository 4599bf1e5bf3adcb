// The short form of a contract, as the reference architecture writes it.
#include <algorithm>

#include "govern/contract_forms.h"

namespace tarn::govern {
namespace {

const std::vector<std::string> kContractKeys = {"name",
                                                "version",
                                                "owner",
                                                "description",
                                                "effective_date",
                                                "streams",
                                                "event_time",
                                                "envelope",
                                                "enforcement",
                                                "additional_fields",
                                                "schema",
                                                "sla",
                                                "breaking_change_policy",
                                                "approvals"};
const std::vector<std::string> kFieldKeys = {"name",
                                             "type",
                                             "nullable",
                                             "unique",
                                             "primary_key",
                                             "description",
                                             "allowed_values",
                                             "pattern",
                                             "minimum",
                                             "maximum",
                                             "exclusive_minimum",
                                             "exclusive_maximum",
                                             "min_length",
                                             "max_length",
                                             "max_null_rate_pct",
                                             "pii",
                                             "format",
                                             "on_break",
                                             "fields",
                                             "items"};

void ReadLength(YamlReader& reader, const YAML::Node& node, const char* key,
                std::optional<uint64_t>* out) {
  std::optional<int64_t> length;
  reader.Integer(node, key, 0, &length);
  if (length) *out = static_cast<uint64_t>(*length);
}

Field ReadField(YamlReader& reader, const YAML::Node& node, bool named) {
  Field field;
  if (!reader.Map(node, "a field", kFieldKeys)) {
    reader.Fail(node, "a field must be a map with name and type");
    return field;
  }
  reader.Text(node, "name", &field.name);
  if (named && field.name.empty()) reader.Fail(node, "a field lacks its name");
  std::string type = "any", format;
  reader.Text(node, "type", &type);
  if (!ParseFieldType(type, &field)) {
    reader.Fail(node["type"], "unknown type '" + type + "'" + TypeSuggestion(type));
  }
  reader.Text(node, "format", &format);
  if (!format.empty() && !ParseTimeForm(format, &field.time_form)) {
    reader.Fail(node["format"], "unknown format '" + format +
                                    "'; known: iso, epoch_seconds, epoch_millis, epoch_micros");
  }
  reader.Bool(node, "nullable", &field.nullable);
  reader.Bool(node, "unique", &field.unique);
  reader.Bool(node, "primary_key", &field.primary_key);
  reader.Text(node, "description", &field.description);
  reader.Texts(node, "allowed_values", &field.allowed_values);
  reader.Text(node, "pattern", &field.pattern);
  reader.Text(node, "minimum", &field.minimum);
  reader.Text(node, "maximum", &field.maximum);
  reader.Bool(node, "exclusive_minimum", &field.exclusive_minimum);
  reader.Bool(node, "exclusive_maximum", &field.exclusive_maximum);
  ReadLength(reader, node, "min_length", &field.min_length);
  ReadLength(reader, node, "max_length", &field.max_length);
  reader.Percent(node, "max_null_rate_pct", &field.max_null_rate_pct);
  reader.Text(node, "pii", &field.pii);
  std::string on_break;
  reader.Text(node, "on_break", &on_break);
  if (!on_break.empty()) {
    Enforcement enforcement = Enforcement::kDeadLetter;
    ReadEnforcement(reader, node["on_break"], on_break, &enforcement);
    field.on_break = enforcement;
  }
  ReadFields(reader, node["fields"], &field.fields);
  if (const YAML::Node items = node["items"]; items.IsDefined() && !items.IsNull()) {
    field.items.push_back(ReadField(reader, items, false));
  }
  CheckField(reader, node, field);
  return field;
}

void ReadPolicy(YamlReader& reader, const YAML::Node& node, BreakingChangePolicy* policy) {
  if (!reader.Map(node, "breaking_change_policy",
                  {"notice_days", "approval_required_from", "migration_support"})) {
    return;
  }
  std::optional<int64_t> days;
  reader.Integer(node, "notice_days", 0, &days);
  if (days) policy->notice_days = static_cast<int>(std::min<int64_t>(*days, 36'500));
  reader.Texts(node, "approval_required_from", &policy->approval_required_from);
  reader.Bool(node, "migration_support", &policy->migration_support);
}

void ReadSla(YamlReader& reader, const YAML::Node& node, ContractSla* sla) {
  if (!reader.Map(node, "sla", {"max_delay_seconds", "min_daily_volume", "max_null_rate_pct"}))
    return;
  reader.Integer(node, "max_delay_seconds", 0, &sla->max_delay_seconds);
  reader.Integer(node, "min_daily_volume", 0, &sla->min_daily_volume);
  reader.Percent(node, "max_null_rate_pct", &sla->max_null_rate_pct);
}

}  // namespace

void ReadFields(YamlReader& reader, const YAML::Node& node, std::vector<Field>* out) {
  if (!reader.Sequence(node, "a list of fields")) return;
  for (const YAML::Node& item : node) {
    Field field = ReadField(reader, item, true);
    for (const Field& other : *out) {
      if (other.name == field.name) reader.Fail(item, "field '" + field.name + "' is named twice");
    }
    out->push_back(std::move(field));
  }
}

Contract ReadShortForm(YamlReader& reader, const YAML::Node& node) {
  Contract contract;
  if (!reader.Map(node, "contract", kContractKeys)) {
    reader.Fail(node, "a contract must be a map");
    return contract;
  }
  reader.Text(node, "name", &contract.name);
  reader.Text(node, "version", &contract.version);
  reader.Text(node, "owner", &contract.owner);
  reader.Text(node, "description", &contract.description);
  reader.Text(node, "effective_date", &contract.effective_date);
  reader.Texts(node, "streams", &contract.streams);
  reader.Text(node, "event_time", &contract.event_time);
  reader.Texts(node, "approvals", &contract.approvals);
  std::string text;
  reader.Text(node, "envelope", &text);
  if (text == "debezium") {
    contract.envelope = Envelope::kDebezium;
  } else if (!text.empty() && text != "none") {
    reader.Fail(node["envelope"], "unknown envelope '" + text + "'; known: none, debezium");
  }
  text.clear();
  reader.Text(node, "enforcement", &text);
  if (!text.empty()) ReadEnforcement(reader, node["enforcement"], text, &contract.enforcement);
  text.clear();
  reader.Text(node, "additional_fields", &text);
  if (!text.empty()) {
    ReadEnforcement(reader, node["additional_fields"], text, &contract.additional_fields);
  }
  ReadFields(reader, node["schema"], &contract.schema);
  ReadSla(reader, node["sla"], &contract.sla);
  ReadPolicy(reader, node["breaking_change_policy"], &contract.policy);
  CheckContract(reader, node, contract);
  return contract;
}

}  // namespace tarn::govern
