// What a run would do to the lake, said before anything runs: `tarn dbt plan`.
//
// What it is: for each selected model, seed and snapshot what would become of its table, how many
// rows and bytes stand there (from the tables' logs, no data is read), how its columns would
// change, what is read for it; and what stands on it: models, exposures, owners.
//
// What it does not do: it cannot know how many rows a query gives. Models are compiled, so
// templates that ask the lake do so.
//
// Threads: one call at a time. Errors: the engine's; a model that does not compile is part of the
// plan, as a problem.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "transform/run/run_context.h"
#include "transform/run/warehouse.h"

namespace tarn::transform {

struct TableSize {
  int64_t rows = 0, bytes = 0, files = 0;
};

struct PlannedChange {
  const Node* node = nullptr;
  std::string action;   // create, rewrite, append, merge, delete+insert, …, replace, none
  std::string becomes;  // "table" or "view"
  std::string table;    // "gold.revenue"
  std::optional<std::string> drops;  // kind of what is dropped to make room
  std::optional<TableSize> now;
  std::vector<std::string> reads;                    // tables
  std::vector<std::string> added, removed, retyped;  // columns, with their types
  std::string problem;                               // it does not compile
};

struct ChangePlan {
  std::vector<PlannedChange> changes;
  std::map<std::string, TableSize> inputs;  // tables read that no change makes, by name
  std::vector<const Node*> models;          // not selected, and standing on a change
  std::vector<const Node*> exposures;
  std::set<std::string> owners;
  bool HasProblems() const;
};

Result<ChangePlan> PlanChanges(RunContext& context, const std::vector<Node*>& nodes);
Json ChangePlanJson(const ChangePlan& plan);
std::string ChangePlanText(const ChangePlan& plan);

}  // namespace tarn::transform
