// StreamingConfig: what the config of a model with materialized='streaming' asks for.
//
// Threads: plain values. Errors: kInvalidArgument naming the key, what is wrong and what to write.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "transform/project/node.h"

namespace tarn::transform {

enum class OnUpstreamRemoval { kFail, kSkip, kRebuild };
enum class OnTargetRestore { kRewind, kKeep, kFail };

struct StreamingConfig {
  std::vector<std::string> keys;  // unique_key; empty: nothing is deduplicated
  std::string event_time;         // column of the model; empty: none
  std::string arrival_time;       // column of the model; empty: lateness by the watermark
  int64_t watermark_micros = 0;   // 0: none
  std::string late_column = "is_late";
  std::vector<std::string> streams;  // upstreams that are followed; empty: the only one
  OnUpstreamRemoval on_upstream_removal = OnUpstreamRemoval::kFail;
  OnTargetRestore on_restore = OnTargetRestore::kRewind;
  std::string on_schema_change = "ignore";
  uint64_t max_bytes = 256ULL << 20;  // of upstream files in one batch
  int64_t max_commits = INT64_MAX;    // upstream commits in one batch
  int64_t poll_micros = 500'000;      // of `tarn up`
};

Result<StreamingConfig> ReadStreamingConfig(const Node& node);

// "2 days", "90 minutes", "1h", "30s" -> microseconds.
Result<int64_t> ParseInterval(const std::string& text);

}  // namespace tarn::transform
