// system.column_lineage: the lineage of every model that ran, one row per edge, and
// target/column_lineage.json, the same rows of this command.
//
// One commit replaces the rows of the models whose edges changed and of those that are gone; a
// command that changes none commits nothing.
//
// Threads: after the run. Errors: the engine's.
#pragma once

#include "transform/run/lineage_book.h"

namespace tarn::transform {

inline constexpr const char* kLineageTable = "system.column_lineage";

Status WriteLineage(RunContext& context, LineageBook& book);

}  // namespace tarn::transform
