// Freshness of sources: how old the newest row is, against warn_after and error_after.
//
// Threads: one at a time per warehouse.
#pragma once

#include <vector>

#include "transform/run/node_runner.h"

namespace tarn::transform {

// Sources without thresholds are left out. A source without loaded_at_field is as fresh as the last
// commit of its table.
std::vector<NodeResult> CheckFreshness(RunContext& context, Warehouse& warehouse,
                                       const std::vector<Node*>& sources);

}  // namespace tarn::transform
