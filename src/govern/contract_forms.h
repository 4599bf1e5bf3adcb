// What the two forms of a contract share while they are read. Govern-internal.
#pragma once

#include <string>
#include <vector>

#include "govern/contract.h"
#include "govern/yaml_reader.h"

namespace tarn::govern {

Contract ReadShortForm(YamlReader& reader, const YAML::Node& node);
void ReadFields(YamlReader& reader, const YAML::Node& node, std::vector<Field>* out);
// Every schema object of an ODCS document as a contract of its own.
std::vector<Contract> ReadOdcs(YamlReader& reader, const YAML::Node& document);

// "decimal(18,2)", "int32", "struct" … into type, bits, precision and scale; false when unknown.
bool ParseFieldType(const std::string& text, Field* field);
// "; did you mean 'string'?" or the list of types.
std::string TypeSuggestion(const std::string& text);
bool ParseTimeForm(const std::string& text, TimeForm* form);
std::string_view TimeFormName(TimeForm form);
void ReadEnforcement(YamlReader& reader, const YAML::Node& at, const std::string& text,
                     Enforcement* out);

// Rules that do not fit the field's type, patterns that do not compile, bounds that cannot be met.
void CheckField(YamlReader& reader, const YAML::Node& at, const Field& field);
// Name, version and schema there; event_time a field of the schema; effective_date a date.
void CheckContract(YamlReader& reader, const YAML::Node& at, const Contract& contract);

}  // namespace tarn::govern
