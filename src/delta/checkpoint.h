// Writing a checkpoint and the hint to it (PROTOCOL.md, "Checkpoints", "Last Checkpoint File
// Schema").
//
// Threads: free functions. Two writers of one checkpoint write the same content: either may win.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/status.h"
#include "delta/snapshot.h"
#include "delta/table.h"

namespace tarn::delta {

// The actions of the snapshot's checkpoint, one per call; nullopt ends. Tombstones removed before
// `tombstones_from_ms` have expired and are left out. `snapshot` must outlive the function.
std::function<Result<std::optional<Action>>()> CheckpointActions(const Snapshot& snapshot,
                                                                 int64_t tombstones_from_ms);

// Writes `<version>.checkpoint.parquet`, or, where `delta.checkpointPolicy` is v2, sidecars and
// `<version>.checkpoint.<uuid>.json`; then `_last_checkpoint` unless that names a newer one
// already. Errors: kUnsupported without a checkpoint format; the store's. The table stays usable in
// every case.
Status WriteCheckpoint(const TableEnvironment& environment, const std::string& root,
                       const Snapshot& snapshot);

}  // namespace tarn::delta
