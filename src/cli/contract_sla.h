// What contracts promise of whole days (volume, null rates, delay), held against
// system.contract_results: sums of what commits said of themselves, no record is read.
//
// Threads: one call at a time. Errors: the engine's; kNotFound when nothing was judged so far.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"
#include "govern/contract.h"

namespace tarn::cli {

struct SlaLine {
  std::string contract, table, day;
  std::string promise;  // "min_daily_volume", "coupon.max_null_rate_pct", "max_delay_seconds", …
  std::string value, limit;
  bool kept = true;
};

// A line per contract, table, day and promise; rules that were broken are lines with the limit 0
// records, kept when they only flag. The newest day is not over: its volume is not judged, nor is
// the first day's.
Result<std::vector<SlaLine>> ReadContractSla(engine::Engine& engine,
                                             const std::vector<govern::Contract>& contracts);

}  // namespace tarn::cli
