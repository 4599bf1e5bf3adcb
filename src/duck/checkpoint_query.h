// How checkpoint Parquet is asked through DuckDB: what columns a file has, and queries by the
// chunk. Private to the checkpoint sources.
//
// Threads: one connection per thread. Errors: exceptions of DuckDB.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "duckdb.hpp"
#include "duckdb/common/string_util.hpp"
#include "duckdb/main/connection.hpp"
#include "duckdb/parser/keyword_helper.hpp"

namespace tarn::duck {

// What the file holds: top-level columns and their types.
class Layout {
 public:
  Layout(duckdb::Connection& connection, const std::string& source) {
    auto result = connection.Query("SELECT * FROM " + source + " LIMIT 0");
    if (result->HasError()) result->ThrowError();
    for (duckdb::idx_t i = 0; i < result->names.size(); ++i) {
      columns_.emplace_back(result->names[i], result->types[i]);
    }
  }
  const duckdb::LogicalType* Column(const std::string& name) const {
    for (const auto& [have, type] : columns_) {
      if (duckdb::StringUtil::CIEquals(have, name)) return &type;
    }
    return nullptr;
  }
  // The type of a field of a struct; null when either is absent.
  static const duckdb::LogicalType* Field(const duckdb::LogicalType* type,
                                          const std::string& name) {
    if (type == nullptr || type->id() != duckdb::LogicalTypeId::STRUCT) return nullptr;
    for (const auto& [have, child] : duckdb::StructType::GetChildTypes(*type)) {
      if (duckdb::StringUtil::CIEquals(have, name)) return &child;
    }
    return nullptr;
  }

 private:
  std::vector<std::pair<std::string, duckdb::LogicalType>> columns_;
};

inline std::string Quote(const std::string& name) {
  return duckdb::KeywordHelper::WriteQuoted(name, '"');
}

// Runs a query and hands over its chunks as they are decoded.
template <typename Visit>
Status ForEachChunk(duckdb::Connection& connection, const std::string& sql, Visit visit) {
  auto result = connection.SendQuery(sql);
  if (result->HasError()) result->ThrowError();
  for (;;) {
    auto chunk = result->Fetch();
    if (result->HasError()) result->ThrowError();
    if (!chunk || chunk->size() == 0) return Status::Ok();
    TARN_RETURN_IF_ERROR(visit(*chunk));
  }
}

}  // namespace tarn::duck
