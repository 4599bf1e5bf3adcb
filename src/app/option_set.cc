#include "app/option_set.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "base/reference.h"

namespace tarn::app {
namespace {

std::string PlaceOf(const std::string& place, const YAML::Node& node) {
  const YAML::Mark mark = node.Mark();
  return mark.is_null() ? place : place + ":" + std::to_string(mark.line + 1);
}

Status Wanted(const std::string& what) { return Status::InvalidArgument("is to be " + what); }

Result<std::string> Scalar(const YAML::Node& node) {
  if (!node.IsScalar()) return Wanted("a text");
  return node.Scalar();
}

Status ReadNumber(const std::string& text, int64_t low, int64_t high, int64_t* out) {
  char* end = nullptr;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || value < low || value > high) {
    return Wanted("a number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  *out = value;
  return Status::Ok();
}

std::string DurationText(int64_t micros) {
  if (micros % 60'000'000 == 0 && micros >= 60'000'000) {
    return std::to_string(micros / 60'000'000) + "min";
  }
  if (micros % 1'000'000 == 0) return std::to_string(micros / 1'000'000) + "s";
  return std::to_string(micros / 1'000) + "ms";
}

std::string SizeText(uint64_t bytes) {
  if (bytes == 0) return "";
  if (bytes % (1 << 20) == 0) return std::to_string(bytes >> 20) + "MB";
  return std::to_string(bytes);
}

}  // namespace

const char* OptionSet::KindName(Kind kind) {
  switch (kind) {
    case Kind::kText: return "text";
    case Kind::kSecret: return "env:NAME or file:PATH";
    case Kind::kFlag: return "true or false";
    case Kind::kCount: return "number";
    case Kind::kSize: return "size";
    case Kind::kDuration: return "duration";
    case Kind::kList: return "list";
    case Kind::kNumbers: return "list of numbers";
    case Kind::kMap: return "mapping";
    case Kind::kSection: return "mapping";
  }
  return "text";
}

OptionSet& OptionSet::Add(Option option) {
  options_.push_back(std::move(option));
  return *this;
}

OptionSet& OptionSet::Text(const std::string& name, std::string* into, const std::string& doc) {
  return Add({name,
              Kind::kText,
              doc,
              *into,
              false,
              [into](const YAML::Node& node) -> Status {
                TARN_ASSIGN_OR_RETURN(*into, Scalar(node));
                return Status::Ok();
              },
              {}});
}

OptionSet& OptionSet::Secret(const std::string& name, std::string* into, const std::string& doc) {
  return Add({name,
              Kind::kSecret,
              doc,
              "",
              false,
              [into](const YAML::Node& node) -> Status {
                TARN_ASSIGN_OR_RETURN(const std::string text, Scalar(node));
                TARN_ASSIGN_OR_RETURN(*into, ResolveReference(text, /*reference_only=*/true));
                return Status::Ok();
              },
              {}});
}

OptionSet& OptionSet::Flag(const std::string& name, bool* into, const std::string& doc) {
  return Add({name,
              Kind::kFlag,
              doc,
              *into ? "true" : "false",
              false,
              [into](const YAML::Node& node) -> Status {
                if (!node.IsScalar() || !YAML::convert<bool>::decode(node, *into)) {
                  return Wanted("true or false");
                }
                return Status::Ok();
              },
              {}});
}

OptionSet& OptionSet::Count(const std::string& name, uint64_t* into, const std::string& doc) {
  return Add({name,
              Kind::kCount,
              doc,
              std::to_string(*into),
              false,
              [into](const YAML::Node& node) -> Status {
                TARN_ASSIGN_OR_RETURN(const std::string text, Scalar(node));
                int64_t value = 0;
                TARN_RETURN_IF_ERROR(ReadNumber(text, 1, INT64_MAX, &value));
                *into = static_cast<uint64_t>(value);
                return Status::Ok();
              },
              {}});
}

OptionSet& OptionSet::Size(const std::string& name, uint64_t* bytes, const std::string& doc) {
  return Add({name,
              Kind::kSize,
              doc,
              SizeText(*bytes),
              false,
              [bytes](const YAML::Node& node) -> Status {
                TARN_ASSIGN_OR_RETURN(const std::string text, Scalar(node));
                TARN_ASSIGN_OR_RETURN(*bytes, ParseByteSize(text));
                return Status::Ok();
              },
              {}});
}

OptionSet& OptionSet::Duration(const std::string& name, int64_t* micros, const std::string& doc) {
  return Add({name,
              Kind::kDuration,
              doc,
              DurationText(*micros),
              false,
              [micros](const YAML::Node& node) -> Status {
                TARN_ASSIGN_OR_RETURN(const std::string text, Scalar(node));
                TARN_ASSIGN_OR_RETURN(*micros, ParseDurationMicros(text));
                return Status::Ok();
              },
              {}});
}

OptionSet& OptionSet::List(const std::string& name, Texts* into, const std::string& doc) {
  return Add({name,
              Kind::kList,
              doc,
              "",
              false,
              [into](const YAML::Node& node) -> Status {
                if (node.IsScalar()) {
                  *into = {node.Scalar()};
                  return Status::Ok();
                }
                if (!node.IsSequence()) return Wanted("a list");
                into->clear();
                for (const auto& item : node) {
                  TARN_ASSIGN_OR_RETURN(std::string text, Scalar(item));
                  into->push_back(std::move(text));
                }
                return Status::Ok();
              },
              {}});
}

OptionSet& OptionSet::Numbers(const std::string& name, std::vector<int32_t>* into,
                              const std::string& doc) {
  return Add({name,
              Kind::kNumbers,
              doc,
              "",
              false,
              [into](const YAML::Node& node) -> Status {
                if (!node.IsSequence()) return Wanted("a list of numbers");
                into->clear();
                for (const auto& item : node) {
                  TARN_ASSIGN_OR_RETURN(const std::string text, Scalar(item));
                  int64_t value = 0;
                  TARN_RETURN_IF_ERROR(ReadNumber(text, 0, INT32_MAX, &value));
                  into->push_back(static_cast<int32_t>(value));
                }
                return Status::Ok();
              },
              {}});
}

OptionSet& OptionSet::Map(const std::string& name, TextMap* into, const std::string& doc) {
  return Add({name,
              Kind::kMap,
              doc,
              "",
              false,
              [into](const YAML::Node& node) -> Status {
                if (!node.IsMap()) return Wanted("a mapping of names to texts");
                for (const auto& entry : node) {
                  const std::string key = entry.first.Scalar();
                  const bool secret = key.find("password") != std::string::npos ||
                                      key.find("secret") != std::string::npos;
                  const auto text = Scalar(entry.second);
                  if (!text.ok()) return text.status().WithContext(key);
                  const auto value = ResolveReference(*text, secret);
                  if (!value.ok()) return value.status().WithContext(key);
                  (*into)[key] = *value;
                }
                return Status::Ok();
              },
              {}});
}

OptionSet& OptionSet::Parsed(const std::string& name, const std::string& example,
                             std::function<Status(const std::string&)> read,
                             const std::string& doc) {
  return Add({name,
              Kind::kText,
              doc,
              example,
              false,
              [read = std::move(read)](const YAML::Node& node) -> Status {
                TARN_ASSIGN_OR_RETURN(const std::string text, Scalar(node));
                return read(text);
              },
              {}});
}

OptionSet& OptionSet::Section(const std::string& name, OptionSet options, const std::string& doc) {
  Option option{name, Kind::kSection, doc, "", false, {}, {}};
  option.section.push_back(std::move(options));
  return Add(std::move(option));
}

OptionSet& OptionSet::Required() {
  TARN_CHECK(!options_.empty());
  options_.back().required = true;
  options_.back().default_text.clear();
  return *this;
}

Status OptionSet::Read(const YAML::Node& node, const std::string& place,
                       const Texts& ignored) const {
  if (!node.IsMap()) {
    return Status::InvalidArgument(PlaceOf(place, node) + ": is to be a mapping of options");
  }
  Texts seen;
  for (const auto& entry : node) {
    const std::string key = entry.first.Scalar();
    const std::string at = PlaceOf(place, entry.first);
    if (std::find(ignored.begin(), ignored.end(), key) != ignored.end()) continue;
    const auto option = std::find_if(options_.begin(), options_.end(),
                                     [&](const Option& known) { return known.name == key; });
    if (option == options_.end()) {
      Texts known = ignored;
      for (const Option& one : options_) known.push_back(one.name);
      const auto nearest = Nearest(key, known);
      return Status::InvalidArgument(at + ": unknown option '" + key + "'" +
                                     (nearest ? "; did you mean '" + *nearest + "'?" : ""));
    }
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
      return Status::InvalidArgument(at + ": option '" + key + "' is given twice");
    }
    seen.push_back(key);
    if (option->kind == Kind::kSection) {
      TARN_RETURN_IF_ERROR(option->section[0].Read(entry.second, place));
      continue;
    }
    const Status set = option->set(entry.second);
    if (!set.ok()) {
      return Status::InvalidArgument(PlaceOf(place, entry.second) + ": " + key + ": " +
                                     set.message());
    }
  }
  for (const Option& option : options_) {
    if (option.required && std::find(seen.begin(), seen.end(), option.name) == seen.end()) {
      return Status::InvalidArgument(PlaceOf(place, node) + ": option '" + option.name +
                                     "' is missing: " + option.doc);
    }
  }
  return Status::Ok();
}

std::string OptionSet::Help(const std::string& indent) const {
  std::string out = doc_.empty() ? "" : doc_ + "\n";
  size_t width = 0;
  for (const Option& option : options_) width = std::max(width, option.name.size());
  for (const Option& option : options_) {
    out += indent + option.name + std::string(width - option.name.size() + 2, ' ') + option.doc +
           " (" + KindName(option.kind);
    if (option.required) out += ", required";
    if (!option.default_text.empty()) out += ", default " + option.default_text;
    out += ")\n";
    if (option.kind == Kind::kSection) out += option.section[0].Help(indent + "    ");
  }
  return out;
}

std::string OptionSet::JsonSchema() const {
  nlohmann::ordered_json properties = nlohmann::ordered_json::object();
  nlohmann::ordered_json required = nlohmann::ordered_json::array();
  for (const Option& option : options_) {
    nlohmann::ordered_json schema;
    switch (option.kind) {
      case Kind::kText:
      case Kind::kSize:
      case Kind::kDuration: schema["type"] = {"string", "number"}; break;
      case Kind::kSecret: schema = {{"type", "string"}, {"pattern", "^(env|file):.+"}}; break;
      case Kind::kFlag: schema["type"] = "boolean"; break;
      case Kind::kCount: schema = {{"type", "integer"}, {"minimum", 1}}; break;
      case Kind::kList:
        schema = {{"type", {"array", "string"}}, {"items", {{"type", "string"}}}};
        break;
      case Kind::kNumbers: schema = {{"type", "array"}, {"items", {{"type", "integer"}}}}; break;
      case Kind::kMap: schema["type"] = "object"; break;
      case Kind::kSection:
        schema = nlohmann::ordered_json::parse(option.section[0].JsonSchema());
        break;
    }
    schema["description"] = option.doc;
    if (!option.default_text.empty() && option.kind != Kind::kFlag && option.kind != Kind::kCount) {
      schema["default"] = option.default_text;
    }
    properties[option.name] = std::move(schema);
    if (option.required) required.push_back(option.name);
  }
  const nlohmann::ordered_json out = {{"type", "object"},
                                      {"description", doc_},
                                      {"properties", properties},
                                      {"required", required},
                                      {"additionalProperties", false}};
  return out.dump(2);
}

}  // namespace tarn::app
