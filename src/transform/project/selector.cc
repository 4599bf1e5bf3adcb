#include "transform/project/selector.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/nearest.h"
#include "transform/project/project_file.h"
#include "transform/project/selector_criterion.h"

namespace tarn::transform {
namespace {

const std::vector<std::string> kMethods = {
    "fqn",       "tag",           "group",     "access",         "source",
    "exposure",  "metric",        "path",      "file",           "package",
    "config",    "test_name",     "test_type", "resource_type",  "state",
    "result",    "source_status", "version",   "semantic_model", "saved_query",
    "unit_test", "wildcard",      "selector"};

std::vector<std::string> SplitAt(const std::string& text, char mark) {
  std::vector<std::string> parts;
  size_t at = 0;
  while (at <= text.size()) {
    const size_t end = std::min(text.find(mark, at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

bool IsTest(const Node& node) {
  return node.type == ResourceType::kTest || node.type == ResourceType::kUnitTest;
}

}  // namespace

Result<IndirectSelection> ParseIndirectSelection(const std::string& name) {
  if (name == "eager" || name.empty()) return IndirectSelection::kEager;
  if (name == "cautious") return IndirectSelection::kCautious;
  if (name == "buildable") return IndirectSelection::kBuildable;
  if (name == "empty") return IndirectSelection::kEmpty;
  return Status::InvalidArgument("'" + name + "' is not one of eager, cautious, buildable, empty");
}

Result<NodeSelector::Criterion> NodeSelector::Criterion::Parse(const std::string& spec) {
  Criterion criterion;
  std::string text = spec;
  const auto fail = [&] {
    return Status::InvalidArgument("Invalid selector spec \"" + spec + "\"");
  };
  if (text.starts_with("@")) {
    criterion.childrens_parents = true;
    text.erase(0, 1);
  }
  size_t digits = 0;
  while (digits < text.size() && std::isdigit(static_cast<unsigned char>(text[digits]))) ++digits;
  if (digits < text.size() && text[digits] == '+') {
    criterion.parents = true;
    criterion.parents_depth = digits == 0 ? -1 : std::atoi(text.substr(0, digits).c_str());
    text.erase(0, digits + 1);
  }
  const size_t plus = text.rfind('+');
  if (plus != std::string::npos &&
      text.find_first_not_of("0123456789", plus + 1) == std::string::npos) {
    criterion.children = true;
    criterion.children_depth = plus + 1 == text.size() ? -1 : std::atoi(text.c_str() + plus + 1);
    text.resize(plus);
  }
  if (text.empty() || (criterion.childrens_parents && criterion.children)) return fail();
  const size_t colon = text.find(':');
  if (colon == std::string::npos) {
    criterion.value = text;
    const bool file = text.ends_with(".sql") || text.ends_with(".py") || text.ends_with(".csv");
    criterion.method = text.find('/') != std::string::npos ? "path" : file ? "file" : "fqn";
    return criterion;
  }
  criterion.value = text.substr(colon + 1);
  std::vector<std::string> method = SplitAt(text.substr(0, colon), '.');
  if (method.empty()) return fail();
  criterion.method = method[0];
  method.erase(method.begin());
  criterion.arguments = std::move(method);
  if (std::find(kMethods.begin(), kMethods.end(), criterion.method) == kMethods.end()) {
    std::string message = "'" + criterion.method + "' is not a valid method name";
    if (const auto nearest = Nearest(criterion.method, kMethods)) {
      message += "; did you mean '" + *nearest + "'?";
    }
    return Status::InvalidArgument(message);
  }
  return criterion;
}

NodeSelector::NodeSelector(const Manifest& manifest, const Json* selectors,
                           const PreviousState* state)
    : manifest_(manifest), selectors_(selectors), state_(state) {}

NodeSelector::Nodes NodeSelector::AllNodes() const {
  Nodes all;
  for (const Node& node : manifest_.nodes) {
    if (node.type != ResourceType::kOperation && node.type != ResourceType::kGroup)
      all.insert(&node);
  }
  return all;
}

void NodeSelector::Walk(Nodes& nodes, bool up, int depth) const {
  std::vector<const Node*> frontier(nodes.begin(), nodes.end());
  for (int step = 0; !frontier.empty() && (depth < 0 || step < depth); ++step) {
    std::vector<const Node*> next;
    for (const Node* node : frontier) {
      for (const Node* other : up ? manifest_.Parents(*node) : manifest_.Children(*node)) {
        if (IsTest(*other)) continue;  // tests come in by indirect selection
        if (nodes.insert(other).second) next.push_back(other);
      }
    }
    frontier = std::move(next);
  }
}

void NodeSelector::AddTests(Nodes& nodes, IndirectSelection indirect) const {
  if (indirect == IndirectSelection::kEmpty) return;
  Nodes reachable = nodes;
  if (indirect == IndirectSelection::kBuildable) {
    Nodes with_parents = nodes;
    Walk(with_parents, true, -1);
    reachable = std::move(with_parents);
  }
  std::vector<const Node*> more;
  for (const Node* node : nodes) {
    for (const Node* child : manifest_.Children(*node)) {
      if (!IsTest(*child)) continue;
      const auto& parents = manifest_.Parents(*child);
      const bool all = std::all_of(parents.begin(), parents.end(),
                                   [&](const Node* parent) { return reachable.contains(parent); });
      if (indirect == IndirectSelection::kEager || all) more.push_back(child);
    }
  }
  nodes.insert(more.begin(), more.end());
}

Result<NodeSelector::Nodes> NodeSelector::Evaluate(const Criterion& criterion,
                                                   IndirectSelection indirect) const {
  Nodes nodes;
  for (const Node* node : AllNodes()) {
    TARN_ASSIGN_OR_RETURN(const bool matches, Matches(criterion, *node));
    if (matches) nodes.insert(node);
  }
  const Nodes direct = nodes;
  if (criterion.childrens_parents) {
    Walk(nodes, false, -1);
    Walk(nodes, true, -1);
  }
  Nodes up = direct, down = direct;
  if (criterion.parents) Walk(up, true, criterion.parents_depth);
  if (criterion.children) Walk(down, false, criterion.children_depth);
  nodes.insert(up.begin(), up.end());
  nodes.insert(down.begin(), down.end());
  AddTests(nodes, indirect);
  return nodes;
}

Result<NodeSelector::Nodes> NodeSelector::One(const std::string& spec,
                                              IndirectSelection indirect) const {
  Nodes result;
  bool first = true;
  for (const std::string& part : SplitAt(spec, ',')) {
    TARN_ASSIGN_OR_RETURN(const Criterion criterion, Criterion::Parse(part));
    Nodes nodes;
    if (criterion.method == "selector") {
      TARN_ASSIGN_OR_RETURN(nodes, Named(criterion.value, indirect, 0));
    } else {
      TARN_ASSIGN_OR_RETURN(nodes, Evaluate(criterion, indirect));
    }
    if (first) {
      result = std::move(nodes);
    } else {
      std::erase_if(result, [&](const Node* node) { return !nodes.contains(node); });
    }
    first = false;
  }
  return result;
}

Result<NodeSelector::Nodes> NodeSelector::Union(const std::vector<std::string>& specs,
                                                IndirectSelection indirect) const {
  Nodes result;
  for (const std::string& text : specs) {
    for (const std::string& spec : SplitAt(text, ' ')) {
      TARN_ASSIGN_OR_RETURN(Nodes nodes, One(spec, indirect));
      result.merge(nodes);
    }
  }
  return result;
}

Result<NodeSelector::Nodes> NodeSelector::Named(const std::string& name, IndirectSelection indirect,
                                                int depth) const {
  std::vector<std::string> known;
  if (selectors_ != nullptr && selectors_->is_array() && depth < 50) {
    for (const Json& entry : *selectors_) {
      known.push_back(TextMember(entry, "name"));
      if (known.back() == name) return Definition(Member(entry, "definition"), indirect, depth + 1);
    }
  }
  std::string message = "Could not find selector named '" + name + "'";
  const auto nearest = Nearest(name, known);
  message +=
      nearest ? "; did you mean '" + *nearest + "'?" : "; selectors.yml defines no such name";
  return Status::InvalidArgument(message);
}

Result<NodeSelector::Nodes> NodeSelector::Group(const Json& list, bool all,
                                                IndirectSelection indirect, int depth) const {
  Nodes result, excluded;
  bool first = true;
  for (const Json& item : list) {
    if (HasMember(item, "exclude")) {
      TARN_ASSIGN_OR_RETURN(Nodes nodes,
                            Group(Member(item, "exclude"), false, indirect, depth + 1));
      excluded.merge(nodes);
      continue;
    }
    TARN_ASSIGN_OR_RETURN(Nodes nodes, Definition(item, indirect, depth + 1));
    if (first || !all) {
      result.merge(nodes);
    } else {
      std::erase_if(result, [&](const Node* node) { return !nodes.contains(node); });
    }
    first = false;
  }
  std::erase_if(result, [&](const Node* node) { return excluded.contains(node); });
  return result;
}

Result<NodeSelector::Nodes> NodeSelector::Definition(const Json& definition,
                                                     IndirectSelection indirect, int depth) const {
  if (definition.is_string()) return Union({definition.get<std::string>()}, indirect);
  for (const char* word : {"union", "intersection"}) {
    if (HasMember(definition, word)) {
      return Group(Member(definition, word), word == std::string("intersection"), indirect, depth);
    }
  }
  if (!definition.is_object())
    return Status::InvalidArgument("a selector must be text or a mapping");
  if (TextMember(definition, "method") == "selector") {
    return Named(TextMember(definition, "value"), indirect, depth);
  }
  std::string spec;
  if (HasMember(definition, "method")) {
    spec = TextMember(definition, "method") + ":" + TextMember(definition, "value");
  } else if (definition.size() == 1) {
    spec = definition.begin().key() + ":" + PythonText(definition.begin().value());
  }
  TARN_ASSIGN_OR_RETURN(Criterion criterion, Criterion::Parse(spec));
  criterion.childrens_parents = BoolMember(definition, "childrens_parents", false);
  criterion.parents = BoolMember(definition, "parents", false);
  criterion.children = BoolMember(definition, "children", false);
  const auto depth_of = [&](const char* key) {
    const Json& value = Member(definition, key);
    return value.is_number_integer() ? value.get<int>() : -1;
  };
  criterion.parents_depth = depth_of("parents_depth");
  criterion.children_depth = depth_of("children_depth");
  if (HasMember(definition, "indirect_selection")) {
    TARN_ASSIGN_OR_RETURN(indirect,
                          ParseIndirectSelection(TextMember(definition, "indirect_selection")));
  }
  TARN_ASSIGN_OR_RETURN(Nodes nodes, Evaluate(criterion, indirect));
  if (HasMember(definition, "exclude")) {
    TARN_ASSIGN_OR_RETURN(const Nodes excluded,
                          Group(Member(definition, "exclude"), false, indirect, depth + 1));
    std::erase_if(nodes, [&](const Node* node) { return excluded.contains(node); });
  }
  return nodes;
}

Result<std::set<const Node*>> NodeSelector::Select(const SelectionRequest& request) const {
  Nodes nodes;
  std::string name = request.selector;
  if (name.empty() && request.select.empty() && request.exclude.empty() && selectors_ != nullptr &&
      selectors_->is_array()) {
    for (const Json& entry : *selectors_) {
      if (BoolMember(entry, "default", false)) name = TextMember(entry, "name");
    }
  }
  if (!name.empty()) {
    TARN_ASSIGN_OR_RETURN(nodes, Named(name, request.indirect, 0));
  } else if (request.select.empty()) {
    nodes = AllNodes();
  } else {
    TARN_ASSIGN_OR_RETURN(nodes, Union(request.select, request.indirect));
  }
  if (!request.exclude.empty()) {
    TARN_ASSIGN_OR_RETURN(const Nodes excluded, Union(request.exclude, request.indirect));
    std::erase_if(nodes, [&](const Node* node) { return excluded.contains(node); });
  }
  return nodes;
}

}  // namespace tarn::transform
