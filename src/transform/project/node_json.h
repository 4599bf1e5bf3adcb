// A node as dbt's manifest (schema v12) writes it, and as templates see it in `model` and `graph`.
//
// Threads: pure functions.
#pragma once

#include "transform/project/manifest.h"

namespace tarn::transform {

Json NodeJson(const Node& node);
Json MacroJson(const MacroInfo& macro);
// One entry of `columns`.
Json ColumnJson(const ColumnInfo& column);

}  // namespace tarn::transform
