// Selection: `--select`, `--exclude` and selectors.yml to a set of nodes.
//
// What it is: dbt's grammar: a blank means union, a comma intersection; `+`, `n+`, `@` walk the
// graph; methods tag, path, file, fqn, package, config, source, exposure, metric, test_name,
// test_type, resource_type, state, result, source_status, access, group, version, unit_test,
// wildcards.
//
// What it does not do: which kinds of nodes a command runs is the caller's to filter.
//
// Threads: const after construction. Errors: kInvalidArgument naming the criterion.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "transform/project/manifest.h"

namespace tarn::transform {

// Whether tests come with what they test.
enum class IndirectSelection { kEager, kCautious, kBuildable, kEmpty };
Result<IndirectSelection> ParseIndirectSelection(const std::string& name);

// Artifacts of an earlier run, for state:, result: and source_status:.
struct PreviousState {
  Json manifest, run_results, sources, current_sources;
  std::string folder;
};
Result<PreviousState> LoadState(const std::string& folder);

struct SelectionRequest {
  std::vector<std::string> select, exclude;
  std::string selector;  // name in selectors.yml
  IndirectSelection indirect = IndirectSelection::kEager;
};

class NodeSelector {
 public:
  // `selectors` is the list of selectors.yml; both may be null.
  NodeSelector(const Manifest& manifest, const Json* selectors, const PreviousState* state);

  // Everything when nothing is asked for.
  Result<std::set<const Node*>> Select(const SelectionRequest& request) const;

 private:
  using Nodes = std::set<const Node*>;
  struct Criterion;
  Result<Nodes> Union(const std::vector<std::string>& specs, IndirectSelection indirect) const;
  Result<Nodes> One(const std::string& spec, IndirectSelection indirect) const;
  Result<Nodes> Named(const std::string& name, IndirectSelection indirect, int depth) const;
  Result<Nodes> Definition(const Json& definition, IndirectSelection indirect, int depth) const;
  Result<Nodes> Group(const Json& list, bool all, IndirectSelection indirect, int depth) const;
  Result<Nodes> Evaluate(const Criterion& criterion, IndirectSelection indirect) const;
  Result<bool> Matches(const Criterion& criterion, const Node& node) const;
  Result<bool> MatchesState(const std::string& value, const Node& node) const;
  bool MatchesResult(const std::string& value, const Node& node) const;
  bool MacrosChanged(const Node& node) const;
  Nodes AllNodes() const;
  void Walk(Nodes& nodes, bool up, int depth) const;
  void AddTests(Nodes& nodes, IndirectSelection indirect) const;

  const Manifest& manifest_;
  const Json* selectors_;
  const PreviousState* state_;
};

// Python's fnmatch: *, ?, [seq], [!seq].
bool GlobMatches(std::string_view pattern, std::string_view text);

}  // namespace tarn::transform
