// Row ids of the files that one commit adds (PROTOCOL.md, "Row Tracking").
//
// Every added file gets a range of fresh ids above the table's high water mark and the version of
// its commit; a commit that is rebased gets new ones. Rows that move keep theirs in two hidden
// columns, which the room that writes Parquet fills (Transaction::KeepsRowIds); commits that do not
// say so in their tags, as the protocol asks.
//
// Threads: one owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "delta/actions.h"
#include "delta/snapshot.h"

namespace tarn::delta {

// Names of the hidden columns where rows that move keep id and commit version.
struct HiddenRowColumns {
  std::string row_id;
  std::string row_commit_version;
};
// nullopt unless delta.enableRowTracking is on and the columns are named.
std::optional<HiddenRowColumns> RowTrackingColumns(const Metadata& metadata);

// Supported by the protocol and not suspended.
bool IsRowTracking(const Protocol& protocol, const Metadata& metadata);

// Names the hidden columns when `delta.enableRowTracking` is on.
Status PrepareRowTracking(Metadata* metadata);
// `metadata` switches row tracking on for a table that has files without row ids: they get some in
// the same commit.
bool NeedsRowIds(const Snapshot& base, const Metadata& metadata);

class RowIds {
 public:
  // `base` is null for a new table. Errors: kUnsupported when an added file has no numRecords.
  static Result<RowIds> For(const Snapshot* base, const std::vector<Action>& body);
  // Takes note of a commit that was made since.
  void Follow(const std::vector<Action>& actions);
  // Fills the ids of the added files in `body` (that of For) and appends the new high water mark.
  std::vector<Action> Assign(Version version, const std::vector<Action>& body) const;

 private:
  struct Fresh {
    size_t position = 0;  // in body
    int64_t records = 0;
  };
  int64_t high_water_mark_ = -1;
  std::vector<Fresh> fresh_;
};

}  // namespace tarn::delta
