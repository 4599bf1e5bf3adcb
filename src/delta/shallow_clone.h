// SHALLOW CLONE: a table of its own whose first version names the files of another table by
// absolute path. Nothing is copied; what is written to the clone later lies in the clone's folder.
//
// The clone is registered with every table whose files it names (clone_registry.h) before its first
// commit, so that VACUUM of those keeps what it needs.
//
// Threads: call from one. Errors: kAlreadyExists (and not `replace`), kUnsupported when the
// source's store has no paths, those of Transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "delta/clone_registry.h"
#include "delta/table.h"

namespace tarn::delta {

struct CloneRequest {
  std::shared_ptr<Table> source;
  SnapshotPtr version;  // of the source
  std::shared_ptr<Table> target;
  bool replace = false;     // over what is there, in one commit
  StringMap properties;     // on top of the source's
  std::string source_name;  // for the history
  OpenLocation open;        // finds the tables that own files the source names by absolute path
};

struct CloneOutcome {
  int64_t source_bytes = 0;
  int64_t source_files = 0;
  int64_t removed_files = 0;
  int64_t removed_bytes = 0;
  Version version{0};
};

Result<CloneOutcome> ShallowClone(const CloneRequest& request);

}  // namespace tarn::delta
