// LineageTracer: the column lineage of queries, without running them.
//
// What it is: a session whose binder is asked what a query's columns are made of. Relations that
// are defined here stand for tables of the lake and end the trace; everything else is bound in the
// lake, through its views.
//
// What it does not do: nothing is read or written but metadata of the lake's tables.
//
// Threads: safe for concurrent calls, which take turns. Lifetime: the Engine outlives it.
//
// Errors: those of binding, kInvalidArgument with "<place>:<line>:<column>: "; kUnsupported for
// what is not one query.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"
#include "govern/column_lineage.h"

namespace tarn::transform {

class LineageTracer {
 public:
  // `setup` gives the session what models' sessions have: functions, variables.
  static Result<std::unique_ptr<LineageTracer>> Open(
      engine::Engine& engine, const std::function<Status(engine::Session&)>& setup = {});
  virtual ~LineageTracer() = default;

  // Functions, in any case, whose results count as masked whatever they are given.
  virtual void SetSanctioned(const std::set<std::string>& functions) = 0;
  // "schema.table" has these columns (DuckDB's types) from now on.
  virtual Status Define(const std::string& relation,
                        const std::vector<engine::Column>& columns) = 0;
  virtual bool IsDefined(const std::string& relation) = 0;
  virtual Result<govern::QueryLineage> Trace(const std::string& sql, dialect::SqlDialect dialect,
                                             const std::string& place) = 0;
};

// Lower case, as tables are compared.
std::string LineageKey(const std::string& schema, const std::string& table);

}  // namespace tarn::transform
