#include "engine/query_result.h"

#include "engine/error_status.h"
#include "engine/json_text.h"

namespace tarn::engine {

DuckQueryResult::DuckQueryResult(std::unique_ptr<duckdb::QueryResult> result, std::string kind,
                                 bool is_query)
    : result_(std::move(result)), kind_(std::move(kind)), is_query_(is_query) {
  if (result_->properties.return_type == duckdb::StatementReturnType::CHANGED_ROWS) {
    // One row, one number: taken here so that callers need not pull it.
    if (auto chunk = result_->Fetch(); chunk && chunk->size() > 0 && chunk->ColumnCount() > 0) {
      const duckdb::Value count = chunk->GetValue(0, 0);
      if (!count.IsNull()) rows_changed_ = count.GetValue<int64_t>();
    }
    is_query_ = false;
    return;
  }
  for (size_t i = 0; i < result_->types.size(); ++i) {
    const auto& type = result_->types[i];
    columns_.push_back({result_->names[i], type.ToString(), type.IsNumeric()});
  }
}

Result<bool> DuckQueryResult::NextBatch() {
  if (columns_.empty() || done_) return false;
  try {
    chunk_.reset();
    duckdb::ErrorData error;
    duckdb::unique_ptr<duckdb::DataChunk> next;
    if (!result_->TryFetch(next, error)) {
      failed_ = true;
      done_ = true;
      error_ = error;
      return StatusFromError(error);
    }
    chunk_ = std::move(next);
    done_ = chunk_ == nullptr || chunk_->size() == 0;
    return !done_;
  } catch (const std::exception& exception) {
    failed_ = true;
    done_ = true;
    error_ = duckdb::ErrorData(exception);
    return StatusFromError(error_);
  }
}

bool DuckQueryResult::IsNull(size_t column, size_t row) const {
  return chunk_->GetValue(column, row).IsNull();
}

std::string DuckQueryResult::Text(size_t column, size_t row) const {
  return chunk_->GetValue(column, row).ToString();
}

std::string DuckQueryResult::Json(size_t column, size_t row) const {
  std::string out;
  AppendJson(chunk_->GetValue(column, row), &out);
  return out;
}

Result<Rows> ReadAll(QueryResult& result) {
  Rows out;
  out.columns = result.columns();
  while (true) {
    TARN_ASSIGN_OR_RETURN(const bool more, result.NextBatch());
    if (!more) return out;
    for (size_t row = 0; row < result.batch_rows(); ++row) {
      auto& cells = out.rows.emplace_back();
      for (size_t column = 0; column < out.columns.size(); ++column) {
        if (result.IsNull(column, row)) {
          cells.emplace_back();
        } else {
          cells.emplace_back(result.Text(column, row));
        }
      }
    }
  }
}

}  // namespace tarn::engine
