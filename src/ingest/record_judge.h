// RecordJudge: who looks at every record of a live stream before it is written: data contracts, a
// schema registry.
//
// What it is: a batch goes in, the records that may not enter Bronze come out, each with its
// reason. It may fill in Record::schema_id (the text must live in the batch's arena). It changes
// nothing else: the payload in Bronze is the bytes received.
//
// What it does not do: it writes no rows. Refused records become dead letters of their stream in
// the same way as records that cannot be read.
//
// Replay: asked again about the same records after a crash it should say the same; where it does
// not (a contract changed meanwhile) the answer that is committed with the rows holds.
//
// Threads: one user at a time. Errors: a failed status stops the stream (kBackoff: it is tried
// again after a pause, e.g. while a registry cannot be reached).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "ingest/judge_account.h"
#include "sources/source.h"

namespace tarn::ingest {

struct Refusal {
  size_t record = 0;   // index into Batch::records
  std::string rule;    // stable short name, "contract.user_id.not_null"
  std::string reason;  // one line for a person
  bool stops = false;  // the stream stops in front of this record instead
};

class RecordJudge {
 public:
  virtual ~RecordJudge() = default;
  // Appends to `refusals`, ascending by record, at most one each.
  virtual Status Judge(sources::Batch* batch, std::vector<Refusal>* refusals) = 0;
  // What the last Judge counted in the records of a topic; goes into the commit with its rows.
  virtual JudgeAccount AccountOf(std::string_view topic) const { return {}; }
  // The records of the last Judge that were not refused are committed; counts may be kept now.
  virtual void OnCommitted() {}
};

// Moves refused records from `batch->records` to `batch->bad`. kConstraint when one of them stops
// the stream: its place and reason; the batch is unchanged then.
Status ApplyRefusals(const std::vector<Refusal>& refusals, sources::Batch* batch);

// The record as a dead letter; views stay those of the record.
sources::BadRecord ToBadRecord(const sources::Record& record, std::string rule, std::string reason);

}  // namespace tarn::ingest
