// StreamingState: where a streaming model stands, as its target table says.
//
// Kept in the metadata domain `tarn.stream.<unique_id>` of the target, written by the commit that
// brings the rows; the same commit has the `txn` action `tarn/<unique_id>` with the epoch, so that
// of two writers one lands.
//
// Threads: plain values; the functions use the session they are given. Errors: kCorruption for a
// domain that cannot be read, kConstraint when a RESTORE is not to be followed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "engine/stream_query.h"
#include "transform/project/json.h"
#include "transform/run/streaming_config.h"

namespace tarn::transform {

struct UpstreamPosition {
  std::string table_id;
  engine::StreamPoint next;
  bool operator==(const UpstreamPosition&) const = default;
};

struct StreamingState {
  int64_t epoch = 0;  // of the last commit; 0: none
  std::string writer;
  int64_t examined = -1;  // version of the target the last commit built on
  std::map<std::string, UpstreamPosition> upstreams;  // by table
  std::optional<int64_t> max_event_micros;

  std::string ToText() const;
  static Result<StreamingState> FromText(const std::string& text, const std::string& table);
};

struct TargetState {
  bool exists = false;     // as a table
  bool has_state = false;  // and was written by this model
  int64_t version = -1;
  StreamingState state;
  std::string note;  // what was done about a RESTORE; empty: nothing
};

std::string StateDomain(const std::string& unique_id);
std::string StateAppId(const std::string& unique_id);

// A RESTORE of the target since the last commit moves the position back (`kRewind`), is passed over
// (`kKeep`) or is an error. The epoch always goes on.
Result<TargetState> ReadTargetState(engine::Session& session, const std::string& table,
                                    const std::string& unique_id, OnTargetRestore on_restore);

}  // namespace tarn::transform
