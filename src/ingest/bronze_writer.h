// BronzeWriter: what the ingest loop needs of the two tables it writes; the loop knows no engine.
//
// What it is: two append-only tables (Bronze, dead letters), each remembering for every stream an
// epoch and a state text in the same commit as the rows.
//
// The promise exactly once rests on: AppendX with epoch e succeeds only if the stream's epoch in
// that table was below e, as one atomic commit of rows, epoch and state; otherwise it writes
// nothing and says kAlreadyThere. The loop only ever writes the epoch it read plus one, so of two
// writers that read the same epoch one wins.
//
// Threads: one user at a time per writer; any number of writers in any number of processes per
// table.
//
// Errors: RetryClass as in base/status.h. kOutcomeUnknown: the commit may have landed; the loop
// reads the state again before anything else.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ingest/judge_account.h"
#include "sources/source.h"

namespace tarn::ingest {

struct StreamState {
  int64_t epoch = 0;  // 0: nothing of the stream is in the table
  std::string json;   // what was committed with that epoch
};

struct StreamCommit {
  std::string stream_id;
  int64_t epoch = 0;
  std::string state_json;
  std::map<std::string, std::string> facts;  // sources::Batch::facts; Bronze only
  JudgeAccount account = {};                 // what judges counted; Bronze only
};

enum class AppendOutcome { kCommitted, kAlreadyThere };

// What dead letters say beyond the record itself.
struct DeadLetterContext {
  std::string content_id;  // SHA-256 of the file; empty for other sources
  int32_t attempt =
      1;  // how many different readings of this stream had dead letters, this one included
};

// The rows (dead letters) of one stream in a commit; several streams may share one.
struct RowGroup {
  const std::vector<sources::Record>* rows =
      nullptr;  // may be empty: the position alone is committed
  StreamCommit commit;
};
struct LetterGroup {
  std::vector<sources::BadRecord> letters;
  DeadLetterContext context;
  StreamCommit commit;
};

// Dead letters of one reading of one partition.
struct LetterPlace {
  std::string_view topic;  // not looked at when there is a content
  int32_t partition = 0;
  std::string content_id;  // DeadLetterContext::content_id
  int32_t attempt = 1;
};

class BronzeWriter {
 public:
  virtual ~BronzeWriter() = default;
  // Makes the tables when they are missing. Idempotent.
  virtual Status Prepare() = 0;
  virtual Result<StreamState> ReadState(const std::string& stream_id) = 0;
  virtual Result<StreamState> ReadDeadLetterState(const std::string& stream_id) = 0;
  // One commit for all groups. kAlreadyThere: one of the epochs was there, and nothing of any group
  // was written. REQUIRES: at least one group, no stream twice.
  virtual Result<AppendOutcome> AppendRows(const std::vector<RowGroup>& groups) = 0;
  virtual Result<AppendOutcome> AppendDeadLetters(const std::vector<LetterGroup>& groups) = 0;
  // Which offsets from `from` up to and including `to` have a dead letter of this target. Asked
  // after a crash, where the position alone cannot tell: a judge may say something else now.
  virtual Result<std::set<int64_t>> ReadLetterOffsets(const LetterPlace& place, int64_t from,
                                                      int64_t to) = 0;
};

}  // namespace tarn::ingest
