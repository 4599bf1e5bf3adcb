#include "ingest/parquet_rows.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/hash.h"
#include "codec/json_text.h"
#include "dialect/lexer.h"

namespace tarn::ingest {
namespace {

constexpr size_t kPullsAhead = 2;
constexpr const char* kRowNumber = "file_row_number";

// A path is a pattern to the engine's reader; these marks would name other files.
std::string EscapedPath(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == '*' || c == '?' || c == '[') {
      out += std::string("[") + c + "]";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

class ParquetRows final : public sources::files::TableRows {
 public:
  ParquetRows(std::string path, std::unique_ptr<engine::Session> session)
      : path_(std::move(path)), session_(std::move(session)) {
    session_->SetDialect(dialect::SqlDialect::kDuckdb);
  }
  ~ParquetRows() override {
    {
      std::lock_guard lock(mutex_);
      cancelled_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  Status Start(int64_t first_row) {
    TARN_RETURN_IF_ERROR(ReadShape());
    next_row_ = first_row;
    const std::string sql = "SELECT *, " + std::string(kRowNumber) + " FROM read_parquet(" +
                            dialect::QuoteString(EscapedPath(path_)) + ") WHERE " + kRowNumber +
                            " >= " + std::to_string(first_row);
    thread_ = std::thread([this, sql] { Produce(sql); });
    return Status::Ok();
  }

  const std::string& schema_id() const override { return schema_id_; }
  int64_t row_count() const override { return row_count_; }

  Result<std::vector<std::string>> Next(size_t max_rows) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !ready_.empty() || finished_; });
    if (ready_.empty()) {
      if (!result_.ok()) return result_;
      if (next_row_ != row_count_) return Damaged("it ends after row " + std::to_string(next_row_));
      return std::vector<std::string>();
    }
    std::vector<std::string> rows = std::move(ready_.front());
    ready_.pop_front();
    next_row_ += static_cast<int64_t>(rows.size());
    lock.unlock();
    changed_.notify_all();
    return rows;
  }

 private:
  Status Damaged(const std::string& what) const {
    return Status::Corruption("cannot read Parquet file " + path_ + ": " + what);
  }

  Status ReadShape() {
    const std::string file = dialect::QuoteString(EscapedPath(path_));
    const auto counted =
        session_->QueryDuckdb("SELECT num_rows FROM parquet_file_metadata(" + file + ")");
    if (!counted.ok()) return Damaged(counted.status().message());
    if (counted->rows.size() != 1 || !counted->rows[0][0]) return Damaged("it has no row count");
    row_count_ = std::stoll(*counted->rows[0][0]);
    const auto shape = session_->QueryDuckdb("SELECT * FROM read_parquet(" + file + ") LIMIT 0");
    if (!shape.ok()) return Damaged(shape.status().message());
    std::string text;
    for (const auto& column : shape->columns) {
      if (column.name == kRowNumber) {
        return Status::Unsupported(path_ + " has a column named " + kRowNumber +
                                   ", which the reader keeps for itself; rename it");
      }
      text += codec::JsonString(column.name) + ":" + column.type + ",";
      names_.push_back(codec::JsonString(column.name) + ":");
    }
    schema_id_ = Sha256Hex(text).substr(0, 12);
    return Status::Ok();
  }

  void Produce(const std::string& sql) {
    int64_t row = next_row_;
    const Status status = session_->Run(sql, "", [&](engine::QueryResult& result) -> Status {
      for (;;) {
        TARN_ASSIGN_OR_RETURN(const bool more, result.NextBatch());
        if (!more) return Status::Ok();
        TARN_ASSIGN_OR_RETURN(auto rows, Render(result, &row));
        if (!Hand(std::move(rows))) return Status::Cancelled("no more rows are wanted");
      }
    });
    std::lock_guard lock(mutex_);
    result_ =
        status.ok() || status.code() == StatusCode::kCancelled ? status : Damaged(status.message());
    finished_ = true;
    changed_.notify_all();
  }

  // Waits for room; false: nobody wants them.
  bool Hand(std::vector<std::string> rows) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ready_.size() < kPullsAhead || cancelled_; });
    if (cancelled_) return false;
    if (!rows.empty()) ready_.push_back(std::move(rows));
    lock.unlock();
    changed_.notify_all();
    return true;
  }

  Result<std::vector<std::string>> Render(const engine::QueryResult& result, int64_t* row) const {
    std::vector<std::string> rows(result.batch_rows());
    for (size_t i = 0; i < rows.size(); ++i) {
      // Positions count rows, so the engine must give them in file order.
      if (result.Text(names_.size(), i) != std::to_string(*row)) {
        return Status::Internal("rows of " + path_ + " came out of order at row " +
                                std::to_string(*row));
      }
      ++*row;
      std::string& text = rows[i];
      text = "{";
      for (size_t column = 0; column < names_.size(); ++column) {
        if (column > 0) text += ',';
        text += names_[column];
        text += result.Json(column, i);
      }
      text += '}';
    }
    return rows;
  }

  std::string path_;
  std::unique_ptr<engine::Session> session_;
  std::vector<std::string> names_;  // "\"name\":"
  std::string schema_id_;
  int64_t row_count_ = 0;
  int64_t next_row_ = 0;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::vector<std::string>> ready_;
  bool cancelled_ = false;
  bool finished_ = false;
  Status result_;
  std::thread thread_;
};

}  // namespace

sources::files::OpenTableRows ParquetOpener(engine::Engine& engine) {
  return [&engine](const std::string& path,
                   int64_t first_row) -> Result<std::unique_ptr<sources::files::TableRows>> {
    TARN_ASSIGN_OR_RETURN(auto session, engine.NewSession());
    auto rows = std::make_unique<ParquetRows>(path, std::move(session));
    TARN_RETURN_IF_ERROR(rows->Start(first_row));
    return std::unique_ptr<sources::files::TableRows>(std::move(rows));
  };
}

}  // namespace tarn::ingest
