#include "transform/lineage/function_kinds.h"

#include <algorithm>
#include <array>

namespace tarn::transform {
namespace {

template <size_t N>
bool IsOneOf(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool KeepsWhole(std::string_view function) {
  static constexpr std::array<std::string_view, 13> kNames = {
      "decode",      "encode",     "json",         "to_json",        "from_json",
      "cast",        "try_cast",   "variant",      "json_transform", "json_transform_strict",
      "row_to_json", "parse_json", "cast_elements"};
  return IsOneOf(function, kNames) || function.starts_with("from_json_");
}

bool ExtractsByKey(std::string_view function) {
  static constexpr std::array<std::string_view, 15> kNames = {"struct_extract",
                                                              "struct_extract_at",
                                                              "json_extract",
                                                              "json_extract_string",
                                                              "json_extract_path",
                                                              "json_extract_path_text",
                                                              "->",
                                                              "->>",
                                                              "get_json_object",
                                                              "map_extract",
                                                              "map_extract_value",
                                                              "element_at",
                                                              "variant_extract",
                                                              "json_value",
                                                              "try_element_at"};
  return IsOneOf(function, kNames);
}

bool KeepsElements(std::string_view function) {
  static constexpr std::array<std::string_view, 22> kNames = {
      "list_extract", "array_extract",    "list_element", "list_value",    "list_concat",
      "list_cat",     "array_concat",     "flatten",      "list_slice",    "array_slice",
      "list_sort",    "array_sort",       "list_reverse", "list_distinct", "list_filter",
      "array_filter", "filter",           "array_value",  "list_resize",   "or_empty",
      "null_if_none", "list_reverse_sort"};
  return IsOneOf(function, kNames);
}

bool PicksValues(std::string_view function) {
  static constexpr std::array<std::string_view, 18> kNames = {
      "first",        "last",         "any_value", "arbitrary", "arbitrary_first", "arbitrary_last",
      "list",         "array_agg",    "min",       "max",       "arg_min",         "arg_max",
      "arg_min_null", "arg_max_null", "min_by",    "max_by",    "argmin",          "argmax"};
  return IsOneOf(function, kNames);
}

bool Counts(std::string_view function) {
  return function.find("count") != std::string_view::npos || function == "grouping";
}

std::vector<std::string> KeyPath(std::string_view key) {
  std::vector<std::string> path;
  if (key.empty() || (key[0] != '$' && key[0] != '/')) {
    if (!key.empty()) path.emplace_back(key);
    return path;
  }
  std::string name;
  const auto finish = [&] {
    if (!name.empty()) path.push_back(std::move(name));
    name.clear();
  };
  for (size_t i = 1; i < key.size(); ++i) {
    const char c = key[i];
    if (c == '.' || c == '/') {
      finish();
    } else if (c == '*') {
      finish();
      return path;  // any key: what is below it is not told apart
    } else if (c == '[') {
      finish();
      const size_t end = std::min(key.find(']', i), key.size());
      std::string_view inside = key.substr(i + 1, end - i - 1);
      if (inside == "*") inside = "";
      if (inside.size() >= 2 && (inside[0] == '\'' || inside[0] == '"')) {
        path.emplace_back(inside.substr(1, inside.size() - 2));
      }
      i = end;
    } else if (c != '"') {
      name += c;
    }
  }
  finish();
  return path;
}

}  // namespace tarn::transform
