#include "govern/column_lineage.h"

#include <algorithm>

namespace tarn::govern {

std::string_view EdgeKindName(EdgeKind kind) {
  switch (kind) {
    case EdgeKind::kIdentity: return "identity";
    case EdgeKind::kTransformation: return "transformation";
    case EdgeKind::kAggregation: return "aggregation";
    case EdgeKind::kConditional: return "conditional";
    case EdgeKind::kWindow: return "window";
    case EdgeKind::kSort: return "sort";
    case EdgeKind::kFilter: return "filter";
    case EdgeKind::kJoin: return "join";
    case EdgeKind::kGroupBy: return "group_by";
  }
  return "unknown";
}

std::string SourceColumn::ColumnText() const {
  std::string text = column;
  for (const std::string& part : path) text += "." + part;
  return text;
}

std::string SourceColumn::Text() const { return table + "." + ColumnText(); }

void AddEdge(std::vector<LineageEdge>& edges, const LineageEdge& edge) {
  const bool there = std::any_of(edges.begin(), edges.end(), [&](const LineageEdge& other) {
    return other.kind == edge.kind && other.masked == edge.masked && other.value == edge.value &&
           other.whole == edge.whole && other.from == edge.from;
  });
  if (!there) edges.push_back(edge);
}

std::vector<LineageEdge> AllEdges(const LineageColumn& column) {
  std::vector<LineageEdge> edges = column.edges;
  for (const auto& [name, field] : column.fields) {
    for (const LineageEdge& edge : AllEdges(field)) AddEdge(edges, edge);
  }
  return edges;
}

const LineageColumn& FieldAt(const LineageColumn& column, const std::vector<std::string>& path,
                             size_t* depth) {
  const LineageColumn* at = &column;
  for (*depth = 0; *depth < path.size(); ++*depth) {
    const auto field = at->fields.find(path[*depth]);
    if (field == at->fields.end()) break;
    at = &field->second;
  }
  return *at;
}

std::vector<LineageEdge> EdgesAt(const LineageColumn& column,
                                 const std::vector<std::string>& path) {
  size_t depth = 0;
  std::vector<LineageEdge> edges = AllEdges(FieldAt(column, path, &depth));
  for (LineageEdge& edge : edges) {
    if (edge.whole) edge.from.path.insert(edge.from.path.end(), path.begin() + depth, path.end());
  }
  return edges;
}

}  // namespace tarn::govern
