// Column lineage: which columns of which tables an output column was made of, and how.
//
// What it is: the words transform/lineage speaks when it has read a bound plan, and PII rules
// (pii_flow.h), system.column_lineage and the docs read. The kinds are OpenLineage's: direct ones
// carry a value into the column, indirect ones only decide about it.
//
// What it does not do: it reads no SQL and knows no tables.
//
// Threads: value types. Errors: none here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::govern {

enum class EdgeKind : uint8_t {
  // Direct, weakest first: what passes two of them counts as the stronger.
  kIdentity,        // the value as it is, under whatever name
  kTransformation,  // a value computed from it, casts included
  kAggregation,     // a value computed from it over several rows
  // Indirect, of one column.
  kConditional,  // decided which value it was: CASE, FILTER, EXISTS, IN (SELECT …)
  kWindow,       // PARTITION BY and ORDER BY of a window
  kSort,         // ORDER BY inside an aggregate, of a whole query
  // Indirect, of all columns: they decide about rows.
  kFilter,
  kJoin,
  kGroupBy,
};
std::string_view EdgeKindName(EdgeKind kind);  // "identity", …, "group_by"
inline bool IsDirect(EdgeKind kind) { return kind <= EdgeKind::kAggregation; }

// A column of a table, or a part of it: a field of a struct, a key of a map, a path inside JSON.
struct SourceColumn {
  std::string table;              // "silver.users", lower case; a file function's call
  std::string column;             // as the table spells it
  std::vector<std::string> path;  // below the column; elements of lists are not numbered
  bool operator==(const SourceColumn&) const = default;
  auto operator<=>(const SourceColumn&) const = default;
  // "silver.users.address.city"
  std::string Text() const;
  // "address.city"
  std::string ColumnText() const;
};

struct LineageEdge {
  SourceColumn from;
  EdgeKind kind = EdgeKind::kIdentity;
  // It passed a function that hides what it is given (StatementPolicy of transform/lineage).
  bool masked = false;
  // The source's value, or part of it, can be read off the result. False for what only tells
  // something about it: a count, a comparison, an order, a filter.
  bool value = true;
  // The result still holds all of the source's value (perhaps written another way), so that a field
  // taken out of the result is that field of the source.
  bool whole = true;
  // The expressions it passed on its way, innermost first; "with <name>" for an ephemeral model.
  std::vector<std::string> steps;
};

struct LineageColumn {
  std::string name;
  std::string type;  // DuckDB's name of the type
  std::vector<LineageEdge> edges;
  // Of a struct made in the query: what each field was made of; `edges` is then empty.
  std::map<std::string, LineageColumn> fields;
};

struct QueryLineage {
  std::vector<LineageColumn> columns;
  std::vector<LineageEdge> rows;  // kFilter, kJoin, kGroupBy, kSort: of every column
};

// Adds what is not there yet; an edge equal but for its steps is there.
void AddEdge(std::vector<LineageEdge>& edges, const LineageEdge& edge);
// All edges of a column and its fields.
std::vector<LineageEdge> AllEdges(const LineageColumn& column);
// The deepest known field on `path` below the column; `depth` is how many names of the path lead
// there.
const LineageColumn& FieldAt(const LineageColumn& column, const std::vector<std::string>& path,
                             size_t* depth);
// What `path` below the column was made of: the field's edges where fields are known, else the
// column's with the path behind their own where they are whole.
std::vector<LineageEdge> EdgesAt(const LineageColumn& column, const std::vector<std::string>& path);

}  // namespace tarn::govern
