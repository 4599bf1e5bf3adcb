// StreamingBatch: the new rows of one batch of a streaming model, between reading and the commit.
//
// What it is: the model's query over the new upstream rows, held in a temporary table; which of its
// rows are copies of one another or of what the target has; which are late; the SELECT that gives
// what is to be written.
//
// How copies are found: two rows with the same unique_key are copies when their event times lie at
// most `watermark` apart. Of a batch, the first to arrive stays. The target is asked for keys only
// within the batch's event times, widened by the watermark, so that its statistics and partitions
// leave its recent files: they are the state, there is no other. Rows without a key are never
// copies.
//
// Threads: one at a time. Lifetime: the scope outlives it; the temporary tables go with it. Errors:
// the engine's, with the model's own lines.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "transform/run/run_scope.h"
#include "transform/run/streaming_config.h"

namespace tarn::transform {

struct BatchFigures {
  int64_t rows_read = 0;   // that the model's query gave
  int64_t duplicates = 0;  // of them, copies
  int64_t rows = 0;        // that are to be written
  int64_t late = 0;        // of those, late
  // Of the rows to be written; nullopt: no row has a time.
  std::optional<int64_t> min_event_micros, max_event_micros;
};

class StreamingBatch {
 public:
  StreamingBatch(RunScope& scope, const StreamingConfig& config);
  ~StreamingBatch();
  StreamingBatch(const StreamingBatch&) = delete;
  StreamingBatch& operator=(const StreamingBatch&) = delete;

  // Runs the model's query.
  Status Load();
  // `target`: "lake"."silver"."events"; empty: there is none yet. `before`: the newest event time
  // of all earlier batches.
  Status FindCopies(const std::string& target);
  Result<BatchFigures> Measure(std::optional<int64_t> before);
  // What the target is to have, is_late included.
  const std::vector<engine::Column>& columns() const { return columns_; }
  // SELECT of these columns; after Measure.
  std::string Select(const std::vector<engine::Column>& columns) const;

 private:
  struct Range {
    int64_t from_micros, to_micros;
  };
  Status ResolveTimes();
  std::string Literal(int64_t micros) const;
  std::string EventMicros() const;
  Result<std::string> RecentRows(const std::string& target);
  Result<std::vector<Range>> EventRanges();
  std::string KeyColumns() const;
  std::string KeysMatch(const char* a, const char* b) const;

  RunScope& scope_;
  const StreamingConfig& config_;
  std::string batch_, copies_;  // temporary tables, quoted
  std::vector<engine::Column> columns_;
  std::string event_time_, event_type_;
  bool adds_late_column_ = false;
  bool has_copies_ = false;
  std::string late_ = "false";
  BatchFigures figures_;
  std::optional<int64_t> oldest_read_, newest_read_;
  int64_t without_time_ = 0, endless_ = 0;
};

}  // namespace tarn::transform
