#include "cli/sql_runner.h"

#include <chrono>
#include <cstdio>

#include "cli/query_monitor.h"

namespace tarn::cli {
namespace {

class BatchRow final : public RowView {
 public:
  explicit BatchRow(engine::QueryResult& result) : result_(result) {}
  void Move(size_t row) { row_ = row; }
  bool IsNull(size_t column) const override { return result_.IsNull(column, row_); }
  std::string Text(size_t column) const override { return result_.Text(column, row_); }
  std::string Json(size_t column) const override { return result_.Json(column, row_); }

 private:
  engine::QueryResult& result_;
  size_t row_ = 0;
};

Status PrintRows(engine::QueryResult& result, const SqlOutput& output, Streams& streams,
                 QueryMonitor& monitor) {
  RenderOptions options;
  options.format = output.format;
  options.max_rows = output.max_rows;
  options.max_columns_wide = output.fit_terminal ? streams.terminal_columns : 0;
  auto writer = MakeRowWriter(options, streams.out);
  std::vector<ColumnHead> heads;
  for (const auto& column : result.columns()) {
    heads.push_back({column.name, column.type, column.is_numeric});
  }
  BatchRow row(result);
  bool begun = false;
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const bool more, result.NextBatch());
    // A query that fails before its first row prints no header either.
    if (!begun) {
      monitor.HideProgress();
      writer->Begin(heads);
      begun = true;
    }
    if (!more) break;
    if (monitor.cancelled()) return Status::Cancelled("cancelled");
    for (size_t i = 0; i < result.batch_rows(); ++i) {
      row.Move(i);
      writer->Row(row);
    }
    if (!streams.out) return Status::Io("standard output was closed or could not be written");
  }
  writer->End();
  return Status::Ok();
}

// Plans and definitions are drawn by whoever made them, over many lines: a cell would only spoil
// them.
bool IsText(const engine::QueryResult& result) {
  return result.statement_kind() == "EXPLAIN" || result.statement_kind() == "SHOW CREATE TABLE";
}

Status PrintText(engine::QueryResult& result, Streams& streams, QueryMonitor& monitor) {
  const size_t last = result.columns().size() - 1;
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const bool more, result.NextBatch());
    monitor.HideProgress();
    if (!more) return Status::Ok();
    for (size_t row = 0; row < result.batch_rows(); ++row) {
      const std::string text = result.IsNull(last, row) ? "" : result.Text(last, row);
      streams.out << text << (text.empty() || text.back() != '\n' ? "\n" : "");
    }
  }
}

Status Drain(engine::QueryResult& result) {
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const bool more, result.NextBatch());
    if (!more) return Status::Ok();
  }
}

std::string Outcome(engine::QueryResult& result) {
  const auto changed = result.rows_changed();
  if (!changed) return result.statement_kind();
  return result.statement_kind() + ": " + std::to_string(*changed) +
         (*changed == 1 ? " row" : " rows");
}

}  // namespace

Status RunScript(engine::Session& session, std::string_view script, const std::string& source_name,
                 const SqlOutput& output, Streams& streams) {
  using Clock = std::chrono::steady_clock;
  QueryMonitor monitor(session, streams.err, output.progress && streams.err_is_terminal);
  auto start = Clock::now();
  const auto visit = [&](engine::QueryResult& result) -> Status {
    if (result.is_query()) {
      const bool as_text = output.format == OutputFormat::kTable && IsText(result);
      TARN_RETURN_IF_ERROR(as_text ? PrintText(result, streams, monitor)
                                   : PrintRows(result, output, streams, monitor));
    } else {
      TARN_RETURN_IF_ERROR(Drain(result));
      if (!output.quiet && output.format == OutputFormat::kTable) {
        monitor.HideProgress();
        streams.out << Outcome(result) << "\n";
      }
    }
    streams.out.flush();
    if (output.timing) {
      char text[48];
      std::snprintf(text, sizeof text, "%.3f s\n",
                    std::chrono::duration<double>(Clock::now() - start).count());
      streams.err << text << std::flush;
    }
    start = Clock::now();
    return monitor.cancelled() ? Status::Cancelled("cancelled") : Status::Ok();
  };
  Status status = session.Run(script, source_name, visit);
  if (!status.ok() && monitor.cancelled()) return Status::Cancelled("cancelled");
  return status;
}

}  // namespace tarn::cli
