// Seeds: CSV files of a project to tables, with dbt's idea of their types.
//
// What it is: dbt infers types with agate: integers, numbers, dates, timestamps, booleans, text;
// the rows are then read by DuckDB's CSV reader, so that a large seed costs no more than a scan.
//
// Threads: pure functions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "transform/run/warehouse.h"

namespace tarn::transform {

struct SeedColumn {
  std::string name;
  std::string type;  // DuckDB's
};

struct CsvFile {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

// Errors: kInvalidArgument "<file>:<line>: …" for a row of another length or an open quote.
Result<CsvFile> ParseCsv(std::string text, const std::string& shown, char delimiter);
Result<CsvFile> ReadCsv(const std::string& path, const std::string& shown, char delimiter);
// The type of each column, by all of its values. `null` and empty values say nothing.
std::vector<SeedColumn> InferTypes(const CsvFile& csv);

// SELECT over the file that gives typed rows; `types` overrides by column name.
Result<std::string> SeedQuery(const Node& node, size_t* row_count);

}  // namespace tarn::transform
