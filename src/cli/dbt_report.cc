// The lines of dbt before and after the nodes.
#include <map>

#include "cli/dbt_run.h"

namespace tarn::cli {
namespace {

using transform::EventLevel;
using transform::Json;
using transform::Node;
using transform::NodeResult;
using transform::NodeStatus;
using transform::ResourceType;

std::string Plural(size_t count, const std::string& word) {
  if (count == 1) return "1 " + word;
  const bool y = word.ends_with("y");
  const bool is = word.ends_with("analysis");
  return std::to_string(count) + " " +
         (is  ? word.substr(0, word.size() - 2) + "es"
          : y ? word.substr(0, word.size() - 1) + "ies"
              : word + "s");
}

std::string KindWord(const Node& node, bool materialized) {
  switch (node.type) {
    case ResourceType::kTest: return "data test";
    case ResourceType::kUnitTest: return "unit test";
    case ResourceType::kOperation: return "project hook";
    case ResourceType::kSemanticModel: return "semantic model";
    case ResourceType::kSavedQuery: return "saved query";
    case ResourceType::kModel: return materialized ? node.Materialized() + " model" : "model";
    default: return std::string(ResourceTypeName(node.type));
  }
}

void TellBad(DbtSession& session, const NodeResult& result) {
  const Node& node = *result.node;
  transform::EventLog& log = *session.log;
  const bool warning = result.status == NodeStatus::kWarn;
  const EventLevel level = warning ? EventLevel::kWarn : EventLevel::kError;
  log.Info("");
  log.Tell(level, warning ? "RunResultWarning" : "RunResultFailure",
           std::string(warning ? "Warning" : "Failure") + " in " +
               std::string(ResourceTypeName(node.type)) + " " + node.name + " (" +
               node.original_file_path + ")");
  log.Tell(level, "RunResultError", "  " + result.message);
  if (node.compiled && node.type != ResourceType::kUnitTest) {
    log.Info("");
    log.Info("  compiled code at " + transform::TextMember(node.extra, "compiled_path"));
  }
  if (node.type == ResourceType::kTest && !node.relation_name.empty()) {
    const std::string query = "select * from " + node.relation_name;
    const std::string border(query.size(), '-');
    log.Info("");
    log.Info("  See test failures:\n  " + border + "\n  " + query + "\n  " + border);
  }
}

}  // namespace

void TellFound(DbtSession& session) {
  std::map<std::string, size_t> counts;
  std::vector<std::string> order;
  for (const Node& node : session.project->manifest.nodes) {
    const std::string word = KindWord(node, false);
    if (counts[word]++ == 0) order.push_back(word);
  }
  std::string text;
  for (const std::string& word : order)
    text += (text.empty() ? "" : ", ") + Plural(counts[word], word);
  text += (text.empty() ? "" : ", ") + Plural(session.project->manifest.macros.size(), "macro");
  session.log->Tell(EventLevel::kInfo, "FoundStats", "Found " + text);
  session.log->Info("");
}

int TellEnd(DbtSession& session, const transform::ExecutionReport& report) {
  std::map<std::string, size_t> kinds;
  size_t passed = 0, warned = 0, failed = 0, skipped = 0, idle = 0;
  for (const NodeResult& result : report.results) {
    ++kinds[KindWord(*result.node, true)];
    switch (result.status) {
      case NodeStatus::kSuccess:
      case NodeStatus::kPass: ++passed; break;
      case NodeStatus::kWarn: ++warned; break;
      case NodeStatus::kSkipped: ++skipped; break;
      case NodeStatus::kNoOp: ++idle; break;
      default: ++failed;
    }
  }
  transform::EventLog& log = *session.log;
  std::string stats;
  for (const auto& [word, count] : kinds)
    stats += (stats.empty() ? "" : ", ") + Plural(count, word);
  char time[96];
  const int whole = static_cast<int>(report.seconds);
  std::snprintf(time, sizeof time, " in %d hours %d minutes and %.2f seconds (%.2fs).",
                whole / 3600, whole / 60 % 60, report.seconds - whole / 60 * 60, report.seconds);
  log.Info("");
  log.Tell(EventLevel::kInfo, "FinishedRunningStats", "Finished running " + stats + time);
  log.Info("");
  if (report.interrupted) {
    log.Tell(EventLevel::kWarn, "EndOfRunSummary", "Exited because of keyboard interrupt");
  } else if (failed > 0) {
    log.Tell(EventLevel::kError, "EndOfRunSummary",
             "Completed with " + Plural(failed, "error") + ", 0 partial successes, and " +
                 Plural(warned, "warning") + ":");
  } else if (warned > 0) {
    log.Tell(EventLevel::kWarn, "EndOfRunSummary",
             "Completed with " + Plural(warned, "warning") + ":");
  } else {
    log.Tell(EventLevel::kInfo, "EndOfRunSummary", "Completed successfully");
  }
  for (const NodeResult& result : report.results) {
    if (result.IsBad() || result.status == NodeStatus::kWarn) TellBad(session, result);
  }
  log.Info("");
  const size_t total = report.results.size();
  const auto number = [](size_t n) { return std::to_string(n); };
  log.Tell(EventLevel::kInfo, "StatsLine",
           "Done. PASS=" + number(passed) + " WARN=" + number(warned) + " ERROR=" + number(failed) +
               " SKIP=" + number(skipped) + " NO-OP=" + number(idle) + " TOTAL=" + number(total),
           {{"stats",
             {{"pass", passed},
              {"warn", warned},
              {"error", failed},
              {"skip", skipped},
              {"noop", idle},
              {"total", total}}}});
  if (report.interrupted) return kExitUsage;  // dbt's: it did not come to its end
  const bool bad = failed > 0 || (warned > 0 && session.context->options.warn_error);
  return bad ? kExitFailed : kExitOk;
}

}  // namespace tarn::cli
