#include "transform/run/microbatch.h"

#include <cstdio>

#include "base/clock.h"
#include "transform/run/compiler.h"

namespace tarn::transform {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kHour = 3600 * kSecond;
constexpr int64_t kDay = 24 * kHour;

struct Civil {
  int64_t year = 1970;
  int month = 1, day = 1;
};

Civil CivilOf(int64_t micros) {
  int64_t days = micros / kDay;
  if (micros % kDay < 0) --days;
  Civil civil;
  const std::string text = FormatDate(days);
  long long year = 0;
  std::sscanf(text.c_str(), "%lld-%d-%d", &year, &civil.month, &civil.day);
  civil.year = year;
  return civil;
}

int64_t MicrosOf(int64_t year, int month) {
  return DaysFromCivil(year, static_cast<unsigned>(month), 1) * kDay;
}

int64_t Floor(int64_t micros, int64_t unit) {
  int64_t rest = micros % unit;
  if (rest < 0) rest += unit;
  return micros - rest;
}

// The batch is rendered with its window, so refs with event_time are filtered, and replaces its
// interval of the target: run twice, the table is the same.
Status RunBatch(RunScope& scope, const Batch& batch, const std::string& event_time) {
  EventWindow window{BatchTimestamp(batch.start_micros), BatchTimestamp(batch.end_micros)};
  scope.window = window;
  TARN_RETURN_IF_ERROR(CompileNode(scope));
  const auto target = scope.This();
  const std::string range =
      event_time + " >= '" + window.start + "' and " + event_time + " < '" + window.end + "'";
  TARN_ASSIGN_OR_RETURN(const auto kind, scope.warehouse.KindOf(target->parts()));
  if (!kind) {
    return RunAnnotated(scope, CreateTableSql(scope, *target,
                                              "select * from (\n" + scope.node.compiled_code +
                                                  "\n) as DBT_INTERNAL_SOURCE where " + range))
        .status();
  }
  TARN_ASSIGN_OR_RETURN(const auto columns, scope.warehouse.ColumnsOf(*target));
  std::string list;
  for (const engine::Column& column : columns) {
    list += (list.empty() ? "" : ", ") + QuoteName(column.name, scope.quote());
  }
  return RunAnnotated(scope, "insert into " + target->Render() + " replace where " + range +
                                 " select " + list + " from (\n" + scope.node.compiled_code +
                                 "\n) as DBT_INTERNAL_SOURCE where " + range)
      .status();
}

Result<std::vector<Batch>> PlanBatches(RunScope& scope, bool from_begin) {
  const Json& config = scope.node.config;
  const std::string size = TextMember(config, "batch_size");
  const RunOptions& options = scope.context.options;
  int64_t end = Clock::System().NowMicros();
  if (!options.event_time_end.empty()) {
    TARN_ASSIGN_OR_RETURN(end, ParseBatchTimestamp(options.event_time_end));
  }
  int64_t begin = 0;
  if (!options.event_time_start.empty()) {
    TARN_ASSIGN_OR_RETURN(begin, ParseBatchTimestamp(options.event_time_start));
  } else if (from_begin) {
    const std::string text = TextMember(config, "begin");
    if (text.empty()) {
      return Status::InvalidArgument("Microbatch model '" + scope.node.name +
                                     "' must provide a 'begin' (datetime) config");
    }
    TARN_ASSIGN_OR_RETURN(begin, ParseBatchTimestamp(text));
  } else {
    const Json& lookback = Member(config, "lookback");
    const int64_t count = lookback.is_number_integer() ? lookback.get<int64_t>() : 1;
    begin = ShiftBatch(size, end, -count);
  }
  return BatchesBetween(size, begin, end);
}

}  // namespace

std::string BatchTimestamp(int64_t micros) {
  const Civil civil = CivilOf(micros);
  const int64_t seconds = (micros - Floor(micros, kDay)) / kSecond;
  char text[48];
  std::snprintf(text, sizeof text, "%04lld-%02d-%02d %02d:%02d:%02d",
                static_cast<long long>(civil.year), civil.month, civil.day,
                static_cast<int>(seconds / 3600), static_cast<int>(seconds / 60 % 60),
                static_cast<int>(seconds % 60));
  return text;
}

Result<int64_t> ParseBatchTimestamp(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  char between = 0;
  const int read = std::sscanf(text.c_str(), "%d-%d-%d%c%d:%d:%d", &year, &month, &day, &between,
                               &hour, &minute, &second);
  if (read < 3 || month < 1 || month > 12 || day < 1 || day > 31) {
    return Status::InvalidArgument("'" + text +
                                   "' is no time; write 2026-01-31 or 2026-01-31T12:00:00");
  }
  return DaysFromCivil(year, static_cast<unsigned>(month), static_cast<unsigned>(day)) * kDay +
         hour * kHour + minute * 60 * kSecond + second * kSecond;
}

int64_t ShiftBatch(const std::string& batch_size, int64_t micros, int64_t count) {
  if (batch_size == "hour") return Floor(micros, kHour) + count * kHour;
  if (batch_size == "month") {
    const Civil civil = CivilOf(micros);
    int64_t months = civil.year * 12 + (civil.month - 1) + count;
    return MicrosOf(months / 12, static_cast<int>(months % 12) + 1);
  }
  if (batch_size == "year") return MicrosOf(CivilOf(micros).year + count, 1);
  return Floor(micros, kDay) + count * kDay;
}

Result<std::vector<Batch>> BatchesBetween(const std::string& batch_size, int64_t begin_micros,
                                          int64_t end_micros) {
  if (batch_size != "hour" && batch_size != "day" && batch_size != "month" &&
      batch_size != "year") {
    return Status::InvalidArgument("batch_size '" + batch_size +
                                   "' is not one of hour, day, month, year");
  }
  std::vector<Batch> batches;
  int64_t at = ShiftBatch(batch_size, begin_micros, 0);
  while (at < end_micros) {
    const int64_t next = ShiftBatch(batch_size, at, 1);
    batches.push_back({at, next});
    at = next;
    if (batches.size() > 1'000'000) {
      return Status::InvalidArgument("more than a million batches; is 'begin' right?");
    }
  }
  return batches;
}

Result<MaterializeOutcome> MaterializeMicrobatch(RunScope& scope) {
  const std::string event_time = TextMember(scope.node.config, "event_time");
  if (event_time.empty()) {
    return Status::InvalidArgument("Microbatch model '" + scope.node.name +
                                   "' must provide an 'event_time' (string) config that indicates "
                                   "the name of the event time column");
  }
  TARN_ASSIGN_OR_RETURN(const auto kind, scope.warehouse.KindOf(scope.This()->parts()));
  const bool rebuild = !kind || *kind == "view" || WantsFullRefresh(scope);
  TARN_ASSIGN_OR_RETURN(const std::vector<Batch> batches, PlanBatches(scope, rebuild));
  if (rebuild && kind) TARN_RETURN_IF_ERROR(scope.warehouse.Drop(scope.This()->parts()));
  size_t done = 0;
  std::string failed;
  Status first;
  for (const Batch& batch : batches) {
    if (scope.context.stop) break;
    const Status status = RunBatch(scope, batch, event_time);
    if (status.ok()) {
      ++done;
      continue;
    }
    if (first.ok()) first = status;
    failed += (failed.empty() ? "" : ", ") + BatchTimestamp(batch.start_micros);
    // Without its first batch there is no table for the others to go into.
    if (done == 0) break;
  }
  if (!first.ok()) {
    return first.WithContext(std::to_string(batches.size() - done) + " of " +
                             std::to_string(batches.size()) + " batches not done (" + failed + ")");
  }
  MaterializeOutcome outcome;
  outcome.message = "SUCCESS";
  return outcome;
}

}  // namespace tarn::transform
