// A view of the lake: `<schema>/<view>.view.json` with the fields
//   name, dialect ("spark" or "duckdb": what it was written in), sql (the query as DuckDB reads it,
//   after the dialect's rewriting), text (the statement as typed), columns (aliases), comment.
//
// Errors: kCorruption naming the file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tarn::duck {

inline constexpr const char* kViewSuffix = ".view.json";
// DuckDB setting the engine sets to the session's dialect, so that CREATE VIEW can record it.
inline constexpr const char* kViewDialectSetting = "tarn_dialect";

struct ViewFile {
  std::string name;
  std::string dialect = "duckdb";
  std::string sql;
  std::string text;
  std::vector<std::string> columns;
  std::optional<std::string> comment;
};

std::string SerializeView(const ViewFile& view);
Result<ViewFile> ParseView(std::string_view json, const std::string& key);

}  // namespace tarn::duck
