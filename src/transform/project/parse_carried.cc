// What schema files define besides relations: exposures, groups, metrics, semantic models, saved
// queries, unit tests.
#include <algorithm>

#include "transform/project/config.h"
#include "transform/project/parse_state.h"
#include "transform/project/yaml.h"

namespace tarn::transform {
namespace {

struct Section {
  const char* key;
  ResourceType type;
};
constexpr Section kSections[] = {{"groups", ResourceType::kGroup},
                                 {"exposures", ResourceType::kExposure},
                                 {"semantic_models", ResourceType::kSemanticModel},
                                 {"metrics", ResourceType::kMetric},
                                 {"saved_queries", ResourceType::kSavedQuery},
                                 {"unit_tests", ResourceType::kUnitTest}};

// What texts like "ref('orders')" refer to.
Status CaptureTexts(ParseState& state, Node& node, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    CapturedCalls captured;
    TARN_RETURN_IF_ERROR(
        state.Capture(node, &captured, HasJinja(text) ? text : "{{ " + text + " }}"));
    for (RefCall& ref : captured.refs) node.refs.push_back(std::move(ref));
    for (SourceCall& source : captured.sources) node.sources.push_back(std::move(source));
    for (auto& metric : captured.metrics) node.metrics.push_back(std::move(metric));
  }
  return Status::Ok();
}

// Names of metrics a metric is computed from, and of the measures below it.
void CollectInputs(const Json& tree, std::vector<std::string>& metrics,
                   std::vector<std::string>& measures) {
  const Json& params = Member(tree, "type_params");
  const auto add = [](const Json& value, std::vector<std::string>& names) {
    if (value.is_string()) names.push_back(value.get<std::string>());
    if (value.is_object()) names.push_back(TextMember(value, "name"));
  };
  add(Member(params, "measure"), measures);
  add(Member(params, "numerator"), metrics);
  add(Member(params, "denominator"), metrics);
  const Json& inputs = Member(params, "metrics");
  for (size_t i = 0; inputs.is_array() && i < inputs.size(); ++i) add(inputs[i], metrics);
  const Json& conversion = Member(params, "conversion_type_params");
  add(Member(conversion, "base_measure"), measures);
  add(Member(conversion, "conversion_measure"), measures);
}

Node CarriedNode(const SchemaFile& schema, const Section& section, const Json& entry) {
  Node node;
  node.type = section.type;
  node.name = TextMember(entry, "name");
  node.package_name = schema.file->project->name;
  node.root_path = schema.file->project->root;
  node.path = schema.file->path;
  node.original_file_path = schema.file->original_path;
  node.unique_id = std::string(ResourceTypeName(node.type)) + "." + node.package_name + ".";
  node.fqn = {node.package_name};
  for (std::string& folder : FoldersOf(schema.file->path)) node.fqn.push_back(std::move(folder));
  if (section.type == ResourceType::kUnitTest) {
    const std::string model = TextMember(entry, "model");
    node.unique_id += model + ".";
    node.fqn.push_back(model);
  }
  node.unique_id += node.name;
  node.fqn.push_back(node.name);
  node.description = TextMember(entry, "description");
  for (const auto& [key, value] : entry.items()) {
    if (key != "name" && key != "description" && key != "config" && key != "meta" &&
        key != "tags") {
      node.extra[key] = value;
    }
  }
  return node;
}

Status Depend(ParseState& state, Node& node, const Json& entry) {
  switch (node.type) {
    case ResourceType::kExposure: {
      node.extra.erase("depends_on");
      return CaptureTexts(state, node, TextList(Member(entry, "depends_on")));
    }
    case ResourceType::kSemanticModel:
      return CaptureTexts(state, node, TextList(Member(entry, "model")));
    case ResourceType::kUnitTest: {
      RefCall ref;
      ref.name = TextMember(entry, "model");
      node.refs.push_back(std::move(ref));
      return Status::Ok();
    }
    case ResourceType::kMetric: {
      std::vector<std::string> metrics, measures;
      CollectInputs(entry, metrics, measures);
      for (std::string& name : metrics) node.metrics.push_back({std::move(name)});
      node.extra["input_measures"] = measures;
      return Status::Ok();
    }
    case ResourceType::kSavedQuery: {
      for (std::string& name : TextList(Member(Member(entry, "query_params"), "metrics"))) {
        node.metrics.push_back({std::move(name)});
      }
      return Status::Ok();
    }
    default: return Status::Ok();
  }
}

}  // namespace

Status ParseState::AddCarried(const SchemaFile& schema) {
  for (const Section& section : kSections) {
    const Json& list = Member(schema.tree, section.key);
    for (size_t i = 0; list.is_array() && i < list.size(); ++i) {
      const Json& entry = list[i];
      if (!entry.is_object() || TextMember(entry, "name").empty()) {
        return Status::InvalidArgument(
            schema.file->original_path + ":" +
            std::to_string(YamlLine(schema.file->text, {section.key, std::to_string(i)})) +
            ": every entry of '" + section.key + "' needs a name");
      }
      Node node = CarriedNode(schema, section, entry);
      Json config = Member(entry, "config");
      if (!config.is_object()) config = Json::object();
      for (const char* key : {"tags", "meta", "enabled"}) {
        if (HasMember(entry, key) && !config.contains(key)) config[key] = Member(entry, key);
      }
      Configure(node, &config, nullptr);
      if (node.group.empty()) node.group = TextMember(entry, "group");
      TARN_RETURN_IF_ERROR(Depend(*this, node, entry));
      if (!BoolMember(node.config, "enabled", true)) {
        project.manifest.disabled.push_back(std::move(node));
        continue;
      }
      TARN_RETURN_IF_ERROR(CheckDuplicate(node));
      project.manifest.Add(std::move(node));
    }
  }
  return Status::Ok();
}

}  // namespace tarn::transform
