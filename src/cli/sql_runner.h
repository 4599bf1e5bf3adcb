// Runs SQL text on a session and prints what comes of it; the shared part of `tarn sql` with -c, -f
// and at a prompt.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "cli/command.h"
#include "cli/render.h"
#include "engine/engine.h"

namespace tarn::cli {

struct SqlOutput {
  OutputFormat format = OutputFormat::kTable;
  bool quiet = false;   // say nothing about statements that give no rows
  bool timing = false;  // time of each statement on standard error
  bool progress = true;
  uint64_t max_rows = 0;  // table form; 0: all
  bool fit_terminal = false;
};

// Every statement of the script in order. kCancelled after Ctrl-C; a failed statement ends the
// script.
Status RunScript(engine::Session& session, std::string_view script, const std::string& source_name,
                 const SqlOutput& output, Streams& streams);

}  // namespace tarn::cli
