// What the two files about arrays and structs share. Threads: no state. Errors:
// duckdb::BinderException.
#pragma once

#include "dialect/function_bind.h"

namespace tarn::dialect {

// Refuses anything but an array; an untyped NULL becomes an array of them.
void RequireList(FunctionCall& call, duckdb::idx_t i);

// sequence, struct, named_struct, arrays_zip and the private ones of the rewrite; called by
// RegisterCollectionFunctions.
void RegisterStructFunctions(FunctionTable& table);

}  // namespace tarn::dialect
