#include "cli/contract_impact.h"

#include <algorithm>
#include <deque>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

namespace tarn::cli {
namespace {

using nlohmann::json;

std::string TextAt(const json& node, const char* key) {
  const auto at = node.find(key);
  return at != node.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::string MetaText(const json& node, const char* key) {
  if (const auto meta = node.find("meta"); meta != node.end() && meta->is_object()) {
    if (std::string text = TextAt(*meta, key); !text.empty()) return text;
  }
  const auto config = node.find("config");
  if (config == node.end() || !config->is_object()) return "";
  const auto meta = config->find("meta");
  return meta != config->end() && meta->is_object() ? TextAt(*meta, key) : "";
}

bool IsSourceOf(const json& source, const govern::Contract& contract) {
  if (MetaText(source, "contract") == contract.name) return true;
  const std::string table = TextAt(source, "schema") + "." + TextAt(source, "identifier");
  return std::find(contract.streams.begin(), contract.streams.end(), table) !=
         contract.streams.end();
}

// The definition of a unique id, wherever the manifest keeps its kind; null when it has none.
const json* Definition(const json& manifest, const std::string& id) {
  for (const char* part : {"nodes", "sources", "exposures"}) {
    const auto all = manifest.find(part);
    if (all == manifest.end() || !all->is_object()) continue;
    if (const auto found = all->find(id); found != all->end() && found->is_object()) return &*found;
  }
  return nullptr;
}

ContractReach Describe(const json& node) {
  ContractReach reach;
  reach.kind = TextAt(node, "resource_type");
  reach.name = reach.kind == "source" ? TextAt(node, "source_name") + "." + TextAt(node, "name")
                                      : TextAt(node, "name");
  reach.path = TextAt(node, "original_file_path");
  if (const auto owner = node.find("owner"); owner != node.end() && owner->is_object()) {
    reach.owner = TextAt(*owner, "name");
  }
  if (reach.owner.empty()) reach.owner = MetaText(node, "owner");
  return reach;
}

}  // namespace

Result<std::vector<ContractReach>> FindContractReach(const std::string& manifest_path,
                                                     const govern::Contract& contract) {
  std::ifstream file(manifest_path, std::ios::binary);
  if (!file) {
    return Status::NotFound("no dbt manifest at " + manifest_path +
                            "; make one with tarn dbt parse");
  }
  const json manifest = json::parse(file, nullptr, false);
  if (!manifest.is_object() || !manifest.contains("sources") || !manifest.contains("child_map")) {
    return Status::Corruption(manifest_path +
                              " is no dbt manifest: it lacks sources and child_map");
  }
  std::deque<std::string> next;
  std::set<std::string> met;
  for (const auto& [id, source] : manifest["sources"].items()) {
    if (IsSourceOf(source, contract) && met.insert(id).second) next.push_back(id);
  }
  std::vector<ContractReach> out;
  while (!next.empty()) {
    const std::string id = next.front();
    next.pop_front();
    const json* node = Definition(manifest, id);
    // Tests hang on every model and break with it; naming them would bury the rest.
    if (node != nullptr && TextAt(*node, "resource_type") != "test") out.push_back(Describe(*node));
    const auto children = manifest["child_map"].find(id);
    if (children == manifest["child_map"].end() || !children->is_array()) continue;
    for (const json& child : *children) {
      if (child.is_string() && met.insert(child.get<std::string>()).second) {
        next.push_back(child.get<std::string>());
      }
    }
  }
  return out;
}

}  // namespace tarn::cli
