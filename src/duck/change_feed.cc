// table_changes(table, start [, end]): the change data feed as a scan. Start and end are versions
// or timestamps, both inclusive. Columns: the table's, then _change_type, _commit_version and
// _commit_timestamp.
#include <utility>

#include "base/clock.h"
#include "delta/change_feed.h"
#include "delta/value.h"
#include "duck/delta_scan.h"
#include "duck/functions.h"
#include "duck/status_exception.h"
#include "duck/table_lookup.h"
#include "duckdb/common/string_util.hpp"

namespace tarn::duck {

using duckdb::LogicalType;
using duckdb::Value;

namespace {

constexpr const char* kChangeType = "_change_type";
constexpr const char* kCommitVersion = "_commit_version";
constexpr const char* kCommitTimestamp = "_commit_timestamp";

bool IsVersion(const Value& value) { return value.type().IsIntegral(); }

int64_t Micros(duckdb::ClientContext& context, const Value& value) {
  return value.CastAs(context, LogicalType::TIMESTAMP_TZ).GetValueUnsafe<int64_t>();
}

delta::Version StartOf(duckdb::ClientContext& context, delta::Table& table, const Value& start) {
  if (IsVersion(start)) return delta::Version(start.GetValue<int64_t>());
  const auto found = ValueOrThrow(delta::FirstVersionAtOrAfter(table, Micros(context, start)));
  if (!found) {
    throw duckdb::InvalidInputException("table_changes: no commit of the table is as new as %s",
                                        start.ToString());
  }
  return *found;
}

delta::Version EndOf(duckdb::ClientContext& context, delta::Table& table, const Value& end) {
  if (IsVersion(end)) return delta::Version(end.GetValue<int64_t>());
  const auto found = ValueOrThrow(delta::LastVersionAtOrBefore(table, Micros(context, end)));
  if (!found) {
    throw duckdb::InvalidInputException("table_changes: no commit of the table is as old as %s",
                                        end.ToString());
  }
  return *found;
}

delta::StructField Field(const char* name, delta::TypeKind kind) {
  delta::StructField field;
  field.name = name;
  auto type = std::make_shared<delta::DataType>();
  type->kind = kind;
  field.type = std::move(type);
  return field;
}

// The feed's own columns are handed to the scan as partition columns: constants of a file.
void AddConstants(const delta::ChangeFile& change, delta::AddFile* file) {
  if (change.change) file->partition_values[kChangeType] = *change.change;
  file->partition_values[kCommitVersion] = change.version.ToString();
  file->partition_values[kCommitTimestamp] = FormatTimestampUtc(change.timestamp_ms * 1000);
}

std::shared_ptr<DeltaScanInfo> InfoOf(const NamedTable& named, delta::ChangeFeed feed) {
  delta::Schema schema = feed.last->schema();
  for (const char* name : {kChangeType, kCommitVersion, kCommitTimestamp}) {
    if (!schema.Find(name)) continue;
    throw duckdb::InvalidInputException(
        "table %s has a column '%s' of its own, which is a name of the change data feed",
        named.name, name);
  }
  schema.fields.push_back(Field(kChangeType, delta::TypeKind::kString));
  schema.fields.push_back(Field(kCommitVersion, delta::TypeKind::kLong));
  schema.fields.push_back(Field(kCommitTimestamp, delta::TypeKind::kTimestamp));
  delta::Metadata metadata = feed.last->metadata();
  for (const char* name : {kChangeType, kCommitVersion, kCommitTimestamp}) {
    metadata.partition_columns.emplace_back(name);
  }
  auto info = MakeScanInfo(named.name, named.table, nullptr, schema, metadata, nullptr);
  auto overlay = std::make_shared<ScanOverlay>();
  for (auto& change : feed.files) {
    delta::AddFile file = std::move(change.file);
    AddConstants(change, &file);
    if (change.only) {
      overlay->only.emplace(overlay->added.size(),
                            std::make_shared<delta::RowSet>(std::move(*change.only)));
    }
    overlay->added.push_back(std::move(file));
  }
  info->overlay = std::move(overlay);
  info->column_in_some_files = kChangeType;
  return info;
}

duckdb::unique_ptr<duckdb::FunctionData> BindChanges(duckdb::ClientContext& context,
                                                     duckdb::TableFunctionBindInput& input,
                                                     duckdb::vector<LogicalType>& types,
                                                     duckdb::vector<duckdb::string>& names) {
  for (const Value& value : input.inputs) {
    if (value.IsNull()) throw duckdb::BinderException("table_changes takes no NULL");
  }
  const auto named = LookupTable(context, input.inputs[0].ToString());
  auto& table = *named.table;
  const auto first = StartOf(context, table, input.inputs[1]);
  const auto last = input.inputs.size() > 2 ? EndOf(context, table, input.inputs[2])
                                            : ValueOrThrow(table.Latest())->version();
  if (input.inputs.size() > 2 && last < first && !IsVersion(input.inputs[1])) {
    throw duckdb::InvalidInputException(
        "table_changes: no commit of table %s lies between the "
        "two times",
        named.name);
  }
  auto feed = delta::ReadChanges(table, first, last);
  ThrowIfError(feed.status());
  auto info = InfoOf(named, std::move(*feed));
  for (const auto& column : info->names) names.push_back(column);
  for (const auto& type : info->types) types.push_back(type);
  return std::move(BindDeltaScan(context, std::move(info)).bind_data);
}

}  // namespace

void RegisterChangeFeed(duckdb::ExtensionLoader& loader) {
  duckdb::TableFunctionSet set("table_changes");
  for (const bool with_end : {false, true}) {
    duckdb::TableFunction scan = DeltaScanFunction(loader.GetDatabaseInstance());
    scan.name = "table_changes";
    scan.bind = BindChanges;
    scan.named_parameters.clear();
    scan.arguments = {LogicalType::VARCHAR, LogicalType::ANY};
    if (with_end) scan.arguments.push_back(LogicalType::ANY);
    set.AddFunction(std::move(scan));
  }
  loader.RegisterFunction(std::move(set));
}

}  // namespace tarn::duck
