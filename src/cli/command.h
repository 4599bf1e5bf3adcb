// What every command of the `tarn` binary shares: exit codes, streams, and how it is registered.
//
// A command is one file with one Register function, listed in cli.cc. Register declares options on
// a CLI11 subcommand and leaves a callback that returns the exit code; nothing runs while options
// are read.
//
// Threads: commands run on the main thread. Lifetime: Streams outlives the run.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <ostream>
#include <string>

#include "base/status.h"

namespace tarn::cli {

// The documented exit codes. Every command's --help repeats them.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,  // the command was understood and failed; standard error says why, in one line
  kExitUsage = 2,   // unknown command or option, or a value that cannot be meant
  kExitCancelled = 130,  // Ctrl-C
};

inline constexpr const char* kExitCodesHelp =
    "Exit codes: 0 done, 1 failed (one line on standard error), 2 wrong usage, 130 cancelled.";

// Where a command reads and writes. Tests put string streams here.
struct Streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  size_t terminal_columns = 80;
};

// What a run found to do: set by the callback of the command that was named.
struct Invocation {
  Streams& streams;
  std::function<int()> run;
};

// Prints "tarn: error: <message>" and returns the exit code the status maps to.
int ReportError(Streams& streams, const Status& status);
// The same for what the command line says; always kExitUsage.
int ReportUsage(Streams& streams, const Status& status);

void RegisterSql(CLI::App& app, Invocation& invocation);
void RegisterIngest(CLI::App& app, Invocation& invocation);
void RegisterGenerate(CLI::App& app, Invocation& invocation);
void RegisterUp(CLI::App& app, Invocation& invocation);
void RegisterDeadLetters(CLI::App& app, Invocation& invocation);
void RegisterPush(CLI::App& app, Invocation& invocation);
void RegisterContract(CLI::App& app, Invocation& invocation);
void RegisterFeatures(CLI::App& app, Invocation& invocation);
void RegisterDbt(CLI::App& app, Invocation& invocation);
void RegisterTable(CLI::App& app, Invocation& invocation);
void RegisterVersion(CLI::App& app, Invocation& invocation);

}  // namespace tarn::cli
