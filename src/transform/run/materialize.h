// Materializations: what a compiled node becomes in the lake.
//
// What it is: view, table, incremental (append, merge, delete+insert, insert_overwrite,
// replace_where, microbatch), snapshot and seed in C++; macros of dbt's chain that the project
// overrides are called for their SQL; anything else is a materialization written in Jinja.
//
// What it does not do: hooks and tests (node_runner.h).
//
// Each is one Delta commit of the node's table: readers see the old rows or the new ones, and a
// crash leaves the old.
//
// Threads: one node at a time per scope. Errors: SQL errors keep the place in the compiled text as
// "compiled:<line>:<column>: " with the lines `kCodeLine` says.
#pragma once

#include <string>
#include <vector>

#include "transform/run/run_scope.h"

namespace tarn::transform {

struct MaterializeOutcome {
  std::string message = "OK";  // as in [OK in 0.1s]
  Json response = Json{{"_message", "OK"}};
};

// What SQL errors call a node's statement; its compiled code begins on the second line.
inline constexpr const char* kCompiledPlace = "compiled";
inline constexpr size_t kCodeLine = 2;

Result<MaterializeOutcome> Materialize(RunScope& scope);
// The node's materialization where the project or a package wrote it: that one runs the hooks, too.
const Macro* OwnMaterialization(const RunScope& scope);

// --- one each, for Materialize ---
Result<MaterializeOutcome> MaterializeView(RunScope& scope);
Result<MaterializeOutcome> MaterializeTable(RunScope& scope);
Result<MaterializeOutcome> MaterializeIncremental(RunScope& scope);
Result<MaterializeOutcome> MaterializeSnapshot(RunScope& scope);
Result<MaterializeOutcome> MaterializeSeed(RunScope& scope);
Result<MaterializeOutcome> MaterializeByMacro(RunScope& scope, const Macro& macro);

// CREATE OR REPLACE TABLE … AS with the node's partitioning, clustering and properties.
std::string CreateTableSql(const RunScope& scope, const Relation& relation, const std::string& sql);
// Columns a config like partition_by names: text, list, or {field: …}.
std::vector<std::string> ColumnNames(const Json& config);
// True when the project defines a macro of this dbt chain, under any of its names.
bool IsChainOverridden(const RunScope& scope, const std::string& macro);
Result<MaterializeOutcome> Ran(const ExecutionOutcome& outcome);
// Runs statements with the node's annotation on its commits; with `docs`, what persist_docs asks of
// the table goes into the same commit (`sql` then holds no transaction of its own).
Result<ExecutionOutcome> RunAnnotated(RunScope& scope, const std::string& sql, bool docs = false);
// What persist_docs asks of a table that is there: one commit, none when it says so already.
Status UpdateDocs(RunScope& scope);
bool WantsFullRefresh(const RunScope& scope);
// Enforced contracts: names and types must be those of the schema file.
Status CheckContract(RunScope& scope);

}  // namespace tarn::transform
