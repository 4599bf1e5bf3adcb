// From what a user calls a table to the table: a name of the lake ("silver.events",
// "lake.silver.events", "events" on the search path), or a path of the file system, also as
// delta.`<path>`.
//
// Errors: duckdb exceptions naming the table or the path.
#pragma once

#include <memory>
#include <string>

#include "delta/snapshot.h"
#include "delta/table.h"
#include "duckdb.hpp"

namespace tarn::duck {

class DeltaTableEntry;

struct NamedTable {
  std::string name;  // "silver.events", or the path
  std::shared_ptr<delta::Table> table;
  DeltaTableEntry* entry = nullptr;  // null for a path; owned by the LakeTransaction
  // The snapshot the running transaction reads.
  delta::SnapshotPtr snapshot;  // null only for a table the transaction creates
};

NamedTable LookupTable(duckdb::ClientContext& context, const std::string& name);

// A table of an attached lake; a path is refused. For statements that write.
DeltaTableEntry& LookupLakeTable(duckdb::ClientContext& context, const std::string& name);

}  // namespace tarn::duck
