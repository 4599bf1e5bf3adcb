// Which shallow clones use a table's files, kept beside the table so that VACUUM finds them.
//
// One object per clone: `_delta_log/_tarn_clones/clone-<md5 of its location>.json` in the SOURCE's
// log folder. Other engines do not look at folders below `_delta_log` that they do not know, and
// the names never look like a version. A clone elsewhere (another store) works the same way: the
// entry holds its location as an absolute path or URL.
//
// A clone is registered before its first commit. Until that commit is seen the entry stands for all
// files of the version it clones; afterwards for the files of the source that its log names.
//
// Threads: free functions. Errors: the store's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "delta/table.h"

namespace tarn::delta {

struct CloneEntry {
  std::string location;  // of the clone: absolute path or URL
  int64_t source_version = 0;
  int64_t registered_ms = 0;
  std::string key;  // of the entry itself; set by ListClones
};

Status RegisterClone(Table& source, const std::string& location, Version version);
Result<std::vector<CloneEntry>> ListClones(Table& source);
Status ForgetClone(Table& source, const CloneEntry& entry);

// How to open a table by its location. kNotFound must mean that the place was looked at and there
// is no table; what cannot be reached is another error.
using OpenLocation = std::function<Result<std::shared_ptr<Table>>(const std::string& location)>;

// Calls `protect` with the keys (in `source`'s store) of every file of `source` that a registered
// clone needs: data files and deletion vectors, of all versions in the clone's log. Entries of
// clones that are gone for good are forgotten unless `dry_run`. Errors: kIo naming the clone that
// cannot be looked at; the caller must not delete anything then.
Status ProtectClones(Table& source, const OpenLocation& open, bool dry_run,
                     const std::function<void(const std::string& key)>& protect);

// Keys of the data file and the deletion vector an action names, where they lie in the table's
// store; others are passed over.
void KeysOf(Table& table, const std::string& path,
            const std::optional<DeletionVectorDescriptor>& vector,
            const std::function<void(const std::string& key)>& use);

}  // namespace tarn::delta
