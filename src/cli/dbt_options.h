// What every `tarn dbt` command is given: dbt's options under dbt's names.
//
// Threads: plain data.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/command.h"
#include "transform/project/parser.h"
#include "transform/project/selector.h"
#include "transform/run/run_context.h"

namespace tarn::cli {

struct DbtOptions {
  std::string command;
  std::string project_dir = ".";
  std::string profiles_dir, profile, target, target_path, lake;
  std::string vars;
  int threads = 0;
  std::vector<std::string> select, exclude, resource_types, exclude_resource_types;
  std::string selector, indirect_selection;
  std::string state, defer_state;
  bool full_refresh = false, fail_fast = false, store_failures = false, empty = false;
  bool defer = false, favor_state = false, warn_error = false, no_partial_parse = false;
  bool no_fsync = false;
  std::string pii_key;
  std::string event_time_start, event_time_end;
  std::string log_format = "text", log_level = "info", output, output_keys;
  bool quiet = false, no_version_check = false, no_write_json = false;
  std::string inline_sql, macro, args;
  int limit = 5;
  uint64_t port = 8080;
};

// Options of all commands, of those that select nodes, of those that run them.
void AddProjectOptions(CLI::App& command, DbtOptions& options);
void AddSelectionOptions(CLI::App& command, DbtOptions& options);
void AddRunOptions(CLI::App& command, DbtOptions& options);

// What the options mean for parsing; kInvalidArgument for --vars that are no mapping.
Result<transform::ParseOptions> ReadParseOptions(const DbtOptions& options);
transform::RunOptions ReadRunOptions(const DbtOptions& options, const transform::Target& target);
Result<transform::EventLog::Options> ReadLogOptions(const DbtOptions& options,
                                                    const Streams& streams,
                                                    const std::string& invocation_id);

}  // namespace tarn::cli
