// The typed forms inside a checkpoint (`stats_parsed`, `partitionValues_parsed`) as the texts the
// log uses (PROTOCOL.md, "Per-file Statistics", "Partition Value Serialization"). Vectors must be
// flat.
#pragma once

#include <string>

#include "duckdb.hpp"

namespace tarn::duck {

// Appends the value at `row` as JSON; structs without nulls, binary and NaN left out. False (and
// nothing appended) when there is nothing to say.
bool AppendStatsJson(duckdb::Vector& vector, duckdb::idx_t row, std::string* out);
// Appends a non-null scalar in the form of partitionValues.
void AppendPartitionText(duckdb::Vector& vector, duckdb::idx_t row, std::string* out);

}  // namespace tarn::duck
