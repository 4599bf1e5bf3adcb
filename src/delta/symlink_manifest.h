// symlink_format_manifest: lists of a table's data files, one per partition, that Athena and
// Redshift Spectrum read a Delta table by: `_symlink_format_manifest/[k=v/…]manifest`.
//
// A reader of manifests sees no deletion vectors and no column mapping: such tables are refused.
//
// Threads: free functions. Errors: kUnsupported; the store's. A manifest is replaced whole; readers
// of several partitions may see some before and some after.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "delta/table.h"

namespace tarn::delta {

struct ManifestOutcome {
  int64_t manifests = 0;
  int64_t files = 0;
  int64_t removed = 0;  // manifests of partitions that have no file any more
};

// All manifests of `snapshot`; those of partitions without files go.
Result<ManifestOutcome> GenerateManifests(Table& table, const Snapshot& snapshot);

// After a commit, for tables with delta.compatibility.symlinkFormatManifest.enabled: only the
// partitions that the commit touched.
Result<ManifestOutcome> UpdateManifests(Table& table, const Snapshot& snapshot,
                                        const std::vector<Action>& commit);
bool WantsManifests(const Snapshot& snapshot);

}  // namespace tarn::delta
