#include "govern/yaml_reader.h"

#include <charconv>

#include "base/nearest.h"

namespace tarn::govern {

void YamlReader::Fail(const YAML::Node& at, const std::string& reason) {
  if (!status_.ok()) return;
  std::string place = file_;
  if (const YAML::Mark mark = at.Mark(); !mark.is_null()) {
    place += ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
  }
  status_ = Status::InvalidArgument(place + ": " + reason);
}

bool YamlReader::Map(const YAML::Node& node, const std::string& what,
                     const std::vector<std::string>& known) {
  if (!node.IsDefined() || node.IsNull()) return false;
  if (!node.IsMap()) {
    Fail(node, what + " must be a map of keys and values");
    return false;
  }
  for (const auto& entry : node) {
    const std::string key = entry.first.Scalar();
    bool found = false;
    for (const std::string& name : known) found = found || name == key;
    if (found) continue;
    std::string reason = what + " has no key '" + key + "'";
    if (auto nearest = Nearest(key, known)) reason += "; did you mean '" + *nearest + "'?";
    Fail(entry.first, reason);
    return false;
  }
  return true;
}

bool YamlReader::Sequence(const YAML::Node& node, const std::string& what) {
  if (!node.IsDefined() || node.IsNull()) return false;
  if (node.IsSequence()) return true;
  Fail(node, what + " must be a list");
  return false;
}

std::optional<YAML::Node> YamlReader::Scalar(const YAML::Node& map, const char* key) {
  const YAML::Node node = map[key];
  if (!node.IsDefined() || node.IsNull()) return std::nullopt;
  if (!node.IsScalar()) {
    Fail(node, std::string("'") + key + "' must be a single value");
    return std::nullopt;
  }
  return node;
}

void YamlReader::Text(const YAML::Node& map, const char* key, std::string* out) {
  if (auto node = Scalar(map, key)) *out = node->Scalar();
}

void YamlReader::Text(const YAML::Node& map, const char* key, std::optional<std::string>* out) {
  if (auto node = Scalar(map, key)) *out = node->Scalar();
}

void YamlReader::Bool(const YAML::Node& map, const char* key, bool* out) {
  auto node = Scalar(map, key);
  if (!node) return;
  if (!YAML::convert<bool>::decode(*node, *out)) {
    Fail(*node, std::string("'") + key + "' must be true or false, not '" + node->Scalar() + "'");
  }
}

void YamlReader::Integer(const YAML::Node& map, const char* key, int64_t least,
                         std::optional<int64_t>* out) {
  auto node = Scalar(map, key);
  if (!node) return;
  const std::string& text = node->Scalar();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least) {
    Fail(*node, std::string("'") + key + "' must be a whole number of at least " +
                    std::to_string(least) + ", not '" + text + "'");
    return;
  }
  *out = value;
}

void YamlReader::Percent(const YAML::Node& map, const char* key, std::optional<double>* out) {
  auto node = Scalar(map, key);
  if (!node) return;
  double value = 0;
  if (!YAML::convert<double>::decode(*node, value) || !(value >= 0 && value <= 100)) {
    Fail(*node,
         std::string("'") + key + "' must be a number from 0 to 100, not '" + node->Scalar() + "'");
    return;
  }
  *out = value;
}

void YamlReader::Texts(const YAML::Node& map, const char* key, std::vector<std::string>* out) {
  const YAML::Node node = map[key];
  if (!node.IsDefined() || node.IsNull()) return;
  if (node.IsScalar()) {
    *out = {node.Scalar()};
    return;
  }
  if (!Sequence(node, std::string("'") + key + "'")) return;
  out->clear();
  for (const YAML::Node& item : node) {
    if (!item.IsScalar()) {
      Fail(item, std::string("'") + key + "' must hold single values");
      return;
    }
    out->push_back(item.Scalar());
  }
}

}  // namespace tarn::govern
