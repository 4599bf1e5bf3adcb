// StreamingModel: a model with materialized='streaming' brought up to its upstreams, batch by
// batch.
//
// What it is: each batch reads what the followed upstream tables got behind the recorded position,
// runs the model's query over it, drops copies by unique_key, flags late rows and appends, all with
// the new position in one Delta commit. Other tables the query reads are joined as they are then.
//
// What it does not do: hooks and tests (node_runner.h), waiting for upstreams (app), aggregation
// over batches: a query that does not add up over pieces is refused when the model is opened.
//
// Exactly once: the commit holds the `txn` action of the next epoch. Of two writers one lands; the
// other's step says so and the next one starts from what the first left. A writer that was paused
// writes nothing, however late it wakes.
//
// Threads: one at a time. Lifetime: the scope outlives it. Errors: SQL errors as in materialize.h;
// kConstraint when an upstream lost rows and the config says fail.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "transform/run/materialize.h"
#include "transform/run/streaming_batch.h"
#include "transform/run/streaming_state.h"

namespace tarn::transform {

struct StreamingStep {
  bool committed = false;
  bool more = false;  // something is left that can be read at once
  BatchFigures figures;
  uint64_t bytes = 0;                     // of upstream files
  int64_t upstream_commit_ms = 0;         // of the newest upstream commit in it
  int64_t version = -1;                   // of the target after it
  std::map<std::string, int64_t> newest;  // newest version of each upstream
  std::vector<std::string> notes;         // what was passed over, rewound or rebuilt
};

class StreamingModel {
 public:
  // The scope's node is compiled. Checks config and query.
  static Result<StreamingModel> Open(RunScope& scope);

  // One batch, if there is anything new.
  Result<StreamingStep> Step();
  // The whole table anew, in one commit.
  Result<StreamingStep> Rebuild();

  const StreamingConfig& config() const { return config_; }
  // Tables that are followed: "bronze.events".
  const std::vector<std::string>& streams() const { return streams_; }
  // What is recorded for each of them, as of the last step.
  const StreamingState& state() const { return state_; }

 private:
  StreamingModel(RunScope& scope, StreamingConfig config);
  Status ChooseStreams(const std::vector<std::string>& tables);
  Result<std::vector<engine::StreamSlice>> ReadUpstreams(bool from_start, StreamingStep* step);
  Result<StreamingStep> WriteBatch(const TargetState& target,
                                   const std::vector<engine::StreamSlice>& slices, bool replace,
                                   StreamingStep step);
  StreamingState NextState(const TargetState& target,
                           const std::vector<engine::StreamSlice>& slices, bool replace) const;
  engine::CommitAnnotations Annotations(const StreamingState& next,
                                        const StreamingStep& step) const;
  Status Append(const TargetState& target, const StreamingBatch& batch, bool* lost);
  Status Create(const StreamingBatch& batch);
  Result<std::string> ColumnChanges(const StreamingBatch& batch,
                                    std::vector<engine::Column>* written);
  // Whether the commit that was tried is the target's newest of this model.
  Result<bool> Landed(const StreamingState& next, StreamingStep* step);

  RunScope* scope_;
  StreamingConfig config_;
  std::string table_;   // "silver.events"
  std::string writer_;  // tells this run's commits from others'
  std::vector<std::string> streams_;
  StreamingState state_;
  // Positions that moved past commits without new rows: not worth a commit.
  std::map<std::string, UpstreamPosition> ahead_;
  int64_t ahead_of_epoch_ = -1;
};

// Reads what is there now, in batches.
Result<MaterializeOutcome> MaterializeStreaming(RunScope& scope);

}  // namespace tarn::transform
