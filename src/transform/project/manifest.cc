#include "transform/project/manifest.h"

#include <algorithm>

namespace tarn::transform {
namespace {

const std::vector<const Node*> kNone;

bool VersionMatches(const Node& node, const RefCall& call) {
  if (!call.version) {
    return !node.version || (node.latest_version && *node.version == *node.latest_version);
  }
  return node.version && *node.version == *call.version;
}

// Depth-first search for a way back to the start.
class CycleFinder {
 public:
  explicit CycleFinder(const Manifest& manifest) : manifest_(manifest) {}

  bool Visit(const Node* start) {
    // A path of its own, not the C++ stack: projects have chains of thousands of models.
    std::vector<std::pair<const Node*, size_t>> stack{{start, 0}};
    state_[start] = 1;
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      const auto& parents = manifest_.Parents(*node);
      if (next == parents.size()) {
        state_[node] = 2;
        stack.pop_back();
        continue;
      }
      const Node* parent = parents[next++];
      const int state = state_[parent];
      if (state == 0) {
        state_[parent] = 1;
        stack.emplace_back(parent, 0);
      } else if (state == 1) {
        for (auto it = stack.rbegin(); it != stack.rend(); ++it) {
          cycle.push_back(it->first);
          if (it->first == parent) break;
        }
        return true;
      }
    }
    return false;
  }
  bool Seen(const Node* node) { return state_[node] != 0; }

  std::vector<const Node*> cycle;

 private:
  const Manifest& manifest_;
  std::unordered_map<const Node*, int> state_;
};

}  // namespace

Node* Manifest::Add(Node node) {
  nodes.push_back(std::move(node));
  Node* added = &nodes.back();
  by_id_[added->unique_id] = added;
  IndexName(*added);
  return added;
}

void Manifest::IndexName(Node& node) {
  if (node.IsRefable()) {
    by_name_[node.name].push_back(&node);
  } else if (node.type == ResourceType::kSource) {
    by_name_["source " + node.source_name + " " + node.name].push_back(&node);
  }
}

void Manifest::Remove(const std::set<std::string>& unique_ids) {
  std::deque<Node> kept;
  for (Node& node : nodes) {
    if (!unique_ids.contains(node.unique_id)) kept.push_back(std::move(node));
  }
  Adopt(std::move(kept));
}

void Manifest::Adopt(std::deque<Node> all) {
  nodes = std::move(all);
  by_id_.clear();
  by_name_.clear();
  by_id_.reserve(nodes.size());
  for (Node& node : nodes) {
    by_id_[node.unique_id] = &node;
    IndexName(node);
  }
}

Node* Manifest::Find(std::string_view unique_id) {
  const auto it = by_id_.find(std::string(unique_id));
  return it == by_id_.end() ? nullptr : it->second;
}

const Node* Manifest::Find(std::string_view unique_id) const {
  return const_cast<Manifest*>(this)->Find(unique_id);
}

const Node* Manifest::FindRef(const RefCall& call, const std::string& from_package,
                              bool* disabled_match) const {
  if (disabled_match != nullptr) *disabled_match = false;
  const Node* in_root = nullptr;
  const Node* anywhere = nullptr;
  if (const auto it = by_name_.find(call.name); it != by_name_.end()) {
    for (const Node* node : it->second) {
      if (!VersionMatches(*node, call)) continue;
      if (!call.package.empty()) {
        if (node->package_name == call.package) return node;
        continue;
      }
      if (node->package_name == from_package) return node;
      if (node->package_name == project_name) in_root = node;
      if (anywhere == nullptr) anywhere = node;
    }
  }
  if (in_root != nullptr) return in_root;
  if (anywhere != nullptr) return anywhere;
  if (disabled_match != nullptr) {
    *disabled_match = std::any_of(disabled.begin(), disabled.end(), [&](const Node& node) {
      return node.IsRefable() && node.name == call.name &&
             (call.package.empty() || node.package_name == call.package);
    });
  }
  return nullptr;
}

const Node* Manifest::FindSource(const SourceCall& call, const std::string& from_package,
                                 bool* disabled_match) const {
  if (disabled_match != nullptr) *disabled_match = false;
  const auto it = by_name_.find("source " + call.source + " " + call.table);
  if (it != by_name_.end()) {
    const Node* best = it->second.front();
    for (const Node* node : it->second) {
      if (node->package_name == project_name) best = node;
    }
    for (const Node* node : it->second) {
      if (node->package_name == from_package) best = node;
    }
    return best;
  }
  if (disabled_match != nullptr) {
    *disabled_match = std::any_of(disabled.begin(), disabled.end(), [&](const Node& node) {
      return node.type == ResourceType::kSource && node.name == call.table &&
             node.source_name == call.source;
    });
  }
  return nullptr;
}

const DocBlock* Manifest::FindDoc(const std::string& package, const std::string& name,
                                  const std::string& from_package) const {
  const DocBlock* found = nullptr;
  int best = 0;
  for (const DocBlock& doc : docs) {
    if (doc.name != name || (!package.empty() && doc.package_name != package)) continue;
    const int weight = doc.package_name == from_package   ? 3
                       : doc.package_name == project_name ? 2
                                                          : 1;
    if (weight > best) {
      best = weight;
      found = &doc;
    }
  }
  return found;
}

Status Manifest::BuildGraph() {
  parents_.clear();
  children_.clear();
  for (const Node& node : nodes) {
    auto& parents = parents_[&node];
    for (const std::string& id : node.depends_on_nodes) {
      const Node* parent = Find(id);
      if (parent == nullptr) continue;
      parents.push_back(parent);
      children_[parent].push_back(&node);
    }
  }
  CycleFinder finder(*this);
  for (const Node& node : nodes) {
    if (finder.Seen(&node) || !finder.Visit(&node)) continue;
    std::string path;
    const Node* first = finder.cycle.front();
    for (const Node* step : finder.cycle) path += step->unique_id + " --> ";
    return Status::InvalidArgument("Found a cycle: " + path + first->unique_id + "; " +
                                   first->original_file_path +
                                   " is one of them: take one ref() out of the circle");
  }
  return Status::Ok();
}

const std::vector<const Node*>& Manifest::Parents(const Node& node) const {
  const auto it = parents_.find(&node);
  return it == parents_.end() ? kNone : it->second;
}

const std::vector<const Node*>& Manifest::Children(const Node& node) const {
  const auto it = children_.find(&node);
  return it == children_.end() ? kNone : it->second;
}

}  // namespace tarn::transform
