// `tarn dbt retry`: what failed, was skipped or was cut off last time, as it was asked for then.
#include <filesystem>

#include "cli/dbt_run.h"
#include "transform/project/yaml.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;
using transform::BoolMember;
using transform::Json;
using transform::Member;
using transform::TextMember;

// A folder named on an earlier command line, from whatever folder it was typed.
std::string Absolute(const std::string& path) {
  if (path.empty() || path.find("://") != std::string::npos) return path;
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

// "k1=file:keys/a" as "k1=file:/home/…/keys/a".
std::string AbsoluteKey(const std::string& key) {
  const size_t at = key.find("=file:");
  if (at == std::string::npos) return key;
  return key.substr(0, at + 6) + Absolute(key.substr(at + 6));
}

// What is said now counts; what is not said is as it was.
void Remember(const Json& arguments, DbtOptions& options) {
  const auto text = [&](const char* key, std::string& into) {
    if (into.empty()) into = TextMember(arguments, key);
  };
  const auto flag = [&](const char* key, bool& into) {
    into = into || BoolMember(arguments, key, false);
  };
  options.command = TextMember(arguments, "which", "build");
  text("lake", options.lake);
  text("target", options.target);
  text("profile", options.profile);
  text("profiles_dir", options.profiles_dir);
  text("state", options.state);
  text("defer_state", options.defer_state);
  text("event_time_start", options.event_time_start);
  text("event_time_end", options.event_time_end);
  text("pii_key", options.pii_key);
  flag("full_refresh", options.full_refresh);
  flag("store_failures", options.store_failures);
  flag("fail_fast", options.fail_fast);
  flag("empty", options.empty);
  flag("defer", options.defer);
  flag("favor_state", options.favor_state);
  flag("warn_error", options.warn_error);
  flag("no_fsync", options.no_fsync);
  const Json& threads = Member(arguments, "threads");
  if (options.threads == 0 && threads.is_number_integer()) options.threads = threads.get<int>();
  const Json& vars = Member(arguments, "vars");
  if (options.vars.empty() && vars.is_object() && !vars.empty()) options.vars = vars.dump();
}

Status ReadLastResults(const std::string& folder, Json* arguments, RetryPlan* plan) {
  TARN_ASSIGN_OR_RETURN(const transform::PreviousState state, transform::LoadState(folder));
  if (state.run_results.is_null()) {
    return Status::NotFound("there is no run_results.json in " + folder + " to retry from");
  }
  *arguments = Member(state.run_results, "args");
  for (const Json& result : Member(state.run_results, "results")) {
    const std::string status = TextMember(result, "status");
    if (status == "error" || status == "fail" || status == "skipped" || status == "runtime error") {
      plan->ids.insert(TextMember(result, "unique_id"));
    }
  }
  return Status::Ok();
}

}  // namespace

Json RunArguments(const DbtSession& session, const DbtOptions& options) {
  Json arguments = Json::object();
  for (const auto& [key, value] : session.project->names->invocation().flags.items()) {
    std::string lower = key;
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    arguments[lower] = value;
  }
  arguments["lake"] = Absolute(options.lake);
  arguments["profiles_dir"] = Absolute(options.profiles_dir);
  arguments["state"] = Absolute(options.state);
  arguments["defer_state"] = Absolute(options.defer_state);
  arguments["selector"] = options.selector;
  arguments["indirect_selection"] = options.indirect_selection;
  arguments["resource_types"] = options.resource_types;
  arguments["exclude_resource_types"] = options.exclude_resource_types;
  arguments["event_time_start"] = options.event_time_start;
  arguments["event_time_end"] = options.event_time_end;
  arguments["pii_key"] = AbsoluteKey(options.pii_key);  // names the key, does not hold it
  arguments["no_fsync"] = options.no_fsync;
  return arguments;
}

int RunDbtRetry(const DbtOptions& given, Streams& streams) {
  const auto retry = [&]() -> Result<int> {
    DbtOptions options = given;
    TARN_ASSIGN_OR_RETURN(const auto parse, ReadParseOptions(options));
    TARN_ASSIGN_OR_RETURN(const std::string target_folder, transform::FindTargetFolder(parse));
    const std::string folder = options.state.empty() ? target_folder : options.state;
    options.state.clear();
    TARN_ASSIGN_OR_RETURN(const auto cut_off, transform::FindCutOffRun(folder));
    RetryPlan plan;
    Json arguments;
    if (cut_off) {
      arguments = cut_off->arguments;
      plan.ids.insert(cut_off->left.begin(), cut_off->left.end());
      plan.open = cut_off->open;
    } else {
      TARN_RETURN_IF_ERROR(ReadLastResults(folder, &arguments, &plan));
    }
    if (plan.ids.empty()) {
      streams.out << "Nothing to retry: the last run had no failures.\n";
      return static_cast<int>(kExitOk);
    }
    Remember(arguments, options);
    return ExecuteDbt(options, streams, &plan);
  };
  const auto code = retry();
  return code.ok() ? *code : CannotRun(streams, code.status());
}

}  // namespace tarn::cli
