#include <functional>

#include "transform/lineage/plan_walk_state.h"

namespace tarn::transform {
namespace {

using govern::EdgeKind;
using govern::LineageColumn;
using govern::LineageEdge;

// The same column with every edge changed; fields stay fields.
LineageColumn Map(const LineageColumn& column, const std::function<void(LineageEdge&)>& change) {
  LineageColumn mapped;
  for (LineageEdge edge : column.edges) {
    change(edge);
    AddEdge(mapped.edges, edge);
  }
  for (const auto& [name, field] : column.fields) mapped.fields.emplace(name, Map(field, change));
  return mapped;
}

Origin Mapped(const Origin& origin, const std::function<void(LineageEdge&)>& change) {
  return std::make_shared<const LineageColumn>(Map(*origin, change));
}

bool SameFields(const LineageColumn& a, const LineageColumn& b) {
  if (a.fields.size() != b.fields.size()) return false;
  for (const auto& [name, field] : a.fields) {
    if (!b.fields.contains(name)) return false;
  }
  return true;
}

bool IsNothing(const LineageColumn& column) {
  return column.edges.empty() && column.fields.empty();
}

LineageColumn MergeTwo(const LineageColumn& a, const LineageColumn& b) {
  if (IsNothing(a)) return b;
  if (IsNothing(b)) return a;
  LineageColumn merged;
  if (!a.fields.empty() && SameFields(a, b)) {
    merged.edges = a.edges;
    for (const LineageEdge& edge : b.edges) AddEdge(merged.edges, edge);
    for (const auto& [name, field] : a.fields) {
      merged.fields.emplace(name, MergeTwo(field, b.fields.at(name)));
    }
    return merged;
  }
  merged.edges = AllEdges(a);
  for (const LineageEdge& edge : AllEdges(b)) AddEdge(merged.edges, edge);
  return merged;
}

}  // namespace

Origin NoOrigin() {
  static const Origin nothing = std::make_shared<const LineageColumn>();
  return nothing;
}

Origin Merge(const std::vector<Origin>& origins) {
  Origin merged = NoOrigin();
  for (const Origin& origin : origins) {
    if (IsNothing(*origin)) continue;
    merged = IsNothing(*merged) ? origin
                                : std::make_shared<const LineageColumn>(MergeTwo(*merged, *origin));
  }
  return merged;
}

Origin Raise(const Origin& origin, EdgeKind kind, bool keep_whole) {
  if (IsNothing(*origin)) return origin;
  return Mapped(origin, [&](LineageEdge& edge) {
    if (IsDirect(edge.kind) && edge.kind < kind) edge.kind = kind;
    if (!keep_whole) edge.whole = false;
  });
}

Origin Decides(const Origin& origin, EdgeKind kind, bool keep_value) {
  LineageColumn decided;
  for (LineageEdge edge : AllEdges(*origin)) {
    if (IsDirect(edge.kind)) edge.kind = kind;
    edge.value = edge.value && keep_value;
    edge.whole = false;
    AddEdge(decided.edges, edge);
  }
  return std::make_shared<const LineageColumn>(std::move(decided));
}

Origin Masked(const Origin& origin) {
  LineageColumn masked;
  for (LineageEdge edge : AllEdges(*origin)) {
    if (IsDirect(edge.kind) && edge.kind < EdgeKind::kTransformation) {
      edge.kind = EdgeKind::kTransformation;
    }
    edge.masked = true;
    edge.value = edge.whole = false;
    AddEdge(masked.edges, edge);
  }
  return std::make_shared<const LineageColumn>(std::move(masked));
}

Origin FieldOf(const Origin& origin, const std::vector<std::string>& path) {
  size_t depth = 0;
  const LineageColumn& at = govern::FieldAt(*origin, path, &depth);
  const std::vector<std::string> rest(path.begin() + static_cast<int64_t>(depth), path.end());
  return Mapped(std::make_shared<const LineageColumn>(at), [&](LineageEdge& edge) {
    if (edge.whole) edge.from.path.insert(edge.from.path.end(), rest.begin(), rest.end());
  });
}

}  // namespace tarn::transform
