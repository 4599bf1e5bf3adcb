// The SQL (DuckDB's) behind dead_letters.h, and its rows.
//
// Pure functions. Errors: kInvalidArgument for a filter that cannot be meant.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "ingest/dead_letters.h"

namespace tarn::ingest {

// `actions` empty: there is no such table yet.
Result<std::string> LettersQuery(const std::string& letters, const std::string& actions,
                                 const LetterFilter& filter);
// A row of LettersQuery.
Letter LetterOf(const std::vector<std::optional<std::string>>& row);
// Ids and their payloads as hex.
std::string PayloadQuery(const std::string& letters, const std::vector<std::string>& ids);
// In Spark's dialect.
std::string CreateActionsStatement(const std::string& actions);

Result<std::string> BytesOfHex(const std::string& hex);

}  // namespace tarn::ingest
