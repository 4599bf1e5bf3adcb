// The prompt of `tarn sql`: line editing, history in a file, completion of names, dot commands.
//
// Statements may span lines and end with `;`. Ctrl-C drops the text being typed, or cancels the
// running statement; Ctrl-D or `.quit` ends. A failed statement is reported and the prompt comes
// back.
//
// Threads: the main thread only; one shell in the process at a time (line editing is global state).
#pragma once

#include <string>

#include "base/status.h"
#include "cli/command.h"
#include "cli/sql_runner.h"
#include "engine/engine.h"

namespace tarn::cli {

// REQUIRES: standard input is a terminal.
Status RunShell(engine::Session& session, const std::string& lake, SqlOutput output,
                Streams& streams);

// Where statements are remembered: $TARN_HISTORY, else $XDG_STATE_HOME/tarn/history, else
// ~/.local/state/tarn/history. Empty when there is no such place.
std::string HistoryPath();

}  // namespace tarn::cli
