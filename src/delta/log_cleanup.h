// Deleting log files that delta.logRetentionDuration no longer asks for (PROTOCOL.md, "Metadata
// Cleanup"), after a checkpoint was written.
//
// Kept: the newest complete checkpoint at or before the cutoff with its commit, everything after
// it, the checkpoint that was just written, sidecars that a remaining checkpoint names or that are
// younger than a day. Files go oldest first, so that a crash in between leaves a log whose versions
// are contiguous from the oldest that is left.
//
// delta.enableExpiredLogCleanup = false switches it off. The cutoff is the start of a day, as in
// Spark, so that a busy table does not delete a file with every checkpoint.
//
// Threads: free function; several at once do no harm. Errors: the store's; the table stays usable.
#pragma once

#include "base/status.h"
#include "delta/snapshot.h"
#include "delta/table.h"

namespace tarn::delta {

// Returns how many files went.
Result<int64_t> CleanUpLog(const TableEnvironment& environment, const std::string& root,
                           const Snapshot& checkpointed);

}  // namespace tarn::delta
