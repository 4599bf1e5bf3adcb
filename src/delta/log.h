// The files of `_delta_log`: their names, what a listing says, and which of them make one version
// (PROTOCOL.md, "File Types", "Checkpoints", "Log Compaction Files").
//
// What it does not do: it never opens a commit or a checkpoint, only `_last_checkpoint`.
//
// Threads: free functions and values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "delta/actions.h"
#include "store/object_store.h"

namespace tarn::delta {

// "<root>/_delta_log/", without the root's '/' for the store's own root.
std::string LogFolder(const std::string& root);
std::string CommitName(Version version);    // "00000000000000000007.json"
std::string ChecksumName(Version version);  // "00000000000000000007.crc"
std::string ClassicCheckpointName(Version version);

enum class LogFileKind { kCommit, kCompacted, kCheckpoint, kChecksum };

struct LogFileName {
  LogFileKind kind = LogFileKind::kCommit;
  Version version{0};
  Version end{0};  // kCompacted: last version; otherwise = version
  int part = 0;    // multi-part checkpoints: 1 … parts; otherwise 0
  int parts = 0;
  std::string unique;  // V2 checkpoints: the part between "checkpoint." and the ending
  bool json = false;   // checkpoints: JSON instead of Parquet
};
// nullopt for names that are none of these.
std::optional<LogFileName> ParseLogFileName(std::string_view name);

struct CommitFile {
  Version first{0};  // = last but for a compacted file
  Version last{0};
  std::string name;
  int64_t modified_micros = 0;
  uint64_t size_bytes = 0;
  std::string tag;  // the store's, see ObjectInfo
};

// A checkpoint all of whose files are there.
struct CheckpointFiles {
  Version version{0};
  std::vector<std::string> names;  // several for multi-part ones, in order
  bool json = false;
  int64_t modified_micros = 0;
  uint64_t size_bytes = 0;  // of all names; sidecars are not counted
};

struct LogListing {
  std::map<Version, CommitFile> commits;
  std::vector<CommitFile> compacted;         // ascending by (first, last)
  std::vector<CheckpointFiles> checkpoints;  // ascending by version
  std::vector<std::string> incomplete;       // checkpoints that lack parts, for messages
  Version from{0};                           // versions before this were not listed

  bool empty() const { return commits.empty() && checkpoints.empty(); }
  Version LastVersion() const;  // REQUIRES: !empty()
};

// Lists versions >= from. Errors: the store's.
Result<LogListing> ListLog(store::ObjectStore& store, const std::string& root,
                           Version from = Version{0});

struct CheckpointHint {
  Version version{0};
  std::optional<int64_t> adds;  // numOfAddFiles
};
// What `_last_checkpoint` says; nullopt when it is absent, unreadable or fails its checksum: it is
// only a hint.
std::optional<CheckpointHint> ReadLastCheckpoint(store::ObjectStore& store,
                                                 const std::string& root);
// Its version.
std::optional<Version> ReadCheckpointHint(store::ObjectStore& store, const std::string& root);
// Canonical form of PROTOCOL.md, "JSON checksum"; nullopt when `json` is not valid or repeats a
// key.
std::optional<std::string> CanonicalJson(const std::string& json);

// What must be read for one version.
struct LogSegment {
  Version version{0};
  std::optional<CheckpointFiles> checkpoint;
  std::vector<CommitFile>
      commits;  // contiguous, ascending, behind the checkpoint (or from 0) to version
};

// The commits that lead from `checkpoint` (nullopt: from nothing) to `version`. `compacted` allows
// compacted files in place of commits. Errors: kCorruption naming the first version that is
// missing.
Result<LogSegment> PlanSegment(const LogListing& listing, const std::string& root, Version version,
                               const CheckpointFiles* checkpoint, bool compacted);

// The oldest version that can be rebuilt from what was listed; nullopt when none.
std::optional<Version> OldestVersion(const LogListing& listing);

}  // namespace tarn::delta
