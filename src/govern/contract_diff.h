// Two versions of a contract: what changed, whether a reader of the old one can live with the new
// one, and whether the new one may be published.
//
// The rule: a promise may become stricter, never looser. A removed or renamed field, a type that is
// not a widening, a field that may now be null, a new allowed value, a wider range, a longer delay,
// a smaller volume are breaking; a new field, a removed allowed value, a narrower range are not.
//
// Threads: pure functions. Errors: none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "govern/contract.h"

namespace tarn::govern {

struct ContractChange {
  std::string path;  // "user_id", "sla.max_delay_seconds"; a field's path for changes of fields
  std::string text;  // one line, what became of it
  bool breaking = false;
};

// In the order of the schema, then SLA, then policy. Empty: the two mean the same.
std::vector<ContractChange> DiffContracts(const Contract& before, const Contract& after);

// Why a set of changes may not be published on `today_days` (since the epoch), by the policy of the
// version in force: the notice is too short, an approval is missing, the version was not raised.
// Empty: it may.
std::vector<std::string> PublishObstacles(const Contract& before, const Contract& after,
                                          const std::vector<ContractChange>& changes,
                                          int64_t today_days);

}  // namespace tarn::govern
