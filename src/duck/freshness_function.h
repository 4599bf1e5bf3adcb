// tarn_freshness(), the table function behind system.freshness: see freshness_function.cc.
#pragma once

#include "duckdb/main/extension/extension_loader.hpp"

namespace tarn::duck {

void RegisterFreshness(duckdb::ExtensionLoader& loader);

}  // namespace tarn::duck
