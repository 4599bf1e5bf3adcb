// Where a node's relation lives: generate_database_name, generate_schema_name, generate_alias_name.
#include "transform/project/node_json.h"
#include "transform/project/parse_state.h"
#include "transform/project/value_json.h"

namespace tarn::transform {
namespace {

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// Calls a macro of the project; only when somebody wrote one, because 3,000 calls cost more than
// all the rest of parsing.
Result<std::string> Generate(ParseState& state, const Node& node, const std::string& macro_name,
                             const Json& custom) {
  const Macro* macro = state.project.macros->FindGenerator(macro_name, node.package_name);
  if (macro == nullptr) return Status::Internal("macro " + macro_name + " is missing");
  ParseScope scope(node, state.project.macros.get(), state.quote);
  scope.package = state.project.root.name;
  const DbtNames& names = *state.project.names;
  jinja::Session session(names.environment(), names.For(scope, state.project.macros.get()));
  session.host = &scope;
  jinja::CallArgs args(session);
  args.positional = {ToValue(custom), ToValue(NodeJson(node))};
  TARN_ASSIGN_OR_RETURN(const jinja::Value value, MacroLibrary::Call(*macro, args));
  return Trimmed(value.is_none() ? "" : value.Str());
}

bool Overridden(const ParseState& state, const std::string& name) {
  return state.project.macros->IsOverridden(name) ||
         state.project.macros->IsOverridden("default__" + name) ||
         state.project.macros->IsOverridden("duckdb__" + name) ||
         state.project.macros->IsOverridden("spark__" + name) ||
         state.project.macros->IsOverridden("databricks__" + name);
}

std::string DefaultAlias(const Node& node, const Json& custom) {
  if (!custom.is_null() && !PythonText(custom).empty()) return Trimmed(PythonText(custom));
  if (!node.version) return node.name;
  std::string version = *node.version;
  for (char& c : version) c = c == '.' ? '_' : c;
  return node.name + "_v" + version;
}

}  // namespace

Status ParseState::NameNode(Node& node) {
  const Target& target = project.target;
  const Json& database = Member(node.config, "database");
  const Json& schema = Member(node.config, "schema");
  const Json& alias = Member(node.config, "alias");
  // A lake is one catalog: another database's name would name nothing.
  node.database = target.database;
  (void)database;
  if (Overridden(*this, "generate_schema_name")) {
    TARN_ASSIGN_OR_RETURN(node.schema, Generate(*this, node, "generate_schema_name", schema));
  } else {
    node.schema =
        schema.is_null() ? target.schema : target.schema + "_" + Trimmed(PythonText(schema));
  }
  if (Overridden(*this, "generate_alias_name")) {
    TARN_ASSIGN_OR_RETURN(node.alias, Generate(*this, node, "generate_alias_name", alias));
  } else {
    node.alias = DefaultAlias(node, alias);
  }
  if (node.type == ResourceType::kSnapshot) {
    const std::string set = TextMember(node.config, "target_schema");
    if (!set.empty()) node.schema = set;
  }
  const bool stored =
      node.type == ResourceType::kTest && (BoolMember(node.config, "store_failures", false) ||
                                           !TextMember(node.config, "store_failures_as").empty());
  if ((node.IsRefable() && !node.IsEphemeral()) || stored) {
    node.relation_name = Relation(RelationOf(node, quote)).Render();
  }
  return Status::Ok();
}

Status ParseState::CheckDuplicate(const Node& node) const {
  const Node* other = project.manifest.Find(node.unique_id);
  if (other == nullptr) return Status::Ok();
  return Status::InvalidArgument("dbt found two " + std::string(ResourceTypeName(node.type)) +
                                 "s with the name \"" + node.name +
                                 "\": " + other->original_file_path + " and " +
                                 node.original_file_path + "; rename one of them, or disable it");
}

Status ParseState::AddPending() {
  std::vector<Node*> nodes;
  for (Node& node : pending) nodes.push_back(&node);
  TARN_RETURN_IF_ERROR(
      InParallel(nodes.size(), options.threads, [&](size_t i) { return NameNode(*nodes[i]); }));
  std::map<std::string, const Node*> relations;
  for (Node* node : nodes) {
    if (!BoolMember(node->config, "enabled", true)) {
      project.manifest.disabled.push_back(std::move(*node));
      continue;
    }
    TARN_RETURN_IF_ERROR(CheckDuplicate(*node));
    Node* added = project.manifest.Add(std::move(*node));
    if (added->relation_name.empty() || added->type == ResourceType::kTest) continue;
    const auto [it, fresh] = relations.emplace(added->relation_name, added);
    if (!fresh) {
      return Status::InvalidArgument("dbt found two resources with the database representation " +
                                     added->relation_name + ": " + it->second->unique_id + " (" +
                                     it->second->original_file_path + ") and " + added->unique_id +
                                     " (" + added->original_file_path +
                                     "); give one of them another alias or schema");
    }
  }
  pending.clear();
  calls.clear();
  by_name.clear();
  return Status::Ok();
}

}  // namespace tarn::transform
