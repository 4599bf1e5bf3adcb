// Plain tests of one model in one scan.
//
// What it is: not_null, unique and accepted_values with nothing special about them are computed by
// one statement over the model. The results are those the tests have one by one; when the shared
// statement fails, they are run one by one to say which of them it is.
//
// Threads: as NodeRunner.
#pragma once

#include <vector>

#include "transform/run/node_runner.h"

namespace tarn::transform {

// A built-in test that shares a scan: no limit, no stored failures, count(*) as measure.
bool IsPlainTest(const Node& node);
// All of one model.
std::vector<NodeResult> RunTestBatch(RunContext& context, Warehouse& warehouse,
                                     const std::vector<Node*>& tests);

}  // namespace tarn::transform
