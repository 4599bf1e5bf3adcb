// The tree that YAML files, configs and artifacts are made of: nlohmann's JSON, keys in their
// written order.
//
// What it is: the alias every room of `transform` uses, and a few questions about trees that
// would otherwise be asked in ten ways. Not a schema: who reads a key decides what may stand there.
//
// Threads: values.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::transform {

using Json = nlohmann::ordered_json;

// The member, or null when `object` is no object or lacks it.
const Json& Member(const Json& object, std::string_view key);
bool HasMember(const Json& object, std::string_view key);
// The member as text: strings as they are, other scalars as written in JSON; absent and null give
// `fallback`.
std::string TextMember(const Json& object, std::string_view key, std::string fallback = "");
bool BoolMember(const Json& object, std::string_view key, bool fallback);
// A scalar as Python's str() shows it: True, None, 1.5.
std::string PythonText(const Json& value);
// A string or a list of strings as a list; null gives an empty one.
std::vector<std::string> TextList(const Json& value);
// Python's repr(), as dbt puts values into names and messages.
std::string PythonRepr(const Json& value);

}  // namespace tarn::transform
