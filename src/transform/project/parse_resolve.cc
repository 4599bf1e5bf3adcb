// Names to nodes: refs, sources, docs; and what must hold between them.
#include <algorithm>
#include <set>

#include "base/nearest.h"
#include "jinja/error.h"
#include "transform/project/parse_state.h"

namespace tarn::transform {
namespace {

std::string Shown(const Node& node) {
  std::string kind(ResourceTypeName(node.type));
  kind[0] = static_cast<char>(std::toupper(kind[0]));
  return kind + " '" + node.unique_id + "' (" + node.original_file_path + ")";
}

// The line where the code names its target, for the message.
std::string PlaceOf(const Node& node, const std::string& target) {
  size_t at = node.raw_code.find("'" + target + "'");
  if (at == std::string::npos) at = node.raw_code.find("\"" + target + "\"");
  if (at == std::string::npos || node.test_metadata) return node.original_file_path;
  const size_t line =
      node.raw_code_line +
      static_cast<size_t>(std::count(
          node.raw_code.begin(), node.raw_code.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  return node.original_file_path + ":" + std::to_string(line);
}

class Resolver {
 public:
  Resolver(ParseState& state) : state_(state), manifest_(state.project.manifest) {}

  Status Run() {
    for (Node& node : manifest_.nodes) {
      TARN_RETURN_IF_ERROR(Refs(node));
      TARN_RETURN_IF_ERROR(Sources(node));
      Metrics(node);
    }
    DropDisabled();
    return Status::Ok();
  }

 private:
  void AddParent(Node& node, const Node& parent) {
    auto& list = node.depends_on_nodes;
    if (std::find(list.begin(), list.end(), parent.unique_id) == list.end()) {
      list.push_back(parent.unique_id);
    }
  }

  Status Refs(Node& node) {
    for (const RefCall& call : node.refs) {
      bool disabled = false;
      const Node* parent = manifest_.FindRef(call, node.package_name, &disabled);
      if (parent == nullptr) {
        TARN_RETURN_IF_ERROR(Missing(node, call.name, disabled, SuggestRef(call)));
        continue;
      }
      TARN_RETURN_IF_ERROR(CheckAccess(node, *parent));
      AddParent(node, *parent);
    }
    return Status::Ok();
  }

  Status Sources(Node& node) {
    for (const SourceCall& call : node.sources) {
      bool disabled = false;
      const Node* parent = manifest_.FindSource(call, node.package_name, &disabled);
      if (parent == nullptr) {
        TARN_RETURN_IF_ERROR(
            Missing(node, call.source + "." + call.table, disabled, SuggestSource(call)));
        continue;
      }
      AddParent(node, *parent);
    }
    return Status::Ok();
  }

  void Metrics(Node& node) {
    for (const auto& names : node.metrics) {
      if (names.empty()) continue;
      for (const Node& other : manifest_.nodes) {
        if (other.type == ResourceType::kMetric && other.name == names.back())
          AddParent(node, other);
      }
    }
    for (const std::string& measure : TextList(Member(node.extra, "input_measures"))) {
      for (const Node& other : manifest_.nodes) {
        if (other.type != ResourceType::kSemanticModel) continue;
        for (const Json& item : Member(other.extra, "measures")) {
          if (TextMember(item, "name") == measure) AddParent(node, other);
        }
      }
    }
  }

  std::optional<std::string> SuggestRef(const RefCall& call) const {
    std::vector<std::string> known;
    for (const Node& node : manifest_.nodes) {
      if (node.IsRefable()) known.push_back(node.name);
    }
    return Nearest(call.name, known);
  }

  std::optional<std::string> SuggestSource(const SourceCall& call) const {
    std::vector<std::string> known;
    for (const Node& node : manifest_.nodes) {
      if (node.type == ResourceType::kSource) known.push_back(node.source_name + "." + node.name);
    }
    return Nearest(call.source + "." + call.table, known);
  }

  Status Missing(Node& node, const std::string& target, bool is_disabled,
                 const std::optional<std::string>& nearest) {
    std::string message = Shown(node) + " depends on a " +
                          (target.find('.') == std::string::npos ? "node" : "source") + " named '" +
                          target + "' which " + (is_disabled ? "is disabled" : "was not found");
    if (nearest) message += "; did you mean '" + *nearest + "'?";
    if (node.type == ResourceType::kTest || node.type == ResourceType::kUnitTest) {
      // dbt leaves such a test out: what it tests may belong to a package that is not used.
      if (!is_disabled) manifest_.warnings.push_back(message);
      dropped_.insert(node.unique_id);
      return Status::Ok();
    }
    return Status::InvalidArgument(PlaceOf(node, target.substr(target.find('.') + 1)) + ": " +
                                   message);
  }

  Status CheckAccess(const Node& node, const Node& parent) const {
    if (parent.type != ResourceType::kModel || parent.access == "public") return Status::Ok();
    if (node.type == ResourceType::kTest || node.type == ResourceType::kUnitTest)
      return Status::Ok();
    if (parent.access == "private" && !parent.group.empty() && node.group != parent.group) {
      return Status::InvalidArgument("Node " + node.unique_id + " attempted to reference node " +
                                     parent.unique_id +
                                     ", which is not allowed because the "
                                     "referenced node is private to the '" +
                                     parent.group + "' group (" + node.original_file_path + ")");
    }
    return Status::Ok();
  }

  // Takes tests of what is not there out of the manifest.
  void DropDisabled() {
    if (dropped_.empty()) return;
    manifest_.Remove(dropped_);
  }

  ParseState& state_;
  Manifest& manifest_;
  std::set<std::string> dropped_;
};

// Descriptions see doc() and nothing else of a node.
Status RenderDescription(ParseState& state, const Node& node, std::string& text,
                         std::vector<std::string>& blocks) {
  if (!HasJinja(text)) return Status::Ok();
  jinja::Names names;
  std::string missing;
  names.Set(
      "doc", jinja::MakeFunction("doc", [&](jinja::CallArgs& args) -> Result<jinja::Value> {
        if (args.positional.empty()) return jinja::TypeError("doc() takes one or two names");
        const std::string name = args.positional.back().Str();
        const std::string package = args.positional.size() > 1 ? args.positional[0].Str() : "";
        const DocBlock* doc = state.project.manifest.FindDoc(package, name, node.package_name);
        if (doc == nullptr) {
          missing = name;
          return jinja::MakeError("CompilationError", "Documentation for '" + node.unique_id +
                                                          "' depends on doc '" + name +
                                                          "' which was not found");
        }
        blocks.push_back(doc->unique_id);
        return jinja::Value(doc->contents);
      }));
  const jinja::Environment& env = state.project.names->environment();
  const std::string place = node.patch_path.empty()
                                ? node.original_file_path
                                : node.patch_path.substr(node.patch_path.find("://") + 3);
  TARN_ASSIGN_OR_RETURN(const auto compiled, env.Compile(text, place));
  jinja::Session session(env, std::make_shared<jinja::Names>(std::move(names)));
  TARN_ASSIGN_OR_RETURN(text, session.Render(*compiled));
  return Status::Ok();
}

// not_null and unique on a column together, or a primary_key constraint, make a primary key.
void FindPrimaryKeys(Manifest& manifest) {
  std::map<std::string, std::map<std::string, int>> tested;
  for (const Node& node : manifest.nodes) {
    if (node.type != ResourceType::kTest || !node.test_metadata || node.attached_node.empty())
      continue;
    const int bit = node.test_metadata->name == "unique"     ? 1
                    : node.test_metadata->name == "not_null" ? 2
                                                             : 0;
    if (bit != 0) tested[node.attached_node][node.column_name] |= bit;
  }
  for (Node& node : manifest.nodes) {
    if (node.type != ResourceType::kModel) continue;
    for (const Json& constraint : node.constraints) {
      if (TextMember(constraint, "type") == "primary_key") {
        node.primary_key = TextList(Member(constraint, "columns"));
      }
    }
    for (const ColumnInfo& column : node.columns) {
      for (const Json& constraint : column.constraints) {
        if (TextMember(constraint, "type") == "primary_key") node.primary_key = {column.name};
      }
    }
    if (!node.primary_key.empty()) continue;
    for (const auto& [column, bits] : tested[node.unique_id]) {
      if (bits == 3) node.primary_key.push_back(column);
    }
    if (node.primary_key.empty()) {
      for (const auto& [column, bits] : tested[node.unique_id]) {
        if ((bits & 1) != 0) node.primary_key.push_back(column);
      }
    }
  }
}

}  // namespace

Status ParseState::ResolveAll() {
  TARN_RETURN_IF_ERROR(Resolver(*this).Run());
  for (Node& node : project.manifest.nodes) {
    TARN_RETURN_IF_ERROR(RenderDescription(*this, node, node.description, node.doc_blocks));
    for (ColumnInfo& column : node.columns) {
      TARN_RETURN_IF_ERROR(RenderDescription(*this, node, column.description, column.doc_blocks));
    }
  }
  FindPrimaryKeys(project.manifest);
  return project.manifest.BuildGraph();
}

}  // namespace tarn::transform
