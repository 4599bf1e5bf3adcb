// Who waits for whom among the selected nodes.
#include <functional>

#include "transform/run/executor.h"

namespace tarn::transform {
namespace {

class EdgeFinder {
 public:
  EdgeFinder(const Manifest& manifest, const std::vector<Node*>& nodes) : manifest_(manifest) {
    for (size_t i = 0; i < nodes.size(); ++i) index_[nodes[i]] = i;
  }

  // The nearest selected ancestors of a node.
  const std::set<size_t>& Above(const Node& node) {
    const auto known = above_.find(&node);
    if (known != above_.end()) return known->second;
    std::set<size_t> result;
    // Long chains of unselected nodes: an explicit stack.
    std::vector<const Node*> stack{&node};
    std::set<const Node*> seen{&node};
    while (!stack.empty()) {
      const Node* at = stack.back();
      stack.pop_back();
      for (const Node* parent : manifest_.Parents(*at)) {
        if (!seen.insert(parent).second) continue;
        const auto selected = index_.find(parent);
        if (selected != index_.end()) {
          result.insert(selected->second);
        } else {
          stack.push_back(parent);
        }
      }
    }
    return above_[&node] = std::move(result);
  }

  bool IsAncestor(const Node* ancestor, const Node* node) {
    auto& all = ancestors_[node];
    if (all.empty()) {
      std::vector<const Node*> stack{node};
      while (!stack.empty()) {
        const Node* at = stack.back();
        stack.pop_back();
        for (const Node* parent : manifest_.Parents(*at)) {
          if (all.insert(parent).second) stack.push_back(parent);
        }
      }
    }
    return all.contains(ancestor);
  }

 private:
  const Manifest& manifest_;
  std::map<const Node*, size_t> index_;
  std::map<const Node*, std::set<size_t>> above_;
  std::map<const Node*, std::set<const Node*>> ancestors_;
};

bool IsTest(const Node& node) {
  return node.type == ResourceType::kTest || node.type == ResourceType::kUnitTest;
}

}  // namespace

std::vector<std::set<size_t>> Dependencies(const Manifest& manifest,
                                           const std::vector<Node*>& nodes, bool tests_block) {
  EdgeFinder finder(manifest, nodes);
  std::vector<std::set<size_t>> waits(nodes.size());
  std::map<const Node*, std::vector<size_t>> tests_on;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = *nodes[i];
    if (node.type == ResourceType::kUnitTest) {
      // It needs what its model reads, and the model waits for it.
      for (const Node* model : manifest.Parents(node)) {
        waits[i] = finder.Above(*model);
        for (size_t j = 0; j < nodes.size(); ++j) {
          if (nodes[j] == model && tests_block) waits[j].insert(i);
        }
      }
      continue;
    }
    waits[i].merge(std::set<size_t>(finder.Above(node)));
    if (node.type == ResourceType::kTest && tests_block) {
      for (const Node* parent : manifest.Parents(node)) tests_on[parent].push_back(i);
    }
  }
  if (!tests_block) return waits;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (IsTest(*nodes[i])) continue;
    for (const Node* parent : manifest.Parents(*nodes[i])) {
      for (const size_t test : tests_on[parent]) {
        bool all = true;
        for (const Node* tested : manifest.Parents(*nodes[test])) {
          all = all && (tested == parent || finder.IsAncestor(tested, nodes[i]));
        }
        if (all) waits[i].insert(test);
      }
    }
  }
  return waits;
}

}  // namespace tarn::transform
