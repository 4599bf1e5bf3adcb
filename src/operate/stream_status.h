// What a running stream says of itself: for `tarn status`, /metrics and /healthz alike.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace tarn::operate {

enum class StreamState {
  kStarting,
  kRunning,
  kElsewhere,  // another process has its lease
  kWaiting,    // failed; it is tried again after a pause
  kStopped,
};
const char* StreamStateName(StreamState state);  // "running"

struct StreamStatus {
  std::string name;
  std::string kind;    // "kafka"
  std::string target;  // "bronze.orders"
  StreamState state = StreamState::kStarting;
  uint64_t rows = 0;  // since the process began
  uint64_t bytes = 0;
  uint64_t dead_letters = 0;
  uint64_t commits = 0;
  uint64_t restarts = 0;
  double rows_per_second = 0;        // lately
  int64_t lag_records = -1;          // -1: not known
  int64_t batch_lag_micros = -1;     // event time to commit, of the last batch
  int64_t commit_micros = -1;        // moving mean of a batch's commits
  int64_t last_commit_micros = 0;    // wall time; 0: none by this process
  int64_t last_progress_micros = 0;  // wall time of the last sign of work, empty polls included
  int64_t max_lag_micros = 0;
  std::string error;   // of the last failure, or what is wrong at the moment; empty: nothing
  std::string holder;  // kElsewhere: who runs it
  std::vector<std::string> parts;  // "orders/3 at 1250 of 1300"
};

// One process on the lake.
struct ProcessStatus {
  std::string instance;
  int64_t started_micros = 0;
  int64_t written_micros = 0;
  std::vector<StreamStatus> streams;
};

std::string ToJson(const ProcessStatus& status);
// kCorruption for what ToJson did not write.
Result<ProcessStatus> ProcessStatusFromJson(const std::string& json);

// The reason why the stream is not healthy at `now`; empty: it is. It looks at progress: a stream
// that runs without a poll for a minute, is behind without committing, or fails again and again is
// not.
std::string HealthProblem(const StreamStatus& status, int64_t now_micros);

// Prometheus text format 0.0.4.
std::string ToPrometheus(const ProcessStatus& status, int64_t now_micros);

}  // namespace tarn::operate
