// Tables by a name that no catalog entry stands behind: one that is about to be made (SHALLOW
// CLONE), or one that may be damaged.
//
// Threads: call from one. Errors: duckdb exceptions: no such schema, a view of that name, a name no
// folder can have, a lake attached read-only.
#pragma once

#include <memory>
#include <string>

#include "delta/table.h"
#include "duckdb.hpp"

namespace tarn::duck {

struct NewTable {
  std::string name;  // "silver.events"
  std::shared_ptr<delta::Table> table;
  bool exists = false;
};

NewTable FindNewTable(duckdb::ClientContext& context, const std::string& name);

// A table that may be too damaged to be looked up: by name or path, without reading its log.
std::shared_ptr<delta::Table> FindTableToCheck(duckdb::ClientContext& context,
                                               const std::string& name);

}  // namespace tarn::duck
