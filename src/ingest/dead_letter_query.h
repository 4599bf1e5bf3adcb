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
// Ids and what was kept of the records; `whole`: the table has the columns that came later.
std::string RecordsQuery(const std::string& letters, const std::vector<std::string>& ids,
                         bool whole);
// A row of RecordsQuery, behind the id.
Result<LetterRecord> RecordOf(const std::vector<std::optional<std::string>>& row);
// Topic, partition, offset and checksum of rows of a Bronze table that may be these letters.
std::string RowsQuery(const std::string& table, const std::string& system,
                      const std::vector<Letter>& letters);
// In Spark's dialect.
std::string CreateActionsStatement(const std::string& actions);

// 'text' and "schema"."table".
std::string Literal(const std::string& text);
std::string TableIn(const std::string& table, char quote);

Result<std::string> BytesOfHex(const std::string& hex);

}  // namespace tarn::ingest
