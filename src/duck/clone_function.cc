// CALL tarn_clone: CREATE [OR REPLACE] TABLE … SHALLOW CLONE.
#include "delta/shallow_clone.h"

#include "duck/delta_table_entry.h"
#include "duck/functions.h"
#include "duck/lake_catalog.h"
#include "duck/lake_schema_entry.h"
#include "duck/location.h"
#include "duck/maintenance_call.h"
#include "duck/status_exception.h"
#include "duck/target_name.h"
#include "duckdb/planner/tableref/bound_at_clause.hpp"

namespace tarn::duck {

using duckdb::LogicalType;
using duckdb::Value;

namespace {

constexpr size_t kSource = 0, kVersion = 1, kTimestamp = 2, kReplace = 3, kIfNotExists = 4,
                 kProperties = 5;

delta::StringMap PropertiesOf(const Value& map) {
  delta::StringMap out;
  if (map.IsNull()) return out;
  for (const Value& pair : duckdb::MapValue::GetChildren(map)) {
    const auto& sides = duckdb::StructValue::GetChildren(pair);
    out[sides[0].ToString()] = sides[1].ToString();
  }
  return out;
}

delta::SnapshotPtr VersionOf(const MaintenanceCall& call, const NamedTable& source) {
  if (!call.arguments[kVersion].IsNull()) {
    return SnapshotAt(call.context, *source.table,
                      duckdb::BoundAtClause("version", call.arguments[kVersion]));
  }
  if (!call.arguments[kTimestamp].IsNull()) {
    return SnapshotAt(call.context, *source.table,
                      duckdb::BoundAtClause("timestamp", call.arguments[kTimestamp]));
  }
  return ValueOrThrow(source.table->Latest());
}

MaintenanceRow Row(const delta::CloneOutcome& outcome) {
  return {Value::BIGINT(outcome.source_bytes),  Value::BIGINT(outcome.source_files),
          Value::BIGINT(outcome.removed_files), Value::BIGINT(0),
          Value::BIGINT(outcome.removed_bytes), Value::BIGINT(0)};
}

std::vector<MaintenanceRow> RunClone(const MaintenanceCall& call) {
  if (call.arguments[kSource].IsNull()) {
    throw duckdb::InvalidInputException("tarn_clone: the source is NULL");
  }
  const NewTable target = FindNewTable(call.context, call.table);
  if (target.exists && call.Flag(kIfNotExists)) return {Row({})};
  if (target.exists && !call.Flag(kReplace)) {
    throw duckdb::CatalogException(
        "table '%s' exists already; use CREATE OR REPLACE TABLE or CREATE TABLE IF NOT EXISTS",
        target.name);
  }
  const NamedTable source = LookupTable(call.context, call.Text(kSource));
  if (source.table == target.table) {
    throw duckdb::InvalidInputException(
        "table %s cannot be a clone of itself; RESTORE brings an older version back", target.name);
  }
  delta::CloneRequest request;
  request.source = source.table;
  request.version = VersionOf(call, source);
  request.target = target.table;
  request.replace = call.Flag(kReplace);
  request.properties = PropertiesOf(call.arguments[kProperties]);
  request.source_name = source.entry ? source.name : "delta.`" + LocationOf(source) + "`";
  request.open = [&](const std::string& location) {
    return OpenKnownLocation(call.context, location);
  };
  return {Row(ValueOrThrow(delta::ShallowClone(request)))};
}

}  // namespace

void RegisterClone(duckdb::ExtensionLoader& loader) {
  const auto text = LogicalType::VARCHAR;
  const auto flag = LogicalType::BOOLEAN;
  const auto big = LogicalType::BIGINT;
  RegisterMaintenance(loader, "tarn_clone",
                      {text, big, LogicalType::ANY, flag, flag, LogicalType::MAP(text, text)}, 5,
                      {{"source_table_size", big},
                       {"source_num_of_files", big},
                       {"num_removed_files", big},
                       {"num_copied_files", big},
                       {"removed_files_size", big},
                       {"copied_files_size", big}},
                      RunClone);
}

}  // namespace tarn::duck
