#include "cli/generate_truth.h"

#include <cstdio>

#include "base/clock.h"
#include "cli/generate_text.h"

namespace tarn::cli {
namespace {

std::string Field(const char* name, uint64_t value) {
  return std::string("\"") + name + "\": " + std::to_string(value);
}

std::string StreamJson(const char* name, const StreamTruth& stream) {
  return std::string("  \"") + name + "\": {" + Field("read", stream.lines) + ", " +
         Field("dead_letters", stream.malformed) + ", " +
         Field("bronze", stream.lines - stream.malformed) + ", " +
         Field("duplicates", stream.duplicates) + ", " + Field("quarantined", stream.quarantined) +
         ", " + Field("silver", stream.silver) + ", " + Field("dq_failed", stream.dq_failed) +
         ", " + Field("late", stream.late) + "},\n";
}

std::string AliveJson(const Truth& truth, const World& world) {
  std::string json = "  \"users_alive\": [";
  for (size_t day = 0; day < truth.users_alive.size(); ++day) {
    json += day == 0 ? "\n    {\"date\": \"" : ",\n    {\"date\": \"";
    AppendDate(&json, world.EpochDay(static_cast<int>(day)));
    json += "\", " + Field("users", static_cast<uint64_t>(truth.users_alive[day])) + "}";
  }
  return json + "\n  ],\n";
}

std::string ActivityJson(const Truth& truth, const World& world) {
  std::string json = "  \"dau_by_platform\": [";
  bool first = true;
  for (size_t i = 0; i < truth.activity.size(); ++i) {
    const ActivityTruth& row = truth.activity[i];
    if (row.events == 0) continue;
    json += first ? "\n    {\"event_date\": \"" : ",\n    {\"event_date\": \"";
    first = false;
    AppendDate(&json, world.EpochDay(static_cast<int>(i / kPlatformCount)));
    json += "\", \"platform\": \"" + std::string(kPlatforms[i % kPlatformCount]) + "\", " +
            Field("dau", row.dau) + ", " + Field("total_sessions", row.sessions) + ", " +
            Field("total_events", row.events) + ", " + Field("late_arrival_count", row.late) + "}";
  }
  return json + "\n  ],\n";
}

std::string RevenueJson(const Truth& truth, const World& world) {
  std::string json = "  \"revenue_daily\": [";
  bool first = true;
  for (const auto& [key, row] : truth.revenue) {
    const auto& [day, currency, platform] = key;
    const int digits = CurrencyDigits(currency);
    json += first ? "\n    {\"revenue_date\": \"" : ",\n    {\"revenue_date\": \"";
    first = false;
    AppendDate(&json, world.EpochDay(day));
    json += "\", \"currency\": \"" + currency + "\", \"platform\": \"" +
            std::string(kPlatforms[platform]) + "\", \"gross\": \"";
    AppendAmount(&json, row.gross, digits);
    json += "\", \"refunds\": \"";
    AppendAmount(&json, row.refunds, digits);
    json += "\", \"net\": \"";
    AppendAmount(&json, row.gross - row.refunds, digits);
    json += "\"}";
  }
  return json + "\n  ]\n";
}

}  // namespace

std::string ParametersJson(const GenerateOptions& options) {
  char scale[32];
  std::snprintf(scale, sizeof scale, "%.9g", options.scale);
  return "  \"parameters\": {\"format\": 1, \"seed\": " + std::to_string(options.seed) +
         ", \"scale\": " + scale + ", \"days\": " + std::to_string(options.days) +
         ", \"end_date\": \"" + FormatDate(options.end_day) +
         "\", \"gzip\": " + (options.gzip ? "true" : "false") + ", \"users\": \"" +
         (options.users_csv ? "csv" : "ndjson") + "\"},\n";
}

std::string TruthJson(const Truth& truth, const GenerateOptions& options, const World& world) {
  return "{\n" + ParametersJson(options) + StreamJson("events", truth.events) +
         StreamJson("users", truth.users) + StreamJson("transactions", truth.transactions) +
         StreamJson("sessions", truth.sessions) + "  \"user_history\": {" +
         Field("versions", truth.user_versions) + ", " + Field("current", truth.users_current) +
         ", " + Field("deleted", truth.users_deleted) + "},\n  " + Field("refunds", truth.refunds) +
         ",\n" + AliveJson(truth, world) + ActivityJson(truth, world) + RevenueJson(truth, world) +
         "}\n";
}

}  // namespace tarn::cli
