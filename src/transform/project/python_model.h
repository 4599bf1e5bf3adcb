// Python models: what their text calls, found without running it.
//
// Only literal arguments count, as in dbt: dbt.ref("x"), dbt.source("a", "b"),
// dbt.config(key=literal).
#pragma once

#include "base/status.h"
#include "transform/project/parse_scope.h"

namespace tarn::transform {

Status CapturePython(const Node& node, CapturedCalls* calls);

}  // namespace tarn::transform
