// Pruner: judges files by a Predicate from partition values and statistics (PROTOCOL.md, "Per-file
// Statistics"), for Snapshot::Prune and for conflict detection.
//
// Soundness comes before sharpness: kNone only when no row can match, kAll only when every row
// does. So bounds are widened where writers are known to cut them: string maxima of 32 characters
// and more stand for every string that starts with them, timestamps lie up to 999 us above their
// millisecond, long decimals written as doubles get room for their rounding, and a float or double
// may hold NaN (which sorts above everything) unless the file's `nanCount` says it has none.
//
// Threads: Judge and Prune are const but share caches: one thread per Pruner.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "delta/actions.h"
#include "delta/file_table.h"
#include "delta/predicate.h"
#include "delta/schema.h"
#include "delta/snapshot.h"

namespace tarn::delta {

class Pruner {
 public:
  // `column_mapping_on`: statistics and partition values are keyed by physical names. Columns that
  // the schema lacks, and literals that cannot be compared with their column, count as unknown.
  Pruner(const Schema& schema, const std::vector<std::string>& partition_columns,
         bool column_mapping_on, const Predicate& predicate);
  ~Pruner();
  Pruner(const Pruner&) = delete;
  Pruner& operator=(const Pruner&) = delete;

  Verdict Judge(const AddFile& file) const;
  // The files that are not kNone, in order.
  std::vector<Snapshot::Candidate> Prune(const FileTable& files) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarn::delta
