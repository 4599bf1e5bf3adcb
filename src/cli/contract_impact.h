// Whom a change of a contract reaches: the models, exposures and owners behind its streams, by a
// dbt manifest.
//
// Threads: pure functions of their input. Errors: kNotFound for a manifest that is not there,
// kCorruption for one that is no manifest.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "govern/contract.h"

namespace tarn::cli {

struct ContractReach {
  std::string kind;   // "source", "model", "snapshot", "exposure", …: dbt's resource type
  std::string name;   // "bronze.events", "silver_events", "tableau_product_dashboard"
  std::string owner;  // from the exposure, or the node's meta.owner; may be empty
  std::string path;   // the file that defines it
};

// Everything downstream of a source whose meta.contract names the contract, or that is one of its
// streams. In breadth-first order from the sources. Empty: nothing reads it.
Result<std::vector<ContractReach>> FindContractReach(const std::string& manifest_path,
                                                     const govern::Contract& contract);

}  // namespace tarn::cli
