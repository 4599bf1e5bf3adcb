// Table functions and procedures of the room, registered by RegisterTarnExtension.
#pragma once

#include "duckdb/main/extension/extension_loader.hpp"

namespace tarn::duck {

// metadata_functions.cc: delta_scan, delta_history, delta_detail, delta_properties.
void RegisterMetadataFunctions(duckdb::ExtensionLoader& loader);
// files_function.cc: delta_files.
void RegisterFilesFunction(duckdb::ExtensionLoader& loader);
// procedures.cc: tarn_set_properties, tarn_add_constraint, tarn_begin_overwrite, …
void RegisterProcedures(duckdb::ExtensionLoader& loader);
// maintenance_functions.cc: tarn_optimize, tarn_reorg, tarn_vacuum, tarn_restore.
void RegisterMaintenanceFunctions(duckdb::ExtensionLoader& loader);
// change_feed.cc: table_changes.
void RegisterChangeFeed(duckdb::ExtensionLoader& loader);
// clone_function.cc: tarn_clone.
void RegisterClone(duckdb::ExtensionLoader& loader);
// convert.cc: tarn_convert.
void RegisterConvert(duckdb::ExtensionLoader& loader);
// check_functions.cc: tarn_check_table, tarn_generate_manifest.
void RegisterCheckFunctions(duckdb::ExtensionLoader& loader);

// request_metrics_function.cc: tarn_request_metrics.
void RegisterRequestMetrics(duckdb::ExtensionLoader& loader);

// A setting: VACUUM refuses retentions below the table's own unless it is false.
inline constexpr const char* kRetentionCheckSetting = "tarn_retention_check";

}  // namespace tarn::duck
