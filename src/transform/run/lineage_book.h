// LineageBook: the column lineage of a project's models, as they are compiled, and what it forbids.
//
// What it is: each compiled model is traced on top of the traced columns of what it refers to, so a
// project is followed from its sources before any of its tables exist. Parents that are not part of
// the run are compiled for it. A model that would hold raw personal data where the project forbids
// it is refused with the way the data took.
//
// What it does not do: it runs nothing; a model that cannot be traced (a custom materialization
// without a query, a table that does not exist yet) has no lineage, with the reason, and is refused
// only where personal data could have reached it.
//
// Threads: all calls are safe, one at a time inside. Lifetime: within the RunContext's.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "govern/pii_flow.h"
#include "transform/run/lineage_policy.h"
#include "transform/run/run_context.h"
#include "transform/run/warehouse.h"

namespace tarn::transform {

class LineageTracer;

class LineageBook {
 public:
  ~LineageBook();
  // Errors: those of the policy, of contracts/*.yml, of the engine.
  static Result<std::unique_ptr<LineageBook>> Open(RunContext& context);

  const LineagePolicy& policy() const { return policy_; }
  // Traces a compiled model or snapshot and judges it. Errors: kInvalidArgument, what is forbidden.
  Status Enter(Node& node, Warehouse& warehouse);
  // Models that were entered, or compiled for those, with their lineage; in the graph's order.
  struct Entry {
    const Node* node = nullptr;
    std::string table;  // "silver.users"
    const govern::QueryLineage* lineage = nullptr;
    std::map<std::string, std::vector<std::string>> pii;  // column -> classes that reach it raw
  };
  std::vector<Entry> Entries();
  // Why a model has no lineage; by unique_id.
  std::map<std::string, std::string> Untraced();
  // Puts `tarn` into the meta of every traced node, for the manifest.
  void Annotate();

 private:
  explicit LineageBook(RunContext& context);
  void DeclareClasses();
  Status DeclareContracts();
  // Makes every parent known, then the node itself.
  Status Learn(Node& node, Warehouse& warehouse);
  Status LearnParents(Node& node, Warehouse& warehouse);
  Status LearnSource(const Node& node, Warehouse& warehouse);
  Status LearnSeed(const Node& node, Warehouse& warehouse);
  Status LearnStanding(const Node& node, Warehouse& warehouse);
  Status LearnModel(Node& node, Warehouse& warehouse);
  Status Define(const Node& node, govern::QueryLineage lineage);
  // Personal data in anything the node stands on, the first way to it; null when there is none.
  bool StandsOnPii(const Node& node);
  Status Judge(const Node& node);
  std::string Explain(const Node& node, const std::string& layer,
                      const std::map<std::string, std::vector<govern::PiiTrail>>& columns) const;
  std::string TableOf(const Node& node) const;

  RunContext& context_;
  LineagePolicy policy_;
  std::unique_ptr<LineageTracer> tracer_;
  std::mutex mutex_;
  govern::PiiFlow flow_;
  std::set<std::string> known_, traced_;
  std::map<std::string, std::string> untraced_;
  std::map<std::string, const Node*> by_table_;
};

}  // namespace tarn::transform
