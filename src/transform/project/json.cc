#include "transform/project/json.h"

#include <cmath>
#include <cstdio>

namespace tarn::transform {
namespace {

const Json kNull;

std::string FloatText(double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (std::isnan(value)) return "nan";
  char buffer[40];
  for (int digits = 1; digits <= 17; ++digits) {
    std::snprintf(buffer, sizeof buffer, "%.*g", digits, value);
    if (std::strtod(buffer, nullptr) == value) break;
  }
  std::string text = buffer;
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

const Json& Member(const Json& object, std::string_view key) {
  if (!object.is_object()) return kNull;
  const auto it = object.find(key);
  return it == object.end() ? kNull : *it;
}

bool HasMember(const Json& object, std::string_view key) {
  return object.is_object() && object.contains(key);
}

std::string TextMember(const Json& object, std::string_view key, std::string fallback) {
  const Json& value = Member(object, key);
  if (value.is_null()) return fallback;
  return value.is_string() ? value.get<std::string>() : PythonText(value);
}

bool BoolMember(const Json& object, std::string_view key, bool fallback) {
  const Json& value = Member(object, key);
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<int64_t>() != 0;
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
  }
  return fallback;
}

std::string PythonText(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return PythonRepr(value);
}

std::vector<std::string> TextList(const Json& value) {
  std::vector<std::string> list;
  if (value.is_array()) {
    for (const Json& item : value) list.push_back(PythonText(item));
  } else if (!value.is_null()) {
    list.push_back(PythonText(value));
  }
  return list;
}

std::string PythonRepr(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return "None";
    case Json::value_t::boolean: return value.get<bool>() ? "True" : "False";
    case Json::value_t::number_float: return FloatText(value.get<double>());
    case Json::value_t::string: {
      const auto& text = value.get_ref<const std::string&>();
      const char quote =
          text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
      std::string out(1, quote);
      for (const char c : text) {
        if (c == '\\' || c == quote) {
          out += '\\';
          out += c;
        } else if (c == '\n') {
          out += "\\n";
        } else if (c == '\t') {
          out += "\\t";
        } else if (c == '\r') {
          out += "\\r";
        } else {
          out += c;
        }
      }
      return out + quote;
    }
    case Json::value_t::array: {
      std::string out = "[";
      for (const Json& item : value) out += (out.size() > 1 ? ", " : "") + PythonRepr(item);
      return out + "]";
    }
    case Json::value_t::object: {
      std::string out = "{";
      for (const auto& [key, item] : value.items()) {
        out += (out.size() > 1 ? ", " : "") + PythonRepr(Json(key)) + ": " + PythonRepr(item);
      }
      return out + "}";
    }
    default: return value.dump();
  }
}

}  // namespace tarn::transform
