// Materializing with a look at the rows first: `dq` rules and `audit: true`.
//
// What it is: the model's query is run once, into a temporary table; rules judge its rows there,
// rows to be quarantined go to <model>__quarantine, and what a rule of action `fail` forbids stops
// before anything is written. Under audit the rows are first written to a shallow clone of the
// table (<model>__audit), the model's tests run on the clone, and only when they pass are the same
// rows written to the table itself; the clone is dropped either way.
//
// What it does not do: the writing itself (materialize.h). A model without `dq` and `audit` goes
// straight there.
//
// Threads: one node at a time per scope. Errors: kConstraint for broken rules and failed audits,
// the table being what it was before; kConflict when somebody else wrote the table during an audit.
#pragma once

#include "transform/run/materialize.h"
#include "transform/run/run_result.h"

namespace tarn::transform {

// Counts are put into result.response ("dq", "audit") whatever becomes of it.
Result<MaterializeOutcome> MaterializeChecked(RunScope& scope, NodeResult& result);

// system.dq_results: one row per model and rule of this command, one commit.
Status WriteDqResults(RunContext& context, const std::vector<NodeResult>& results);

}  // namespace tarn::transform
