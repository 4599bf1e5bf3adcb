// OPTIMIZE, REORG … APPLY (PURGE) and auto-compaction: rows into fewer, fuller or better ordered
// files, without changing what the table says.
//
// The work is cut into bins (delta/maintain_bins.h). Bins are rewritten by all threads and
// committed in batches with dataChange false, each batch against the newest snapshot. Appends made
// meanwhile are left alone. When a commit touched files of a bin (a delete, an update, another
// OPTIMIZE), the bin's new files are thrown away and what is left of it is rewritten from the
// newest state; no delete is lost and no row comes back. Other bins of the batch are not affected.
//
// It commits by itself, batch by batch: not for use inside a transaction. A crash leaves the
// batches that were committed and files that no log names (VACUUM).
//
// Threads: call from one; it uses DuckDB's. Errors: duckdb exceptions; a change of schema or
// partitioning meanwhile is a duckdb::TransactionException, and the statement can be run again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "delta/maintain_bins.h"
#include "delta/table.h"
#include "duckdb.hpp"

namespace tarn::duck {

struct OptimizeRequest {
  std::string name;  // for messages
  std::shared_ptr<delta::Table> table;
  std::string predicate_sql;             // DuckDB SQL over partition columns, or ""
  std::string predicate_text;            // as typed, for the history; or ""
  std::vector<std::string> order_by;     // ZORDER BY; empty for a clustered table means its columns
  bool purge = false;                    // REORG … APPLY (PURGE)
  bool full = false;                     // every file, arranged already or not
  bool automatic = false;                // auto-compaction after a write
  std::function<void(double)> progress;  // 0 … 1; may be empty
};

struct OptimizeOutcome {
  int64_t commits = 0;
  int64_t files_considered = 0;
  std::vector<int64_t> added_sizes;
  std::vector<int64_t> removed_sizes;
  int64_t vectors_removed = 0;
  int64_t bins_left_out = 0;  // changed by others again and again
  std::vector<std::string> order_by;
};

OptimizeOutcome Optimize(duckdb::ClientContext& context, const OptimizeRequest& request);

// delta.autoOptimize.autoCompact is on.
bool WantsAutoCompact(const delta::Metadata& metadata);
// Compacts the partitions that have many small files (50 and more below half of 128 MB). Failures
// are logged, never thrown: the write before it stands.
void AutoCompact(duckdb::ClientContext& context, const std::string& name,
                 const std::shared_ptr<delta::Table>& table);

}  // namespace tarn::duck
