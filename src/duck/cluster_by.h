// CLUSTER BY: which columns a table is clustered by, kept in the metadata domain `delta.clustering`
// under their physical names. What it does not do: rearrange rows (OPTIMIZE, clustering.h).
#pragma once

#include <string>
#include <vector>

#include "delta/transaction.h"
#include "duckdb.hpp"

namespace tarn::duck {

// The column a SORTED BY key names. Errors: BinderException for expressions.
std::string ClusteringColumn(const duckdb::ParsedExpression& key, const std::string& table);
// Stages the domain; no columns mean that the table is clustered no more. Errors: BinderException
// for columns that are absent, named twice, too many or of a type without statistics, and for
// partitioned tables.
void StageClustering(delta::Transaction& transaction, const std::string& table,
                     const std::vector<std::string>& columns);

}  // namespace tarn::duck
