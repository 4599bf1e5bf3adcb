// Tables by where they lie, for what refers to other tables by place: shallow clones and their
// sources.
//
// Threads: safe.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "delta/table.h"
#include "duckdb.hpp"

namespace tarn::duck {

// The table at a place written down earlier. kNotFound only when the folder above it is there and
// it is not: a disk that is not mounted is kIo, not an absent table.
Result<std::shared_ptr<delta::Table>> OpenKnownLocation(duckdb::ClientContext& context,
                                                        const std::string& location);

}  // namespace tarn::duck
