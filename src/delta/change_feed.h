// The change data feed: which files hold what changed between two versions (PROTOCOL.md, "Change
// Data Files", "Add CDC File").
//
// A commit with change files says all in them. Of any other, added files are inserts, removed files
// deletes, and a file that only got another deletion vector changed in the rows by which the two
// differ. Commits that only rearrange rows (dataChange false) changed nothing.
//
// Threads: free functions. Errors: kInvalidArgument when the range is empty, beyond the table's
// versions, or not covered by delta.enableChangeDataFeed; kNotFound when a commit was cleaned up.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "delta/actions.h"
#include "delta/deletion_vector.h"
#include "delta/table.h"

namespace tarn::delta {

struct ChangeFile {
  AddFile file;                       // path, partition values, statistics; its vector hides rows
  std::optional<RowSet> only;         // these rows alone, whatever the vector says
  std::optional<std::string> change;  // "insert", "delete"; nullopt: in the file's _change_type
  Version version{0};
  int64_t timestamp_ms = 0;
};

struct ChangeFeed {
  SnapshotPtr last;  // the newest version of the range: its schema describes the rows
  std::vector<ChangeFile> files;
};

// Both versions inclusive.
Result<ChangeFeed> ReadChanges(Table& table, Version first, Version last);

// Versions for a range of times: the first commit at or after `from_micros`, the last at or before
// `to_micros`. nullopt: none.
Result<std::optional<Version>> FirstVersionAtOrAfter(Table& table, int64_t micros);
Result<std::optional<Version>> LastVersionAtOrBefore(Table& table, int64_t micros);

}  // namespace tarn::delta
