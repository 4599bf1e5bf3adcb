// Compiling: a node's code to the SQL that runs, with the CTEs of ephemeral models in it.
//
// Threads: safe for different nodes at once; an ephemeral node is compiled once, under a lock.
// Errors: "<file>:<line>:<column>: …" of the project's own files.
#pragma once

#include <string>

#include "transform/run/run_scope.h"

namespace tarn::transform {

// "__dbt__cte__name"
std::string EphemeralName(const Node& node);

// Renders node.raw_code with `scope`, fills compiled_code and writes target/compiled.
Status CompileNode(RunScope& scope);

// Where in target/ a node's text belongs: "compiled/pkg/models/a.sql".
std::string CompiledPath(const Node& node);
Status WriteTarget(const RunContext& context, const std::string& relative, const std::string& text);

// All rows of a seed's file as text.
Result<engine::Rows> ReadSeed(const Node& node, Warehouse& warehouse);

// The line of the node's own file that became line `compiled_line` of its compiled code, as far as
// the text tells; 0 when it does not.
size_t SourceLineOf(const Node& node, size_t compiled_line);

// `sql` with `ctes` ("name as (…)") before it, merged into its own WITH when it has one.
std::string InjectCtes(const std::string& sql, const std::vector<std::string>& ctes);

}  // namespace tarn::transform
