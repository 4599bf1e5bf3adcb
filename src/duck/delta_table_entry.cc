#include "duck/delta_table_entry.h"

#include <algorithm>
#include <utility>

#include "delta/file_table.h"
#include "delta/properties.h"
#include "delta/row_tracking.h"
#include "duck/column_statistics.h"
#include "duck/computed_columns.h"
#include "duck/constraints.h"
#include "duck/delta_scan.h"
#include "duck/lake_catalog.h"
#include "duck/lake_schema_entry.h"
#include "duck/lake_transaction.h"
#include "duck/status_exception.h"
#include "duck/stream_slice.h"
#include "duck/types.h"
#include "duckdb/common/multi_file/multi_file_reader.hpp"
#include "duckdb/common/string_util.hpp"
#include "duckdb/parser/constraints/check_constraint.hpp"
#include "duckdb/parser/constraints/not_null_constraint.hpp"
#include "duckdb/parser/parsed_data/create_table_info.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "duckdb/planner/expression/bound_constant_expression.hpp"
#include "duckdb/planner/operator/logical_get.hpp"
#include "duckdb/planner/operator/logical_projection.hpp"
#include "duckdb/planner/operator/logical_update.hpp"
#include "duckdb/planner/tableref/bound_at_clause.hpp"
#include "duckdb/storage/table_storage_info.hpp"

namespace tarn::duck {

using duckdb::StringUtil;

delta::SnapshotPtr SnapshotAt(duckdb::ClientContext& context, delta::Table& table,
                              const duckdb::BoundAtClause& at) {
  const std::string unit = StringUtil::Lower(at.Unit());
  duckdb::Value value = at.GetValue();
  if (value.IsNull()) {
    throw duckdb::BinderException("AT (%s => NULL) names no version of table %s", at.Unit(),
                                  table.root());
  }
  if (unit == "version") {
    const auto version = value.DefaultCastAs(duckdb::LogicalType::BIGINT).GetValue<int64_t>();
    return ValueOrThrow(table.At(delta::Version(version)));
  }
  if (unit == "timestamp") {
    // The session's time zone decides what a text or a TIMESTAMP without one means.
    const auto when = value.CastAs(context, duckdb::LogicalType::TIMESTAMP_TZ);
    return ValueOrThrow(table.AtTimestamp(when.GetValueUnsafe<int64_t>()));
  }
  throw duckdb::BinderException("AT knows VERSION and TIMESTAMP, not %s", at.Unit());
}

namespace {

duckdb::unique_ptr<duckdb::ParsedExpression> ParseOne(const std::string& sql) {
  try {
    auto expressions = duckdb::Parser::ParseExpressionList(TranslateExpression(sql));
    if (expressions.size() == 1) return std::move(expressions[0]);
  } catch (const std::exception&) {
    // Words that DuckDB does not understand: RefuseUnreadableDefaults judges where rows are
    // written.
  }
  return nullptr;
}

}  // namespace

duckdb::unique_ptr<duckdb::CreateTableInfo> DescribeTable(duckdb::SchemaCatalogEntry& schema,
                                                          const std::string& name,
                                                          const delta::Schema& delta_schema,
                                                          const delta::Metadata& metadata) {
  auto info = duckdb::make_uniq<duckdb::CreateTableInfo>(schema, name);
  duckdb::idx_t position = 0;
  for (const auto& field : delta_schema.fields) {
    duckdb::ColumnDefinition column(field.name, ToLogicalType(*field.type));
    if (const auto comment = field.StringMetadata("comment")) {
      column.SetComment(duckdb::Value(*comment));
    }
    if (const auto text = field.StringMetadata("CURRENT_DEFAULT")) {
      if (auto expression = ParseOne(*text)) column.SetDefaultValue(std::move(expression));
    }
    info->columns.AddColumn(std::move(column));
    if (!field.nullable) {
      info->constraints.push_back(
          duckdb::make_uniq<duckdb::NotNullConstraint>(duckdb::LogicalIndex(position)));
    }
    ++position;
  }
  if (metadata.description) info->comment = duckdb::Value(*metadata.description);
  for (const auto& [key, value] : metadata.configuration) info->tags[key] = value;
  return info;
}

DeltaTableEntry::DeltaTableEntry(duckdb::Catalog& catalog, duckdb::SchemaCatalogEntry& schema,
                                 duckdb::CreateTableInfo& info, std::shared_ptr<delta::Table> table,
                                 delta::TableVersionPtr version, delta::Schema delta_schema,
                                 delta::Metadata metadata, bool time_travel)
    : duckdb::TableCatalogEntry(catalog, schema, info),
      table_(std::move(table)),
      version_(std::move(version)),
      delta_schema_(std::move(delta_schema)),
      metadata_(std::move(metadata)),
      time_travel_(time_travel) {
  column_mapping_ = ValueOrThrow(delta::ParseProperties(metadata_.configuration)).column_mapping;
}

delta::SnapshotPtr DeltaTableEntry::snapshot() const {
  return version_ ? ValueOrThrow(version_->Full()) : nullptr;
}

LakeCatalog& DeltaTableEntry::lake() const { return catalog.Cast<LakeCatalog>(); }

std::string DeltaTableEntry::QualifiedName() const {
  return schema.Cast<LakeSchemaEntry>().folder() + "." + name;
}

duckdb::unique_ptr<duckdb::BaseStatistics> DeltaTableEntry::GetStatistics(
    duckdb::ClientContext& context, duckdb::column_t column_id) {
  return nullptr;  // the scan knows better: it has the transaction's view of the files
}

duckdb::TableFunction DeltaTableEntry::GetScanFunction(
    duckdb::ClientContext& context, duckdb::unique_ptr<duckdb::FunctionData>& bind_data) {
  auto& transaction = LakeTransaction::Get(context, catalog);
  if (!time_travel_) {
    if (const auto slice = StreamSlices::Get(context)->Find(QualifiedName())) {
      auto info = MakeScanInfo(QualifiedName(), table_, nullptr, delta_schema_, metadata_, nullptr);
      auto overlay = std::make_shared<ScanOverlay>();
      overlay->added = slice->files;
      info->overlay = std::move(overlay);
      auto bound = BindDeltaScan(context, std::move(info));
      bind_data = std::move(bound.bind_data);
      return std::move(bound.function);
    }
  }
  const delta::Transaction* staged = time_travel_ ? nullptr : transaction.StagedFor(table_);
  if (!time_travel_) transaction.NoteScan(table_, context.transaction.GetActiveQuery());
  auto info = MakeScanInfo(QualifiedName(), table_, version_, delta_schema_, metadata_, staged);
  info->entry = this;
  auto bound = BindDeltaScan(context, std::move(info));
  bind_data = std::move(bound.bind_data);
  return std::move(bound.function);
}

duckdb::TableFunction DeltaTableEntry::GetScanFunction(
    duckdb::ClientContext& context, duckdb::unique_ptr<duckdb::FunctionData>& bind_data,
    const duckdb::EntryLookupInfo& lookup_info) {
  return GetScanFunction(context, bind_data);  // the entry itself was made for the AT clause
}

duckdb::TableStorageInfo DeltaTableEntry::GetStorageInfo(duckdb::ClientContext& context) {
  duckdb::TableStorageInfo info;
  if (const auto snapshot = version_ ? version_->IfLoaded() : nullptr) {
    const auto& totals = snapshot->files().totals();
    info.cardinality =
        static_cast<duckdb::idx_t>(std::max<int64_t>(totals.records - totals.deleted_records, 0));
  }
  return info;
}

void DeltaTableEntry::BindUpdateConstraints(duckdb::Binder& binder, duckdb::LogicalGet& get,
                                            duckdb::LogicalProjection& proj,
                                            duckdb::LogicalUpdate& update,
                                            duckdb::ClientContext& context) {
  // An updated row is written whole into a new file: every column is needed, changed or not.
  update.update_is_del_and_insert = true;
  for (const auto& column : update.columns) {
    const auto& field = delta_schema_.fields.at(column.index);
    if (!IsIdentity(field)) continue;
    throw duckdb::BinderException("column '%s' of table %s is an identity and cannot be updated",
                                  field.name, QualifiedName());
  }
  // A scan must not be asked for one column twice: the Parquet reader gives the second one wrong
  // rows.
  for (const auto& column : GetColumns().Physical()) {
    const auto physical = column.Physical();
    const auto& updated = update.columns;
    if (std::find(updated.begin(), updated.end(), physical) != updated.end()) continue;
    if (IsGenerated(delta_schema_.fields.at(physical.index))) {
      // Its sources may change: it is computed anew, for which NULL asks.
      update.expressions.push_back(duckdb::make_uniq<duckdb::BoundColumnRefExpression>(
          column.Type(), duckdb::ColumnBinding(proj.table_index, proj.expressions.size())));
      proj.expressions.push_back(
          duckdb::make_uniq<duckdb::BoundConstantExpression>(duckdb::Value(column.Type())));
      update.columns.push_back(physical);
      continue;
    }
    const auto& ids = get.GetColumnIds();
    duckdb::idx_t position = 0;
    while (position < ids.size() && ids[position].GetPrimaryIndex() != physical.index) ++position;
    if (position == ids.size()) get.AddColumnId(physical.index);
    update.expressions.push_back(duckdb::make_uniq<duckdb::BoundColumnRefExpression>(
        column.Type(), duckdb::ColumnBinding(proj.table_index, proj.expressions.size())));
    proj.expressions.push_back(duckdb::make_uniq<duckdb::BoundColumnRefExpression>(
        column.Type(), duckdb::ColumnBinding(get.table_index, position)));
    update.columns.push_back(physical);
  }
}

duckdb::virtual_column_map_t DeltaTableEntry::GetVirtualColumns() const {
  return DeltaVirtualColumns(delta::RowTrackingColumns(metadata_).has_value());
}

duckdb::vector<duckdb::column_t> DeltaTableEntry::GetRowIdColumns() const {
  duckdb::vector<duckdb::column_t> columns = {
      duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_INDEX,
      duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER};
  if (delta::RowTrackingColumns(metadata_)) columns.push_back(kRowIdColumn);
  return columns;
}

}  // namespace tarn::duck
