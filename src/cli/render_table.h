// The table form of render.h; see there.
#pragma once

#include <memory>

#include "cli/render.h"

namespace tarn::cli {

std::unique_ptr<RowWriter> MakeTableWriter(const RenderOptions& options, std::ostream& out);

}  // namespace tarn::cli
