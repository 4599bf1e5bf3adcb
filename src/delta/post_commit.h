// What follows a commit: the handle's snapshot moves on, the version checksum and, at the table's
// interval, a checkpoint are written. None of it can undo or fail the commit: failures are logged.
#pragma once

#include <string>

#include "delta/snapshot.h"
#include "delta/table.h"

namespace tarn::delta {

// The newest snapshot, at `committed` or beyond; null when it could not be read back. `txn_id` is
// that of the commit.
SnapshotPtr AfterCommit(Table& table, Version committed, const std::string& txn_id);

// Says in the log that something a commit asks for afterwards did not happen; the commit stands.
void WarnAfterCommit(const Table& table, const std::string& what, const std::string& why);

}  // namespace tarn::delta
