// Appended files: what a table got since a point in its log, in pieces of bounded size, for readers
// that follow a table as a stream of rows.
//
// A point without history is the table's state at one version, file by file; behind it come the
// files that commits added. Commits that only rearrange rows (OPTIMIZE) are passed over. A commit
// that takes rows away (DELETE, UPDATE, MERGE, overwrite, RESTORE) ends the piece before it, and is
// named when it is next: the caller decides.
//
// Threads: free functions. Errors: kNotFound when commits behind the point were cleaned up, or the
// state a point stands in is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "delta/actions.h"
#include "delta/snapshot.h"
#include "delta/table.h"

namespace tarn::delta {

// Where a reader stands. `whole`: in the state at `version`, of which it has read `file` files (by
// modification time, then path). Else `version` is the next commit to read, and `file` of the files
// it added are read.
struct StreamPoint {
  Version version{0};
  uint64_t file = 0;
  bool whole = false;
  bool operator==(const StreamPoint&) const = default;
};

struct AppendedLimits {
  uint64_t max_bytes = UINT64_MAX;  // at least one file is taken, however large
  uint64_t max_files = UINT64_MAX;
  int64_t max_commits = INT64_MAX;
};

struct RowRemoval {
  Version version{0};
  std::string operation;  // "DELETE"; empty: the table was dropped and made anew
};

struct AppendedFiles {
  SnapshotPtr last;  // the newest version: its schema describes the rows
  std::vector<AddFile> files;
  StreamPoint next;
  bool more = false;  // something is left that could be read at once
  uint64_t bytes = 0;
  std::optional<int64_t> rows;          // nullopt: some file does not say
  int64_t commit_ms = 0;                // of the newest commit that gave a file; 0: none did
  std::optional<RowRemoval> removal;    // stands right at `next`; there are no files then
  std::vector<RowRemoval> passed_over;  // removals that were skipped, as asked
};

// `from` nullopt: from the beginning. `table_id`: what metaData.id was at `from`; empty: unknown.
// `skip_removals`: commits that take rows away are passed over whole.
Result<AppendedFiles> ReadAppended(Table& table, const std::optional<StreamPoint>& from,
                                   const std::string& table_id, const AppendedLimits& limits,
                                   bool skip_removals);

}  // namespace tarn::delta
