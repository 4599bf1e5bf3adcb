// Stream queries: a query over the rows that some of its tables got since it was run last.
//
// What it is: chooses the next piece of a table (`NextSlice`), makes a session read tables as
// pieces (`ReadSlices`), and judges whether a query over pieces adds up to the query over the whole
// (`JudgeStreamQuery`).
//
// What it does not do: it remembers nothing; positions are the caller's to commit.
//
// Threads: as the session. Errors: the session's; kNotFound for a table that is not there or whose
// log was cleaned up behind the point.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"

namespace tarn::delta {
struct AppendedFiles;
}

namespace tarn::engine {

// delta::StreamPoint: `whole` is in the state at `version`; else `version` is the next commit.
struct StreamPoint {
  int64_t version = 0;
  uint64_t file = 0;
  bool whole = false;
  bool operator==(const StreamPoint&) const = default;
};

struct SliceLimits {
  uint64_t max_bytes = UINT64_MAX;
  uint64_t max_files = UINT64_MAX;
  int64_t max_commits = INT64_MAX;
  bool skip_removals = false;  // pass over commits that take rows away
};

struct RemovalNote {
  int64_t version = 0;
  std::string operation;  // empty: dropped and made anew
};

struct StreamSlice {
  std::string table;  // "bronze.events"
  std::string table_id;
  StreamPoint next;
  uint64_t files = 0;
  uint64_t bytes = 0;
  std::optional<int64_t> rows;
  bool more = false;
  int64_t newest_version = 0;
  int64_t commit_ms = 0;               // of the newest commit in it
  std::optional<RemovalNote> removal;  // stands in the way; the slice is empty then
  std::vector<RemovalNote> passed_over;
  std::shared_ptr<const delta::AppendedFiles> content;
};

// From `from` (nullopt: the beginning). `table_id`: as an earlier slice said; empty: unknown.
Result<StreamSlice> NextSlice(Session& session, const std::string& table,
                              const std::optional<StreamPoint>& from, const std::string& table_id,
                              const SliceLimits& limits);

// Until the next call, statements of the session read these tables as their slices. An empty list
// ends it.
void ReadSlices(Session& session, const std::vector<const StreamSlice*>& slices);

// Tables of the lake that a query reads, through views too: "bronze.events", sorted.
Result<std::vector<std::string>> TablesOfQuery(Session& session, const std::string& sql,
                                               const std::string& place);

// Why the query over pieces of `streams` would not add up to the query over all of them: "it
// aggregates (GROUP BY or an aggregate function)". Empty: it does.
Result<std::string> JudgeStreamQuery(Session& session, const std::string& sql,
                                     const std::string& place,
                                     const std::set<std::string>& streams);

}  // namespace tarn::engine
