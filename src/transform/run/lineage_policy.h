// What a project asks of its models beyond dbt: `tarn:` of dbt_project.yml.
//
//   tarn:
//     lineage: true                     # trace columns while models run
//     pii:
//       sanctioned: [mask_email]        # functions besides pii_token
//       layers: [silver, gold]          # where raw personal data may not be; ['*']: nowhere
//       action: error                   # or warn
//     require:
//       gold: [owner, sla_minutes]      # keys of meta a model of the layer must have
//
// Threads: value type. Errors: kInvalidArgument "dbt_project.yml: …" for keys and values unknown.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "transform/project/node.h"
#include "transform/project/project_file.h"

namespace tarn::transform {

struct LineagePolicy {
  bool trace = true;
  std::set<std::string> sanctioned{"pii_token"};
  std::vector<std::string> layers{"silver", "gold"};
  bool pii_is_error = true;
  std::map<std::string, std::vector<std::string>> required;  // layer -> keys of meta
};

Result<LineagePolicy> ReadLineagePolicy(const Project& project);

// The first of `layers` a node's table is in: schema `silver`, `silver_x`, `x_silver`, or
// meta.layer. "" when in none.
std::string LayerOf(const Node& node, const std::vector<std::string>& layers);

// Models of a layer that lack what the project requires, each once, in one message with the file
// and the keys.
Status CheckRequiredMeta(const LineagePolicy& policy, const std::vector<Node*>& nodes);

// A column's class, "" for none, "none" where the project says that it holds none.
std::string PiiClassOf(const ColumnInfo& column);

}  // namespace tarn::transform
