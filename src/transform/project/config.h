// Configs: which value counts when dbt_project.yml, a schema file and the code itself all say
// something.
//
// What it is: dbt's order of precedence (own project by path, schema file, in the code, root
// project for packages) and its rules for keys that do not simply replace each other: tags,
// packages and hooks append; meta, docs, persist_docs, quoting, column_types and contract merge;
// grants append where the key begins with '+'.
//
// What it does not do: it does not judge values; an unknown key is kept, as dbt keeps it.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "transform/project/json.h"
#include "transform/project/node.h"

namespace tarn::transform {

// What a node of this kind has when nobody says anything; keys in the manifest's order.
const Json& DefaultConfig(ResourceType type);

// `from` on top of `into`, by dbt's rules. Both are configs with keys without '+'.
void MergeConfig(Json& into, const Json& from);

// The settings of a block like `models:` that apply to `fqn`, outermost first: one config per
// level.
std::vector<Json> ConfigLevels(const Json& block, const std::vector<std::string>& fqn);

struct ConfigSources {
  const Json* own_block = nullptr;   // `models:` (or seeds:, …) of the node's own project
  const Json* root_block = nullptr;  // of the root project, when the node is of a package
  const Json* patch = nullptr;       // from the schema file
  const Json* call = nullptr;        // from config() in the code
};
// Fills node.config and unrendered_config, and what follows from it: tags, meta, group, access.
void ApplyConfig(Node& node, const ConfigSources& sources);

// A hook as dbt keeps it: {"sql": …, "transaction": true, "index": null}.
Json HookEntry(const Json& hook);

}  // namespace tarn::transform
