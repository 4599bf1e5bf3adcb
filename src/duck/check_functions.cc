// CALL tarn_check_table (`tarn table check`, FSCK REPAIR TABLE) and CALL tarn_generate_manifest
// (GENERATE symlink_format_manifest).
#include "delta/symlink_manifest.h"
#include "delta/table_check.h"
#include "duck/extension.h"
#include "duck/functions.h"
#include "duck/lake_catalog.h"
#include "duck/lake_schema_entry.h"
#include "duck/maintenance_call.h"
#include "duck/status_exception.h"
#include "duck/target_name.h"

namespace tarn::duck {

using duckdb::LogicalType;
using duckdb::Value;

namespace {

// (repair): one row for the whole, then one per finding.
std::vector<MaintenanceRow> RunCheck(const MaintenanceCall& call) {
  const auto table = FindTableToCheck(call.context, call.table);
  delta::CheckOptions options;
  options.repair = call.Flag(0);
  const auto outcome = ValueOrThrow(delta::CheckTable(table, options));
  std::vector<MaintenanceRow> rows;
  const auto version = outcome.version ? outcome.version->ToString() : std::string("none");
  std::string summary = std::to_string(outcome.files) + " data files and " +
                        std::to_string(outcome.log_files) + " log files looked at";
  if (outcome.repaired_version) {
    summary += "; version " + outcome.repaired_version->ToString() + " leaves out what is lost";
  }
  rows.push_back({Value("checked"), Value("version " + version), Value(summary), Value::BIGINT(0),
                  Value::BOOLEAN(false), Value::BOOLEAN(false)});
  for (const auto& finding : outcome.findings) {
    rows.push_back({Value(finding.kind), Value(finding.object), Value(finding.detail),
                    Value::BIGINT(finding.rows_lost), Value::BOOLEAN(finding.repairable),
                    Value::BOOLEAN(finding.repaired)});
  }
  return rows;
}

std::vector<MaintenanceRow> RunManifest(const MaintenanceCall& call) {
  const NamedTable target = call.Target();
  const auto latest = ValueOrThrow(target.table->Latest());
  const auto outcome = ValueOrThrow(delta::GenerateManifests(*target.table, *latest));
  return {{Value::BIGINT(outcome.manifests), Value::BIGINT(outcome.files)}};
}

}  // namespace

void RegisterCheckFunctions(duckdb::ExtensionLoader& loader) {
  const auto text = LogicalType::VARCHAR;
  const auto flag = LogicalType::BOOLEAN;
  RegisterMaintenance(loader, "tarn_check_table", {flag}, 1,
                      {{"kind", text},
                       {"object", text},
                       {"detail", text},
                       {"rows_lost", LogicalType::BIGINT},
                       {"repairable", flag},
                       {"repaired", flag}},
                      RunCheck);
  RegisterMaintenance(loader, "tarn_generate_manifest", {}, 0,
                      {{"manifests", LogicalType::BIGINT}, {"files", LogicalType::BIGINT}},
                      RunManifest);
}

}  // namespace tarn::duck
