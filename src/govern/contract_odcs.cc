// The Open Data Contract Standard v3: what of it has a meaning here, and the rest left alone.
#include <algorithm>

#include "govern/contract_forms.h"

namespace tarn::govern {
namespace {

// A value of customProperties: [{property: name, value: …}].
YAML::Node Custom(const YAML::Node& node, const std::string& name) {
  const YAML::Node list = node["customProperties"];
  if (list.IsDefined() && list.IsSequence()) {
    for (const YAML::Node& entry : list) {
      if (entry.IsMap() && entry["property"].IsDefined() && entry["property"].Scalar() == name) {
        return entry["value"];
      }
    }
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

std::string TextOf(const YAML::Node& node) {
  return node.IsDefined() && node.IsScalar() ? node.Scalar() : std::string();
}

void ReadOptions(YamlReader& reader, const YAML::Node& options, Field* field) {
  if (!options.IsDefined() || !options.IsMap()) return;
  reader.Text(options, "pattern", &field->pattern);
  reader.Text(options, "minimum", &field->minimum);
  reader.Text(options, "maximum", &field->maximum);
  for (const auto& [key, bound, exclusive] :
       {std::tuple{"exclusiveMinimum", &field->minimum, &field->exclusive_minimum},
        std::tuple{"exclusiveMaximum", &field->maximum, &field->exclusive_maximum}}) {
    const std::string text = TextOf(options[key]);
    if (text.empty()) continue;
    // v3.0 wrote the bound itself here, v3.1 a boolean beside minimum or maximum.
    if (text != "true" && text != "false") *bound = text;
    *exclusive = text != "false";
  }
  for (const auto& [key, out] : {std::pair{"minLength", &field->min_length},
                                 {"maxLength", &field->max_length},
                                 {"minItems", &field->min_length},
                                 {"maxItems", &field->max_length}}) {
    std::optional<int64_t> length;
    reader.Integer(options, key, 0, &length);
    if (length) *out = static_cast<uint64_t>(*length);
  }
}

// Library rules that say the same as a rule of ours; other kinds (sql, custom, text) are left
// alone.
void ReadQuality(YamlReader& reader, const YAML::Node& quality, Field* field) {
  if (!quality.IsDefined() || !quality.IsSequence()) return;
  for (const YAML::Node& rule : quality) {
    if (!rule.IsMap()) continue;
    const std::string name =
        TextOf(rule["rule"]).empty() ? TextOf(rule["metric"]) : TextOf(rule["rule"]);
    if (name == "validValues" || name == "invalidValues") {
      const YAML::Node& values =
          rule["validValues"].IsDefined() ? rule["validValues"] : rule["arguments"]["validValues"];
      if (!values.IsDefined() || !values.IsSequence()) continue;
      for (const YAML::Node& value : values) field->allowed_values.push_back(TextOf(value));
    } else if (name == "uniqueCheck" || name == "duplicateCount" || name == "duplicateValues") {
      field->unique = true;
    } else if (name == "nullCheck" || name == "nullValues") {
      const std::string percent = TextOf(rule["mustBeLessThan"]);
      if (TextOf(rule["unit"]) == "percent" && !percent.empty()) {
        reader.Percent(rule, "mustBeLessThan", &field->max_null_rate_pct);
      } else if (TextOf(rule["mustBe"]) == "0") {
        field->nullable = false;
      }
    }
  }
}

bool IsPersonal(const std::string& classification) {
  return !classification.empty() && classification != "public" && classification != "internal";
}

Field ReadProperty(YamlReader& reader, const YAML::Node& node, bool named);

void ReadProperties(YamlReader& reader, const YAML::Node& node, std::vector<Field>* out) {
  if (!reader.Sequence(node, "properties")) return;
  for (const YAML::Node& item : node) {
    Field field = ReadProperty(reader, item, true);
    for (const Field& other : *out) {
      if (other.name == field.name)
        reader.Fail(item, "property '" + field.name + "' is named twice");
    }
    out->push_back(std::move(field));
  }
}

Field ReadProperty(YamlReader& reader, const YAML::Node& node, bool named) {
  Field field;
  if (!node.IsMap()) {
    reader.Fail(node, "a property must be a map");
    return field;
  }
  field.name = TextOf(node["name"]);
  if (named && field.name.empty()) reader.Fail(node, "a property lacks its name");
  // The physical type is the exact one where it is one we know; the logical one is always coarse.
  const std::string logical = TextOf(node["logicalType"]), physical = TextOf(node["physicalType"]);
  std::string lower;
  for (char c : physical) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  Field coarse;
  const bool known = logical.empty() || ParseFieldType(logical, &coarse);
  if (!known)
    reader.Fail(node["logicalType"],
                "unknown logicalType '" + logical + "'" + TypeSuggestion(logical));
  if (logical == "number") coarse.type = FieldType::kDouble;
  Field exact;
  const bool numeric = coarse.type == FieldType::kInteger || coarse.type == FieldType::kDouble;
  const bool use_exact =
      !physical.empty() && ParseFieldType(lower, &exact) &&
      (logical.empty() || exact.type == coarse.type ||
       (numeric && (exact.type == FieldType::kDecimal || exact.type == FieldType::kInteger)));
  const Field& type = use_exact ? exact : coarse;
  field.type = type.type;
  field.bits = type.bits;
  field.precision = type.precision;
  field.scale = type.scale;
  field.description = TextOf(node["description"]);
  bool required = false;
  reader.Bool(node, "required", &required);
  reader.Bool(node, "unique", &field.unique);
  reader.Bool(node, "primaryKey", &field.primary_key);
  field.nullable = !required && !field.primary_key;
  const std::string classification = TextOf(node["classification"]);
  const std::string pii = TextOf(Custom(node, "pii"));
  field.pii = !pii.empty() ? pii : IsPersonal(classification) ? classification : "";
  ReadOptions(reader, node["logicalTypeOptions"], &field);
  ReadQuality(reader, node["quality"], &field);
  if (const std::string form = TextOf(Custom(node, "format"));
      !form.empty() && !ParseTimeForm(form, &field.time_form)) {
    reader.Fail(node, "unknown format '" + form + "' of property '" + field.name + "'");
  }
  if (const YAML::Node on_break = Custom(node, "on_break"); on_break.IsDefined()) {
    field.on_break.emplace();
    ReadEnforcement(reader, node, TextOf(on_break), &*field.on_break);
  }
  ReadProperties(reader, node["properties"], &field.fields);
  if (const YAML::Node items = node["items"]; items.IsDefined() && items.IsMap()) {
    field.items.push_back(ReadProperty(reader, items, false));
  }
  CheckField(reader, node, field);
  return field;
}

// A number with a unit of time -> seconds.
std::optional<int64_t> Seconds(double value, const std::string& unit) {
  if (unit == "s" || unit == "second" || unit == "seconds" || unit.empty())
    return static_cast<int64_t>(value);
  if (unit == "m" || unit == "min" || unit == "minute" || unit == "minutes")
    return static_cast<int64_t>(value * 60);
  if (unit == "h" || unit == "hour" || unit == "hours") return static_cast<int64_t>(value * 3600);
  if (unit == "d" || unit == "day" || unit == "days") return static_cast<int64_t>(value * 86'400);
  return std::nullopt;
}

void ReadSlaProperties(YamlReader& reader, const YAML::Node& list, ContractSla* sla) {
  if (!reader.Sequence(list, "slaProperties")) return;
  for (const YAML::Node& entry : list) {
    if (!entry.IsMap()) continue;
    const std::string property = TextOf(entry["property"]);
    double value = 0;
    if (!entry["value"].IsDefined() || !entry["value"].IsScalar() ||
        !YAML::convert<double>::decode(entry["value"], value)) {
      continue;  // texts such as an availability window promise nothing that is judged here
    }
    if (property == "latency" || property == "ly" || property == "freshness") {
      sla->max_delay_seconds = Seconds(value, TextOf(entry["unit"]));
      if (!sla->max_delay_seconds) {
        reader.Fail(entry, "unit '" + TextOf(entry["unit"]) +
                               "' of latency is no unit of time; use s, m, h or d");
      }
    } else if (property == "volume" || property == "minDailyVolume") {
      sla->min_daily_volume = static_cast<int64_t>(value);
    } else if (property == "nullRate" || property == "maxNullRate") {
      reader.Percent(entry, "value", &sla->max_null_rate_pct);
    }
  }
}

std::string OwnerOf(const YAML::Node& document) {
  if (const std::string owner = TextOf(Custom(document, "owner")); !owner.empty()) return owner;
  const YAML::Node team = document["team"];
  if (team.IsDefined() && team.IsMap()) return TextOf(team["name"]);
  if (team.IsDefined() && team.IsSequence()) {
    for (const YAML::Node& member : team) {
      if (TextOf(member["role"]) == "owner") return TextOf(member["username"]);
    }
    if (team.size() > 0 && team[0].IsMap()) return TextOf(team[0]["username"]);
  }
  return TextOf(document["dataProduct"]);
}

// What Tarn adds to the standard, under the names of the short form.
void ReadExtensions(YamlReader& reader, const YAML::Node& document, Contract* contract) {
  YAML::Node extra(YAML::NodeType::Map);
  for (const char* key : {"effective_date", "streams", "event_time", "envelope", "enforcement",
                          "additional_fields", "breaking_change_policy", "approvals"}) {
    if (const YAML::Node value = Custom(document, key); value.IsDefined()) extra[key] = value;
  }
  reader.Text(extra, "effective_date", &contract->effective_date);
  reader.Texts(extra, "streams", &contract->streams);
  reader.Text(extra, "event_time", &contract->event_time);
  reader.Texts(extra, "approvals", &contract->approvals);
  if (TextOf(extra["envelope"]) == "debezium") contract->envelope = Envelope::kDebezium;
  if (extra["enforcement"].IsDefined()) {
    ReadEnforcement(reader, document, TextOf(extra["enforcement"]), &contract->enforcement);
  }
  if (extra["additional_fields"].IsDefined()) {
    ReadEnforcement(reader, document, TextOf(extra["additional_fields"]),
                    &contract->additional_fields);
  }
  const YAML::Node policy = extra["breaking_change_policy"];
  if (!policy.IsDefined() || !policy.IsMap()) return;
  std::optional<int64_t> days;
  reader.Integer(policy, "notice_days", 0, &days);
  if (days) contract->policy.notice_days = static_cast<int>(std::min<int64_t>(*days, 36'500));
  reader.Texts(policy, "approval_required_from", &contract->policy.approval_required_from);
  reader.Bool(policy, "migration_support", &contract->policy.migration_support);
}

}  // namespace

std::vector<Contract> ReadOdcs(YamlReader& reader, const YAML::Node& document) {
  const std::string version = TextOf(document["apiVersion"]);
  if (!version.starts_with("v3")) {
    reader.Fail(document["apiVersion"], "apiVersion '" + version + "' is not read; v3.x is");
    return {};
  }
  std::vector<Contract> out;
  const YAML::Node schema = document["schema"];
  if (!reader.Sequence(schema, "schema")) {
    reader.Fail(document, "the contract has no schema: nothing would be promised");
    return {};
  }
  for (const YAML::Node& object : schema) {
    Contract contract;
    const std::string table = TextOf(object["name"]);
    contract.name =
        TextOf(document["name"]).empty() ? TextOf(document["id"]) : TextOf(document["name"]);
    if (schema.size() > 1 && !table.empty()) contract.name += "." + table;
    contract.version = TextOf(document["version"]);
    contract.owner = OwnerOf(document);
    const YAML::Node description = document["description"];
    contract.description = description.IsDefined() && description.IsMap()
                               ? TextOf(description["purpose"])
                               : TextOf(description);
    ReadExtensions(reader, document, &contract);
    ReadProperties(reader, object["properties"], &contract.schema);
    if (document["slaProperties"].IsDefined()) {
      ReadSlaProperties(reader, document["slaProperties"], &contract.sla);
    }
    CheckContract(reader, object, contract);
    out.push_back(std::move(contract));
  }
  return out;
}

}  // namespace tarn::govern
