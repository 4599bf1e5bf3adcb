// CALL tarn_optimize, tarn_reorg, tarn_vacuum, tarn_restore: what OPTIMIZE, REORG, VACUUM and
// RESTORE become. README.md lists them with what they return.
#include <numeric>

#include "delta/restore.h"
#include "delta/vacuum.h"
#include "duck/delta_table_entry.h"
#include "duck/extension.h"
#include "duck/functions.h"
#include "duck/location.h"
#include "duck/maintenance_call.h"
#include "duck/optimize.h"
#include "duck/status_exception.h"
#include "duck/table_write.h"

namespace tarn::duck {

using duckdb::LogicalType;
using duckdb::Value;

namespace {

constexpr size_t kMaxDryRunRows = 1000;  // as Spark

Value Big(int64_t number) { return Value::BIGINT(number); }

// --- OPTIMIZE, REORG ---

LogicalType SpreadType() {
  const auto big = LogicalType::BIGINT;
  return LogicalType::STRUCT({{"min", big},
                              {"max", big},
                              {"avg", LogicalType::DOUBLE},
                              {"totalFiles", big},
                              {"totalSize", big}});
}

Value Spread(const std::vector<int64_t>& sizes) {
  if (sizes.empty()) return Value(SpreadType());
  const auto spread = delta::SpreadOf(sizes);
  const int64_t total = std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
  return Value::STRUCT(
      {{"min", Big(spread.min)},
       {"max", Big(spread.max)},
       {"avg", Value::DOUBLE(static_cast<double>(total) / static_cast<double>(sizes.size()))},
       {"totalFiles", Big(static_cast<int64_t>(sizes.size()))},
       {"totalSize", Big(total)}});
}

LogicalType MetricsType() {
  const auto big = LogicalType::BIGINT;
  return LogicalType::STRUCT({{"numFilesAdded", big},
                              {"numFilesRemoved", big},
                              {"filesAdded", SpreadType()},
                              {"filesRemoved", SpreadType()},
                              {"totalConsideredFiles", big},
                              {"totalFilesSkipped", big},
                              {"numDeletionVectorsRemoved", big},
                              {"numCommits", big},
                              {"numBinsLeftOut", big}});
}

std::vector<MaintenanceColumn> OptimizeColumns() {
  return {{"path", LogicalType::VARCHAR}, {"metrics", MetricsType()}};
}

std::vector<MaintenanceRow> RunOptimize(const MaintenanceCall& call, bool purge) {
  const NamedTable target = call.Target();
  OptimizeRequest request;
  request.name = target.name;
  request.table = target.table;
  request.predicate_sql = call.Text(0);
  request.purge = purge;
  request.progress = call.progress;
  request.predicate_text = call.Text(purge ? 1 : 3);
  if (!purge) {
    request.order_by = call.List(1);
    request.full = call.Flag(2);
  }
  const auto outcome = Optimize(call.context, request);
  const auto added = static_cast<int64_t>(outcome.added_sizes.size());
  const auto removed = static_cast<int64_t>(outcome.removed_sizes.size());
  return {{Value(LocationOf(target)),
           Value::STRUCT({{"numFilesAdded", Big(added)},
                          {"numFilesRemoved", Big(removed)},
                          {"filesAdded", Spread(outcome.added_sizes)},
                          {"filesRemoved", Spread(outcome.removed_sizes)},
                          {"totalConsideredFiles", Big(outcome.files_considered)},
                          {"totalFilesSkipped", Big(outcome.files_considered - removed)},
                          {"numDeletionVectorsRemoved", Big(outcome.vectors_removed)},
                          {"numCommits", Big(outcome.commits)},
                          {"numBinsLeftOut", Big(outcome.bins_left_out)}})}};
}

// --- VACUUM ---

bool RetentionCheck(duckdb::ClientContext& context) {
  Value value;
  return !context.TryGetCurrentSetting(kRetentionCheckSetting, value) || value.IsNull() ||
         value.GetValue<bool>();
}

// (hours, dry_run, lite)
std::vector<MaintenanceRow> RunVacuum(const MaintenanceCall& call) {
  const NamedTable target = call.Target();
  delta::VacuumOptions options;
  if (!call.arguments[0].IsNull()) {
    options.retention_ms = static_cast<int64_t>(call.arguments[0].GetValue<double>() * 3'600'000.0);
  }
  options.dry_run = call.Flag(1);
  options.lite = call.Flag(2);
  options.check_retention = RetentionCheck(call.context);
  options.open_clone = [&](const std::string& location) {
    return OpenKnownLocation(call.context, location);
  };
  options.progress = call.progress;
  const auto outcome = ValueOrThrow(delta::Vacuum(target.table, options));
  if (!options.dry_run) return {{Value(LocationOf(target))}};
  std::vector<MaintenanceRow> rows;
  for (const auto& key : outcome.keys) {
    if (rows.size() == kMaxDryRunRows) break;
    rows.push_back({Value(target.table->environment().store->EnginePath(key))});
  }
  return rows;
}

// --- RESTORE ---

// (version or NULL, timestamp or NULL)
std::vector<MaintenanceRow> RunRestore(const MaintenanceCall& call) {
  const NamedTable target = call.Target();
  const bool by_version = !call.arguments[0].IsNull();
  if (by_version == !call.arguments[1].IsNull()) {
    throw duckdb::InvalidInputException(
        "RESTORE of %s wants a version or a timestamp, and one of them only", target.name);
  }
  const duckdb::BoundAtClause at(by_version ? "version" : "timestamp",
                                 call.arguments[by_version ? 0 : 1]);
  const auto snapshot = SnapshotAt(call.context, *target.table, at);
  delta::StringMap parameters{{"version", "null"}, {"timestamp", "null"}};
  parameters[by_version ? "version" : "timestamp"] =
      by_version ? call.Text(0) : JsonText(call.Text(1));
  const auto outcome = ValueOrThrow(delta::Restore(target.table, snapshot, std::move(parameters)));
  return {{Big(outcome.table_size_after), Big(outcome.files_after), Big(outcome.files_removed),
           Big(outcome.files_restored), Big(outcome.bytes_removed), Big(outcome.bytes_restored)}};
}

}  // namespace

void RegisterMaintenanceFunctions(duckdb::ExtensionLoader& loader) {
  const auto text = LogicalType::VARCHAR;
  const auto flag = LogicalType::BOOLEAN;
  const auto big = LogicalType::BIGINT;
  RegisterMaintenance(loader, "tarn_optimize", {text, LogicalType::LIST(text), flag, text}, 4,
                      OptimizeColumns(),
                      [](const MaintenanceCall& call) { return RunOptimize(call, false); });
  RegisterMaintenance(loader, "tarn_reorg", {text, text}, 2, OptimizeColumns(),
                      [](const MaintenanceCall& call) { return RunOptimize(call, true); });
  RegisterMaintenance(loader, "tarn_vacuum", {LogicalType::DOUBLE, flag, flag}, 3, {{"path", text}},
                      RunVacuum);
  RegisterMaintenance(loader, "tarn_restore", {big, LogicalType::ANY}, 1,
                      {{"table_size_after_restore", big},
                       {"num_of_files_after_restore", big},
                       {"num_removed_files", big},
                       {"num_restored_files", big},
                       {"removed_files_size", big},
                       {"restored_files_size", big}},
                      RunRestore);
}

}  // namespace tarn::duck
