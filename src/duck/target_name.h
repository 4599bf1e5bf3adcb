// The table that a statement of its own commit is about to make: CREATE TABLE … SHALLOW CLONE.
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

}  // namespace tarn::duck
