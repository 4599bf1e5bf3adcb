// Log compaction (PROTOCOL.md, "Log Compaction Files"): `<first>.<last>.compacted.json` holds the
// net effect of the commits first … last, so that a reader opens one file in their place. The
// commits stay where they are; a compacted file is never needed.
//
// Threads: free functions.
#pragma once

#include <vector>

#include "base/status.h"
#include "delta/actions.h"
#include "delta/table.h"

namespace tarn::delta {

// The net effect of commits given oldest first: of actions that reconcile with each other the
// newest stays, removes too; commitInfo and change files go.
std::vector<Action> Reconcile(const std::vector<std::vector<Action>>& commits);

// Writes the file for [first, last]; a file that is there already stays. Errors: kInvalidArgument
// unless first < last; those of reading a commit; the store's.
Status WriteCompacted(Table& table, Version first, Version last);

}  // namespace tarn::delta
