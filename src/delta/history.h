// Commit times: which version was current when, and what each commit says of itself (PROTOCOL.md,
// "In-Commit Timestamps"; "Commit Provenance Information").
//
// File times may go backwards (copies, clocks): they are raised to at least one millisecond after
// the commit before, as Spark does, so that time travel is a function.
//
// Threads: free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "delta/log.h"
#include "delta/snapshot.h"
#include "delta/table.h"

namespace tarn::delta {

struct CommitTime {
  Version version{0};
  int64_t timestamp_ms = 0;  // of the file, made monotone
};
// Ascending; all commits listed.
std::vector<CommitTime> FileTimes(const LogListing& listing);

// The commit's commitInfo; reads only the start of the file when it can. nullopt when the commit
// has none.
Result<std::optional<CommitInfo>> ReadCommitInfo(store::ObjectStore& store, const std::string& key,
                                                 uint64_t size_bytes);

// The last version at or before `micros`. `latest` gives the table's timestamp settings.
Result<Version> VersionAt(store::ObjectStore& store, const std::string& root,
                          const LogListing& listing, const Snapshot& latest, int64_t micros,
                          bool allow_after_last);

// Newest first.
Result<std::vector<HistoryEntry>> ReadHistory(store::ObjectStore& store, const std::string& root,
                                              const LogListing& listing, const Metadata* metadata,
                                              size_t limit);

}  // namespace tarn::delta
