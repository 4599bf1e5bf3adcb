// A parsed query made ready for tracing.
//
// Threads: pure functions. Errors: DuckDB's exceptions.
#pragma once

#include <set>
#include <string>

#include "duckdb/parser/query_node.hpp"

namespace tarn::transform {

// The field name that marks a sanctioned call: struct_extract(struct_pack(<mark> := call), <mark>).
inline constexpr const char* kMaskMark = "tarn_masked";

// Calls of `functions` (lower case) are wrapped in the mark.
void MarkSanctioned(duckdb::QueryNode& node, const std::set<std::string>& functions);
// Tables that are in `relations` ("schema.table", lower case) become temporary tables of that name.
void RedirectRelations(duckdb::QueryNode& node, const std::set<std::string>& relations);

}  // namespace tarn::transform
