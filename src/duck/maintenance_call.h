// The frame of maintenance procedures (CALL tarn_optimize, tarn_vacuum, …): table functions of a
// few rows that do their work when they run, commit by themselves and therefore refuse to run
// inside a transaction of several statements.
//
// Threads: the work is called once, by one thread. Errors: duckdb exceptions.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "duck/table_lookup.h"
#include "duckdb.hpp"
#include "duckdb/main/extension/extension_loader.hpp"

namespace tarn::duck {

struct MaintenanceCall {
  duckdb::ClientContext& context;
  std::string table;                        // as given
  duckdb::vector<duckdb::Value> arguments;  // after the table's name
  std::function<void(double)> progress;     // 0 … 1, shown by the session's progress

  std::string Text(size_t i) const { return arguments[i].IsNull() ? "" : arguments[i].ToString(); }
  bool Flag(size_t i) const { return !arguments[i].IsNull() && arguments[i].GetValue<bool>(); }
  std::vector<std::string> List(size_t i) const;
  // The table, checked to be writable by this session: not in a lake attached read-only.
  NamedTable Target() const;
};

using MaintenanceRow = std::vector<duckdb::Value>;
using MaintenanceWork = std::function<std::vector<MaintenanceRow>(const MaintenanceCall& call)>;

struct MaintenanceColumn {
  std::string name;
  duckdb::LogicalType type;
};

// `arguments` follow the table's name (VARCHAR); the last `optional` of them may be left out and
// are NULL then.
void RegisterMaintenance(duckdb::ExtensionLoader& loader, const std::string& name,
                         const duckdb::vector<duckdb::LogicalType>& arguments, size_t optional,
                         std::vector<MaintenanceColumn> columns, MaintenanceWork work);

// Where a table lies, for results: an absolute path or URL.
std::string LocationOf(const NamedTable& table);

}  // namespace tarn::duck
