// What happened during simulated runs, counted, so that a fault or an outcome that never occurs is
// noticed. Value type.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tarn::sim {

enum class Event : int {
  // Faults.
  kReadFailed,
  kListFailed,
  kPutFailed,      // before it was applied, and the caller is told so
  kPutRefused,     // the same, with an error that is not worth a retry (disk full)
  kLostRequest,    // never applied; the caller cannot know
  kLostReply,      // applied; the caller cannot know
  kDelayedPut,     // applied later; the caller cannot know
  kDelayedDelete,  // the same for a delete
  kStaleList,      // a list as it was some writes ago
  kStaleRead,      // a key that was just written is not found yet
  kRottenBytes,    // a checkpoint, compacted log, hint or checksum is kept damaged
  kCrash,          // an actor dies between two calls
  kCrashInCommit,
  kStall,      // an actor is not scheduled for minutes
  kOutage,     // no call of an actor reaches the store for a while
  kClockJump,  // the wall clock goes backwards
  // What writers met.
  kCommitted,
  kRebased,  // committed after a lost race
  kAlreadyApplied,
  kOutcomeUnknown,
  kRefusedCommit,  // an error that is neither conflict nor unknown
  kConflictAppend,
  kConflictDeleteRead,
  kConflictDeleteDelete,
  kConflictTransaction,
  kConflictMetadata,
  kConflictProtocol,
  kConflictCleanup,        // the log was cleaned up past the transaction's base
  kUnknownThatLanded,      // in doubt, and it is in the log
  kUnknownThatDidNotLand,  // in doubt, and it is not
  kStray,                  // put where the log had been cleaned up, noticed by its writer
  kTwoWritersOneKey,       // a key that two merges wanted to insert
  // What was done.
  kAppend,
  kTxnAppend,
  kMerge,
  kIncrement,
  kTransfer,
  kDeleteRow,
  kDeleteWhere,
  kOptimize,
  kMetadataChange,
  kDomainChange,
  kRestore,
  kVectorWritten,
  kCheckpoint,
  kCheckpointRead,
  kCompaction,
  kCompactedRead,
  kCleanup,
  kSnapshotRead,
  kTimeTravel,
  kVersionGone,  // asked for and cleaned up
  kChecksumRead,
  kRestoreRefused,  // files of the version are gone, or a VACUUM is under way
  kVacuum,
  kVacuumDeleted,     // files
  kVacuumRefused,     // a clone that cannot be looked at, a log that begins too late, a conflict
  kVacuumOutranSlow,  // a writer older than the retention commits files that are gone
  kClone,
  kCloneRefused,
  kCloneRead,
  kCloneDropped,
  kChangeFile,
  kChangeFeedRead,
  kEvents,
};
inline constexpr int kEventCount = static_cast<int>(Event::kEvents);

inline constexpr std::array<std::string_view, kEventCount> kEventNames = {
    "fault: read failed",
    "fault: list failed",
    "fault: put failed before it was applied",
    "fault: put refused for good",
    "fault: put lost on the way, no reply",
    "fault: put applied, reply lost",
    "fault: put applied late, no reply",
    "fault: delete applied late, no reply",
    "fault: list is stale",
    "fault: key just written not found",
    "fault: bytes kept damaged",
    "fault: actor crashed",
    "fault: actor crashed inside a commit",
    "fault: actor stalled for minutes",
    "fault: store out of reach for a while",
    "fault: clock went backwards",
    "commit: made",
    "commit: made after a lost race",
    "commit: already applied",
    "commit: outcome unknown",
    "commit: refused by an error",
    "commit: conflict, concurrent append",
    "commit: conflict, deleted what was read",
    "commit: conflict, deleted what is deleted",
    "commit: conflict, same application or domain",
    "commit: conflict, metadata",
    "commit: conflict, protocol",
    "commit: conflict, log cleaned up behind it",
    "commit: in doubt and it is there",
    "commit: in doubt and it is not there",
    "commit: put where the log was cleaned up",
    "commit: two merges wanted one key",
    "did: append",
    "did: append with an application version",
    "did: merge",
    "did: increment",
    "did: transfer",
    "did: delete one row",
    "did: delete where",
    "did: optimize",
    "did: metadata change",
    "did: domain change",
    "did: restore",
    "did: deletion vector written",
    "did: checkpoint written",
    "did: checkpoint read",
    "did: log compaction written",
    "did: log compaction read",
    "did: log cleaned up",
    "did: snapshot compared",
    "did: time travel",
    "did: time travel to what is cleaned up",
    "did: version checksum validated",
    "did: restore refused",
    "did: vacuum",
    "did: files deleted by vacuum",
    "did: vacuum refused",
    "did: commit of a writer that was slower than the retention",
    "did: shallow clone",
    "did: shallow clone refused",
    "did: shallow clone compared",
    "did: shallow clone dropped",
    "did: change file written",
    "did: change feed replayed",
};

class Tally {
 public:
  void Count(Event event, uint64_t by = 1) { counts_[static_cast<size_t>(event)] += by; }
  uint64_t operator[](int event) const { return counts_[static_cast<size_t>(event)]; }
  void Set(int event, uint64_t count) { counts_[static_cast<size_t>(event)] = count; }
  void Add(const Tally& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  }

 private:
  std::array<uint64_t, kEventCount> counts_{};
};

}  // namespace tarn::sim
