// Microbatch models: one commit per batch of event time, each replacing exactly its interval.
//
// Threads: batches of a model run one after the other. A batch that failed is named with its start
// in the result, and `retry` runs only those.
#pragma once

#include <string>
#include <vector>

#include "transform/run/materialize.h"

namespace tarn::transform {

Result<MaterializeOutcome> MaterializeMicrobatch(RunScope& scope);

// Intervals of `batch_size` (hour, day, month, year) from `begin` (micros since the epoch) until
// `end`, aligned to the size.
struct Batch {
  int64_t start_micros = 0, end_micros = 0;
};
Result<std::vector<Batch>> BatchesBetween(const std::string& batch_size, int64_t begin_micros,
                                          int64_t end_micros);
// `micros` back or forth by whole batches, aligned.
int64_t ShiftBatch(const std::string& batch_size, int64_t micros, int64_t count);
std::string BatchTimestamp(int64_t micros);
Result<int64_t> ParseBatchTimestamp(const std::string& text);

}  // namespace tarn::transform
