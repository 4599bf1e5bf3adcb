#include "transform/run/lineage_policy.h"

#include <algorithm>

namespace tarn::transform {
namespace {

Status UnknownKey(const std::string& where, const std::string& key, const std::string& known) {
  return Status::InvalidArgument("dbt_project.yml: " + where + " has no key '" + key +
                                 "'; there are " + known);
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Status ReadPii(const Json& pii, LineagePolicy& policy) {
  if (pii.is_null()) return Status::Ok();
  if (!pii.is_object()) {
    return Status::InvalidArgument(
        "dbt_project.yml: tarn.pii is a mapping with sanctioned, layers and action");
  }
  for (const auto& [key, value] : pii.items()) {
    if (key == "sanctioned") {
      for (const std::string& name : TextList(value)) policy.sanctioned.insert(Lower(name));
    } else if (key == "layers") {
      policy.layers = TextList(value);
    } else if (key == "action") {
      const std::string action = PythonText(value);
      if (action != "error" && action != "warn") {
        return Status::InvalidArgument("dbt_project.yml: tarn.pii.action is '" + action +
                                       "'; it is error or warn");
      }
      policy.pii_is_error = action == "error";
    } else {
      return UnknownKey("tarn.pii", key, "sanctioned, layers and action");
    }
  }
  return Status::Ok();
}

bool IsInLayer(const std::string& schema, const std::string& layer) {
  return layer == "*" || schema == layer || schema.starts_with(layer + "_") ||
         schema.ends_with("_" + layer);
}

bool HasValue(const Json& meta, const std::string& key) {
  const Json& value = Member(meta, key);
  return !value.is_null() && !(value.is_string() && value.get<std::string>().empty());
}

}  // namespace

Result<LineagePolicy> ReadLineagePolicy(const Project& project) {
  LineagePolicy policy;
  const Json& tarn = Member(project.raw, "tarn");
  if (!tarn.is_object()) return policy;
  for (const auto& [key, value] : tarn.items()) {
    if (key == "dialect") continue;
    if (key == "lineage") {
      policy.trace = BoolMember(tarn, "lineage", true);
    } else if (key == "pii") {
      TARN_RETURN_IF_ERROR(ReadPii(value, policy));
    } else if (key == "require") {
      if (!value.is_object()) {
        return Status::InvalidArgument(
            "dbt_project.yml: tarn.require is a mapping from a layer to keys of meta");
      }
      for (const auto& [layer, keys] : value.items()) policy.required[layer] = TextList(keys);
    } else {
      return UnknownKey("tarn", key, "dialect, lineage, pii and require");
    }
  }
  return policy;
}

std::string LayerOf(const Node& node, const std::vector<std::string>& layers) {
  const std::string named = Lower(TextMember(node.meta, "layer"));
  const std::string schema = Lower(node.schema);
  for (const std::string& layer : layers) {
    const std::string wanted = Lower(layer);
    if (!named.empty() ? (named == wanted || wanted == "*") : IsInLayer(schema, wanted)) {
      return wanted == "*" ? node.schema : wanted;
    }
  }
  return "";
}

Status CheckRequiredMeta(const LineagePolicy& policy, const std::vector<Node*>& nodes) {
  std::string wrong;
  for (const auto& [layer, keys] : policy.required) {
    for (const Node* node : nodes) {
      if (node->type != ResourceType::kModel && node->type != ResourceType::kSnapshot) continue;
      if (node->IsEphemeral() || LayerOf(*node, {layer}).empty()) continue;
      std::string missing;
      for (const std::string& key : keys) {
        const bool given = HasValue(node->meta, key) ||
                           HasValue(Member(node->config, "meta"), key) ||
                           (key == "description" && !node->description.empty()) ||
                           (key == "group" && !node->group.empty());
        if (!given) missing += (missing.empty() ? "" : ", ") + key;
      }
      if (missing.empty()) continue;
      wrong += "\n  " + node->name + " (" + node->original_file_path + ") is in " + layer +
               " and lacks " + missing;
    }
  }
  if (wrong.empty()) return Status::Ok();
  return Status::InvalidArgument(
      "models lack what tarn.require of dbt_project.yml asks of their layer; add it to their "
      "meta:" +
      wrong);
}

std::string PiiClassOf(const ColumnInfo& column) {
  for (const Json* meta : {&column.meta, &Member(column.config, "meta")}) {
    const Json& pii = Member(*meta, "pii");
    if (pii.is_null()) continue;
    if (pii.is_boolean()) return pii.get<bool>() ? "pii" : "none";
    const std::string name = PythonText(pii);
    return name.empty() ? "none" : name;
  }
  return "";
}

}  // namespace tarn::transform
