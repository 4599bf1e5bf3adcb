// QueryResult over DuckDB's result. Engine-internal.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "duckdb.hpp"
#include "engine/engine.h"

namespace tarn::engine {

class DuckQueryResult final : public QueryResult {
 public:
  DuckQueryResult(std::unique_ptr<duckdb::QueryResult> result, std::string kind, bool is_query);
  const std::vector<Column>& columns() const override { return columns_; }
  Result<bool> NextBatch() override;
  size_t batch_rows() const override { return chunk_ ? chunk_->size() : 0; }
  bool IsNull(size_t column, size_t row) const override;
  std::string Text(size_t column, size_t row) const override;
  std::string Json(size_t column, size_t row) const override;
  const std::string& statement_kind() const override { return kind_; }
  bool is_query() const override { return is_query_; }
  std::optional<int64_t> rows_changed() const override { return rows_changed_; }
  // The error that ended the rows, if any.
  const duckdb::ErrorData* error() const { return failed_ ? &error_ : nullptr; }

 private:
  std::unique_ptr<duckdb::QueryResult> result_;
  std::string kind_;
  bool is_query_;
  bool failed_ = false;
  bool done_ = false;  // DuckDB's stream may not be asked again after its end
  duckdb::ErrorData error_;
  std::vector<Column> columns_;
  std::unique_ptr<duckdb::DataChunk> chunk_;
  std::optional<int64_t> rows_changed_;
};

}  // namespace tarn::engine
