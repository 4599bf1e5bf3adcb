// Table functions and procedures of the room, registered by RegisterTarnExtension.
#pragma once

#include "duckdb/main/extension/extension_loader.hpp"

namespace tarn::duck {

// metadata_functions.cc: delta_scan, delta_history, delta_detail, delta_properties.
void RegisterMetadataFunctions(duckdb::ExtensionLoader& loader);
// procedures.cc: tarn_set_properties, tarn_add_constraint, tarn_begin_overwrite, …
void RegisterProcedures(duckdb::ExtensionLoader& loader);

}  // namespace tarn::duck
