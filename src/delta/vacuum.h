// VACUUM: deleting files of a table's folder that no version inside the retention needs.
//
// Kept, whatever its age: what the newest version names; what any commit inside the retention
// removes or lists as change data; tombstones younger than the retention; what registered shallow
// clones need (clone_registry.h); anything younger than the retention (a write may be under way);
// `_delta_log`, names that start with `_` or `.`, and folders that are tables of their own.
// A version is inside the retention when it was the newest at some time since then.
//
// Two commits frame the deletions, VACUUM START and VACUUM END, with Spark's parameters and
// metrics; a dry run writes nothing.
//
// Threads: call from one; deletes with several. Errors: kInvalidArgument (retention too short),
// kUnsupported (a feature Tarn does not write), those of reading the log or a clone: nothing has
// been deleted then. A failed deletion: kIo, with how many went.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "delta/clone_registry.h"
#include "delta/table.h"

namespace tarn::delta {

struct VacuumOptions {
  std::optional<int64_t> retention_ms;  // nullopt: delta.deletedFileRetentionDuration
  // Refuse a retention below the table's own.
  bool check_retention = true;
  bool dry_run = false;
  bool lite = false;  // by the log alone: files that commits outside the retention removed
  OpenLocation open_clone;
  std::function<void(double)> progress;  // 0 … 1; may be empty
  int threads = 8;
};

struct VacuumOutcome {
  std::vector<std::string> keys;  // to delete (dry run) or deleted, ascending
  int64_t bytes = 0;
  int64_t folders = 0;  // looked at
  int64_t retention_ms = 0;
};

Result<VacuumOutcome> Vacuum(const std::shared_ptr<Table>& table, const VacuumOptions& options);

}  // namespace tarn::delta
