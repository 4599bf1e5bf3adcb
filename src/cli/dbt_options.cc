#include "cli/dbt_options.h"

#include "base/clock.h"
#include "base/random.h"
#include "transform/project/yaml.h"

namespace tarn::cli {
namespace {

using transform::Json;

Json FlagsOf(const DbtOptions& options, const Json& vars) {
  return {{"FULL_REFRESH", options.full_refresh},
          {"STORE_FAILURES", options.store_failures},
          {"FAIL_FAST", options.fail_fast},
          {"WHICH", options.command},
          {"EMPTY", options.empty},
          {"DEFER", options.defer},
          {"FAVOR_STATE", options.favor_state},
          {"WARN_ERROR", options.warn_error},
          {"TARGET", options.target},
          {"PROFILE", options.profile},
          {"THREADS", options.threads},
          {"PROJECT_DIR", options.project_dir},
          {"PROFILES_DIR", options.profiles_dir},
          {"SELECT", options.select},
          {"EXCLUDE", options.exclude},
          {"VARS", vars},
          {"PRINT", true},
          {"INTROSPECT", true},
          {"USE_COLORS", true},
          {"PARTIAL_PARSE", !options.no_partial_parse},
          {"LOG_LEVEL", options.log_level},
          {"QUIET", options.quiet}};
}

}  // namespace

void AddProjectOptions(CLI::App& command, DbtOptions& options) {
  command.add_option("--project-dir", options.project_dir, "folder of dbt_project.yml")
      ->capture_default_str();
  command.add_option("--profiles-dir", options.profiles_dir, "folder of profiles.yml");
  command.add_option("--profile", options.profile, "profile instead of the project's");
  command.add_option("-t,--target", options.target, "target instead of the profile's");
  command.add_option("--target-path", options.target_path, "folder of artifacts");
  command.add_option("--lake", options.lake, "folder of the lake (default: profile, lake.yml)");
  command.add_option("--vars", options.vars, "YAML mapping of variables");
  command.add_option("--threads", options.threads, "nodes that run at once");
  command.add_option("--log-format", options.log_format, "text or json")->capture_default_str();
  command.add_option("--log-level", options.log_level, "debug, info, warn or error")
      ->capture_default_str();
  command.add_flag("-q,--quiet", options.quiet, "errors only");
  command.add_flag("--no-partial-parse", options.no_partial_parse, "parse every file again");
  command.add_option("--pii-key", options.pii_key,
                     "ID=env:NAME or ID=file:PATH: gives models pii_token(value), a keyed hash");
  command.add_flag("--warn-error", options.warn_error, "a warning ends the command with 1");
  command.add_flag("--no-write-json", options.no_write_json, "write no artifacts");
  command.add_flag("--no-version-check", options.no_version_check, "accepted, for scripts");
  command.add_flag("--no-fsync", options.no_fsync, "commits may vanish in a power cut");
}

void AddSelectionOptions(CLI::App& command, DbtOptions& options) {
  command.add_option("-s,--select,-m,--models", options.select,
                     "nodes: names, paths, tag:x, +a, a+, @a, state:modified, …");
  command.add_option("--exclude", options.exclude, "nodes to leave out");
  command.add_option("--selector", options.selector, "name in selectors.yml");
  command.add_option("--indirect-selection", options.indirect_selection,
                     "eager, cautious, buildable or empty");
  command.add_option("--resource-type,--resource-types", options.resource_types,
                     "only these kinds");
  command.add_option("--exclude-resource-type,--exclude-resource-types",
                     options.exclude_resource_types, "not these kinds");
  command.add_option("--state", options.state, "folder of an earlier run's artifacts");
  command.add_option("--defer-state", options.defer_state, "the same, for --defer only");
  command.add_flag("--defer", options.defer, "take what is not selected from --state");
  command.add_flag("--favor-state", options.favor_state, "even where it exists here");
}

void AddRunOptions(CLI::App& command, DbtOptions& options) {
  command.add_flag("-f,--full-refresh", options.full_refresh, "build incremental models anew");
  command.add_flag("-x,--fail-fast", options.fail_fast, "stop at the first failure");
  command.add_flag("--store-failures", options.store_failures, "keep failing rows in tables");
  command.add_flag("--empty", options.empty, "refs and sources without rows");
  command.add_option("--event-time-start", options.event_time_start, "microbatch: from");
  command.add_option("--event-time-end", options.event_time_end, "microbatch: until");
}

Result<transform::ParseOptions> ReadParseOptions(const DbtOptions& options) {
  transform::ParseOptions parse;
  parse.project_dir = options.project_dir;
  parse.target.profiles_dir = options.profiles_dir;
  parse.target.profile = options.profile;
  parse.target.target = options.target;
  parse.target.lake = options.lake;
  parse.target.threads = options.threads;
  parse.target_path = options.target_path;
  parse.partial_parse = !options.no_partial_parse;
  parse.invocation.command = options.command;
  parse.invocation.invocation_id = MakeUuid(Random::System());
  parse.invocation.started_at_micros = Clock::System().NowMicros();
  if (!options.vars.empty()) {
    TARN_ASSIGN_OR_RETURN(parse.invocation.vars, transform::ParseYaml(options.vars, "--vars"));
    if (!parse.invocation.vars.is_object()) {
      return Status::InvalidArgument(
          "--vars must be a YAML mapping like '{day: 2026-01-01}'; got " + options.vars);
    }
  }
  parse.invocation.flags = FlagsOf(options, parse.invocation.vars);
  return parse;
}

transform::RunOptions ReadRunOptions(const DbtOptions& options, const transform::Target& target) {
  transform::RunOptions run;
  run.command = options.command;
  run.threads = options.threads > 0 ? options.threads : target.threads;
  run.full_refresh = options.full_refresh;
  run.fail_fast = options.fail_fast;
  run.store_failures = options.store_failures;
  run.empty = options.empty;
  run.defer = options.defer;
  run.favor_state = options.favor_state;
  run.warn_error = options.warn_error;
  run.event_time_start = options.event_time_start;
  run.event_time_end = options.event_time_end;
  return run;
}

Result<transform::EventLog::Options> ReadLogOptions(const DbtOptions& options,
                                                    const Streams& streams,
                                                    const std::string& invocation_id) {
  transform::EventLog::Options log;
  if (options.log_format != "text" && options.log_format != "json" &&
      options.log_format != "default" && options.log_format != "debug") {
    return Status::InvalidArgument("--log-format '" + options.log_format + "' is not text or json");
  }
  log.format =
      options.log_format == "json" ? transform::LogFormat::kJson : transform::LogFormat::kText;
  log.level = options.log_level == "debug"   ? transform::EventLevel::kDebug
              : options.log_level == "warn"  ? transform::EventLevel::kWarn
              : options.log_level == "error" ? transform::EventLevel::kError
                                             : transform::EventLevel::kInfo;
  log.quiet = options.quiet;
  log.colors = streams.out_is_terminal;
  log.invocation_id = invocation_id;
  return log;
}

}  // namespace tarn::cli
