// The whole command line: arguments in, exit code out. main.cc does nothing but call it.
//
// Errors: an unknown command or option is kExitUsage with the nearest known name on standard error.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace tarn::cli {

// `arguments` without the program's name.
int RunCommandLine(std::vector<std::string> arguments, Streams& streams);

}  // namespace tarn::cli
