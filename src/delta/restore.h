// RESTORE: a new version whose rows, schema and properties are those of an older one. History
// stays; the protocol is never lowered.
//
// Threads: call from one. Errors: kNotFound when a file of the old version is gone (VACUUM), naming
// it and how many are missing; kConflict as any commit; those of Transaction.
#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "delta/table.h"

namespace tarn::delta {

struct RestoreOutcome {
  int64_t table_size_after = 0;
  int64_t files_after = 0;
  int64_t files_removed = 0;
  int64_t files_restored = 0;
  int64_t bytes_removed = 0;
  int64_t bytes_restored = 0;
  Version version{0};  // the commit; the newest version when nothing had to change
};

// `parameters`: what DESCRIBE HISTORY shows (version, timestamp).
Result<RestoreOutcome> Restore(const std::shared_ptr<Table>& table, const SnapshotPtr& target,
                               StringMap parameters);

}  // namespace tarn::delta
