#include "base/reference.h"

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

namespace tarn {

Result<std::string> ResolveReference(const std::string& text, bool reference_only) {
  if (text.starts_with("env:")) {
    const std::string name = text.substr(4);
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') {
      return Status::NotFound("environment variable " + name +
                              " is not set; set it, or use file:PATH");
    }
    return std::string(value);
  }
  if (text.starts_with("file:")) {
    std::ifstream file(text.substr(5), std::ios::binary);
    std::ostringstream content;
    if (!file || !(content << file.rdbuf())) {
      return Status::NotFound("file " + text.substr(5) + " cannot be read or is empty");
    }
    std::string value = content.str();
    if (value.ends_with('\n')) value.pop_back();
    if (value.ends_with('\r')) value.pop_back();
    if (value.empty()) return Status::InvalidArgument("file " + text.substr(5) + " is empty");
    return value;
  }
  if (reference_only) {
    return Status::InvalidArgument("a secret is given by reference: env:NAME or file:PATH");
  }
  return text;
}

Result<uint64_t> ParseByteSize(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  std::string unit;
  for (; *end != '\0'; ++end) {
    if (*end != ' ') unit += static_cast<char>(std::tolower(static_cast<unsigned char>(*end)));
  }
  static const std::pair<const char*, int> kUnits[] = {
      {"", 0},     {"b", 0},  {"k", 10},  {"kb", 10},  {"kib", 10}, {"m", 20},  {"mb", 20},
      {"mib", 20}, {"g", 30}, {"gb", 30}, {"gib", 30}, {"t", 40},   {"tb", 40}, {"tib", 40}};
  for (const auto& [name, shift] : kUnits) {
    const double bytes = std::ldexp(number, shift);
    if (unit == name && !text.empty() && bytes >= 1 && bytes < 9e18) {
      return static_cast<uint64_t>(bytes);
    }
  }
  return Status::InvalidArgument("'" + text + "' is no size; write it like 512MB or 2GB");
}

Result<int64_t> ParseDurationMicros(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  std::string unit(end);
  while (unit.starts_with(' ')) unit.erase(0, 1);
  static const std::pair<const char*, double> kUnits[] = {
      {"ms", 1e3}, {"s", 1e6},   {"sec", 1e6}, {"m", 60e6},   {"min", 60e6},
      {"h", 36e8}, {"d", 864e8}, {"us", 1},    {"day", 864e8}};
  for (const auto& [name, micros] : kUnits) {
    if (unit == name && !text.empty() && number > 0 && number * micros < 9e18 &&
        number * micros >= 1) {
      return static_cast<int64_t>(number * micros);
    }
  }
  return Status::InvalidArgument("'" + text + "' is no duration; write it like 500ms, 1s or 15min");
}

}  // namespace tarn
